/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations on a map of any type, with and without memory, by the control
 * plane and by programs: each does what it does to a plain list. */

#include <errno.h>

#include "check.h"
#include "faulty_host.h"
#include "helpers.h"
#include "map_choices.h"
#include "map_model.h"
#include "maps/map.h"
#include "maps/map_array.h"

#define MAX_BATCH 3

static uint64_t now;

static uint64_t
get_now(void)
{
    return now;
}

/* What is under test. */
struct bench {
    struct ubpf_host host;
    struct ubpf_map *map;
    struct ubpf_map *maps[N_ELEMENTS + 1]; /* Of an array of maps. */
    struct model model;
    uint64_t cursor;
    size_t n_dumped; /* Since it was 0. */
};

static bool
is_type(const struct bench *b, uint32_t type)
{
    return b->map->def.type == type;
}

/* Makes the maps that an array of maps may have for elements. */
static void
make_elements(struct bench *b)
{
    static const struct ubpf_map_def defs[N_ELEMENTS] = {
        {UBPF_MAP_TYPE_HASH, 4, 8, 4},
        {UBPF_MAP_TYPE_HASH, 4, 8, 9},
        {UBPF_MAP_TYPE_HASH, 8, 8, 4}, /* Does not fit. */
    };

    for (int i = 0; i < N_ELEMENTS; i++) {
        b->maps[i] = ubpf_map_create(&b->host, "element", &defs[i]);
        CHECK(b->maps[i]);
    }
    b->maps[N_ELEMENTS] = b->map;
    ubpf_map_array_set_program(b->map, b->maps, N_ELEMENTS + 1);
}

static uint64_t
n_entries(const struct bench *b)
{
    struct ubpf_map_info info;

    ubpf_map_get_info(b->map, &info);
    return info.n_entries;
}

/* After a new entry came into a full LRU map: forgets the one that is gone,
 * which is another. */
static void
forget_victim(struct bench *b, const uint8_t *key)
{
    struct model *m = &b->model;
    uint8_t value[MODEL_MAX_VALUE];

    CHECK(is_type(b, UBPF_MAP_TYPE_LRU_HASH));
    for (uint32_t i = 0; i < m->n; i++) {
        if (ubpf_map_lookup(b->map, m->entries[i].key, value)) {
            CHECK(m->n == 2 || memcmp(m->entries[i].key, key, m->key_size));
            model_drop(m, &m->entries[i]);
            return;
        }
    }
    FAIL("nothing was given up");
}

/* What updates of some types check besides. */
static int
check_value(const struct bench *b, const uint8_t *value, uint64_t flags)
{
    struct ubpf_meter meter;
    uint32_t number;

    if (flags & UBPF_NOEXIST) {
        return 0; /* The entry is there, and that is said first. */
    }
    if (is_type(b, UBPF_MAP_TYPE_METER)) {
        memcpy(&meter, value, sizeof meter);
        return meter.pir < meter.cir ? EINVAL : 0;
    }
    if (is_type(b, UBPF_MAP_TYPE_ARRAY_OF_MAPS)) {
        memcpy(&number, value, sizeof number);
        return number > 1 && number != UBPF_NO_MAP ? EINVAL : 0;
    }
    return 0;
}

/* The control plane's update of the model. */
static int
update_model(struct bench *b, const uint8_t *key_, const uint8_t *value,
             uint64_t flags, bool by_prog)
{
    uint8_t key[MODEL_MAX_KEY];
    struct model_entry *entry;
    int err;

    if (is_type(b, UBPF_MAP_TYPE_RING) || (flags & 3) == 3
        || flags > (by_prog ? UBPF_EXIST : 7)) {
        return EINVAL;
    }
    memcpy(key, key_, b->model.key_size);
    err = model_normalize(&b->model, key);
    if (!err) {
        err = check_value(b, value, flags);
    }
    if (!err) {
        err = model_update(&b->model, key, value, flags, by_prog, now);
    }
    if (!err && is_type(b, UBPF_MAP_TYPE_METER)) {
        struct ubpf_meter meter;

        entry = model_find(&b->model, key);
        memcpy(&meter, entry->value, sizeof meter);
        model_fill_meter(&meter, now);
        memcpy(entry->value, &meter, sizeof meter);
    }
    if (b->model.n > b->model.def.max_entries) {
        forget_victim(b, key);
    }
    return err;
}

