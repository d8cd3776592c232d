/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/stride.h"

#include <errno.h>
#include <stdbool.h>

#include "elf/object.h"
#include "maps/memory.h"

#define N_SLOTS 256

/* A node with each slot of its own, to be changed. */
struct loose_node {
    uintptr_t slots[N_SLOTS];
    struct table_element *element;
    const uint8_t *skip;
    uint32_t n_skip;
};

static uint64_t
node_size(uint32_t n_runs, uint32_t n_skip)
{
    return sizeof(struct stride_node) + n_runs * sizeof(uintptr_t) + n_skip;
}

uint64_t
stride_footprint(uint64_t n, uint32_t data_size)
{
    /* A prefix adds at most a node, one more where a node is split, and two
     * runs to the node above. */
    return node_size(1, 0)
           + n * (2 * (node_size(3, 0) + data_size) + 2 * sizeof(uintptr_t));
}

uint64_t
stride_bytes(const struct stride *stride)
{
    return atomic_load_explicit(&stride->bytes, memory_order_relaxed);
}

static uintptr_t
get_run(const struct stride_node *node, unsigned int run)
{
    return atomic_load_explicit(&node->runs[run], memory_order_relaxed);
}

static void
set_run(struct stride_node *node, unsigned int run, uintptr_t value)
{
    atomic_store_explicit(&node->runs[run], value, memory_order_release);
}

/* The node that a slot leads to, or NULL. */
static struct stride_node *
child_of(uintptr_t slot)
{
    return slot & 1 ? (struct stride_node *) (slot - 1) : NULL;
}

static struct table_element *
element_of_node(const struct stride_node *node)
{
    return atomic_load_explicit(&node->element, memory_order_relaxed);
}

/* The element that a slot has, whether or not it leads on. */
static struct table_element *
element_of(uintptr_t slot)
{
    const struct stride_node *child = child_of(slot);

    return child ? element_of_node(child) : (struct table_element *) slot;
}

static uint32_t
prefix_len_of(const struct table_element *element)
{
    uint32_t len;

    memcpy(&len, element->key, sizeof len);
    return len;
}

/* A node like 'loose', or NULL for want of memory. */
static struct stride_node *
pack(struct stride *stride, const struct loose_node *loose)
{
    struct stride_node *node;
    uint32_t n_runs = 1, run = 0;

    for (unsigned int i = 1; i < N_SLOTS; i++) {
        n_runs += loose->slots[i] != loose->slots[i - 1];
    }
    node = map_rcu_alloc(&stride->host, node_size(n_runs, loose->n_skip));
    if (!node) {
        return NULL;
    }
    memset(node, 0, sizeof *node);
    atomic_init(&node->element, loose->element);
    node->n_runs = (uint16_t) n_runs;
    node->n_skip = (uint16_t) loose->n_skip;
    for (unsigned int i = 0; i < N_SLOTS; i++) {
        if (i % 64 == 0) {
            node->before[i / 64] = (uint8_t) run;
        }
        if (!i || loose->slots[i] != loose->slots[i - 1]) {
            node->starts[i / 64] |= UINT64_C(1) << i % 64;
            atomic_init(&node->runs[run], loose->slots[i]);
            run++;
        }
    }
    if (loose->n_skip) {
        memcpy((uint8_t *) (uintptr_t) stride_skip(node), loose->skip,
               loose->n_skip);
    }
    atomic_fetch_add_explicit(&stride->bytes, node_size(n_runs, loose->n_skip),
                              memory_order_relaxed);
    return node;
}

static void
unpack(const struct stride_node *node, struct loose_node *loose)
{
    for (unsigned int i = 0; i < N_SLOTS; i++) {
        loose->slots[i] = get_run(node, stride_run(node, i));
    }
    loose->element = element_of_node(node);
    loose->skip = stride_skip(node);
    loose->n_skip = node->n_skip;
}

static void
uncount(struct stride *stride, const struct stride_node *node)
{
    atomic_fetch_sub_explicit(&stride->bytes,
                              node_size(node->n_runs, node->n_skip),
                              memory_order_relaxed);
}

static void
drop(struct stride *stride, struct stride_node *node)
{
    uncount(stride, node);
    map_rcu_free_postponed(node);
}

int
stride_init(struct stride *stride, const struct ubpf_host *host)
{
    const struct loose_node empty = {.n_skip = 0};

    stride->host = *host;
    atomic_init(&stride->bytes, 0);
    atomic_init(&stride->root, pack(stride, &empty));
    return atomic_load(&stride->root) ? 0 : ENOMEM;
}

/* Frees all nodes below 'top', and itself.  The tree can be as deep as keys
 * are long, so there is no recursion: nodes wait in a list that goes through
 * their elements' place. */
