/* SPDX-License-Identifier: Apache-2.0 */

#include "helpers.h"

#include <errno.h>
#include <stddef.h>

#include <ubpf/ubpf.h>

#include "hashes.h"
#include "lookup3.h"
#include "maps/map.h"
#include "maps/meter.h"

static void *
pointer(uint64_t reg)
{
    return (void *) (uintptr_t) reg;
}

/* A positive errno value as programs see it. */
static uint64_t
negative(int err)
{
    return (uint64_t) -(int64_t) err;
}

static uint64_t
helper_map_lookup(const struct ubpf_env *env, uint64_t map_, uint64_t key,
                  uint64_t r3, uint64_t r4, uint64_t r5)
{
    const struct ubpf_map *map = pointer(map_);

    (void) env, (void) r3, (void) r4, (void) r5;
    return (uintptr_t) map->ops->lookup(map, pointer(key));
}

static uint64_t
helper_map_update(const struct ubpf_env *env, uint64_t map_, uint64_t key,
                  uint64_t value, uint64_t flags, uint64_t r5)
{
    struct ubpf_map *map = pointer(map_);

    (void) env, (void) r5;
    if (map->def.flags & UBPF_MAP_F_RDONLY_PROG) {
        return negative(EPERM);
    }
    if (flags > UBPF_EXIST) {
        return negative(EINVAL);
    }
    return negative(map->ops->update(map, pointer(key), pointer(value),
                                     flags | UPDATE_BY_PROG));
}

static uint64_t
helper_map_delete(const struct ubpf_env *env, uint64_t map_, uint64_t key,
                  uint64_t r3, uint64_t r4, uint64_t r5)
{
    struct ubpf_map *map = pointer(map_);

    (void) env, (void) r3, (void) r4, (void) r5;
    if (map->def.flags & UBPF_MAP_F_RDONLY_PROG) {
        return negative(EPERM);
    }
    return negative(map->ops->remove(map, pointer(key), 0));
}

static uint64_t
helper_time_get_ns(const struct ubpf_env *env, uint64_t r1, uint64_t r2,
                   uint64_t r3, uint64_t r4, uint64_t r5)
{
    (void) r1, (void) r2, (void) r3, (void) r4, (void) r5;
    return env->host->now_ns();
}

static uint64_t
helper_adjust_head(const struct ubpf_env *env, uint64_t ctx, uint64_t delta_,
                   uint64_t r3, uint64_t r4, uint64_t r5)
{
    int64_t delta = (int64_t) delta_;

    (void) ctx, (void) r3, (void) r4, (void) r5;
    if (delta != (int32_t) delta || !env->run->adjust_head) {
        return negative(EINVAL);
    }
    return (uint64_t) (int64_t) env->run->adjust_head(env->run,
                                                      (int32_t) delta);
}

static uint64_t
helper_hash_lookup3(const struct ubpf_env *env, uint64_t data, uint64_t len,
                    uint64_t seed, uint64_t r4, uint64_t r5)
{
    (void) env, (void) r4, (void) r5;
    return ubpf_lookup3(pointer(data), len, (uint32_t) seed);
}

static uint64_t
helper_ring_output(const struct ubpf_env *env, uint64_t map, uint64_t data,
                   uint64_t size, uint64_t r4, uint64_t r5)
{
    (void) env, (void) r4, (void) r5;
    return negative(ubpf_ring_output(pointer(map), pointer(data), size));
}

static uint64_t
helper_meter_execute(const struct ubpf_env *env, uint64_t map, uint64_t index,
                     uint64_t units, uint64_t colour, uint64_t r5)
{
    (void) env, (void) r5;
    return ubpf_meter_map_execute(pointer(map), index, units, colour);
}

static uint64_t
helper_meter_update(const struct ubpf_env *env, uint64_t meter, uint64_t units,
                    uint64_t colour, uint64_t r4, uint64_t r5)
{
    (void) r4, (void) r5;
    return ubpf_meter_update(pointer(meter), units, colour,
                             env->host->now_ns());
}

static uint64_t
helper_random(const struct ubpf_env *env, uint64_t r1, uint64_t r2,
              uint64_t r3, uint64_t r4, uint64_t r5)
{
    (void) env, (void) r1, (void) r2, (void) r3, (void) r4, (void) r5;
    return ubpf_random();
}

static uint64_t
helper_hash(const struct ubpf_env *env, uint64_t data, uint64_t len,
            uint64_t algorithm, uint64_t r4, uint64_t r5)
{
    (void) env, (void) r4, (void) r5;
    return ubpf_hash(pointer(data), len, algorithm);
}

static const uint32_t lookup_types[] = {
    UBPF_MAP_TYPE_HASH,
    UBPF_MAP_TYPE_ARRAY,
    UBPF_MAP_TYPE_THREAD_HASH,
    UBPF_MAP_TYPE_THREAD_ARRAY,
    UBPF_MAP_TYPE_LRU_HASH,
    UBPF_MAP_TYPE_LPM,
    UBPF_MAP_TYPE_TERNARY,
    UBPF_MAP_TYPE_ARRAY_OF_MAPS,
    0,
};

