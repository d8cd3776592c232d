/* SPDX-License-Identifier: Apache-2.0
 *
 * Ethernet and IPv4: longest prefix, TTL, checksum, next hop. */

#include "headers.h"

struct key {
    u32 prefix_len;
    u32 dst;
};
struct hop {
    u32 action, port;
    u8 dst[6], src[6];
};
MAP(routes, LPM, struct key, struct hop, 1024);
MAP(counters, ARRAY, u32, u64, 64);

PROG u64
route(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    struct eth *eth = (void *) p;
    struct ipv4 *ip = (void *) (p + sizeof *eth);
    struct hop *hop;
    struct key key;
    u32 sum, index;
    u64 *count;

    if ((u8 *) (ip + 1) > end || eth->type != ntoh16(0x0800)
        || ip->ver_ihl != 0x45 || ip->ttl <= 1) {
        return UBPF_DROP;
    }
    key.prefix_len = 32;
    key.dst = ip->dst;
    hop = map_lookup(&routes, &key);
    if (!hop || hop->action == 0) {
        return UBPF_PASS;
    }
    __builtin_memcpy(eth->dst, hop->dst, 6);
    __builtin_memcpy(eth->src, hop->src, 6);
    ip->ttl--;
    sum = ip->csum + ntoh16(0x0100);
    ip->csum = (u16) (sum + (sum >> 16));
    index = hop->port & 63;
    count = map_lookup(&counters, &index);
    if (count) {
        __sync_fetch_and_add(count, 1);
    }
    ctx->output_port = hop->port;
    return UBPF_REDIRECT;
}
