/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/thread_hash.h"

#include <errno.h>
#include <string.h>

#include "maps/memory.h"

static struct thread_hash_map *
hash_cast(const struct ubpf_map *map)
{
    return (struct thread_hash_map *) map;
}

/* As many again as there can be entries, so that all of them can be replaced
 * by others before the first grace period ends. */
static uint64_t
n_places(const struct ubpf_map_def *def)
{
    return 2 * (uint64_t) def->max_entries;
}

static uint64_t
element_size(const struct ubpf_map_def *def)
{
    return sizeof(struct table_element) + ubpf_round8(def->key_size);
}

static uint64_t
hash_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct thread_hash_map) + table_footprint(def->max_entries)
           + pool_footprint(element_size(def), n_places(def))
           + n_places(def) * def->value_size;
}

static struct ubpf_map *
hash_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct thread_hash_map *hash = map_zalloc(host, sizeof *hash);

    if (!hash) {
        return NULL;
    }
    thread_values_init(&hash->values, host, n_places(def) * def->value_size);
    hash->pool = pool_create(host, element_size(def), n_places(def));
    if (!hash->pool
        || table_init(&hash->table, host, def->key_size, def->max_entries,
                      false)
        || ubpf_map_init(&hash->up, &ubpf_thread_hash_ops, host, def)) {
        table_uninit(&hash->table, NULL);
        pool_destroy(hash->pool);
        map_free(host, hash, sizeof *hash);
        return NULL;
    }
    hash->first = pool_element(hash->pool, 0);
    hash->stride =
        (uintptr_t) pool_element(hash->pool, 1) - (uintptr_t) hash->first;
    return &hash->up;
}

static void
hash_destroy(struct ubpf_map *map)
{
    struct thread_hash_map *hash = hash_cast(map);
    struct ubpf_host host = map->host;

    table_uninit(&hash->table, NULL);
    pool_destroy(hash->pool);
    thread_values_uninit(&hash->values);
    ubpf_map_uninit(map);
    map_free(&host, hash, sizeof *hash);
}

static struct table_element *
find(const struct thread_hash_map *hash, const void *key)
{
    uint32_t key_size = hash->up.def.key_size;

    return table_find(&hash->table, key, key_size,
                      table_hash(&hash->table, key, key_size));
}

static uint64_t
offset_of(const struct thread_hash_map *hash,
          const struct table_element *element)
{
    return thread_hash_offset(hash, element, hash->up.def.value_size);
}

/* The calling thread's value in 'element', or NULL for want of memory. */
static void *
own_value(struct thread_hash_map *hash, const struct table_element *element)
{
    uint8_t *values = thread_values_make(&hash->values, ubpf_thread_index());

    return values ? values + offset_of(hash, element) : NULL;
}

static void *
hash_lookup(const struct ubpf_map *map, const void *key)
{
    struct thread_hash_map *hash = hash_cast(map);
    const struct table_element *element = find(hash, key);

    return element ? own_value(hash, element) : NULL;
}

static int
hash_read(const struct ubpf_map *map, const void *key, void *value)
{
    const struct thread_hash_map *hash = hash_cast(map);
    const struct table_element *element = find(hash, key);

    if (!element) {
        return ENOENT;
    }
    thread_values_sum(&hash->values, offset_of(hash, element), value,
                      map->def.value_size);
    return 0;
}

/* Writes 'value' to 'element': for the calling thread alone if 'flags' say
 * that it is a program's update of an entry that exists. */
static int
set_value(struct thread_hash_map *hash, const struct table_element *element,
          const void *value, bool own)
{
    uint32_t size = hash->up.def.value_size;
    void *mine;

    if (!own) {
        return thread_values_set(&hash->values, offset_of(hash, element),
                                 value, size);
    }
    mine = own_value(hash, element);
    if (!mine) {
        return ENOMEM;
    }
    ubpf_value_write(mine, value, size);
    return 0;
}

