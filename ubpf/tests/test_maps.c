/* SPDX-License-Identifier: Apache-2.0
 *
 * Arrays and hash maps, against a model. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "maps/map.h"

#define N_KEYS  64 /* Keys that the random operations use. */
#define MAX_KEY 40

static struct ubpf_map *
make(uint32_t type, uint32_t key_size, uint32_t value_size,
     uint32_t max_entries, uint32_t flags)
{
    struct ubpf_map_def def = {type, key_size, value_size, max_entries, flags};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);

    CHECK(map);
    return map;
}

static uint64_t
n_entries(const struct ubpf_map *map)
{
    struct ubpf_map_info info;

    ubpf_map_get_info(map, &info);
    return info.n_entries;
}

static void
array_has_every_element_from_the_start(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_ARRAY, 4, 3, 5, 0);
    uint8_t value[3] = {1, 2, 3};
    uint32_t key = 4;

    CHECK_EQ(ubpf_map_lookup(map, &key, value), 0);
    CHECK_BYTES(value, "\0\0\0", 3);
    key = 5;
    CHECK_EQ(ubpf_map_lookup(map, &key, value), ENOENT);
    key = UINT32_MAX;
    CHECK_EQ(ubpf_map_lookup(map, &key, value), ENOENT);
    CHECK_EQ(n_entries(map), 5);
    ubpf_map_unref(map);
}

static void
array_updates(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_ARRAY, 4, 13, 2, 0);
    uint32_t key = 1;
    uint8_t value[13];

    CHECK_EQ(ubpf_map_update(map, &key, "thirteenbytes", UBPF_ANY), 0);
    CHECK_EQ(ubpf_map_update(map, &key, "thirteenBYTES", UBPF_EXIST), 0);
    CHECK_EQ(ubpf_map_update(map, &key, "-------------", UBPF_NOEXIST),
             EEXIST);
    CHECK_EQ(ubpf_map_update(map, &key, "-------------", 3), EINVAL);
    CHECK_EQ(ubpf_map_delete(map, &key), EINVAL);
    CHECK_EQ(ubpf_map_lookup(map, &key, value), 0);
    CHECK_BYTES(value, "thirteenBYTES", 13);
    key = 0;
    CHECK_EQ(ubpf_map_lookup(map, &key, value), 0);
    CHECK_BYTES(value, "\0\0\0\0\0\0\0\0\0\0\0\0\0", 13);
    key = 2;
    CHECK_EQ(ubpf_map_update(map, &key, "-------------", UBPF_ANY), ENOENT);
    ubpf_map_unref(map);
}

static void
array_dumps_in_order(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_ARRAY, 4, 1, 3, 0);
    uint64_t cursor = 0;
    uint8_t entries[2 * 5];

    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(ubpf_map_update(map, &i, &"abc"[i], UBPF_ANY), 0);
    }
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 2), 2);
    CHECK_BYTES(entries, "\0\0\0\0a\1\0\0\0b", 10);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 2), 1);
    CHECK_BYTES(entries, "\2\0\0\0c", 5);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 2), 0);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 2), 0);
    ubpf_map_unref(map);
}

static void
read_only_for_the_control_plane(void)
{
    struct ubpf_map *map =
        make(UBPF_MAP_TYPE_HASH, 4, 4, 3, UBPF_MAP_F_RDONLY_USER);

    CHECK_EQ(ubpf_map_update(map, "key", "val", UBPF_ANY), EPERM);
    CHECK_EQ(ubpf_map_delete(map, "key"), EPERM);
    ubpf_map_unref(map);
}

static void
replaced_and_deleted_elements_wait_for_readers(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_HASH, 4, 4, 3, 0);
    const char *value;

    CHECK_EQ(ubpf_map_update(map, "key", "one", UBPF_ANY), 0);
    value = map->ops->lookup(map, "key");
    CHECK_EQ(ubpf_map_update(map, "key", "two", UBPF_ANY), 0);
    CHECK_BYTES(value, "one", 4);
    CHECK_EQ(faulty_host_postponed(), 1);
    value = map->ops->lookup(map, "key");
    CHECK_EQ(ubpf_map_delete(map, "key"), 0);
    CHECK_BYTES(value, "two", 4);
    CHECK_EQ(faulty_host_postponed(), 2);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

