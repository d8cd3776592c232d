/* SPDX-License-Identifier: Apache-2.0
 *
 * What operations on maps cost, by size, beside DPDK's tables with the same
 * keys.  Each line of output is a JSON object.
 *
 *     maps [MOST-ENTRIES ["hash lpm ternary updates threads"]]
 *
 * A measurement looks up keys of the table in random order, and adds up what
 * it finds so that the values are read.  What is compared is timed in turn,
 * round by round, and the median of the rounds is reported.  Time is that of
 * the processor spent on this thread, which other work on the machine adds
 * less to. */

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "maps/hash.h"
#include "maps/lpm.h"
#include "maps/map.h"
#include "maps/ternary.h"

#ifdef HAVE_DPDK
#include <rte_eal.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lpm.h>
#endif

#define ROUNDS    5
#define N_LOOKUPS (1u << 18) /* Keys, looked up again and again. */
#define MIN_TIMES (1u << 19) /* Lookups of a round. */

static _Thread_local uint64_t sum; /* Of what was found, so that it must be. */

static uint64_t
cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

static uint64_t
next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void *
must(void *ptr)
{
    if (!ptr) {
        fprintf(stderr, "maps: out of memory\n");
        exit(1);
    }
    return ptr;
}

static void
succeed(int err, const char *what)
{
    if (err) {
        fprintf(stderr, "maps: %s: %s\n", what, strerror(err));
        exit(1);
    }
}

static struct ubpf_map *
make(uint32_t type, uint32_t key_size, uint32_t n, uint32_t extra)
{
    struct ubpf_map_def def = {
        .type = type,
        .key_size = key_size,
        .value_size = 8,
        .max_entries = n,
        .extra = extra,
    };

    return must(ubpf_map_create(&ubpf_host_single_threaded, "m", &def));
}

/* Something that looks up N_LOOKUPS keys of 'stride' bytes at 'keys'. */
struct contestant {
    const char *name;
    void (*run)(const void *table, const uint8_t *keys, uint32_t n);
    const void *table;
    const uint8_t *keys;
    double ns[ROUNDS]; /* Of one lookup. */
};

static int
compare(const void *a, const void *b)
{
    return (*(const double *) a > *(const double *) b)
           - (*(const double *) a < *(const double *) b);
}

/* Times contestants in turn and prints a line for each. */
static void
contest(const char *what, uint32_t size, struct contestant c[], int n)
{
    for (int round = -1; round < ROUNDS; round++) {
        for (int i = 0; i < n; i++) {
            uint64_t start = cpu_ns();
            uint32_t times = 0;

            for (; times < MIN_TIMES; times += N_LOOKUPS) {
                c[i].run(c[i].table, c[i].keys, N_LOOKUPS);
            }
            if (round >= 0) {
                c[i].ns[round] = (double) (cpu_ns() - start) / times;
            }
        }
    }
    for (int i = 0; i < n; i++) {
        qsort(c[i].ns, ROUNDS, sizeof c[i].ns[0], compare);
        printf("{\"table\": \"%s\", \"engine\": \"%s\", \"size\": %" PRIu32
               ", \"ns\": %.1f, \"least\": %.1f, \"most\": %.1f}\n",
               what, c[i].name, size, c[i].ns[ROUNDS / 2], c[i].ns[0],
               c[i].ns[ROUNDS - 1]);
    }
    fflush(stdout);
}

/* Hash maps with keys of 16 bytes (addresses and ports). */
#define HASH_KEY 16

static void
hash_key(uint64_t n, uint8_t key[HASH_KEY])
{
    uint64_t state = n * UINT64_C(0x9e3779b97f4a7c15) + 1;
    uint64_t words[2] = {next_random(&state), n};

    memcpy(key, words, HASH_KEY);
}

static void
run_hash(const void *map, const uint8_t *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *value =
            hash_lookup_inline(map, keys + (size_t) i * HASH_KEY, HASH_KEY);

        sum += *value;
    }
}

