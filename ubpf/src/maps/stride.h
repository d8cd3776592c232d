/* SPDX-License-Identifier: Apache-2.0
 *
 * An index of prefixes for fast lookups: a trie of which each node takes eight
 * bits of the key at a time.  Readers take no lock; writers are serialised by
 * the caller.
 *
 * A node has a slot for each value of its byte, of which a run of equal ones
 * is kept once, with a bit set where a run begins.  A slot leads to another
 * node, or to the element of the longest prefix that ends in this byte, if
 * any.  What a slot that leads on has for an element is in the node that it
 * leads to.  A node may stand for several bytes: all but the last of them are
 * then compared. */

#ifndef UBPF_STRIDE_H
#define UBPF_STRIDE_H 1

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <ubpf/ubpf.h>

#include "maps/table.h"

struct stride_node {
    struct table_element *_Atomic element; /* Of the slot that led here. */
    uint64_t starts[4]; /* A bit for each slot that begins a run. */
    uint8_t before[4];  /* Runs that begin in the words before. */
    uint16_t n_runs;
    uint16_t n_skip; /* Bytes to compare, after the runs. */
    /* One for each run: the address of an element, or 0, or with bit 0 set
     * that of a node. */
    atomic_uintptr_t runs[];
};

struct stride {
    struct stride_node *_Atomic root; /* Of the first byte; never NULL. */
    struct ubpf_host host;
    atomic_uint_least64_t bytes; /* Of nodes in use. */
};

/* Initialises 'stride'.  Returns 0 or ENOMEM. */
int stride_init(struct stride *stride, const struct ubpf_host *host);

/* Frees the index, but no elements, at once.  A zeroed one is fine. */
void stride_uninit(struct stride *stride);

/* Bytes that the index of 'n' prefixes of 'data_size' bytes takes at most. */
uint64_t stride_footprint(uint64_t n, uint32_t data_size);
uint64_t stride_bytes(const struct stride *stride);

/* Makes 'element' the one for the first 'prefix_len' bits at 'data', for which
 * there was none.  The key of an element begins with its prefix length, as a
 * uint32_t.  Returns 0 or ENOMEM. */
int stride_add(struct stride *stride, const uint8_t *data, uint32_t prefix_len,
               struct table_element *element);

/* Puts 'element' in the place of 'old', which is there for this prefix; what
 * comes in the place of one that goes is the element of the longest prefix
 * of the prefix, or NULL. */
void stride_replace(struct stride *stride, const uint8_t *data,
                    uint32_t prefix_len, const struct table_element *old,
                    struct table_element *element);
void stride_remove(struct stride *stride, const uint8_t *data,
                   uint32_t prefix_len, const struct table_element *old,
                   struct table_element *next);

/* The run of 'node' that slot 'i' belongs to. */
static inline unsigned int
stride_run(const struct stride_node *node, unsigned int i)
{
    return node->before[i / 64]
           + (unsigned int) __builtin_popcountll(
               node->starts[i / 64] & (UINT64_MAX >> (63 - i % 64)))
           - 1;
}

static inline const uint8_t *
stride_skip(const struct stride_node *node)
{
    return (const uint8_t *) &node->runs[node->n_runs];
}

/* The element for the longest prefix of 'data', which has all bits that keys
 * have, or NULL. */
static inline struct table_element *
stride_lookup_inline(const struct stride *stride, const uint8_t *data)
{
    const struct stride_node *node =
        atomic_load_explicit(&stride->root, memory_order_acquire);
    struct table_element *best = NULL;

    for (;;) {
        struct table_element *element =
            atomic_load_explicit(&node->element, memory_order_acquire);
        uintptr_t run;

        best = element ? element : best;
        if (node->n_skip) {
            if (memcmp(data, stride_skip(node), node->n_skip)) {
                return best;
            }
            data += node->n_skip;
        }
        run = atomic_load_explicit(&node->runs[stride_run(node, *data)],
                                   memory_order_acquire);
        if (!(run & 1)) {
            return run ? (struct table_element *) run : best;
        }
        node = (const struct stride_node *) (run - 1);
        data++;
    }
}

#endif /* stride.h */
