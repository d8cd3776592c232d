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
