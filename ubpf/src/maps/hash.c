/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash maps: any key, exact match; with UBPF_MAP_TYPE_LRU_HASH ones that give
 * up an old entry for a new one when they are full. */

#include "maps/hash.h"

#include <errno.h>
#include <string.h>

#include "maps/memory.h"

/* Entries of an LRU map of which the one used longest ago goes. */
#define LRU_SAMPLE 32

static struct hash_map *
hash_cast(const struct ubpf_map *map)
{
    return (struct hash_map *) map;
}

static bool
is_lru(const struct hash_map *hash)
{
    return hash->up.def.type == UBPF_MAP_TYPE_LRU_HASH;
}

static uint32_t
value_ofs(const struct ubpf_map_def *def)
{
    return (uint32_t) (sizeof(struct table_element)
                       + ubpf_round8(def->key_size));
}

static uint32_t
used_ofs(const struct ubpf_map_def *def)
{
    return value_ofs(def) + (uint32_t) ubpf_round8(def->value_size);
}

static uint64_t
element_size(const struct ubpf_map_def *def)
{
    return used_ofs(def)
           + (def->type == UBPF_MAP_TYPE_LRU_HASH ? sizeof(uint64_t) : 0);
}

/* Elements to have memory for from the start.  In an LRU map new ones come
 * before old ones go. */
static uint64_t
block_size(const struct ubpf_map_def *def)
{
    uint64_t n = def->max_entries;

    if (def->flags & UBPF_MAP_F_GROW) {
        return 0;
    }
    return def->type == UBPF_MAP_TYPE_LRU_HASH ? n + LRU_SAMPLE : n;
}

static uint64_t
hash_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct hash_map) + table_footprint(def->max_entries)
           + pool_footprint(element_size(def),
                            (uint64_t) def->max_entries + LRU_SAMPLE);
}

static struct ubpf_map *
hash_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct hash_map *hash = map_zalloc(host, sizeof *hash);
    bool grows = def->flags & UBPF_MAP_F_GROW;

    if (!hash) {
        return NULL;
    }
    hash->value_ofs = value_ofs(def);
    hash->used_ofs = used_ofs(def);
    atomic_init(&hash->time, 0);
    hash->pool = pool_create(host, element_size(def), block_size(def));
    if (!hash->pool
        || table_init(&hash->table, host, def->key_size, def->max_entries,
                      grows)
        || ubpf_map_init(&hash->up, &ubpf_hash_ops, host, def)) {
        table_uninit(&hash->table, NULL);
        pool_destroy(hash->pool);
        map_free(host, hash, sizeof *hash);
        return NULL;
    }
    return &hash->up;
}

static void
hash_destroy(struct ubpf_map *map)
{
    struct hash_map *hash = hash_cast(map);
    struct ubpf_host host = map->host;

    table_uninit(&hash->table, pool_free);
    pool_destroy(hash->pool);
    ubpf_map_uninit(map);
    map_free(&host, hash, sizeof *hash);
}

static void *
value_of(const struct hash_map *hash, const struct table_element *element)
{
    return (uint8_t *) (uintptr_t) element + hash->value_ofs;
}

static struct table_element *
find(const struct hash_map *hash, const void *key)
{
    uint32_t key_size = hash->up.def.key_size;

    return table_find(&hash->table, key, key_size,
                      table_hash(&hash->table, key, key_size));
}

static int
hash_read(const struct ubpf_map *map, const void *key, void *value)
{
    const struct hash_map *hash = hash_cast(map);
    const struct table_element *element = find(hash, key);

    if (!element) {
        return ENOENT;
    }
    map_value_get(map, value, value_of(hash, element));
    return 0;
}

static void
hash_prefetch(const struct ubpf_map *map, const void *key)
{
    table_prefetch(&hash_cast(map)->table, key, map->def.key_size);
}

static void *
hash_lookup(const struct ubpf_map *map, const void *key)
{
    const struct hash_map *hash = hash_cast(map);
    const struct table_element *element = find(hash, key);
    void *value;

    if (!element) {
        return NULL;
    }
    if (is_lru(hash)) {
        hash_use(hash, element);
    }
    value = value_of(hash, element);
    map_value_touch(map, value);
    return value;
}

