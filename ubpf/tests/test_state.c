/* SPDX-License-Identifier: Apache-2.0
 *
 * The state of entries: kept by updates, aging, expiry; and meters. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "helpers.h"
#include "maps/map.h"
#include "maps/meter.h"

#define SECOND UINT64_C(1000000000)

static uint64_t now = 5 * SECOND;

static uint64_t
get_now(void)
{
    return now;
}

/* A value of one word, with a state of one counter and, in maps that age,
 * what ages. */
struct value {
    uint64_t plain;
    uint64_t counter;
    struct ubpf_aging aging;
};

#define KEY_SIZE 8

static struct ubpf_map *
make(uint32_t type, uint32_t flags)
{
    struct ubpf_host host = faulty_host;
    struct ubpf_map_def def = {
        type, type == UBPF_MAP_TYPE_ARRAY ? 4 : KEY_SIZE, 16, 8, flags, 8,
    };
    struct ubpf_map *map;

    if (flags & UBPF_MAP_F_AGING) {
        def.value_size = sizeof(struct value);
        def.state_size = def.value_size - 8;
    }
    host.now_ns = get_now;
    map = ubpf_map_create(&host, "m", &def);
    CHECK(map);
    return map;
}

/* Entry number 'n' as the control plane names it, in any type of map. */
static const void *
user_key(const struct ubpf_map *map, uint8_t n)
{
    static uint8_t key[8 + 2 * KEY_SIZE];

    memset(key, 0, sizeof key);
    switch (map->def.type) {
    case UBPF_MAP_TYPE_TERNARY:
        key[8] = n;
        memset(key + 8 + KEY_SIZE, 0xff, KEY_SIZE);
        break;
    case UBPF_MAP_TYPE_LPM:
        key[0] = 32;
        key[4] = n;
        break;
    default:
        key[0] = n;
    }
    return key;
}

/* The same as a program looks it up. */
static const void *
prog_key(const struct ubpf_map *map, uint8_t n)
{
    const uint8_t *key = user_key(map, n);

    return map->def.type == UBPF_MAP_TYPE_TERNARY ? key + 8 : key;
}

static struct value *
lookup(const struct ubpf_map *map, uint8_t n)
{
    return map->ops->lookup(map, prog_key(map, n));
}

static int
update(struct ubpf_map *map, uint8_t n, uint64_t plain, uint64_t counter,
       uint64_t flags)
{
    struct value value = {plain, counter, {0, 0}};

    return ubpf_map_update(map, user_key(map, n), &value, flags);
}

static int
update_aging(struct ubpf_map *map, uint8_t n, uint64_t timeout_ns)
{
    struct value value = {n, 0, {timeout_ns, 0}};

    return ubpf_map_update(map, user_key(map, n), &value, UBPF_ANY);
}

static struct value
get(const struct ubpf_map *map, uint8_t n)
{
    struct value value = {0};

    CHECK_EQ(ubpf_map_lookup(map, user_key(map, n), &value), 0);
    return value;
}

