/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash table with lock-free readers, which the other maps are built on.
 * Writers are serialised by the caller.
 *
 * The table holds pointers to elements, whose memory is the caller's.  A
 * bucket is one cache line: seven pointers, and for each a byte of the hash,
 * so that a lookup touches the bucket and, as a rule, no element but the one
 * that it finds.  Where seven do not suffice the last pointer leads to another
 * bucket.
 *
 * The bucket of an element is given by the upper bits of its hash, so that the
 * order of elements by hash does not depend on the number of buckets: it is
 * the order in which they are dumped. */

#ifndef UBPF_TABLE_H
#define UBPF_TABLE_H 1

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

#include "maps/key.h"

/* What an element begins with. */
struct table_element {
    uint64_t
        order;     /* The hash, made unique in the table; set when inserted. */
    uint8_t key[]; /* 'key_size' bytes; what follows is the caller's. */
};

#define TABLE_SLOTS 7

/* 'tags' holds a byte for each slot, from the least significant one on: 0 if
 * the slot is empty or leads on, else table_tag() of the element's hash.  A
 * slot is the address of an element, or 0, or in the last slot of a full
 * bucket, with bit 0 set, that of the next bucket. */
struct table_bucket {
    atomic_uint_least64_t tags;
    atomic_uintptr_t slots[TABLE_SLOTS];
};

/* The buckets of a table.  It is replaced by one of twice the size when the
 * table grows. */
struct table_view {
    uint32_t shift;               /* 64 - log2 of the number of buckets. */
    uint32_t n_extra;             /* Buckets chained to others. */
    struct table_bucket *buckets; /* Aligned to 64 bytes. */
    struct ubpf_host host;        /* A copy: the view may outlive the map. */
    void *memory;                 /* Of the buckets. */
};

struct table {
    struct table_view *_Atomic view;
    uint64_t seed[2]; /* Random, so that nobody can choose keys that share a
                       * bucket. */
    uint32_t key_size;
    bool grows;
    atomic_uint_least64_t n; /* Elements. */
};

/* Bytes of the buckets of a table for 'n' elements. */
uint64_t table_footprint(uint64_t n);

/* Initialises 'table' for keys of 'key_size' bytes and about 'n' elements;
 * with 'grows' it starts small and follows the number of elements.  Returns 0
 * or ENOMEM. */
int table_init(struct table *table, const struct ubpf_host *host,
               uint32_t key_size, uint64_t n, bool grows);

/* Frees 'table' at once, and its elements by 'free_element', which takes NULL
 * too; where that is NULL, none.  A zeroed table is fine. */
void table_uninit(struct table *table, void (*free_element)(void *element));

/* Inserts 'element', whose key, with 'hash', is not in the table.  Returns 0
 * or ENOMEM. */
int table_insert(struct table *table, struct table_element *element,
                 uint64_t hash);

/* Puts 'element' in the place of 'old', which is in the table and has the same
 * key. */
void table_replace(struct table *table, struct table_element *old,
                   struct table_element *element);

/* Takes out 'element', which is in the table. */
void table_remove(struct table *table, struct table_element *element);

/* The next element in the order of dumps, from '*cursor' (initially 0) on,
 * which it moves; or NULL.  An element that is in the table all the while,
 * replaced or not, is returned exactly once. */
struct table_element *table_next(const struct table *table, uint64_t *cursor);

/* Bytes of memory in use, elements not included. */
uint64_t table_bytes(const struct table *table);

static inline uint64_t
table_hash(const struct table *table, const void *key, uint32_t key_size)
{
    return key_hash(table->seed, key, key_size);
}

/* Never 0. */
static inline uint8_t
table_tag(uint64_t hash)
{
    return (uint8_t) hash ? (uint8_t) hash : 1;
}

/* Bit 7 of each byte of the result that belongs to a slot is set if that byte
 * of 'tags' is 'tag'; also, rarely, that of a byte after such a one. */
static inline uint64_t
table_match(uint64_t tags, uint8_t tag)
{
    uint64_t x = tags ^ tag * UINT64_C(0x0101010101010101);

    return (x - UINT64_C(0x0101010101010101)) & ~x
           & UINT64_C(0x0080808080808080);
}

/* The element for 'key' with 'hash', or NULL. */
static inline struct table_element *
table_find(const struct table *table, const void *key, uint32_t key_size,
           uint64_t hash)
{
    const struct table_view *view =
        atomic_load_explicit(&table->view, memory_order_acquire);
    const struct table_bucket *bucket = &view->buckets[hash >> view->shift];
    uint8_t tag = table_tag(hash);
    uintptr_t next;

    do {
        uint64_t tags =
            atomic_load_explicit(&bucket->tags, memory_order_acquire);

        for (uint64_t m = table_match(tags, tag); m; m &= m - 1) {
            uintptr_t slot = atomic_load_explicit(
                &bucket->slots[__builtin_ctzll(m) / 8], memory_order_acquire);
            struct table_element *element = (struct table_element *) slot;

            if (slot && !(slot & 1)
                && key_equal(element->key, key, key_size)) {
                return element;
            }
        }
        next = atomic_load_explicit(&bucket->slots[TABLE_SLOTS - 1],
                                    memory_order_acquire);
        bucket = (const struct table_bucket *) (next & ~(uintptr_t) 1);
    } while (next & 1);
    return NULL;
}

/* Asks for the bucket of 'key'. */
static inline void
table_prefetch(const struct table *table, const void *key, uint32_t key_size)
{
    const struct table_view *view =
        atomic_load_explicit(&table->view, memory_order_acquire);

    __builtin_prefetch(
        &view->buckets[table_hash(table, key, key_size) >> view->shift]);
}

#endif /* table.h */
