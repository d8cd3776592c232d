/* SPDX-License-Identifier: Apache-2.0 */

#include "maps/direct.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "maps/memory.h"

static uint64_t
slots_size(void)
{
    return DIRECT_SIZE * sizeof(atomic_uintptr_t);
}

uint64_t
direct_footprint(uint64_t n, uint32_t value_size)
{
    return slots_size() + n * (sizeof(struct direct_group) + 64 + value_size);
}

uint64_t
direct_bytes(const struct direct *direct)
{
    return slots_size() + direct->n * direct->value_size
           + atomic_load_explicit(&direct->n_groups, memory_order_relaxed)
                 * sizeof(struct direct_group);
}

int
direct_init(struct direct *direct, const struct ubpf_host *host,
            struct pool *pool, uint64_t n, uint32_t value_size)
{
    direct->host = *host;
    direct->pool = pool;
    direct->n = n;
    direct->value_size = value_size;
    atomic_init(&direct->any, 0);
    atomic_init(&direct->n_groups, 0);
    direct->values = map_alloc(host, n * value_size);
    direct->slots = map_zalloc(host, slots_size());
    return direct->slots && direct->values ? 0 : ENOMEM;
}

void *
direct_value(const struct direct *direct, const struct table_element *element)
{
    uint32_t index = pool_index(element);

    return index == UINT32_MAX
               ? (uint8_t *) (uintptr_t) element + DIRECT_ELEMENT_SIZE
               : direct->values + (uint64_t) index * direct->value_size;
}

/* What a slot for 'element', which may be NULL, holds. */
static uintptr_t
slot_for(const struct direct *direct, const struct table_element *element)
{
    return element ? (uintptr_t) direct_value(direct, element) : 0;
}

/* The element whose value is at 'value'. */
static const struct table_element *
element_of(const struct direct *direct, uintptr_t value)
{
    uintptr_t ofs = value - (uintptr_t) direct->values;

    return ofs < direct->n * direct->value_size
               ? pool_element(direct->pool,
                              (uint32_t) (ofs / direct->value_size))
               : (const struct table_element *) (value - DIRECT_ELEMENT_SIZE);
}

static uintptr_t
get(const atomic_uintptr_t *slot)
{
    return atomic_load_explicit(slot, memory_order_relaxed);
}

static void
set(atomic_uintptr_t *slot, uintptr_t value)
{
    atomic_store_explicit(slot, value, memory_order_release);
}

/* The group that 'slot' leads to, or NULL. */
static struct direct_group *
group_of(uintptr_t slot)
{
    return slot & 1 ? (struct direct_group *) (slot - 1) : NULL;
}

void
direct_uninit(struct direct *direct)
{
    uint64_t n_groups = atomic_load(&direct->n_groups);

    for (uint64_t i = 0; n_groups && i < DIRECT_SIZE; i++) {
        struct direct_group *group = group_of(get(&direct->slots[i]));

        if (group) {
            map_rcu_free(group);
            n_groups--;
        }
    }
    map_free(&direct->host, direct->slots, slots_size());
    map_free(&direct->host, direct->values, direct->n * direct->value_size);
}

/* Puts 'value' into 'n' slots from 'slots' on, unless they have that of a
 * longer prefix than 'prefix_len'. */
static void
fill(const struct direct *direct, atomic_uintptr_t *slots, uint32_t n,
     uint32_t prefix_len, uintptr_t value)
{
    uintptr_t last = 0; /* Runs of slots are the same. */
    bool gives_way = true;

    for (uint32_t i = 0; i < n; i++) {
        uintptr_t slot = get(&slots[i]);
        struct direct_group *group = group_of(slot);

        if (group) {
            fill(direct, group->slots, 256, prefix_len, value);
            continue;
        }
        if (slot != last) {
            last = slot;
            gives_way =
                !slot
                || key_load32(element_of(direct, slot)->key) <= prefix_len;
        }
        if (gives_way) {
            set(&slots[i], value);
        }
    }
}