/* What a map should contain: present[k] says whether key number 'k' is in it
 * and value[k] with which value. */
struct model {
    uint32_t key_size, max;
    bool present[N_KEYS];
    uint32_t value[N_KEYS];
    uint32_t n;
};

/* Key number 'k' of 'size' bytes; the last byte tells keys apart. */
static void
model_key(const struct model *m, uint32_t k, uint8_t key[MAX_KEY])
{
    memset(key, 7, m->key_size);
    key[m->key_size - 1] = (uint8_t) k;
}

static int
model_update(struct model *m, uint32_t k, uint32_t value, uint64_t flags)
{
    if (m->present[k] ? flags == UBPF_NOEXIST : flags == UBPF_EXIST) {
        return m->present[k] ? EEXIST : ENOENT;
    }
    if (!m->present[k] && m->n >= m->max) {
        return ENOSPC;
    }
    m->n += !m->present[k];
    m->present[k] = true;
    m->value[k] = value;
    return 0;
}

static int
model_delete(struct model *m, uint32_t k)
{
    if (!m->present[k]) {
        return ENOENT;
    }
    m->present[k] = false;
    m->n--;
    return 0;
}

/* Checks that a dump in pieces gives what is in 'm'. */
static void
check_dump(const struct ubpf_map *map, const struct model *m)
{
    uint8_t entries[3 * (MAX_KEY + 4)], key[MAX_KEY];
    bool seen[N_KEYS] = {false};
    uint64_t cursor = 0;
    size_t n, total = 0;

    while ((n = ubpf_map_dump(map, &cursor, entries, 3)) > 0) {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *entry = entries + i * (m->key_size + 4);
            uint32_t k = entry[m->key_size - 1], value;

            CHECK(k < N_KEYS && m->present[k] && !seen[k]);
            seen[k] = true;
            model_key(m, k, key);
            CHECK_BYTES(entry, key, m->key_size);
            memcpy(&value, entry + m->key_size, 4);
            CHECK_EQ(value, m->value[k]);
        }
        total += n;
    }
    CHECK_EQ(total, m->n);
}

static void
hash_agrees_with_a_model(uint32_t key_size, uint32_t max, uint32_t flags)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_HASH, key_size, 4, max, flags);
    struct model m = {.key_size = key_size, .max = max};
    uint64_t random = 88172645463325252u + key_size;

    for (int i = 0; i < 20000; i++) {
        uint64_t r = next_random(&random);
        uint32_t k = r % N_KEYS, value = (uint32_t) (r >> 32), found;
        uint64_t flags = r >> 8 & 3;
        uint8_t key[MAX_KEY];

        model_key(&m, k, key);
        switch (r >> 16 & 3) {
        case 0:
        case 1:
            CHECK_EQ(ubpf_map_update(map, key, &value, flags),
                     flags == 3 ? EINVAL : model_update(&m, k, value, flags));
            break;
        case 2:
            CHECK_EQ(ubpf_map_delete(map, key), model_delete(&m, k));
            break;
        default:
            CHECK_EQ(ubpf_map_lookup(map, key, &found),
                     m.present[k] ? 0 : ENOENT);
            CHECK(!m.present[k] || found == m.value[k]);
        }
        CHECK_EQ(n_entries(map), m.n);
        if (i % 100 == 0) {
            check_dump(map, &m);
            faulty_host_end_grace_period();
        }
    }
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

/* Between the pieces of a dump random entries come, go and change; those with
 * an even key stay (but change). */
static void
dump_gives_what_stays_exactly_once(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_HASH, 4, 8, 200, 0);
    uint64_t random = 1, value = 0;

    for (int round = 0; round < 300; round++) {
        unsigned int seen[200] = {0};
        uint64_t cursor = 0;
        uint8_t entry[12];

        for (uint32_t k = 0; k < 200; k += 2) {
            CHECK_EQ(ubpf_map_update(map, &k, &value, UBPF_ANY), 0);
        }
        while (ubpf_map_dump(map, &cursor, entry, 1)) {
            uint32_t k;

            memcpy(&k, entry, 4);
            seen[k]++;
            for (int i = 0; i < 4; i++) {
                uint32_t other = next_random(&random) % 200;

                value++;
                if (other % 2 && value % 3) {
                    ubpf_map_delete(map, &other);
                } else {
                    CHECK_EQ(ubpf_map_update(map, &other, &value, UBPF_ANY),
                             0);
                }
            }
        }
        for (uint32_t k = 0; k < 200; k++) {
            CHECK(k % 2 ? seen[k] <= 1 : seen[k] == 1);
        }
        faulty_host_end_grace_period();
    }
    ubpf_map_unref(map);
}

