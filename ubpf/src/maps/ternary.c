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

/* Bits of a filter for each masked key, at least; twice as many when the
 * filter is new. */
#define FILTER_BITS    32
#define MIN_FILTER_LOG 9

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
tuple_size(uint32_t n_words)
{
    return sizeof(struct ternary_tuple) + n_words * sizeof(uint64_t);
}

static uint64_t
filter_size(uint32_t n_words, uint64_t log)
{
    return sizeof(struct ternary_filter) + n_words * sizeof(uint64_t)
           + (UINT64_C(1) << log) / 8;
}

static uint64_t
ternary_footprint(const struct ubpf_map_def *def)
{
    uint32_t n_words = ternary_n_words(def->key_size, def->extra);
    uint64_t n_tuples = def->max_entries < TERNARY_MAX_TUPLES
                            ? def->max_entries
                            : TERNARY_MAX_TUPLES;

    return sizeof(struct ternary_map) + places_footprint(def->max_entries)
           + pool_footprint(element_size(def), def->max_entries)
           + table_footprint(def->max_entries)
           + n_tuples
                 * (tuple_size(n_words) + table_footprint(0)
                    + filter_size(n_words, MIN_FILTER_LOG))
           + 4 * FILTER_BITS / 8 * (uint64_t) def->max_entries;
}

static struct ternary_view *
view_new(const struct ubpf_host *host, uint32_t n)
{
    struct ternary_view *view =
        map_rcu_alloc(host, sizeof *view + n * sizeof view->tuples[0]);

    if (view) {
        view->n = n;
    }
    return view;
}

static struct ternary_view *
current_view(const struct ternary_map *ternary)
{
    return atomic_load_explicit(&ternary->view, memory_order_relaxed);
}

static void
publish(struct ternary_map *ternary, struct ternary_view *view)
{
    struct ternary_view *old = current_view(ternary);

    atomic_store_explicit(&ternary->view, view, memory_order_release);
    map_rcu_free_postponed(old);
}

static uint64_t
filter_hash(const struct ternary_map *ternary, const void *masked)
{
    uint64_t hash = 0;

    for (uint32_t i = 0; i < ternary->n_words; i++) {
        hash +=
            key_load64((const uint8_t *) masked + 8 * i) * ternary->factors[i];
    }
    return hash;
}

static void
filter_add(const struct ternary_map *ternary, struct ternary_filter *filter,
           const struct table_element *element)
{
    uint64_t bit = filter_hash(ternary, element->key) >> filter->shift;

    atomic_fetch_or_explicit(&filter->words[ternary->n_words + bit / 64],
                             UINT64_C(1) << bit % 64, memory_order_relaxed);
}

/* A filter for 'tuple' as it is now and 'log' or more bits. */
static struct ternary_filter *
filter_new(const struct ternary_map *ternary,
           const struct ternary_tuple *tuple, uint64_t log)
{
    uint64_t size = filter_size(ternary->n_words, log);
    struct ternary_filter *filter = map_rcu_alloc(&ternary->up.host, size);
    struct table_element *element;
    uint64_t cursor = 0;

    if (!filter) {
        return NULL;
    }
    memset(filter, 0, size);
    filter->tuple = tuple;
    filter->shift = 64 - log;
    for (uint32_t i = 0; i < ternary->n_words; i++) {
        atomic_init(&filter->words[i], tuple->mask[i]);
    }
    while ((element = table_next(&tuple->table, &cursor)) != NULL) {
        filter_add(ternary, filter, element);
    }
    return filter;
}

/* A filter for what is in 'tuple' now and some more. */
static struct ternary_filter *
larger_filter(const struct ternary_map *ternary,
              const struct ternary_tuple *tuple)
{
    uint64_t n = atomic_load_explicit(&tuple->table.n, memory_order_relaxed);
    uint64_t log = MIN_FILTER_LOG;

    while ((UINT64_C(1) << log) < 2 * FILTER_BITS * n) {
        log++;
    }
    return filter_new(ternary, tuple, log);
}

static struct ternary_tuple *
tuple_at(const struct ternary_view *view, uint32_t i)
{
    return (struct ternary_tuple *) (uintptr_t) view->tuples[i].filter->tuple;
}

static void
tuple_free(void *tuple_)
{
    struct ternary_tuple *tuple = tuple_;

    if (tuple) {
        struct ubpf_host host = tuple->host;

        table_uninit(&tuple->table, NULL);
        map_rcu_free(tuple->filter);
        map_free(&host, tuple, tuple_size(tuple->n_words));
    }
}

