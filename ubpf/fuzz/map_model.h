/* SPDX-License-Identifier: Apache-2.0
 *
 * What a map should do, as a plain list of entries that is searched from end
 * to end. */

#ifndef MAP_MODEL_H
#define MAP_MODEL_H 1

#include <stdbool.h>
#include <stdint.h>

#include <ubpf/ubpf.h>

#define MODEL_MAX_ENTRIES 64
#define MODEL_MAX_KEY     96 /* As the control plane has it. */
#define MODEL_MAX_VALUE   96

struct model_entry {
    uint8_t key[MODEL_MAX_KEY];
    _Alignas(8) uint8_t value[MODEL_MAX_VALUE];
    uint64_t used; /* With ageing: when. */
};

/* Entries in the order in which they came. */
struct model {
    struct ubpf_map_def def;
    uint32_t key_size, value_size; /* The control plane's. */
    struct model_entry entries[MODEL_MAX_ENTRIES + 1];
    uint32_t n;
    uint64_t n_records; /* That a ring ever had. */
};

/* Initialises '*model' for maps of 'def'; one with elements has them all. */
void model_init(struct model *model, const struct ubpf_map_def *def);

/* Makes 'key' what it reads back as.  Returns 0, or what any operation with it
 * returns. */
int model_normalize(const struct model *model, uint8_t *key);

/* The entry for exactly 'key', normalized, or NULL. */
struct model_entry *model_find(struct model *model, const uint8_t *key);

/* The entry that a program's lookup of 'key' finds, or NULL. */
struct model_entry *model_lookup(struct model *model, const uint8_t *key);

/* As ubpf_map_update() and ubpf_map_delete(); 'by_prog', as a program does it.
 * An LRU map has one entry too many afterwards if it gave one up. */
int model_update(struct model *model, const uint8_t *key, const uint8_t *value,
                 uint64_t flags, bool by_prog, uint64_t now);
int model_delete(struct model *model, const uint8_t *key);
void model_drop(struct model *model, struct model_entry *entry);

/* What the control plane reads as the value of 'entry'. */
void model_read(const struct model *model, const struct model_entry *entry,
                uint64_t now, uint8_t *value);

/* Whether 'entry' has timed out. */
bool model_is_idle(const struct model *model, const struct model_entry *entry,
                   uint64_t now);

/* Fills both buckets, as the control plane's update does. */
void model_fill_meter(struct ubpf_meter *meter, uint64_t now);

/* RFC 2698, with exact numbers: the new colour of 'units' that come with
 * 'colour'. */
uint64_t model_meter(struct ubpf_meter *meter, uint64_t units, uint64_t colour,
                     uint64_t now);

#endif /* map_model.h */
