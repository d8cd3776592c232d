/* SPDX-License-Identifier: Apache-2.0
 *
 * Two threads look up while a third writes, for each type of map.  Built with
 * -DUBPF_SANITIZE=thread it finds races, with address the use of elements that
 * were freed.  `test_races N [TYPE]` does N operations per
 * thread, on maps of one type. */

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "check.h"
#include "helpers.h"
#include "maps/map.h"
#include "reader_host.h"
#include "maps/map_array.h"

#define N_KEYS   64 /* Those with an even number are always there. */
#define KEY_SIZE 8

/* A value says which entry it is, twice. */
struct value {
    uint64_t key, copy;
};

static unsigned long n_operations = 20000;
static uint32_t only_type; /* 0: all. */
static struct ubpf_map *map;

/* The program of an array of maps: two that may be elements, and the array. */
static struct ubpf_map *maps[3];

static bool
is_type(uint32_t type)
{
    return map->def.type == type;
}

static bool
has_elements(void)
{
    return is_type(UBPF_MAP_TYPE_ARRAY) || is_type(UBPF_MAP_TYPE_THREAD_ARRAY)
           || is_type(UBPF_MAP_TYPE_METER)
           || is_type(UBPF_MAP_TYPE_ARRAY_OF_MAPS);
}

/* Entry 'k' as the control plane names it.  In LPM and ternary maps all have
 * the entry with number 0 behind them. */
static const uint8_t *
user_key(uint32_t k, uint8_t key[8 + 2 * KEY_SIZE])
{
    memset(key, 0, 8 + 2 * KEY_SIZE);
    if (is_type(UBPF_MAP_TYPE_LPM)) {
        key[0] = k ? 32 : 0;
        key[7] = (uint8_t) k;
    } else if (is_type(UBPF_MAP_TYPE_TERNARY)) {
        key[0] = (uint8_t) k;
        key[8] = (uint8_t) k;
        memset(key + 8 + KEY_SIZE, k ? 0xff : 0, 1 + k % 5);
    } else {
        key[0] = (uint8_t) k;
    }
    return key;
}

static const uint8_t *
prog_key(uint32_t k, uint8_t key[8 + 2 * KEY_SIZE])
{
    user_key(k, key);
    if (is_type(UBPF_MAP_TYPE_LPM)) {
        key[0] = 32;
    }
    return is_type(UBPF_MAP_TYPE_TERNARY) ? key + 8 : key;
}

static uint64_t
word(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* One lookup of a program, and what it does with what it finds. */
static void
read_once(uint32_t k)
{
    uint8_t key[8 + 2 * KEY_SIZE];
    struct value *value;

    if (is_type(UBPF_MAP_TYPE_METER)) {
        CHECK(ubpf_meter_map_execute(map, k, 100, UBPF_GREEN) <= UBPF_RED);
        return;
    } else if (is_type(UBPF_MAP_TYPE_RING)) {
        uint64_t record[4] = {k, k, k, k};
        int err = ubpf_ring_output(map, record, 8 + 8 * (k % 4));

        CHECK(!err || err == EAGAIN);
        return;
    }
    value = map->ops->lookup(map, prog_key(k, key));
    if (is_type(UBPF_MAP_TYPE_ARRAY_OF_MAPS)) {
        const struct ubpf_map *found = (const struct ubpf_map *) value;

        CHECK(!found || found->ops->lookup(found, key));
        return;
    }
    if (is_type(UBPF_MAP_TYPE_THREAD_ARRAY)
        || is_type(UBPF_MAP_TYPE_THREAD_HASH)) {
        if (value) {
            __atomic_store_n(&value->key, word(&value->key) + 1,
                             __ATOMIC_RELAXED);
        }
        return;
    }
    if (is_type(UBPF_MAP_TYPE_LRU_HASH)) {
        CHECK(!value || word(&value->key) == k);
        return;
    }
    CHECK(value || (k % 2 && !is_type(UBPF_MAP_TYPE_ARRAY)));
    if (value) {
        uint64_t found = word(&value->key);

        CHECK(found == k || (k % 2 && found == 0)
              || is_type(UBPF_MAP_TYPE_ARRAY));
    }
}

/* Dumps all, and checks that what stays is there exactly once. */
static void
dump_once(void)
{
    static _Thread_local uint8_t entries[4 * 256];
    unsigned int seen[N_KEYS] = {0};
    struct ubpf_map_info info;
    uint64_t cursor = 0;
    size_t n, size;

    ubpf_map_get_info(map, &info);
    size = info.entry_key_size + info.entry_value_size;
    CHECK(size <= 256);
    while ((n = ubpf_map_dump(map, &cursor, entries, 4)) > 0) {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *entry = entries + i * size;
            uint64_t records[4];
            uint32_t length;

            if (is_type(UBPF_MAP_TYPE_RING)) {
                memcpy(&length, entry + 8, 4);
                memcpy(records, entry + 12, sizeof records);
                CHECK(length >= 8 && length <= 32 && length % 8 == 0);
                for (uint32_t j = 0; j < length / 8; j++) {
                    CHECK_EQ(records[j], records[0]);
                }
                CHECK_EQ(length, 8 + 8 * (records[0] % 4));
            } else if (is_type(UBPF_MAP_TYPE_LPM)) {
                seen[entry[7]]++;
            } else {
                seen[entry[0] % N_KEYS]++;
            }
        }
        if (is_type(UBPF_MAP_TYPE_RING)) {
            return;
        }
    }
    for (int k = 0; k < N_KEYS && !is_type(UBPF_MAP_TYPE_RING)
                    && !is_type(UBPF_MAP_TYPE_LRU_HASH);
         k++) {
        /* In a ternary map what comes back may get another place. */
        CHECK(k % 2 ? seen[k] <= 1 || is_type(UBPF_MAP_TYPE_TERNARY)
                    : seen[k] == 1);
    }
}

