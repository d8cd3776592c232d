/* SPDX-License-Identifier: Apache-2.0
 *
 * The first byte of the packet says what to do, so that a test can reach each
 * part of the ABI. */

#include "ubpf_program.h"

struct ubpf_map_def values SECTION(UBPF_SEC_MAPS) = {UBPF_MAP_TYPE_HASH, 4, 8,
                                                     2, 0};

/* The map's value for 0 is used after its entry was deleted and replaced. */
static uint64_t
use_after_delete(void)
{
    uint32_t key = 0;
    uint64_t five = 5, sum = 0, *old, *new;

    map_update(&values, &key, &five, UBPF_ANY);
    old = map_lookup(&values, &key);
    if (!old) {
        return UBPF_ABORT;
    }
    map_delete(&values, &key);
    map_update(&values, &key, &five, UBPF_ANY);
    new = map_lookup(&values, &key);
    if (new) {
        *new = 7;
        map_update(&values, &key, &five, UBPF_ANY);
        sum = *old + *new;
    }
    return sum == 12 ? UBPF_PASS : UBPF_ABORT;
}

/* What the helpers say when the map is full, and of a missing key. */
static uint64_t
fill_up(struct ubpf_ctx *ctx)
{
    uint64_t value = 1;
    uint32_t key;

    for (key = 1; key <= 2; key++) {
        map_update(&values, &key, &value, UBPF_ANY);
    }
    key = 3;
    ctx->output_port = -map_update(&values, &key, &value, UBPF_ANY);
    ctx->clone_port = -map_delete(&values, &key);
    return UBPF_REDIRECT;
}

SECTION(UBPF_SEC_PROG) uint64_t entry(struct ubpf_ctx *ctx)
{
    uint8_t *data = (uint8_t *) ctx->data;
    uint8_t *end = (uint8_t *) ctx->data_end;
    int8_t argument;

    if (data + 2 > end) {
        return 99;
    }
    argument = (int8_t) data[1];
    switch (data[0]) {
    case 'h':
        ctx->output_port = (uint32_t) -adjust_head(ctx, argument);
        return UBPF_REDIRECT;
    case 'H':
        ctx->output_port = (uint32_t) -adjust_head(ctx, argument * 1000LL);
        return UBPF_REDIRECT;
    case 'w':
        data[0] = 'W';
        return UBPF_PASS;
    case 'c':
        ctx->clone = 1;
        ctx->clone_port = ctx->input_port + 1;
        ctx->truncate_len = (uint32_t) argument;
        return UBPF_DROP;
    case 'm':
        ctx->output_port = ctx->packet_length + ctx->rss_hash + ctx->pkt_mark
                           + (uint32_t) (ctx->tunnel_id >> 32);
        return UBPF_REDIRECT;
    case 'd':
        return use_after_delete();
    case 'f':
        return fill_up(ctx);
    case 't':
        ctx->output_port = time_get_ns() <= time_get_ns();
        return UBPF_REDIRECT;
    case '3':
        ctx->output_port = (uint32_t) hash_lookup3(data, 2, 0);
        return UBPF_REDIRECT;
    default:
        return data[1];
    }
}
