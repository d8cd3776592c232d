/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays of meters, and meters themselves.
 *
 * The buckets hold billionths of a unit, so that a bucket of rate R gains
 * exactly R of them in each nanosecond and nothing is ever rounded.
 *
 * The locks are not in the meters: those are open to programs, and copied with
 * the state of an entry. */

#include "maps/meter.h"

#include <errno.h>
#include <string.h>

#include "maps/indexed.h"
#include "maps/map.h"
#include "maps/memory.h"

#define BILLION UINT64_C(1000000000)

#define N_LOCKS 256

/* A lock for all meters whose addresses have the same hash. */
static struct {
    _Alignas(64) atomic_flag held;
} locks[N_LOCKS];

static atomic_flag *
lock_meter(const struct ubpf_meter *meter)
{
    uint64_t hash = (uintptr_t) meter * UINT64_C(0x9e3779b97f4a7c15);
    atomic_flag *lock = &locks[hash >> 56].held;

    while (atomic_flag_test_and_set_explicit(lock, memory_order_acquire)) {
#if defined __x86_64__
        __builtin_ia32_pause();
#endif
    }
    return lock;
}

static void
unlock_meter(atomic_flag *lock)
{
    atomic_flag_clear_explicit(lock, memory_order_release);
}

static uint64_t
get(const uint64_t *word)
{
    return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void
set(uint64_t *word, uint64_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* What a bucket of 'burst' units holds when it is full.  A burst above 2^64
 * billionths counts as that. */
static uint64_t
full(uint64_t burst)
{
    return burst > UINT64_MAX / BILLION ? UINT64_MAX : burst * BILLION;
}

/* The tokens of a bucket of 'rate' and 'burst' that had 'tokens' 'elapsed'
 * nanoseconds ago. */
static uint64_t
refill(uint64_t tokens, uint64_t rate, uint64_t burst, uint64_t elapsed)
{
    unsigned __int128 now = (unsigned __int128) rate * elapsed + tokens;

    return now < full(burst) ? (uint64_t) now : full(burst);
}

uint64_t
ubpf_meter_update(struct ubpf_meter *meter, uint64_t units, uint64_t colour,
                  uint64_t now)
{
    unsigned __int128 need = (unsigned __int128) units * BILLION;
    uint64_t pir, c, p, last, elapsed;
    atomic_flag *lock;

    if (colour > UBPF_RED) {
        return UBPF_RED;
    }
    pir = get(&meter->pir);
    if (!pir) {
        return colour;
    }
    lock = lock_meter(meter);
    last = get(&meter->last_ns);
    if (last) {
        elapsed = now > last ? now - last : 0;
        c = refill(get(&meter->tokens[0]), get(&meter->cir), get(&meter->cbs),
                   elapsed);
        p = refill(get(&meter->tokens[1]), pir, get(&meter->pbs), elapsed);
    } else {
        c = full(get(&meter->cbs));
        p = full(get(&meter->pbs));
    }
    if (colour == UBPF_RED || p < need) {
        colour = UBPF_RED;
    } else {
        p -= (uint64_t) need;
        if (colour == UBPF_YELLOW || c < need) {
            colour = UBPF_YELLOW;
        } else {
            c -= (uint64_t) need;
        }
    }
    set(&meter->tokens[0], c);
    set(&meter->tokens[1], p);
    if (now > last) {
        set(&meter->last_ns, now);
    }
    unlock_meter(lock);
    return colour;
}

void
ubpf_meter_set(struct ubpf_meter *meter, const struct ubpf_meter *from,
               uint64_t now)
{
    atomic_flag *lock = lock_meter(meter);

    set(&meter->cir, from->cir);
    set(&meter->cbs, from->cbs);
    set(&meter->pir, from->pir);
    set(&meter->pbs, from->pbs);
    set(&meter->tokens[0], full(from->cbs));
    set(&meter->tokens[1], full(from->pbs));
    set(&meter->last_ns, now);
    unlock_meter(lock);
}

struct meter_map {
    struct ubpf_map up;
    struct ubpf_meter *meters;
};

static struct meter_map *
meter_cast(const struct ubpf_map *map)
{
    return (struct meter_map *) map;
}

struct ubpf_meter *
ubpf_meter_map_meters(const struct ubpf_map *map)
{
    return meter_cast(map)->meters;
}

static uint64_t
meter_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct meter_map)
           + def->max_entries * sizeof(struct ubpf_meter);
}

static struct ubpf_map *
meter_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct meter_map *map = map_zalloc(host, sizeof *map);
    size_t size = def->max_entries * sizeof *map->meters;

    if (!map) {
        return NULL;
    }
    map->meters = map_zalloc(host, size);
    if (!map->meters || ubpf_map_init(&map->up, &ubpf_meter_ops, host, def)) {
        map_free(host, map->meters, size);
        map_free(host, map, sizeof *map);
        return NULL;
    }
    return &map->up;
}

static void
meter_destroy(struct ubpf_map *map_)
{
    struct meter_map *map = meter_cast(map_);
    struct ubpf_host host = map_->host;

    map_free(&host, map->meters, map_->def.max_entries * sizeof *map->meters);
    ubpf_map_uninit(map_);
    map_free(&host, map, sizeof *map);
}

/* The meter for 'key', or NULL. */
static struct ubpf_meter *
find(const struct ubpf_map *map, const void *key)
{
    uint32_t index;

    memcpy(&index, key, sizeof index);
    return index < map->def.max_entries ? &meter_cast(map)->meters[index]
                                        : NULL;
}

uint64_t
ubpf_meter_map_execute(const struct ubpf_map *map, uint64_t index,
                       uint64_t units, uint64_t colour)
{
    if (index >= map->def.max_entries || colour > UBPF_RED) {
        return UBPF_RED;
    }
    return ubpf_meter_update(&meter_cast(map)->meters[index], units, colour,
                             map->host.now_ns());
}

static int
meter_read(const struct ubpf_map *map, const void *key, void *value)
{
    const struct ubpf_meter *meter = find(map, key);

    if (!meter) {
        return ENOENT;
    }
    ubpf_value_read(value, meter, sizeof *meter);
    return 0;
}

static int
meter_update(struct ubpf_map *map, const void *key, const void *value,
             uint64_t flags)
{
    struct ubpf_meter *meter = find(map, key), from;

    if (!meter) {
        return ENOENT;
    } else if (update_mode(flags) == UBPF_NOEXIST) {
        return EEXIST;
    }
    memcpy(&from, value, sizeof from);
    if (from.pir < from.cir) {
        return EINVAL;
    }
    ubpf_meter_set(meter, &from, map->host.now_ns());
    return 0;
}

static void
meter_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    info->n_entries = map->def.max_entries;
    info->bytes = meter_footprint(&map->def);
}

const struct map_ops ubpf_meter_ops = {
    .footprint = meter_footprint,
    .create = meter_create,
    .destroy = meter_destroy,
    .read = meter_read,
    .update = meter_update,
    .remove = indexed_remove,
    .dump = indexed_dump,
    .get_info = meter_get_info,
};
