/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/direct.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "maps/map.h"
#include "maps/memory.h"

/* Bits of a prefix that are not in blocks. */
#define ROOT_BITS 8

/* What the slots of a root without prefixes are; never written. */
static atomic_uintptr_t empty_block[256];

/* The most runs of a node of each size. */
static const uint16_t most_runs[DIRECT_SIZES] = {3,  7,   15,      31,
                                                 63, 127, RUNS_MAX};

static uint64_t
node_bytes(int size)
{
    return sizeof(struct direct_node) + most_runs[size] * sizeof(uintptr_t);
}

static bool
is_large(uint64_t n)
{
    return n >= DIRECT_MANY;
}

static uint64_t
n_slots(const struct direct *direct)
{
    return UINT64_C(1) << (24 - direct->shift);
}

/* Bytes of a block with slots for one byte, and of all with two. */
#define BLOCK_SIZE (256 * sizeof(uintptr_t))
#define LARGE_SIZE ((sizeof(uintptr_t) << 16) * DIRECT_ROOTS)

uint64_t
direct_footprint(uint64_t n, uint32_t value_size)
{
    uint64_t pools = 0;
    uint64_t blocks = n < DIRECT_ROOTS ? n : DIRECT_ROOTS;

    for (int i = 0; i < DIRECT_SIZES; i++) {
        pools += pool_footprint(node_bytes(i), 0);
    }
    /* A prefix adds at most two nodes, and two runs to each of two; a node has
     * room for twice as many as it has, of which half may be superfluous. */
    return (is_large(n) ? LARGE_SIZE : blocks * BLOCK_SIZE) + pools
           + n
                 * (value_size + 2 * pool_footprint(node_bytes(0), 1)
                    - 2 * pool_footprint(node_bytes(0), 0)
                    + 4 * 4 * sizeof(uintptr_t));
}

uint64_t
direct_bytes(const struct direct *direct)
{
    uint64_t bytes = atomic_load_explicit(&direct->bytes, memory_order_relaxed)
                     + direct->n_values * direct->value_size;

    for (int i = 0; i < DIRECT_SIZES; i++) {
        bytes += pool_bytes(direct->nodes[i]);
    }
    return bytes;
}

int
direct_init(struct direct *direct, const struct ubpf_host *host,
            struct pool *elements, uint64_t n, uint32_t value_size)
{
    direct->host = *host;
    direct->elements = elements;
    direct->n_values = n;
    direct->value_size = value_size;
    direct->shift = is_large(n) ? 8 : 16;
    for (int i = 0; i < DIRECT_SIZES; i++) {
        direct->nodes[i] = pool_create(host, node_bytes(i), 0);
        if (!direct->nodes[i]) {
            return ENOMEM;
        }
    }
    direct->values = map_alloc(host, n * value_size);
    if (is_large(n)) {
        direct->large = map_zalloc(host, LARGE_SIZE);
    }
    if (!direct->values || (is_large(n) && !direct->large)) {
        return ENOMEM;
    }
    atomic_init(&direct->bytes, is_large(n) ? LARGE_SIZE : 0);
    for (uint32_t i = 0; i < DIRECT_ROOTS; i++) {
        atomic_init(&direct->roots[i].block,
                    direct->large ? &direct->large[i << 16] : empty_block);
        atomic_init(&direct->roots[i].value, 0);
    }
    return 0;
}

void *
direct_value(const struct direct *direct, const struct table_element *element)
{
    uint32_t index = pool_index(element);

    return index == UINT32_MAX
               ? (uint8_t *) (uintptr_t) element + DIRECT_ELEMENT_SIZE
               : direct->values + (uint64_t) index * direct->value_size;
}

/* What a slot for 'element', which may be NULL, holds. */
static uintptr_t
slot_for(const struct direct *direct, const struct table_element *element)
{
    return element ? (uintptr_t) direct_value(direct, element) : 0;
}

/* The prefix length of the entry whose value is at 'value'. */
static uint32_t
prefix_len_of(const struct direct *direct, uintptr_t value)
{
    uintptr_t ofs = value - (uintptr_t) direct->values;
    const struct table_element *element =
        ofs < direct->n_values * direct->value_size
            ? pool_element(direct->elements,
                           (uint32_t) (ofs / direct->value_size))
            : (const struct table_element *) (value - DIRECT_ELEMENT_SIZE);

    return key_load32(element->key);
}

