/* SPDX-License-Identifier: Apache-2.0
 *
 * What maps of all types share, and the control plane's view of them. */

#include "maps/map.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "host.h"
#include "maps/memory.h"

const struct map_ops *
ubpf_map_ops(uint32_t type)
{
    switch (type) {
    case UBPF_MAP_TYPE_HASH:
    case UBPF_MAP_TYPE_LRU_HASH:
        return &ubpf_hash_ops;
    case UBPF_MAP_TYPE_ARRAY:
        return &ubpf_array_ops;
    case UBPF_MAP_TYPE_THREAD_HASH:
        return &ubpf_thread_hash_ops;
    case UBPF_MAP_TYPE_THREAD_ARRAY:
        return &ubpf_thread_array_ops;
    case UBPF_MAP_TYPE_LPM:
        return &ubpf_lpm_ops;
    case UBPF_MAP_TYPE_ARRAY_OF_MAPS:
        return &ubpf_map_array_ops;
    case UBPF_MAP_TYPE_RING:
        return &ubpf_ring_ops;
    case UBPF_MAP_TYPE_TERNARY:
        return &ubpf_ternary_ops;
    case UBPF_MAP_TYPE_METER:
        return &ubpf_meter_ops;
    default:
        return NULL;
    }
}

uint32_t
ubpf_map_entry_key_size(const struct ubpf_map_def *def)
{
    switch (def->type) {
    case UBPF_MAP_TYPE_TERNARY:
        return (uint32_t) sizeof(struct ubpf_ternary_key) + 2 * def->key_size;
    default:
        return def->key_size;
    }
}

uint32_t
ubpf_map_entry_value_size(const struct ubpf_map_def *def)
{
    return def->type == UBPF_MAP_TYPE_RING ? 8 + def->value_size
                                           : def->value_size;
}

bool
ubpf_map_is_filled(const struct ubpf_map_def *def)
{
    return def->type == UBPF_MAP_TYPE_ARRAY || def->type == UBPF_MAP_TYPE_METER
           || def->type == UBPF_MAP_TYPE_ARRAY_OF_MAPS;
}

int
ubpf_map_init(struct ubpf_map *map, const struct map_ops *ops,
              const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    map->ops = ops;
    map->host = *host;
    map->def = *def;
    map->name = NULL;
    atomic_init(&map->refcount, 1);
    return pthread_mutex_init(&map->lock, NULL);
}

void
ubpf_map_uninit(struct ubpf_map *map)
{
    pthread_mutex_destroy(&map->lock);
    ubpf_host_free(&map->host, map->name);
}

struct ubpf_map *
ubpf_map_create(const struct ubpf_host *host, const char *name,
                const struct ubpf_map_def *def)
{
    struct ubpf_map *map = ubpf_map_ops(def->type)->create(host, def);

    if (!map) {
        return NULL;
    }
    map->name = ubpf_host_zalloc(host, strlen(name) + 1, 1);
    if (!map->name) {
        ubpf_map_unref(map);
        return NULL;
    }
    strcpy(map->name, name);
    return map;
}

struct ubpf_map *
ubpf_map_ref(struct ubpf_map *map)
{
    atomic_fetch_add_explicit(&map->refcount, 1, memory_order_relaxed);
    return map;
}

void
ubpf_map_unref(struct ubpf_map *map)
{
    if (map
        && atomic_fetch_sub_explicit(&map->refcount, 1, memory_order_acq_rel)
               == 1) {
        map->ops->destroy(map);
    }
}

void
ubpf_value_read(void *dst_, const void *shared_, size_t size)
{
    const uint8_t *shared = __builtin_assume_aligned(shared_, 8);
    uint8_t *dst = dst_;
    size_t i;

    for (i = 0; i + 8 <= size; i += 8) {
        uint64_t word =
            __atomic_load_n((const uint64_t *) (shared + i), __ATOMIC_RELAXED);

        memcpy(dst + i, &word, sizeof word);
    }
    for (; i < size; i++) {
        dst[i] = __atomic_load_n(shared + i, __ATOMIC_RELAXED);
    }
}

void
ubpf_value_write(void *shared, const void *src, size_t size)
{
    value_write_inline(shared, src, size);
}

/* The aging of 'value'. */
static struct ubpf_aging *
aging_of(const struct ubpf_map *map, const void *value)
{
    return (struct ubpf_aging *) ((uintptr_t) value + map->def.value_size
                                  - sizeof(struct ubpf_aging));
}

