/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps with values per thread, LRU maps, rings, and the limit on memory. */

#include <errno.h>
#include <pthread.h>

#include "check.h"
#include "faulty_host.h"
#include "helpers.h"
#include "maps/map.h"
#include "maps/thread.h"

static struct ubpf_map *
make(uint32_t type, uint32_t key_size, uint32_t value_size,
     uint32_t max_entries)
{
    struct ubpf_map_def def = {type, key_size, value_size, max_entries, 0};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);

    CHECK(map);
    return map;
}

/* Runs 'fn(arg)' in a thread of its own and waits for its end. */
static void
in_another_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    CHECK(!pthread_create(&thread, NULL, fn, arg));
    CHECK(!pthread_join(thread, NULL));
}

static void *
get_index(void *index)
{
    *(uint32_t *) index = ubpf_thread_index();
    return NULL;
}

static void
numbers_of_threads_are_used_again(void)
{
    uint32_t own = ubpf_thread_index(), other, next;

    CHECK_EQ(ubpf_thread_index(), own);
    in_another_thread(get_index, &other);
    in_another_thread(get_index, &next);
    CHECK(other != own);
    CHECK_EQ(next, other);
}

/* Adds 1 and 10 to the words of element 1 of a map with values per thread. */
static void *
count(void *map_)
{
    const struct ubpf_map *map = map_;
    uint64_t *value = map->ops->lookup(map, "\1\0\0\0");

    CHECK(value);
    value[0] += 1;
    value[1] += 10;
    return NULL;
}

static void
control_plane_sees_the_sum(uint32_t type)
{
    struct ubpf_map *map = make(type, 4, 16, 4);
    uint64_t cursor = 0, value[2] = {0, 0};
    uint8_t entries[4 * 20];
    size_t n;

    if (type == UBPF_MAP_TYPE_THREAD_HASH) {
        CHECK_EQ(ubpf_map_update(map, "\1\0\0\0", value, UBPF_NOEXIST), 0);
    }
    count(map);
    in_another_thread(count, map);
    in_another_thread(count, map);
    CHECK_EQ(ubpf_map_lookup(map, "\1\0\0\0", value), 0);
    CHECK_EQ(value[0], 3);
    CHECK_EQ(value[1], 30);

    value[0] = 100;
    value[1] = 0;
    CHECK_EQ(ubpf_map_update(map, "\1\0\0\0", value, UBPF_EXIST), 0);
    in_another_thread(count, map);
    count(map);
    n = ubpf_map_dump(map, &cursor, entries, 4);
    CHECK_EQ(n, type == UBPF_MAP_TYPE_THREAD_HASH ? 1 : 4);
    memcpy(value, entries + (n == 4 ? 20 : 0) + 4, sizeof value);
    CHECK_EQ(value[0], 102);
    CHECK_EQ(value[1], 20);
    CHECK_EQ(ubpf_map_lookup(map, "\4\0\0\0", value), ENOENT);
    CHECK(!map->ops->lookup(map, "\4\0\0\0"));
    CHECK_EQ(ubpf_map_update(map, "\1\0\0\0", value, UBPF_NOEXIST), EEXIST);
    ubpf_map_unref(map);
}

/* A program's update is its own thread's. */
static void
programs_update_their_own_value(uint32_t type)
{
    struct ubpf_map *map = make(type, 4, 16, 4);
    ubpf_helper_fn *helper = ubpf_helper_impl(UBPF_HELPER_MAP_UPDATE);
    uint64_t value[2] = {5, 50}, found[2];
    const char *key = "\1\0\0\0";

    if (type == UBPF_MAP_TYPE_THREAD_HASH) {
        CHECK_EQ(ubpf_map_update(map, key, "0123456789abcdef", UBPF_ANY), 0);
        CHECK_EQ(ubpf_map_update(map, key, (uint64_t[2]) {0, 0}, UBPF_ANY), 0);
    }
    in_another_thread(count, map);
    CHECK_EQ(helper(NULL, (uintptr_t) map, (uintptr_t) key, (uintptr_t) value,
                    UBPF_ANY, 0),
             0);
    CHECK_EQ(ubpf_map_lookup(map, key, found), 0);
    CHECK_EQ(found[0], 6);
    CHECK_EQ(found[1], 60);
    ubpf_map_unref(map);
}

/* An entry begins with zeros, whatever had its place before; all entries can
 * be exchanged for others before a grace period ends. */
static void
thread_hash_reuses_places(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_THREAD_HASH, 4, 8, 3);
    uint64_t value = 0;

    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t key = 3 * round + i;
            uint64_t *mine;

            value = 0;
            CHECK_EQ(ubpf_map_update(map, &key, &value, UBPF_NOEXIST), 0);
            CHECK_EQ(ubpf_map_lookup(map, &key, &value), 0);
            CHECK_EQ(value, 0);
            mine = map->ops->lookup(map, &key);
            *mine = 7;
        }
        CHECK_EQ(ubpf_map_update(map, "full", &value, UBPF_ANY), ENOSPC);
        for (uint32_t i = 0; i < 3; i++) {
            uint32_t key = 3 * round + i;

            CHECK_EQ(ubpf_map_delete(map, &key), 0);
            CHECK_EQ(ubpf_map_delete(map, &key), ENOENT);
        }
        if (round % 2) {
            faulty_host_end_grace_period();
        }
    }
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static bool
lru_has(const struct ubpf_map *map, uint32_t key)
{
    uint32_t value;

    return !ubpf_map_lookup(map, &key, &value);
}

