/* SPDX-License-Identifier: Apache-2.0
 *
 * IPv6 with extension headers of variable length, and keys of 128 bits. */

#include "headers.h"

struct key {
    u32 prefix_len;
    u64 dst[2];
} PACKED;
MAP(routes6, LPM, struct key, u32, 1024);

PROG u64
route6(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx), next;
    struct ipv6 *ip = (void *) (p + 14);
    struct key key;
    u32 off = 54, *port;

    if (p + 54 > end || *(u16 *) (p + 12) != ntoh16(0x86dd)) {
        return UBPF_PASS;
    }
    next = ip->next;
#pragma clang loop unroll(disable)
    for (int i = 0; i < 4; i++) {
        if (next != 0 && next != 43 && next != 60) {
            break;
        }
        if (p + off + 8 > end) {
            return UBPF_DROP;
        }
        next = p[off];
        off += 8 + 8 * p[off + 1];
    }
    if (next == 6) {
        if (p + off + 20 > end || *(u16 *) (p + off + 12) & ntoh16(2)) {
            return UBPF_DROP;
        }
    }
    key.prefix_len = 128;
    key.dst[0] = ip->dst[0];
    key.dst[1] = ip->dst[1];
    port = map_lookup(&routes6, &key);
    if (!port) {
        return UBPF_DROP;
    }
    ip->hops--;
    ctx->output_port = *port;
    return UBPF_REDIRECT;
}
