/* SPDX-License-Identifier: Apache-2.0
 *
 * Ternary maps: values under masks and in ranges, by priority. */

#include "maps/ternary.h"

#include <errno.h>
#include <string.h>

#include "elf/object.h"
#include "hashes.h"
#include "maps/memory.h"
#include "maps/places.h"
#include "maps/tuples.h"

/* An entry's key, taken apart. */
struct parts {
    uint32_t priority;
    uint64_t words[TERNARY_MAX_WORDS]; /* Masked. */
    uint64_t mask[TERNARY_MAX_WORDS];
    uint64_t ranges[2 * TERNARY_MAX_WORDS];
};

/* Where an entry is, or would be, in the list for its masked key. */
struct position {
    struct ternary_tuple *tuple;  /* NULL: no entry has this mask. */
    struct table_element *head;   /* Of the list, or NULL. */
    struct table_element *before; /* The last that is better, or NULL. */
    struct table_element *found;  /* The entry itself, or NULL. */
    uint64_t hash;                /* Of the masked key, if 'tuple'. */
};

static struct ternary_map *
ternary_cast(const struct ubpf_map *map)
{
    return (struct ternary_map *) map;
}

static uint32_t
value_ofs(const struct ubpf_map_def *def)
{
    return (uint32_t) (sizeof(struct table_element)
                       + 8 * ternary_n_words(def->key_size, def->extra)
                       + sizeof(struct ternary_rest) + 16 * def->extra);
}

static uint64_t
element_size(const struct ubpf_map_def *def)
{
    return value_ofs(def) + ubpf_round8(def->value_size);
}

static uint64_t
ternary_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct ternary_map) + places_footprint(def->max_entries)
           + pool_footprint(element_size(def), def->max_entries)
           + tuples_footprint(def);
}

static struct ubpf_map *
ternary_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct ternary_map *ternary = map_zalloc(host, sizeof *ternary);

    if (!ternary) {
        return NULL;
    }
    ternary->n_words = ternary_n_words(def->key_size, def->extra);
    ternary->n_ranges = def->extra;
    ternary->value_ofs = value_ofs(def);
    atomic_init(&ternary->n, 0);
    for (uint32_t i = 0; i < ternary->n_words; i++) {
        ternary->factors[i] = ubpf_random() | 1;
    }
    ternary->pool = pool_create(host, element_size(def), 0);
    ternary->places = places_create(host, def->max_entries);
    if (tuples_init(ternary, host) || !ternary->pool || !ternary->places
        || ubpf_map_init(&ternary->up, &ubpf_ternary_ops, host, def)) {
        tuples_uninit(ternary);
        pool_destroy(ternary->pool);
        places_destroy(ternary->places);
        map_free(host, ternary, sizeof *ternary);
        return NULL;
    }
    return &ternary->up;
}

static void
ternary_destroy(struct ubpf_map *map)
{
    struct ternary_map *ternary = ternary_cast(map);
    struct ubpf_host host = map->host;
    uint64_t cursor = 0;
    void *entry;

    while ((entry = places_next(ternary->places, &cursor)) != NULL) {
        pool_free(entry);
    }
    tuples_uninit(ternary);
    pool_destroy(ternary->pool);
    places_destroy(ternary->places);
    ubpf_map_uninit(map);
    map_free(&host, ternary, sizeof *ternary);
}

static void *
value_of(const struct ternary_map *ternary,
         const struct table_element *element)
{
    return (uint8_t *) (uintptr_t) element + ternary->value_ofs;
}

static struct ternary_rest *
rest_of(const struct ternary_map *ternary, const struct table_element *element)
{
    return ternary_rest(element, ternary->n_words);
}

static struct table_element *
next_of(const struct ternary_map *ternary, const struct table_element *element)
{
    return atomic_load_explicit(&rest_of(ternary, element)->next,
                                memory_order_acquire);
}

static void *
ternary_lookup(const struct ubpf_map *map, const void *key)
{
    void *value = ternary_lookup_inline(map, key, map->def.key_size,
                                        ternary_cast(map)->n_ranges);

    if (value) {
        map_value_touch(map, value);
    }
    return value;
}

/* Takes the control plane's 'key' apart.  Returns 0 or EINVAL. */
static int
parse_key(const struct ternary_map *ternary, const void *key_,
          struct parts *parts)
{
    uint32_t key_size = ternary->up.def.key_size;
    uint32_t masked_size = key_size - 8 * ternary->n_ranges;
    const uint8_t *data =
        (const uint8_t *) key_ + sizeof(struct ubpf_ternary_key);
    const uint8_t *mask = data + key_size;
    struct ubpf_ternary_key key;

    memcpy(&key, key_, sizeof key);
    if (key.zero) {
        return EINVAL;
    }
    parts->priority = key.priority;
    parts->words[ternary->n_words - 1] = 0;
    parts->mask[ternary->n_words - 1] = 0;
    memcpy(parts->words, data, masked_size);
    memcpy(parts->mask, mask, masked_size);
    for (uint32_t i = 0; i < ternary->n_words; i++) {
        parts->words[i] &= parts->mask[i];
    }
    for (uint32_t i = 0; i < ternary->n_ranges; i++) {
        uint64_t *range = &parts->ranges[2 * i];

        memcpy(&range[0], data + masked_size + 8 * i, 8);
        memcpy(&range[1], mask + masked_size + 8 * i, 8);
        if (range[0] > range[1]) {
            return EINVAL;
        }
    }
    return 0;
}

