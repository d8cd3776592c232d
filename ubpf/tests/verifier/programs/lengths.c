/* SPDX-License-Identifier: Apache-2.0
 *
 * Proofs by the packet's length: compared with numbers, and made less. */

#include "headers.h"

/* IPv6 extension headers by what is left of the packet, or the words of an
 * IPv4 header by its length. */
PROG u64
lengths(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx);
    u32 len = (u32) (DATA_END(ctx) - p), left = len, sum = 0;

    if (len < 54) {
        return UBPF_DROP;
    }
    if (*(u16 *) (p + 12) == ntoh16(0x86dd)) {
        u8 next = p[20];

        p += 54;
        left -= 54;
#pragma clang loop unroll(disable)
        for (int i = 0; i < 5 && (next == 0 || next == 60); i++) {
            u32 size;

            if (left < 8) {
                return UBPF_DROP;
            }
            size = (p[1] + 1) * 8;
            if (size > left) {
                return UBPF_DROP;
            }
            next = *p;
            p += size;
            left -= size;
        }
        if (left < 4) {
            return UBPF_DROP;
        }
        sum = *(u32 *) p;
    } else {
        u32 header = (p[14] & 15) * 4;

        if (header < 20 || len < 14 + header) {
            return UBPF_DROP;
        }
#pragma clang loop unroll(disable)
        for (u32 i = 0; i < header; i += 2) {
            sum += *(u16 *) (p + 14 + i);
        }
    }
    ctx->output_port = sum;
    return UBPF_REDIRECT;
}