static void
run_ops(const void *map_, const uint8_t *keys, uint32_t n)
{
    const struct ubpf_map *map = map_;

    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *value =
            map->ops->lookup(map, keys + (size_t) i * HASH_KEY);

        sum += *value;
    }
}

#ifdef HAVE_DPDK
static uint64_t *rte_values;

static void
run_rte_hash(const void *table, const uint8_t *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        int at = rte_hash_lookup(table, keys + (size_t) i * HASH_KEY);

        sum += rte_values[at];
    }
}
#endif

static void
bench_hash(uint32_t size)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_HASH, HASH_KEY, size, 0);
    uint8_t *keys = must(malloc((size_t) N_LOOKUPS * HASH_KEY));
    uint8_t key[HASH_KEY];
    uint64_t random = 7;
    struct contestant c[3] = {
        {.name = "libubpf", .run = run_hash, .table = map, .keys = keys},
        {.name = "libubpf, called",
         .run = run_ops,
         .table = map,
         .keys = keys},
    };
    int n = 2;

#ifdef HAVE_DPDK
    struct rte_hash_parameters parameters = {
        .name = "bench",
        .entries = size < 8 ? 8 : size,
        .key_len = HASH_KEY,
        .hash_func = rte_hash_crc,
        .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF,
    };
    struct rte_hash *rte = must(rte_hash_create(&parameters));

    rte_values = must(malloc((size_t) 2 * (size + 64) * 8));
    c[n++] = (struct contestant) {
        .name = "rte_hash", .run = run_rte_hash, .table = rte, .keys = keys};
#endif
    for (uint64_t i = 0; i < size; i++) {
        hash_key(i, key);
        succeed(ubpf_map_update(map, key, &i, UBPF_ANY), "update");
#ifdef HAVE_DPDK
        int at = rte_hash_add_key(rte, key);

        succeed(at < 0 ? -at : 0, "rte_hash_add_key");
        rte_values[at] = i;
#endif
    }
    for (uint32_t i = 0; i < N_LOOKUPS; i++) {
        hash_key(next_random(&random) % size, keys + (size_t) i * HASH_KEY);
    }
    contest("hash", size, c, n);
#ifdef HAVE_DPDK
    rte_hash_free(rte);
    free(rte_values);
#endif
    free(keys);
    ubpf_map_unref(map);
}

/* IPv4 routes, of the lengths that there are on the Internet: most are /24,
 * and the others /16 to /23. */
#define LPM_KEY 8

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

static void
lpm_key(uint32_t address, uint32_t len, uint8_t key[LPM_KEY])
{
    uint32_t be = __builtin_bswap32(address);

    memcpy(key, &len, 4);
    memcpy(key + 4, &be, 4);
}

__attribute__((target("popcnt"))) static void
run_lpm(const void *map, const uint8_t *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *value =
            lpm_lookup_inline(map, keys + (size_t) i * LPM_KEY, LPM_KEY);

        sum += *value;
    }
}

static void
run_lpm_ops(const void *map_, const uint8_t *keys, uint32_t n)
{
    const struct ubpf_map *map = map_;

    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *value =
            map->ops->lookup(map, keys + (size_t) i * LPM_KEY);

        sum += *value;
    }
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
static void
run_rte_lpm_number(const void *table, const uint8_t *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t be, hop = 0;

        memcpy(&be, keys + (size_t) i * LPM_KEY + 4, 4);
        rte_lpm_lookup((struct rte_lpm *) (uintptr_t) table,
                       __builtin_bswap32(be), &hop);
        sum += hop;
    }
}

static void
run_rte_lpm(const void *table, const uint8_t *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t be, hop = 0;

        memcpy(&be, keys + (size_t) i * LPM_KEY + 4, 4);
        rte_lpm_lookup((struct rte_lpm *) (uintptr_t) table,
                       __builtin_bswap32(be), &hop);
        sum += rte_values[hop];
    }
}
#endif