void
stride_uninit(struct stride *stride)
{
    struct stride_node *list =
        atomic_load_explicit(&stride->root, memory_order_relaxed);

    while (list) {
        struct stride_node *node = list;

        list = (struct stride_node *) element_of_node(node);
        if (node == atomic_load(&stride->root)) {
            list = NULL; /* The only one so far. */
        }
        for (unsigned int i = 0; i < node->n_runs; i++) {
            struct stride_node *child = child_of(get_run(node, i));

            if (child) {
                atomic_store(&child->element, (struct table_element *) list);
                list = child;
            }
        }
        map_rcu_free(node);
    }
}

/* Where the address of a node is. */
struct place {
    struct stride_node *parent; /* NULL: it is the root. */
    unsigned int run;
};

static void
set_place(struct stride *stride, const struct place *place,
          struct stride_node *node)
{
    if (place->parent) {
        set_run(place->parent, place->run, (uintptr_t) node | 1);
    } else {
        atomic_store_explicit(&stride->root, node, memory_order_release);
    }
}

/* Makes of 'node', which is at 'place', two: one for the bytes up to number
 * 'n' of those it skips, and below it one for the others.  Returns the first,
 * or NULL for want of memory. */
static struct stride_node *
split(struct stride *stride, const struct place *place,
      struct stride_node *node, uint32_t n)
{
    struct loose_node loose;
    struct stride_node *upper, *lower;
    const uint8_t *skip = stride_skip(node);

    unpack(node, &loose);
    loose.element = NULL;
    loose.skip = skip + n + 1;
    loose.n_skip = node->n_skip - n - 1;
    lower = pack(stride, &loose);
    if (!lower) {
        return NULL;
    }
    memset(loose.slots, 0, sizeof loose.slots);
    loose.slots[skip[n]] = (uintptr_t) lower | 1;
    loose.element = element_of_node(node);
    loose.skip = skip;
    loose.n_skip = n;
    upper = pack(stride, &loose);
    if (!upper) {
        uncount(stride, lower);
        map_rcu_free(lower);
        return NULL;
    }
    set_place(stride, place, upper);
    drop(stride, node);
    return upper;
}

/* The slots of a node that a prefix whose last byte is 'byte', of 'n_bits', 1
 * to 8, stands for: 'n' of them from the result on. */
static unsigned int
slots_of(uint8_t byte, uint32_t n_bits, unsigned int *n)
{
    *n = 1u << (8 - n_bits);
    return byte & ~(*n - 1) & 0xff;
}

/* Puts 'element' into the slots of 'loose' for a prefix, unless they have one
 * with a longer prefix: into those that lead on, or into the others. */
static void
fill_slots(struct loose_node *loose, uint8_t byte, uint32_t n_bits,
           struct table_element *element, bool lead_on)
{
    unsigned int n, first = slots_of(byte, n_bits, &n);

    for (unsigned int i = first; i < first + n; i++) {
        const struct table_element *old = element_of(loose->slots[i]);
        struct stride_node *child = child_of(loose->slots[i]);

        if (old && prefix_len_of(old) > prefix_len_of(element)) {
            continue;
        }
        if (child && lead_on) {
            atomic_store_explicit(&child->element, element,
                                  memory_order_release);
        } else if (!child && !lead_on) {
            loose->slots[i] = (uintptr_t) element;
        }
    }
}

/* Adds a prefix that ends in the byte of 'node', at 'place'. */
static int
add_here(struct stride *stride, const struct place *place,
         struct stride_node *node, uint8_t byte, uint32_t n_bits,
         struct table_element *element)
{
    struct loose_node loose;
    struct stride_node *new;

    unpack(node, &loose);
    fill_slots(&loose, byte, n_bits, element, false);
    new = pack(stride, &loose);
    if (!new) {
        return ENOMEM;
    }
    fill_slots(&loose, byte, n_bits, element, true);
    set_place(stride, place, new);
    drop(stride, node);
    return 0;
}

/* Adds a node below 'node', at 'place', for the 'n' bytes at 'data' after the
 * one of 'node', which is data[-1]; the prefix ends in the last of them. */
static int
add_below(struct stride *stride, const struct place *place,
          struct stride_node *node, const uint8_t *data, uint32_t n,
          uint32_t n_bits, struct table_element *element)
{
    struct loose_node loose;
    struct stride_node *leaf, *new;

    memset(loose.slots, 0, sizeof loose.slots);
    loose.element =
        (struct table_element *) get_run(node, stride_run(node, data[-1]));
    loose.skip = data;
    loose.n_skip = n - 1;
    fill_slots(&loose, data[n - 1], n_bits, element, false);
    leaf = pack(stride, &loose);
    if (!leaf) {
        return ENOMEM;
    }
    unpack(node, &loose);
    loose.slots[data[-1]] = (uintptr_t) leaf | 1;
    new = pack(stride, &loose);
    if (!new) {
        uncount(stride, leaf);
        map_rcu_free(leaf);
        return ENOMEM;
    }
    set_place(stride, place, new);
    drop(stride, node);
    return 0;
}

