/* SPDX-License-Identifier: Apache-2.0
 *
 * Longest prefix match: one hash table of prefixes, each stored with the bits
 * after the prefix cleared, and a bitmap of the prefix lengths that occur.  A
 * lookup tries these lengths from the longest that it may match down, so it
 * costs one hash per different length in the map (a full Internet routing
 * table has about 24), whatever the number of entries. */

#include "maps/map.h"

#include <errno.h>
#include <string.h>

#include "elf/object.h"
#include "host.h"
#include "maps/table.h"

#define PREFIX_LEN_SIZE sizeof(uint32_t)
#define MAX_PREFIX_LEN  ((UBPF_MAX_KEY_SIZE - PREFIX_LEN_SIZE) * 8)
#define BITMAP_WORDS    (MAX_PREFIX_LEN / 64 + 1)

struct lpm_map {
    struct ubpf_map up;
    struct table table;
    uint32_t max_prefix_len;

    /* Entries of each prefix length, under the lock, and the lengths of which
     * there are some, for readers. */
    uint32_t counts[MAX_PREFIX_LEN + 1];
    atomic_uint_least64_t lengths[BITMAP_WORDS];
};

/* A key of any size, copied, so that nobody writes to it meanwhile. */
struct lpm_key {
    uint8_t bytes[UBPF_MAX_KEY_SIZE];
};

static struct lpm_map *
lpm_cast(const struct ubpf_map *map)
{
    return (struct lpm_map *) map;
}

static uint64_t
lpm_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct lpm_map) + table_footprint(def);
}

static struct ubpf_map *
lpm_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct lpm_map *lpm = ubpf_host_zalloc(host, 1, sizeof *lpm);

    if (!lpm) {
        return NULL;
    }
    lpm->max_prefix_len = (uint32_t) (def->key_size - PREFIX_LEN_SIZE) * 8;
    for (size_t i = 0; i < BITMAP_WORDS; i++) {
        atomic_init(&lpm->lengths[i], 0);
    }
    if (table_init(&lpm->table, host, def)
        || ubpf_map_init(&lpm->up, &ubpf_lpm_ops, host, def)) {
        table_uninit(&lpm->table, host);
        ubpf_host_free(host, lpm);
        return NULL;
    }
    return &lpm->up;
}

static void
lpm_destroy(struct ubpf_map *map)
{
    struct lpm_map *lpm = lpm_cast(map);
    struct ubpf_host host = map->host;

    ubpf_map_uninit(map);
    table_uninit(&lpm->table, &host);
    ubpf_host_free(&host, lpm);
}

/* Copies 'key' to '*copy' and returns its prefix length. */
static uint32_t
copy_key(const struct lpm_map *lpm, const void *key, struct lpm_key *copy)
{
    uint32_t prefix_len;

    memcpy(copy->bytes, key, lpm->up.def.key_size);
    memcpy(&prefix_len, copy->bytes, sizeof prefix_len);
    return prefix_len;
}

/* Makes '*key' the key of its prefix of 'prefix_len' bits: sets the length,
 * clears the bits from there up to bit 'end'. */
static void
cut_key(struct lpm_key *key, uint32_t prefix_len, uint32_t end)
{
    uint8_t *data = key->bytes + PREFIX_LEN_SIZE;
    uint32_t first = prefix_len / 8, last = (end + 7) / 8;

    memcpy(key->bytes, &prefix_len, sizeof prefix_len);
    if (first < last) {
        data[first] &= (uint8_t) ~(0xff >> prefix_len % 8);
        memset(data + first + 1, 0, last - first - 1);
    }
}

/* The longest prefix length in 'lpm' that is at most 'limit', or -1. */
static int
longest_length(const struct lpm_map *lpm, int limit)
{
    for (int i = limit / 64; limit >= 0 && i >= 0; i--) {
        uint64_t word =
            atomic_load_explicit(&lpm->lengths[i], memory_order_acquire);

        if (i == limit / 64 && limit % 64 != 63) {
            word &= (UINT64_C(1) << (limit % 64 + 1)) - 1;
        }
        if (word) {
            return i * 64 + 63 - __builtin_clzll(word);
        }
    }
    return -1;
}

