/* SPDX-License-Identifier: Apache-2.0
 *
 * A ternary map, and its lookup for whoever knows the size of its keys.
 *
 * Tuple space search: entries that have the same mask are one tuple, and are
 * found by one look into a hash table of masked keys.  Tuples are looked
 * through in the order of the best entry of each, so that the search ends
 * where no other can have a better one than what was found.  Entries that
 * agree in mask and masked key, and differ in priority or ranges, are a list,
 * best first. */

#ifndef UBPF_TERNARY_H
#define UBPF_TERNARY_H 1

#include "maps/map.h"
#include "maps/pool.h"
#include "maps/table.h"

/* The most distinct masks in a map: each costs a lookup a look into another
 * hash table. */
#define TERNARY_MAX_TUPLES 4096

/* Words of the longest key. */
#define TERNARY_MAX_WORDS 64

/* What a lookup needs of a tuple to pass it by, in one piece of memory: the
 * mask and a bit for each value of a hash of masked keys, 0 if no entry of the
 * tuple has it, so that most lookups need not look into the table. */
struct ternary_filter {
    const struct ternary_tuple *tuple;
    uint64_t shift;                /* 64 - log2 of the number of bits. */
    atomic_uint_least64_t words[]; /* The mask, then the bits. */
};

struct ternary_tuple {
    struct table table;            /* The best entry for each masked key. */
    struct ternary_filter *filter; /* That of the current view. */
    struct ubpf_host host;
    uint32_t n_words;
    uint64_t n_entries;
    uint64_t n_removed; /* Since 'best' was last computed. */
    uint64_t mask[];
};

/* What follows an element's key, which is the masked part of the entry's,
 * padded with zeros to 8 bytes.  After the ranges comes the value. */
struct ternary_rest {
    struct table_element *_Atomic next; /* Of the list; the next best. */
    const struct ternary_tuple *tuple;
    uint64_t age; /* Counts up. */
    uint32_t priority;
    uint32_t place;    /* In the map's order of dumps. */
    uint64_t ranges[]; /* Lowest and highest value of each. */
};

/* What a lookup goes through; never changes. */
struct ternary_view {
    uint32_t n;
    struct {
        const struct ternary_filter *filter; /* Of a tuple. */
        uint64_t age;      /* Of its best entry, or of one that was still */
        uint32_t priority; /* better and is gone. */
    } tuples[];
};

struct ternary_map {
    struct ubpf_map up;
    struct ternary_view *_Atomic view;
    struct pool *pool;
    uint64_t next_age;
    atomic_uint_least64_t n;
    uint32_t n_words;   /* Of the masked part of a key; at least 1. */
    uint32_t n_ranges;  /* def.extra. */
    uint32_t value_ofs; /* From the start of an element. */
    struct ternary_places *places;
    uint64_t factors[TERNARY_MAX_WORDS]; /* Random, for filters. */
};

static inline uint32_t
ternary_n_words(uint32_t key_size, uint32_t n_ranges)
{
    uint32_t n = (key_size - n_ranges * 8 + 7) / 8;

    return n ? n : 1;
}

/* True if one of priority 'p' and age 'a' is better than one of 'q', 'b'. */
static inline bool
ternary_better(uint32_t p, uint64_t a, uint32_t q, uint64_t b)
{
    return p > q || (p == q && a < b);
}

static inline struct ternary_rest *
ternary_rest(const struct table_element *element, uint32_t n_words)
{
    return (struct ternary_rest *) ((uintptr_t) element + sizeof *element
                                    + n_words * sizeof(uint64_t));
}

/* Word 'i' of the mask. */
static inline uint64_t
ternary_mask(const struct ternary_filter *filter, uint32_t i)
{
    return atomic_load_explicit(&filter->words[i], memory_order_relaxed);
}

/* True if a masked key with 'hash' may be in the tuple. */
static inline bool
ternary_may_have(const struct ternary_filter *filter, uint32_t n_words,
                 uint64_t hash)
{
    uint64_t bit = hash >> filter->shift;

    return atomic_load_explicit(&filter->words[n_words + bit / 64],
                                memory_order_relaxed)
               >> bit % 64
           & 1;
}

/* True if each of the 'n' words at 'words' is in its range. */
static inline bool
ternary_in_ranges(const struct ternary_rest *rest, const uint64_t words[],
                  uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (words[i] < rest->ranges[2 * i]
            || words[i] > rest->ranges[2 * i + 1]) {
            return false;
        }
    }
    return true;
}

/* The best entry for the key, or NULL.  'key_size' and 'n_ranges' are those of
 * the map. */
static inline struct table_element *
ternary_find_inline(const struct ubpf_map *map, const void *key,
                    uint32_t key_size, uint32_t n_ranges)
{
    const struct ternary_map *ternary = (const struct ternary_map *) map;
    const struct ternary_view *view =
        atomic_load_explicit(&ternary->view, memory_order_acquire);
    uint32_t masked_size = key_size - n_ranges * 8;
    uint32_t n_words = ternary_n_words(key_size, n_ranges);
    uint64_t words[TERNARY_MAX_WORDS], masked[TERNARY_MAX_WORDS];
    uint64_t ranges[TERNARY_MAX_WORDS];
    struct table_element *best = NULL;
    uint32_t best_priority = 0;
    uint64_t best_age = 0;

    words[n_words - 1] = 0;
    memcpy(words, key, masked_size);
    memcpy(ranges, (const uint8_t *) key + masked_size, n_ranges * 8);

    for (uint32_t i = 0; i < view->n; i++) {
        const struct ternary_filter *filter = view->tuples[i].filter;
        const struct table *table;
        struct table_element *element;
        uint64_t hash = 0;

        if (best
            && !ternary_better(view->tuples[i].priority, view->tuples[i].age,
                               best_priority, best_age)) {
            break;
        }
        for (uint32_t j = 0; j < n_words; j++) {
            masked[j] = words[j] & ternary_mask(filter, j);
            hash += masked[j] * ternary->factors[j];
        }
        if (!ternary_may_have(filter, n_words, hash)) {
            continue;
        }
        table = &filter->tuple->table;
        element = table_find(table, masked, n_words * 8,
                             table_hash(table, masked, n_words * 8));
        while (element) {
            const struct ternary_rest *rest = ternary_rest(element, n_words);

            if (best
                && !ternary_better(rest->priority, rest->age, best_priority,
                                   best_age)) {
                break;
            }
            if (ternary_in_ranges(rest, ranges, n_ranges)) {
                best = element;
                best_priority = rest->priority;
                best_age = rest->age;
                break;
            }
            element = atomic_load_explicit(&rest->next, memory_order_acquire);
        }
    }
    return best;
}

/* The value for the key, or NULL. */
static inline void *
ternary_lookup_inline(const struct ubpf_map *map, const void *key,
                      uint32_t key_size, uint32_t n_ranges)
{
    struct table_element *element =
        ternary_find_inline(map, key, key_size, n_ranges);

    return element ? ternary_rest(element, ternary_n_words(key_size, n_ranges))
                             ->ranges
                         + 2 * n_ranges
                   : NULL;
}

#endif /* ternary.h */
