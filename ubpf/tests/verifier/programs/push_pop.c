/* SPDX-License-Identifier: Apache-2.0
 *
 * The deparser of a P4 program: headers kept in a structure with validity
 * bits, the head moved, and what is valid written one after the other. */

#include "headers.h"

struct headers {
    u64 eth_dst, eth_src;
    u16 eth_type, vlan_tci, vlan_type;
    u32 label;
    u8 eth_valid, vlan_valid, mpls_valid;
};
MAP(ports, HASH, u32, u32, 16);

static inline __attribute__((always_inline)) int
parse(u8 *p, u8 *end, struct headers *h, u64 *off)
{
    if (p + 14 > end) {
        return 0;
    }
    h->eth_dst = *(u64 *) p & 0xffffffffffff;
    h->eth_src = *(u64 *) (p + 6) & 0xffffffffffff;
    h->eth_type = *(u16 *) (p + 12);
    h->eth_valid = 1;
    *off = 14;
    if (h->eth_type == ntoh16(0x8100)) {
        if (p + 18 > end) {
            return 0;
        }
        h->vlan_tci = *(u16 *) (p + 14);
        h->vlan_type = *(u16 *) (p + 16);
        h->vlan_valid = 1;
        *off = 18;
    } else if (h->eth_type == ntoh16(0x8847)) {
        if (p + 18 > end) {
            return 0;
        }
        h->label = *(u32 *) (p + 14);
        h->mpls_valid = 1;
        *off = 18;
    }
    return 1;
}

PROG u64
push_pop(struct ubpf_ctx *ctx)
{
    struct headers h = {0};
    u32 in = ctx->input_port, *out;
    u64 off = 0, size, at = 0;
    u8 *p, *end;

    if (!parse(DATA(ctx), DATA_END(ctx), &h, &off)) {
        return UBPF_DROP;
    }
    out = map_lookup(&ports, &in);
    if (out) {
        if (h.vlan_valid) {
            h.vlan_valid = 0;
            h.eth_type = h.vlan_type;
        } else if (h.mpls_valid) {
            h.mpls_valid = 0;
        } else {
            h.mpls_valid = 1;
            h.label = ntoh32(*out << 12 | 0x100 | 64);
            h.eth_type = ntoh16(0x8847);
        }
        ctx->output_port = *out;
    }
    size = (h.eth_valid ? 14 : 0) + (h.vlan_valid ? 4 : 0)
           + (h.mpls_valid ? 4 : 0);
    if (off != size && adjust_head(ctx, (int64_t) off - (int64_t) size)) {
        return UBPF_ABORT;
    }
    p = DATA(ctx);
    end = DATA_END(ctx);
    if (h.eth_valid) {
        if (p + at + 14 > end) {
            return UBPF_ABORT;
        }
        *(u32 *) (p + at) = (u32) h.eth_dst;
        *(u16 *) (p + at + 4) = (u16) (h.eth_dst >> 32);
        *(u32 *) (p + at + 6) = (u32) h.eth_src;
        *(u16 *) (p + at + 10) = (u16) (h.eth_src >> 32);
        *(u16 *) (p + at + 12) = h.eth_type;
        at += 14;
    }
    if (h.vlan_valid) {
        if (p + at + 4 > end) {
            return UBPF_ABORT;
        }
        *(u16 *) (p + at) = h.vlan_tci;
        *(u16 *) (p + at + 2) = h.vlan_type;
        at += 4;
    }
    if (h.mpls_valid) {
        if (p + at + 4 > end) {
            return UBPF_ABORT;
        }
        *(u32 *) (p + at) = h.label;
        at += 4;
    }
    return out ? UBPF_REDIRECT : UBPF_PASS;
}
