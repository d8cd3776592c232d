/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of maps.
 *
 * The elements are the maps themselves, each counted once more for each
 * element.  The control plane knows them by their numbers in its program. */

#ifndef UBPF_MAP_ARRAY_H
#define UBPF_MAP_ARRAY_H 1

#include <string.h>

#include "maps/map.h"

/* The elements, which a program shares with the one that it replaces. */
struct map_slots {
    struct ubpf_host host;
    atomic_uint refcount;
    uint32_t n;
    _Atomic(struct ubpf_map *) maps[];
};

struct map_array {
    struct ubpf_map up;
    struct map_slots *slots;
    /* Of the program, which outlives the array. */
    struct ubpf_map *const *maps;
    uint32_t n_maps;
};

/* The element for 'key', or NULL. */
static inline struct ubpf_map *
map_array_lookup_inline(const struct ubpf_map *map, const void *key,
                        uint32_t max_entries)
{
    const struct map_array *array = (const struct map_array *) map;
    uint32_t index;

    memcpy(&index, key, sizeof index);
    return index < max_entries
               ? atomic_load_explicit(&array->slots->maps[index],
                                      memory_order_acquire)
               : NULL;
}

/* Tells 'map', if it is an array of maps, the maps of its program: the 'n' at
 * 'maps', which stay where they are.  Elements that it has already become
 * those with the same numbers.  Nobody uses the array yet. */
void ubpf_map_array_set_program(struct ubpf_map *map,
                                struct ubpf_map *const maps[], uint32_t n);

/* Gives 'map' the elements of 'old' in place of its own, from then on shared,
 * if both are arrays of maps and the programs of both have each of the maps
 * that 'old' may have for an element.  Returns whether it did. */
bool ubpf_map_array_adopt(struct ubpf_map *map, const struct ubpf_map *old);

#endif /* map_array.h */
