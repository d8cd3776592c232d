/* SPDX-License-Identifier: Apache-2.0
 *
 * Lookups that are compiled into programs: built to LLVM bitcode, which the
 * plugin carries and links with each program that uses one.  What is a
 * constant in a call of these is one in the code that they become. */

#include "jit/inline.h"

#include "maps/hash.h"
#include "maps/lpm.h"
#include "maps/ternary.h"
#include "maps/thread_array.h"

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
                 uint32_t key_size, const uint32_t *thread)
{
    (void) thread;
    return hash_lookup_inline(map, key, key_size);
}

void *
ubpf_inline_lru(const struct ubpf_map *map, const void *key, uint32_t key_size,
                const uint32_t *thread)
{
    (void) thread;
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
ubpf_inline_lpm(const struct ubpf_map *map, const void *key, uint32_t key_size,
                const uint32_t *thread)
{
    (void) thread;
    return lpm_lookup_inline(map, key, key_size);
}

void *
ubpf_inline_ternary(const struct ubpf_map *map, const void *key,
                    uint32_t key_size, uint32_t n_ranges,
                    const uint32_t *thread)
{
    uint8_t *element =
        (uint8_t *) ternary_find_inline(map, key, key_size, n_ranges);

    (void) thread;
    return element ? element + ((const struct ternary_map *) map)->value_ofs
                   : NULL;
}

void *
ubpf_inline_thread_array(const struct ubpf_map *map, const void *key,
                         uint32_t max_entries, uint32_t value_size,
                         const uint32_t *thread)
{
    void *value =
        thread_array_lookup_inline(map, key, max_entries, value_size, *thread);

    /* The thread's first look at the map, or an index out of range. */
    return __builtin_expect(!value, 0) ? map->ops->lookup(map, key) : value;
}
