/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on a map, while a dump goes on: whatever the keys, the number of
 * entries is what the operations' results add up to. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "maps/map.h"

#define VALUE_SIZE 5

static uint64_t
n_entries(const struct ubpf_map *map)
{
    struct ubpf_map_info info;

    ubpf_map_get_info(map, &info);
    return info.n_entries;
}

/* One operation: 'op' on 'key', with memory or without. */
static void
operate(struct ubpf_map *map, uint8_t op, const uint8_t *key, uint64_t *cursor)
{
    uint64_t before = n_entries(map);
    uint8_t value[VALUE_SIZE] = {op}, found[VALUE_SIZE];
    uint8_t entries[2 * (64 + VALUE_SIZE)];
    int err;

    switch (op & 3) {
    case 0:
        faulty_host_fail(op & 0x40 ? 0 : -1);
        err = ubpf_map_update(map, key, value, op >> 2 & 3);
        faulty_host_fail(-1);
        CHECK(n_entries(map) >= before && n_entries(map) <= before + !err);
        CHECK(n_entries(map) <= map->def.max_entries);
        if (!err) {
            CHECK_EQ(ubpf_map_lookup(map, key, found), 0);
            CHECK_BYTES(found, value, VALUE_SIZE);
        }
        break;
    case 1:
        err = ubpf_map_delete(map, key);
        CHECK_EQ(n_entries(map), before - !err);
        break;
    case 2:
        err = ubpf_map_lookup(map, key, found);
        CHECK(!err || err == ENOENT);
        break;
    default:
        if (!ubpf_map_dump(map, cursor, entries, op >> 2 & 1 ? 1 : 2)) {
            *cursor = 0;
        }
    }
}

/* Makes the number that a key starts with one that is mostly in range. */
static void
tame(const struct ubpf_map_def *def, uint8_t *key)
{
    uint32_t n, limit = def->max_entries;

    if (def->type == UBPF_MAP_TYPE_HASH) {
        return;
    } else if (def->type == UBPF_MAP_TYPE_LPM) {
        limit = (def->key_size - 4) * 8;
    }
    memcpy(&n, key, sizeof n);
    n %= limit + 2;
    memcpy(key, &n, sizeof n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first bytes say what kind of map; then come operations, each a byte
 * and a key. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint32_t types[] = {UBPF_MAP_TYPE_HASH, UBPF_MAP_TYPE_LPM,
                                     UBPF_MAP_TYPE_ARRAY, UBPF_MAP_TYPE_LPM};
    struct ubpf_map_def def = {.value_size = VALUE_SIZE};
    struct ubpf_map *map;
    uint64_t cursor = 0;

    if (len < 3) {
        return 0;
    }
    def.type = types[data[0] % 4];
    def.key_size = def.type == UBPF_MAP_TYPE_ARRAY ? 4
                   : def.type == UBPF_MAP_TYPE_LPM ? 5 + data[1] % 59
                                                   : 1 + data[1] % 63;
    def.max_entries = 1 + data[2] % 40;
    map = ubpf_map_create(&faulty_host, "m", &def);
    for (size_t i = 3; i + 1 + def.key_size <= len; i += 1 + def.key_size) {
        uint8_t key[64];

        memcpy(key, data + i + 1, def.key_size);
        tame(&def, key);
        operate(map, data[i], key, &cursor);
        if (faulty_host_postponed() > 1000) {
            faulty_host_end_grace_period();
        }
    }
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
