/* SPDX-License-Identifier: Apache-2.0
 *
 * IPv4 routes, of the lengths that there are on the Internet: most are /24,
 * and the others /16 to /23. */

#include "contest.h"
#include "maps/lpm.h"

#ifdef HAVE_DPDK
#include <rte_lpm.h>
#endif

static void
route(uint64_t *random, uint32_t *address, uint32_t *len)
{
    uint64_t r = next_random(random);

    *len = r % 10 < 6 ? 24 : 16 + (uint32_t) (r >> 8) % 8;
    if (r % 100 == 0) {
        *len = 25 + (uint32_t) (r >> 8) % 8;
    }
    *address = (uint32_t) (r >> 32) & (UINT32_MAX << (32 - *len));
}

void
lpm_key(uint32_t address, uint32_t len, uint8_t key[LPM_KEY])
{
    uint32_t be = __builtin_bswap32(address);

    memcpy(key, &len, 4);
    memcpy(key + 4, &be, 4);
}

__attribute__((target("popcnt"))) static uint64_t
run_lpm(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += *(const uint64_t *) lpm_lookup_inline(
            b->map, b->keys + i * LPM_KEY, LPM_KEY);
    }
    return sum;
}

static uint64_t
run_lpm_ops(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += *(const uint64_t *) b->map->ops->lookup(b->map,
                                                       b->keys + i * LPM_KEY);
    }
    return sum;
}

#ifdef HAVE_DPDK
/* Adds a route.  rte_lpm_add() looks through all routes of a length, which
 * takes minutes for the many /24 of a large table; for those, which come
 * before longer ones, this writes what it would write in the end. */
static void
rte_route(struct rte_lpm *rte, uint32_t address, uint32_t len, uint32_t hop)
{
    if (len == 24) {
        rte->tbl24[address >> 8] = (struct rte_lpm_tbl_entry) {
            .next_hop = hop, .valid = 1, .depth = 24};
    } else {
        succeed(rte_lpm_add(rte, address, (uint8_t) len, hop) ? ENOSPC : 0,
                "rte_lpm_add");
    }
}

/* The number that is found, alone; and, as an application does, what is at
 * this place of an array, the value. */
static inline uint32_t
find_number(const struct bench *b, size_t i)
{
    uint32_t be, hop = 0;

    memcpy(&be, b->keys + i * LPM_KEY + 4, 4);
    rte_lpm_lookup(b->rte, __builtin_bswap32(be), &hop);
    return hop;
}

static uint64_t
run_rte_lpm_number(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += find_number(b, i);
    }
    return sum;
}

static uint64_t
run_rte_lpm(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += b->rte_values[find_number(b, i)];
    }
    return sum;
}

static void
open_rte(struct bench *b, uint32_t size, const uint32_t addresses[],
         const uint8_t lens[])
{
    struct rte_lpm_config config = {.max_rules = size + 1,
                                    .number_tbl8s = 1 << 16};

    b->rte = must(rte_lpm_create("bench", 0, &config));
    b->rte_values = must(calloc(size + 1, 8));
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < size; i++) {
            if ((lens[i] == 24) == !pass) {
                rte_route(b->rte, addresses[i], lens[i], i);
                b->rte_values[i] = i;
            }
        }
    }
    add_contestant(b, "rte_lpm", run_rte_lpm);
    add_contestant(b, "rte_lpm, number", run_rte_lpm_number);
}
#endif

void
lpm_open(struct bench *b, uint32_t size)
{
    uint32_t *addresses = must(malloc(size * sizeof *addresses));
    uint8_t *lens = must(malloc(size));
    uint64_t random = 7;

    *b = (struct bench) {
        .map = make(UBPF_MAP_TYPE_LPM, LPM_KEY, size, 0),
        .keys = must(malloc((size_t) N_LOOKUPS * LPM_KEY)),
    };
    for (uint32_t i = 0; i < size;) {
        uint32_t len;
        uint8_t key[LPM_KEY];
        uint64_t value = i;

        route(&random, &addresses[i], &len);
        lpm_key(addresses[i], len, key);
        if (!ubpf_map_update(b->map, key, &value, UBPF_NOEXIST)) {
            lens[i++] = (uint8_t) len;
        }
    }
    for (size_t i = 0; i < N_LOOKUPS; i++) {
        uint64_t r = next_random(&random);

        lpm_key(addresses[r % size], 32, b->keys + i * LPM_KEY);
    }
    add_contestant(b, "libubpf", run_lpm);
    add_contestant(b, "libubpf, called", run_lpm_ops);
#ifdef HAVE_DPDK
    open_rte(b, size, addresses, lens);
#endif
    free(addresses);
    free(lens);
}

void
lpm_close(struct bench *b)
{
#ifdef HAVE_DPDK
    rte_lpm_free(b->rte);
#endif
    close_bench(b);
}
