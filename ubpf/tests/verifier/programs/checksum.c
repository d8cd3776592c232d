/* SPDX-License-Identifier: Apache-2.0
 *
 * The IPv4 checksum over a header with options: a loop with a variable
 * bound. */

#include "headers.h"

PROG u64
checksum(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    u32 words, sum = 0;

    if (p + 34 > end) {
        return UBPF_DROP;
    }
    words = (p[14] & 15) * 2;
    if (words < 10 || p + 14 + words * 2 > end) {
        return UBPF_DROP;
    }
    *(u16 *) (p + 24) = 0;
#pragma clang loop unroll(disable)
    for (u32 i = 0; i < 30; i++) {
        if (i >= words) {
            break;
        }
        if (p + 14 + i * 2 + 2 > end) {
            return UBPF_DROP;
        }
        sum += *(u16 *) (p + 14 + i * 2);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    *(u16 *) (p + 24) = (u16) ~sum;
    return UBPF_PASS;
}
