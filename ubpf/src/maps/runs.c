/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/runs.h"

static uintptr_t
get(const atomic_uintptr_t *slot)
{
    return atomic_load_explicit(slot, memory_order_relaxed);
}

void
runs_unpack(const struct runs *runs, const atomic_uintptr_t slots[],
            struct run_list *list)
{
    list->n = 0;
    for (unsigned int i = 0; i < 4; i++) {
        for (uint64_t m = runs->starts[i]; m; m &= m - 1) {
            list->first[list->n] =
                (uint8_t) (64 * i + (unsigned int) __builtin_ctzll(m));
            list->slots[list->n] = get(&slots[list->n]);
            list->n++;
        }
    }
}

void
runs_pack(const struct run_list *list, struct runs *runs,
          atomic_uintptr_t slots[])
{
    uint8_t n_before[5] = {0};

    for (int i = 0; i < 4; i++) {
        runs->starts[i] = 0;
    }
    for (uint32_t i = 0; i < list->n; i++) {
        unsigned int first = list->first[i];

        runs->starts[first / 64] |= UINT64_C(1) << first % 64;
        n_before[first / 64 + 1]++;
        atomic_init(&slots[i], list->slots[i]);
    }
    for (int i = 0; i < 4; i++) {
        runs->before[i] = n_before[i];
        n_before[i + 1] = (uint8_t) (n_before[i + 1] + n_before[i]);
    }
    runs->n = (uint16_t) list->n;
}

void
run_list_init(struct run_list *list, uintptr_t slot)
{
    list->n = 1;
    list->first[0] = 0;
    list->slots[0] = slot;
}

/* The number of the run that 'byte' belongs to. */
static uint32_t
find(const struct run_list *list, unsigned int byte)
{
    uint32_t i = 0;

    while (i + 1 < list->n && list->first[i + 1] <= byte) {
        i++;
    }
    return i;
}

uintptr_t
run_list_get(const struct run_list *list, unsigned int byte)
{
    return list->slots[find(list, byte)];
}

/* Adds a run of 'slot' from 'first' on, or lets the last go on if it is the
 * same. */
static void
append(struct run_list *list, unsigned int first, uintptr_t slot)
{
    if (!list->n || list->slots[list->n - 1] != slot) {
        list->first[list->n] = (uint8_t) first;
        list->slots[list->n++] = slot;
    }
}

void
run_list_cover(struct run_list *list, unsigned int first, unsigned int n,
               uintptr_t slot, bool (*stays)(uintptr_t slot, const void *aux),
               const void *aux)
{
    const struct run_list old = *list;
    unsigned int end = first + n;

    list->n = 0;
    for (uint32_t i = 0; i < old.n; i++) {
        unsigned int from = old.first[i];
        unsigned int to = i + 1 < old.n ? old.first[i + 1] : RUNS_MAX;
        bool is_same =
            to <= first || from >= end || (stays && stays(old.slots[i], aux));

        if (is_same || from < first) {
            append(list, from, old.slots[i]);
        }
        if (!is_same) {
            append(list, from < first ? first : from, slot);
            if (to > end) {
                append(list, end, old.slots[i]);
            }
        }
    }
}

uint32_t
runs_distinct(const struct runs *runs, const atomic_uintptr_t slots[])
{
    uint32_t n = 1;

    for (uint32_t i = 1; i < runs->n; i++) {
        n += get(&slots[i]) != get(&slots[i - 1]);
    }
    return n;
}

void
run_list_join(struct run_list *list)
{
    uint32_t n = list->n;

    list->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        append(list, list->first[i], list->slots[i]);
    }
}
