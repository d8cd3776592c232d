/* SPDX-License-Identifier: Apache-2.0
 *
 * The tuples of a ternary map, a hash table of entries for each mask, and the
 * view of them that lookups go through.  Whoever changes them holds the map's
 * lock. */

#ifndef UBPF_TUPLES_H
#define UBPF_TUPLES_H 1

#include "maps/ternary.h"

/* Bytes that the tuples of a full map of 'def' take, and those there are. */
uint64_t tuples_footprint(const struct ubpf_map_def *def);
uint64_t tuples_bytes(const struct ternary_map *ternary);

/* Gives 'ternary', whose 'host' need not be set yet, no tuples.  Returns 0 or
 * ENOMEM. */
int tuples_init(struct ternary_map *ternary, const struct ubpf_host *host);

/* Frees the tuples, but no entries, at once. */
void tuples_uninit(struct ternary_map *ternary);

/* The tuple with 'mask', or NULL.  No lock is needed. */
struct ternary_tuple *tuples_find(const struct ternary_map *ternary,
                                  const uint64_t mask[]);

/* Makes what a new entry of 'priority' under 'mask' needs: '*tuplep', if that
 * is NULL, and '*viewp', to be published when the entry is in its table; NULL
 * if the current view will do.  Returns 0, ENOMEM or ENOSPC. */
int tuples_prepare(struct ternary_map *ternary, const uint64_t mask[],
                   uint32_t priority, struct ternary_tuple **tuplep,
                   struct ternary_view **viewp);
void tuples_publish(struct ternary_map *ternary, struct ternary_view *view);

/* Frees what tuples_prepare() made, each of which may be NULL. */
void tuples_cancel(struct ternary_tuple *tuple, struct ternary_view *view);

/* Lets lookups find 'element', about to be put into its tuple, through the
 * filter. */
void tuples_filter_add(const struct ternary_map *ternary,
                       struct ternary_filter *filter,
                       const struct table_element *element);

/* Makes room in the filter of 'tuple' for one more masked key. */
void tuples_grow_filter(struct ternary_map *ternary,
                        struct ternary_tuple *tuple);

/* Computes the best entry of 'tuple', and its filter, again, when enough
 * entries went for it to be worth while, or drops the tuple if it is empty. */
void tuples_tidy(struct ternary_map *ternary, struct ternary_tuple *tuple);

#endif /* tuples.h */
