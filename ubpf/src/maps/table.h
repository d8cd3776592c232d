/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table of fixed size with lock-free readers, which hash and LPM maps
 * are built on.  Writers are serialised by the caller. */

#ifndef UBPF_TABLE_H
#define UBPF_TABLE_H 1

#include <stdatomic.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

/* An entry.  The elements of a chain are in ascending order of 'serial',
 * which an element keeps when an update replaces it; see table_dump(). */
struct table_element {
    struct table_element *_Atomic next;
    uint32_t hash;
    uint32_t serial;
    uint8_t data[]; /* Key, padded to 8 bytes; then the value. */
};

typedef struct table_element *_Atomic table_link;

struct table {
    uint32_t key_size;
    uint32_t value_size;
    uint32_t mask;    /* Number of chains, less one. */
    uint64_t seed[2]; /* Random, so that nobody can choose keys that
                       * share a chain. */
    table_link *chains;
    atomic_uint_least64_t n; /* Elements. */
};

uint64_t table_footprint(const struct ubpf_map_def *def);

/* Initialises 'table' for maps of 'def'.  Returns 0 or ENOMEM. */
int table_init(struct table *table, const struct ubpf_host *host,
               const struct ubpf_map_def *def);

/* Frees 'table' with its elements at once. */
void table_uninit(struct table *table, const struct ubpf_host *host);

uint32_t table_hash(const struct table *table, const void *key);

/* The element for 'key' with 'hash', or NULL. */
struct table_element *table_find(const struct table *table, const void *key,
                                 uint32_t hash);

static inline void *
table_value(const struct table *table, const struct table_element *element)
{
    return (void *) (element->data
                     + (((uint64_t) table->key_size + 7) & ~UINT64_C(7)));
}

/* Makes an element with copies of 'key' and 'value' for table_insert(), or
 * returns NULL for want of memory. */
struct table_element *table_new_element(const struct table *table,
                                        const struct ubpf_host *host,
                                        const void *key, const void *value);

/* Inserts 'element' as 'flags' (valid) allow, with room for 'max' elements.
 * Returns 0 with the element that it replaces, or NULL, in '*oldp', to be
 * freed after a grace period; or EEXIST, ENOENT or ENOSPC, and 'element' is
 * still the caller's. */
int table_insert(struct table *table, struct table_element *element,
                 uint64_t flags, uint32_t max, struct table_element **oldp);

/* Takes out the element for 'key' and returns it, to be freed after a grace
 * period; or returns NULL. */
struct table_element *table_remove(struct table *table, const void *key);

/* Bytes of memory in use. */
uint64_t table_bytes(const struct table *table);

/* As ubpf_map_dump(). */
size_t table_dump(const struct table *table, uint64_t *cursor, void *entries,
                  size_t max);

#endif /* table.h */
