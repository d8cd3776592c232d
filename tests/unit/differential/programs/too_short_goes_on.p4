// SPDX-License-Identifier: Apache-2.0
// Whether a header leaves depends only on whether another could be extracted: once the packet had moved, clang
// compared the pointers of before again.
#define UBPF_PARSER_ERRORS
#include <ubpf_model.p4>

header came_t {
    bit<136> bytes;
}

header leaves_t {
    int<33> upper;
    bit<96> middle;
    int<31> lower;
}

struct headers_t {
    came_t came;
    leaves_t leaves;
}

struct metadata_t {
    bit<3> parsed;
    bit<3> other;
}

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.came);
        meta.parsed = (((bit<3>) (int<3>) 31s1073741823)) ^ ((-meta.other) |-| (meta.parsed / 7));
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    apply {
        if (((bit<41>) meta.parsed & 41w0x7081bae7a3) > 0) {
            hdr.leaves.setValid();
            hdr.leaves.upper = (hdr.leaves.upper - 5) << 32;
            hdr.leaves.middle = 0;
            hdr.leaves.lower = 31s1;
        }
    }
}

control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.leaves);
    }
}

ubpf(prs(), pipe(), dprs()) main;
