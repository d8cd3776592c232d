/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets the C that p4rt-compile generates be compiled for this machine, as a
 * measure of what it could cost: included before it.
 *
 * A helper is a call of the engine's own function.  A map is found through a
 * pointer that the measuring program writes over the first bytes of its
 * definition, and looked up by an indirect call.
 *
 * With NATIVE_INLINED, what the engine inlines is inlined here as well: hashes
 * by what follows, lookups by functions that engine.py writes; and the time is
 * that of the burst. */

#ifndef NATIVE_H
#define NATIVE_H 1

#include <ubpf/abi.h>

#include "helpers.h"
#include "maps/map.h"

/* Set by the measuring program. */
ubpf_helper_fn *native_helpers[64];
const struct ubpf_host *native_host;
uint32_t native_thread; /* Number of the calling thread. */
uint64_t native_now;    /* Time of the burst; 0: not asked for yet. */
struct ubpf_meter *(*native_meters)(const struct ubpf_map *map);
uint64_t (*native_meter_update)(struct ubpf_meter *, uint64_t, uint64_t,
                                uint64_t);

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

#define map_lookup(M, KEY) (native_map(M)->ops->lookup(native_map(M), KEY))
#define adjust_head(CTX, DELTA)                            \
    (((struct ubpf_run *) (void *) (CTX))                  \
         ->adjust_head((struct ubpf_run *) (void *) (CTX), \
                       (int32_t) (DELTA)))
#define ring_output(M, DATA, SIZE) \
    native_call(UBPF_HELPER_RING_OUTPUT, 0, MAP(M), N(DATA), SIZE, 0)
#define random_bits() native_call(UBPF_HELPER_RANDOM, 0, 0, 0, 0, 0)

#ifndef NATIVE_INLINED

#define time_get_ns() native_host->now_ns()
#define hash_lookup3(DATA, LEN, SEED) \
    native_call(UBPF_HELPER_HASH_LOOKUP3, 0, N(DATA), LEN, SEED, 0)
#define hash_bytes(DATA, LEN, ALGORITHM) \
    native_call(UBPF_HELPER_HASH, 0, N(DATA), LEN, ALGORITHM, 0)
#define meter_execute(M, INDEX, UNITS, COLOUR) \
    native_call(UBPF_HELPER_METER_EXECUTE, 0, MAP(M), INDEX, UNITS, COLOUR)
#define meter_update(METER, UNITS, COLOUR) \
    native_call(UBPF_HELPER_METER_UPDATE, 0, N(METER), UNITS, COLOUR, 0)

#else

#include "crc_inline.h"
#include "hashes_inline.h"
#include "maps/array.h"
#include "maps/hash.h"
#include "maps/lpm.h"
#include "maps/ternary.h"
#include "maps/thread_array.h"

static inline uint64_t
native_time(void)
{
    if (!native_now) {
        native_now = native_host->now_ns();
    }
    return native_now;
}

static inline uint64_t
native_meter(const struct ubpf_map *map, struct ubpf_meter *meters,
             uint64_t index, uint64_t units, uint64_t colour)
{
    return index < map->def.max_entries && colour <= UBPF_RED
               ? native_meter_update(&meters[index], units, colour,
                                     native_time())
               : UBPF_RED;
}

static inline uint64_t
native_hash(const void *data, uint64_t len, uint64_t algorithm)
{
#if defined CRC_HAS_MACHINE
    switch (algorithm) {
    case UBPF_HASH_CRC16:
        return (uint16_t) crc_inline(data, len, &crc16_constants);
    case UBPF_HASH_CRC32:
        return crc_inline(data, len, &crc32_constants);
    case UBPF_HASH_CRC32C:
        return crc32c_inline(data, len);
    }
#endif
    return algorithm == UBPF_HASH_XXH64
               ? xxh64_inline(data, len)
               : native_call(UBPF_HELPER_HASH, 0, N(data), len, algorithm, 0);
}

#define time_get_ns()                    native_time()
#define hash_lookup3(DATA, LEN, SEED)    lookup3_inline(DATA, LEN, SEED)
#define hash_bytes(DATA, LEN, ALGORITHM) native_hash(DATA, LEN, ALGORITHM)
#define meter_execute(M, INDEX, UNITS, COLOUR)                              \
    native_meter(native_map(M), native_meters(native_map(M)), INDEX, UNITS, \
                 COLOUR)
#define meter_update(METER, UNITS, COLOUR) \
    native_meter_update(METER, UNITS, COLOUR, native_time())

#endif

#endif /* native.h */