static uintptr_t
get(const atomic_uintptr_t *slot)
{
    return atomic_load_explicit(slot, memory_order_relaxed);
}

static void
set(atomic_uintptr_t *slot, uintptr_t value)
{
    atomic_store_explicit(slot, value, memory_order_release);
}

/* The node that 'slot' leads to, or NULL. */
static struct direct_node *
node_of(uintptr_t slot)
{
    return slot & 1 ? (struct direct_node *) (slot - 1) : NULL;
}

/* The same, where there is one. */
static struct direct_node *
follow(uintptr_t slot)
{
    return (struct direct_node *) (slot & ~(uintptr_t) 1);
}

/* A node with the runs of 'list', or NULL for want of memory. */
static struct direct_node *
node_new(struct direct *direct, const struct run_list *list)
{
    struct direct_node *node;
    int size = 0;

    while (most_runs[size] < list->n) {
        size++;
    }
    node = pool_alloc(direct->nodes[size]);
    if (node) {
        runs_pack(list, &node->runs, node->slots);
        direct->n_nodes++;
    }
    return node;
}

/* Frees 'node', which nobody has seen, or which nobody sees any more. */
static void
node_free(struct direct *direct, struct direct_node *node)
{
    if (node) {
        direct->n_nodes--;
        pool_free(node);
    }
}

/* Puts 'slot' where 'node', which may be NULL, is, and frees that after a
 * grace period. */
static void
supersede(struct direct *direct, atomic_uintptr_t *place,
          struct direct_node *node, uintptr_t slot)
{
    set(place, slot);
    if (node) {
        direct->n_nodes--;
        pool_free_postponed(node);
    }
}

/* Frees the nodes that 'n' slots from 'slots' on lead to. */
static void
free_nodes(struct direct *direct, const atomic_uintptr_t *slots, uint64_t n)
{
    for (uint64_t i = 0; i < n && direct->n_nodes; i++) {
        struct direct_node *node = node_of(get(&slots[i]));

        if (node) {
            free_nodes(direct, node->slots, node->runs.n);
            node_free(direct, node);
        }
    }
}

void
direct_uninit(struct direct *direct)
{
    for (int i = 0; i < DIRECT_ROOTS; i++) {
        atomic_uintptr_t *block = atomic_load(&direct->roots[i].block);

        if (block && block != empty_block) {
            free_nodes(direct, block, n_slots(direct));
            if (!direct->large) {
                map_free(&direct->host, block, BLOCK_SIZE);
            }
        }
    }
    for (int i = 0; i < DIRECT_SIZES; i++) {
        pool_destroy(direct->nodes[i]);
    }
    map_free(&direct->host, direct->large, LARGE_SIZE);
    map_free(&direct->host, direct->values,
             direct->n_values * direct->value_size);
}

/* The block for 'address', made if there is none; NULL for want of memory. */
static atomic_uintptr_t *
make_block(struct direct *direct, uint32_t address)
{
    atomic_uintptr_t *_Atomic *place = &direct->roots[address >> 24].block;
    atomic_uintptr_t *block =
        atomic_load_explicit(place, memory_order_relaxed);

    if (block != empty_block) {
        return block;
    }
    block = map_zalloc(&direct->host, BLOCK_SIZE);
    if (block) {
        atomic_store_explicit(place, block, memory_order_release);
        atomic_fetch_add_explicit(&direct->bytes, BLOCK_SIZE,
                                  memory_order_relaxed);
    }
    return block;
}

/* A value that goes into slots, unless they have that of a longer prefix. */
struct filling {
    const struct direct *direct;
    uint32_t prefix_len;
    uintptr_t value;
};

static bool
stays(uintptr_t slot, const void *filling_)
{
    const struct filling *filling = filling_;

    return slot & 1
           || (slot
               && prefix_len_of(filling->direct, slot) > filling->prefix_len);
}