static void *
reader_main(void *index_)
{
    unsigned int index = (unsigned int) (uintptr_t) index_;

    for (unsigned long i = 0; i < n_operations; i++) {
        read_once((uint32_t) (i * 7 + index) % N_KEYS);
        if (i % 256 == 0) {
            dump_once();
        }
        reader_goes_on(index);
    }
    reader_ends(index);
    return NULL;
}

/* Makes element 'k' another map, or none. */
static int
exchange_map(uint32_t k, uint64_t flags)
{
    static uint32_t turn;
    uint32_t number = turn++ % 3;

    number = number < 2 ? number : UBPF_NO_MAP;
    return ubpf_map_update(map, &k, &number, flags);
}

static int
write_entry(uint32_t k, uint64_t flags)
{
    uint8_t key[8 + 2 * KEY_SIZE];
    struct ubpf_meter meter = {1000, 1000, 2000, 2000, {0, 0}, 0, 0};
    struct value value = {k, k};

    if (is_type(UBPF_MAP_TYPE_METER)) {
        return ubpf_map_update(map, user_key(k, key), &meter, flags);
    }
    if (is_type(UBPF_MAP_TYPE_RING)) {
        return 0;
    }
    if (is_type(UBPF_MAP_TYPE_ARRAY_OF_MAPS)) {
        return exchange_map(k, flags);
    }
    return ubpf_map_update(map, user_key(k, key), &value, flags);
}

/* Even entries are replaced, odd ones come and go.  Returns how many. */
static unsigned long
write_all(void)
{
    uint64_t random = 11;
    unsigned long n;

    for (n = 0; !readers_are_done(); n++) {
        uint32_t k = next_random(&random) % N_KEYS;
        uint8_t key[8 + 2 * KEY_SIZE];
        int err;

        if (k % 2 == 0 || has_elements()) {
            bool is_lru = is_type(UBPF_MAP_TYPE_LRU_HASH);

            err = write_entry(k, is_lru ? UBPF_ANY : UBPF_EXIST);
            CHECK_EQ(err, 0);
        } else if (!is_type(UBPF_MAP_TYPE_RING)
                   && ubpf_map_delete(map, user_key(k, key)) == ENOENT) {
            err = write_entry(k, UBPF_NOEXIST);
            CHECK(!err
                  || (err == ENOMEM && is_type(UBPF_MAP_TYPE_THREAD_HASH)));
        }
        if (n % 32 == 0) {
            reader_host_end_grace_period();
        }
    }
    return n;
}