/* The other way round: the control plane's key of 'element' to 'key'. */
static void
unparse_key(const struct ternary_map *ternary,
            const struct table_element *element, uint8_t *key)
{
    const struct ternary_rest *rest = rest_of(ternary, element);
    struct ubpf_ternary_key head = {.priority = rest->priority};
    uint32_t key_size = ternary->up.def.key_size;
    uint32_t masked_size = key_size - 8 * ternary->n_ranges;
    uint8_t *low = key + sizeof head, *high = low + key_size;

    memcpy(key, &head, sizeof head);
    memcpy(low, element->key, masked_size);
    memcpy(high, rest->tuple->mask, masked_size);
    for (uint32_t i = 0; i < ternary->n_ranges; i++) {
        memcpy(low + masked_size + 8 * i, &rest->ranges[2 * i], 8);
        memcpy(high + masked_size + 8 * i, &rest->ranges[2 * i + 1], 8);
    }
}

/* Where the entry with 'parts' is.  Among entries of one priority a new one,
 * the youngest, would come last. */
static struct position
locate(const struct ternary_map *ternary, const struct parts *parts)
{
    uint32_t key_size = ternary->n_words * 8;
    struct position at = {.tuple = tuples_find(ternary, parts->mask)};
    struct table_element *element;

    if (!at.tuple) {
        return at;
    }
    at.hash = table_hash(&at.tuple->table, parts->words, key_size);
    at.head = table_find(&at.tuple->table, parts->words, key_size, at.hash);
    for (element = at.head; element; element = next_of(ternary, element)) {
        const struct ternary_rest *rest = rest_of(ternary, element);

        if (rest->priority < parts->priority) {
            break;
        }
        if (rest->priority == parts->priority
            && !memcmp(rest->ranges, parts->ranges,
                       ternary->n_ranges * 2 * sizeof(uint64_t))) {
            at.found = element;
            break;
        }
        at.before = element;
    }
    return at;
}

static int
ternary_read(const struct ubpf_map *map, const void *key, void *value)
{
    const struct ternary_map *ternary = ternary_cast(map);
    struct position at;
    struct parts parts;

    if (parse_key(ternary, key, &parts)) {
        return EINVAL;
    }
    at = locate(ternary, &parts);
    if (!at.found) {
        return ENOENT;
    }
    map_value_get(map, value, value_of(ternary, at.found));
    return 0;
}

/* Puts 'element' into its list at 'at'.  Returns 0 or ENOMEM. */
static int
link_element(const struct ternary_map *ternary, const struct position *at,
             struct table_element *element)
{
    struct table_element *_Atomic *next = &rest_of(ternary, element)->next;

    if (at->before) {
        atomic_store_explicit(next, next_of(ternary, at->before),
                              memory_order_relaxed);
        atomic_store_explicit(&rest_of(ternary, at->before)->next, element,
                              memory_order_release);
        return 0;
    }
    atomic_store_explicit(next, at->head, memory_order_relaxed);
    if (at->head) {
        table_replace(&at->tuple->table, at->head, element);
        return 0;
    }
    tuples_filter_add(ternary, at->tuple->filter, element);
    return table_insert(&at->tuple->table, element, at->hash);
}

/* Adds 'element' as a new entry at 'at'. */
static int
add(struct ternary_map *ternary, const struct parts *parts,
    struct position *at, struct table_element *element)
{
    struct ternary_rest *rest = rest_of(ternary, element);
    bool had_tuple = at->tuple != NULL;
    struct ternary_view *view = NULL;
    int err;

    if (atomic_load_explicit(&ternary->n, memory_order_relaxed)
        >= ternary->up.def.max_entries) {
        return ENOSPC;
    }
    err = places_take(ternary->places, &rest->place);
    if (err) {
        return err;
    }
    if (at->tuple && !at->head) {
        tuples_grow_filter(ternary, at->tuple);
    }
    err = tuples_prepare(ternary, parts->mask, parts->priority, &at->tuple,
                         &view);
    if (!err) {
        at->hash =
            table_hash(&at->tuple->table, parts->words, ternary->n_words * 8);
        rest->age = ternary->next_age;
        rest->tuple = at->tuple;
        err = link_element(ternary, at, element);
    }
    if (err) {
        places_return(ternary->places, rest->place);
        tuples_cancel(had_tuple ? NULL : at->tuple, view);
        return err;
    }
    ternary->next_age++;
    at->tuple->n_entries++;
    atomic_fetch_add_explicit(&ternary->n, 1, memory_order_relaxed);
    places_set(ternary->places, rest->place, element);
    if (view) {
        tuples_publish(ternary, view);
    }
    return 0;
}

