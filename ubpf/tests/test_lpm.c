/* SPDX-License-Identifier: Apache-2.0
 *
 * Longest prefix match, against a linear scan. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "maps/map.h"

#define MAX_DATA    66
#define MAX_ENTRIES 300

struct key {
    uint32_t prefix_len;
    uint8_t data[MAX_DATA];
};

static struct ubpf_map *
make(uint32_t data_size, uint32_t max_entries)
{
    struct ubpf_map_def def = {UBPF_MAP_TYPE_LPM, 4 + data_size, 4,
                               max_entries, 0};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);

    CHECK(map);
    return map;
}

static struct key
ipv4(uint32_t prefix_len, uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct key) {prefix_len, {a, b, c, d}};
}

/* The value that a lookup finds, or 0. */
static uint32_t
find(const struct ubpf_map *map, struct key key)
{
    uint32_t value;
    int err = ubpf_map_lookup(map, &key, &value);

    CHECK(!err || err == ENOENT);
    return err ? 0 : value;
}

static int
add(struct ubpf_map *map, struct key key, uint32_t value)
{
    return ubpf_map_update(map, &key, &value, UBPF_ANY);
}

static void
longest_prefix_wins(void)
{
    struct ubpf_map *map = make(4, 10);
    struct key key;

    CHECK_EQ(find(map, ipv4(32, 10, 0, 0, 1)), 0);
    CHECK_EQ(add(map, ipv4(8, 10, 0, 0, 0), 8), 0);
    CHECK_EQ(add(map, ipv4(24, 10, 0, 1, 0), 24), 0);
    CHECK_EQ(add(map, ipv4(32, 10, 0, 1, 7), 32), 0);
    CHECK_EQ(find(map, ipv4(32, 10, 9, 9, 9)), 8);
    CHECK_EQ(find(map, ipv4(32, 10, 0, 1, 9)), 24);
    CHECK_EQ(find(map, ipv4(32, 10, 0, 1, 7)), 32);
    CHECK_EQ(find(map, ipv4(32, 11, 0, 1, 7)), 0);
    CHECK_EQ(add(map, ipv4(0, 1, 2, 3, 4), 1), 0);
    CHECK_EQ(find(map, ipv4(32, 11, 0, 1, 7)), 1);

    key = ipv4(24, 10, 0, 1, 255);
    CHECK_EQ(ubpf_map_delete(map, &key), 0);
    CHECK_EQ(ubpf_map_delete(map, &key), ENOENT);
    CHECK_EQ(find(map, ipv4(32, 10, 0, 1, 9)), 8);
    ubpf_map_unref(map);
}

static void
lookup_has_a_prefix_length_too(void)
{
    struct ubpf_map *map = make(4, 10);

    CHECK_EQ(add(map, ipv4(8, 10, 0, 0, 0), 8), 0);
    CHECK_EQ(add(map, ipv4(24, 10, 0, 1, 0), 24), 0);
    CHECK_EQ(find(map, ipv4(24, 10, 0, 1, 0)), 24);
    CHECK_EQ(find(map, ipv4(23, 10, 0, 1, 0)), 8);
    CHECK_EQ(find(map, ipv4(8, 10, 0, 1, 0)), 8);
    CHECK_EQ(find(map, ipv4(7, 10, 0, 1, 0)), 0);
    CHECK_EQ(find(map, ipv4(33, 10, 0, 1, 0)), 0);
    CHECK_EQ(find(map, ipv4(UINT32_MAX, 10, 0, 1, 0)), 0);
    ubpf_map_unref(map);
}

static void
insignificant_bits_are_ignored_and_read_back_zero(void)
{
    struct ubpf_map *map = make(4, 1);
    uint64_t cursor = 0;
    uint8_t entry[12];
    struct key key = ipv4(12, 0xac, 0x1f, 0xff, 0xff);
    uint32_t value = 5;

    CHECK_EQ(add(map, key, 4), 0);
    CHECK_EQ(ubpf_map_update(map, &key, &value, UBPF_NOEXIST), EEXIST);
    key = ipv4(12, 0xac, 0x10, 0, 0);
    CHECK_EQ(ubpf_map_update(map, &key, &value, UBPF_EXIST), 0);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entry, 1), 1);
    CHECK_BYTES(entry, "\x0c\0\0\0\xac\x10\0\0\x05\0\0\0", 12);
    CHECK_EQ(ubpf_map_dump(map, &cursor, entry, 1), 0);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static void
