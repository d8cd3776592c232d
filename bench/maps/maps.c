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

/* What is done to all entries, in turn, and how many at once. */
enum {
    ADD,
    REPLACE,
    DELETE,
    N_PASSES,
};
#define BATCH 500

/* Entries for a map of 'type', as batches have them: key and number. */
static uint8_t *
make_entries(uint32_t type, uint32_t key_size, uint32_t size)
{
    size_t stride = key_size + sizeof(uint64_t);
    uint8_t *entries = must(malloc(size * stride));

    for (uint32_t i = 0; i < size; i++) {
        uint8_t *key = entries + i * stride;
        uint64_t value = i;

        if (type == UBPF_MAP_TYPE_LPM) {
            lpm_key(i * 2654435761u, 32, key);
        } else if (type == UBPF_MAP_TYPE_TERNARY) {
            ternary_entry(i, 32, key);
        } else {
            hash_key(i, key);
        }
        memcpy(key + key_size, &value, sizeof value);
    }
    return entries;
}

/* Does 'pass' to 'n' entries, one call for each or all. */
static void
do_pass(struct ubpf_map *map, int pass, const uint8_t *entries,
        const uint8_t *keys, uint32_t key_size, size_t n, bool batch)
{
    size_t stride = key_size + sizeof(uint64_t), n_done;

    if (batch) {
        succeed(pass == DELETE ? ubpf_map_delete_batch(map, keys, n, &n_done)
                               : ubpf_map_update_batch(map, entries, n,
                                                       UBPF_ANY, &n_done),
                "batch");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint8_t *entry = entries + i * stride;

        succeed(pass == DELETE
                    ? ubpf_map_delete(map, keys + i * key_size)
                    : ubpf_map_update(map, entry, entry + key_size, UBPF_ANY),
                "update");
    }
}

/* Updates: entries added to an empty map, replaced, deleted, one by one or
 * BATCH at once.  Lowers 'ns' to the time of each, an entry. */
static void
time_updates(uint32_t type, uint32_t size, bool batch, double ns[N_PASSES])
{
    struct ubpf_map *map =
        make(type, type == UBPF_MAP_TYPE_LPM ? LPM_KEY : HASH_KEY, size, 0);
    uint32_t key_size = ubpf_map_entry_key_size(&map->def);
    size_t stride = key_size + sizeof(uint64_t);
    uint8_t *entries = make_entries(type, key_size, size);
    uint8_t *keys = must(malloc((size_t) size * key_size));

    for (uint32_t i = 0; i < size; i++) {
        memcpy(keys + (size_t) i * key_size, entries + i * stride, key_size);
    }
    for (int pass = 0; pass < N_PASSES; pass++) {
        uint64_t start = cpu_ns();
        double each;

        for (uint32_t i = 0; i < size; i += BATCH) {
            do_pass(map, pass, entries + i * stride,
                    keys + (size_t) i * key_size, key_size,
                    size - i < BATCH ? size - i : BATCH, batch);
        }
        each = (double) (cpu_ns() - start) / size;
        ns[pass] = each < ns[pass] ? each : ns[pass];
    }
    free(entries);
    free(keys);
    ubpf_map_unref(map);
}

static void
bench_updates(uint32_t type, const char *name, uint32_t size)
{
    double ns[2][N_PASSES] = {{1e9, 1e9, 1e9}, {1e9, 1e9, 1e9}};

    for (int round = 0; round < 3; round++) {
        time_updates(type, size, false, ns[0]);
        time_updates(type, size, true, ns[1]);
    }
    for (int batch = 0; batch < 2; batch++) {
        printf("{\"table\": \"%s\", \"size\": %" PRIu32
               ", \"batch\": %d, \"add\": %.0f, \"replace\": %.0f"
               ", \"delete\": %.0f}\n",
               name, size, batch, ns[batch][ADD], ns[batch][REPLACE],
               ns[batch][DELETE]);
    }
    fflush(stdout);
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
        bench_updates(UBPF_MAP_TYPE_HASH, "hash", 1000000);
        bench_updates(UBPF_MAP_TYPE_LPM, "lpm", 100000);
        bench_updates(UBPF_MAP_TYPE_TERNARY, "ternary", 100000);
    }
    return 0;
}
