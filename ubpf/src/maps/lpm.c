/* SPDX-License-Identifier: Apache-2.0
 *
 * Longest prefix match.  The entries are in a hash table, each under its
 * prefix with the bits after it cleared, which updates, deletes and dumps go
 * through; lookups go through a trie that leads to the same elements. */

#include "maps/map.h"

#include <errno.h>
#include <string.h>

#include "elf/object.h"
#include "host.h"
#include "maps/table.h"
#include "maps/trie.h"

#define PREFIX_LEN_SIZE sizeof(uint32_t)

struct lpm_map {
    struct ubpf_map up;
    struct table table;
    struct trie trie;
    uint32_t max_prefix_len;
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
    return sizeof(struct lpm_map) + table_footprint(def) + trie_footprint(def);
}

static struct ubpf_map *
lpm_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct lpm_map *lpm = ubpf_host_zalloc(host, 1, sizeof *lpm);

    if (!lpm) {
        return NULL;
    }
    lpm->max_prefix_len = (uint32_t) (def->key_size - PREFIX_LEN_SIZE) * 8;
    if (table_init(&lpm->table, host, def)
        || ubpf_map_init(&lpm->up, &ubpf_lpm_ops, host, def)) {
        table_uninit(&lpm->table, host);
        ubpf_host_free(host, lpm);
        return NULL;
    }
    trie_init(&lpm->trie, &lpm->up.host, lpm->max_prefix_len / 8);
    return &lpm->up;
}

static void
lpm_destroy(struct ubpf_map *map)
{
    struct lpm_map *lpm = lpm_cast(map);
    struct ubpf_host host = map->host;

    trie_uninit(&lpm->trie);
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

/* Clears the bits of '*key' after the first 'prefix_len'. */
static void
cut_key(const struct lpm_map *lpm, struct lpm_key *key, uint32_t prefix_len)
{
    uint8_t *data = key->bytes + PREFIX_LEN_SIZE;
    uint32_t first = prefix_len / 8, size = lpm->max_prefix_len / 8;

    if (first < size) {
        data[first] &= (uint8_t) ~(0xff >> prefix_len % 8);
        memset(data + first + 1, 0, size - first - 1);
    }
}

static void *
lpm_lookup(const struct ubpf_map *map, const void *key)
{
    const struct lpm_map *lpm = lpm_cast(map);
    const uint8_t *data = (const uint8_t *) key + PREFIX_LEN_SIZE;
    struct table_element *element;
    uint32_t prefix_len;

    memcpy(&prefix_len, key, sizeof prefix_len);
    if (prefix_len > lpm->max_prefix_len) {
        return NULL;
    }
    element = trie_lookup(&lpm->trie, data, prefix_len);
    return element ? table_value(&lpm->table, element) : NULL;
}

/* As table_insert(), for both the table and the trie. */
static int
insert(struct lpm_map *lpm, const struct lpm_key *key,
       struct table_element *element, uint64_t flags,
       struct table_element **oldp)
{
    uint32_t prefix_len;
    int err = 0;

    memcpy(&prefix_len, key->bytes, sizeof prefix_len);
    if (!table_find(&lpm->table, key->bytes, element->hash)) {
        err = trie_reserve(&lpm->trie);
    }
    if (!err) {
        err = table_insert(&lpm->table, element, flags,
                           lpm->up.def.max_entries, oldp);
    }
    if (!err) {
        trie_set(&lpm->trie, key->bytes + PREFIX_LEN_SIZE, prefix_len,
                 element);
    }
    return err;
}

static int
lpm_update(struct ubpf_map *map, const void *key_, const void *value,
           uint64_t flags)
{
    struct lpm_map *lpm = lpm_cast(map);
    struct lpm_key key;
    uint32_t prefix_len = copy_key(lpm, key_, &key);
    struct table_element *element, *old = NULL;
    int err;

    if (flags > UBPF_EXIST || prefix_len > lpm->max_prefix_len) {
        return EINVAL;
    }
    cut_key(lpm, &key, prefix_len);
    element = table_new_element(&lpm->table, &map->host, key.bytes, value);
    if (!element) {
        return ENOMEM;
    }
    pthread_mutex_lock(&map->lock);
    err = insert(lpm, &key, element, flags, &old);
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
    cut_key(lpm, &key, prefix_len);
    pthread_mutex_lock(&map->lock);
    old = table_remove(&lpm->table, key.bytes);
    if (old) {
        trie_remove(&lpm->trie, key.bytes + PREFIX_LEN_SIZE, prefix_len);
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
    info->bytes =
        sizeof *lpm + table_bytes(&lpm->table) + trie_bytes(&lpm->trie);
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