errors(void)
{
    struct ubpf_map *map = make(4, 1);
    struct key key = ipv4(33, 10, 0, 0, 0);
    uint32_t value = 1;

    CHECK_EQ(add(map, key, 1), EINVAL);
    CHECK_EQ(ubpf_map_delete(map, &key), EINVAL);
    key.prefix_len = 32;
    CHECK_EQ(ubpf_map_update(map, &key, &value, 3), EINVAL);
    CHECK_EQ(ubpf_map_update(map, &key, &value, UBPF_EXIST), ENOENT);
    CHECK_EQ(add(map, key, 1), 0);
    CHECK_EQ(add(map, ipv4(31, 10, 0, 0, 0), 1), ENOSPC);
    CHECK_EQ(find(map, ipv4(31, 10, 0, 0, 0)), 0);
    ubpf_map_unref(map);
}

static void
longest_key(void)
{
    struct ubpf_map_def def = {UBPF_MAP_TYPE_LPM, 512, 4, 2, 0};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);
    uint8_t key[512] = {0};
    uint32_t len = 508 * 8, value = 3;

    memcpy(key, &len, sizeof len);
    key[511] = 1;
    CHECK_EQ(ubpf_map_update(map, key, &value, UBPF_ANY), 0);
    value = 0;
    CHECK_EQ(ubpf_map_lookup(map, key, &value), 0);
    CHECK_EQ(value, 3);
    key[511] = 0;
    CHECK_EQ(ubpf_map_lookup(map, key, &value), ENOENT);
    len++;
    memcpy(key, &len, sizeof len);
    CHECK_EQ(ubpf_map_update(map, key, &value, UBPF_ANY), EINVAL);
    ubpf_map_unref(map);
}

/* A random key of few different bits, so that prefixes nest. */
static struct key
random_key(uint64_t *random, uint32_t data_size)
{
    struct key key;

    key.prefix_len = next_random(random) % (data_size * 8 + 1);
    if (data_size == 4 && key.prefix_len < 8) {
        key.prefix_len &= 4; /* Shorter ones take long in a large map. */
    }
    memset(key.data, 0, sizeof key.data);
    for (int i = 0; i < 3; i++) {
        uint64_t r = next_random(random);

        key.data[r % data_size] = (uint8_t) (r >> 32 & 0x81);
    }
    return key;
}

/* One of many routes in few networks: nodes of all sizes. */
static struct key
dense_key(uint64_t *random, uint32_t data_size)
{
    uint64_t r = next_random(random) >> 16;
    uint32_t len = r % 4 ? 9 + r / 4 % 16 : 25 + r / 4 % 8;

    CHECK_EQ(data_size, 4);
    return ipv4(len, 10, r >> 8 & 1, r >> 16, r >> 24);
}

/* Every prefix of one key, in either order: the deepest trie there can be. */
static void
chain_of_prefixes(bool shortest_first)
{
    struct ubpf_map *map = make(MAX_DATA, MAX_DATA * 8 + 1);
    struct key key = {0};

    memset(key.data, 0xa5, sizeof key.data);
    for (uint32_t i = 0; i <= MAX_DATA * 8; i++) {
        key.prefix_len = shortest_first ? i : MAX_DATA * 8 - i;
        CHECK_EQ(add(map, key, key.prefix_len + 1), 0);
    }
    for (uint32_t i = 0; i <= MAX_DATA * 8; i++) {
        key.prefix_len = i;
        CHECK_EQ(find(map, key), i + 1);
    }
    key.prefix_len = MAX_DATA * 8;
    key.data[20] ^= 0x10;
    CHECK_EQ(find(map, key), 20 * 8 + 3 + 1);
    ubpf_map_unref(map);
}