int
map_value_check(const struct ubpf_map *map, const void *old, const void *value,
                uint64_t flags)
{
    uint64_t mode = update_mode(flags);
    const uint8_t *a = old, *b = value;

    if (!old) {
        return mode == UBPF_EXIST ? ENOENT : 0;
    }
    if (mode == UBPF_NOEXIST) {
        return EEXIST;
    }
    for (uint32_t i = 0; flags & UPDATE_STATE_ONLY
                         && i < map->def.value_size - map->def.state_size;
         i++) {
        if (__atomic_load_n(&a[i], __ATOMIC_RELAXED) != b[i]) {
            return EPERM;
        }
    }
    return 0;
}

/* In memory 'idle_ns' is the time when the entry was last used. */
void
map_value_init(const struct ubpf_map *map, void *dst_, const void *value,
               const void *old, uint64_t flags)
{
    uint32_t plain = map->def.value_size - map->def.state_size;
    uint8_t *dst = dst_;

    memcpy(dst, value, plain);
    if (flags & UBPF_STATE) {
        memcpy(dst + plain, (const uint8_t *) value + plain,
               map->def.state_size);
    } else if (old && map->def.state_size) {
        ubpf_value_read(dst + plain, (const uint8_t *) old + plain,
                        map->def.state_size);
    } else {
        memset(dst + plain, 0, map->def.state_size);
    }
    if (map->def.flags & UBPF_MAP_F_AGING) {
        struct ubpf_aging *aging = aging_of(map, dst);

        if (!(flags & UPDATE_BY_PROG)) {
            memcpy(&aging->timeout_ns,
                   (const uint8_t *) value + map->def.value_size
                       - sizeof *aging,
                   sizeof aging->timeout_ns);
        }
        aging->idle_ns = map->host.now_ns();
    }
}

static uint64_t
idle_ns(const struct ubpf_aging *aging, uint64_t now)
{
    uint64_t used = __atomic_load_n(&aging->idle_ns, __ATOMIC_RELAXED);

    return now > used ? now - used : 0;
}

void
map_value_get(const struct ubpf_map *map, void *dst, const void *shared)
{
    ubpf_value_read(dst, shared, map->def.value_size);
    if (map->def.flags & UBPF_MAP_F_AGING) {
        uint64_t idle = idle_ns(aging_of(map, shared), map->host.now_ns());

        memcpy((uint8_t *) dst + map->def.value_size - sizeof idle, &idle,
               sizeof idle);
    }
}

void
map_value_touch(const struct ubpf_map *map, void *shared)
{
    if (map->def.flags & UBPF_MAP_F_AGING) {
        __atomic_store_n(&aging_of(map, shared)->idle_ns, map->host.now_ns(),
                         __ATOMIC_RELAXED);
    }
}

bool
map_value_is_idle(const struct ubpf_map *map, const void *shared, uint64_t now)
{
    const struct ubpf_aging *aging = aging_of(map, shared);
    uint64_t timeout = __atomic_load_n(&aging->timeout_ns, __ATOMIC_RELAXED);

    return timeout && idle_ns(aging, now) > timeout;
}

void
ubpf_map_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    info->name = map->name;
    info->def = map->def;
    info->entry_key_size = ubpf_map_entry_key_size(&map->def);
    info->entry_value_size = ubpf_map_entry_value_size(&map->def);
    info->n_dropped = 0;
    map->ops->get_info(map, info);
}

int
ubpf_map_lookup(const struct ubpf_map *map, const void *key, void *value)
{
    const void *found;

    if (map->ops->read) {
        return map->ops->read(map, key, value);
    }
    found = map->ops->lookup(map, key);
    if (!found) {
        return ENOENT;
    }
    map_value_get(map, value, found);
    return 0;
}

int
ubpf_map_update(struct ubpf_map *map, const void *key, const void *value,
                uint64_t flags)
{
    int err;

    if (map->def.flags & UBPF_MAP_F_RDONLY_USER) {
        if (!map->def.state_size || flags != (UBPF_EXIST | UBPF_STATE)) {
            return EPERM;
        }
        flags |= UPDATE_STATE_ONLY;
    } else if (flags > (UBPF_EXIST | UBPF_STATE)
               || update_mode(flags) == (UBPF_NOEXIST | UBPF_EXIST)) {
        return EINVAL;
    }
    memory_forget_refusal();
    err = map->ops->update(map, key, value, flags);
    return err == ENOMEM && memory_was_refused() ? EDQUOT : err;
}

