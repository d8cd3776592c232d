/* SPDX-License-Identifier: Apache-2.0
 *
 * Maps: one ops table per type, one file per ops table.
 *
 * Threads.  Lookups and dumps take no lock and run inside the host's read-side
 * critical section.  Updates and deletes take the map's mutex.  An element of
 * a hash, LPM or ternary map never changes its key; an update puts another
 * element in its place and frees the old one after a grace period.  Values are
 * otherwise written in place, by programs and, for arrays, by updates: two
 * writers of one value may interleave at the granularity of aligned 8-byte
 * words. */

#ifndef UBPF_MAP_H
#define UBPF_MAP_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <ubpf/ubpf.h>

struct ubpf_map {
    const struct map_ops *ops;
    struct ubpf_host host;
    struct ubpf_map_def def;
    char *name;
    atomic_uint refcount;
    pthread_mutex_t lock; /* Serialises writers. */
};

/* Beside enum ubpf_update_flags: a program's update, not the control
 * plane's. */
#define UPDATE_BY_PROG (UINT64_C(1) << 32)

/* The same: the entry's state alone may change. */
#define UPDATE_STATE_ONLY (UINT64_C(1) << 33)

/* What an update may do with an entry. */
static inline uint64_t
update_mode(uint64_t flags)
{
    return flags & (UBPF_NOEXIST | UBPF_EXIST);
}

/* What a type of map does.  All sizes and flags of 'def' are valid. */
struct map_ops {
    /* Bytes that a full map of 'def' takes. */
    uint64_t (*footprint)(const struct ubpf_map_def *def);

    /* A new empty map with 'host' and 'def' set, or NULL for want of memory.
     * 'destroy' frees it at once. */
    struct ubpf_map *(*create)(const struct ubpf_host *host,
                               const struct ubpf_map_def *def);
    void (*destroy)(struct ubpf_map *map);

    /* A program's lookup: the value for 'key' (in an array of maps the map),
     * or NULL.  NULL where programs cannot look up (see
     * ubpf_helper_takes_map()). */
    void *(*lookup)(const struct ubpf_map *map, const void *key);

    /* The control plane's lookup: copies the value to 'value' and returns 0 or
     * ENOENT.  NULL: it finds what a program's does. */
    int (*read)(const struct ubpf_map *map, const void *key, void *value);

    /* As ubpf_map_update(), less the check of the map's flags.  It takes the
     * lock.  'flags' are valid; UPDATE_BY_PROG comes without UBPF_STATE. */
    int (*update)(struct ubpf_map *map, const void *key, const void *value,
                  uint64_t flags);

    /* As ubpf_map_delete().  With 'now' not 0 (and UBPF_MAP_F_AGING) only what
     * is map_value_is_idle() then, else ENOENT.  It takes the lock. */
    int (*remove)(struct ubpf_map *map, const void *key, uint64_t now);

    /* Asks for the memory that an update or a removal of 'key' will want.
     * NULL: it would not help. */
    void (*prefetch)(const struct ubpf_map *map, const void *key);

    /* As ubpf_map_dump(). */
    size_t (*dump)(const struct ubpf_map *map, uint64_t *cursor, void *entries,
                   size_t max);

    /* Sets 'n_entries', 'bytes' and perhaps 'n_dropped' of '*info'. */
    void (*get_info)(const struct ubpf_map *map, struct ubpf_map_info *info);
};

extern const struct map_ops ubpf_array_ops;
extern const struct map_ops ubpf_hash_ops;
extern const struct map_ops ubpf_lpm_ops;
extern const struct map_ops ubpf_map_array_ops;
extern const struct map_ops ubpf_meter_ops;
extern const struct map_ops ubpf_ring_ops;
extern const struct map_ops ubpf_ternary_ops;
extern const struct map_ops ubpf_thread_array_ops;
extern const struct map_ops ubpf_thread_hash_ops;

