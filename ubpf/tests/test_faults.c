/* SPDX-License-Identifier: Apache-2.0
 *
 * Each allocation fails in turn: whoever asked hears ENOMEM, nothing leaks
 * and nothing has changed. */

#include <errno.h>
#include <pthread.h>

#include "check.h"
#include "faulty_host.h"
#include "maps/map.h"
#include "program_file.h"

static void
load(const char *name)
{
    size_t len;
    uint8_t *elf = program_file(name, &len);
    struct ubpf_prog *prog = NULL;

    for (int n = 0; !prog; n++) {
        char *error = NULL;
        int err;

        CHECK(n < 10000);
        faulty_host_fail(n);
        prog = ubpf_prog_load(&faulty_host, elf, len, NULL, &err, &error);
        if (!prog) {
            CHECK_EQ(err, ENOMEM);
            CHECK_HAS(error, "out of memory");
            CHECK_EQ(faulty_host_in_use(), 0);
            ubpf_error_free(error);
        } else {
            CHECK_EQ(err, 0);
            CHECK(!error);
            CHECK_EQ(n, faulty_host_allocations());
        }
    }
    faulty_host_fail(-1);
    ubpf_prog_destroy(prog);
    CHECK_EQ(faulty_host_in_use(), 0);
    free(elf);
}

static void
adopt(const char *name)
{
    struct ubpf_prog *old = program_load(&faulty_host, name);
    struct ubpf_prog *new = program_load(&faulty_host, name);
    const struct ubpf_map *own = ubpf_prog_map(new, 0);
    uint64_t used = ubpf_prog_memory_used(new);
    int n;

    for (n = 0;; n++) {
        faulty_host_fail(n);
        if (ubpf_prog_adopt_maps(new, old)) {
            break;
        }
        CHECK(ubpf_prog_map(new, 0) == own);
        CHECK_EQ(ubpf_prog_memory_used(new), used);
    }
    CHECK(n > 0);
    CHECK(ubpf_prog_map(new, 0) == ubpf_prog_map(old, 0));
    faulty_host_fail(-1);
    ubpf_prog_destroy(new);
    ubpf_prog_destroy(old);
    faulty_host_end_grace_period();
    CHECK_EQ(faulty_host_in_use(), 0);
}

/* What 'map' has, as bytes, with its length in '*size'. */
static uint8_t *
contents(const struct ubpf_map *map, size_t *size)
{
    struct ubpf_map_info info;
    uint64_t cursor = 0;
    uint8_t *bytes;

    ubpf_map_get_info(map, &info);
    *size = 16 * ((size_t) info.entry_key_size + info.entry_value_size);
    bytes = calloc(1, *size);
    ubpf_map_dump(map, &cursor, bytes, 16);
    return bytes;
}

/* Key number 'n' of 8 of the control plane of a map of 'type'. */
static const uint8_t *
key_of(uint32_t type, uint32_t n)
{
    static _Thread_local uint8_t keys[2][24];
    static _Thread_local unsigned int turn;
    uint8_t *key = keys[turn++ % 2];

    memset(key, 0, 24);
    if (type == UBPF_MAP_TYPE_LPM) {
        key[0] = (uint8_t) (8 + 3 * n);
        key[4] = 10;
        key[5] = (uint8_t) n;
    } else if (type == UBPF_MAP_TYPE_TERNARY) {
        key[8] = (uint8_t) n;
        memset(key + 16, 0xff, 1 + n); /* Each has a mask of its own. */
    } else {
        key[0] = (uint8_t) n;
    }
    return key;
}

/* An update without memory, whichever allocation fails, leaves the map as it
 * was; of those that make a map of 'type' full at least 'least' fail. */
static void
update(uint32_t type, uint32_t key_size, uint32_t flags, int least)
{
    static const char value[] = "eight ch";
    struct ubpf_map_def def = {type, key_size, 8, 8, flags};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);
    uint8_t found[8];
    int n_failed = 0;

    for (uint32_t k = 0; k < 8; k++) {
        for (int n = 0, err = ENOMEM; err; n++) {
            size_t before_size, after_size;
            uint8_t *before = contents(map, &before_size), *after;

            faulty_host_fail(n);
            err = ubpf_map_update(map, key_of(type, k), value, UBPF_ANY);
            faulty_host_fail(-1);
            after = contents(map, &after_size);
            if (err) {
                CHECK_EQ(err, ENOMEM);
                CHECK_BYTES(after, before, before_size);
                n_failed++;
            }
            free(before);
            free(after);
        }
        /* What waits for readers may be what there was no memory for. */
        if (k % 2) {
            faulty_host_end_grace_period();
        }
    }
    CHECK(n_failed >= least);
    for (uint32_t k = 0; k < 8; k++) {
        CHECK_EQ(ubpf_map_lookup(map, key_of(type, k), found), 0);
        CHECK_BYTES(found, value, sizeof found);
    }

    /* What needs no memory works without any. */
    for (uint32_t k = 0; type != UBPF_MAP_TYPE_THREAD_ARRAY && k < 8; k++) {
        faulty_host_fail(0);
        CHECK_EQ(ubpf_map_delete(map, key_of(type, k)), 0);
        faulty_host_fail(-1);
    }
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
    CHECK_EQ(faulty_host_in_use(), 0);
}

/* A thread's first lookup in 'map' takes the memory of its values; without
 * memory it finds none, and the next one does. */