static void
replacing_an_entry_keeps_its_state(uint32_t type)
{
    struct ubpf_map *map = make(type, 0);
    bool is_array = type == UBPF_MAP_TYPE_ARRAY;

    CHECK_EQ(update(map, 1, 10, 99, UBPF_ANY), 0);
    CHECK_EQ(get(map, 1).counter, 0);
    lookup(map, 1)->counter = 7;
    CHECK_EQ(update(map, 1, 11, 99, UBPF_EXIST), 0);
    CHECK_EQ(get(map, 1).plain, 11);
    CHECK_EQ(get(map, 1).counter, 7);
    CHECK_EQ(update(map, 1, 12, 50, UBPF_ANY | UBPF_STATE), 0);
    CHECK_EQ(get(map, 1).plain, 12);
    CHECK_EQ(get(map, 1).counter, 50);
    if (!is_array) {
        CHECK_EQ(update(map, 2, 20, 60, UBPF_NOEXIST | UBPF_STATE), 0);
        CHECK_EQ(get(map, 2).counter, 60);
        CHECK_EQ(ubpf_map_delete(map, user_key(map, 1)), 0);
        CHECK_EQ(update(map, 1, 13, 99, UBPF_ANY), 0);
        CHECK_EQ(get(map, 1).counter, 0);
    }
    CHECK_EQ(update(map, 1, 1, 1, 3), EINVAL);
    CHECK_EQ(update(map, 1, 1, 1, 8), EINVAL);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

/* Of an entry that is read-only to it the control plane can set the state. */
static void
state_of_read_only_entries(uint32_t type)
{
    struct ubpf_map *map = make(type, UBPF_MAP_F_RDONLY_USER);
    const struct value initial = {10, 5, {0, 0}};

    CHECK_EQ(ubpf_map_put_initial(map, user_key(map, 1), &initial), 0);
    CHECK_EQ(get(map, 1).counter, 5);
    CHECK_EQ(update(map, 1, 10, 0, UBPF_EXIST | UBPF_STATE), 0);
    CHECK_EQ(get(map, 1).counter, 0);
    CHECK_EQ(update(map, 1, 11, 0, UBPF_EXIST | UBPF_STATE), EPERM);
    CHECK_EQ(update(map, 1, 10, 0, UBPF_ANY | UBPF_STATE), EPERM);
    CHECK_EQ(update(map, 1, 10, 0, UBPF_EXIST), EPERM);
    CHECK_EQ(update(map, 9, 10, 0, UBPF_EXIST | UBPF_STATE), ENOENT);
    CHECK_EQ(get(map, 1).plain, 10);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static void
programs_do_not_set_the_state(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_HASH, 0);
    ubpf_helper_fn *helper = ubpf_helper_impl(UBPF_HELPER_MAP_UPDATE);
    struct value value = {1, 2, {0, 0}};

    CHECK_EQ(helper(NULL, (uintptr_t) map, (uintptr_t) user_key(map, 1),
                    (uintptr_t) &value, UBPF_STATE, 0),
             -EINVAL);
    CHECK_EQ(helper(NULL, (uintptr_t) map, (uintptr_t) user_key(map, 1),
                    (uintptr_t) &value, UBPF_ANY, 0),
             0);
    CHECK_EQ(get(map, 1).plain, 1);
    CHECK_EQ(get(map, 1).counter, 0);
    ubpf_map_unref(map);
}

static void
entries_age_and_expire(uint32_t type)
{
    struct ubpf_map *map = make(type, UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE);
    struct ubpf_map_info info;

    CHECK_EQ(update_aging(map, 1, 3 * SECOND), 0);
    CHECK_EQ(update_aging(map, 2, 3 * SECOND), 0);
    CHECK_EQ(update_aging(map, 3, 0), 0);
    now += 2 * SECOND;
    CHECK_EQ(get(map, 1).aging.idle_ns, 2 * SECOND);
    CHECK_EQ(get(map, 1).aging.timeout_ns, 3 * SECOND);
    CHECK(lookup(map, 2));
    CHECK_EQ(get(map, 2).aging.idle_ns, 0);
    CHECK_EQ(ubpf_map_expire(map), 0);

    now += SECOND + 1;
    CHECK_EQ(ubpf_map_expire(map), 1);
    CHECK(!lookup(map, 1));
    CHECK_EQ(get(map, 3).aging.idle_ns, 3 * SECOND + 1);
    ubpf_map_get_info(map, &info);
    CHECK_EQ(info.n_entries, 2);

    /* An update starts the time anew, and sets the timeout. */
    CHECK_EQ(update_aging(map, 2, SECOND), 0);
    now += SECOND;
    CHECK_EQ(ubpf_map_expire(map), 0);
    now++;
    CHECK_EQ(ubpf_map_expire(map), 1);
    CHECK_EQ(ubpf_map_expire(map), 0);
    faulty_host_end_grace_period();
    ubpf_map_unref(map);
}

static void
entries_age_but_do_not_expire(void)
{
    struct ubpf_map *map = make(UBPF_MAP_TYPE_HASH, UBPF_MAP_F_AGING);

    CHECK_EQ(update_aging(map, 1, 1), 0);
    now += SECOND;
    CHECK_EQ(ubpf_map_expire(map), 0);
    CHECK_EQ(get(map, 1).aging.idle_ns, SECOND);
    ubpf_map_unref(map);
}

static struct ubpf_map *
make_meters(void)
{
    struct ubpf_host host = faulty_host;
    struct ubpf_map_def def = {UBPF_MAP_TYPE_METER, 4, 64, 4, 0};
    struct ubpf_map *map;

    host.now_ns = get_now;
    map = ubpf_map_create(&host, "m", &def);
    CHECK(map);
    return map;
}

static void
set_meter(struct ubpf_map *map, uint32_t index, uint64_t cir, uint64_t cbs,
          uint64_t pir, uint64_t pbs)
{
    struct ubpf_meter meter = {cir, cbs, pir, pbs, {0, 0}, 0, 0};

    CHECK_EQ(ubpf_map_update(map, &index, &meter, UBPF_ANY), 0);
}

/* Committed 1000 units a second and 100 at once, peak 2000 and 150. */
static void
meter_colours(void)
{
    struct ubpf_map *map = make_meters();

    set_meter(map, 1, 1000, 100, 2000, 150);
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 60, 0), UBPF_GREEN);  /* 40, 90 */
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 60, 0), UBPF_YELLOW); /* 40, 30 */
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 60, 0), UBPF_RED);
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 30, 0), UBPF_GREEN); /* 10, 0 */
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 1, 0), UBPF_RED);

    now += SECOND / 100; /* 10 and 20 units come back. */
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 21, 0), UBPF_RED);
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 20, 0), UBPF_GREEN); /* 0, 0 */
    now += 3600 * SECOND;
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 150, 0), UBPF_YELLOW);
    CHECK_EQ(ubpf_meter_map_execute(map, 1, 1, 0), UBPF_RED);
    ubpf_map_unref(map);
}

