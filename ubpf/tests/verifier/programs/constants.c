/* SPDX-License-Identifier: Apache-2.0
 *
 * Constants in .rodata, indexed; signed arithmetic, which needs -mcpu=v4 or
 * its long form. */

#include "headers.h"

static const u16 table[16] = {9, 8, 7,  6,  5,  4,  3,  2,
                              1, 0, 11, 12, 13, 14, 15, 16};

PROG u64
constants(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    int16_t delta;

    if (p + 20 > end) {
        return UBPF_DROP;
    }
    delta = *(int16_t *) (p + 14);
    delta = (int16_t) (delta + (int8_t) p[16]);
    *(u16 *) (p + 14) = table[p[17] & 15];
    *(u16 *) (p + 16) = table[(u16) delta >> 12];
    if (delta < 0) {
        delta = (int16_t) -delta;
    }
    if (delta >= 16 || delta < 0) {
        return UBPF_PASS;
    }
    *(u16 *) (p + 18) = table[delta];
    return UBPF_PASS;
}
