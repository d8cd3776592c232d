/* SPDX-License-Identifier: Apache-2.0
 *
 * An index of prefixes of 32 bits for large maps: a slot for each value of the
 * first 24 bits, which leads to the element of the longest prefix, or, where
 * there are longer prefixes, to a group of slots for the last 8 bits.  Readers
 * take no lock; writers are serialised by the caller. */

#ifndef UBPF_DIRECT_H
#define UBPF_DIRECT_H 1

#include <stdatomic.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

#include "maps/table.h"

/* From so many entries on the index is worth its memory. */
#define DIRECT_MIN_ENTRIES 65536

#define DIRECT_SIZE (UINT64_C(1) << 24)

struct direct_group {
    atomic_uintptr_t slots[256];
    uint32_t n_prefixes; /* Longer than 24 bits. */
};

/* A slot is the address of an element, or 0, or with bit 0 set that of a
 * group. */
struct direct {
    struct ubpf_host host;
    atomic_uintptr_t *slots;           /* NULL: not used. */
    struct table_element *_Atomic any; /* The prefix of 0 bits. */
    atomic_uint_least64_t n_groups;
};

/* Bytes that the index of 'n' prefixes takes at most. */
uint64_t direct_footprint(uint64_t n);
uint64_t direct_bytes(const struct direct *direct);

/* Initialises 'direct'.  Returns 0 or ENOMEM. */
int direct_init(struct direct *direct, const struct ubpf_host *host);

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

/* The element for the longest prefix of the 4 bytes at 'data', or NULL. */
static inline struct table_element *
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
    return slot ? (struct table_element *) slot
                : atomic_load_explicit(&direct->any, memory_order_acquire);
}

#endif /* direct.h */