static void
bench_lpm(uint32_t size)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_LPM, LPM_KEY, size, 0);
    uint8_t *keys = must(malloc((size_t) N_LOOKUPS * LPM_KEY));
    uint32_t *addresses = must(malloc(size * sizeof *addresses));
    uint8_t *lens = must(malloc(size));
    uint64_t random = 7;
    struct contestant c[4] = {
        {.name = "libubpf", .run = run_lpm, .table = map, .keys = keys},
        {.name = "libubpf, called",
         .run = run_lpm_ops,
         .table = map,
         .keys = keys},
    };
    int n = 2;

#ifdef HAVE_DPDK
    struct rte_lpm_config config = {.max_rules = size + 1,
                                    .number_tbl8s = 1 << 16};
    struct rte_lpm *rte = must(rte_lpm_create("bench", 0, &config));

    rte_values = must(calloc(size + 1, 8));
    c[n++] = (struct contestant) {
        .name = "rte_lpm", .run = run_rte_lpm, .table = rte, .keys = keys};
    c[n++] = (struct contestant) {.name = "rte_lpm, number",
                                  .run = run_rte_lpm_number,
                                  .table = rte,
                                  .keys = keys};
#endif
    for (uint32_t i = 0; i < size;) {
        uint32_t len;
        uint8_t key[LPM_KEY];
        uint64_t value = i;

        route(&random, &addresses[i], &len);
        lpm_key(addresses[i], len, key);
        if (ubpf_map_update(map, key, &value, UBPF_NOEXIST)) {
            continue;
        }
        lens[i++] = (uint8_t) len;
    }
#ifdef HAVE_DPDK
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < size; i++) {
            if ((lens[i] == 24) == !pass) {
                rte_route(rte, addresses[i], lens[i], i);
                rte_values[i] = i;
            }
        }
    }
#endif
    for (uint32_t i = 0; i < N_LOOKUPS; i++) {
        uint64_t r = next_random(&random);

        lpm_key(addresses[r % size], 32, keys + (size_t) i * LPM_KEY);
    }
    contest("lpm", size, c, n);
#ifdef HAVE_DPDK
    rte_lpm_free(rte);
    free(rte_values);
#endif
    free(addresses);
    free(lens);
    free(keys);
    ubpf_map_unref(map);
}

/* Ternary maps with keys of 16 bytes, of which each mask leaves out some. */
#define TERNARY_KEY 16

static void
run_ternary(const void *map, const uint8_t *keys, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t *value = ternary_lookup_inline(
            map, keys + (size_t) i * TERNARY_KEY, TERNARY_KEY, 0);

        sum += *value;
    }
}

/* The same tables, all of them looked into. */
static void
run_all_masks(const void *map, const uint8_t *keys, uint32_t n)
{
    const struct ternary_view *view =
        atomic_load(&((const struct ternary_map *) map)->view);

    for (uint32_t i = 0; i < n; i++) {
        const struct ternary_rest *best = NULL;
        uint64_t words[2], masked[2];

        memcpy(words, keys + (size_t) i * TERNARY_KEY, TERNARY_KEY);
        for (uint32_t j = 0; j < view->n; j++) {
            const struct ternary_tuple *tuple = view->tuples[j].filter->tuple;
            const struct table_element *element;
            const struct ternary_rest *rest;

            masked[0] = words[0] & tuple->mask[0];
            masked[1] = words[1] & tuple->mask[1];
            element =
                table_find(&tuple->table, masked, TERNARY_KEY,
                           table_hash(&tuple->table, masked, TERNARY_KEY));
            rest = element ? ternary_rest(element, 2) : NULL;
            if (rest
                && (!best
                    || ternary_better(rest->priority, rest->age,
                                      best->priority, best->age))) {
                best = rest;
            }
        }
        sum += best->ranges[0]; /* The value comes where no ranges are. */
    }
}

/* Entry 'i' of 'size' under 'n_masks' masks: those with longer masks have the
 * higher priority, as in a list of rules sorted from special to general. */
