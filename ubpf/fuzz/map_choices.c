/* SPDX-License-Identifier: Apache-2.0 */

#include "map_choices.h"

#include <string.h>

#include "maps/map.h"

uint8_t
next_byte(struct input *in)
{
    return in->p < in->end ? *in->p++ : 0;
}

static const struct kind {
    uint32_t type;
    uint8_t key_sizes[4];
    uint8_t value_size; /* 0: any. */
    bool has_words, has_state;
    uint32_t flags;
} kinds[] = {
    {UBPF_MAP_TYPE_HASH,
     {1, 4, 7, 16},
     0,
     false,
     true,
     UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE | UBPF_MAP_F_GROW},
    {UBPF_MAP_TYPE_ARRAY, {4, 4, 4, 4}, 0, false, true, 0},
    {UBPF_MAP_TYPE_THREAD_HASH, {1, 4, 7, 16}, 0, true, false, 0},
    {UBPF_MAP_TYPE_THREAD_ARRAY, {4, 4, 4, 4}, 0, true, false, 0},
    {UBPF_MAP_TYPE_LRU_HASH,
     {1, 4, 7, 16},
     0,
     false,
     true,
     UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE},
    {UBPF_MAP_TYPE_LPM,
     {8, 5, 10, 20},
     0,
     false,
     true,
     UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE},
    {UBPF_MAP_TYPE_ARRAY_OF_MAPS, {4, 4, 4, 4}, 4, false, false, 0},
    {UBPF_MAP_TYPE_RING, {8, 8, 8, 8}, 0, false, false, 0},
    {UBPF_MAP_TYPE_TERNARY,
     {1, 4, 24, 40},
     0,
     false,
     true,
     UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE},
    {UBPF_MAP_TYPE_METER,
     {4, 4, 4, 4},
     sizeof(struct ubpf_meter),
     false,
     false,
     0},
};

struct ubpf_map_def
choose_def(struct input *in)
{
    const struct kind *kind =
        &kinds[next_byte(in) % (sizeof kinds / sizeof kinds[0])];
    uint8_t choice = next_byte(in), size = next_byte(in);
    struct ubpf_map_def def = {
        .type = kind->type,
        .key_size = kind->key_sizes[choice % 4],
        .value_size = kind->value_size  ? kind->value_size
                      : kind->has_words ? 8 + size % 3 * 8
                                        : 1 + size % 40,
        .max_entries = 1 + next_byte(in) % 40,
        .flags = choice >> 2 & kind->flags,
    };

    if (def.flags & UBPF_MAP_F_EXPIRE) {
        def.flags |= UBPF_MAP_F_AGING;
    }
    if (kind->has_state && (choice & 0x80 || def.flags & UBPF_MAP_F_AGING)) {
        def.state_size =
            (choice >> 6 & 1) * 8
            + (def.flags & UBPF_MAP_F_AGING ? sizeof(struct ubpf_aging) : 0);
        def.value_size =
            (uint32_t) ubpf_round8(def.value_size) + def.state_size;
    }
    if (def.type == UBPF_MAP_TYPE_TERNARY) {
        def.extra = size % (def.key_size / 8 + 1);
    } else if (def.type == UBPF_MAP_TYPE_RING) {
        def.max_entries = 1u << def.max_entries % 5;
    }
    return def;
}

void
choose_key(const struct model *m, struct input *in, uint8_t *key)
{
    uint8_t seed = next_byte(in), more = next_byte(in);
    uint32_t number = seed;

    for (uint32_t i = 0; i < m->key_size; i++) {
        key[i] = (uint8_t) (more >> i % 8 & 1 ? seed * (i + 1) : seed & 3);
    }
    switch (m->def.type) {
    case UBPF_MAP_TYPE_HASH:
    case UBPF_MAP_TYPE_LRU_HASH:
    case UBPF_MAP_TYPE_THREAD_HASH:
        break;
    case UBPF_MAP_TYPE_LPM:
        number = more % ((m->def.key_size - 4) * 8 + 2);
        memcpy(key, &number, sizeof number);
        break;
    case UBPF_MAP_TYPE_TERNARY:
        number = more & 7;
        memcpy(key, &number, sizeof number);
        memset(key + 4, seed == 255, 4);
        memset(key + 8 + m->def.key_size, more & 8 ? 0xff : more,
               m->def.key_size);
        break;
    case UBPF_MAP_TYPE_RING:
        number = (uint32_t) m->n_records - seed % 8;
        memset(key, 0, m->key_size);
        memcpy(key, &number, sizeof number);
        break;
    default:
        number = seed % (m->def.max_entries + 1);
        memcpy(key, &number, sizeof number);
    }
}

void
choose_prog_key(const struct model *m, struct input *in, uint8_t *key)
{
    choose_key(m, in, key);
    if (m->def.type == UBPF_MAP_TYPE_TERNARY) {
        memmove(key, key + 8, m->def.key_size);
    } else if (m->def.type == UBPF_MAP_TYPE_LPM && next_byte(in) & 1) {
        uint32_t bits = (m->def.key_size - 4) * 8;

        memcpy(key, &bits, sizeof bits);
    }
}

void
choose_value(const struct model *m, struct input *in, uint8_t *value)
{
    const struct ubpf_map_def *def = &m->def;
    uint8_t seed = next_byte(in);

    for (uint32_t i = 0; i < def->value_size; i++) {
        value[i] = (uint8_t) (seed + i);
    }
    if (def->type == UBPF_MAP_TYPE_METER) {
        struct ubpf_meter meter = {.cir = seed * 1000u,
                                   .cbs = next_byte(in) * 100u};

        meter.pir = meter.cir + next_byte(in) * 1000u - (seed == 255);
        meter.pbs = next_byte(in) == 255 ? UINT64_MAX : meter.cbs * 2;
        memcpy(value, &meter, sizeof meter);
    } else if (def->type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
        uint32_t number = seed % (6) == 0 ? UBPF_NO_MAP : seed % 6 - 1u;

        memcpy(value, &number, sizeof number);
    } else if (def->flags & UBPF_MAP_F_AGING) {
        uint64_t timeout = seed % 4 * 1000;

        memcpy(value + def->value_size - sizeof(struct ubpf_aging), &timeout,
               sizeof timeout);
    }
}
