/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/trie.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "maps/map.h"
#include "maps/pool.h"

/* Bits are numbered from the most significant bit of the first byte on.  The
 * first 64 of them are at hand as a number, for speed. */
struct bits {
    uint64_t head;
    const uint8_t *tail; /* Bit 64 and following. */
};

struct trie_node {
    trie_link child[2]; /* By the first bit after the prefix. */
    struct table_element *_Atomic element; /* NULL: only branches. */
    uint32_t prefix_len;
    uint64_t head;  /* Bits, as in struct bits, of which only the */
    uint8_t tail[]; /* first 'prefix_len' count. */
};

static struct bits
bits_of(const uint8_t *data, uint32_t data_size)
{
    struct bits bits = {.head = 0, .tail = data_size > 8 ? data + 8 : NULL};

    memcpy(&bits.head, data, data_size < 8 ? data_size : 8);
    bits.head = __builtin_bswap64(bits.head);
    return bits;
}

static struct bits
bits_of_node(const struct trie_node *node)
{
    return (struct bits) {.head = node->head, .tail = node->tail};
}

static unsigned int
bit(struct bits bits, uint32_t i)
{
    return i < 64 ? bits.head >> (63 - i) & 1
                  : bits.tail[i / 8 - 8] >> (7 - i % 8) & 1;
}

/* A number of which the first 'n' of 64 bits are set. */
static uint64_t
first_bits(uint32_t n)
{
    return n ? UINT64_MAX << (64 - n) : 0;
}

/* True if 'bits' start with the prefix of 'node'. */
static bool
matches(const struct trie_node *node, struct bits bits)
{
    uint32_t n = node->prefix_len;

    if (n <= 64) {
        return !((node->head ^ bits.head) & first_bits(n));
    }
    n -= 64;
    return node->head == bits.head && !memcmp(node->tail, bits.tail, n / 8)
           && !(n % 8
                && (node->tail[n / 8] ^ bits.tail[n / 8]) >> (8 - n % 8));
}

/* The number of bits, at most 'max', that 'a' and 'b' begin with alike. */
static uint32_t
common_bits(struct bits a, struct bits b, uint32_t max)
{
    uint32_t n = 64;

    if (a.head != b.head) {
        n = (uint32_t) __builtin_clzll(a.head ^ b.head);
    } else {
        while (n < max && a.tail[n / 8 - 8] == b.tail[n / 8 - 8]) {
            n += 8;
        }
        while (n < max && bit(a, n) == bit(b, n)) {
            n++;
        }
    }
    return n < max ? n : max;
}

static uint32_t
tail_size(uint32_t data_size)
{
    return data_size > 8 ? data_size - 8 : 0;
}

static uint64_t
node_size(uint32_t data_size)
{
    return ubpf_round8(sizeof(struct trie_node) + tail_size(data_size));
}

uint64_t
trie_footprint(const struct ubpf_map_def *def)
{
    /* For each entry its own node and one where it branches off. */
    return pool_footprint(node_size(def->key_size - 4),
                          2 * (uint64_t) def->max_entries);
}

uint64_t
trie_bytes(const struct trie *trie)
{
    return pool_bytes(trie->pool);
}

int
trie_init(struct trie *trie, const struct ubpf_host *host, uint32_t data_size)
{
    trie->pool = pool_create(host, node_size(data_size), 0);
    if (!trie->pool) {
        return ENOMEM;
    }
    trie->data_size = data_size;
    atomic_init(&trie->root, NULL);
    trie->spare[0] = trie->spare[1] = NULL;
    return 0;
}

static struct trie_node *
follow(const trie_link *link)
{
    return atomic_load_explicit(link, memory_order_acquire);
}

static void
set_link(trie_link *link, struct trie_node *node)
{
    atomic_store_explicit(link, node, memory_order_release);
}

/* A trie can be as deep as its keys are long, so there is no recursion: a node
 * that has a child 0 is turned to the right, below that child, until the top
 * node has none and can go. */
void
trie_uninit(struct trie *trie)
{
    struct trie_node *top = follow(&trie->root);

    if (!trie->pool) {
        return;
    }
    while (top) {
        struct trie_node *left = follow(&top->child[0]);

        if (left) {
            set_link(&top->child[0], follow(&left->child[1]));
            set_link(&left->child[1], top);
            top = left;
        } else {
            struct trie_node *right = follow(&top->child[1]);

            pool_free(top);
            top = right;
        }
    }
    pool_free(trie->spare[0]);
    pool_free(trie->spare[1]);
    pool_destroy(trie->pool);
}

