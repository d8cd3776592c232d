/* SPDX-License-Identifier: Apache-2.0
 *
 * Longest prefix match.  The entries are in a hash table, each under its
 * prefix with the bits after it cleared, which updates, deletes and dumps go
 * through.  Lookups of whole keys go through an index that takes eight or more
 * bits at a time; those of prefixes, and the search for what is behind an
 * entry that goes, look into the hash table for each length that an entry
 * has. */

#include "maps/lpm.h"

#include <errno.h>
#include <string.h>

#include "elf/object.h"
#include "maps/memory.h"

/* A key of any size, copied, so that nobody writes to it meanwhile. */
struct lpm_key {
    uint8_t bytes[UBPF_MAX_KEY_SIZE];
};

/* How many entries have each prefix length, and a bit for each that some
 * have. */
struct lpm_lengths {
    atomic_uint_least64_t in_use[UBPF_MAX_KEY_SIZE * 8 / 64];
    uint32_t n[];
};

static struct lpm_map *
lpm_cast(const struct ubpf_map *map)
{
    return (struct lpm_map *) map;
}

static uint32_t
value_ofs(const struct ubpf_map_def *def)
{
    return (uint32_t) (sizeof(struct table_element)
                       + ubpf_round8(def->key_size));
}

static uint32_t
value_size(const struct ubpf_map_def *def)
{
    return (uint32_t) ubpf_round8(def->value_size);
}

static uint64_t
lengths_size(uint32_t max_prefix_len)
{
    return sizeof(struct lpm_lengths)
           + (max_prefix_len + 1) * sizeof(uint32_t);
}

static uint64_t
lpm_footprint(const struct ubpf_map_def *def)
{
    uint32_t data_size = def->key_size - (uint32_t) LPM_LEN_SIZE;
    uint64_t n = def->max_entries;

    return sizeof(struct lpm_map) + table_footprint(n)
           + lengths_size(data_size * 8)
           + (lpm_uses_direct(def->key_size)
                  ? pool_footprint(DIRECT_ELEMENT_SIZE, n)
                        + direct_footprint(n, value_size(def))
                  : pool_footprint(value_ofs(def) + value_size(def), n)
                        + stride_footprint(n, data_size));
}

/* Makes the pool of 'lpm' and the index of whole keys. */
static int
init_index(struct lpm_map *lpm, const struct ubpf_host *host,
           const struct ubpf_map_def *def)
{
    uint64_t size = value_ofs(def) + value_size(def);

    if (!lpm_uses_direct(def->key_size)) {
        lpm->pool = pool_create(host, size, 0);
        return lpm->pool ? stride_init(&lpm->stride, host) : ENOMEM;
    }
    lpm->pool =
        pool_create_split(host, DIRECT_ELEMENT_SIZE, size, def->max_entries);
    return lpm->pool ? direct_init(&lpm->direct, host, lpm->pool,
                                   def->max_entries, value_size(def))
                     : ENOMEM;
}

static struct ubpf_map *
lpm_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct lpm_map *lpm = map_zalloc(host, sizeof *lpm);

    if (!lpm) {
        return NULL;
    }
    lpm->max_prefix_len = (uint32_t) (def->key_size - LPM_LEN_SIZE) * 8;
    lpm->value_ofs = value_ofs(def);
    lpm->lengths = map_zalloc(host, lengths_size(lpm->max_prefix_len));
    if (!lpm->lengths || init_index(lpm, host, def)
        || table_init(&lpm->table, host, def->key_size, def->max_entries, true)
        || ubpf_map_init(&lpm->up, &ubpf_lpm_ops, host, def)) {
        table_uninit(&lpm->table, NULL);
        stride_uninit(&lpm->stride);
        direct_uninit(&lpm->direct);
        pool_destroy(lpm->pool);
        map_free(host, lpm->lengths, lengths_size(lpm->max_prefix_len));
        map_free(host, lpm, sizeof *lpm);
        return NULL;
    }
    return &lpm->up;
}

static void
lpm_destroy(struct ubpf_map *map)
{
    struct lpm_map *lpm = lpm_cast(map);
    struct ubpf_host host = map->host;

    stride_uninit(&lpm->stride);
    direct_uninit(&lpm->direct);
    table_uninit(&lpm->table, pool_free);
    pool_destroy(lpm->pool);
    map_free(&host, lpm->lengths, lengths_size(lpm->max_prefix_len));
    ubpf_map_uninit(map);
    map_free(&host, lpm, sizeof *lpm);
}

static void *
value_of(const struct lpm_map *lpm, const struct table_element *element)
{
    if (lpm_uses_direct(lpm->up.def.key_size)) {
        return direct_value(&lpm->direct, element);
    }
    return (uint8_t *) (uintptr_t) element + lpm->value_ofs;
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
    uint8_t *data = key->bytes + LPM_LEN_SIZE;
    uint32_t first = prefix_len / 8, size = lpm->max_prefix_len / 8;

    if (first < size) {
        data[first] &= (uint8_t) ~(0xff >> prefix_len % 8);
        memset(data + first + 1, 0, size - first - 1);
    }
}

