/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of maps.  An update exchanges one pointer, so that readers have the
 * old map or the new one; the old one is given up after a grace period. */

#include "maps/map_array.h"

#include <errno.h>

#include "maps/indexed.h"
#include "maps/memory.h"

static struct map_array *
map_array_cast(const struct ubpf_map *map)
{
    return (struct map_array *) map;
}

static uint64_t
slots_size(uint64_t n)
{
    return sizeof(struct map_slots) + n * sizeof(struct ubpf_map *);
}

static struct map_slots *
slots_new(const struct ubpf_host *host, uint32_t n)
{
    struct map_slots *slots = map_zalloc(host, slots_size(n));

    if (slots) {
        slots->host = *host;
        slots->n = n;
        atomic_init(&slots->refcount, 1);
    }
    return slots;
}

/* Drops a reference.  Nobody reads through it any more. */
static void
slots_unref(struct map_slots *slots)
{
    struct ubpf_host host = slots->host;

    if (atomic_fetch_sub_explicit(&slots->refcount, 1, memory_order_acq_rel)
        > 1) {
        return;
    }
    for (uint32_t i = 0; i < slots->n; i++) {
        ubpf_map_unref(
            atomic_load_explicit(&slots->maps[i], memory_order_relaxed));
    }
    map_free(&host, slots, slots_size(slots->n));
}

static uint64_t
map_array_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct map_array) + slots_size(def->max_entries);
}

static struct ubpf_map *
map_array_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct map_array *array = map_zalloc(host, sizeof *array);

    if (!array) {
        return NULL;
    }
    array->slots = slots_new(host, def->max_entries);
    if (!array->slots) {
        map_free(host, array, sizeof *array);
        return NULL;
    }
    if (ubpf_map_init(&array->up, &ubpf_map_array_ops, host, def)) {
        slots_unref(array->slots);
        map_free(host, array, sizeof *array);
        return NULL;
    }
    return &array->up;
}

static void
map_array_destroy(struct ubpf_map *map)
{
    struct map_array *array = map_array_cast(map);
    struct ubpf_host host = map->host;

    slots_unref(array->slots);
    ubpf_map_uninit(map);
    map_free(&host, array, sizeof *array);
}

/* Whether a program that knows 'b' may be given 'a' in its place. */
static bool
looks_like(const struct ubpf_map_def *a, const struct ubpf_map_def *b)
{
    struct ubpf_map_def def = *a;

    def.max_entries = b->max_entries;
    return !memcmp(&def, b, sizeof def);
}

/* Whether 'map' may be an element of 'array'. */
static bool
fits(const struct map_array *array, const struct ubpf_map *map)
{
    return looks_like(&map->def, &array->maps[array->up.def.extra]->def);
}

/* The number of 'map' in the program of 'array'. */
static uint32_t
number_of(const struct map_array *array, const struct ubpf_map *map)
{
    for (uint32_t i = 0; map && i < array->n_maps; i++) {
        if (array->maps[i] == map) {
            return i;
        }
    }
    return UBPF_NO_MAP;
}

void
ubpf_map_array_set_program(struct ubpf_map *map, struct ubpf_map *const maps[],
                           uint32_t n)
{
    struct map_array *array = map_array_cast(map);

    if (map->def.type != UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        return;
    }
    for (uint32_t i = 0; i < array->slots->n; i++) {
        struct ubpf_map *old =
            atomic_load_explicit(&array->slots->maps[i], memory_order_relaxed);
        uint32_t number = number_of(array, old);

        if (number < n && maps[number] != old) {
            atomic_store_explicit(&array->slots->maps[i],
                                  ubpf_map_ref(maps[number]),
                                  memory_order_relaxed);
            ubpf_map_unref(old);
        }
    }
    array->maps = maps;
    array->n_maps = n;
}

bool
ubpf_map_array_adopt(struct ubpf_map *map, const struct ubpf_map *old_)
{
    struct map_array *array = map_array_cast(map);
    const struct map_array *old = map_array_cast(old_);
    struct ubpf_map_def def = map->def;

    if (map->def.type != UBPF_MAP_TYPE_ARRAY_OF_MAPS
        || map->def.flags & UBPF_MAP_F_RDONLY_USER) {
        return false;
    }
    def.extra = old->up.def.extra; /* A number, which may be another. */
    if (memcmp(&def, &old->up.def, sizeof def)) {
        return false;
    }
    for (uint32_t i = 0; i < old->n_maps; i++) {
        if (fits(old, old->maps[i])
            && (number_of(array, old->maps[i]) == UBPF_NO_MAP
                || !fits(array, old->maps[i]))) {
            return false;
        }
    }
    atomic_fetch_add_explicit(&old->slots->refcount, 1, memory_order_relaxed);
    slots_unref(array->slots);
    array->slots = old->slots;
    return true;
}

static void *
map_array_lookup(const struct ubpf_map *map, const void *key)
{
    return map_array_lookup_inline(map, key, map->def.max_entries);
}

static int
map_array_read(const struct ubpf_map *map, const void *key, void *value)
{
    uint32_t index, number;

    memcpy(&index, key, sizeof index);
    if (index >= map->def.max_entries) {
        return ENOENT;
    }
    number = number_of(map_array_cast(map), map_array_lookup(map, &index));
    memcpy(value, &number, sizeof number);
    return 0;
}

static void
unref_cb(void *map)
{
    ubpf_map_unref(map);
}

/* Needs no lock: it is one exchange. */
static int
map_array_update(struct ubpf_map *map, const void *key, const void *value,
                 uint64_t flags)
{
    const struct map_array *array = map_array_cast(map);
    struct ubpf_map *new = NULL, *old;
    uint32_t index, number;

    memcpy(&index, key, sizeof index);
    memcpy(&number, value, sizeof number);
    if (index >= map->def.max_entries) {
        return ENOENT;
    } else if (update_mode(flags) == UBPF_NOEXIST) {
        return EEXIST;
    }
    if (number != UBPF_NO_MAP) {
        if (number >= array->n_maps || !fits(array, array->maps[number])) {
            return EINVAL;
        }
        new = ubpf_map_ref(array->maps[number]);
    }
    old = atomic_exchange_explicit(&array->slots->maps[index], new,
                                   memory_order_acq_rel);
    if (old) {
        map->host.postpone(unref_cb, old);
    }
    return 0;
}

static void
map_array_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    info->n_entries = map->def.max_entries;
    info->bytes = map_array_footprint(&map->def);
}

const struct map_ops ubpf_map_array_ops = {
    .footprint = map_array_footprint,
    .create = map_array_create,
    .destroy = map_array_destroy,
    .lookup = map_array_lookup,
    .read = map_array_read,
    .update = map_array_update,
    .remove = indexed_remove,
    .dump = indexed_dump,
    .get_info = map_array_get_info,
};
