/* SPDX-License-Identifier: Apache-2.0
 *
 * An array, and its lookup for whoever knows its size. */

#ifndef UBPF_ARRAY_H
#define UBPF_ARRAY_H 1

#include <string.h>

#include "maps/map.h"

struct array_map {
    struct ubpf_map up;
    uint64_t stride;   /* From one element to the next: the size of a value,
                        * padded to 8 bytes. */
    uint8_t *elements; /* Aligned to 8 bytes. */
};

static inline void *
array_lookup_inline(const struct ubpf_map *map, const void *key,
                    uint32_t max_entries, uint64_t stride)
{
    const struct array_map *array = (const struct array_map *) map;
    uint32_t index;

    memcpy(&index, key, sizeof index);
    return index < max_entries ? array->elements + index * stride : NULL;
}

#endif /* array.h */