static void
ternary_entry(uint32_t i, uint32_t n_masks, uint8_t entry[8 + 2 * TERNARY_KEY])
{
    uint32_t mask = i % n_masks, priority = n_masks - mask;
    uint64_t state = i * UINT64_C(0x9e3779b97f4a7c15) + 1;

    memset(entry, 0, 8 + 2 * TERNARY_KEY);
    memcpy(entry, &priority, 4);
    for (int j = 0; j < TERNARY_KEY; j++) {
        entry[8 + j] = (uint8_t) (next_random(&state) >> 32);
        entry[8 + TERNARY_KEY + j] = 0xff;
    }
    /* Each mask leaves out another part of the last eight bytes. */
    for (uint32_t j = 0; j < 8; j++) {
        if (mask >> j & 1) {
            entry[8 + TERNARY_KEY + 8 + j] = 0;
        }
    }
}

static void
bench_ternary(uint32_t size, uint32_t n_masks)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_TERNARY, TERNARY_KEY, size, 0);
    uint8_t *keys = must(malloc((size_t) N_LOOKUPS * TERNARY_KEY));
    uint8_t entry[8 + 2 * TERNARY_KEY];
    uint64_t random = 7;
    struct contestant c[2] = {
        {.name = "libubpf", .run = run_ternary, .table = map, .keys = keys},
        {.name = "all masks",
         .run = run_all_masks,
         .table = map,
         .keys = keys},
    };
    char what[32];

    for (uint64_t i = 0; i < size; i++) {
        ternary_entry((uint32_t) i, n_masks, entry);
        succeed(ubpf_map_update(map, entry, &i, UBPF_ANY), "update");
    }
    for (uint32_t i = 0; i < N_LOOKUPS; i++) {
        ternary_entry((uint32_t) (next_random(&random) % size), n_masks,
                      entry);
        memcpy(keys + (size_t) i * TERNARY_KEY, entry + 8, TERNARY_KEY);
    }
    snprintf(what, sizeof what, "ternary, %" PRIu32 " masks", n_masks);
    contest(what, size, c, 2);
    free(keys);
    ubpf_map_unref(map);
}

/* Updates: entries added to an empty map, replaced, deleted. */
static void
bench_updates(uint32_t type, const char *name, uint32_t size)
{
    uint32_t key_size = type == UBPF_MAP_TYPE_LPM ? LPM_KEY : HASH_KEY;
    struct ubpf_map *map = make(type, key_size, size, 0);
    double ns[3];

    for (int pass = 0; pass < 3; pass++) {
        uint64_t start = cpu_ns();

        for (uint32_t i = 0; i < size; i++) {
            uint8_t key[8 + 2 * TERNARY_KEY];
            uint64_t value = i;

            if (type == UBPF_MAP_TYPE_LPM) {
                lpm_key(i * 2654435761u, 32, key);
            } else if (type == UBPF_MAP_TYPE_TERNARY) {
                ternary_entry(i, 32, key);
            } else {
                hash_key(i, key);
            }
            succeed(pass < 2 ? ubpf_map_update(map, key, &value, UBPF_ANY)
                             : ubpf_map_delete(map, key),
                    "update");
        }
        ns[pass] = (double) (cpu_ns() - start) / size;
    }
    printf("{\"table\": \"%s\", \"size\": %" PRIu32
           ", \"add\": %.0f, \"replace\": %.0f, \"delete\": %.0f}\n",
           name, size, ns[0], ns[1], ns[2]);
    fflush(stdout);
    ubpf_map_unref(map);
}

/* A thread that does what a contestant does. */
struct runner {
    struct contestant *contestant;
    double ns;
};

static void *
run_thread(void *runner_)
{
    struct runner *runner = runner_;
    const struct contestant *c = runner->contestant;
    uint64_t start = cpu_ns();
    uint32_t times = 0;

    for (; times < 8 * MIN_TIMES; times += N_LOOKUPS) {
        c->run(c->table, c->keys, N_LOOKUPS);
    }
    runner->ns = (double) (cpu_ns() - start) / times;
    return NULL;
}

