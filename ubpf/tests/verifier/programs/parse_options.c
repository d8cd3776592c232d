/* SPDX-License-Identifier: Apache-2.0
 *
 * Headers at variable offsets: up to two VLAN tags, IPv4 with options, TCP or
 * UDP, as a parser with a moving offset. */

#include "headers.h"

struct flow {
    u32 src, dst;
    u16 sport, dport;
    u8 proto, pad[3];
};
MAP(flows, HASH, struct flow, u64, 4096);

PROG u64
classify(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    struct flow flow = {0};
    struct ipv4 *ip;
    u64 off = 12, one = 1, *seen;
    u16 type;

    if (p + 14 > end) {
        return UBPF_DROP;
    }
    type = *(u16 *) (p + off);
    off += 2;
    for (int i = 0; i < 2 && type == ntoh16(0x8100); i++) {
        if (p + off + 4 > end) {
            return UBPF_DROP;
        }
        type = *(u16 *) (p + off + 2);
        off += 4;
    }
    if (type != ntoh16(0x0800) || p + off + 20 > end) {
        return UBPF_PASS;
    }
    ip = (void *) (p + off);
    if ((ip->ver_ihl & 15) < 5) {
        return UBPF_DROP;
    }
    flow.src = ip->src;
    flow.dst = ip->dst;
    flow.proto = ip->proto;
    off += (ip->ver_ihl & 15) * 4;
    if (flow.proto == 6 || flow.proto == 17) {
        if (p + off + 8 > end) {
            return UBPF_DROP;
        }
        flow.sport = *(u16 *) (p + off);
        flow.dport = *(u16 *) (p + off + 2);
    }
    seen = map_lookup(&flows, &flow);
    if (seen) {
        (*seen)++;
    } else {
        map_update(&flows, &flow, &one, UBPF_ANY);
    }
    return UBPF_PASS;
}