static void
bytes_follow_the_entries(void)
{
    struct ubpf_map *map =
        make(UBPF_MAP_TYPE_HASH, 4, 100, 16, UBPF_MAP_F_GROW);
    struct ubpf_map_info empty, one;
    uint8_t value[100] = {0};

    ubpf_map_get_info(map, &empty);
    CHECK_EQ(ubpf_map_update(map, "key", value, UBPF_ANY), 0);
    ubpf_map_get_info(map, &one);
    CHECK(one.bytes >= empty.bytes + 104 && one.bytes <= empty.bytes + 256);
    CHECK(empty.bytes + 16 * (one.bytes - empty.bytes)
          <= map->ops->footprint(&map->def));
    ubpf_map_unref(map);
}

/* Keys of 3 bytes and values of 5, so that most are not aligned. */
static void
a_batch_does_what_single_updates_do(uint32_t type)
{
    static const char entries[] = "aaaAAAAAbbbBBBBBcccCCCCC";
    struct ubpf_map *map = make(type, 3, 5, 4, 0);
    char value[5];
    size_t n_done = 77;

    CHECK_EQ(ubpf_map_update_batch(map, entries, 3, UBPF_NOEXIST, &n_done), 0);
    CHECK_EQ(n_done, 3);
    CHECK_EQ(n_entries(map), 3);
    CHECK_EQ(ubpf_map_lookup(map, "bbb", value), 0);
    CHECK_BYTES(value, "BBBBB", 5);
    CHECK_EQ(ubpf_map_delete_batch(map, "cccaaa", 2, &n_done), 0);
    CHECK_EQ(n_done, 2);
    CHECK_EQ(n_entries(map), 1);
    CHECK_EQ(ubpf_map_update_batch(map, entries, 0, UBPF_ANY, &n_done), 0);
    CHECK_EQ(n_done, 0);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static void
a_batch_ends_where_an_entry_fails(void)
{
    static const char entries[] = "aA bB cC dD bZ eE ";
    struct ubpf_map *map = make(UBPF_MAP_TYPE_HASH, 1, 2, 5, 0);
    char value[2];
    size_t n_done;

    CHECK_EQ(ubpf_map_update_batch(map, entries, 6, UBPF_NOEXIST, &n_done),
             EEXIST);
    CHECK_EQ(n_done, 4);
    CHECK_EQ(ubpf_map_lookup(map, "d", value), 0);
    CHECK_BYTES(value, "D ", 2);
    CHECK_EQ(ubpf_map_lookup(map, "e", value), ENOENT);
    CHECK_EQ(ubpf_map_update_batch(map, "eE fF gG ", 3, UBPF_ANY, &n_done),
             ENOSPC);
    CHECK_EQ(n_done, 1);
    CHECK_EQ(ubpf_map_update_batch(map, entries, 6, 3, &n_done), EINVAL);
    CHECK_EQ(n_done, 0);
    CHECK_EQ(ubpf_map_delete_batch(map, "abxc", 4, &n_done), ENOENT);
    CHECK_EQ(n_done, 2);
    CHECK_EQ(n_entries(map), 3);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

int
main(void)
{
    array_has_every_element_from_the_start();
    array_updates();
    array_dumps_in_order();
    read_only_for_the_control_plane();
    a_batch_does_what_single_updates_do(UBPF_MAP_TYPE_HASH);
    a_batch_does_what_single_updates_do(UBPF_MAP_TYPE_LRU_HASH);
    a_batch_ends_where_an_entry_fails();
    replaced_and_deleted_elements_wait_for_readers();
    hash_agrees_with_a_model(1, 1, 0);
    hash_agrees_with_a_model(4, 20, UBPF_MAP_F_GROW);
    hash_agrees_with_a_model(8, N_KEYS, 0);
    hash_agrees_with_a_model(13, 1000, 0);
    hash_agrees_with_a_model(40, 50, UBPF_MAP_F_GROW);
    dump_gives_what_stays_exactly_once();
    bytes_follow_the_entries();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
