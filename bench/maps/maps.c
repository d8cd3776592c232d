/* SPDX-License-Identifier: Apache-2.0
 *
 * What operations on maps cost, by size, beside DPDK's tables with the same
 * keys.  Each line of output is a JSON object.
 *
 *     maps [MOST-ENTRIES ["hash lpm ternary acl updates threads"]]
 *
 * A measurement looks up keys of the table in random order, and adds up what
 * it finds so that the values are read.  What is compared is timed in turn,
 * round by round, and the median of the rounds is reported.  Time is that of
 * the processor spent on this thread, which other work on the machine adds
 * less to. */

#include <pthread.h>

#include "contest.h"

#ifdef HAVE_DPDK
#include <rte_eal.h>
#endif

#define MAX_THREADS 4

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
    const struct bench *bench;
    const struct contestant *contestant;
    double ns;
};

static void *
run_thread(void *runner_)
{
    struct runner *runner = runner_;

    runner->ns = time_of(runner->bench, runner->contestant, 8 * MIN_TIMES);
    return NULL;
}

/* The same lookups in one thread, and in more at once. */
static void
bench_threads(const char *what, uint32_t size, const struct bench *b,
              const struct contestant *c)
{
    for (uint32_t n = 1; n <= MAX_THREADS; n *= 2) {
        struct runner runners[MAX_THREADS];
        pthread_t threads[MAX_THREADS];
        double ns = 0;

        for (uint32_t i = 0; i < n; i++) {
            runners[i] = (struct runner) {b, c, 0};
            succeed(pthread_create(&threads[i], NULL, run_thread, &runners[i]),
                    "thread");
        }
        for (uint32_t i = 0; i < n; i++) {
            pthread_join(threads[i], NULL);
            ns += runners[i].ns / n;
        }
        printf("{\"table\": \"%s\", \"size\": %" PRIu32
               ", \"threads\": %" PRIu32 ", \"ns\": %.1f}\n",
               what, size, n, ns);
    }
    fflush(stdout);
}

static void
bench_all_threads(uint32_t size)
{
    struct bench b;

    hash_open(&b, size);
    bench_threads("hash", size, &b, &b.contestants[0]);
    if (b.rte) {
        bench_threads("rte_hash", size, &b, &b.contestants[2]);
    }
    hash_close(&b);
    lpm_open(&b, size);
    bench_threads("LPM, IPv4", size, &b, &b.contestants[0]);
    if (b.rte) {
        bench_threads("rte_lpm", size, &b, &b.contestants[2]);
    }
    lpm_close(&b);
    ternary_open(&b, size, 32);
    bench_threads("ternary, 32 masks", size, &b, &b.contestants[0]);
    close_bench(&b);
}

static void
bench_sizes(uint32_t most, const char *only)
{
    struct bench b;

    for (uint32_t size = 1; size <= most; size *= 10) {
        if (strstr(only, "hash")) {
            hash_open(&b, size);
            contest("hash", size, &b);
            hash_close(&b);
        }
        if (strstr(only, "lpm")) {
            lpm_open(&b, size);
            contest("lpm", size, &b);
            lpm_close(&b);
        }
    }
    for (uint32_t n_masks = 1; n_masks <= 64; n_masks *= 2) {
        if (strstr(only, "ternary")) {
            char what[32];

            snprintf(what, sizeof what, "ternary, %" PRIu32 " masks", n_masks);
            ternary_open(&b, 10000, n_masks);
            contest(what, 10000, &b);
            close_bench(&b);
        }
    }
    for (uint32_t size = 100; size <= 10000; size *= 10) {
        if (strstr(only, "acl")) {
            bench_acl(size);
        }
    }
}

int
main(int argc, char *argv[])
{
    uint32_t most = argc > 1 ? (uint32_t) strtoul(argv[1], NULL, 10) : 1000000;
    const char *only =
        argc > 2 ? argv[2] : "hash lpm ternary acl updates threads";

#ifdef HAVE_DPDK
    char *eal[] = {argv[0],       "--no-huge",      "-m", "1024", "--no-pci",
                   "--no-shconf", "--no-telemetry", "-l", "0"};

    if (rte_eal_init(sizeof eal / sizeof eal[0], eal) < 0) {
        fprintf(stderr, "maps: DPDK does not start\n");
        return 1;
    }
#endif
    bench_sizes(most, only);
    if (strstr(only, "threads")) {
        bench_all_threads(10000);
    }
    if (strstr(only, "updates")) {
        bench_updates(UBPF_MAP_TYPE_HASH, "hash", 100000);
        bench_updates(UBPF_MAP_TYPE_LPM, "lpm", 100000);
        bench_updates(UBPF_MAP_TYPE_TERNARY, "ternary", 100000);
    }
    return 0;
}
