/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/indexed.h"

#include <errno.h>
#include <string.h>

int
indexed_remove(struct ubpf_map *map, const void *key, uint64_t now)
{
    (void) map, (void) key, (void) now;
    return EINVAL;
}

size_t
indexed_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
             size_t max)
{
    uint8_t *p = entries;
    size_t n;

    for (n = 0; n < max && *cursor < map->def.max_entries; n++) {
        uint32_t index = (uint32_t) (*cursor)++;

        memcpy(p, &index, sizeof index);
        p += sizeof index;
        ubpf_map_lookup(map, &index, p);
        p += map->def.value_size;
    }
    return n;
}