/* An update, which may want for memory: then nothing has changed. */
static void
update(struct bench *b, struct input *in, uint8_t op, bool by_prog)
{
    ubpf_helper_fn *helper = ubpf_helper_impl(UBPF_HELPER_MAP_UPDATE);
    uint8_t key[MODEL_MAX_KEY], value[MODEL_MAX_VALUE];
    uint64_t flags = op >> 4 & 7;
    int err;

    choose_key(&b->model, in, key);
    choose_value(&b->model, in, value);
    faulty_host_fail(op & 0x80 ? next_byte(in) % 4 : -1);
    if (by_prog) {
        err =
            (int) -(int64_t) helper(NULL, (uintptr_t) b->map, (uintptr_t) key,
                                    (uintptr_t) value, flags, 0);
    } else {
        err = ubpf_map_update(b->map, key, value, flags);
    }
    faulty_host_fail(-1);
    if (err != ENOMEM) {
        CHECK_EQ(err, update_model(b, key, value, flags, by_prog));
    } else {
        CHECK(op & 0x80 || is_type(b, UBPF_MAP_TYPE_THREAD_HASH));
    }
}

static int
delete_model(struct bench *b, const uint8_t *key_)
{
    uint8_t key[MODEL_MAX_KEY];
    int err;

    memcpy(key, key_, b->model.key_size);
    err = model_normalize(&b->model, key);
    if (is_type(b, UBPF_MAP_TYPE_RING) || err == ENOENT) {
        return EINVAL; /* An element, whether it is there or not. */
    }
    return err ? err : model_delete(&b->model, key);
}

static void delete(struct bench *b, struct input *in, bool by_prog)
{
    ubpf_helper_fn *helper = ubpf_helper_impl(UBPF_HELPER_MAP_DELETE);
    uint8_t key[MODEL_MAX_KEY];
    int err;

    choose_key(&b->model, in, key);
    if (by_prog) {
        err = (int) -(int64_t) helper(NULL, (uintptr_t) b->map,
                                      (uintptr_t) key, 0, 0, 0);
    } else {
        err = ubpf_map_delete(b->map, key);
    }
    CHECK_EQ(err, delete_model(b, key));
}

/* Updates or deletes, several at once. */
static void
batch(struct bench *b, struct input *in, uint8_t op)
{
    const struct model *m = &b->model;
    uint8_t entries[MAX_BATCH * (MODEL_MAX_KEY + MODEL_MAX_VALUE)];
    size_t n = 1 + next_byte(in) % MAX_BATCH, n_done, i;
    size_t size = m->key_size + (op & 0x10 ? m->value_size : 0);
    uint64_t flags = op >> 5 & 3;
    int err, expected = 0;

    if (is_type(b, UBPF_MAP_TYPE_RING) || is_type(b, UBPF_MAP_TYPE_LRU_HASH)) {
        return; /* What goes for the first is not known before the last. */
    }
    for (i = 0; i < n; i++) {
        choose_key(&b->model, in, entries + i * size);
        if (op & 0x10) {
            choose_value(&b->model, in, entries + i * size + m->key_size);
        }
    }
    faulty_host_end_grace_period();
    err = op & 0x10 ? ubpf_map_update_batch(b->map, entries, n, flags, &n_done)
                    : ubpf_map_delete_batch(b->map, entries, n, &n_done);
    for (i = 0; i < n && !expected; i++) {
        const uint8_t *entry = entries + i * size;

        expected = op & 0x10 ? update_model(b, entry, entry + m->key_size,
                                            flags, false)
                             : delete_model(b, entry);
    }
    CHECK_EQ(err, expected);
    CHECK_EQ(n_done, i - (expected != 0));
}

/* A program's lookup of a map in an array: the right one, alive. */
static void
check_element(const struct bench *b, const struct ubpf_map *found,
              const struct model_entry *entry)
{
    uint32_t number = UBPF_NO_MAP;

    if (entry) {
        memcpy(&number, entry->value, sizeof number);
    }
    if (number == UBPF_NO_MAP) {
        CHECK(!found);
    } else {
        CHECK(found == b->maps[number]);
        CHECK(!found->ops->lookup(found, "1234"));
    }
}

