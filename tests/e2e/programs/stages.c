/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends a packet where the table in use says, by the last byte of its
 * destination: one of two tables, whichever is the element of 'stage'. */

#include <ubpf/abi.h>

#define SECTION(NAME) __attribute__((section(NAME), used))

#ifndef FIRST
#define FIRST 0
#endif

SECTION(UBPF_SEC_ABI) static const uint32_t abi_version = UBPF_ABI_VERSION;

static void *(*const map_lookup)(const void *map, const void *key) = (void *)
    UBPF_HELPER_MAP_LOOKUP;

#if FIRST
/* Moves the numbers of those below. */
struct ubpf_map_def added SECTION(UBPF_SEC_MAPS) = {
    UBPF_MAP_TYPE_ARRAY, 4, 4, 1};
#endif
struct ubpf_map_def blue SECTION(UBPF_SEC_MAPS) = {
    UBPF_MAP_TYPE_HASH, 1, 4, 16};
struct ubpf_map_def green SECTION(UBPF_SEC_MAPS) = {
    UBPF_MAP_TYPE_HASH, 1, 4, 32};
struct ubpf_map_def stage SECTION(UBPF_SEC_MAPS) = {
    .type = UBPF_MAP_TYPE_ARRAY_OF_MAPS,
    .key_size = 4,
    .value_size = 4,
    .max_entries = 1,
    .extra = FIRST,
};

SECTION(UBPF_SEC_PROG) uint64_t
entry(struct ubpf_ctx *ctx)
{
    uint8_t *data = (uint8_t *) ctx->data;
    uint32_t index = 0, *port;
    void *table = map_lookup(&stage, &index);

    if (!table || data + 14 > (uint8_t *) ctx->data_end) {
        return UBPF_DROP;
    }
    port = map_lookup(table, data + 5);
    if (!port) {
        return UBPF_PASS;
    }
    ctx->output_port = *port;
    return UBPF_REDIRECT;
}
