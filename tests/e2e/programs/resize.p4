// SPDX-License-Identifier: Apache-2.0
//
// Grows and shrinks the head by a lot, as a header behind Ethernet type 0x88b8
// asks for: up to two blocks of 128 bytes more or less.

#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header order_t {
    bit<8> push;            // Blocks to add: 0, 1 or 2.
    bit<8> pop;             // Blocks to remove: 0, 1 or 2.
}

header block_t {
    bit<128> a;
    bit<128> b;
    bit<128> c;
    bit<128> d;
    bit<128> e;
    bit<128> f;
    bit<128> g;
    bit<128> h;
}

struct headers_t {
    ethernet_t ethernet;
    order_t    order;
    block_t    new1;
    block_t    new2;
    block_t    old1;
    block_t    old2;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x88b8: order;
            default: accept;
        }
    }

    state order {
        pkt.extract(hdr.order);
        transition select(hdr.order.pop) {
            0: accept;
            1: last;
            2: both;
            default: reject;
        }
    }

    state both {
        pkt.extract(hdr.old1);
        transition last;
    }

    state last {
        pkt.extract(hdr.old2);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    action fill(inout block_t block, in bit<128> value) {
        block.setValid();
        block.a = value;
        block.b = value + 1;
        block.c = value + 2;
        block.d = value + 3;
        block.e = value + 4;
        block.f = value + 5;
        block.g = value + 6;
        block.h = value + 7;
    }

    apply {
        hdr.old1.setInvalid();
        hdr.old2.setInvalid();
        if (hdr.order.isValid()) {
            if (hdr.order.push > 0) {
                fill(hdr.new1, 0x0123456789abcdef0123456789abcd00);
            }
            if (hdr.order.push > 1) {
                fill(hdr.new2, 0xfffffffffffffffffffffffffffffffc);
            }
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.order);
        pkt.emit(hdr.new1);
        pkt.emit(hdr.new2);
        pkt.emit(hdr.old1);
        pkt.emit(hdr.old2);
    }
}

ubpf(prs(), pipe(), dprs()) main;