/* The element for exactly 'key', which is cut, or NULL. */
static struct table_element *
find_exact(const struct lpm_map *lpm, const struct lpm_key *key)
{
    uint32_t key_size = lpm->up.def.key_size;

    return table_find(&lpm->table, key->bytes, key_size,
                      table_hash(&lpm->table, key->bytes, key_size));
}

/* The element for the longest prefix of '*key' of at most 'limit' bits, or
 * NULL.  Bits of '*key' get lost. */
static struct table_element *
find_shorter(const struct lpm_map *lpm, struct lpm_key *key, uint32_t limit)
{
    uint64_t more = UINT64_MAX >> (63 - limit % 64);

    for (uint32_t i = limit / 64 + 1; i-- > 0; more = UINT64_MAX) {
        uint64_t lengths = more
                           & atomic_load_explicit(&lpm->lengths->in_use[i],
                                                  memory_order_acquire);

        while (lengths) {
            uint32_t bit = 63 - (uint32_t) __builtin_clzll(lengths);
            uint32_t prefix_len = 64 * i + bit;
            struct table_element *element;

            memcpy(key->bytes, &prefix_len, sizeof prefix_len);
            cut_key(lpm, key, prefix_len);
            element = find_exact(lpm, key);
            if (element) {
                return element;
            }
            lengths &= ~(UINT64_C(1) << bit);
        }
    }
    return NULL;
}

/* Notes that one entry more has this prefix length, or one less. */
static void
count_length(struct lpm_map *lpm, uint32_t prefix_len, bool more)
{
    uint64_t bit = UINT64_C(1) << prefix_len % 64;

    if (more && !lpm->lengths->n[prefix_len]++) {
        atomic_fetch_or_explicit(&lpm->lengths->in_use[prefix_len / 64], bit,
                                 memory_order_release);
    } else if (!more && !--lpm->lengths->n[prefix_len]) {
        atomic_fetch_and_explicit(&lpm->lengths->in_use[prefix_len / 64], ~bit,
                                  memory_order_release);
    }
}

/* Counting bits takes an instruction that not all x86-64 machines have. */
static inline void *
find_whole_inline(const struct lpm_map *lpm, const uint8_t *data)
{
    struct table_element *element;

    if (lpm_uses_direct(lpm->up.def.key_size)) {
        return direct_lookup_inline(&lpm->direct, data);
    }
    element = stride_lookup_inline(&lpm->stride, data);
    return element ? (uint8_t *) element + lpm->value_ofs : NULL;
}

#if defined __x86_64__ && !defined __POPCNT__
__attribute__((target("popcnt"))) static void *
find_whole_popcnt(const struct lpm_map *lpm, const uint8_t *data)
{
    return find_whole_inline(lpm, data);
}
#endif

/* The value for the longest prefix of 'data', which has all bits. */
static void *
find_whole(const struct lpm_map *lpm, const uint8_t *data)
{
#if defined __x86_64__ && !defined __POPCNT__
    if (__builtin_cpu_supports("popcnt")) {
        return find_whole_popcnt(lpm, data);
    }
#endif
    return find_whole_inline(lpm, data);
}

/* The value for the longest prefix of 'key', or NULL. */
static void *
find_longest(const struct lpm_map *lpm, const void *key)
{
    const struct table_element *element;
    struct lpm_key copy;
    uint32_t prefix_len;

    memcpy(&prefix_len, key, sizeof prefix_len);
    if (prefix_len == lpm->max_prefix_len) {
        return find_whole(lpm, (const uint8_t *) key + LPM_LEN_SIZE);
    } else if (prefix_len > lpm->max_prefix_len) {
        return NULL;
    }
    memcpy(copy.bytes, key, lpm->up.def.key_size);
    element = find_shorter(lpm, &copy, prefix_len);
    return element ? value_of(lpm, element) : NULL;
}

static void *
lpm_lookup(const struct ubpf_map *map, const void *key)
{
    void *value = find_longest(lpm_cast(map), key);

    if (value) {
        map_value_touch(map, value);
    }
    return value;
}

static int
lpm_read(const struct ubpf_map *map, const void *key, void *value)
{
    const void *found = find_longest(lpm_cast(map), key);

    if (!found) {
        return ENOENT;
    }
    map_value_get(map, value, found);
    return 0;
}

/* Puts 'element', with its key, into the map.  '*oldp' is then what it
 * replaces, or NULL; or, with an error, 'element' if it was seen. */
