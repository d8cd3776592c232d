/* SPDX-License-Identifier: Apache-2.0
 *
 * What is compared, and how it is timed. */

#ifndef CONTEST_H
#define CONTEST_H 1

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maps/map.h"

#define ROUNDS    5
#define N_LOOKUPS (1u << 18) /* Keys, looked up again and again. */
#define MIN_TIMES (1u << 19) /* Lookups of a round. */

/* Tables with the same entries, and what to look up in them. */
struct bench {
    struct ubpf_map *map;
    uint8_t *keys; /* N_LOOKUPS. */
    void *rte;     /* DPDK's table. */
    uint64_t *rte_values;
    struct contestant {
        const char *name;
        /* Looks up all keys.  Returns the sum of the values, so that they are
         * read. */
        uint64_t (*run)(const struct bench *);
        double ns[ROUNDS]; /* Of one lookup. */
    } contestants[4];
    int n;
};

void add_contestant(struct bench *b, const char *name,
                    uint64_t (*run)(const struct bench *));

/* Times the contestants in turn and prints a line for each. */
void contest(const char *what, uint32_t size, struct bench *b);

/* Time of one lookup by 'c', in the calling thread, over 'times' or some more
 * of them. */
double time_of(const struct bench *b, const struct contestant *c,
               uint32_t times);

/* Frees the map and the keys. */
void close_bench(struct bench *b);

/* Time that the calling thread has had of a processor. */
uint64_t cpu_ns(void);

uint64_t next_random(uint64_t *state);

/* 'ptr', unless it is NULL; nothing unless 'err' is an errno value. */
void *must(void *ptr);
void succeed(int err, const char *what);

/* A map with values of 8 bytes. */
struct ubpf_map *make(uint32_t type, uint32_t key_size, uint32_t n,
                      uint32_t extra);

/* Each makes tables of 'size' entries, of which the contestants look up those
 * that are there; close frees them. */
void hash_open(struct bench *b, uint32_t size);
void hash_close(struct bench *b);
void lpm_open(struct bench *b, uint32_t size);
void lpm_close(struct bench *b);
void ternary_open(struct bench *b, uint32_t size, uint32_t n_masks);

/* Keys of entries: number 'n' of a hash, with 'address' and 'len' of an LPM
 * map, number 'i' under one of 'n_masks' masks of a ternary map. */
#define HASH_KEY    16
#define LPM_KEY     8
#define TERNARY_KEY 16
void hash_key(uint64_t n, uint8_t key[HASH_KEY]);
void lpm_key(uint32_t address, uint32_t len, uint8_t key[LPM_KEY]);
void ternary_entry(uint32_t i, uint32_t n_masks,
                   uint8_t entry[8 + 2 * TERNARY_KEY]);

/* Rules for five fields, beside rte_acl where there is DPDK. */
void bench_acl(uint32_t size);

#endif /* contest.h */
