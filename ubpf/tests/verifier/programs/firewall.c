/* SPDX-License-Identifier: Apache-2.0
 *
 * A stateful firewall: a Bloom filter of two registers, indexed by hashes. */

#include "headers.h"

struct bits {
    u8 set[4096];
};
struct tuple {
    u32 src, dst;
    u16 sport, dport;
    u8 proto;
} PACKED;
MAP(first, ARRAY, u32, struct bits, 1);
MAP(second, ARRAY, u32, struct bits, 1);

PROG u64
firewall(struct ubpf_ctx *ctx)
{
    u8 *p = DATA(ctx), *end = DATA_END(ctx);
    struct ipv4 *ip = (void *) (p + 14);
    struct tcp *tcp = (void *) (p + 34);
    struct bits *a, *b;
    struct tuple t;
    u32 zero = 0;
    u64 i, j;

    if ((u8 *) (tcp + 1) > end || ip->ver_ihl != 0x45 || ip->proto != 6) {
        return UBPF_PASS;
    }
    if (ctx->input_port == 1) {
        t = (struct tuple) {ip->src, ip->dst, tcp->sport, tcp->dport, 6};
    } else {
        t = (struct tuple) {ip->dst, ip->src, tcp->dport, tcp->sport, 6};
    }
    i = hash_lookup3(&t, sizeof t, 1) % 4096;
    j = hash_lookup3(&t, sizeof t, 2) & 4095;
    a = map_lookup(&first, &zero);
    b = map_lookup(&second, &zero);
    if (!a || !b) {
        return UBPF_ABORT;
    }
    if (ctx->input_port == 1) {
        a->set[i] = 1;
        b->set[j] = 1;
        return UBPF_PASS;
    }
    return a->set[i] && b->set[j] ? UBPF_PASS : UBPF_DROP;
}