/* What came yellow takes nothing from the committed bucket, what came red
 * nothing at all. */
static void
meter_knows_colours(void)
{
    struct ubpf_map *map = make_meters();

    set_meter(map, 0, 1, 100, 1, 200);
    CHECK_EQ(ubpf_meter_map_execute(map, 0, 200, UBPF_RED), UBPF_RED);
    CHECK_EQ(ubpf_meter_map_execute(map, 0, 100, UBPF_YELLOW), UBPF_YELLOW);
    CHECK_EQ(ubpf_meter_map_execute(map, 0, 100, UBPF_GREEN), UBPF_GREEN);
    CHECK_EQ(ubpf_meter_map_execute(map, 0, 1, UBPF_YELLOW), UBPF_RED);
    ubpf_map_unref(map);
}

static void
meter_limits(void)
{
    struct ubpf_map *map = make_meters();
    struct ubpf_meter wrong = {2, 1, 1, 1, {0, 0}, 0, 0}, read;
    uint32_t index = 0;

    CHECK_EQ(ubpf_meter_map_execute(map, 2, 1000, UBPF_GREEN), UBPF_GREEN);
    CHECK_EQ(ubpf_meter_map_execute(map, 2, 1000, UBPF_YELLOW), UBPF_YELLOW);
    CHECK_EQ(ubpf_meter_map_execute(map, 2, 0, 3), UBPF_RED);
    CHECK_EQ(ubpf_meter_map_execute(map, 4, 1, UBPF_GREEN), UBPF_RED);
    CHECK_EQ(ubpf_meter_map_execute(map, UINT64_MAX, 1, UBPF_GREEN), UBPF_RED);
    CHECK_EQ(ubpf_map_update(map, &index, &wrong, UBPF_ANY), EINVAL);
    CHECK_EQ(ubpf_map_update(map, &index, &wrong, UBPF_NOEXIST), EEXIST);
    CHECK_EQ(ubpf_map_delete(map, &index), EINVAL);

    /* Nothing overflows. */
    set_meter(map, 0, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    CHECK_EQ(ubpf_meter_map_execute(map, 0, 18 * SECOND, 0), UBPF_GREEN);
    CHECK_EQ(ubpf_meter_map_execute(map, 0, UINT64_MAX, 0), UBPF_RED);
    now += 1;
    CHECK_EQ(ubpf_meter_map_execute(map, 0, 18 * SECOND, 0), UBPF_GREEN);
    CHECK_EQ(ubpf_map_lookup(map, &index, &read), 0);
    CHECK_EQ(read.pbs, UINT64_MAX);
    index = 4;
    CHECK_EQ(ubpf_map_lookup(map, &index, &read), ENOENT);
    ubpf_map_unref(map);
}

/* A meter in a value has full buckets as long as it was never used; a program
 * may have written anything to it. */
static void
meter_in_a_value(void)
{
    struct ubpf_meter meter = {1000, 100, 1000, 100, {0, 0}, 0, 0};
    uint64_t random = 9;

    CHECK_EQ(ubpf_meter_update(&meter, 100, 0, 77), UBPF_GREEN);
    CHECK_EQ(ubpf_meter_update(&meter, 1, 0, 77), UBPF_RED);
    CHECK_EQ(ubpf_meter_update(&meter, 1, 0, 77 + SECOND / 1000), UBPF_GREEN);
    CHECK_EQ(ubpf_meter_update(&meter, 1, 0, 77), UBPF_RED);
    for (int i = 0; i < 20000; i++) {
        uint64_t words[sizeof meter / 8];

        for (size_t j = 0; j < sizeof meter / 8; j++) {
            words[j] = next_random(&random) >> next_random(&random) % 64;
        }
        memcpy(&meter, words, sizeof meter);
        CHECK(ubpf_meter_update(&meter, next_random(&random),
                                next_random(&random) % 4, next_random(&random))
              <= UBPF_RED);
    }
}

int
main(void)
{
    const uint32_t types[] = {UBPF_MAP_TYPE_HASH, UBPF_MAP_TYPE_LRU_HASH,
                              UBPF_MAP_TYPE_LPM, UBPF_MAP_TYPE_TERNARY,
                              UBPF_MAP_TYPE_ARRAY};

    for (int i = 0; i < 5; i++) {
        replacing_an_entry_keeps_its_state(types[i]);
        state_of_read_only_entries(types[i]);
        if (types[i] != UBPF_MAP_TYPE_ARRAY) {
            entries_age_and_expire(types[i]);
        }
    }
    programs_do_not_set_the_state();
    entries_age_but_do_not_expire();
    meter_colours();
    meter_knows_colours();
    meter_limits();
    meter_in_a_value();
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
