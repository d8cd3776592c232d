/* SPDX-License-Identifier: Apache-2.0
 *
 * A header stack: a loop of at most 8 labels into an array on the stack, which
 * is then indexed by a number from a map. */

#include "headers.h"

MAP(config, ARRAY, u32, u32, 1);
MAP(labels, HASH, u32, u32, 256);

PROG u64
pop_one(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    u32 stack[8] = {0}, zero = 0, n = 0, *which, *next;

    if (p + 14 > end || *(u16 *) (p + 12) != ntoh16(0x8847)) {
        return UBPF_PASS;
    }
    p += 14;
#pragma clang loop unroll(disable)
    for (int i = 0; i < 8; i++) {
        if (p + 4 > end) {
            return UBPF_DROP;
        }
        stack[i] = ntoh32(*(u32 *) p);
        n++;
        p += 4;
        if (stack[i] & 0x100) {
            break;
        }
    }
    which = map_lookup(&config, &zero);
    if (!which) {
        return UBPF_ABORT;
    }
    zero = stack[*which & 7] >> 12;
    next = map_lookup(&labels, &zero);
    if (!next) {
        return n > 4 ? UBPF_DROP : UBPF_PASS;
    }
    ctx->output_port = *next;
    return UBPF_REDIRECT;
}
