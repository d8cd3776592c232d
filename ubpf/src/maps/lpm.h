/* SPDX-License-Identifier: Apache-2.0
 *
 * An LPM map, and its lookup for whoever knows the size of its keys. */

#ifndef UBPF_LPM_H
#define UBPF_LPM_H 1

#include <string.h>

#include "maps/direct.h"
#include "maps/map.h"
#include "maps/pool.h"
#include "maps/stride.h"
#include "maps/table.h"

/* Bytes of a key that are its prefix length. */
#define LPM_LEN_SIZE sizeof(uint32_t)

struct lpm_map {
    struct ubpf_map up;
    struct table table;
    struct pool *pool;
    uint32_t max_prefix_len;
    uint32_t value_ofs;   /* From the start of an element. */
    struct stride stride; /* Where lpm_uses_direct() says no, */
    struct direct direct; /* and yes. */
    struct lpm_lengths *lengths;
};

/* True if a map with keys of 'key_size' bytes has the index for 32 bits, which
 * has the values too. */
static inline bool
lpm_uses_direct(uint32_t key_size)
{
    return key_size == LPM_LEN_SIZE + 4;
}

/* Looks up a key of which all bits count; for others it calls the map's own
 * lookup. */
static inline void *
lpm_lookup_inline(const struct ubpf_map *map, const void *key,
                  uint32_t key_size)
{
    const struct lpm_map *lpm = (const struct lpm_map *) map;
    const uint8_t *data = (const uint8_t *) key + LPM_LEN_SIZE;
    struct table_element *element;
    uint32_t prefix_len;

    memcpy(&prefix_len, key, sizeof prefix_len);
    if (prefix_len != (key_size - LPM_LEN_SIZE) * 8) {
        return map->ops->lookup(map, key);
    }
    if (lpm_uses_direct(key_size)) {
        return direct_lookup_inline(&lpm->direct, data);
    }
    element = stride_lookup_inline(&lpm->stride, data);
    return element ? (uint8_t *) element + sizeof *element
                         + (((uint64_t) key_size + 7) & ~UINT64_C(7))
                   : NULL;
}

#endif /* lpm.h */