/* Puts 'element', with its key, into the map, unless the key is there: then
 * the value is written in place, '*used' is false and 'element' still the
 * caller's. */
static int
insert(struct thread_hash_map *hash, struct table_element *element,
       const void *value, uint64_t flags, bool *used)
{
    uint32_t key_size = hash->up.def.key_size;
    uint64_t h = table_hash(&hash->table, element->key, key_size);
    struct table_element *old =
        table_find(&hash->table, element->key, key_size, h);
    uint64_t mode = update_mode(flags);
    bool by_prog = flags & UPDATE_BY_PROG;
    int err;

    *used = false;
    if (old ? mode == UBPF_NOEXIST : mode == UBPF_EXIST) {
        return old ? EEXIST : ENOENT;
    }
    if (old) {
        return set_value(hash, old, value, by_prog);
    }
    if (atomic_load_explicit(&hash->table.n, memory_order_relaxed)
        >= hash->up.def.max_entries) {
        return ENOSPC;
    }
    if (pool_index(element) == UINT32_MAX) {
        return ENOMEM; /* All places wait for readers. */
    }
    /* Whatever the entry before it left behind goes. */
    err = thread_values_set(&hash->values, offset_of(hash, element), NULL,
                            hash->up.def.value_size);
    if (!err) {
        err = set_value(hash, element, value, by_prog);
    }
    if (!err) {
        err = table_insert(&hash->table, element, h);
    }
    *used = !err;
    return err;
}

static int
hash_update(struct ubpf_map *map, const void *key, const void *value,
            uint64_t flags)
{
    struct thread_hash_map *hash = hash_cast(map);
    struct table_element *element = pool_alloc(hash->pool);
    bool used;
    int err;

    if (!element) {
        return ENOMEM;
    }
    memcpy(element->key, key, map->def.key_size);
    pthread_mutex_lock(&map->lock);
    err = insert(hash, element, value, flags, &used);
    pthread_mutex_unlock(&map->lock);
    if (!used) {
        pool_free(element);
    }
    return err;
}

static void
hash_prefetch(const struct ubpf_map *map, const void *key)
{
    table_prefetch(&hash_cast(map)->table, key, map->def.key_size);
}

static int
hash_remove(struct ubpf_map *map, const void *key, uint64_t now)
{
    struct thread_hash_map *hash = hash_cast(map);
    struct table_element *old;

    (void) now;
    pthread_mutex_lock(&map->lock);
    old = find(hash, key);
    if (old) {
        table_remove(&hash->table, old);
    }
    pthread_mutex_unlock(&map->lock);
    pool_free_postponed(old);
    return old ? 0 : ENOENT;
}

static size_t
hash_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
          size_t max)
{
    const struct thread_hash_map *hash = hash_cast(map);
    uint8_t *p = entries;
    size_t n;

    for (n = 0; n < max; n++) {
        const struct table_element *element = table_next(&hash->table, cursor);

        if (!element) {
            break;
        }
        memcpy(p, element->key, map->def.key_size);
        p += map->def.key_size;
        thread_values_sum(&hash->values, offset_of(hash, element), p,
                          map->def.value_size);
        p += map->def.value_size;
    }
    return n;
}

static void
hash_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    const struct thread_hash_map *hash = hash_cast(map);

    info->n_entries =
        atomic_load_explicit(&hash->table.n, memory_order_relaxed);
    info->bytes = sizeof *hash + table_bytes(&hash->table)
                  + pool_bytes(hash->pool)
                  + thread_values_bytes(&hash->values);
}

const struct map_ops ubpf_thread_hash_ops = {
    .footprint = hash_footprint,
    .create = hash_create,
    .destroy = hash_destroy,
    .lookup = hash_lookup,
    .read = hash_read,
    .update = hash_update,
    .remove = hash_remove,
    .prefetch = hash_prefetch,
    .dump = hash_dump,
    .get_info = hash_get_info,
};
