// SPDX-License-Identifier: Apache-2.0
//
// Does what the packet asks for: the verdict, the port, a clone, a truncation,
// all in a header behind Ethernet type 0x88b6.  Changes no byte.

#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header order_t {
    bit<8>  verdict;        // The values of enum ubpf_action.
    bit<8>  clone;
    bit<16> truncate_to;    // 0: not at all.
    bit<32> port;
    bit<32> clone_port;
}

struct headers_t {
    ethernet_t ethernet;
    order_t    order;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x88b6: order;
            default: accept;
        }
    }

    state order {
        pkt.extract(hdr.order);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    apply {
        if (!hdr.order.isValid()) {
            return;
        }
        std.output_port = hdr.order.port;
        std.clone_port = hdr.order.clone_port;
        std.clone = hdr.order.clone == 1;
        if (hdr.order.truncate_to != 0) {
            truncate((bit<32>) hdr.order.truncate_to);
        }
        if (hdr.order.verdict == 0) {
            std.output_action = ubpf_action.ABORT;
        } else if (hdr.order.verdict == 1) {
            std.output_action = ubpf_action.DROP;
        } else if (hdr.order.verdict == 2) {
            std.output_action = ubpf_action.PASS;
        } else {
            std.output_action = ubpf_action.REDIRECT;
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.order);
    }
}

ubpf(prs(), pipe(), dprs()) main;
