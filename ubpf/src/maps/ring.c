/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/ring.h"

#include "maps/memory.h"

static struct ring_map *
ring_cast(const struct ubpf_map *map)
{
    return (struct ring_map *) map;
}

static uint64_t
stride(const struct ubpf_map_def *def)
{
    return sizeof(struct ring_slot) + ubpf_round8(def->value_size);
}

static uint64_t
ring_footprint(const struct ubpf_map_def *def)
{
    return sizeof(struct ring_map) + def->max_entries * stride(def);
}

static struct ubpf_map *
ring_create(const struct ubpf_host *host, const struct ubpf_map_def *def)
{
    struct ring_map *ring = map_zalloc(host, sizeof *ring);

    if (!ring) {
        return NULL;
    }
    ring->stride = stride(def);
    ring->slots = map_zalloc(host, def->max_entries * ring->stride);
    if (!ring->slots || ubpf_map_init(&ring->up, &ubpf_ring_ops, host, def)) {
        map_free(host, ring->slots, def->max_entries * ring->stride);
        map_free(host, ring, sizeof *ring);
        return NULL;
    }
    return &ring->up;
}

static void
ring_destroy(struct ubpf_map *map)
{
    struct ring_map *ring = ring_cast(map);
    struct ubpf_host host = map->host;

    map_free(&host, ring->slots, map->def.max_entries * ring->stride);
    ubpf_map_uninit(map);
    map_free(&host, ring, sizeof *ring);
}

static struct ring_slot *
slot_of(const struct ring_map *ring, uint64_t number)
{
    return ring_slot(ring, number, ring->up.def.max_entries);
}

void
ubpf_ring_lose(struct ring_map *ring, struct ring_slot *slot, uint64_t number)
{
    uint64_t lost = atomic_load_explicit(&slot->lost, memory_order_relaxed);

    while (lost < number
           && !atomic_compare_exchange_weak_explicit(
               &slot->lost, &lost, number, memory_order_release,
               memory_order_relaxed)) {
        continue;
    }
    atomic_fetch_add_explicit(&ring->n_dropped, 1, memory_order_relaxed);
}

int
ubpf_ring_output(struct ubpf_map *map, const void *data, uint64_t size)
{
    return size > map->def.value_size
               ? E2BIG
               : ring_output_inline(map, data, size, map->def.max_entries,
                                    ubpf_ring_lose);
}

/* Copies record 'number', in the control plane's form, to 'value'.  Returns 0,
 * or ENOENT if it is lost or overwritten, or EAGAIN if it is not there yet. */
static int
read_record(const struct ring_map *ring, uint64_t number, void *value_)
{
    struct ring_slot *slot = slot_of(ring, number);
    uint8_t *value = value_;
    uint64_t state, size;
    uint32_t size32;

    /* The slot's state first: it may be written between the two loads, but a
     * record that is lost stays so. */
    state = atomic_load_explicit(&slot->state, memory_order_acquire);
    if (state != 2 * number) {
        if (state / 2 > number
            || atomic_load_explicit(&slot->lost, memory_order_acquire)
                   >= number) {
            return ENOENT;
        }
        return EAGAIN;
    }
    size = __atomic_load_n(&slot->size, __ATOMIC_RELAXED);
    if (size > ring->up.def.value_size) {
        return ENOENT;
    }
    ubpf_value_read(value + sizeof size32, slot->data, size);
    atomic_thread_fence(memory_order_acquire);
    if (atomic_load_explicit(&slot->state, memory_order_relaxed) != state) {
        return ENOENT;
    }
    size32 = (uint32_t) size;
    memcpy(value, &size32, sizeof size32);
    memset(value + sizeof size32 + size, 0,
           8 - sizeof size32 + ring->up.def.value_size - size);
    return 0;
}

static int
ring_read(const struct ubpf_map *map, const void *key, void *value)
{
    const struct ring_map *ring = ring_cast(map);
    uint64_t number;

    memcpy(&number, key, sizeof number);
    if (!number
        || number > atomic_load_explicit(&ring->last, memory_order_acquire)
        || read_record(ring, number, value)) {
        return ENOENT;
    }
    return 0;
}

static int
ring_update(struct ubpf_map *map, const void *key, const void *value,
            uint64_t flags)
{
    (void) map, (void) key, (void) value, (void) flags;
    return EINVAL;
}

static int
ring_remove(struct ubpf_map *map, const void *key, uint64_t now)
{
    (void) map, (void) key, (void) now;
    return EINVAL;
}

/* The cursor is the number of the last record seen.  A record that is still
 * being written ends the dump, for it would be missed by the next. */
static size_t
ring_dump(const struct ubpf_map *map, uint64_t *cursor, void *entries,
          size_t max)
{
    const struct ring_map *ring = ring_cast(map);
    uint64_t last = atomic_load_explicit(&ring->last, memory_order_acquire);
    uint64_t number = *cursor;
    uint8_t *p = entries;
    size_t n = 0;

    if (number > last) {
        number = last;
    }
    if (last - number > map->def.max_entries) {
        number = last - map->def.max_entries;
    }
    while (n < max && number < last) {
        uint64_t next = number + 1;
        int err = read_record(ring, next, p + sizeof next);

        if (err == EAGAIN) {
            break;
        }
        number = next;
        if (!err) {
            memcpy(p, &next, sizeof next);
            p += sizeof next + 8 + map->def.value_size;
            n++;
        }
    }
    *cursor = number;
    return n;
}

static void
ring_get_info(const struct ubpf_map *map, struct ubpf_map_info *info)
{
    const struct ring_map *ring = ring_cast(map);
    uint64_t last = atomic_load_explicit(&ring->last, memory_order_relaxed);

    info->n_entries =
        last < map->def.max_entries ? last : map->def.max_entries;
    info->n_dropped =
        atomic_load_explicit(&ring->n_dropped, memory_order_relaxed);
    info->bytes = ring_footprint(&map->def);
}

const struct map_ops ubpf_ring_ops = {
    .footprint = ring_footprint,
    .create = ring_create,
    .destroy = ring_destroy,
    .read = ring_read,
    .update = ring_update,
    .remove = ring_remove,
    .dump = ring_dump,
    .get_info = ring_get_info,
};