/* A lookup's key is not an entry's in a ternary map. */
static const uint32_t update_types[] = {
    UBPF_MAP_TYPE_HASH,
    UBPF_MAP_TYPE_ARRAY,
    UBPF_MAP_TYPE_THREAD_HASH,
    UBPF_MAP_TYPE_THREAD_ARRAY,
    UBPF_MAP_TYPE_LRU_HASH,
    UBPF_MAP_TYPE_LPM,
    0,
};

static const uint32_t ring_types[] = {UBPF_MAP_TYPE_RING, 0};
static const uint32_t meter_types[] = {UBPF_MAP_TYPE_METER, 0};

static const struct {
    struct ubpf_helper_desc desc;
    ubpf_helper_fn *impl;
} helpers[] = {
    [UBPF_HELPER_MAP_LOOKUP] =
        {
            .desc =
                {
                    .name = "map_lookup",
                    .args = {UBPF_ARG_MAP, UBPF_ARG_MAP_KEY},
                    .ret = UBPF_RET_MAP_VALUE_OR_NULL,
                    .map_types = lookup_types,
                },
            .impl = helper_map_lookup,
        },
    [UBPF_HELPER_MAP_UPDATE] =
        {
            .desc =
                {
                    .name = "map_update",
                    .args = {UBPF_ARG_MAP, UBPF_ARG_MAP_KEY,
                             UBPF_ARG_MAP_VALUE, UBPF_ARG_SCALAR},
                    .ret = UBPF_RET_SCALAR,
                    .map_types = update_types,
                    .writes_map = true,
                },
            .impl = helper_map_update,
        },
    [UBPF_HELPER_MAP_DELETE] =
        {
            .desc =
                {
                    .name = "map_delete",
                    .args = {UBPF_ARG_MAP, UBPF_ARG_MAP_KEY},
                    .ret = UBPF_RET_SCALAR,
                    .map_types = update_types,
                    .writes_map = true,
                },
            .impl = helper_map_delete,
        },
    [UBPF_HELPER_TIME_GET_NS] =
        {
            .desc =
                {
                    .name = "time_get_ns",
                    .ret = UBPF_RET_SCALAR,
                },
            .impl = helper_time_get_ns,
        },
    [UBPF_HELPER_ADJUST_HEAD] =
        {
            .desc =
                {
                    .name = "adjust_head",
                    .args = {UBPF_ARG_CTX, UBPF_ARG_SCALAR},
                    .ret = UBPF_RET_SCALAR,
                    .moves_packet = true,
                },
            .impl = helper_adjust_head,
        },
    [UBPF_HELPER_HASH_LOOKUP3] =
        {
            .desc =
                {
                    .name = "hash_lookup3",
                    .args = {UBPF_ARG_MEM, UBPF_ARG_MEM_SIZE, UBPF_ARG_SCALAR},
                    .ret = UBPF_RET_SCALAR,
                },
            .impl = helper_hash_lookup3,
        },
    [UBPF_HELPER_RING_OUTPUT] =
        {
            .desc =
                {
                    .name = "ring_output",
                    .args = {UBPF_ARG_MAP, UBPF_ARG_MEM, UBPF_ARG_MEM_SIZE},
                    .ret = UBPF_RET_SCALAR,
                    .map_types = ring_types,
                    .writes_map = true,
                },
            .impl = helper_ring_output,
        },
    [UBPF_HELPER_METER_EXECUTE] =
        {
            .desc =
                {
                    .name = "meter_execute",
                    .args = {UBPF_ARG_MAP, UBPF_ARG_SCALAR, UBPF_ARG_SCALAR,
                             UBPF_ARG_SCALAR},
                    .ret = UBPF_RET_SCALAR,
                    .map_types = meter_types,
                },
            .impl = helper_meter_execute,
        },
    [UBPF_HELPER_METER_UPDATE] =
        {
            .desc =
                {
                    .name = "meter_update",
                    .args = {UBPF_ARG_METER, UBPF_ARG_SCALAR, UBPF_ARG_SCALAR},
                    .ret = UBPF_RET_SCALAR,
                },
            .impl = helper_meter_update,
        },
    [UBPF_HELPER_RANDOM] =
        {
            .desc =
                {
                    .name = "random",
                    .ret = UBPF_RET_SCALAR,
                },
            .impl = helper_random,
        },
    [UBPF_HELPER_HASH] =
        {
            .desc =
                {
                    .name = "hash",
                    .args = {UBPF_ARG_MEM, UBPF_ARG_MEM_SIZE, UBPF_ARG_SCALAR},
                    .ret = UBPF_RET_SCALAR,
                },
            .impl = helper_hash,
        },
};

const struct ubpf_helper_desc *
ubpf_helper_desc(uint32_t id)
{
    return ubpf_helper_impl(id) ? &helpers[id].desc : NULL;
}

bool
ubpf_helper_takes_map(const struct ubpf_helper_desc *helper, uint32_t type)
{
    for (const uint32_t *p = helper->map_types; p && *p; p++) {
        if (*p == type) {
            return true;
        }
    }
    return false;
}

ubpf_helper_fn *
ubpf_helper_impl(uint32_t id)
{
    return id < sizeof helpers / sizeof helpers[0] ? helpers[id].impl : NULL;
}