int
ubpf_map_delete(struct ubpf_map *map, const void *key)
{
    if (map->def.flags & UBPF_MAP_F_RDONLY_USER) {
        return EPERM;
    }
    return map->ops->remove(map, key, 0);
}

/* How far ahead of the entry at hand a batch asks for the memory of others. */
#define BATCH_AHEAD 8

/* What a batch does with an entry. */
typedef int batch_fn(struct ubpf_map *map, const uint8_t *entry,
                     uint64_t flags);

static int
update_entry(struct ubpf_map *map, const uint8_t *entry, uint64_t flags)
{
    return ubpf_map_update(map, entry,
                           entry + ubpf_map_entry_key_size(&map->def), flags);
}

static int
delete_entry(struct ubpf_map *map, const uint8_t *key, uint64_t flags)
{
    (void) flags;
    return ubpf_map_delete(map, key);
}

/* Calls 'fn' for each of 'n' entries of 'size' bytes, until it fails.  The
 * lock is not held in between: programs that want it run in the threads that
 * forward packets. */
static int
run_batch(struct ubpf_map *map, batch_fn *fn, const uint8_t *entries,
          size_t size, size_t n, uint64_t flags, size_t *n_done)
{
    size_t ahead = 0, i;
    int err = 0;

    for (i = 0; i < n; i++) {
        for (; map->ops->prefetch && ahead < n && ahead <= i + BATCH_AHEAD;
             ahead++) {
            map->ops->prefetch(map, entries + ahead * size);
        }
        err = fn(map, entries + i * size, flags);
        if (err) {
            break;
        }
    }
    *n_done = i;
    return err;
}

int
ubpf_map_update_batch(struct ubpf_map *map, const void *entries, size_t n,
                      uint64_t flags, size_t *n_done)
{
    return run_batch(map, update_entry, entries,
                     (size_t) ubpf_map_entry_key_size(&map->def)
                         + ubpf_map_entry_value_size(&map->def),
                     n, flags, n_done);
}

int
ubpf_map_delete_batch(struct ubpf_map *map, const void *keys, size_t n,
                      size_t *n_done)
{
    return run_batch(map, delete_entry, keys,
                     ubpf_map_entry_key_size(&map->def), n, 0, n_done);
}

int
ubpf_map_put_initial(struct ubpf_map *map, const void *key, const void *value)
{
    uint64_t flags =
        UBPF_STATE | (ubpf_map_is_filled(&map->def) ? UBPF_ANY : UBPF_NOEXIST);
    int err = 0;

    if (key) {
        return map->ops->update(map, key, value, flags);
    }
    for (uint32_t i = 0; !err && i < map->def.max_entries; i++) {
        err = map->ops->update(map, &i, value, flags);
    }
    return err;
}

size_t
ubpf_map_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
              size_t max)
{
    return map->ops->dump(map, cursor, entries, max);
}

/* Entries are looked at in pieces of a dump, so that the lock is never held
 * for long; whether one is still idle is checked again under the lock. */
uint32_t
ubpf_map_expire(struct ubpf_map *map)
{
    uint32_t wanted = UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE;
    size_t key_size = ubpf_map_entry_key_size(&map->def);
    size_t size = key_size + map->def.value_size;
    size_t n, max = size < 4096 ? 16384 / size : 1;
    uint64_t cursor = 0, now;
    uint32_t n_expired = 0;
    uint8_t *entries;

    if ((map->def.flags & wanted) != wanted) {
        return 0;
    }
    entries = map->host.alloc(max * size);
    if (!entries) {
        return 0;
    }
    now = map->host.now_ns();
    while ((n = map->ops->dump(map, &cursor, entries, max)) > 0) {
        for (size_t i = 0; i < n; i++) {
            const uint8_t *key = entries + i * size;
            struct ubpf_aging aging;

            memcpy(&aging, key + size - sizeof aging, sizeof aging);
            if (aging.timeout_ns && aging.idle_ns > aging.timeout_ns
                && !map->ops->remove(map, key, now)) {
                n_expired++;
            }
        }
    }
    map->host.free(entries);
    return n_expired;
}
