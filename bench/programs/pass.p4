// SPDX-License-Identifier: Apache-2.0
//
// The least that a program can do: it looks at nothing and passes every packet.

#include <core.p4>
#include <ubpf_model.p4>

struct headers_t { }
struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    apply { }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply { }
}

ubpf(prs(), pipe(), dprs()) main;