static int
insert(struct lpm_map *lpm, struct table_element *element, const void *value,
       uint64_t flags, struct table_element **oldp)
{
    const uint8_t *data = element->key + LPM_LEN_SIZE;
    uint64_t hash =
        table_hash(&lpm->table, element->key, lpm->up.def.key_size);
    struct table_element *old =
        table_find(&lpm->table, element->key, lpm->up.def.key_size, hash);
    uint32_t prefix_len;
    int err;

    memcpy(&prefix_len, element->key, sizeof prefix_len);
    err = map_value_check(&lpm->up, old ? value_of(lpm, old) : NULL, value,
                          flags);
    if (err) {
        return err;
    }
    map_value_init(&lpm->up, value_of(lpm, element), value,
                   old ? value_of(lpm, old) : NULL, flags);
    if (old) {
        table_replace(&lpm->table, old, element);
        if (lpm_uses_direct(lpm->up.def.key_size)) {
            direct_replace(&lpm->direct, data, prefix_len, old, element);
        } else {
            stride_replace(&lpm->stride, data, prefix_len, old, element);
        }
        *oldp = old;
        return 0;
    }
    if (atomic_load_explicit(&lpm->table.n, memory_order_relaxed)
        >= lpm->up.def.max_entries) {
        return ENOSPC;
    }
    err = table_insert(&lpm->table, element, hash);
    if (err) {
        return err;
    }
    err = lpm_uses_direct(lpm->up.def.key_size)
              ? direct_add(&lpm->direct, data, prefix_len, element)
              : stride_add(&lpm->stride, data, prefix_len, element);
    if (err) {
        /* Somebody may have seen it. */
        table_remove(&lpm->table, element);
        *oldp = element;
        return err;
    }
    count_length(lpm, prefix_len, true);
    return 0;
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

    if (prefix_len > lpm->max_prefix_len) {
        return EINVAL;
    }
    cut_key(lpm, &key, prefix_len);
    element = pool_alloc(lpm->pool);
    if (!element) {
        return ENOMEM;
    }
    memcpy(element->key, key.bytes, map->def.key_size);
    pthread_mutex_lock(&map->lock);
    err = insert(lpm, element, value, flags, &old);
    pthread_mutex_unlock(&map->lock);
    if (err && old != element) {
        pool_free(element);
    }
    pool_free_postponed(old);
    return err;
}

/* Takes 'old', for '*key', which is cut, out.  Bits of '*key' get lost. */
static void
take_out(struct lpm_map *lpm, struct lpm_key *key, struct table_element *old)
{
    const uint8_t *data = old->key + LPM_LEN_SIZE;
    struct table_element *next;
    uint32_t prefix_len;

    memcpy(&prefix_len, key->bytes, sizeof prefix_len);
    table_remove(&lpm->table, old);
    count_length(lpm, prefix_len, false);
    next = prefix_len ? find_shorter(lpm, key, prefix_len - 1) : NULL;
    if (lpm_uses_direct(lpm->up.def.key_size)) {
        direct_remove(&lpm->direct, data, prefix_len, old, next);
    } else {
        stride_remove(&lpm->stride, data, prefix_len, old, next);
    }
}

static int
lpm_remove(struct ubpf_map *map, const void *key_, uint64_t now)
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
    old = find_exact(lpm, &key);
    if (old && now && !map_value_is_idle(map, value_of(lpm, old), now)) {
        old = NULL;
    }
    if (old) {
        take_out(lpm, &key, old);
    }
    pthread_mutex_unlock(&map->lock);
    pool_free_postponed(old);
    return old ? 0 : ENOENT;
}

/* The entry is most of what has to come from memory. */
static void
lpm_prefetch(const struct ubpf_map *map, const void *key_)
{
    const struct lpm_map *lpm = lpm_cast(map);
    struct lpm_key key;
    uint32_t prefix_len = copy_key(lpm, key_, &key);

    if (prefix_len <= lpm->max_prefix_len) {
        cut_key(lpm, &key, prefix_len);
        table_prefetch(&lpm->table, key.bytes, map->def.key_size);
    }
}

static size_t
lpm_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
         size_t max)
{
    const struct lpm_map *lpm = lpm_cast(map);
    uint8_t *p = entries;
    size_t n;

    for (n = 0; n < max; n++) {
        const struct table_element *element = table_next(&lpm->table, cursor);

        if (!element) {
            break;
        }
        memcpy(p, element->key, map->def.key_size);
        p += map->def.key_size;
        map_value_get(map, p, value_of(lpm, element));
        p += map->def.value_size;
    }
    return n;
}

static void
lpm_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    const struct lpm_map *lpm = lpm_cast(map);

    info->n_entries =
        atomic_load_explicit(&lpm->table.n, memory_order_relaxed);
    info->bytes =
        sizeof *lpm + table_bytes(&lpm->table) + pool_bytes(lpm->pool)
        + lengths_size(lpm->max_prefix_len)
        + (lpm_uses_direct(map->def.key_size) ? direct_bytes(&lpm->direct)
                                              : stride_bytes(&lpm->stride));
}

const struct map_ops ubpf_lpm_ops = {
    .footprint = lpm_footprint,
    .create = lpm_create,
    .destroy = lpm_destroy,
    .lookup = lpm_lookup,
    .read = lpm_read,
    .update = lpm_update,
    .remove = lpm_remove,
    .prefetch = lpm_prefetch,
    .dump = lpm_dump,
    .get_info = lpm_get_info,
};
