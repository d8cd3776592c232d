/* SPDX-License-Identifier: Apache-2.0
 *
 * A packet of 4 bytes of address is redirected by longest prefix match, with
 * a table of constants to translate the next hop to a port. */

#include "ubpf_program.h"

struct ubpf_map_def routes SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_LPM, 8, 4,
                                                     16, 0};

static const uint32_t ports[4] = {11, 22, 33, 44};

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    const uint8_t *data = (const uint8_t *) ctx->data;
    struct {
        uint32_t prefix_len;
        uint32_t address;
    } key;
    const uint32_t *next_hop;

    if (data + 4 > (const uint8_t *) ctx->data_end) {
        return UBPF_ABORT;
    }
    key.prefix_len = 32;
    __builtin_memcpy(&key.address, data, 4);
    next_hop = map_lookup(&routes, &key);
    if (!next_hop) {
        return UBPF_DROP;
    }
    ctx->output_port = ports[*next_hop & 3];
    return UBPF_REDIRECT;
}
