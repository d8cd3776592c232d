/* SPDX-License-Identifier: Apache-2.0
 *
 * Ternary maps, against a linear scan. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "maps/map.h"

#define MAX_KEY     40
#define MAX_ENTRIES 250

/* The control plane's key of an entry. */
struct key {
    uint32_t priority;
    uint32_t zero;
    uint8_t bytes[2 * MAX_KEY];
};

static struct ubpf_map *
make(uint32_t key_size, uint32_t n_ranges, uint32_t max_entries)
{
    struct ubpf_map_def def = {
        UBPF_MAP_TYPE_TERNARY, key_size, 4, max_entries, 0, 0, n_ranges};
    struct ubpf_map *map = ubpf_map_create(&faulty_host, "m", &def);

    CHECK(map);
    return map;
}

/* An entry of 4-byte keys. */
static struct key
entry(uint32_t priority, const char *data, const char *mask)
{
    struct key key = {.priority = priority};

    memcpy(key.bytes, data, 4);
    memcpy(key.bytes + 4, mask, 4);
    return key;
}

/* One of a range of 64 bits. */
static struct key
range(uint32_t priority, uint64_t low, uint64_t high)
{
    struct key key = {.priority = priority};

    memcpy(key.bytes, &low, 8);
    memcpy(key.bytes + 8, &high, 8);
    return key;
}

static int
add(struct ubpf_map *map, struct key key, uint32_t value)
{
    return ubpf_map_update(map, &key, &value, UBPF_ANY);
}

/* The value that a program's lookup finds, or 0. */
static uint32_t
find(const struct ubpf_map *map, const void *key)
{
    const uint32_t *value = map->ops->lookup(map, key);

    return value ? *value : 0;
}

