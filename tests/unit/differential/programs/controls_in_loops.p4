// SPDX-License-Identifier: Apache-2.0
//
// Whether a loop emits was asked of controls inside of the control that it applies, which have names only there;
// actions that emit were not asked.

#include <ubpf_model.p4>

header h_t {
    bit<8> a;
    bit<8> b;
}

struct headers_t {
    h_t h;
}

struct metadata_t { }

control once(inout bit<8> value) {
    apply {
        value = value + 3;
    }
}

control twice(inout bit<8> value) {
    once() first;
    once() second;
    apply {
        first.apply(value);
        second.apply(value);
    }
}

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.h);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    twice() adds;
    apply {
        for (bit<8> i = 0; i < 2; i = i + 1) {
            if (hdr.h.a != i) {
                adds.apply(hdr.h.b);
            }
        }
    }
}

control dprs(packet_out pkt, in headers_t hdr) {
    action again() {
        pkt.emit(hdr.h);
    }
    apply {
        for (bit<8> i = 0; i < 2; i = i + 1) {
            again();
        }
    }
}

ubpf(prs(), pipe(), dprs()) main;