/* Puts 'element' in the place of at->found. */
static void
replace(struct ternary_map *ternary, const struct position *at,
        struct table_element *element)
{
    const struct ternary_rest *old = rest_of(ternary, at->found);
    struct ternary_rest *rest = rest_of(ternary, element);

    rest->age = old->age;
    rest->tuple = old->tuple;
    rest->place = old->place;
    atomic_store_explicit(&rest->next, next_of(ternary, at->found),
                          memory_order_relaxed);
    if (at->before) {
        element->order = at->found->order;
        atomic_store_explicit(&rest_of(ternary, at->before)->next, element,
                              memory_order_release);
    } else {
        table_replace(&at->tuple->table, at->found, element);
    }
    places_set(ternary->places, rest->place, element);
}

static int
insert(struct ternary_map *ternary, const struct parts *parts,
       struct table_element *element, const void *value, uint64_t flags,
       struct table_element **oldp)
{
    struct position at = locate(ternary, parts);
    const void *old = at.found ? value_of(ternary, at.found) : NULL;
    int err = map_value_check(&ternary->up, old, value, flags);

    if (err) {
        return err;
    }
    map_value_init(&ternary->up, value_of(ternary, element), value, old,
                   flags);
    if (at.found) {
        replace(ternary, &at, element);
        *oldp = at.found;
        return 0;
    }
    return add(ternary, parts, &at, element);
}

static int
ternary_update(struct ubpf_map *map, const void *key, const void *value,
               uint64_t flags)
{
    struct ternary_map *ternary = ternary_cast(map);
    struct table_element *element, *old = NULL;
    struct ternary_rest *rest;
    struct parts parts;
    int err;

    if (parse_key(ternary, key, &parts)) {
        return EINVAL;
    }
    element = pool_alloc(ternary->pool);
    if (!element) {
        return ENOMEM;
    }
    element->order = 0;
    memcpy(element->key, parts.words, ternary->n_words * 8);
    rest = rest_of(ternary, element);
    atomic_init(&rest->next, NULL);
    rest->priority = parts.priority;
    memcpy(rest->ranges, parts.ranges,
           ternary->n_ranges * 2 * sizeof(uint64_t));

    pthread_mutex_lock(&map->lock);
    err = insert(ternary, &parts, element, value, flags, &old);
    pthread_mutex_unlock(&map->lock);
    if (err) {
        pool_free(element);
    }
    pool_free_postponed(old);
    return err;
}

/* Takes out at->found. */
static void
take_out(struct ternary_map *ternary, const struct position *at)
{
    struct table_element *next = next_of(ternary, at->found);

    if (at->before) {
        atomic_store_explicit(&rest_of(ternary, at->before)->next, next,
                              memory_order_release);
    } else if (next) {
        table_replace(&at->tuple->table, at->found, next);
    } else {
        table_remove(&at->tuple->table, at->found);
    }
    places_return(ternary->places, rest_of(ternary, at->found)->place);
    atomic_fetch_sub_explicit(&ternary->n, 1, memory_order_relaxed);
    at->tuple->n_entries--;
    at->tuple->n_removed++;
    tuples_tidy(ternary, at->tuple);
}

static int
ternary_remove(struct ubpf_map *map, const void *key, uint64_t now)
{
    struct ternary_map *ternary = ternary_cast(map);
    struct table_element *old;
    struct position at;
    struct parts parts;

    if (parse_key(ternary, key, &parts)) {
        return EINVAL;
    }
    pthread_mutex_lock(&map->lock);
    at = locate(ternary, &parts);
    old = at.found;
    if (old && now && !map_value_is_idle(map, value_of(ternary, old), now)) {
        old = NULL;
    }
    if (old) {
        take_out(ternary, &at);
    }
    pthread_mutex_unlock(&map->lock);
    pool_free_postponed(old);
    return old ? 0 : ENOENT;
}

static size_t
ternary_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
             size_t max)
{
    const struct ternary_map *ternary = ternary_cast(map);
    size_t key_size = ubpf_map_entry_key_size(&map->def);
    uint8_t *p = entries;
    size_t n;

    for (n = 0; n < max; n++) {
        const struct table_element *element =
            places_next(ternary->places, cursor);

        if (!element) {
            break;
        }
        unparse_key(ternary, element, p);
        p += key_size;
        map_value_get(map, p, value_of(ternary, element));
        p += map->def.value_size;
    }
    return n;
}

static void
ternary_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    const struct ternary_map *ternary = ternary_cast(map);

    info->n_entries = atomic_load_explicit(&ternary->n, memory_order_relaxed);
    info->bytes = sizeof *ternary + places_bytes(ternary->places)
                  + pool_bytes(ternary->pool) + tuples_bytes(ternary);
}

const struct map_ops ubpf_ternary_ops = {
    .footprint = ternary_footprint,
    .create = ternary_create,
    .destroy = ternary_destroy,
    .lookup = ternary_lookup,
    .read = ternary_read,
    .update = ternary_update,
    .remove = ternary_remove,
    .dump = ternary_dump,
    .get_info = ternary_get_info,
};
