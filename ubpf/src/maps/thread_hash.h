/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash map whose values exist once per thread, and its lookup for whoever
 * knows its sizes and the calling thread.  An element's place in the block
 * that they come from is the place of its values in the threads' blocks. */

#ifndef UBPF_THREAD_HASH_H
#define UBPF_THREAD_HASH_H 1

#include "maps/map.h"
#include "maps/pool.h"
#include "maps/table.h"
#include "maps/thread.h"

struct thread_hash_map {
    struct ubpf_map up;
    struct table table;
    struct pool *pool;
    const uint8_t *first; /* The first element of the block. */
    uint64_t stride;      /* From one element to the next. */
    struct thread_values values;
};

/* Where the values of 'element' are in a thread's block. */
static inline uint64_t
thread_hash_offset(const struct thread_hash_map *hash,
                   const struct table_element *element, uint32_t value_size)
{
    return ((uintptr_t) element - (uintptr_t) hash->first) / hash->stride
           * value_size;
}

/* The calling thread is 'thread', by ubpf_thread_index(). */
static inline void *
thread_hash_lookup_inline(const struct ubpf_map *map, const void *key,
                          uint32_t thread, uint32_t key_size,
                          uint32_t value_size)
{
    const struct thread_hash_map *hash = (const struct thread_hash_map *) map;
    const struct table_element *element = table_find(
        &hash->table, key, key_size, table_hash(&hash->table, key, key_size));
    uint8_t *values;

    if (!element) {
        return NULL;
    }
    values = thread_values_get(&hash->values, thread);
    return values ? values + thread_hash_offset(hash, element, value_size)
                  : map->ops->lookup(map, key); /* Which makes the block. */
}

#endif /* thread_hash.h */