static void *
look_up_first(void *map_)
{
    const struct ubpf_map *map = map_;
    uint64_t *value = NULL;
    int n;

    for (n = 0; !value; n++) {
        CHECK(n < 10);
        faulty_host_fail(n);
        value = map->ops->lookup(map, "\1\0\0\0");
        faulty_host_fail(-1);
    }
    CHECK_EQ(*value, 0);
    CHECK(n > 1);
    return NULL;
}

static void
look_up_in_another_thread(uint32_t type)
{
    struct ubpf_map_def def = {type, 4, 8, 8, 0};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);
    uint64_t zero = 0;
    pthread_t thread;

    if (type == UBPF_MAP_TYPE_THREAD_HASH) {
        CHECK_EQ(ubpf_map_update(map, "\1\0\0\0", &zero, UBPF_ANY), 0);
    }
    CHECK(map->ops->lookup(map, "\1\0\0\0"));
    CHECK(!pthread_create(&thread, NULL, look_up_first, map));
    CHECK(!pthread_join(thread, NULL));
    ubpf_map_unref(map);
    CHECK_EQ(faulty_host_in_use(), 0);
}

/* A batch ends where there is no memory; what is done is done. */
static void
batch(void)
{
    struct ubpf_map_def def = {UBPF_MAP_TYPE_HASH, 1, 1, 8, UBPF_MAP_F_GROW};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);
    size_t n_done = 0;
    char value;

    faulty_host_fail(2);
    CHECK_EQ(ubpf_map_update_batch(map, "aAbBcC", 3, UBPF_ANY, &n_done),
             ENOMEM);
    faulty_host_fail(-1);
    CHECK(n_done < 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQ(ubpf_map_lookup(map, &"abc"[i], &value),
                 i < n_done ? 0 : ENOENT);
    }
    ubpf_map_unref(map);
    CHECK_EQ(faulty_host_in_use(), 0);
}

static void
create(uint32_t type, uint32_t key_size, uint32_t value_size)
{
    struct ubpf_map_def def = {type, key_size, value_size, 8, 0};
    struct ubpf_map *map = NULL;
    int n;

    for (n = 0; !map; n++) {
        faulty_host_fail(n);
        map = ubpf_map_create(&faulty_host, "m", &def);
        CHECK(map || !faulty_host_in_use());
    }
    CHECK(n > 2);
    faulty_host_fail(-1);
    ubpf_map_unref(map);
    CHECK_EQ(faulty_host_in_use(), 0);
}

/* Compiles a program, with the compiler that UBPF_JIT names. */
static void
compile(const char *name)
{
    struct ubpf_prog *prog = program_load(&faulty_host, name);
    int in_use = faulty_host_in_use(), n, err = ENOMEM;

    for (n = 0; err; n++) {
        char *error = NULL;

        CHECK(!ubpf_prog_is_native(prog));
        faulty_host_fail(n);
        err = ubpf_prog_compile(prog, &error);
        faulty_host_fail(-1);
        if (err) {
            CHECK_EQ(err, ENOMEM);
            CHECK(error);
            CHECK_EQ(faulty_host_in_use(), in_use);
            ubpf_error_free(error);
        }
    }
    CHECK(n > 2);
    CHECK(ubpf_prog_is_native(prog));
    ubpf_prog_destroy(prog);
    CHECK_EQ(faulty_host_in_use(), 0);
}

int
main(int argc, char *argv[])
{
    if (argc > 1 && !strcmp(argv[1], "native")) {
        compile("counter");
        compile("groups");
        return 0;
    }
    load("counter");
    load("router");
    load("commands");
    load("initialized");
    load("kinds");
    load("groups");
    adopt("counter");
    adopt("groups");
    create(UBPF_MAP_TYPE_ARRAY, 4, 4);
    create(UBPF_MAP_TYPE_HASH, 8, 4);
    create(UBPF_MAP_TYPE_LRU_HASH, 8, 4);
    create(UBPF_MAP_TYPE_THREAD_ARRAY, 4, 8);
    create(UBPF_MAP_TYPE_THREAD_HASH, 4, 8);
    create(UBPF_MAP_TYPE_LPM, 8, 4);
    create(UBPF_MAP_TYPE_TERNARY, 8, 4);
    create(UBPF_MAP_TYPE_METER, 4, 64);
    create(UBPF_MAP_TYPE_RING, 8, 4);
    create(UBPF_MAP_TYPE_LPM, 9, 4);
    create(UBPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4);
    update(UBPF_MAP_TYPE_HASH, 8, UBPF_MAP_F_GROW, 8);
    update(UBPF_MAP_TYPE_HASH, 8, 0, 0);
    update(UBPF_MAP_TYPE_LRU_HASH, 8, 0, 0);
    update(UBPF_MAP_TYPE_THREAD_HASH, 8, 0, 1);
    update(UBPF_MAP_TYPE_THREAD_ARRAY, 4, 0, 0);
    look_up_in_another_thread(UBPF_MAP_TYPE_THREAD_ARRAY);
    look_up_in_another_thread(UBPF_MAP_TYPE_THREAD_HASH);
    update(UBPF_MAP_TYPE_LPM, 8, 0, 8);
    update(UBPF_MAP_TYPE_LPM, 9, 0, 8);
    update(UBPF_MAP_TYPE_TERNARY, 8, 0, 8);
    batch();
    return 0;
}