/* The ops of maps of 'type', or NULL. */
const struct map_ops *ubpf_map_ops(uint32_t type);

/* Bytes of a key and a value as the control plane has them. */
uint32_t ubpf_map_entry_key_size(const struct ubpf_map_def *def);
uint32_t ubpf_map_entry_value_size(const struct ubpf_map_def *def);

/* Whether all entries of a map of 'def' exist from the start, so that one
 * initial entry may stand for all. */
bool ubpf_map_is_filled(const struct ubpf_map_def *def);

/* Makes an empty map with one reference.  Returns NULL for want of memory. */
struct ubpf_map *ubpf_map_create(const struct ubpf_host *host,
                                 const char *name,
                                 const struct ubpf_map_def *def);
struct ubpf_map *ubpf_map_ref(struct ubpf_map *map);

/* Drops a reference; the last one frees the map at once.  NULL is fine. */
void ubpf_map_unref(struct ubpf_map *map);

/* An entry that the object gives, with all of its value, state included.  A
 * NULL 'key' stands for each element of an array. */
int ubpf_map_put_initial(struct ubpf_map *map, const void *key,
                         const void *value);

/* Lets each ops->create() initialise what all types share.  Returns 0 or an
 * errno value. */
int ubpf_map_init(struct ubpf_map *map, const struct map_ops *ops,
                  const struct ubpf_host *host,
                  const struct ubpf_map_def *def);
void ubpf_map_uninit(struct ubpf_map *map);

/* The address of element 0 of an array, for UBPF_PSEUDO_MAP_VALUE. */
void *ubpf_array_base(const struct ubpf_map *map);

/* RING_OUTPUT and METER_EXECUTE; the result of the helper. */
int ubpf_ring_output(struct ubpf_map *map, const void *data, uint64_t size);
uint64_t ubpf_meter_map_execute(const struct ubpf_map *map, uint64_t index,
                                uint64_t units, uint64_t colour);

/* Copies a value of 'size' bytes out of, or into, a map, where 'shared' is
 * aligned to 8 bytes and may be written and read at the same time. */
void ubpf_value_read(void *dst, const void *shared, size_t size);
void ubpf_value_write(void *shared, const void *src, size_t size);

/* ubpf_value_write() for whoever knows the size. */
static inline void
value_write_inline(void *shared_, const void *src_, size_t size)
{
    uint8_t *shared = __builtin_assume_aligned(shared_, 8);
    const uint8_t *src = src_;
    size_t i;

    for (i = 0; i + 8 <= size; i += 8) {
        uint64_t word;

        memcpy(&word, src + i, sizeof word);
        __atomic_store_n((uint64_t *) (shared + i), word, __ATOMIC_RELAXED);
    }
    for (; i < size; i++) {
        __atomic_store_n(shared + i, src[i], __ATOMIC_RELAXED);
    }
}

/* Values of maps whose entries have state.
 *
 * map_value_check() says whether an update with 'flags' may put 'value' in the
 * place of 'old' (NULL: there is none): 0 or an errno value.
 * map_value_init() fills 'dst', which nobody else sees, for an update to
 * 'value': 'old' is the value that it replaces, or NULL.
 * map_value_get() copies 'shared', a value in the map, for the control plane.
 * map_value_touch() notes that a program found 'shared'.
 * map_value_is_idle() says whether 'shared' has timed out by 'now'. */
int map_value_check(const struct ubpf_map *map, const void *old,
                    const void *value, uint64_t flags);
void map_value_init(const struct ubpf_map *map, void *dst, const void *value,
                    const void *old, uint64_t flags);
void map_value_get(const struct ubpf_map *map, void *dst, const void *shared);
void map_value_touch(const struct ubpf_map *map, void *shared);
bool map_value_is_idle(const struct ubpf_map *map, const void *shared,
                       uint64_t now);

static inline uint64_t
ubpf_round8(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

#endif /* map.h */
