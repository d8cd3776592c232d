/* SPDX-License-Identifier: Apache-2.0
 *
 * Lookups and other helpers that are compiled into programs: built to LLVM
 * bitcode, which the plugin carries and links with each program that uses one.
 * What is a constant in a call of these is one in the code that they become.
 */

#include "jit/inline.h"

#include "crc_inline.h"
#include "hashes_inline.h"
#include "helpers.h"
#include "maps/hash.h"
#include "maps/lpm.h"
#include "maps/map_array.h"
#include "maps/ring.h"
#include "maps/ternary.h"
#include "maps/thread_array.h"
#include "maps/thread_hash.h"

uint64_t
ubpf_inline_time(const struct ubpf_host *host, uint64_t *now)
{
    if (!*now) {
        *now = host->now_ns();
    }
    return *now;
}

void *
ubpf_inline_hash(const struct ubpf_map *map, const void *key,
                 uint32_t key_size)
{
    return hash_lookup_inline(map, key, key_size);
}

void *
ubpf_inline_lru(const struct ubpf_map *map, const void *key, uint32_t key_size)
{
    return lru_lookup_inline(map, key, key_size);
}

/* What map_value_touch() does, at the burst's time: 'idle_ofs' is where in a
 * value the time of the last use is. */
void
ubpf_inline_touch(uint64_t value, uint64_t idle_ofs,
                  const struct ubpf_host *host, uint64_t *now)
{
    if (value) {
        __atomic_store_n((uint64_t *) (uintptr_t) (value + idle_ofs),
                         ubpf_inline_time(host, now), __ATOMIC_RELAXED);
    }
}

/* What the helper METER_EXECUTE does in a map of 'n' meters, at the burst's
 * time; 'update' is ubpf_meter_update(). */
uint64_t
ubpf_inline_meter(struct ubpf_meter *meters, uint64_t n, uint64_t index,
                  uint64_t units, uint64_t colour,
                  const struct ubpf_host *host, uint64_t *now,
                  uint64_t (*update)(struct ubpf_meter *, uint64_t, uint64_t,
                                     uint64_t))
{
    if (index >= n || colour > UBPF_RED) {
        return UBPF_RED;
    }
    return update(&meters[index], units, colour, ubpf_inline_time(host, now));
}

void *
ubpf_inline_lpm(const struct ubpf_map *map, const void *key, uint32_t key_size)
{
    return lpm_lookup_inline(map, key, key_size);
}

void *
ubpf_inline_ternary(const struct ubpf_map *map, const void *key,
                    uint32_t key_size, uint32_t n_ranges)
{
    uint8_t *element =
        (uint8_t *) ternary_find_inline(map, key, key_size, n_ranges);

    return element ? element + ((const struct ternary_map *) map)->value_ofs
                   : NULL;
}

void *
ubpf_inline_thread_array(const struct ubpf_map *map, const void *key,
                         const uint32_t *thread, uint32_t max_entries,
                         uint32_t value_size)
{
    void *value =
        thread_array_lookup_inline(map, key, max_entries, value_size, *thread);

    /* The thread's first look at the map, or an index out of range. */
    return __builtin_expect(!value, 0) ? map->ops->lookup(map, key) : value;
}

void *
ubpf_inline_thread_hash(const struct ubpf_map *map, const void *key,
                        const uint32_t *thread, uint32_t key_size,
                        uint32_t value_size)
{
    return thread_hash_lookup_inline(map, key, *thread, key_size, value_size);
}

void *
ubpf_inline_map_array(const struct ubpf_map *map, const void *key,
                      uint32_t max_entries)
{
    return map_array_lookup_inline(map, key, max_entries);
}

/* RING_OUTPUT of a record that fits; 'lose' is ubpf_ring_lose(). */
uint64_t
ubpf_inline_ring(struct ubpf_map *map, const void *data, ring_lose_fn *lose,
                 uint32_t size, uint32_t max_entries)
{
    return (uint64_t) -(int64_t) ring_output_inline(map, data, size,
                                                    max_entries, lose);
}

uint64_t
ubpf_inline_lookup3(const void *data, uint64_t seed, uint32_t len)
{
    return lookup3_inline(data, len, (uint32_t) seed);
}

uint64_t
ubpf_inline_xxh64(const void *data, uint32_t len)
{
    return xxh64_inline(data, len);
}

#if defined CRC_HAS_MACHINE
CRC_TARGET uint64_t
ubpf_inline_crc16(const void *data, uint32_t len)
{
    return (uint16_t) crc_inline(data, len, &crc16_constants);
}

CRC_TARGET uint64_t
ubpf_inline_crc32(const void *data, uint32_t len)
{
    return crc_inline(data, len, &crc32_constants);
}

CRC_TARGET uint64_t
ubpf_inline_crc32c(const void *data, uint32_t len)
{
    return crc32c_inline(data, len);
}
#endif

/* Random numbers of a burst's own sequence, whose start is the helper
 * 'random'. */
uint64_t
ubpf_inline_random(const struct ubpf_env *env, uint64_t *state,
                   ubpf_helper_fn *random)
{
    if (!*state) {
        *state = random(env, 0, 0, 0, 0, 0);
    }
    return random_next(state);
}

/* What the helper ADJUST_HEAD does. */
uint64_t
ubpf_inline_adjust_head(const struct ubpf_env *env, uint64_t delta)
{
    struct ubpf_run *run = env->run;

    if ((int64_t) delta != (int32_t) delta || !run->adjust_head) {
        return (uint64_t) -EINVAL;
    }
    return (uint64_t) (int64_t) run->adjust_head(run, (int32_t) delta);
}