/* Puts 'next' where 'old' is, in 'n' slots from 'slots' on. */
static void
exchange(atomic_uintptr_t *slots, uint32_t n, uintptr_t old, uintptr_t next)
{
    for (uint32_t i = 0; i < n; i++) {
        uintptr_t slot = get(&slots[i]);
        struct direct_group *group = group_of(slot);

        if (group) {
            exchange(group->slots, 256, old, next);
        } else if (slot == old) {
            set(&slots[i], next);
        }
    }
}

/* The group at 'slot', made if there is none; NULL for want of memory. */
static struct direct_group *
make_group(struct direct *direct, atomic_uintptr_t *slot)
{
    struct direct_group *group = group_of(get(slot));

    if (group) {
        return group;
    }
    group = map_rcu_alloc(&direct->host, sizeof *group);
    if (!group) {
        return NULL;
    }
    for (int i = 0; i < 256; i++) {
        atomic_init(&group->slots[i], get(slot));
    }
    group->n_prefixes = 0;
    atomic_store_explicit(slot, (uintptr_t) group | 1, memory_order_release);
    atomic_fetch_add_explicit(&direct->n_groups, 1, memory_order_relaxed);
    return group;
}

/* The slots for the prefix of the address 'data', 1 to 24 bits of which count,
 * or with more bits those of the group there. */
static atomic_uintptr_t *
slots_of(const struct direct *direct, const uint8_t *data, uint32_t prefix_len,
         uint32_t *n)
{
    uint32_t address = __builtin_bswap32(key_load32(data));
    uint32_t first = address & (UINT32_MAX << (32 - prefix_len));
    struct direct_group *group;

    if (prefix_len <= 24) {
        *n = 1u << (24 - prefix_len);
        return &direct->slots[first >> 8];
    }
    group = group_of(get(&direct->slots[first >> 8]));
    *n = 1u << (32 - prefix_len);
    return &group->slots[first & 0xff];
}

int
direct_add(struct direct *direct, const uint8_t *data, uint32_t prefix_len,
           struct table_element *element)
{
    atomic_uintptr_t *slots;
    uint32_t n;

    if (!prefix_len) {
        set(&direct->any, slot_for(direct, element));
        return 0;
    }
    if (prefix_len > 24) {
        slots = slots_of(direct, data, 24, &n);
        if (!make_group(direct, slots)) {
            return ENOMEM;
        }
        group_of(get(slots))->n_prefixes++;
    }
    slots = slots_of(direct, data, prefix_len, &n);
    fill(direct, slots, n, prefix_len, slot_for(direct, element));
    return 0;
}

void
direct_exchange(struct direct *direct, const uint8_t *data,
                uint32_t prefix_len, const struct table_element *old,
                struct table_element *next)
{
    atomic_uintptr_t *slots;
    uint32_t n;

    if (!prefix_len) {
        set(&direct->any, slot_for(direct, next));
        return;
    }
    slots = slots_of(direct, data, prefix_len, &n);
    exchange(slots, n, slot_for(direct, old), slot_for(direct, next));
}

void
direct_remove(struct direct *direct, const uint8_t *data, uint32_t prefix_len,
              const struct table_element *old, struct table_element *next)
{
    /* The prefix of 0 bits has no slots. */
    if (next && !key_load32(next->key)) {
        next = NULL;
    }
    direct_exchange(direct, data, prefix_len, old, next);
    if (prefix_len > 24) {
        uint32_t n;
        atomic_uintptr_t *slot = slots_of(direct, data, 24, &n);
        struct direct_group *group = group_of(get(slot));

        /* Without longer prefixes all slots of the group are the same. */
        if (!--group->n_prefixes) {
            atomic_store_explicit(slot, get(&group->slots[0]),
                                  memory_order_release);
            atomic_fetch_sub_explicit(&direct->n_groups, 1,
                                      memory_order_relaxed);
            map_rcu_free_postponed(group);
        }
    }
}