/* Takes out, and returns, an entry that has not been used for long.  It is not
 * the newest, unless that is the only one. */
static struct table_element *
evict(struct hash_map *hash)
{
    struct table_element *victim = NULL;
    uint64_t least = 0;

    for (int i = 0; i < LRU_SAMPLE; i++) {
        struct table_element *element = table_next(&hash->table, &hash->hand);
        uint64_t used;

        if (!element) {
            hash->hand = 0;
            continue;
        }
        used = __atomic_load_n(hash_used(hash, element), __ATOMIC_RELAXED);
        if (!victim || used < least) {
            victim = element;
            least = used;
        }
    }
    if (victim) {
        table_remove(&hash->table, victim);
    }
    return victim;
}

/* Puts 'element', with its key, into the map.  '*oldp' is then what went for
 * it. */
static int
insert(struct hash_map *hash, struct table_element *element, const void *value,
       uint64_t flags, struct table_element **oldp)
{
    uint32_t key_size = hash->up.def.key_size;
    uint64_t h = table_hash(&hash->table, element->key, key_size);
    struct table_element *old =
        table_find(&hash->table, element->key, key_size, h);
    bool is_full;
    int err;

    err = map_value_check(&hash->up, old ? value_of(hash, old) : NULL, value,
                          flags);
    if (err) {
        return err;
    }
    map_value_init(&hash->up, value_of(hash, element), value,
                   old ? value_of(hash, old) : NULL, flags);
    if (is_lru(hash)) {
        *hash_used(hash, element) =
            1
            + atomic_fetch_add_explicit(&hash->time, 1, memory_order_relaxed);
    }
    if (old) {
        table_replace(&hash->table, old, element);
        *oldp = old;
        return 0;
    }
    is_full = atomic_load_explicit(&hash->table.n, memory_order_relaxed)
              >= hash->up.def.max_entries;
    if (is_full && !is_lru(hash)) {
        return ENOSPC;
    }
    err = table_insert(&hash->table, element, h);
    if (!err && is_full) {
        *oldp = evict(hash);
    }
    return err;
}

/* The hash comes from the copy of the key, as another thread may be writing
 * to the caller's. */
static int
hash_update(struct ubpf_map *map, const void *key, const void *value,
            uint64_t flags)
{
    struct hash_map *hash = hash_cast(map);
    struct table_element *element = pool_alloc(hash->pool), *old = NULL;
    int err;

    if (!element) {
        return ENOMEM;
    }
    memcpy(element->key, key, map->def.key_size);
    pthread_mutex_lock(&map->lock);
    err = insert(hash, element, value, flags, &old);
    pthread_mutex_unlock(&map->lock);
    if (err) {
        pool_free(element);
    }
    pool_free_postponed(old);
    return err;
}

static int
hash_remove(struct ubpf_map *map, const void *key, uint64_t now)
{
    struct hash_map *hash = hash_cast(map);
    struct table_element *old;

    pthread_mutex_lock(&map->lock);
    old = find(hash, key);
    if (old && now && !map_value_is_idle(map, value_of(hash, old), now)) {
        old = NULL;
    }
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
    const struct hash_map *hash = hash_cast(map);
    uint8_t *p = entries;
    size_t n;

    for (n = 0; n < max; n++) {
        const struct table_element *element = table_next(&hash->table, cursor);

        if (!element) {
            break;
        }
        memcpy(p, element->key, map->def.key_size);
        p += map->def.key_size;
        map_value_get(map, p, value_of(hash, element));
        p += map->def.value_size;
    }
    return n;
}

static void
hash_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    const struct hash_map *hash = hash_cast(map);

    info->n_entries =
        atomic_load_explicit(&hash->table.n, memory_order_relaxed);
    info->bytes =
        sizeof *hash + table_bytes(&hash->table) + pool_bytes(hash->pool);
}

const struct map_ops ubpf_hash_ops = {
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
