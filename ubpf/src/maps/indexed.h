/* SPDX-License-Identifier: Apache-2.0
 *
 * What all maps do whose keys are indexes: each element is there as long as
 * the map is. */

#ifndef UBPF_INDEXED_H
#define UBPF_INDEXED_H 1

#include "maps/map.h"

/* For 'remove': EINVAL. */
int indexed_remove(struct ubpf_map *map, const void *key, uint64_t now);

/* For 'dump', by what ubpf_map_lookup() finds.  The cursor is the index of the
 * next element. */
size_t indexed_dump(const struct ubpf_map *map, uint64_t *cursor,
                    void *entries, size_t max);

#endif /* indexed.h */
