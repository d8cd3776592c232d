/* SPDX-License-Identifier: Apache-2.0
 *
 * A map of each kind that is more than a table of values.  The first byte of
 * the packet names the map, what follows is the key. */

#include "ubpf_program.h"

static int64_t (*const ring_output)(const void *map, const void *data,
                                    uint64_t size) = (void *)
    UBPF_HELPER_RING_OUTPUT;
static uint64_t (*const meter_execute)(const void *map, uint64_t index,
                                       uint64_t units, uint64_t colour) =
    (void *) UBPF_HELPER_METER_EXECUTE;

struct ubpf_map_def rules SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_TERNARY, 4,
                                                    8, 4};
struct ubpf_map_def counts SECTION(UBPF_SEC_MAPS) = {
    UBPF_MAP_TYPE_THREAD_ARRAY, 4, 8, 2};
struct ubpf_map_def flows SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_THREAD_HASH,
                                                    1, 8, 4};
struct ubpf_map_def recent SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_LRU_HASH, 1,
                                                     8, 3};
struct ubpf_map_def events SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_RING, 8, 8,
                                                     4};
struct ubpf_map_def rates SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_METER, 4, 64,
                                                    2};
/* 8 bytes and the entry's age. */
struct ubpf_map_def leases SECTION(UBPF_SEC_MAPS) = {
    UBPF_MAP_TYPE_HASH, 1, 24, 4, UBPF_MAP_F_AGING | UBPF_MAP_F_EXPIRE, 16};

/* Adds 1 to the value for 'key' in 'map', where it is; returns the sum. */
static uint64_t
count(const void *map, const void *key)
{
    uint64_t *value = map_lookup(map, key), one = 1;

    if (value) {
        return ++*value;
    }
    return map_update(map, key, &one, UBPF_ANY) ? 0 : 1;
}

/* The first bytes of the value for 'key' in 'map', or 0. */
static uint32_t
find(const void *map, const void *key)
{
    const uint32_t *value = map_lookup(map, key);

    return value ? *value : 0;
}

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    const uint8_t *data = (const uint8_t *) ctx->data;
    const uint8_t *end = (const uint8_t *) ctx->data_end;
    uint32_t index;

    if (data + 5 > end) {
        return UBPF_DROP;
    }
    index = data[1];
    switch (data[0]) {
    case 't':
        ctx->output_port = find(&rules, data + 1);
        break;
    case 'c':
        ctx->output_port = count(&counts, &index);
        break;
    case 'f':
        ctx->output_port = count(&flows, data + 1);
        break;
    case 'l':
        ctx->output_port = find(&recent, data + 1);
        break;
    case 'e':
        ctx->output_port = -ring_output(&events, data + 1, 4);
        break;
    case 'm':
        ctx->output_port = meter_execute(&rates, index, 100, UBPF_GREEN);
        break;
    case 'a':
        ctx->output_port = find(&leases, data + 1);
        break;
    default:
        return UBPF_DROP;
    }
    return UBPF_REDIRECT;
}
