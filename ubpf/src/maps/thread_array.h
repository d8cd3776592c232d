/* SPDX-License-Identifier: Apache-2.0
 *
 * An array per thread, and its lookup for whoever knows its size and the
 * calling thread. */

#ifndef UBPF_THREAD_ARRAY_H
#define UBPF_THREAD_ARRAY_H 1

#include <string.h>

#include "maps/map.h"
#include "maps/thread.h"

struct thread_array_map {
    struct ubpf_map up;
    struct thread_values values; /* Elements one after the other. */
};

/* The calling thread is 'thread', by ubpf_thread_index().  NULL also where the
 * thread has no block yet: call the map's own lookup then. */
static inline void *
thread_array_lookup_inline(const struct ubpf_map *map, const void *key,
                           uint32_t max_entries, uint32_t value_size,
                           uint32_t thread)
{
    const struct thread_array_map *array =
        (const struct thread_array_map *) map;
    uint8_t *values = thread_values_get(&array->values, thread);
    uint32_t index;

    memcpy(&index, key, sizeof index);
    return values && index < max_entries
               ? values + (uint64_t) index * value_size
               : NULL;
}

#endif /* thread_array.h */
