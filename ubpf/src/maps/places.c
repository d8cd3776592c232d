/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/places.h"

#include <errno.h>
#include <stdatomic.h>

#include "maps/memory.h"

#define PAGE_SIZE 512
#define NO_PLACE  UINT32_MAX

/* A place holds the address of an entry, or 0 (taken, but not set yet), or if
 * it is free the number of the next free one, times 2 plus 1. */
struct page {
    atomic_uintptr_t places[PAGE_SIZE];
};

struct ternary_places {
    struct ubpf_host host;
    uint64_t n_pages;
    atomic_uint_least64_t n_used; /* Places that were ever taken. */
    uint32_t first_free;          /* Or NO_PLACE. */
    struct page *_Atomic pages[];
};

static uint64_t
pages_for(uint64_t n)
{
    return (n + PAGE_SIZE - 1) / PAGE_SIZE;
}

static uint64_t
size_for(uint64_t n_pages)
{
    return sizeof(struct ternary_places)
           + n_pages * sizeof(struct page * _Atomic);
}

uint64_t
places_footprint(uint64_t n)
{
    return size_for(pages_for(n)) + pages_for(n) * sizeof(struct page);
}

struct ternary_places *
places_create(const struct ubpf_host *host, uint64_t n)
{
    struct ternary_places *places = map_zalloc(host, size_for(pages_for(n)));

    if (places) {
        places->host = *host;
        places->n_pages = pages_for(n);
        atomic_init(&places->n_used, 0);
        places->first_free = NO_PLACE;
        for (uint64_t i = 0; i < places->n_pages; i++) {
            atomic_init(&places->pages[i], NULL);
        }
    }
    return places;
}

void
places_destroy(struct ternary_places *places)
{
    struct ubpf_host host;

    if (!places) {
        return;
    }
    host = places->host;
    for (uint64_t i = 0; i < places->n_pages; i++) {
        map_free(&host, atomic_load(&places->pages[i]), sizeof(struct page));
    }
    map_free(&host, places, size_for(places->n_pages));
}

static atomic_uintptr_t *
at(const struct ternary_places *places, uint64_t place)
{
    struct page *page = atomic_load_explicit(&places->pages[place / PAGE_SIZE],
                                             memory_order_acquire);

    return &page->places[place % PAGE_SIZE];
}

int
places_take(struct ternary_places *places, uint32_t *place)
{
    uint64_t n = atomic_load_explicit(&places->n_used, memory_order_relaxed);

    if (places->first_free != NO_PLACE) {
        *place = places->first_free;
        places->first_free =
            (uint32_t) (atomic_load_explicit(at(places, *place),
                                             memory_order_relaxed)
                        >> 1);
        atomic_store_explicit(at(places, *place), 0, memory_order_relaxed);
        return 0;
    }
    if (n % PAGE_SIZE == 0) {
        struct page *page = atomic_load_explicit(&places->pages[n / PAGE_SIZE],
                                                 memory_order_relaxed);

        if (!page) {
            page = map_zalloc(&places->host, sizeof *page);
            if (!page) {
                return ENOMEM;
            }
            atomic_store_explicit(&places->pages[n / PAGE_SIZE], page,
                                  memory_order_release);
        }
    }
    *place = (uint32_t) n;
    atomic_store_explicit(&places->n_used, n + 1, memory_order_release);
    return 0;
}

void
places_set(struct ternary_places *places, uint32_t place, void *entry)
{
    atomic_store_explicit(at(places, place), (uintptr_t) entry,
                          memory_order_release);
}

void
places_return(struct ternary_places *places, uint32_t place)
{
    atomic_store_explicit(at(places, place),
                          (uintptr_t) places->first_free << 1 | 1,
                          memory_order_release);
    places->first_free = place;
}

void *
places_next(const struct ternary_places *places, uint64_t *cursor)
{
    uint64_t n = atomic_load_explicit(&places->n_used, memory_order_acquire);

    while (*cursor < n) {
        uintptr_t entry =
            atomic_load_explicit(at(places, *cursor), memory_order_acquire);

        ++*cursor;
        if (entry && !(entry & 1)) {
            return (void *) entry;
        }
    }
    return NULL;
}

uint64_t
places_bytes(const struct ternary_places *places)
{
    uint64_t n = atomic_load_explicit(&places->n_used, memory_order_relaxed);

    return size_for(places->n_pages) + pages_for(n) * sizeof(struct page);
}
