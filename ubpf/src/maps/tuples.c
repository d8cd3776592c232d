/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/tuples.h"

#include <errno.h>
#include <string.h>

#include "maps/memory.h"

/* Bits of a filter for each masked key, at least; twice as many when the
 * filter is new. */
#define FILTER_BITS    32
#define MIN_FILTER_LOG 9

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

uint64_t
tuples_footprint(const struct ubpf_map_def *def)
{
    uint32_t n_words = ternary_n_words(def->key_size, def->extra);
    uint64_t n = def->max_entries < TERNARY_MAX_TUPLES ? def->max_entries
                                                       : TERNARY_MAX_TUPLES;

    return table_footprint(def->max_entries)
           + n
                 * (tuple_size(n_words) + table_footprint(0)
                    + filter_size(n_words, MIN_FILTER_LOG))
           + 4 * FILTER_BITS / 8 * (uint64_t) def->max_entries;
}

uint64_t
tuples_bytes(const struct ternary_map *ternary)
{
    const struct ternary_view *view =
        atomic_load_explicit(&ternary->view, memory_order_acquire);
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < view->n; i++) {
        const struct ternary_filter *filter = view->tuples[i].filter;

        bytes += tuple_size(ternary->n_words)
                 + table_bytes(&filter->tuple->table)
                 + filter_size(ternary->n_words, 64 - filter->shift);
    }
    return bytes;
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

int
tuples_init(struct ternary_map *ternary, const struct ubpf_host *host)
{
    atomic_init(&ternary->view, view_new(host, 0));
    return current_view(ternary) ? 0 : ENOMEM;
}

void
tuples_publish(struct ternary_map *ternary, struct ternary_view *view)
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

void
tuples_filter_add(const struct ternary_map *ternary,
                  struct ternary_filter *filter,
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
        tuples_filter_add(ternary, filter, element);
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

void
tuples_uninit(struct ternary_map *ternary)
{
    struct ternary_view *view = current_view(ternary);

    for (uint32_t i = 0; view && i < view->n; i++) {
        tuple_free(tuple_at(view, i));
    }
    map_rcu_free(view);
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

/* The number in 'view' of the tuple with 'mask', or UINT32_MAX. */
static uint32_t
index_of(const struct ternary_map *ternary, const struct ternary_view *view,
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

struct ternary_tuple *
tuples_find(const struct ternary_map *ternary, const uint64_t mask[])
{
    const struct ternary_view *view =
        atomic_load_explicit(&ternary->view, memory_order_acquire);
    uint32_t i = index_of(ternary, view, mask);

    return i == UINT32_MAX ? NULL : tuple_at(view, i);
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

int
tuples_prepare(struct ternary_map *ternary, const uint64_t mask[],
               uint32_t priority, struct ternary_tuple **tuplep,
               struct ternary_view **viewp)
{
    const struct ternary_view *view = current_view(ternary);
    struct ternary_tuple *tuple = *tuplep;

    *viewp = NULL;
    if (tuple) {
        uint32_t i = index_of(ternary, view, mask);

        if (!ternary_better(priority, ternary->next_age,
                            view->tuples[i].priority, view->tuples[i].age)) {
            return 0;
        }
    } else {
        if (view->n >= TERNARY_MAX_TUPLES) {
            return ENOSPC;
        }
        tuple = tuple_new(ternary, mask);
        if (!tuple) {
            return ENOMEM;
        }
    }
    *viewp =
        view_with(ternary, tuple->filter, priority, ternary->next_age, false);
    if (!*viewp) {
        if (!*tuplep) {
            tuple_free(tuple);
        }
        return ENOMEM;
    }
    *tuplep = tuple;
    return 0;
}

void
tuples_cancel(struct ternary_tuple *new, struct ternary_view *view)
{
    map_rcu_free(view);
    tuple_free(new);
}

/* Without memory a tuple keeps the filter that it has, which is right, if not
 * as good. */
void
tuples_grow_filter(struct ternary_map *ternary, struct ternary_tuple *tuple)
{
    const struct ternary_view *view = current_view(ternary);
    uint64_t n = atomic_load_explicit(&tuple->table.n, memory_order_relaxed);
    uint32_t i = index_of(ternary, view, tuple->mask);
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
    tuples_publish(ternary, new);
    map_rcu_free_postponed(old);
}

/* Without memory all stays as it is, which is right, if not as fast. */
void
tuples_tidy(struct ternary_map *ternary, struct ternary_tuple *tuple)
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
        const struct ternary_rest *rest =
            ternary_rest(element, ternary->n_words);

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
    tuples_publish(ternary, view);
    tuple->n_removed = 0;
    if (filter) {
        map_rcu_free_postponed(old);
    }
    if (!tuple->n_entries) {
        ternary->up.host.postpone(tuple_free, tuple);
    }
}