struct table_element *
trie_lookup(const struct trie *trie, const uint8_t *data, uint32_t limit)
{
    struct bits bits = bits_of(data, trie->data_size);
    const struct trie_node *node = follow(&trie->root);
    struct table_element *best = NULL;

    while (node && node->prefix_len <= limit && matches(node, bits)) {
        struct table_element *element =
            atomic_load_explicit(&node->element, memory_order_acquire);

        if (element) {
            best = element;
        }
        if (node->prefix_len == limit) {
            break;
        }
        node = follow(&node->child[bit(bits, node->prefix_len)]);
    }
    return best;
}

int
trie_reserve(struct trie *trie)
{
    for (int i = 0; i < 2; i++) {
        if (!trie->spare[i]) {
            trie->spare[i] = pool_alloc(trie->pool);
            if (!trie->spare[i]) {
                return ENOMEM;
            }
        }
    }
    return 0;
}

/* Makes one of the spare nodes a node for the first 'prefix_len' of 'bits'. */
static struct trie_node *
take_spare(struct trie *trie, struct bits bits, uint32_t prefix_len,
           struct table_element *element)
{
    int i = trie->spare[0] ? 0 : 1;
    struct trie_node *node = trie->spare[i];

    trie->spare[i] = NULL;
    atomic_init(&node->child[0], NULL);
    atomic_init(&node->child[1], NULL);
    atomic_init(&node->element, element);
    node->prefix_len = prefix_len;
    node->head = bits.head;
    if (bits.tail) {
        memcpy(node->tail, bits.tail, tail_size(trie->data_size));
    }
    return node;
}

void
trie_set(struct trie *trie, const uint8_t *data, uint32_t prefix_len,
         struct table_element *element)
{
    struct bits bits = bits_of(data, trie->data_size);
    trie_link *link = &trie->root;
    struct trie_node *node, *leaf, *branch;
    uint32_t common = 0;

    while ((node = follow(link)) != NULL) {
        uint32_t max =
            node->prefix_len < prefix_len ? node->prefix_len : prefix_len;

        common = common_bits(bits_of_node(node), bits, max);
        if (common < node->prefix_len) {
            break;
        } else if (node->prefix_len == prefix_len) {
            atomic_store_explicit(&node->element, element,
                                  memory_order_release);
            return;
        }
        link = &node->child[bit(bits, node->prefix_len)];
    }

    leaf = take_spare(trie, bits, prefix_len, element);
    if (!node) {
        set_link(link, leaf);
    } else if (common == prefix_len) {
        set_link(&leaf->child[bit(bits_of_node(node), common)], node);
        set_link(link, leaf);
    } else {
        branch = take_spare(trie, bits, common, NULL);
        set_link(&branch->child[bit(bits, common)], leaf);
        set_link(&branch->child[!bit(bits, common)], node);
        set_link(link, branch);
    }
}

/* Takes 'node', at '*link', which has no element and at most one child, out,
 * and frees it after a grace period. */
static void
splice_out(trie_link *link, struct trie_node *node)
{
    struct trie_node *child = follow(&node->child[0]);

    set_link(link, child ? child : follow(&node->child[1]));
    pool_free_postponed(node);
}

static bool
is_needed(const struct trie_node *node)
{
    return atomic_load_explicit(&node->element, memory_order_relaxed)
           || (follow(&node->child[0]) && follow(&node->child[1]));
}

void
trie_remove(struct trie *trie, const uint8_t *data, uint32_t prefix_len)
{
    struct bits bits = bits_of(data, trie->data_size);
    trie_link *link = &trie->root, *parent_link = NULL;
    struct trie_node *node = follow(link), *parent = NULL;

    while (node->prefix_len < prefix_len) {
        parent = node;
        parent_link = link;
        link = &node->child[bit(bits, node->prefix_len)];
        node = follow(link);
    }
    atomic_store_explicit(&node->element, NULL, memory_order_release);
    if (!is_needed(node)) {
        splice_out(link, node);
        if (parent && !is_needed(parent)) {
            splice_out(parent_link, parent);
        }
    }
}
