/* SPDX-License-Identifier: Apache-2.0
 *
 * An index of prefixes of 32 bits.  The first byte of an address leads to a
 * block, with a slot for each value of the second byte, or, in large maps, of
 * the second and the third; a slot leads to the value of the longest prefix,
 * or, where there are longer prefixes, to a node for the next byte, which
 * keeps runs of equal slots once.  Prefixes of at most 8 bits are not in the
 * blocks: their values are for what finds nothing there.  Readers take no
 * lock; writers are serialised by the caller.
 *
 * Values are kept apart from the elements that they belong to, close together,
 * for they are all that a lookup reads.  Only those of elements from outside
 * the pool's block are behind the element. */

#ifndef UBPF_DIRECT_H
#define UBPF_DIRECT_H 1

#include <stdatomic.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

#include "maps/pool.h"
#include "maps/runs.h"
#include "maps/table.h"

/* From so many entries on, blocks for two bytes are worth their memory. */
#define DIRECT_MANY 65536

#define DIRECT_ROOTS 256

/* Sizes of nodes. */
#define DIRECT_SIZES 7

/* A slot is the address of a value, or 0, or with bit 0 set that of a node. */
struct direct_node {
    struct runs runs;
    atomic_uintptr_t slots[]; /* One for each run. */
};

struct direct {
    struct ubpf_host host;
    struct pool *elements;
    uint8_t *values; /* Of those in its block, by their index. */
    uint64_t n_values;
    uint32_t value_size;     /* A multiple of 8. */
    uint32_t shift;          /* Bits after those that blocks take: 16 or 8. */
    atomic_uintptr_t *large; /* All blocks, where they take two bytes. */
    struct pool *nodes[DIRECT_SIZES];
    uint64_t n_nodes;
    atomic_uint_least64_t bytes; /* Of blocks. */
    struct {
        atomic_uintptr_t *_Atomic block;
        atomic_uintptr_t value; /* Of a prefix of at most 8 bits, or 0. */
    } roots[DIRECT_ROOTS];
};

/* Bytes that the index of 'n' prefixes, and their values, take at most. */
uint64_t direct_footprint(uint64_t n, uint32_t value_size);
uint64_t direct_bytes(const struct direct *direct);

/* Initialises 'direct' for elements of 'pool', whose block has 'n', with
 * values of 'value_size' bytes, a multiple of 8.  Returns 0 or ENOMEM. */
int direct_init(struct direct *direct, const struct ubpf_host *host,
                struct pool *elements, uint64_t n, uint32_t value_size);

/* Bytes of an element that has no value behind it, with its key: the prefix
 * length and four bytes. */
#define DIRECT_ELEMENT_SIZE (sizeof(struct table_element) + 8)

/* Where the value of 'element' is. */
void *direct_value(const struct direct *direct,
                   const struct table_element *element);

/* Frees the index, but no elements, at once.  A zeroed one is fine. */
void direct_uninit(struct direct *direct);

/* As stride_add(), stride_replace() and stride_remove(). */
int direct_add(struct direct *direct, const uint8_t *data, uint32_t prefix_len,
               struct table_element *element);
void direct_replace(struct direct *direct, const uint8_t *data,
                    uint32_t prefix_len, const struct table_element *old,
                    struct table_element *element);
void direct_remove(struct direct *direct, const uint8_t *data,
                   uint32_t prefix_len, const struct table_element *old,
                   struct table_element *next);

/* The value for the longest prefix of the 4 bytes at 'data', or NULL. */
static inline void *
direct_lookup_inline(const struct direct *direct, const uint8_t *data)
{
    uint32_t address = __builtin_bswap32(key_load32(data)), shift;
    uintptr_t slot;

    if (direct->large) {
        slot = atomic_load_explicit(&direct->large[address >> 8],
                                    memory_order_acquire);
        shift = 8;
    } else {
        const atomic_uintptr_t *block = atomic_load_explicit(
            &direct->roots[address >> 24].block, memory_order_acquire);

        slot = atomic_load_explicit(&block[address >> 16 & 0xff],
                                    memory_order_acquire);
        shift = 16;
    }
    while (slot & 1) {
        const struct direct_node *node =
            (const struct direct_node *) (slot - 1);

        shift -= 8;
        slot = atomic_load_explicit(
            &node->slots[runs_find(&node->runs, address >> shift & 0xff)],
            memory_order_acquire);
    }
    return (void *) (slot ? slot
                          : atomic_load_explicit(
                                &direct->roots[address >> 24].value,
                                memory_order_acquire));
}

#endif /* direct.h */