/* Fills 'n' slots from 'slots' on, and those that they lead to. */
static void
fill(const struct filling *filling, atomic_uintptr_t *slots, uint32_t n)
{
    uintptr_t last = 0; /* Runs of slots are the same. */
    bool last_stays = false;

    for (uint32_t i = 0; i < n; i++) {
        uintptr_t slot = get(&slots[i]);
        struct direct_node *node = node_of(slot);

        if (node) {
            fill(filling, node->slots, node->runs.n);
            continue;
        }
        if (slot != last) {
            last = slot;
            last_stays = stays(slot, filling);
        }
        if (!last_stays) {
            set(&slots[i], filling->value);
        }
    }
}

/* Puts 'next' where 'old' is, in 'n' slots from 'slots' on and those that they
 * lead to. */
static void
exchange(atomic_uintptr_t *slots, uint32_t n, uintptr_t old, uintptr_t next)
{
    for (uint32_t i = 0; i < n; i++) {
        uintptr_t slot = get(&slots[i]);
        struct direct_node *node = node_of(slot);

        if (node) {
            exchange(node->slots, node->runs.n, old, next);
        } else if (slot == old) {
            set(&slots[i], next);
        }
    }
}

/* What a prefix covers of the values of some of an address's bits, those that
 * end 'shift' bits before its end: 'n' from 'first' on. */
struct cover {
    uint32_t first;
    uint32_t n;
};

static struct cover
cover_of(uint32_t address, uint32_t prefix_len, uint32_t shift, uint32_t mask)
{
    uint32_t n = 1u << (32 - shift - prefix_len);

    return (struct cover) {(address >> shift & mask) & ~(n - 1), n};
}

static struct cover
cover_in_node(uint32_t address, uint32_t prefix_len, uint32_t shift)
{
    return cover_of(address, prefix_len, shift, 0xff);
}

static struct cover
cover_in_block(const struct direct *direct, uint32_t address,
               uint32_t prefix_len)
{
    return cover_of(address, prefix_len, direct->shift,
                    0xffffff >> direct->shift);
}

static struct cover
cover_of_roots(uint32_t address, uint32_t prefix_len)
{
    return cover_of(address, prefix_len, 32 - ROOT_BITS, 0xff);
}

/* Fills the slots for a prefix of 'address' that is longer than what leads to
 * 'place'; 'shift' is the number of bits after those of the node there, which
 * may have to be made. */
static int
add_below(struct direct *direct, atomic_uintptr_t *place, uint32_t address,
          uint32_t shift, const struct filling *filling)
{
    struct direct_node *node = node_of(get(place)), *child = NULL, *new;
    bool ends_here = filling->prefix_len <= 32 - shift;
    unsigned int byte = address >> shift & 0xff;
    struct run_list list;
    struct cover cover;

    if (node && !ends_here) {
        atomic_uintptr_t *next = &node->slots[runs_find(&node->runs, byte)];

        if (node_of(get(next))) {
            return add_below(direct, next, address, shift - 8, filling);
        }
    }
    if (node) {
        runs_unpack(&node->runs, node->slots, &list);
    } else {
        run_list_init(&list, get(place));
    }
    if (ends_here) {
        cover = cover_in_node(address, filling->prefix_len, shift);
        run_list_cover(&list, cover.first, cover.n, filling->value, stays,
                       filling);
    } else {
        atomic_uintptr_t slot = run_list_get(&list, byte);

        if (add_below(direct, &slot, address, shift - 8, filling)) {
            return ENOMEM;
        }
        child = node_of(get(&slot));
        run_list_cover(&list, byte, 1, get(&slot), NULL, NULL);
    }
    new = node_new(direct, &list);
    if (!new) {
        node_free(direct, child);
        return ENOMEM;
    }
    for (uint32_t i = 0; ends_here && i < list.n; i++) {
        if (list.first[i] >= cover.first
            && list.first[i] < cover.first + cover.n) {
            fill(filling, &new->slots[i], 1);
        }
    }
    supersede(direct, place, node, (uintptr_t) new | 1);
    return 0;
}

/* Puts 'next' where the prefix of at most 8 bits has 'old'. */
static void
exchange_in_roots(struct direct *direct, uint32_t address, uint32_t prefix_len,
                  uintptr_t old, uintptr_t next)
{
    struct cover cover = cover_of_roots(address, prefix_len);

    for (uint32_t i = cover.first; i < cover.first + cover.n; i++) {
        exchange(&direct->roots[i].value, 1, old, next);
    }
}