/* The same lookups in one thread, and in two at once. */
static void
bench_threads(uint32_t size)
{
    struct ubpf_map *hash = make(UBPF_MAP_TYPE_HASH, HASH_KEY, size, 0);
    struct ubpf_map *ternary =
        make(UBPF_MAP_TYPE_TERNARY, TERNARY_KEY, size, 0);
    uint8_t *keys = must(malloc((size_t) N_LOOKUPS * HASH_KEY));
    uint8_t *words = must(malloc((size_t) N_LOOKUPS * TERNARY_KEY));
    uint8_t entry[8 + 2 * TERNARY_KEY];
    uint64_t random = 7;
    struct contestant c[2] = {
        {.name = "hash", .run = run_hash, .table = hash, .keys = keys},
        {.name = "ternary, 32 masks",
         .run = run_ternary,
         .table = ternary,
         .keys = words},
    };

    for (uint64_t i = 0; i < size; i++) {
        hash_key(i, entry);
        succeed(ubpf_map_update(hash, entry, &i, UBPF_ANY), "update");
        ternary_entry((uint32_t) i, 32, entry);
        succeed(ubpf_map_update(ternary, entry, &i, UBPF_ANY), "update");
    }
    for (uint32_t i = 0; i < N_LOOKUPS; i++) {
        uint32_t which = (uint32_t) (next_random(&random) % size);

        hash_key(which, keys + (size_t) i * HASH_KEY);
        ternary_entry(which, 32, entry);
        memcpy(words + (size_t) i * TERNARY_KEY, entry + 8, TERNARY_KEY);
    }
    for (int i = 0; i < 2; i++) {
        for (uint32_t n = 1; n <= 2; n++) {
            struct runner runners[2] = {{&c[i], 0}, {&c[i], 0}};
            pthread_t threads[2];
            double ns = 0;

            for (uint32_t j = 0; j < n; j++) {
                succeed(
                    pthread_create(&threads[j], NULL, run_thread, &runners[j]),
                    "thread");
            }
            for (uint32_t j = 0; j < n; j++) {
                pthread_join(threads[j], NULL);
                ns += runners[j].ns / n;
            }
            printf("{\"table\": \"%s\", \"size\": %" PRIu32
                   ", \"threads\": %" PRIu32 ", \"ns\": %.1f}\n",
                   c[i].name, size, n, ns);
        }
    }
    fflush(stdout);
    free(words);
    free(keys);
    ubpf_map_unref(ternary);
    ubpf_map_unref(hash);
}

int
main(int argc, char *argv[])
{
    uint32_t most = argc > 1 ? (uint32_t) strtoul(argv[1], NULL, 10) : 1000000;
    const char *only = argc > 2 ? argv[2] : "hash lpm ternary updates threads";

#ifdef HAVE_DPDK
    char *eal[] = {argv[0],       "--no-huge",      "-m", "1024", "--no-pci",
                   "--no-shconf", "--no-telemetry", "-l", "0"};

    if (rte_eal_init(sizeof eal / sizeof eal[0], eal) < 0) {
        fprintf(stderr, "maps: DPDK does not start\n");
        return 1;
    }
#endif
    for (uint32_t size = 1; size <= most; size *= 10) {
        if (strstr(only, "hash")) {
            bench_hash(size);
        }
        if (strstr(only, "lpm")) {
            bench_lpm(size);
        }
    }
    for (uint32_t n_masks = 1; n_masks <= 64; n_masks *= 2) {
        if (strstr(only, "ternary")) {
            bench_ternary(10000, n_masks);
        }
    }
    if (strstr(only, "threads")) {
        bench_threads(10000);
    }
    if (strstr(only, "updates")) {
        bench_updates(UBPF_MAP_TYPE_HASH, "hash", 100000);
        bench_updates(UBPF_MAP_TYPE_LPM, "lpm", 100000);
        bench_updates(UBPF_MAP_TYPE_TERNARY, "ternary", 100000);
    }
    return sum == 1; /* Never: it keeps the compiler from leaving work out. */
}
