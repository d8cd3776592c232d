/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets the C that p4rt-compile generates be compiled for this machine, as a
 * measure of what it could cost: included before it.
 *
 * A helper is a call of the engine's own function.  A map is found through a
 * pointer that the measuring program writes over the first bytes of its
 * definition, and looked up by an indirect call. */

#ifndef NATIVE_H
#define NATIVE_H 1

#include <ubpf/abi.h>

#include "helpers.h"
#include "maps/map.h"

/* Set by the measuring program. */
ubpf_helper_fn *native_helpers[64];
const struct ubpf_host *native_host;

static inline struct ubpf_map *
native_map(const void *def)
{
    return *(struct ubpf_map *const *) def;
}

static inline uint64_t
native_call(int id, void *run, uint64_t r1, uint64_t r2, uint64_t r3,
            uint64_t r4)
{
    struct ubpf_env env = {.host = native_host, .run = run};

    return native_helpers[id](&env, r1, r2, r3, r4, 0);
}

#define N(X)   ((uint64_t) (uintptr_t) (X))
#define MAP(M) N(native_map(M))

#define map_lookup(M, KEY) \
    (native_map(M)->ops->lookup(native_map(M), KEY))
#define time_get_ns() native_host->now_ns()
#define adjust_head(CTX, DELTA)                        \
    (((struct ubpf_run *) (void *) (CTX))              \
         ->adjust_head((struct ubpf_run *) (void *) (CTX), \
                       (int32_t) (DELTA)))
#define hash_lookup3(DATA, LEN, SEED)                               \
    native_call(UBPF_HELPER_HASH_LOOKUP3, 0, N(DATA), LEN, SEED, 0)
#define hash_bytes(DATA, LEN, ALGORITHM) \
    native_call(UBPF_HELPER_HASH, 0, N(DATA), LEN, ALGORITHM, 0)
#define ring_output(M, DATA, SIZE) \
    native_call(UBPF_HELPER_RING_OUTPUT, 0, MAP(M), N(DATA), SIZE, 0)
#define meter_execute(M, INDEX, UNITS, COLOUR) \
    native_call(UBPF_HELPER_METER_EXECUTE, 0, MAP(M), INDEX, UNITS, COLOUR)
#define meter_update(METER, UNITS, COLOUR) \
    native_call(UBPF_HELPER_METER_UPDATE, 0, N(METER), UNITS, COLOUR, 0)
#define random_bits() native_call(UBPF_HELPER_RANDOM, 0, 0, 0, 0, 0)

#endif /* native.h */