int
direct_add(struct direct *direct, const uint8_t *data, uint32_t prefix_len,
           struct table_element *element)
{
    uint32_t address = __builtin_bswap32(key_load32(data));
    struct filling filling = {direct, prefix_len, slot_for(direct, element)};
    struct cover cover;
    atomic_uintptr_t *block;

    if (prefix_len <= ROOT_BITS) {
        cover = cover_of_roots(address, prefix_len);
        for (uint32_t i = cover.first; i < cover.first + cover.n; i++) {
            fill(&filling, &direct->roots[i].value, 1);
        }
        return 0;
    }
    block = make_block(direct, address);
    if (!block) {
        return ENOMEM;
    }
    if (prefix_len <= 32 - direct->shift) {
        cover = cover_in_block(direct, address, prefix_len);
        fill(&filling, &block[cover.first], cover.n);
        return 0;
    }
    return add_below(direct, &block[(address & 0xffffff) >> direct->shift],
                     address, direct->shift - 8, &filling);
}

/* Lets the node at 'place' go if all its slots are the same, or puts a smaller
 * one there, for which it would do if there was no memory, if that pays. */
static void
tidy(struct direct *direct, atomic_uintptr_t *place)
{
    struct direct_node *node = follow(get(place)), *new;
    uint32_t n = runs_distinct(&node->runs, node->slots);
    struct run_list list;

    if (n == 1) {
        supersede(direct, place, node, get(&node->slots[0]));
    } else if (n <= node->runs.n / 2u) {
        runs_unpack(&node->runs, node->slots, &list);
        run_list_join(&list);
        new = node_new(direct, &list);
        if (new) {
            supersede(direct, place, node, (uintptr_t) new | 1);
        }
    }
}

/* Puts 'next' where the prefix has 'old', in the node at 'place' and below. */
static void
exchange_below(struct direct *direct, atomic_uintptr_t *place,
               uint32_t address, uint32_t prefix_len, uint32_t shift,
               uintptr_t old, uintptr_t next)
{
    struct direct_node *node = follow(get(place));
    unsigned int byte = address >> shift & 0xff;

    if (prefix_len > 32 - shift) {
        exchange_below(direct, &node->slots[runs_find(&node->runs, byte)],
                       address, prefix_len, shift - 8, old, next);
    } else {
        struct cover cover = cover_in_node(address, prefix_len, shift);
        uint64_t first = runs_find(&node->runs, cover.first);
        unsigned int last = runs_find(&node->runs, cover.first + cover.n - 1);

        exchange(&node->slots[first], (uint32_t) (last - first + 1), old,
                 next);
    }
    tidy(direct, place);
}

static void
exchange_all(struct direct *direct, const uint8_t *data, uint32_t prefix_len,
             uintptr_t old, uintptr_t next)
{
    uint32_t address = __builtin_bswap32(key_load32(data));
    atomic_uintptr_t *block = atomic_load_explicit(
        &direct->roots[address >> 24].block, memory_order_relaxed);

    if (prefix_len <= ROOT_BITS) {
        exchange_in_roots(direct, address, prefix_len, old, next);
    } else if (prefix_len <= 32 - direct->shift) {
        struct cover cover = cover_in_block(direct, address, prefix_len);

        exchange(&block[cover.first], cover.n, old, next);
    } else {
        exchange_below(direct, &block[(address & 0xffffff) >> direct->shift],
                       address, prefix_len, direct->shift - 8, old, next);
    }
}

void
direct_replace(struct direct *direct, const uint8_t *data, uint32_t prefix_len,
               const struct table_element *old, struct table_element *element)
{
    exchange_all(direct, data, prefix_len, slot_for(direct, old),
                 slot_for(direct, element));
}

void
direct_remove(struct direct *direct, const uint8_t *data, uint32_t prefix_len,
              const struct table_element *old, struct table_element *next)
{
    /* What roots have is not in blocks. */
    if (next && prefix_len > ROOT_BITS && key_load32(next->key) <= ROOT_BITS) {
        next = NULL;
    }
    exchange_all(direct, data, prefix_len, slot_for(direct, old),
                 slot_for(direct, next));
}
