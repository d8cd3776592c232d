/* SPDX-License-Identifier: Apache-2.0 */

#include "jit/differ.h"

#include <stdio.h>

#include "check.h"
#include "host.h"
#include "interpreter/code.h"
#include "jit/native.h"
#include "maps/map.h"
#include "maps/map_array.h"

#define ROOM     2048
#define HEADROOM 512
#define MAX_MAPS 64

/* A clock that is the same for all, and stands still during a burst: native
 * code asks for the time once. */
static uint64_t ticks = 1;

static uint64_t
now(void)
{
    return ticks;
}

/* The ways to run a program. */
enum {
    INTERPRETED,
    OPTIMIZED,
    QUICK, /* Native code of the fast tier. */
    N_ENGINES,
};

#define MAX_BURST 32

/* A packet of a burst. */
struct slot {
    struct ubpf_run run;
    struct ubpf_buffer buffer;
    uint8_t memory[ROOM];
};

struct engine {
    struct ubpf_host host;
    struct ubpf_map *maps[MAX_MAPS];
    struct ubpf_code *code;
    struct ubpf_native *native;
    struct slot slots[MAX_BURST];
    enum ubpf_verdict verdicts[MAX_BURST];
};

/* Frames that programs may look into further than into noise. */
static const uint8_t frames[][64] = {
    {2,    0, 0,  0,  0, 2, 2, 0,   0,  0,   0,    1,    8,  0,
     0x45, 0, 0,  50, 0, 7, 0, 0,   64, 17,  0x5c, 0xc3, 10, 0,
     1,    1, 10, 0,  2, 7, 3, 232, 7,  208, 0,    30},
    {2,    0,    0, 0, 0, 2, 2,  0, 0,  0,    0, 1,   0x86,
     0xdd, 0x60, 0, 0, 0, 0, 10, 6, 64, 0x20, 1, 0xd, 0xb8},
    {2, 0, 0,  0, 0, 2, 2, 0,  0, 0, 0, 1,  0x81, 0, 0, 7,  8, 0, 0x46,
     0, 0, 46, 0, 7, 0, 0, 64, 6, 0, 0, 10, 0,    0, 1, 10, 0, 0, 2},
    {2,    0, 0, 0, 0,  2, 2, 0, 0,  0,    0, 1, 0x88,
     0x47, 0, 1, 0, 64, 0, 2, 1, 64, 0x45, 0, 0, 30},
};
#define N_FRAMES (sizeof frames / sizeof frames[0])

static void
make_meter(struct ubpf_meter *meter, uint64_t *seed)
{
    memset(meter, 0, sizeof *meter);
    meter->cir = next_random(seed) % 1000000000;
    meter->pir = meter->cir + next_random(seed) % 1000000000;
    meter->cbs = next_random(seed) % 5000;
    meter->pbs = meter->cbs + next_random(seed) % 5000;
}

/* Puts the same entries into map 'i' of all engines. */
static void
fill_map(struct engine engines[], const struct ubpf_map_def *def, uint32_t i,
         uint64_t *seed)
{
    static _Alignas(8) uint8_t key[2048], value[UBPF_MAX_VALUE_SIZE];

    for (int n = 0; n < 6; n++) {
        for (uint32_t b = 0; b < def->value_size; b++) {
            value[b] = (uint8_t) next_random(seed);
        }
        for (size_t b = 0; b < sizeof key; b++) {
            key[b] = next_random(seed) % 8 ? 0 : (uint8_t) next_random(seed);
        }
        if (def->type == UBPF_MAP_TYPE_METER) {
            make_meter((struct ubpf_meter *) (void *) value, seed);
        } else if (def->type == UBPF_MAP_TYPE_TERNARY) {
            memset(key + 4, 0, 4);
        } else if (def->type == UBPF_MAP_TYPE_LPM) {
            key[0] = (uint8_t) (next_random(seed) % 33);
            key[1] = key[2] = key[3] = 0;
        } else if (def->key_size == 4) {
            key[0] %= 8;
            key[1] = key[2] = key[3] = 0;
        }
        if (def->type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
            memcpy(value, &def->extra, sizeof def->extra);
        }
        for (int e = 0; e < N_ENGINES; e++) {
            struct ubpf_map *map = engines[e].maps[i];

            map->def.flags &= ~UBPF_MAP_F_RDONLY_USER;
            ubpf_map_update(map, key, value, UBPF_ANY);
            map->def.flags = def->flags;
        }
    }
}