static void *
lpm_lookup(const struct ubpf_map *map, const void *key_)
{
    const struct lpm_map *lpm = lpm_cast(map);
    uint32_t end = lpm->max_prefix_len;
    struct lpm_key key;
    uint32_t prefix_len = copy_key(lpm, key_, &key);
    int len;

    if (prefix_len > lpm->max_prefix_len) {
        return NULL;
    }
    for (len = longest_length(lpm, (int) prefix_len); len >= 0;
         len = longest_length(lpm, len - 1)) {
        struct table_element *element;

        cut_key(&key, (uint32_t) len, end);
        end = (uint32_t) len;
        element = table_find(&lpm->table, key.bytes,
                             table_hash(&lpm->table, key.bytes));
        if (element) {
            return table_value(&lpm->table, element);
        }
    }
    return NULL;
}

/* Adds 'delta', 1 or -1, to the number of entries of 'prefix_len'. */
static void
count_prefix(struct lpm_map *lpm, uint32_t prefix_len, int delta)
{
    atomic_uint_least64_t *word = &lpm->lengths[prefix_len / 64];
    uint64_t bit = UINT64_C(1) << prefix_len % 64;

    lpm->counts[prefix_len] += (uint32_t) delta;
    if (lpm->counts[prefix_len]) {
        atomic_fetch_or_explicit(word, bit, memory_order_release);
    } else {
        atomic_fetch_and_explicit(word, ~bit, memory_order_release);
    }
}

static int
lpm_update(struct ubpf_map *map, const void *key_, const void *value,
           uint64_t flags)
{
    struct lpm_map *lpm = lpm_cast(map);
    struct lpm_key key;
    uint32_t prefix_len = copy_key(lpm, key_, &key);
    struct table_element *element, *old;
    int err;

    if (flags > UBPF_EXIST || prefix_len > lpm->max_prefix_len) {
        return EINVAL;
    }
    cut_key(&key, prefix_len, lpm->max_prefix_len);
    element = table_new_element(&lpm->table, &map->host, key.bytes, value);
    if (!element) {
        return ENOMEM;
    }
    pthread_mutex_lock(&map->lock);
    err =
        table_insert(&lpm->table, element, flags, map->def.max_entries, &old);
    if (!err && !old) {
        count_prefix(lpm, prefix_len, 1);
    }
    pthread_mutex_unlock(&map->lock);
    if (err) {
        ubpf_host_free(&map->host, element);
    } else {
        ubpf_host_free_postponed(&map->host, old);
    }
    return err;
}

static int
lpm_delete(struct ubpf_map *map, const void *key_)
{
    struct lpm_map *lpm = lpm_cast(map);
    struct lpm_key key;
    uint32_t prefix_len = copy_key(lpm, key_, &key);
    struct table_element *old;

    if (prefix_len > lpm->max_prefix_len) {
        return EINVAL;
    }
    cut_key(&key, prefix_len, lpm->max_prefix_len);
    pthread_mutex_lock(&map->lock);
    old = table_remove(&lpm->table, key.bytes);
    if (old) {
        count_prefix(lpm, prefix_len, -1);
    }
    pthread_mutex_unlock(&map->lock);
    ubpf_host_free_postponed(&map->host, old);
    return old ? 0 : ENOENT;
}

static size_t
lpm_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
         size_t max)
{
    return table_dump(&lpm_cast(map)->table, cursor, entries, max);
}

static void
lpm_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    const struct lpm_map *lpm = lpm_cast(map);

    info->n_entries =
        atomic_load_explicit(&lpm->table.n, memory_order_relaxed);
    info->bytes = sizeof *lpm + table_bytes(&lpm->table);
}

const struct map_ops ubpf_lpm_ops = {
    .footprint = lpm_footprint,
    .create = lpm_create,
    .destroy = lpm_destroy,
    .lookup = lpm_lookup,
    .update = lpm_update,
    .remove = lpm_delete,
    .dump = lpm_dump,
    .get_info = lpm_get_info,
};
