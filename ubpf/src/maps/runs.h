/* SPDX-License-Identifier: Apache-2.0
 *
 * A slot for each value of a byte, of which a run of equal ones is kept once,
 * with a bit set where a run begins. */

#ifndef UBPF_RUNS_H
#define UBPF_RUNS_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RUNS_MAX 256

/* Which slot belongs to which run; the slots of the runs are elsewhere. */
struct runs {
    uint64_t starts[4]; /* A bit for each value that begins a run. */
    uint8_t before[4];  /* Runs that begin in the words before. */
    uint16_t n;         /* At least 1. */
    uint16_t extra;     /* The user's. */
};

/* The run that 'byte' belongs to. */
static inline uint64_t
runs_find(const struct runs *runs, unsigned int byte)
{
    return (uint64_t) runs->before[byte / 64]
           + (uint64_t) __builtin_popcountll(runs->starts[byte / 64]
                                             << (63 - byte % 64))
           - 1;
}

/* The same as a list, to be changed. */
struct run_list {
    uint32_t n;
    uint8_t first[RUNS_MAX]; /* Value of each run. */
    uintptr_t slots[RUNS_MAX];
};

/* The list of '*runs' with 'slots'; and the other way round, where slots are
 * plain memory that nobody else sees. */
void runs_unpack(const struct runs *runs, const atomic_uintptr_t slots[],
                 struct run_list *list);
void runs_pack(const struct run_list *list, struct runs *runs,
               atomic_uintptr_t slots[]);

/* Makes 'list' a single run of 'slot'. */
void run_list_init(struct run_list *list, uintptr_t slot);

/* The slot of 'byte'. */
uintptr_t run_list_get(const struct run_list *list, unsigned int byte);

/* Puts 'slot' for the 'n' values from 'first' on, unless 'stays' says, with
 * 'aux', that what is there stays.  A NULL 'stays' stands for never. */
void run_list_cover(struct run_list *list, unsigned int first, unsigned int n,
                    uintptr_t slot,
                    bool (*stays)(uintptr_t slot, const void *aux),
                    const void *aux);

/* The number of runs of which none is like the one before: what a list of them
 * has after run_list_join(). */
uint32_t runs_distinct(const struct runs *runs,
                       const atomic_uintptr_t slots[]);
void run_list_join(struct run_list *list);

#endif /* runs.h */
