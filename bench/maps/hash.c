/* SPDX-License-Identifier: Apache-2.0
 *
 * Hash maps with keys of 16 bytes (addresses and ports). */

#include "contest.h"
#include "maps/hash.h"

#ifdef HAVE_DPDK
#include <rte_hash.h>
#include <rte_hash_crc.h>
#endif

void
hash_key(uint64_t n, uint8_t key[HASH_KEY])
{
    uint64_t state = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uint64_t words[2] = {next_random(&state), n};

    memcpy(key, words, HASH_KEY);
}

static uint64_t
run_hash(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += *(const uint64_t *) hash_lookup_inline(
            b->map, b->keys + i * HASH_KEY, HASH_KEY);
    }
    return sum;
}

static uint64_t
run_hash_ops(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += *(const uint64_t *) b->map->ops->lookup(b->map,
                                                       b->keys + i * HASH_KEY);
    }
    return sum;
}

#ifdef HAVE_DPDK
static uint64_t
run_rte_hash(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += b->rte_values[rte_hash_lookup(b->rte, b->keys + i * HASH_KEY)];
    }
    return sum;
}

static void
open_rte(struct bench *b, uint32_t size)
{
    struct rte_hash_parameters parameters = {
        .name = "bench",
        .entries = size < 8 ? 8 : size,
        .key_len = HASH_KEY,
        .hash_func = rte_hash_crc,
        .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
    };

    b->rte = must(rte_hash_create(&parameters));
    b->rte_values = must(malloc((size_t) 2 * (size + 64) * 8));
    for (uint32_t i = 0; i < size; i++) {
        uint8_t key[HASH_KEY];
        int at;

        hash_key(i, key);
        at = rte_hash_add_key(b->rte, key);
        succeed(at < 0 ? -at : 0, "rte_hash_add_key");
        b->rte_values[at] = i;
    }
    add_contestant(b, "rte_hash", run_rte_hash);
}
#endif

void
hash_open(struct bench *b, uint32_t size)
{
    uint64_t random = 7;

    *b = (struct bench) {
        .map = make(UBPF_MAP_TYPE_HASH, HASH_KEY, size, 0),
        .keys = must(malloc((size_t) N_LOOKUPS * HASH_KEY)),
    };
    for (uint64_t i = 0; i < size; i++) {
        uint8_t key[HASH_KEY];

        hash_key(i, key);
        succeed(ubpf_map_update(b->map, key, &i, UBPF_ANY), "update");
    }
    for (size_t i = 0; i < N_LOOKUPS; i++) {
        hash_key(next_random(&random) % size, b->keys + i * HASH_KEY);
    }
    add_contestant(b, "libubpf", run_hash);
    add_contestant(b, "libubpf, called", run_hash_ops);
#ifdef HAVE_DPDK
    open_rte(b, size);
#endif
}

void
hash_close(struct bench *b)
{
#ifdef HAVE_DPDK
    rte_hash_free(b->rte);
#endif
    close_bench(b);
}
