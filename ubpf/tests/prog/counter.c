/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts packets by their first byte, in total by an atomic, and passes. */

#include "ubpf_program.h"

struct ubpf_map_def total SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_ARRAY, 4, 8,
                                                    1, 0};
struct ubpf_map_def by_byte SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_HASH, 1, 8,
                                                      64, 0};

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    const uint8_t *data = (const uint8_t *) ctx->data;
    const uint8_t *end = (const uint8_t *) ctx->data_end;
    uint32_t zero = 0;
    uint64_t one = 1, *count;

    count = map_lookup(&total, &zero);
    if (count) {
        __sync_fetch_and_add(count, 1);
    }
    if (data + 1 > end) {
        return UBPF_ABORT;
    }
    count = map_lookup(&by_byte, data);
    if (count) {
        __sync_fetch_and_add(count, 1);
    } else {
        map_update(&by_byte, data, &one, UBPF_ANY);
    }
    return UBPF_PASS;
}
