// SPDX-License-Identifier: Apache-2.0
//
// Decapsulates: what follows the header of EtherType 0x88b9 becomes the frame,
// and goes on in the OpenFlow table that the header names.

#include <core.p4>
#include <ubpf_model.p4>
#include <ubpf_externs.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header shim_t {
    bit<8> table_id;
    bit<8> pad;
}

struct headers_t {
    ethernet_t outer;
    shim_t     shim;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.outer);
        transition select(hdr.outer.type) {
            0x88b9: shim;
            default: accept;
        }
    }

    state shim {
        pkt.extract(hdr.shim);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    apply {
        if (hdr.shim.isValid()) {
            resubmit(hdr.shim.table_id);
            hdr.outer.setInvalid();
            hdr.shim.setInvalid();
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.outer);
        pkt.emit(hdr.shim);
    }
}

ubpf(prs(), pipe(), dprs()) main;
