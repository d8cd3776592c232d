/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps: one ops table per type, one file per ops table.
 *
 * Threads.  Lookups and dumps take no lock and run inside the host's read-side
 * critical section.  Updates and deletes take the map's mutex.  An element of
 * a hash or LPM map never changes its key; an update puts another element in
 * its place and frees the old one after a grace period.  Values are otherwise
 * written in place, by programs and, for arrays, by updates: two writers of
 * one value may interleave at the granularity of aligned 8-byte words. */

#ifndef UBPF_MAP_H
#define UBPF_MAP_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

struct ubpf_map {
    const struct map_ops *ops;
    struct ubpf_host host;
    struct ubpf_map_def def;
    char *name;
    atomic_uint refcount;
    pthread_mutex_t lock; /* Serialises writers. */
};

/* What a type of map does.  All sizes and flags of 'def' are valid. */
struct map_ops {
    /* Bytes that a full map of 'def' takes. */
    uint64_t (*footprint)(const struct ubpf_map_def *def);

    /* A new empty map with 'host' and 'def' set, or NULL for want of memory.
     * 'destroy' frees it at once. */
    struct ubpf_map *(*create)(const struct ubpf_host *host,
                               const struct ubpf_map_def *def);
    void (*destroy)(struct ubpf_map *map);

    /* The value for 'key', or NULL. */
    void *(*lookup)(const struct ubpf_map *map, const void *key);

    /* As ubpf_map_update() and ubpf_map_delete(), less the check of the
     * map's flags.  They take the lock. */
    int (*update)(struct ubpf_map *map, const void *key, const void *value,
                  uint64_t flags);
    int (*remove)(struct ubpf_map *map, const void *key);

    /* As ubpf_map_dump(). */
    size_t (*dump)(const struct ubpf_map *map, uint64_t *cursor, void *entries,
                   size_t max);

    /* Sets 'n_entries' and 'bytes' of '*info'. */
    void (*get_info)(const struct ubpf_map *map, struct ubpf_map_info *info);
};

extern const struct map_ops ubpf_array_ops;
extern const struct map_ops ubpf_hash_ops;
extern const struct map_ops ubpf_lpm_ops;

/* The ops of maps of 'type', or NULL. */
const struct map_ops *ubpf_map_ops(uint32_t type);

/* Makes an empty map with one reference.  Returns NULL for want of memory. */
struct ubpf_map *ubpf_map_create(const struct ubpf_host *host,
                                 const char *name,
                                 const struct ubpf_map_def *def);
struct ubpf_map *ubpf_map_ref(struct ubpf_map *map);

/* Drops a reference; the last one frees the map at once.  NULL is fine. */
void ubpf_map_unref(struct ubpf_map *map);

/* Lets each ops->create() initialise what all types share.  Returns 0 or an
 * errno value. */
int ubpf_map_init(struct ubpf_map *map, const struct map_ops *ops,
                  const struct ubpf_host *host,
                  const struct ubpf_map_def *def);
void ubpf_map_uninit(struct ubpf_map *map);

/* The address of element 0 of an array, for UBPF_PSEUDO_MAP_VALUE. */
void *ubpf_array_base(const struct ubpf_map *map);

/* Copies a value of 'size' bytes out of, or into, a map, where 'shared' is
 * aligned to 8 bytes and may be written and read at the same time. */
void ubpf_value_read(void *dst, const void *shared, size_t size);
void ubpf_value_write(void *shared, const void *src, size_t size);

static inline uint64_t
ubpf_round8(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

#endif /* map.h */