static void
lru_gives_up_what_was_used_longest_ago(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_LRU_HASH, 4, 4, 4);
    struct ubpf_map_info info;

    for (uint32_t i = 0; i < 4; i++) {
        CHECK_EQ(ubpf_map_update(map, &i, &i, UBPF_ANY), 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (i != 2) {
            CHECK(map->ops->lookup(map, &i));
        }
    }
    for (uint32_t i = 4; i < 6; i++) {
        CHECK_EQ(ubpf_map_update(map, &i, &i, UBPF_ANY), 0);
        ubpf_map_get_info(map, &info);
        CHECK_EQ(info.n_entries, 4);
        CHECK(lru_has(map, i));
        CHECK(!lru_has(map, 2));
    }
    CHECK(lru_has(map, 4));
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

/* However many entries come, each is there at first, and the map is never
 * full; what is used all the time stays. */
static void
lru_is_never_full(uint32_t max)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_LRU_HASH, 4, 4, max);
    struct ubpf_map_info info;
    uint32_t hot = UINT32_MAX, value = 1;

    CHECK_EQ(ubpf_map_update(map, &hot, &value, UBPF_ANY), 0);
    for (uint32_t i = 0; i < 5 * max; i++) {
        CHECK_EQ(ubpf_map_update(map, &i, &i, UBPF_NOEXIST), 0);
        CHECK(lru_has(map, i));
        CHECK(max == 1 || map->ops->lookup(map, &hot));
        if (i % 50 == 0) {
            faulty_host_end_grace_period();
        }
    }
    ubpf_map_get_info(map, &info);
    CHECK_EQ(info.n_entries, max);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static int
output(struct ubpf_map *map, const char *record)
{
    return ubpf_ring_output(map, record, strlen(record));
}

static void
ring_keeps_the_newest_records(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_RING, 8, 5, 4);
    uint64_t cursor = 0, number = 2;
    uint8_t entries[3 * 21], value[13];
    struct ubpf_map_info info;

    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 3), 0);
    CHECK_EQ(output(map, "one"), 0);
    CHECK_EQ(output(map, "two"), 0);
    CHECK_EQ(output(map, ""), 0);
    CHECK_EQ(output(map, "toolong"), E2BIG);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 2), 2);
    CHECK_BYTES(entries,
                "\1\0\0\0\0\0\0\0\3\0\0\0one\0\0\0\0\0\0"
                "\2\0\0\0\0\0\0\0\3\0\0\0two\0\0\0\0\0\0",
                42);
    CHECK_EQ(cursor, 2);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 3), 1);
    CHECK_BYTES(entries, "\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 21);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 3), 0);
    CHECK_EQ(ubpf_map_lookup(map, &number, value), 0);
    CHECK_BYTES(value, "\3\0\0\0two\0\0\0\0\0\0", 13);

    for (int i = 0; i < 6; i++) {
        CHECK_EQ(output(map, "four"), 0);
    }
    CHECK_EQ(ubpf_map_lookup(map, &number, value), ENOENT);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 3), 3);
    CHECK_EQ(entries[0], 6);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 3), 1);
    CHECK_EQ(entries[0], 9);
    cursor = UINT64_MAX;
    CHECK_EQ(ubpf_map_dump(map, &cursor, entries, 3), 0);
    CHECK_EQ(ubpf_map_update(map, &number, value, UBPF_ANY), EINVAL);
    CHECK_EQ(ubpf_map_delete(map, &number), EINVAL);
    ubpf_map_get_info(map, &info);
    CHECK_EQ(info.n_entries, 4);
    CHECK_EQ(info.n_dropped, 0);
    CHECK_EQ(info.entry_key_size, 8);
    CHECK_EQ(info.entry_value_size, 13);
    ubpf_map_unref(map);
}

static void
memory_has_a_limit(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_LPM, 10, 1000, 100);
    uint64_t used = ubpf_memory_used();
    uint8_t key[10] = {48, 0, 0, 0, 10, 0, 0, 0}, value[1000] = {0};
    struct ubpf_map_def big = {UBPF_MAP_TYPE_ARRAY, 4, 8, 100000, 0};
    struct ubpf_map_info info;
    int n = 0, err;

    CHECK(used > 0);
    ubpf_set_memory_limit(used + 10000);
    CHECK(!ubpf_map_create(&faulty_host, "big", &big));
    while (!(err = ubpf_map_update(map, key, value, UBPF_ANY))) {
        key[7]++;
        n++;
    }
    CHECK_EQ(err, EDQUOT);
    CHECK(n > 5 && n < 10);
    CHECK(ubpf_memory_used() <= used + 10000);
    ubpf_map_get_info(map, &info);
    CHECK_EQ(info.n_entries, n);
    ubpf_set_memory_limit(0);
    CHECK_EQ(ubpf_map_update(map, key, value, UBPF_ANY), 0);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
    CHECK_EQ(ubpf_memory_used(), 0);
}

int
main(void)
{
    numbers_of_threads_are_used_again();
    control_plane_sees_the_sum(UBPF_MAP_TYPE_THREAD_ARRAY);
    control_plane_sees_the_sum(UBPF_MAP_TYPE_THREAD_HASH);
    programs_update_their_own_value(UBPF_MAP_TYPE_THREAD_ARRAY);
    programs_update_their_own_value(UBPF_MAP_TYPE_THREAD_HASH);
    thread_hash_reuses_places();
    lru_gives_up_what_was_used_longest_ago();
    lru_is_never_full(1);
    lru_is_never_full(5);
    lru_is_never_full(300);
    ring_keeps_the_newest_records();
    memory_has_a_limit();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