static void
prepare(struct engine engines[], const struct ubpf_object *obj, uint64_t *seed)
{
    char *error = NULL;

    CHECK(obj->n_maps <= MAX_MAPS);
    for (int e = 0; e < N_ENGINES; e++) {
        engines[e].host = ubpf_host_single_threaded;
        engines[e].host.now_ns = now;
        for (uint32_t i = 0; i < obj->n_maps; i++) {
            engines[e].maps[i] = ubpf_map_create(
                &engines[e].host, obj->maps[i].name, &obj->maps[i].def);
            CHECK(engines[e].maps[i]);
        }
        for (uint32_t i = 0; i < obj->n_maps; i++) {
            ubpf_map_array_set_program(engines[e].maps[i], engines[e].maps,
                                       obj->n_maps);
        }
    }
    for (uint32_t i = 0; i < obj->n_maps; i++) {
        fill_map(engines, &obj->maps[i].def, i, seed);
    }
    CHECK_EQ(ubpf_code_build(&engines[INTERPRETED].host, obj->insns,
                             obj->n_insns, engines[INTERPRETED].maps,
                             obj->n_maps, &engines[INTERPRETED].code),
             0);
    for (int e = OPTIMIZED; e < N_ENGINES; e++) {
        if (ubpf_native_compile(&engines[e].host, obj, engines[e].maps,
                                e == QUICK, &engines[e].native, &error)) {
            FAIL("%s", error);
        }
    }
}

static void
finish(struct engine engines[], const struct ubpf_object *obj)
{
    for (int e = 0; e < N_ENGINES; e++) {
        for (uint32_t i = 0; i < obj->n_maps; i++) {
            ubpf_map_unref(engines[e].maps[i]);
        }
        ubpf_host_free(&engines[e].host, engines[e].code);
        ubpf_native_free(&engines[e].host, engines[e].native);
    }
}

/* Makes a packet in 'slot' of 'len' bytes at 'bytes' with 'numbers'. */
static void
make_run(struct slot *slot, const uint8_t bytes[ROOM], uint32_t len,
         const uint64_t numbers[4])
{
    memcpy(slot->memory, bytes, ROOM);
    slot->buffer.base = slot->memory;
    slot->run = (struct ubpf_run) {
        .ctx =
            {
                .data = (uintptr_t) slot->memory + HEADROOM,
                .data_end = (uintptr_t) slot->memory + HEADROOM + len,
                .input_port = (uint32_t) numbers[0],
                .packet_length = len,
                .rss_hash = (uint32_t) numbers[1],
                .pkt_mark = (uint32_t) numbers[2],
                .tunnel_id = numbers[3],
                .truncate_len = UINT32_MAX,
            },
        .adjust_head = ubpf_buffer_adjust_head,
        .packet = &slot->buffer,
    };
}

/* Gives all engines the same packet 'i' of a burst. */
static void
make_packet(struct engine engines[], size_t i, uint64_t *seed)
{
    uint64_t kind = next_random(seed) % 8;
    uint32_t len = (uint32_t) (next_random(seed) % (kind ? 200 : 80));
    uint64_t numbers[4];
    uint8_t bytes[ROOM];

    for (int b = 0; b < ROOM; b++) {
        bytes[b] = next_random(seed) % 4 ? 0 : (uint8_t) next_random(seed);
    }
    if (kind < N_FRAMES) {
        memcpy(bytes + HEADROOM, frames[kind], sizeof frames[kind]);
        len = 64;
        for (uint64_t n = next_random(seed) % 4; n; n--) {
            bytes[HEADROOM + next_random(seed) % 64] =
                (uint8_t) next_random(seed);
        }
    }
    for (int n = 0; n < 4; n++) {
        numbers[n] = next_random(seed) >> (next_random(seed) % 2 ? 0 : 60);
    }
    for (int e = 0; e < N_ENGINES; e++) {
        make_run(&engines[e].slots[i], bytes, len, numbers);
    }
}

