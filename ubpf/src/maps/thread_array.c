/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays whose elements exist once per thread. */

#include "maps/thread_array.h"

#include <errno.h>

#include "maps/indexed.h"
#include "maps/memory.h"

static struct thread_array_map *
array_cast(const struct ubpf_map *map)
{
    return (struct thread_array_map *) map;
}

/* Of one thread: how many there will be is not known. */
static uint64_t
array_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct thread_array_map)
           + (uint64_t) def->max_entries * def->value_size;
}

static struct ubpf_map *
array_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct thread_array_map *array = map_zalloc(host, sizeof *array);

    if (!array) {
        return NULL;
    }
    thread_values_init(&array->values, host,
                       (uint64_t) def->max_entries * def->value_size);
    /* The block of the first thread, for the control plane's use too. */
    if (!thread_values_make(&array->values, 0)
        || ubpf_map_init(&array->up, &ubpf_thread_array_ops, host, def)) {
        thread_values_uninit(&array->values);
        map_free(host, array, sizeof *array);
        return NULL;
    }
    return &array->up;
}

static void
array_destroy(struct ubpf_map *map)
{
    struct thread_array_map *array = array_cast(map);
    struct ubpf_host host = map->host;

    thread_values_uninit(&array->values);
    ubpf_map_uninit(map);
    map_free(&host, array, sizeof *array);
}

/* The number of the element for 'key', or UINT32_MAX. */
static uint32_t
index_of(const struct ubpf_map *map, const void *key)
{
    uint32_t index;

    memcpy(&index, key, sizeof index);
    return index < map->def.max_entries ? index : UINT32_MAX;
}

static uint64_t
offset_of(const struct ubpf_map *map, uint32_t index)
{
    return (uint64_t) index * map->def.value_size;
}

static void *
array_lookup(const struct ubpf_map *map, const void *key)
{
    uint32_t index = index_of(map, key);
    uint8_t *values;

    if (index == UINT32_MAX) {
        return NULL;
    }
    values = thread_values_make(&array_cast(map)->values, ubpf_thread_index());
    return values ? values + offset_of(map, index) : NULL;
}

static int
array_read(const struct ubpf_map *map, const void *key, void *value)
{
    uint32_t index = index_of(map, key);

    if (index == UINT32_MAX) {
        return ENOENT;
    }
    thread_values_sum(&array_cast(map)->values, offset_of(map, index), value,
                      map->def.value_size);
    return 0;
}

/* A program's update writes its own thread's value. */
static int
array_update(struct ubpf_map *map, const void *key, const void *value,
             uint64_t flags)
{
    uint32_t index = index_of(map, key);
    void *mine;
    int err;

    if (index == UINT32_MAX) {
        return ENOENT;
    } else if (update_mode(flags) == UBPF_NOEXIST) {
        return EEXIST;
    }
    if (flags & UPDATE_BY_PROG) {
        mine = array_lookup(map, key);
        if (!mine) {
            return ENOMEM;
        }
        ubpf_value_write(mine, value, map->def.value_size);
        return 0;
    }
    pthread_mutex_lock(&map->lock);
    err = thread_values_set(&array_cast(map)->values, offset_of(map, index),
                            value, map->def.value_size);
    pthread_mutex_unlock(&map->lock);
    return err;
}

static void
array_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    info->n_entries = map->def.max_entries;
    info->bytes = sizeof(struct thread_array_map)
                  + thread_values_bytes(&array_cast(map)->values);
}

const struct map_ops ubpf_thread_array_ops = {
    .footprint = array_footprint,
    .create = array_create,
    .destroy = array_destroy,
    .lookup = array_lookup,
    .read = array_read,
    .update = array_update,
    .remove = indexed_remove,
    .dump = indexed_dump,
    .get_info = array_get_info,
};