static void
lookup_by_prog(struct bench *b, struct input *in, uint8_t op)
{
    uint8_t key[MODEL_MAX_KEY];
    struct model_entry *entry;
    uint32_t plain = b->model.def.value_size - b->model.def.state_size;
    uint8_t *found;

    choose_prog_key(&b->model, in, key);
    entry = model_lookup(&b->model, key);
    found = b->map->ops->lookup(b->map, key);
    if (is_type(b, UBPF_MAP_TYPE_ARRAY_OF_MAPS)) {
        check_element(b, (const struct ubpf_map *) (void *) found, entry);
        return;
    }
    CHECK_EQ(found != NULL, entry != NULL);
    if (!found) {
        return;
    }
    CHECK_BYTES(found, entry->value, plain);
    entry->used = now;
    if (op & 0x10) { /* Programs write to what they find. */
        uint32_t at = op >> 5 & 1 && b->model.def.state_size >= 24 ? plain : 0;

        found[at]++;
        entry->value[at]++;
    }
}

static void
lookup(struct bench *b, struct input *in)
{
    uint8_t key[MODEL_MAX_KEY], value[MODEL_MAX_VALUE];
    uint8_t expected[MODEL_MAX_VALUE];
    struct model_entry *entry;
    int err, wrong = 0;

    choose_key(&b->model, in, key);
    err = ubpf_map_lookup(b->map, key, value);
    if (is_type(b, UBPF_MAP_TYPE_LPM)) {
        entry = model_lookup(&b->model, key);
    } else {
        wrong = model_normalize(&b->model, key);
        entry = wrong ? NULL : model_find(&b->model, key);
    }
    CHECK_EQ(err, entry ? 0 : wrong ? wrong : ENOENT);
    if (entry) {
        model_read(&b->model, entry, now, expected);
        CHECK_BYTES(value, expected, b->model.value_size);
    }
}

/* Goes on with a dump: what it says is so, and no entry comes twice while no
 * other one does. */
static void
dump(struct bench *b, size_t max)
{
    const struct model *m = &b->model;
    size_t size = m->key_size + m->value_size, n;
    uint8_t entries[4 * (MODEL_MAX_KEY + MODEL_MAX_VALUE)];
    uint8_t expected[MODEL_MAX_VALUE];

    n = ubpf_map_dump(b->map, &b->cursor, entries, max);
    CHECK(n <= max);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *entry = entries + i * size;
        const struct model_entry *e = model_find(&b->model, entry);

        CHECK(e);
        model_read(m, e, now, expected);
        CHECK_BYTES(entry + m->key_size, expected, m->value_size);
    }
    b->n_dumped += n;
    if (!n) {
        b->cursor = 0;
        b->n_dumped = 0;
    }
}

/* A dump from start to end, with nothing in between, has all. */
static void
dump_all(struct bench *b)
{
    size_t before;

    b->cursor = 0;
    b->n_dumped = 0;
    do {
        before = b->n_dumped;
        dump(b, 4);
    } while (b->cursor || b->n_dumped);
    CHECK_EQ(before, b->model.n);
}

static void
expire(struct bench *b)
{
    uint32_t both = UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE, n = 0;
    struct model *m = &b->model;

    for (uint32_t i = 0; (m->def.flags & both) == both && i < m->n;) {
        if (model_is_idle(m, &m->entries[i], now)) {
            model_drop(m, &m->entries[i]);
            n++;
        } else {
            i++;
        }
    }
    CHECK_EQ(ubpf_map_expire(b->map), n);
}

