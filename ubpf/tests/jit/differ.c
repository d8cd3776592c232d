/* SPDX-License-Identifier: Apache-2.0 */

#include "jit/differ.h"

#include <stdio.h>

#include "check.h"
#include "host.h"
#include "interpreter/code.h"
#include "jit/native.h"
#include "maps/map.h"

#define ROOM     2048
#define HEADROOM 512
#define MAX_MAPS 64

/* A clock that is the same for both, and stands still during a packet: native
 * code asks for the time once. */
static uint64_t ticks = 1;

static uint64_t
now(void)
{
    return ticks;
}

/* One of the two ways to run a program. */
struct engine {
    struct ubpf_host host;
    struct ubpf_map *maps[MAX_MAPS];
    struct ubpf_code *code;
    struct ubpf_native *native;
    struct ubpf_run run;
    struct ubpf_buffer buffer;
    uint8_t memory[ROOM];
    uint32_t verdict;
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

/* Puts the same entries into map 'i' of both engines. */
static void
fill_map(struct engine engines[2], const struct ubpf_map_def *def, uint32_t i,
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
        for (int e = 0; e < 2; e++) {
            struct ubpf_map *map = engines[e].maps[i];

            map->def.flags &= ~UBPF_MAP_F_RDONLY_USER;
            ubpf_map_update(map, key, value, UBPF_ANY);
            map->def.flags = def->flags;
        }
    }
}

static void
prepare(struct engine engines[2], const struct ubpf_object *obj,
        uint64_t *seed)
{
    char *error = NULL;

    CHECK(obj->n_maps <= MAX_MAPS);
    for (int e = 0; e < 2; e++) {
        engines[e].host = ubpf_host_single_threaded;
        engines[e].host.now_ns = now;
        for (uint32_t i = 0; i < obj->n_maps; i++) {
            engines[e].maps[i] = ubpf_map_create(
                &engines[e].host, obj->maps[i].name, &obj->maps[i].def);
            CHECK(engines[e].maps[i]);
        }
    }
    for (uint32_t i = 0; i < obj->n_maps; i++) {
        fill_map(engines, &obj->maps[i].def, i, seed);
    }
    CHECK_EQ(ubpf_code_build(&engines[0].host, obj->insns, obj->n_insns,
                             engines[0].maps, obj->n_maps, &engines[0].code),
             0);
    if (ubpf_native_compile(&engines[1].host, obj, engines[1].maps,
                            &engines[1].native, &error)) {
        FAIL("%s", error);
    }
}

static void
finish(struct engine engines[2], const struct ubpf_object *obj)
{
    for (int e = 0; e < 2; e++) {
        for (uint32_t i = 0; i < obj->n_maps; i++) {
            ubpf_map_unref(engines[e].maps[i]);
        }
        ubpf_host_free(&engines[e].host, engines[e].code);
        ubpf_native_free(&engines[e].host, engines[e].native);
    }
}

/* Gives both engines the same packet. */
static void
make_packet(struct engine engines[2], uint64_t *seed)
{
    uint64_t kind = next_random(seed) % 8;
    uint32_t len = (uint32_t) (next_random(seed) % (kind ? 200 : 80));
    uint64_t numbers[4];
    uint8_t bytes[ROOM];

    for (int i = 0; i < ROOM; i++) {
        bytes[i] = next_random(seed) % 4 ? 0 : (uint8_t) next_random(seed);
    }
    if (kind < N_FRAMES) {
        memcpy(bytes + HEADROOM, frames[kind], sizeof frames[kind]);
        len = 64;
        for (uint64_t n = next_random(seed) % 4; n; n--) {
            bytes[HEADROOM + next_random(seed) % 64] =
                (uint8_t) next_random(seed);
        }
    }
    for (int i = 0; i < 4; i++) {
        numbers[i] = next_random(seed) >> (next_random(seed) % 2 ? 0 : 60);
    }
    for (int e = 0; e < 2; e++) {
        struct engine *engine = &engines[e];

        memcpy(engine->memory, bytes, ROOM);
        engine->buffer.base = engine->memory;
        engine->run = (struct ubpf_run) {
            .ctx =
                {
                    .data = (uintptr_t) engine->memory + HEADROOM,
                    .data_end = (uintptr_t) engine->memory + HEADROOM + len,
                    .input_port = (uint32_t) numbers[0],
                    .packet_length = len,
                    .rss_hash = (uint32_t) numbers[1],
                    .pkt_mark = (uint32_t) numbers[2],
                    .tunnel_id = numbers[3],
                    .truncate_len = UINT32_MAX,
                },
            .adjust_head = ubpf_buffer_adjust_head,
            .packet = &engine->buffer,
        };
    }
}