static void
highest_priority_wins(void)
{
    struct ubpf_map *map = make(4, 0, 10);
    struct key key;

    CHECK_EQ(find(map, "abcd"), 0);
    CHECK_EQ(add(map, entry(0, "\0\0\0\0", "\0\0\0\0"), 1), 0);
    CHECK_EQ(add(map, entry(10, "ab\0\0", "\xff\xff\0\0"), 2), 0);
    CHECK_EQ(add(map, entry(20, "\0\0cd", "\0\0\xff\xff"), 3), 0);
    CHECK_EQ(add(map, entry(UINT32_MAX, "abcd", "\xff\xff\xff\xff"), 4), 0);
    CHECK_EQ(find(map, "zzzz"), 1);
    CHECK_EQ(find(map, "abzz"), 2);
    CHECK_EQ(find(map, "zzcd"), 3);
    CHECK_EQ(find(map, "abcd"), 4);
    key = entry(UINT32_MAX, "abcd", "\xff\xff\xff\xff");
    CHECK_EQ(ubpf_map_delete(map, &key), 0);
    CHECK_EQ(find(map, "abcd"), 3);
    CHECK_EQ(ubpf_map_delete(map, &key), ENOENT);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

/* Of entries with one priority the oldest wins, also when it was replaced. */
static void
then_the_oldest(void)
{
    struct ubpf_map *map = make(4, 0, 10);
    struct key first = entry(7, "ab\0\0", "\xff\xff\0\0");

    CHECK_EQ(add(map, first, 1), 0);
    CHECK_EQ(add(map, entry(7, "\0bc\0", "\0\xff\xff\0"), 2), 0);
    CHECK_EQ(find(map, "abcd"), 1);
    CHECK_EQ(add(map, first, 3), 0);
    CHECK_EQ(find(map, "abcd"), 3);
    CHECK_EQ(ubpf_map_delete(map, &first), 0);
    CHECK_EQ(add(map, first, 4), 0);
    CHECK_EQ(find(map, "abcd"), 2);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static void
one_masked_key_with_several_priorities(void)
{
    struct ubpf_map *map = make(4, 0, 10);
    uint32_t order[] = {5, 1, 9, 3, 7};

    for (int i = 0; i < 5; i++) {
        CHECK_EQ(add(map, entry(order[i], "ab\0\0", "\xff\xff\0\0"), order[i]),
                 0);
    }
    for (uint32_t best = 9; best >= 1; best -= 2) {
        struct key key = entry(best, "ab\0\0", "\xff\xff\0\0");

        CHECK_EQ(find(map, "abxx"), best);
        CHECK_EQ(ubpf_map_delete(map, &key), 0);
        if (best == 1) {
            break;
        }
    }
    CHECK_EQ(find(map, "abxx"), 0);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static void
ranges(void)
{
    struct ubpf_map *map = make(8, 1, 10);
    uint64_t x;

    CHECK_EQ(add(map, range(1, 0, UINT64_MAX), 1), 0);
    CHECK_EQ(add(map, range(2, 1024, 65535), 2), 0);
    CHECK_EQ(add(map, range(3, 8080, 8080), 3), 0);
    CHECK_EQ(add(map, range(3, 5, 4), 3), EINVAL);
    x = 1023;
    CHECK_EQ(find(map, &x), 1);
    x = 1024;
    CHECK_EQ(find(map, &x), 2);
    x = 8080;
    CHECK_EQ(find(map, &x), 3);
    x = 65535;
    CHECK_EQ(find(map, &x), 2);
    x = UINT64_MAX;
    CHECK_EQ(find(map, &x), 1);
    ubpf_map_unref(map);
}

static void
ignored_bits_read_back_zero(void)
{
    struct ubpf_map *map = make(4, 0, 1);
    struct key key = entry(3, "abcd", "\xff\x0f\0\xff");
    uint64_t cursor = 0;
    uint8_t found[20];
    uint32_t value = 6;

    CHECK_EQ(add(map, key, 5), 0);
    key = entry(3, "aRxd", "\xff\x0f\0\xff");
    CHECK_EQ(ubpf_map_update(map, &key, &value, UBPF_NOEXIST), EEXIST);
    CHECK_EQ(ubpf_map_update(map, &key, &value, UBPF_EXIST), 0);
    CHECK_EQ(ubpf_map_dump(map, &cursor, found, 1), 1);
    CHECK_BYTES(found, "\3\0\0\0\0\0\0\0a\2\0d\xff\x0f\0\xff\6\0\0\0", 20);
    CHECK_EQ(ubpf_map_dump(map, &cursor, found, 1), 0);
    CHECK_EQ(ubpf_map_lookup(map, &key, &value), 0);
    CHECK_EQ(value, 6);
    key.priority = 4;
    CHECK_EQ(ubpf_map_lookup(map, &key, &value), ENOENT);
    CHECK_EQ(add(map, key, 1), ENOSPC);
    key.zero = 1;
    CHECK_EQ(add(map, key, 1), EINVAL);
    CHECK_EQ(ubpf_map_lookup(map, &key, &value), EINVAL);
    CHECK_EQ(ubpf_map_delete(map, &key), EINVAL);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

/* Every entry has another mask, up to what a map takes. */
static void
too_many_masks(void)
{
    struct ubpf_map *map = make(4, 0, 5000);

    for (uint32_t i = 0; i <= 4096; i++) {
        struct key key = {.priority = i};

        memcpy(key.bytes + 4, &i, 4);
        CHECK_EQ(add(map, key, i + 1), i < 4096 ? 0 : ENOSPC);
    }
    CHECK_EQ(find(map, "\0\0\0\0"), 4096);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static void
longest_key(void)
{
    struct ubpf_map_def def = {UBPF_MAP_TYPE_TERNARY, 512, 4, 2, 0, 0, 64};
    uint8_t entry[8 + 1024] = {9}, key[512];
    uint32_t value = 3;
    struct ubpf_map *map;

    for (uint32_t n_ranges = 0; n_ranges <= 64; n_ranges += 32) {
        def.extra = n_ranges;
        map = ubpf_map_create(&faulty_host, "m", &def);
        CHECK(map);
        memset(entry + 8, 0x80, 512);
        memset(entry + 8 + 512, 0xff, 512);
        CHECK_EQ(ubpf_map_update(map, entry, &value, UBPF_ANY), 0);
        memset(key, 0x80, sizeof key);
        CHECK_EQ(find(map, key), 3);
        key[511] = 0x7f;
        CHECK_EQ(find(map, key), 0);
        ubpf_map_unref(map);
    }
}

/* The model: entries in the order in which they came. */
struct model {
    struct key keys[MAX_ENTRIES];
    uint32_t values[MAX_ENTRIES];
    uint32_t n;
};

static bool
model_matches(const struct key *entry, const uint8_t *key, uint32_t size,
              uint32_t n_ranges)
{
    const uint8_t *data = entry->bytes, *mask = entry->bytes + size;
    uint32_t masked = size - 8 * n_ranges;

    for (uint32_t i = 0; i < masked; i++) {
        if ((key[i] ^ data[i]) & mask[i]) {
            return false;
        }
    }
    for (uint32_t i = masked; i < size; i += 8) {
        uint64_t x, low, high;

        memcpy(&x, key + i, 8);
        memcpy(&low, data + i, 8);
        memcpy(&high, mask + i, 8);
        if (x < low || x > high) {
            return false;
        }
    }
    return true;
}

static uint32_t
model_find(const struct model *m, const uint8_t *key, uint32_t size,
           uint32_t n_ranges)
{
    uint32_t best = UINT32_MAX;

    for (uint32_t i = 0; i < m->n; i++) {
        if (model_matches(&m->keys[i], key, size, n_ranges)
            && (best == UINT32_MAX
                || m->keys[i].priority > m->keys[best].priority)) {
            best = i;
        }
    }
    return best == UINT32_MAX ? 0 : m->values[best];
}

static uint32_t
model_index(const struct model *m, const struct key *key)
{
    uint32_t i;

    for (i = 0; i < m->n; i++) {
        if (!memcmp(&m->keys[i], key, sizeof *key)) {
            break;
        }
    }
    return i;
}

/* A key of few different bits, few masks and few priorities, so that entries
 * overlap, with its ignored bits cleared. */
static struct key
random_entry(uint64_t *random, uint32_t size, uint32_t n_ranges)
{
    struct key key = {.priority = next_random(random) % 8};
    uint32_t masked = size - 8 * n_ranges;

    for (int i = 0; masked && i < 3; i++) {
        uint64_t r = next_random(random);
        uint32_t at = r % masked;

        key.bytes[size + at] = (uint8_t) (r >> 32 & 0x81);
        key.bytes[at] = (uint8_t) (r >> 40) & key.bytes[size + at];
    }
    for (uint32_t i = masked; i < size; i += 8) {
        uint64_t low = next_random(random) % 8;
        uint64_t high = low + next_random(random) % 4;

        memcpy(key.bytes + i, &low, 8);
        memcpy(key.bytes + size + i, &high, 8);
    }
    return key;
}

static void
random_key(uint64_t *random, uint8_t *key, uint32_t size, uint32_t n_ranges)
{
    uint32_t masked = size - 8 * n_ranges;

    memset(key, 0, size);
    for (int i = 0; masked && i < 3; i++) {
        uint64_t r = next_random(random);

        key[r % masked] = (uint8_t) (r >> 32 & 0x81);
    }
    for (uint32_t i = masked; i < size; i += 8) {
        key[i] = (uint8_t) (next_random(random) % 12);
    }
}

/* Checks that a dump in pieces gives the entries of 'm', each once. */
static void
check_dump(const struct ubpf_map *map, const struct model *m, uint32_t size)
{
    static uint8_t entries[7 * (sizeof(struct key) + 4)];
    uint64_t cursor = 0;
    size_t n, total = 0;

    while ((n = ubpf_map_dump(map, &cursor, entries, 7)) > 0) {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *p = entries + i * (8 + 2 * size + 4);
            struct key key = {.priority = 0};
            uint32_t value, at;

            memcpy(&key, p, 8 + 2 * size);
            memcpy(&value, p + 8 + 2 * size, 4);
            at = model_index(m, &key);
            CHECK(at < m->n);
            CHECK_EQ(value, m->values[at]);
        }
        total += n;
    }
    CHECK_EQ(total, m->n);
}

static void
agrees_with_a_linear_scan(uint32_t size, uint32_t n_ranges)
{
    struct ubpf_map *map = make(size, n_ranges, MAX_ENTRIES);
    uint64_t random = 100 * size + n_ranges;
    static struct model m;

    m.n = 0;
    for (uint32_t step = 1; step <= 5000; step++) {
        struct key key = random_entry(&random, size, n_ranges);
        uint32_t i = model_index(&m, &key);

        if (next_random(&random) % 8 < (step / 512 % 2 ? 6u : 3u)) {
            CHECK_EQ(add(map, key, step), i == MAX_ENTRIES ? ENOSPC : 0);
            if (i < MAX_ENTRIES) {
                m.keys[i] = key;
                m.values[i] = step;
                m.n += i == m.n;
            }
        } else if (m.n) {
            i = (uint32_t) (next_random(&random) % m.n);
            key = m.keys[i];
            CHECK_EQ(ubpf_map_delete(map, &key), 0);
            m.n--;
            memmove(&m.keys[i], &m.keys[i + 1], (m.n - i) * sizeof key);
            memmove(&m.values[i], &m.values[i + 1], (m.n - i) * 4);
        }
        for (int j = 0; j < 4; j++) {
            uint8_t k[MAX_KEY];

            random_key(&random, k, size, n_ranges);
            CHECK_EQ(find(map, k), model_find(&m, k, size, n_ranges));
        }
        if (step % 250 == 0) {
            check_dump(map, &m, size);
            faulty_host_end_grace_period();
        }
    }
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

/* Whatever allocation fails, nothing changes. */
static void
without_memory(void)
{
    struct ubpf_map *map = make(4, 0, 10);
    uint8_t found[20];
    int n;

    CHECK_EQ(add(map, entry(1, "ab\0\0", "\xff\xff\0\0"), 1), 0);
    for (n = 0;; n++) {
        uint64_t cursor = 0;
        int err;

        faulty_host_fail(n);
        err = add(map, entry(2, "\0bc\0", "\0\xff\xff\0"), 2);
        faulty_host_fail(-1);
        if (!err) {
            break;
        }
        CHECK_EQ(err, ENOMEM);
        CHECK_EQ(find(map, "abcd"), 1);
        CHECK_EQ(ubpf_map_dump(map, &cursor, found, 1), 1);
        CHECK_EQ(ubpf_map_dump(map, &cursor, found, 1), 0);
    }
    CHECK(n >= 5);
    CHECK_EQ(find(map, "abcd"), 2);

    /* A delete without memory does its work too. */
    for (uint32_t i = 2; i >= 1; i--) {
        struct key key = i == 2 ? entry(2, "\0bc\0", "\0\xff\xff\0")
                                : entry(1, "ab\0\0", "\xff\xff\0\0");

        faulty_host_fail(0);
        CHECK_EQ(ubpf_map_delete(map, &key), 0);
        faulty_host_fail(-1);
        CHECK_EQ(find(map, "abcd"), i - 1);
    }
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

int
main(void)
{
    highest_priority_wins();
    then_the_oldest();
    one_masked_key_with_several_priorities();
    ranges();
    ignored_bits_read_back_zero();
    too_many_masks();
    longest_key();
    agrees_with_a_linear_scan(1, 0);
    agrees_with_a_linear_scan(4, 0);
    agrees_with_a_linear_scan(13, 0);
    agrees_with_a_linear_scan(40, 0);
    agrees_with_a_linear_scan(8, 1);
    agrees_with_a_linear_scan(21, 1);
    agrees_with_a_linear_scan(32, 3);
    without_memory();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
