/* SPDX-License-Identifier: Apache-2.0
 *
 * What maps of all types share, and the control plane's view of them. */

#include "maps/map.h"

#include <errno.h>
#include <string.h>

#include "host.h"

const struct map_ops *
ubpf_map_ops(uint32_t type)
{
    switch (type) {
    case UBPF_MAP_TYPE_HASH:
        return &ubpf_hash_ops;
    case UBPF_MAP_TYPE_ARRAY:
        return &ubpf_array_ops;
    case UBPF_MAP_TYPE_LPM:
        return &ubpf_lpm_ops;
    default:
        return NULL;
    }
}

int
ubpf_map_init(struct ubpf_map *map, const struct map_ops *ops,
              const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    map->ops = ops;
    map->host = *host;
    map->def = *def;
    map->name = NULL;
    atomic_init(&map->refcount, 1);
    return pthread_mutex_init(&map->lock, NULL);
}

void
ubpf_map_uninit(struct ubpf_map *map)
{
    pthread_mutex_destroy(&map->lock);
    ubpf_host_free(&map->host, map->name);
}

struct ubpf_map *
ubpf_map_create(const struct ubpf_host *host, const char *name,
                const struct ubpf_map_def *def)
{
    struct ubpf_map *map = ubpf_map_ops(def->type)->create(host, def);

    if (!map) {
        return NULL;
    }
    map->name = ubpf_host_zalloc(host, strlen(name) + 1, 1);
    if (!map->name) {
        ubpf_map_unref(map);
        return NULL;
    }
    strcpy(map->name, name);
    return map;
}

struct ubpf_map *
ubpf_map_ref(struct ubpf_map *map)
{
    atomic_fetch_add_explicit(&map->refcount, 1, memory_order_relaxed);
    return map;
}

void
ubpf_map_unref(struct ubpf_map *map)
{
    if (map
        && atomic_fetch_sub_explicit(&map->refcount, 1, memory_order_acq_rel)
               == 1) {
        map->ops->destroy(map);
    }
}

void
ubpf_value_read(void *dst_, const void *shared_, size_t size)
{
    const uint8_t *shared = __builtin_assume_aligned(shared_, 8);
    uint8_t *dst = dst_;
    size_t i;

    for (i = 0; i + 8 <= size; i += 8) {
        uint64_t word =
            __atomic_load_n((const uint64_t *) (shared + i), __ATOMIC_RELAXED);

        memcpy(dst + i, &word, sizeof word);
    }
    for (; i < size; i++) {
        dst[i] = __atomic_load_n(shared + i, __ATOMIC_RELAXED);
    }
}

void
ubpf_value_write(void *shared_, const void *src_, size_t size)
{
    uint8_t *shared = __builtin_assume_aligned(shared_, 8);
    const uint8_t *src = src_;
    size_t i;

    for (i = 0; i + 8 <= size; i += 8) {
        uint64_t word;

        memcpy(&word, src + i, sizeof word);
        __atomic_store_n((uint64_t *) (shared + i), word, __ATOMIC_RELAXED);
    }
    for (; i < size; i++) {
        __atomic_store_n(shared + i, src[i], __ATOMIC_RELAXED);
    }
}

void
ubpf_map_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    info->name = map->name;
    info->def = map->def;
    info->entry_key_size = map->def.key_size;
    info->entry_value_size = map->def.value_size;
    info->n_dropped = 0;
    map->ops->get_info(map, info);
}

int
ubpf_map_lookup(const struct ubpf_map *map, const void *key, void *value)
{
    const void *found = map->ops->lookup(map, key);

    if (!found) {
        return ENOENT;
    }
    ubpf_value_read(value, found, map->def.value_size);
    return 0;
}

int
ubpf_map_update(struct ubpf_map *map, const void *key, const void *value,
                uint64_t flags)
{
    if (map->def.flags & UBPF_MAP_F_RDONLY_USER) {
        return EPERM;
    }
    return map->ops->update(map, key, value, flags);
}

int
ubpf_map_delete(struct ubpf_map *map, const void *key)
{
    if (map->def.flags & UBPF_MAP_F_RDONLY_USER) {
        return EPERM;
    }
    return map->ops->remove(map, key);
}

size_t
ubpf_map_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
              size_t max)
{
    return map->ops->dump(map, cursor, entries, max);
}