static void
run(struct engine engines[2])
{
    struct ubpf_env env = {.host = &engines[0].host, .run = &engines[0].run};
    struct ubpf_run *runs[1] = {&engines[1].run};
    uint64_t r0;
    enum ubpf_verdict verdict;

    ubpf_host_run_begin();
    r0 = ubpf_code_run(engines[0].code, &env);
    ubpf_host_run_end();
    engines[0].verdict = r0 <= UBPF_RESUBMIT ? (uint32_t) r0 : UBPF_ABORT;

    ubpf_host_run_begin();
    engines[1].native->code.run(runs, 1, &verdict);
    ubpf_host_run_end();
    engines[1].verdict = verdict;
}

/* The context of 'engine', with places in memory as offsets. */
static struct ubpf_ctx
context(const struct engine *engine)
{
    struct ubpf_ctx ctx = engine->run.ctx;

    ctx.data -= (uintptr_t) engine->memory;
    ctx.data_end -= (uintptr_t) engine->memory;
    return ctx;
}

/* Whether all entries of map 'i' of engine 'e' are in that of the other. */
static bool
has_all(const struct engine engines[2], uint32_t i, int e)
{
    enum {
        SIZE = 1 << 20
    };
    static uint8_t entries[SIZE], value[UBPF_MAX_VALUE_SIZE + 8];
    uint64_t cursor = 0;
    struct ubpf_map_info info;
    size_t n, size;

    ubpf_map_get_info(engines[e].maps[i], &info);
    size = info.entry_key_size + info.entry_value_size;
    while (
        (n = ubpf_map_dump(engines[e].maps[i], &cursor, entries, SIZE / size))
        != 0) {
        for (const uint8_t *p = entries; n--; p += size) {
            if (ubpf_map_lookup(engines[!e].maps[i], p, value)
                || memcmp(value, p + info.entry_key_size,
                          info.entry_value_size)) {
                return false;
            }
        }
    }
    return true;
}

/* What differs between the two engines after a packet, or NULL; of large maps
 * only at the end. */
static const char *
difference(const struct engine engines[2], const struct ubpf_object *obj,
           bool end)
{
    struct ubpf_ctx a = context(&engines[0]), b = context(&engines[1]);

    if (engines[0].verdict != engines[1].verdict) {
        return "verdict";
    }
    if (memcmp(&a, &b, sizeof a)) {
        return "context";
    }
    if (memcmp(engines[0].memory, engines[1].memory, ROOM)) {
        return "packet";
    }
    for (uint32_t i = 0; i < obj->n_maps; i++) {
        if ((end || obj->maps[i].def.max_entries <= 16)
            && (!has_all(engines, i, 0) || !has_all(engines, i, 1))) {
            return obj->maps[i].name;
        }
    }
    return NULL;
}

bool
differ(const struct ubpf_object *obj, uint64_t seed, int packets, char *why,
       size_t size)
{
    static struct engine engines[2];
    const char *what = NULL;

    memset(engines, 0, sizeof engines);
    seed = seed * 2654435761u + 88172645463325252u;
    prepare(engines, obj, &seed);
    for (int i = 0; i < packets && !what; i++) {
        make_packet(engines, &seed);
        ticks += 1000;
        run(engines);
        what = difference(engines, obj, i == packets - 1);
        if (what) {
            snprintf(why, size, "packet %d: %s (verdicts %u and %u)", i, what,
                     engines[0].verdict, engines[1].verdict);
        }
    }
    finish(engines, obj);
    return !what;
}