/* Makes the maps that the array 'map' may have for elements.  Each has all
 * keys. */
static void
make_elements(const struct ubpf_host *host)
{
    static const struct ubpf_map_def def = {UBPF_MAP_TYPE_HASH, 1, 8, 256, 0};

    for (int i = 0; i < 2; i++) {
        maps[i] = ubpf_map_create(host, "element", &def);
        CHECK(maps[i]);
        for (int k = 0; k < 256; k++) {
            uint8_t key = (uint8_t) k;
            uint64_t value = (uint64_t) k;

            CHECK_EQ(ubpf_map_update(maps[i], &key, &value, UBPF_ANY), 0);
        }
    }
    maps[2] = map;
    ubpf_map_array_set_program(map, maps, 3);
}

static void
race(uint32_t type, uint32_t flags, uint32_t max_entries)
{
    struct ubpf_host host = reader_host();
    struct ubpf_map_def def = {type, KEY_SIZE, sizeof(struct value),
                               max_entries, flags};
    pthread_t readers[N_READERS];
    unsigned long n;

    if (only_type && type != only_type) {
        return;
    }

    if (type == UBPF_MAP_TYPE_ARRAY || type == UBPF_MAP_TYPE_THREAD_ARRAY
        || type == UBPF_MAP_TYPE_METER
        || type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        def.key_size = 4;
    }
    if (type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        def.value_size = sizeof(uint32_t);
    } else if (type == UBPF_MAP_TYPE_METER) {
        def.value_size = sizeof(struct ubpf_meter);
    } else if (type == UBPF_MAP_TYPE_RING) {
        def.value_size = 32;
        def.max_entries = 16;
    } else if (type == UBPF_MAP_TYPE_LRU_HASH) {
        def.max_entries = N_KEYS / 2;
    }
    map = ubpf_map_create(&host, "m", &def);
    CHECK(map);
    if (type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        make_elements(&host);
    }
    for (uint32_t k = 0; k < N_KEYS; k += 2) {
        CHECK_EQ(write_entry(k, UBPF_ANY), 0);
    }
    for (uintptr_t i = 0; i < N_READERS; i++) {
        reader_starts((unsigned int) i);
        CHECK(!pthread_create(&readers[i], NULL, reader_main, (void *) i));
    }
    n = write_all();
    for (int i = 0; i < N_READERS; i++) {
        CHECK(!pthread_join(readers[i], NULL));
    }
    reader_host_end_grace_period();
    ubpf_map_unref(map);
    for (int i = 0; i < 2; i++) {
        ubpf_map_unref(maps[i]);
        maps[i] = NULL;
    }
    if (n_operations > 20000) {
        printf("type %" PRIu32 ": %lu operations of each reader, %lu writes\n",
               type, n_operations, n);
    }
}

int
main(int argc, char *argv[])
{
    if (argc > 1) {
        n_operations = strtoul(argv[1], NULL, 10);
    }
    if (argc > 2) {
        only_type = (uint32_t) strtoul(argv[2], NULL, 10);
    }
    race(UBPF_MAP_TYPE_HASH, 0, N_KEYS);
    race(UBPF_MAP_TYPE_HASH, UBPF_MAP_F_GROW, N_KEYS);
    race(UBPF_MAP_TYPE_ARRAY, 0, N_KEYS);
    race(UBPF_MAP_TYPE_THREAD_HASH, 0, N_KEYS);
    race(UBPF_MAP_TYPE_THREAD_ARRAY, 0, N_KEYS);
    race(UBPF_MAP_TYPE_LRU_HASH, 0, N_KEYS);
    race(UBPF_MAP_TYPE_LPM, 0, N_KEYS);
    race(UBPF_MAP_TYPE_LPM, 0, 65536);
    race(UBPF_MAP_TYPE_RING, 0, N_KEYS);
    race(UBPF_MAP_TYPE_TERNARY, 0, N_KEYS);
    race(UBPF_MAP_TYPE_METER, 0, N_KEYS);
    race(UBPF_MAP_TYPE_ARRAY_OF_MAPS, 0, N_KEYS);
    return 0;
}
