/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash maps: any key, exact match. */

#include "maps/map.h"

#include <errno.h>

#include "host.h"
#include "maps/table.h"

struct hash_map {
    struct ubpf_map up;
    struct table table;
};

static struct hash_map *
hash_cast(const struct ubpf_map *map)
{
    return (struct hash_map *) map;
}

static uint64_t
hash_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct hash_map) + table_footprint(def);
}

static struct ubpf_map *
hash_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct hash_map *hash = ubpf_host_zalloc(host, 1, sizeof *hash);

    if (!hash) {
        return NULL;
    }
    if (table_init(&hash->table, host, def)
        || ubpf_map_init(&hash->up, &ubpf_hash_ops, host, def)) {
        table_uninit(&hash->table, host);
        ubpf_host_free(host, hash);
        return NULL;
    }
    return &hash->up;
}

static void
hash_destroy(struct ubpf_map *map)
{
    struct hash_map *hash = hash_cast(map);
    struct ubpf_host host = map->host;

    ubpf_map_uninit(map);
    table_uninit(&hash->table, &host);
    ubpf_host_free(&host, hash);
}

static void *
hash_lookup(const struct ubpf_map *map, const void *key)
{
    const struct table *table = &hash_cast(map)->table;
    struct table_element *element;

    element = table_find(table, key, table_hash(table, key));
    return element ? table_value(table, element) : NULL;
}

static int
hash_update(struct ubpf_map *map, const void *key, const void *value,
            uint64_t flags)
{
    struct table *table = &hash_cast(map)->table;
    struct table_element *element, *old;
    int err;

    if (flags > UBPF_EXIST) {
        return EINVAL;
    }
    element = table_new_element(table, &map->host, key, value);
    if (!element) {
        return ENOMEM;
    }
    pthread_mutex_lock(&map->lock);
    err = table_insert(table, element, flags, map->def.max_entries, &old);
    pthread_mutex_unlock(&map->lock);
    if (err) {
        ubpf_host_free(&map->host, element);
    } else {
        ubpf_host_free_postponed(&map->host, old);
    }
    return err;
}

static int
hash_delete(struct ubpf_map *map, const void *key)
{
    struct table_element *old;

    pthread_mutex_lock(&map->lock);
    old = table_remove(&hash_cast(map)->table, key);
    pthread_mutex_unlock(&map->lock);
    ubpf_host_free_postponed(&map->host, old);
    return old ? 0 : ENOENT;
}

static size_t
hash_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
          size_t max)
{
    return table_dump(&hash_cast(map)->table, cursor, entries, max);
}

static void
hash_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    const struct hash_map *hash = hash_cast(map);

    info->n_entries =
        atomic_load_explicit(&hash->table.n, memory_order_relaxed);
    info->bytes = sizeof *hash + table_bytes(&hash->table);
}

const struct map_ops ubpf_hash_ops = {
    .footprint = hash_footprint,
    .create = hash_create,
    .destroy = hash_destroy,
    .lookup = hash_lookup,
    .update = hash_update,
    .remove = hash_delete,
    .dump = hash_dump,
    .get_info = hash_get_info,
};