static struct ternary_tuple *
tuple_new(const struct ternary_map *ternary, const uint64_t mask[])
{
    const struct ubpf_host *host = &ternary->up.host;
    struct ternary_tuple *tuple =
        map_zalloc(host, tuple_size(ternary->n_words));

    if (!tuple) {
        return NULL;
    }
    tuple->host = *host;
    tuple->n_words = ternary->n_words;
    memcpy(tuple->mask, mask, ternary->n_words * sizeof *mask);
    if (table_init(&tuple->table, host, ternary->n_words * 8, 0, true)) {
        map_free(host, tuple, tuple_size(ternary->n_words));
        return NULL;
    }
    tuple->filter = filter_new(ternary, tuple, MIN_FILTER_LOG);
    if (!tuple->filter) {
        table_uninit(&tuple->table, NULL);
        map_free(host, tuple, tuple_size(ternary->n_words));
        return NULL;
    }
    return tuple;
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
    atomic_init(&ternary->view, view_new(host, 0));
    ternary->pool = pool_create(host, element_size(def), 0);
    ternary->places = places_create(host, def->max_entries);
    if (!current_view(ternary) || !ternary->pool || !ternary->places
        || ubpf_map_init(&ternary->up, &ubpf_ternary_ops, host, def)) {
        map_rcu_free(current_view(ternary));
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
    struct ternary_view *view = current_view(ternary);
    struct ubpf_host host = map->host;
    uint64_t cursor = 0;
    void *entry;

    while ((entry = places_next(ternary->places, &cursor)) != NULL) {
        pool_free(entry);
    }
    for (uint32_t i = 0; i < view->n; i++) {
        tuple_free(tuple_at(view, i));
    }
    map_rcu_free(view);
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

/* The index in the current view of the tuple with 'mask', or UINT32_MAX. */
static uint32_t
find_tuple(const struct ternary_map *ternary, const struct ternary_view *view,
           const uint64_t mask[])
{
    for (uint32_t i = 0; i < view->n; i++) {
        if (!memcmp(tuple_at(view, i)->mask, mask,
                    ternary->n_words * sizeof *mask)) {
            return i;
        }
    }
    return UINT32_MAX;
}

/* Where the entry with 'parts' is.  Among entries of one priority a new one,
 * the youngest, would come last. */
static struct position
locate(const struct ternary_map *ternary, const struct parts *parts)
{
    const struct ternary_view *view =
        atomic_load_explicit(&ternary->view, memory_order_acquire);
    uint32_t key_size = ternary->n_words * 8;
    uint32_t i = find_tuple(ternary, view, parts->mask);
    struct position at = {.tuple = NULL};
    struct table_element *element;

    if (i == UINT32_MAX) {
        return at;
    }
    at.tuple = tuple_at(view, i);
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

/* A copy of the current view in which the tuple of 'filter', which may be new,
 * has this filter and as its best entry one of 'priority' and 'age'; or, if it
 * is empty, is left out.  Returns NULL for want of memory. */
static struct ternary_view *
view_with(const struct ternary_map *ternary,
          const struct ternary_filter *filter, uint32_t priority, uint64_t age,
          bool is_empty)
{
    const struct ternary_view *old = current_view(ternary);
    struct ternary_view *view = view_new(&ternary->up.host, old->n + 1);
    bool is_in = is_empty;
    uint32_t n = 0;

    if (!view) {
        return NULL;
    }
    for (uint32_t i = 0; i <= old->n; i++) {
        if (!is_in
            && (i == old->n
                || ternary_better(priority, age, old->tuples[i].priority,
                                  old->tuples[i].age))) {
            view->tuples[n].filter = filter;
            view->tuples[n].priority = priority;
            view->tuples[n++].age = age;
            is_in = true;
        }
        if (i < old->n && tuple_at(old, i) != filter->tuple) {
            view->tuples[n++] = old->tuples[i];
        }
    }
    view->n = n;
    return view;
}

/* Makes a view for a new entry at '*at', with a new tuple if there is none for
 * its mask; '*viewp' is NULL if the current view will do. */
static int
prepare_view(struct ternary_map *ternary, const struct parts *parts,
             struct position *at, struct ternary_view **viewp)
{
    const struct ternary_view *view = current_view(ternary);

    *viewp = NULL;
    if (at->tuple) {
        uint32_t i = find_tuple(ternary, view, parts->mask);

        if (!ternary_better(parts->priority, ternary->next_age,
                            view->tuples[i].priority, view->tuples[i].age)) {
            return 0;
        }
    } else {
        if (view->n >= TERNARY_MAX_TUPLES) {
            return ENOSPC;
        }
        at->tuple = tuple_new(ternary, parts->mask);
        if (!at->tuple) {
            return ENOMEM;
        }
        at->hash =
            table_hash(&at->tuple->table, parts->words, ternary->n_words * 8);
    }
    *viewp = view_with(ternary, at->tuple->filter, parts->priority,
                       ternary->next_age, false);
    return *viewp ? 0 : ENOMEM;
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
    filter_add(ternary, at->tuple->filter, element);
    return table_insert(&at->tuple->table, element, at->hash);
}

/* Makes room in the filter of 'tuple' for one more masked key.  Without memory
 * it keeps the one that it has, which is right, if not as good. */
static void
grow_filter(struct ternary_map *ternary, struct ternary_tuple *tuple)
{
    const struct ternary_view *view = current_view(ternary);
    uint64_t n = atomic_load_explicit(&tuple->table.n, memory_order_relaxed);
    uint32_t i = find_tuple(ternary, view, tuple->mask);
    struct ternary_filter *filter, *old = tuple->filter;
    struct ternary_view *new;

    if (UINT64_C(1) << (64 - old->shift) >= FILTER_BITS * (n + 1)) {
        return;
    }
    filter = larger_filter(ternary, tuple);
    if (!filter) {
        return;
    }
    new = view_with(ternary, filter, view->tuples[i].priority,
                    view->tuples[i].age, false);
    if (!new) {
        map_rcu_free(filter);
        return;
    }
    tuple->filter = filter;
    publish(ternary, new);
    map_rcu_free_postponed(old);
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
        grow_filter(ternary, at->tuple);
    }
    err = prepare_view(ternary, parts, at, &view);
    if (!err) {
        rest->age = ternary->next_age;
        rest->tuple = at->tuple;
        err = link_element(ternary, at, element);
    }
    if (err) {
        places_return(ternary->places, rest->place);
        map_rcu_free(view);
        if (!had_tuple) {
            tuple_free(at->tuple);
        }
        return err;
    }
    ternary->next_age++;
    at->tuple->n_entries++;
    atomic_fetch_add_explicit(&ternary->n, 1, memory_order_relaxed);
    places_set(ternary->places, rest->place, element);
    if (view) {
        publish(ternary, view);
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

/* Computes the best entry of 'tuple', and its filter, again, when enough
 * entries went for it to be worth while, or drops the tuple if it is empty.
 * Without memory all stays as it is, which is right, if not as fast. */
static void
tidy_tuple(struct ternary_map *ternary, struct ternary_tuple *tuple)
{
    struct ternary_filter *filter = NULL, *old = tuple->filter;
    struct table_element *element;
    struct ternary_view *view;
    uint32_t priority = 0;
    uint64_t age = UINT64_MAX, cursor = 0;

    if (tuple->n_removed * 4 <= tuple->n_entries) {
        return;
    }
    while ((element = table_next(&tuple->table, &cursor)) != NULL) {
        const struct ternary_rest *rest = rest_of(ternary, element);

        if (ternary_better(rest->priority, rest->age, priority, age)) {
            priority = rest->priority;
            age = rest->age;
        }
    }
    if (tuple->n_entries) {
        filter = larger_filter(ternary, tuple);
    }
    view = view_with(ternary, filter ? filter : old, priority, age,
                     !tuple->n_entries);
    if (!view) {
        map_rcu_free(filter);
        return;
    }
    if (filter) {
        tuple->filter = filter;
    }
    publish(ternary, view);
    tuple->n_removed = 0;
    if (filter) {
        map_rcu_free_postponed(old);
    }
    if (!tuple->n_entries) {
        ternary->up.host.postpone(tuple_free, tuple);
    }
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
    tidy_tuple(ternary, at->tuple);
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
    const struct ternary_view *view =
        atomic_load_explicit(&ternary->view, memory_order_acquire);

    info->n_entries = atomic_load_explicit(&ternary->n, memory_order_relaxed);
    info->bytes = sizeof *ternary + places_bytes(ternary->places)
                  + pool_bytes(ternary->pool);
    for (uint32_t i = 0; i < view->n; i++) {
        const struct ternary_filter *filter = view->tuples[i].filter;

        info->bytes += tuple_size(ternary->n_words)
                       + table_bytes(&filter->tuple->table)
                       + filter_size(ternary->n_words, 64 - filter->shift);
    }
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
