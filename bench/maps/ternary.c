/* SPDX-License-Identifier: Apache-2.0
 *
 * Ternary maps with keys of 16 bytes, of which each mask leaves out some. */

#include "contest.h"
#include "maps/ternary.h"

static uint64_t
run_ternary(const struct bench *b)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        sum += *(const uint64_t *) ternary_lookup_inline(
            b->map, b->keys + i * TERNARY_KEY, TERNARY_KEY, 0);
    }
    return sum;
}

/* The same tables, all of them looked into. */
static uint64_t
run_all_masks(const struct bench *b)
{
    const struct ternary_view *view =
        atomic_load(&((const struct ternary_map *) b->map)->view);
    uint64_t sum = 0;

    for (size_t i = 0; i < N_LOOKUPS; i++) {
        const struct ternary_rest *best = NULL;
        uint64_t words[2], masked[2];

        memcpy(words, b->keys + i * TERNARY_KEY, TERNARY_KEY);
        for (uint32_t j = 0; j < view->n; j++) {
            const struct ternary_tuple *tuple = view->tuples[j].filter->tuple;
            const struct table_element *element;
            const struct ternary_rest *rest;

            masked[0] = words[0] & tuple->mask[0];
            masked[1] = words[1] & tuple->mask[1];
            element =
                table_find(&tuple->table, masked, TERNARY_KEY,
                           table_hash(&tuple->table, masked, TERNARY_KEY));
            rest = element ? ternary_rest(element, 2) : NULL;
            if (rest
                && (!best
                    || ternary_better(rest->priority, rest->age,
                                      best->priority, best->age))) {
                best = rest;
            }
        }
        sum += best->ranges[0]; /* The value comes where no ranges are. */
    }
    return sum;
}

/* Entry 'i' under 'n_masks' masks: those with longer masks have the
 * higher priority, as in a list of rules sorted from special to general. */
void
ternary_entry(uint32_t i, uint32_t n_masks, uint8_t entry[8 + 2 * TERNARY_KEY])
{
    uint32_t mask = i % n_masks, priority = n_masks - mask;
    uint64_t state = i * UINT64_C(0x9e3779b97f4a7c15) + 1;

    memset(entry, 0, 8 + 2 * TERNARY_KEY);
    memcpy(entry, &priority, 4);
    for (int j = 0; j < TERNARY_KEY; j++) {
        entry[8 + j] = (uint8_t) (next_random(&state) >> 32);
        entry[8 + TERNARY_KEY + j] = 0xff;
    }
    /* Each mask leaves out another part of the last eight bytes. */
    for (uint32_t j = 0; j < 8; j++) {
        if (mask >> j & 1) {
            entry[8 + TERNARY_KEY + 8 + j] = 0;
        }
    }
}

void
ternary_open(struct bench *b, uint32_t size, uint32_t n_masks)
{
    uint8_t entry[8 + 2 * TERNARY_KEY];
    uint64_t random = 7;

    *b = (struct bench) {
        .map = make(UBPF_MAP_TYPE_TERNARY, TERNARY_KEY, size, 0),
        .keys = must(malloc((size_t) N_LOOKUPS * TERNARY_KEY)),
    };
    for (uint64_t i = 0; i < size; i++) {
        ternary_entry((uint32_t) i, n_masks, entry);
        succeed(ubpf_map_update(b->map, entry, &i, UBPF_ANY), "update");
    }
    for (size_t i = 0; i < N_LOOKUPS; i++) {
        ternary_entry((uint32_t) (next_random(&random) % size), n_masks,
                      entry);
        memcpy(b->keys + i * TERNARY_KEY, entry + 8, TERNARY_KEY);
    }
    add_contestant(b, "libubpf", run_ternary);
    add_contestant(b, "all masks", run_all_masks);
}
