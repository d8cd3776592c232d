/* SPDX-License-Identifier: Apache-2.0
 *
 * Each allocation fails in turn: whoever asked hears ENOMEM, nothing leaks
 * and nothing has changed. */

#include <errno.h>

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
adopt(void)
{
    struct ubpf_prog *old = program_load(&faulty_host, "counter");
    struct ubpf_prog *new = program_load(&faulty_host, "counter");
    const struct ubpf_map *own = ubpf_prog_map(new, 0);
    int n;

    for (n = 0;; n++) {
        faulty_host_fail(n);
        if (ubpf_prog_adopt_maps(new, old)) {
            break;
        }
        CHECK(ubpf_prog_map(new, 0) == own);
    }
    CHECK(n > 0);
    CHECK(ubpf_prog_map(new, 0) == ubpf_prog_map(old, 0));
    faulty_host_fail(-1);
    ubpf_prog_destroy(new);
    ubpf_prog_destroy(old);
    CHECK_EQ(faulty_host_in_use(), 0);
}

/* An update without memory, whichever allocation fails, leaves the map as it
 * was. */
static void
update(uint32_t type, uint32_t key_size, uint32_t flags)
{
    struct ubpf_map_def def = {type, key_size, 4, 8, flags};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);
    const char *key = "\x08\0\0\0\x0a\0\0\0\0";
    const char *other = "\x1c\0\0\0\x0a\1\0\0\0";
    struct ubpf_map_info info;
    char value[4];
    int n;

    CHECK_EQ(ubpf_map_update(map, key, "one", UBPF_ANY), 0);
    if (type != UBPF_MAP_TYPE_LPM || key_size != 8) { /* Those have room. */
        faulty_host_fail(0);
        CHECK_EQ(ubpf_map_update(map, key, "two", UBPF_ANY), ENOMEM);
    }
    for (n = 0;; n++) {
        int err;

        faulty_host_fail(n);
        err = ubpf_map_update(map, other, "two", UBPF_ANY);
        faulty_host_fail(-1);
        if (!err) {
            break;
        }
        CHECK_EQ(err, ENOMEM);
        ubpf_map_get_info(map, &info);
        CHECK_EQ(info.n_entries, 1);
        CHECK_EQ(ubpf_map_lookup(map, key, value), 0);
        CHECK_BYTES(value, "one", 4);
    }
    CHECK(n > 0);
    CHECK_EQ(ubpf_map_delete(map, other), 0);
    faulty_host_end_grace_period();

    /* What needs no memory works without any. */
    faulty_host_fail(0);
    CHECK_EQ(ubpf_map_delete(map, key), 0);
    CHECK_EQ(faulty_host_allocations(), 0);
    faulty_host_fail(-1);
    faulty_host_end_grace_period();
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

int
main(void)
{
    load("counter");
    load("router");
    load("commands");
    load("initialized");
    adopt();
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
    update(UBPF_MAP_TYPE_HASH, 8, UBPF_MAP_F_GROW);
    update(UBPF_MAP_TYPE_LPM, 8, 0);
    update(UBPF_MAP_TYPE_LPM, 9, 0);
    return 0;
}
