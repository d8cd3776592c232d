/* SPDX-License-Identifier: Apache-2.0
 *
 * An index of prefixes of 32 bits for large maps: a slot for each value of the
 * first 24 bits, which leads to the value of the longest prefix, or, where
 * there are longer prefixes, to a group of slots for the last 8 bits.  Readers
 * take no lock; writers are serialised by the caller.
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
#include "maps/table.h"

/* From so many entries on the index is worth its memory. */
#define DIRECT_MIN_ENTRIES 65536

#define DIRECT_SIZE (UINT64_C(1) << 24)

struct direct_group {
    atomic_uintptr_t slots[256];
    uint32_t n_prefixes; /* Longer than 24 bits. */
};

/* A slot is the address of a value, or 0, or with bit 0 set that of a
 * group. */
struct direct {
    struct ubpf_host host;
    atomic_uintptr_t *slots; /* NULL: not used. */
    atomic_uintptr_t any;    /* The value of the prefix of 0 bits, or 0. */
    atomic_uint_least64_t n_groups;
    struct pool *pool; /* Of the elements. */
    uint8_t *values;   /* Of those in its block, by their index. */
    uint64_t n;
    uint32_t value_size; /* A multiple of 8. */
};

/* Bytes that the index of 'n' prefixes, and their values, take at most. */
uint64_t direct_footprint(uint64_t n, uint32_t value_size);
uint64_t direct_bytes(const struct direct *direct);

/* Initialises 'direct' for elements of 'pool', whose block has 'n', with
 * values of 'value_size' bytes, a multiple of 8.  Returns 0 or ENOMEM. */
int direct_init(struct direct *direct, const struct ubpf_host *host,
                struct pool *pool, uint64_t n, uint32_t value_size);

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
void direct_exchange(struct direct *direct, const uint8_t *data,
                     uint32_t prefix_len, const struct table_element *old,
                     struct table_element *next);
void direct_remove(struct direct *direct, const uint8_t *data,
                   uint32_t prefix_len, const struct table_element *old,
                   struct table_element *next);

/* The value for the longest prefix of the 4 bytes at 'data', or NULL. */
static inline void *
direct_lookup_inline(const struct direct *direct, const uint8_t *data)
{
    uint32_t address = __builtin_bswap32(key_load32(data));
    uintptr_t slot = atomic_load_explicit(&direct->slots[address >> 8],
                                          memory_order_acquire);

    if (slot & 1) {
        const struct direct_group *group =
            (const struct direct_group *) (slot - 1);

        slot = atomic_load_explicit(&group->slots[address & 0xff],
                                    memory_order_acquire);
    }
    return (void *) (slot ? slot
                          : atomic_load_explicit(&direct->any,
                                                 memory_order_acquire));
}

#endif /* direct.h */