/* A record of a ring, and what can be read of the last ones. */
static void
output(struct bench *b, struct input *in)
{
    struct model *m = &b->model;
    uint8_t record[MODEL_MAX_VALUE], value[MODEL_MAX_VALUE + 8];
    uint32_t size = next_byte(in) % (m->def.value_size + 2), length;
    struct model_entry *entry;

    memset(record, next_byte(in), sizeof record);
    if (size > m->def.value_size) {
        CHECK_EQ(ubpf_ring_output(b->map, record, size), E2BIG);
        return;
    }
    CHECK_EQ(ubpf_ring_output(b->map, record, size), 0);
    m->n_records++;
    if (m->n == m->def.max_entries) {
        CHECK_EQ(ubpf_map_lookup(b->map, m->entries[0].key, value), ENOENT);
        model_drop(m, &m->entries[0]);
    }
    entry = &m->entries[m->n++];
    memset(entry, 0, sizeof *entry);
    memcpy(entry->key, &m->n_records, sizeof m->n_records);
    memcpy(entry->value, &size, sizeof size);
    memcpy(entry->value + 4, record, size);
    CHECK_EQ(ubpf_map_lookup(b->map, entry->key, value), 0);
    memcpy(&length, value, sizeof length);
    CHECK_EQ(length, size);
    CHECK_BYTES(value + 4, record, size);
}

static void
meter(struct bench *b, struct input *in)
{
    uint64_t index = next_byte(in) % (b->model.def.max_entries + 1);
    uint64_t units = next_byte(in) * 30u, colour = next_byte(in) % 4;
    uint64_t expected = UBPF_RED;

    if (index < b->model.def.max_entries) {
        struct model_entry *entry = &b->model.entries[index];
        struct ubpf_meter m;

        memcpy(&m, entry->value, sizeof m);
        expected = model_meter(&m, units, colour, now);
        memcpy(entry->value, &m, sizeof m);
    }
    CHECK_EQ(ubpf_meter_map_execute(b->map, index, units, colour), expected);
}

/* What programs do that is neither a lookup nor an update. */
static void
operate_by_prog(struct bench *b, struct input *in, uint8_t op)
{
    if (is_type(b, UBPF_MAP_TYPE_RING)) {
        output(b, in);
    } else if (is_type(b, UBPF_MAP_TYPE_METER)) {
        meter(b, in);
    } else {
        lookup_by_prog(b, in, op);
    }
}

static void
operate(struct bench *b, struct input *in)
{
    const struct ubpf_helper_desc *helper =
        ubpf_helper_desc(UBPF_HELPER_MAP_UPDATE);
    bool by_prog = ubpf_helper_takes_map(helper, b->map->def.type);
    uint8_t op = next_byte(in);

    switch (op & 15) {
    case 0:
    case 1:
    case 2:
        update(b, in, op, false);
        break;
    case 3:
        update(b, in, op, by_prog);
        break;
    case 4:
        delete (b, in, false);
        break;
    case 5:
        delete (b, in, by_prog);
        break;
    case 6:
        batch(b, in, op);
        break;
    case 7:
        lookup(b, in);
        break;
    case 8:
        dump(b, 1 + (op >> 4) % 4);
        break;
    case 9:
        dump_all(b);
        break;
    case 10:
        faulty_host_end_grace_period();
        break;
    case 11:
        now += next_byte(in) * 100u;
        expire(b);
        break;
    default:
        operate_by_prog(b, in, op);
    }
    if (!is_type(b, UBPF_MAP_TYPE_LPM) || b->model.n < MODEL_MAX_ENTRIES) {
        CHECK_EQ(n_entries(b), b->model.n);
    }
    if (faulty_host_postponed() > 1000) {
        faulty_host_end_grace_period();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* The first bytes say what kind of map; then come operations. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct bench b;
    struct input in = {data, data + len};
    struct ubpf_map_def def = choose_def(&in);

    memset(&b, 0, sizeof b);
    now = 1000000;
    b.host = faulty_host;
    b.host.now_ns = get_now;
    b.map = ubpf_map_create(&b.host, "m", &def);
    CHECK(b.map);
    model_init(&b.model, &def);
    if (def.type == UBPF_MAP_TYPE_RING) {
        b.model.value_size = 8 + def.value_size;
    } else if (def.type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        make_elements(&b);
    }
    while (in.p < in.end && b.model.n < MODEL_MAX_ENTRIES) {
        operate(&b, &in);
    }
    dump_all(&b);
    faulty_host_end_grace_period();
    ubpf_map_unref(b.map);
    for (int i = 0; b.maps[0] && i < N_ELEMENTS; i++) {
        ubpf_map_unref(b.maps[i]);
    }
    CHECK_EQ(faulty_host_in_use(), 0);
    return 0;
}
