/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays: one block of memory, every element present from the start. */

#include "maps/array.h"

#include <errno.h>
#include <string.h>

#include "maps/indexed.h"
#include "maps/memory.h"

static struct array_map *
array_cast(const struct ubpf_map *map)
{
    return (struct array_map *) map;
}

static uint64_t
array_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct array_map)
           + def->max_entries * ubpf_round8(def->value_size);
}

static struct ubpf_map *
array_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct array_map *array = map_zalloc(host, sizeof *array);

    if (!array) {
        return NULL;
    }
    array->stride = ubpf_round8(def->value_size);
    array->elements = map_zalloc(host, def->max_entries * array->stride);
    if (!array->elements
        || ubpf_map_init(&array->up, &ubpf_array_ops, host, def)) {
        map_free(host, array->elements, def->max_entries * array->stride);
        map_free(host, array, sizeof *array);
        return NULL;
    }
    return &array->up;
}

static void
array_destroy(struct ubpf_map *map)
{
    struct array_map *array = array_cast(map);
    struct ubpf_host host = map->host;
    uint64_t size = map->def.max_entries * array->stride;

    ubpf_map_uninit(map);
    map_free(&host, array->elements, size);
    map_free(&host, array, sizeof *array);
}

static void *
array_lookup(const struct ubpf_map *map, const void *key)
{
    return array_lookup_inline(map, key, map->def.max_entries,
                               array_cast(map)->stride);
}

static int
array_update(struct ubpf_map *map, const void *key, const void *value,
             uint64_t flags)
{
    void *element = array_lookup(map, key);
    uint32_t size = map->def.value_size;
    int err;

    if (!element) {
        return ENOENT;
    }
    err = map_value_check(map, element, value, flags);
    if (err) {
        return err;
    }
    if (!(flags & UBPF_STATE)) {
        size -= map->def.state_size;
    }
    pthread_mutex_lock(&map->lock);
    ubpf_value_write(element, value, size);
    pthread_mutex_unlock(&map->lock);
    return 0;
}

static void
array_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    info->n_entries = map->def.max_entries;
    info->bytes = array_footprint(&map->def);
}

void *
ubpf_array_base(const struct ubpf_map *map)
{
    return array_cast(map)->elements;
}

const struct map_ops ubpf_array_ops = {
    .footprint = array_footprint,
    .create = array_create,
    .destroy = array_destroy,
    .lookup = array_lookup,
    .update = array_update,
    .remove = indexed_remove,
    .dump = indexed_dump,
    .get_info = array_get_info,
};
