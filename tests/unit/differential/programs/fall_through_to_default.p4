// SPDX-License-Identifier: Apache-2.0
//
// The body was there twice, with the place that the early return goes to.

#include <ubpf_model.p4>

header h_t {
    bit<8> kind;
    bit<8> value;
}

struct headers_t {
    h_t h;
}

struct metadata_t { }

bit<8> halved(in bit<8> value) {
    if (value < 2) {
        return 7;
    }
    return value >> 1;
}

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.h);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    apply {
        switch (hdr.h.kind) {
            1: { hdr.h.value = 0; }
            2:
            default: { hdr.h.value = halved(hdr.h.value); }
        }
    }
}

control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.h);
    }
}

ubpf(prs(), pipe(), dprs()) main;