/* The index takes no more than it says, and gives its nodes back when entries
 * go, but for runs that the next update would join; the buckets stay. */
static void
memory_comes_back(uint32_t data_size)
{
    struct ubpf_map *map = make(data_size, MAX_ENTRIES);
    struct ubpf_map_info info;
    uint64_t random = 3, first = 0, last;

    CHECK_EQ(add(map, ipv4(0, 0, 0, 0, 0), 1), 0);
    for (int round = 0; round < 3; round++) {
        uint64_t state = random;

        for (int i = 0; i < MAX_ENTRIES; i++) {
            add(map, random_key(&random, data_size), 1);
        }
        faulty_host_end_grace_period();
        ubpf_map_get_info(map, &info);
        CHECK(info.bytes <= map->ops->footprint(&map->def));
        for (int i = 0; i < MAX_ENTRIES; i++) {
            struct key key = random_key(&state, data_size);

            if (key.prefix_len) {
                ubpf_map_delete(map, &key);
            }
        }
        faulty_host_end_grace_period();
        ubpf_map_get_info(map, &info);
        CHECK_EQ(info.n_entries, 1);
        last = info.bytes;
        first = round ? first : last;
        CHECK(last <= first + 128);
    }
    ubpf_map_unref(map);
}

/* The model: a list of entries. */
struct model {
    struct key keys[MAX_ENTRIES];
    uint32_t values[MAX_ENTRIES];
    uint32_t n;
};

/* True if the first 'n' bits of 'a' and 'b' are the same, bit by bit. */
static bool
same_bits(const uint8_t *a, const uint8_t *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if ((a[i / 8] ^ b[i / 8]) >> (7 - i % 8) & 1) {
            return false;
        }
    }
    return true;
}

static uint32_t
model_find(const struct model *m, const struct key *key)
{
    uint32_t best = 0, value = 0;

    for (uint32_t i = 0; i < m->n; i++) {
        uint32_t len = m->keys[i].prefix_len;

        if (len <= key->prefix_len && (!value || len > best)
            && same_bits(m->keys[i].data, key->data, len)) {
            best = len;
            value = m->values[i];
        }
    }
    return value;
}

/* The index of the entry for exactly 'key', or m->n. */
static uint32_t
model_index(const struct model *m, const struct key *key)
{
    uint32_t i;

    for (i = 0; i < m->n; i++) {
        if (m->keys[i].prefix_len == key->prefix_len
            && same_bits(m->keys[i].data, key->data, key->prefix_len)) {
            break;
        }
    }
    return i;
}

/* Memory for an update, where it is not there one time in four. */
static void
fail_sometimes(uint64_t *random)
{
    uint64_t r = next_random(random) >> 32;

    faulty_host_fail(r % 4 ? -1 : (int) (r / 4 % 6));
}

/* An update that fails for want of memory changes nothing, and a delete never
 * fails. */
static void
agrees_with_a_linear_scan(uint32_t data_size, uint32_t max_entries,
                          struct key (*a_key)(uint64_t *random,
                                              uint32_t data_size))
{
    struct ubpf_map *map = make(data_size, max_entries);
    static struct model m;
    /* Short prefixes take their time in the index of large maps. */
    uint32_t n_steps = max_entries == MAX_ENTRIES ? 6000 : 2000;
    uint64_t random = data_size;
    uint32_t n_failed = 0;

    m.n = 0;
    for (uint32_t step = 1; step <= n_steps; step++) {
        struct key key = a_key(&random, data_size);
        uint32_t i = model_index(&m, &key);

        if (step % 3 && (i < MAX_ENTRIES || max_entries == MAX_ENTRIES)) {
            int err;

            fail_sometimes(&random);
            err = add(map, key, step);
            CHECK(err == ENOMEM || err == (i == MAX_ENTRIES ? ENOSPC : 0));
            n_failed += err == ENOMEM;
            if (!err) {
                m.keys[i] = key;
                m.values[i] = step;
                m.n += i == m.n;
            }
        } else {
            fail_sometimes(&random);
            CHECK_EQ(ubpf_map_delete(map, &key), i == m.n ? ENOENT : 0);
            if (i < m.n) {
                m.n--;
                m.keys[i] = m.keys[m.n];
                m.values[i] = m.values[m.n];
            }
        }
        faulty_host_fail(-1);
        for (int j = 0; j < 4; j++) {
            key = a_key(&random, data_size);
            if (j % 2) {
                key.prefix_len = data_size * 8;
            }
            CHECK_EQ(find(map, key), model_find(&m, &key));
        }
        faulty_host_end_grace_period();
    }
    CHECK(n_failed > 0);
    ubpf_map_unref(map);
}

