/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash map, and its lookup for whoever knows the size of its keys. */

#ifndef UBPF_MAPS_HASH_H
#define UBPF_MAPS_HASH_H 1

#include "maps/map.h"
#include "maps/pool.h"
#include "maps/table.h"

/* Elements are a struct table_element, the key padded to 8 bytes, the value,
 * padded likewise, and in an LRU map the uint64_t time of the last use. */
struct hash_map {
    struct ubpf_map up;
    struct table table;
    struct pool *pool;
    uint32_t value_ofs; /* From the start of an element. */
    uint32_t used_ofs;
    uint64_t hand;              /* LRU: where to look for a victim. */
    atomic_uint_least64_t time; /* LRU: counts new entries. */
};

static inline void *
hash_lookup_inline(const struct ubpf_map *map, const void *key,
                   uint32_t key_size)
{
    const struct hash_map *hash = (const struct hash_map *) map;
    struct table_element *element = table_find(
        &hash->table, key, key_size, table_hash(&hash->table, key, key_size));

    return element ? (uint8_t *) element + sizeof *element
                         + (((uint64_t) key_size + 7) & ~UINT64_C(7))
                   : NULL;
}

/* When 'element' of an LRU map was last used. */
static inline uint64_t *
hash_used(const struct hash_map *hash, const struct table_element *element)
{
    return (uint64_t *) ((uintptr_t) element + hash->used_ofs);
}

/* Notes that a program found 'element' of an LRU map.  Written only when it
 * changes, so that readers share the line. */
static inline void
hash_use(const struct hash_map *hash, const struct table_element *element)
{
    uint64_t *used = hash_used(hash, element);
    uint64_t now = atomic_load_explicit(&hash->time, memory_order_relaxed);

    if (__atomic_load_n(used, __ATOMIC_RELAXED) != now) {
        __atomic_store_n(used, now, __ATOMIC_RELAXED);
    }
}

/* As hash_lookup_inline(), in an LRU map. */
static inline void *
lru_lookup_inline(const struct ubpf_map *map, const void *key,
                  uint32_t key_size)
{
    const struct hash_map *hash = (const struct hash_map *) map;
    uint8_t *value = hash_lookup_inline(map, key, key_size);

    if (value) {
        hash_use(hash,
                 (const struct table_element *) (value - hash->value_ofs));
    }
    return value;
}

#endif /* hash.h */
