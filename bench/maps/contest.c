/* SPDX-License-Identifier: Apache-2.0 */

#include "contest.h"

#include <time.h>

static uint64_t sum; /* Of what was found, so that it must be. */

uint64_t
cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

uint64_t
next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

void *
must(void *ptr)
{
    if (!ptr) {
        fprintf(stderr, "maps: out of memory\n");
        exit(1);
    }
    return ptr;
}

void
succeed(int err, const char *what)
{
    if (err) {
        fprintf(stderr, "maps: %s: %s\n", what, strerror(err));
        exit(1);
    }
}

struct ubpf_map *
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

void
add_contestant(struct bench *b, const char *name,
               uint64_t (*run)(const struct bench *))
{
    b->contestants[b->n++] = (struct contestant) {.name = name, .run = run};
}

double
time_of(const struct bench *b, const struct contestant *c, uint32_t times)
{
    uint64_t start = cpu_ns();
    uint32_t done = 0;

    for (; done < times; done += N_LOOKUPS) {
        __atomic_fetch_add(&sum, c->run(b), __ATOMIC_RELAXED);
    }
    return (double) (cpu_ns() - start) / done;
}

static int
compare(const void *a, const void *b)
{
    return (*(const double *) a > *(const double *) b)
           - (*(const double *) a < *(const double *) b);
}

void
contest(const char *what, uint32_t size, struct bench *b)
{
    for (int round = -1; round < ROUNDS; round++) {
        for (int i = 0; i < b->n; i++) {
            double ns = time_of(b, &b->contestants[i], MIN_TIMES);

            if (round >= 0) {
                b->contestants[i].ns[round] = ns;
            }
        }
    }
    for (int i = 0; i < b->n; i++) {
        double *ns = b->contestants[i].ns;

        qsort(ns, ROUNDS, sizeof ns[0], compare);
        printf("{\"table\": \"%s\", \"engine\": \"%s\", \"size\": %" PRIu32
               ", \"ns\": %.1f, \"least\": %.1f, \"most\": %.1f}\n",
               what, b->contestants[i].name, size, ns[ROUNDS / 2], ns[0],
               ns[ROUNDS - 1]);
    }
    fflush(stdout);
}

void
close_bench(struct bench *b)
{
    free(b->keys);
    free(b->rte_values);
    ubpf_map_unref(b->map);
}
