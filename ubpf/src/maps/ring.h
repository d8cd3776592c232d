/* SPDX-License-Identifier: Apache-2.0
 *
 * Rings of records for the control plane, and how a program adds one.
 *
 * A writer takes the next number and with it a slot, which it marks as being
 * written; a reader copies a slot and then looks whether it was marked
 * meanwhile.  A writer that finds its slot marked by another, which is then a
 * whole round behind or ahead, gives up. */

#ifndef UBPF_RING_H
#define UBPF_RING_H 1

#include <errno.h>
#include <string.h>

#include "maps/map.h"

struct ring_slot {
    /* Twice the number of the record in the slot, plus 1 while it is being
     * written; 0: none yet. */
    atomic_uint_least64_t state;
    atomic_uint_least64_t lost; /* Number of the last record lost here. */
    uint64_t size;              /* Bytes of the record. */
    uint64_t data[];
};

struct ring_map {
    struct ubpf_map up;
    uint64_t stride; /* Bytes of a slot. */
    uint8_t *slots;
    atomic_uint_least64_t n_dropped;
    _Alignas(64) atomic_uint_least64_t last; /* Number of the newest record. */
};

static inline struct ring_slot *
ring_slot(const struct ring_map *ring, uint64_t number, uint64_t max_entries)
{
    return (struct ring_slot *) (ring->slots
                                 + (number & (max_entries - 1))
                                       * ring->stride);
}

/* Counts record 'number' as lost. */
typedef void ring_lose_fn(struct ring_map *ring, struct ring_slot *slot,
                          uint64_t number);
ring_lose_fn ubpf_ring_lose;

/* What ubpf_ring_output() does in a ring of 'max_entries' slots, with a record
 * that fits; 'lose' is ubpf_ring_lose(). */
static inline int
ring_output_inline(struct ubpf_map *map, const void *data, uint64_t size,
                   uint32_t max_entries, ring_lose_fn *lose)
{
    struct ring_map *ring = (struct ring_map *) map;
    struct ring_slot *slot;
    uint64_t number, state;

    number =
        1 + atomic_fetch_add_explicit(&ring->last, 1, memory_order_relaxed);
    slot = ring_slot(ring, number, max_entries);
    state = atomic_load_explicit(&slot->state, memory_order_relaxed);
    if (state & 1 || state / 2 > number
        || !atomic_compare_exchange_strong_explicit(
            &slot->state, &state, 2 * number + 1, memory_order_acquire,
            memory_order_relaxed)) {
        lose(ring, slot, number);
        return EAGAIN;
    }
    /* A reader that sees any of what follows sees the mark. */
    atomic_thread_fence(memory_order_release);
    __atomic_store_n(&slot->size, size, __ATOMIC_RELAXED);
    value_write_inline(slot->data, data, size);
    atomic_store_explicit(&slot->state, 2 * number, memory_order_release);
    return 0;
}

#endif /* ring.h */
