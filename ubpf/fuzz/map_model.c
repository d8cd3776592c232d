/* SPDX-License-Identifier: Apache-2.0 */

#include "map_model.h"

#include <errno.h>
#include <string.h>

static bool
has_elements(const struct model *model)
{
    return model->def.type == UBPF_MAP_TYPE_ARRAY
           || model->def.type == UBPF_MAP_TYPE_THREAD_ARRAY
           || model->def.type == UBPF_MAP_TYPE_METER
           || model->def.type == UBPF_MAP_TYPE_ARRAY_OF_MAPS;
}

void
model_init(struct model *model, const struct ubpf_map_def *def)
{
    memset(model, 0, sizeof *model);
    model->def = *def;
    model->key_size = def->key_size;
    model->value_size = def->value_size;
    if (def->type == UBPF_MAP_TYPE_TERNARY) {
        model->key_size = 8 + 2 * def->key_size;
    }
    for (uint32_t i = 0; has_elements(model) && i < def->max_entries; i++) {
        memcpy(model->entries[i].key, &i, sizeof i);
        if (def->type == UBPF_MAP_TYPE_ARRAY_OF_MAPS) {
            memset(model->entries[i].value, 0xff, sizeof i);
        }
        model->n++;
    }
}

static uint32_t
get32(const uint8_t *p)
{
    uint32_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static uint64_t
get64(const uint8_t *p)
{
    uint64_t x;

    memcpy(&x, p, sizeof x);
    return x;
}

static bool
get_bit(const uint8_t *data, uint32_t i)
{
    return data[i / 8] >> (7 - i % 8) & 1;
}

/* Bytes of a ternary key that are matched under a mask. */
static uint32_t
masked_size(const struct model *model)
{
    return model->def.key_size - model->def.extra * 8;
}

int
model_normalize(const struct model *model, uint8_t *key)
{
    const struct ubpf_map_def *def = &model->def;
    uint8_t *data = key + 8, *mask = data + def->key_size;

    if (def->type == UBPF_MAP_TYPE_LPM) {
        uint32_t bits = (def->key_size - 4) * 8;

        if (get32(key) > bits) {
            return EINVAL;
        }
        for (uint32_t i = get32(key); i < bits; i++) {
            key[4 + i / 8] &= (uint8_t) ~(0x80 >> i % 8);
        }
    } else if (def->type == UBPF_MAP_TYPE_TERNARY) {
        if (get32(key + 4)) {
            return EINVAL;
        }
        for (uint32_t i = 0; i < masked_size(model); i++) {
            data[i] &= mask[i];
        }
        for (uint32_t i = masked_size(model); i < def->key_size; i += 8) {
            if (get64(data + i) > get64(mask + i)) {
                return EINVAL;
            }
        }
    } else if (has_elements(model) && get32(key) >= def->max_entries) {
        return ENOENT;
    }
    return 0;
}

struct model_entry *
model_find(struct model *model, const uint8_t *key)
{
    for (uint32_t i = 0; i < model->n; i++) {
        if (!memcmp(model->entries[i].key, key, model->key_size)) {
            return &model->entries[i];
        }
    }
    return NULL;
}

/* Whether the prefix 'entry' is one of that in 'key'. */
static bool
prefix_matches(const uint8_t *entry, const uint8_t *key)
{
    if (get32(entry) > get32(key)) {
        return false;
    }
    for (uint32_t i = 0; i < get32(entry); i++) {
        if (get_bit(entry + 4, i) != get_bit(key + 4, i)) {
            return false;
        }
    }
    return true;
}

static bool
ternary_matches(const struct model *model, const uint8_t *entry,
                const uint8_t *key)
{
    const uint8_t *data = entry + 8, *mask = data + model->def.key_size;

    for (uint32_t i = 0; i < masked_size(model); i++) {
        if ((key[i] & mask[i]) != data[i]) {
            return false;
        }
    }
    for (uint32_t i = masked_size(model); i < model->def.key_size; i += 8) {
        if (get64(key + i) < get64(data + i)
            || get64(key + i) > get64(mask + i)) {
            return false;
        }
    }
    return true;
}

struct model_entry *
model_lookup(struct model *model, const uint8_t *key)
{
    uint32_t type = model->def.type, bits = (model->def.key_size - 4) * 8;
    struct model_entry *best = NULL;

    if (type != UBPF_MAP_TYPE_LPM && type != UBPF_MAP_TYPE_TERNARY) {
        return model_find(model, key);
    }
    for (uint32_t i = 0; i < model->n; i++) {
        struct model_entry *entry = &model->entries[i];
        bool matches =
            type == UBPF_MAP_TYPE_LPM
                ? get32(key) <= bits && prefix_matches(entry->key, key)
                : ternary_matches(model, entry->key, key);

        /* Prefix lengths, or priorities; the older one stays. */
        if (matches && (!best || get32(entry->key) > get32(best->key))) {
            best = entry;
        }
    }
    return best;
}

static struct ubpf_aging *
aging_of(const struct model *model, uint8_t *value)
{
    return (struct ubpf_aging *) (void *) (value + model->def.value_size
                                           - sizeof(struct ubpf_aging));
}

int
model_update(struct model *model, const uint8_t *key, const uint8_t *value,
             uint64_t flags, bool by_prog, uint64_t now)
{
    uint32_t state = model->def.state_size;
    uint32_t plain = model->def.value_size - state;
    struct model_entry *entry = model_find(model, key);

    if ((flags & 3) == 3 || flags > (by_prog ? 2 : 7)) {
        return EINVAL;
    }
    if (entry ? flags & UBPF_NOEXIST : flags & UBPF_EXIST) {
        return entry ? EEXIST : ENOENT;
    }
    if (!entry) {
        if (model->n >= model->def.max_entries
            && model->def.type != UBPF_MAP_TYPE_LRU_HASH) {
            return ENOSPC;
        }
        entry = &model->entries[model->n++];
        memset(entry, 0, sizeof *entry);
        memcpy(entry->key, key, model->key_size);
    }
    memcpy(entry->value, value, plain);
    if (flags & UBPF_STATE) {
        memcpy(entry->value + plain, value + plain, state);
    }
    if (model->def.flags & UBPF_MAP_F_AGING) {
        if (!by_prog) {
            memcpy(&aging_of(model, entry->value)->timeout_ns,
                   value + model->def.value_size - sizeof(struct ubpf_aging),
                   sizeof(uint64_t));
        }
        entry->used = now;
    }
    return 0;
}

void
model_drop(struct model *model, struct model_entry *entry)
{
    uint32_t i = (uint32_t) (entry - model->entries);

    model->n--;
    memmove(entry, entry + 1, (model->n - i) * sizeof *entry);
}

int
model_delete(struct model *model, const uint8_t *key)
{
    struct model_entry *entry = model_find(model, key);

    if (has_elements(model)) {
        return EINVAL;
    }
    if (!entry) {
        return ENOENT;
    }
    model_drop(model, entry);
    return 0;
}

void
model_read(const struct model *model, const struct model_entry *entry,
           uint64_t now, uint8_t *value)
{
    memcpy(value, entry->value, model->value_size);
    if (model->def.flags & UBPF_MAP_F_AGING) {
        uint64_t idle = now - entry->used;

        memcpy(value + model->value_size - sizeof idle, &idle, sizeof idle);
    }
}

bool
model_is_idle(const struct model *model, const struct model_entry *entry,
              uint64_t now)
{
    uint64_t timeout = get64(entry->value + model->def.value_size
                             - sizeof(struct ubpf_aging));

    return timeout && now - entry->used > timeout;
}

/* What a bucket holds that had 'tokens' billionths 'elapsed' ns ago. */
static unsigned __int128
refill(unsigned __int128 tokens, uint64_t rate, uint64_t burst,
       uint64_t elapsed)
{
    unsigned __int128 full = (unsigned __int128) burst * 1000000000u;

    full = full > UINT64_MAX ? UINT64_MAX : full;
    tokens += (unsigned __int128) rate * elapsed;
    return tokens < full ? tokens : full;
}

void
model_fill_meter(struct ubpf_meter *meter, uint64_t now)
{
    meter->tokens[0] = (uint64_t) refill(UINT64_MAX, 0, meter->cbs, 0);
    meter->tokens[1] = (uint64_t) refill(UINT64_MAX, 0, meter->pbs, 0);
    meter->last_ns = now;
    meter->lock = 0;
}

uint64_t
model_meter(struct ubpf_meter *meter, uint64_t units, uint64_t colour,
            uint64_t now)
{
    unsigned __int128 need = (unsigned __int128) units * 1000000000u;
    unsigned __int128 c, p;

    if (colour > UBPF_RED) {
        return UBPF_RED;
    } else if (!meter->pir) {
        return colour;
    }
    c = refill(meter->tokens[0], meter->cir, meter->cbs, now - meter->last_ns);
    p = refill(meter->tokens[1], meter->pir, meter->pbs, now - meter->last_ns);
    if (colour == UBPF_RED || p < need) {
        colour = UBPF_RED;
    } else if (colour == UBPF_YELLOW || c < need) {
        colour = UBPF_YELLOW;
        p -= need;
    } else {
        p -= need;
        c -= need;
    }
    meter->tokens[0] = (uint64_t) c;
    meter->tokens[1] = (uint64_t) p;
    meter->last_ns = now;
    return colour;
}
