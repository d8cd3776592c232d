// SPDX-License-Identifier: Apache-2.0
//
// Passes frames whose Ethernet type the control plane has put into a value
// set, and drops all others.

#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

struct headers_t {
    ethernet_t ethernet;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    value_set<bit<16>>(8) allowed;

    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            allowed: accept;
            default: refuse;
        }
    }

    state refuse {
        std.output_action = ubpf_action.DROP;
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    apply { }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
    }
}

ubpf(prs(), pipe(), dprs()) main;