/* Runs the 'n' packets of a burst in all engines. */
static void
run(struct engine engines[], size_t n)
{
    for (int e = 0; e < N_ENGINES; e++) {
        struct engine *engine = &engines[e];
        struct ubpf_run *runs[MAX_BURST];

        for (size_t i = 0; i < n; i++) {
            runs[i] = &engine->slots[i].run;
        }
        ubpf_host_run_begin();
        if (engine->native) {
            engine->native->code.run(runs, n, engine->verdicts);
        }
        for (size_t i = 0; i < n && engine->code; i++) {
            struct ubpf_env env = {.host = &engine->host, .run = runs[i]};
            uint64_t r0 = ubpf_code_run(engine->code, &env);

            engine->verdicts[i] =
                r0 <= UBPF_RESUBMIT ? (enum ubpf_verdict) r0 : UBPF_ABORT;
        }
        ubpf_host_run_end();
    }
}

/* The context of 'slot', with places in memory as offsets. */
static struct ubpf_ctx
context(const struct slot *slot)
{
    struct ubpf_ctx ctx = slot->run.ctx;

    ctx.data -= (uintptr_t) slot->memory;
    ctx.data_end -= (uintptr_t) slot->memory;
    return ctx;
}

/* Whether all entries of 'map' are in 'other'. */
static bool
has_all(const struct ubpf_map *map, const struct ubpf_map *other)
{
    enum {
        SIZE = 1 << 20
    };
    static uint8_t entries[SIZE], value[UBPF_MAX_VALUE_SIZE + 8];
    uint64_t cursor = 0;
    struct ubpf_map_info info;
    size_t n, size;

    ubpf_map_get_info(map, &info);
    size = info.entry_key_size + info.entry_value_size;
    while ((n = ubpf_map_dump(map, &cursor, entries, SIZE / size)) != 0) {
        for (const uint8_t *p = entries; n--; p += size) {
            if (ubpf_map_lookup(other, p, value)
                || memcmp(value, p + info.entry_key_size,
                          info.entry_value_size)) {
                return false;
            }
        }
    }
    return true;
}

/* What differs between packet 'i' of two engines, or NULL. */
static const char *
packet_difference(const struct engine *a, const struct engine *b, size_t i)
{
    struct ubpf_ctx a_ctx = context(&a->slots[i]);
    struct ubpf_ctx b_ctx = context(&b->slots[i]);

    if (a->verdicts[i] != b->verdicts[i]) {
        return "verdict";
    }
    if (memcmp(&a_ctx, &b_ctx, sizeof a_ctx)) {
        return "context";
    }
    return memcmp(a->slots[i].memory, b->slots[i].memory, ROOM) ? "packet"
                                                                : NULL;
}

/* What differs between two engines after a burst of 'n' packets, or NULL; of
 * large maps only at the end. */
static const char *
difference(const struct engine *a, const struct engine *b, size_t n,
           const struct ubpf_object *obj, bool end)
{
    const char *what = NULL;

    for (size_t i = 0; i < n && !what; i++) {
        what = packet_difference(a, b, i);
    }
    for (uint32_t i = 0; i < obj->n_maps && !what; i++) {
        if ((end || obj->maps[i].def.max_entries <= 16)
            && (!has_all(a->maps[i], b->maps[i])
                || !has_all(b->maps[i], a->maps[i]))) {
            what = obj->maps[i].name;
        }
    }
    return what;
}

/* As many packets of 'left' as the next burst has: often one. */
static size_t
burst_size(size_t left, uint64_t *seed)
{
    size_t n = next_random(seed) % 4 ? 1 : 1 + next_random(seed) % MAX_BURST;

    return n < left ? n : left;
}

bool
differ(const struct ubpf_object *obj, uint64_t seed, int packets, char *why,
       size_t size)
{
    static struct engine engines[N_ENGINES];
    size_t left = (size_t) packets, n;
    const char *what = NULL;

    memset(engines, 0, sizeof engines);
    seed = seed * 2654435761u + 88172645463325252u;
    prepare(engines, obj, &seed);
    for (; left && !what; left -= n) {
        n = burst_size(left, &seed);
        for (size_t i = 0; i < n; i++) {
            make_packet(engines, i, &seed);
        }
        ticks += 1000;
        run(engines, n);
        for (int e = OPTIMIZED; e < N_ENGINES && !what; e++) {
            what = difference(&engines[INTERPRETED], &engines[e], n, obj,
                              left == n);
            if (what) {
                snprintf(why, size, "%s: packets from %zu on, %zu: %s",
                         e == QUICK ? "quick" : "optimized",
                         (size_t) packets - left, n, what);
            }
        }
    }
    finish(engines, obj);
    return !what;
}
