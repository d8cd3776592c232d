// SPDX-License-Identifier: Apache-2.0
//
// For the model's first version, without standard metadata: lets IPv4 through
// and drops the rest.

#define UBPF_MODEL_VERSION 20200304
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

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta) {
    state start {
        pkt.extract(hdr.ethernet);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta) {
    Register<bit<32>, bit<32>>(2) seen;

    apply {
        if (hdr.ethernet.type == 0x0800) {
            mark_to_pass();
            seen.write(1, seen.read(1) + 1);
        } else {
            mark_to_drop();
            seen.write(0, seen.read(0) + 1);
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
    }
}

ubpf(prs(), pipe(), dprs()) main;
