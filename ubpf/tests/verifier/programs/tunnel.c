/* SPDX-License-Identifier: Apache-2.0
 *
 * Encapsulation: 36 bytes in front, filled with a copy of what was there. */

#include "headers.h"

struct outer {
    u32 src, dst, port;
    u64 key;
};
MAP(peers, HASH, u64, struct outer, 128);

PROG u64
encapsulate(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx), head[14];
    u64 tunnel = ctx->tunnel_id;
    struct outer *peer = map_lookup(&peers, &tunnel);
    u32 len = ctx->packet_length, sum = 0;

    if (!peer || p + 14 > end || len > 1400) {
        return UBPF_PASS;
    }
    __builtin_memcpy(head, p, 14);
    if (adjust_head(ctx, -36)) {
        return UBPF_ABORT;
    }
    p = DATA(ctx);
    end = DATA_END(ctx);
    if (p + 50 > end) {
        return UBPF_ABORT;
    }
    __builtin_memcpy(p, head, 14);
    *(u16 *) (p + 12) = ntoh16(0x0800);
    *(struct ipv4 *) (p + 14) = (struct ipv4) {.ver_ihl = 0x45,
                                               .len = ntoh16((u16) (len + 22)),
                                               .ttl = 64,
                                               .proto = 47,
                                               .src = peer->src,
                                               .dst = peer->dst};
    for (int i = 0; i < 10; i++) {
        sum += *(u16 *) (p + 14 + i * 2);
    }
    sum = (sum & 0xffff) + (sum >> 16);
    *(u16 *) (p + 24) = (u16) ~(sum + (sum >> 16));
    *(u32 *) (p + 34) = ntoh32(0x20006558);
    *(u32 *) (p + 38) = ntoh32((u32) peer->key);
    ctx->output_port = peer->port;
    return UBPF_REDIRECT;
}