/* Replaces each route while the old one, of a full map, still waits for
 * readers: the memory that the map took when it was made does not suffice. */
static void
full_map_is_replaced(void)
{
    const uint32_t n = 65536;
    struct ubpf_map *map = make(4, n);
    struct ubpf_map_info info;
    uint64_t bytes;

    CHECK_EQ(add(map, ipv4(0, 0, 0, 0, 0), 1), 0);
    for (uint32_t i = 1; i < n; i++) {
        uint32_t len = i < 300 ? 32 : 24;

        CHECK_EQ(add(map, ipv4(len, 10, i >> 8, i, 7), i), 0);
        if (i % 1024 == 0) {
            faulty_host_end_grace_period();
        }
    }
    faulty_host_end_grace_period();
    CHECK_EQ(add(map, ipv4(32, 11, 0, 0, 7), 9), ENOSPC);
    ubpf_map_get_info(map, &info);
    bytes = info.bytes;
    for (uint32_t round = 1; round < 4; round++) {
        CHECK_EQ(add(map, ipv4(0, 0, 0, 0, 0), round), 0);
        for (uint32_t i = 1; i < 1000; i++) {
            uint32_t len = i < 300 ? 32 : 24;

            CHECK_EQ(add(map, ipv4(len, 10, i >> 8, i, 7), n * round + i), 0);
            CHECK_EQ(find(map, ipv4(32, 10, i >> 8, i, 7)), n * round + i);
            CHECK_EQ(find(map, ipv4(len, 10, i >> 8, i, 7)), n * round + i);
        }
        ubpf_map_get_info(map, &info);
        CHECK(info.bytes > bytes || round > 1);
        faulty_host_end_grace_period();
        CHECK_EQ(find(map, ipv4(32, 10, 0, 1, 8)), round);
        CHECK_EQ(find(map, ipv4(32, 10, 0, 1, 7)), n * round + 1);
        CHECK_EQ(find(map, ipv4(32, 10, 2, 0, 8)), n * round + 512);
    }
    for (uint32_t i = 1; i < 1000; i++) {
        struct key key = ipv4(i < 300 ? 32 : 24, 10, i >> 8, i, 7);

        CHECK_EQ(ubpf_map_delete(map, &key), 0);
        CHECK_EQ(find(map, ipv4(32, 10, i >> 8, i, 7)), 3);
    }
    CHECK_EQ(find(map, ipv4(32, 10, 1000 >> 8, 1000 & 0xff, 7)), 1000);
    ubpf_map_unref(map);
}

int
main(void)
{
    longest_prefix_wins();
    lookup_has_a_prefix_length_too();
    insignificant_bits_are_ignored_and_read_back_zero();
    errors();
    longest_key();
    chain_of_prefixes(true);
    chain_of_prefixes(false);
    memory_comes_back(4);
    memory_comes_back(16);
    full_map_is_replaced();
    agrees_with_a_linear_scan(1, MAX_ENTRIES, random_key);
    agrees_with_a_linear_scan(4, MAX_ENTRIES, random_key);
    agrees_with_a_linear_scan(4, 65536, random_key); /* Another index. */
    agrees_with_a_linear_scan(4, MAX_ENTRIES, dense_key);
    agrees_with_a_linear_scan(4, 65536, dense_key);
    agrees_with_a_linear_scan(7, MAX_ENTRIES, random_key);
    agrees_with_a_linear_scan(16, MAX_ENTRIES, random_key);
    agrees_with_a_linear_scan(MAX_DATA, MAX_ENTRIES, random_key);
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