static struct stride_node *
get_root(const struct stride *stride)
{
    return atomic_load_explicit(&stride->root, memory_order_relaxed);
}

/* The number of bytes, at most 'max', that 'a' and 'b' begin with alike. */
static uint32_t
common_bytes(const uint8_t *a, const uint8_t *b, uint32_t max)
{
    uint32_t n = 0;

    while (n < max && a[n] == b[n]) {
        n++;
    }
    return n;
}

int
stride_add(struct stride *stride, const uint8_t *data, uint32_t prefix_len,
           struct table_element *element)
{
    struct place place = {.parent = NULL};
    struct stride_node *node = get_root(stride);
    uint32_t last, n_bits, at = 0;

    if (!prefix_len) {
        atomic_store_explicit(&node->element, element, memory_order_release);
        return 0;
    }
    last = (prefix_len - 1) / 8;
    n_bits = prefix_len - 8 * last;
    for (;;) {
        uint32_t max = node->n_skip < last - at ? node->n_skip : last - at;
        uint32_t n = common_bytes(data + at, stride_skip(node), max);
        struct stride_node *child;
        unsigned int run;

        if (n < node->n_skip) {
            node = split(stride, &place, node, n);
            if (!node) {
                return ENOMEM;
            }
        }
        at += n;
        if (at == last) {
            return add_here(stride, &place, node, data[at], n_bits, element);
        }
        run = stride_run(node, data[at]);
        child = child_of(get_run(node, run));
        at++;
        if (!child) {
            return add_below(stride, &place, node, data + at, last - at + 1,
                             n_bits, element);
        }
        place = (struct place) {.parent = node, .run = run};
        node = child;
    }
}

/* The way to the node in whose byte a prefix ends. */
struct path {
    struct place places[UBPF_MAX_KEY_SIZE];
    struct stride_node *nodes[UBPF_MAX_KEY_SIZE];
    uint32_t n;
};

/* Finds the way for a prefix that is there, of which 'last' is the number of
 * the last byte. */
static void
find_path(const struct stride *stride, const uint8_t *data, uint32_t last,
          struct path *path)
{
    struct place place = {.parent = NULL};
    struct stride_node *node = get_root(stride);
    uint32_t at = 0;

    for (path->n = 0;; path->n++) {
        path->places[path->n] = place;
        path->nodes[path->n] = node;
        at += node->n_skip;
        if (at >= last) {
            path->n++;
            return;
        }
        place =
            (struct place) {.parent = node, .run = stride_run(node, data[at])};
        node = child_of(get_run(node, place.run));
        at++;
    }
}

/* Puts 'element' wherever 'node' has 'old'. */
static void
exchange(struct stride_node *node, const struct table_element *old,
         struct table_element *element)
{
    for (unsigned int run = 0; run < node->n_runs; run++) {
        uintptr_t slot = get_run(node, run);
        struct stride_node *child = child_of(slot);

        if (element_of(slot) != old) {
            continue;
        }
        if (child) {
            atomic_store_explicit(&child->element, element,
                                  memory_order_release);
        } else {
            set_run(node, run, (uintptr_t) element);
        }
    }
}

void
stride_replace(struct stride *stride, const uint8_t *data, uint32_t prefix_len,
               const struct table_element *old, struct table_element *element)
{
    struct path path;

    if (!prefix_len) {
        atomic_store_explicit(&get_root(stride)->element, element,
                              memory_order_release);
        return;
    }
    find_path(stride, data, (prefix_len - 1) / 8, &path);
    exchange(path.nodes[path.n - 1], old, element);
}

static bool
is_empty(const struct stride_node *node)
{
    for (unsigned int run = 0; run < node->n_runs; run++) {
        if (get_run(node, run)) {
            return false;
        }
    }
    return true;
}

/* Runs stay apart where they are the same now: whoever next adds to the node
 * joins them. */
void
stride_remove(struct stride *stride, const uint8_t *data, uint32_t prefix_len,
              const struct table_element *old, struct table_element *next)
{
    uint32_t last = prefix_len ? (prefix_len - 1) / 8 : 0;
    struct path path;

    if (!prefix_len) {
        stride_replace(stride, data, 0, old, NULL);
        return;
    }
    /* That of a byte before is found on the way. */
    if (next && prefix_len_of(next) <= 8 * last) {
        next = NULL;
    }
    find_path(stride, data, last, &path);
    exchange(path.nodes[path.n - 1], old, next);
    for (uint32_t i = path.n - 1; i && is_empty(path.nodes[i]); i--) {
        const struct place *place = &path.places[i];

        set_run(place->parent, place->run,
                (uintptr_t) element_of_node(path.nodes[i]));
        drop(stride, path.nodes[i]);
    }
}
