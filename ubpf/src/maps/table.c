/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/table.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "host.h"
#include "maps/map.h"
#include "maps/siphash.h"

#define MAX_CHAINS (UINT32_C(1) << 28)

/* The number of chains for up to 'max_entries': a power of 2. */
static uint32_t
n_chains(uint32_t max_entries)
{
    uint32_t n = 1;

    while (n < max_entries && n < MAX_CHAINS) {
        n *= 2;
    }
    return n;
}

static uint64_t
element_size(uint32_t key_size, uint32_t value_size)
{
    return sizeof(struct table_element) + ubpf_round8(key_size)
           + ubpf_round8(value_size);
}

uint64_t
table_footprint(const struct ubpf_map_def *def)
{
    return n_chains(def->max_entries) * sizeof(table_link)
           + def->max_entries * element_size(def->key_size, def->value_size);
}

uint64_t
table_bytes(const struct table *table)
{
    return ((uint64_t) table->mask + 1) * sizeof(table_link)
           + atomic_load_explicit(&table->n, memory_order_relaxed)
                 * element_size(table->key_size, table->value_size);
}

/* Fills 'seed' from the kernel's random numbers; without them (before the
 * machine has any) from what an attacker cannot easily know. */
static void
randomize(uint64_t seed[2], const struct ubpf_host *host, const void *address)
{
    if (getrandom(seed, 2 * sizeof *seed, GRND_NONBLOCK)
        != (ssize_t) (2 * sizeof *seed)) {
        seed[0] = (uintptr_t) address;
        seed[1] = host->now_ns();
    }
}

int
table_init(struct table *table, const struct ubpf_host *host,
           const struct ubpf_map_def *def)
{
    uint32_t n = n_chains(def->max_entries);

    table->key_size = def->key_size;
    table->value_size = def->value_size;
    table->mask = n - 1;
    table->chains = ubpf_host_zalloc(host, n, sizeof *table->chains);
    if (!table->chains) {
        return ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        atomic_init(&table->chains[i], NULL);
    }
    atomic_init(&table->n, 0);
    randomize(table->seed, host, table->chains);
    return 0;
}

void
table_uninit(struct table *table, const struct ubpf_host *host)
{
    for (uint64_t i = 0; table->chains && i <= table->mask; i++) {
        struct table_element *element = atomic_load(&table->chains[i]);

        while (element) {
            struct table_element *next = atomic_load(&element->next);

            ubpf_host_free(host, element);
            element = next;
        }
    }
    ubpf_host_free(host, table->chains);
}

uint32_t
table_hash(const struct table *table, const void *key)
{
    return (uint32_t) ubpf_siphash13(table->seed, key, table->key_size);
}

/* Compares keys; the common small sizes without a call. */
static inline bool
keys_equal(const void *a, const void *b, uint32_t size)
{
    switch (size) {
    case 4:
        return !memcmp(a, b, 4);
    case 8:
        return !memcmp(a, b, 8);
    case 12:
        return !memcmp(a, b, 12);
    case 16:
        return !memcmp(a, b, 16);
    default:
        return !memcmp(a, b, size);
    }
}

static inline struct table_element *
follow(const table_link *link)
{
    return atomic_load_explicit(link, memory_order_acquire);
}

struct table_element *
table_find(const struct table *table, const void *key, uint32_t hash)
{
    struct table_element *element;

    for (element = follow(&table->chains[hash & table->mask]); element;
         element = follow(&element->next)) {
        if (element->hash == hash
            && keys_equal(element->data, key, table->key_size)) {
            return element;
        }
    }
    return NULL;
}

/* The hash comes from the copy of the key, as another thread may be writing
 * to the caller's. */
struct table_element *
table_new_element(const struct table *table, const struct ubpf_host *host,
                  const void *key, const void *value)
{
    struct table_element *element;

    element = host->alloc(element_size(table->key_size, table->value_size));
    if (element) {
        atomic_init(&element->next, NULL);
        memcpy(element->data, key, table->key_size);
        memcpy(table_value(table, element), value, table->value_size);
        element->hash = table_hash(table, element->data);
        element->serial = 0;
    }
    return element;
}

/* The link that leads to the element for 'key', or NULL. */
static table_link *
find_link(struct table *table, const void *key, uint32_t hash)
{
    table_link *link = &table->chains[hash & table->mask];
    struct table_element *element;

    for (; (element = follow(link)) != NULL; link = &element->next) {
        if (element->hash == hash
            && keys_equal(element->data, key, table->key_size)) {
            return link;
        }
    }
    return NULL;
}

static void
link_element(table_link *link, struct table_element *element,
             struct table_element *next)
{
    atomic_store_explicit(&element->next, next, memory_order_relaxed);
    atomic_store_explicit(link, element, memory_order_release);
}

/* Puts 'element' into its chain with the least serial number that is free
 * there, so that serial numbers stay below the length of the chain. */
static void
link_new(struct table *table, struct table_element *element)
{
    table_link *link = &table->chains[element->hash & table->mask];
    struct table_element *next;
    uint32_t serial = 0;

    while ((next = follow(link)) != NULL && next->serial == serial) {
        link = &next->next;
        serial++;
    }
    element->serial = serial;
    link_element(link, element, next);
}

int
table_insert(struct table *table, struct table_element *element,
             uint64_t flags, uint32_t max, struct table_element **oldp)
{
    table_link *link = find_link(table, element->data, element->hash);
    struct table_element *old;

    *oldp = NULL;
    if (link) {
        if (flags == UBPF_NOEXIST) {
            return EEXIST;
        }
        old = follow(link);
        element->serial = old->serial;
        link_element(link, element, follow(&old->next));
        *oldp = old;
        return 0;
    }
    if (flags == UBPF_EXIST) {
        return ENOENT;
    }
    if (atomic_load_explicit(&table->n, memory_order_relaxed) >= max) {
        return ENOSPC;
    }
    link_new(table, element);
    atomic_fetch_add_explicit(&table->n, 1, memory_order_relaxed);
    return 0;
}

struct table_element *
table_remove(struct table *table, const void *key)
{
    table_link *link = find_link(table, key, table_hash(table, key));
    struct table_element *old;

    if (!link) {
        return NULL;
    }
    old = follow(link);
    atomic_store_explicit(link, follow(&old->next), memory_order_release);
    atomic_fetch_sub_explicit(&table->n, 1, memory_order_relaxed);
    return old;
}

/* The cursor is the number of a chain in its upper half and the least serial
 * number not yet seen in that chain in its lower half.  An element stays at
 * its place in this order as long as it is in the map, and what is inserted
 * meanwhile changes nobody's place. */
size_t
table_dump(const struct table *table, uint64_t *cursor, void *entries,
           size_t max)
{
    uint64_t chain = *cursor >> 32;
    uint32_t serial = (uint32_t) *cursor;
    uint8_t *p = entries;
    size_t n = 0;

    for (; chain <= table->mask; chain++, serial = 0) {
        struct table_element *element;

        for (element = follow(&table->chains[chain]); element;
             element = follow(&element->next)) {
            if (element->serial < serial) {
                continue;
            }
            if (n == max) {
                *cursor = chain << 32 | serial;
                return n;
            }
            memcpy(p, element->data, table->key_size);
            p += table->key_size;
            ubpf_value_read(p, table_value(table, element), table->value_size);
            p += table->value_size;
            serial = element->serial + 1;
            n++;
        }
    }
    *cursor = chain << 32;
    return n;
}
