// SPDX-License-Identifier: Apache-2.0
//
// Leaves its mark: shifts TAG (given with -D) into a log behind Ethernet type
// 0x88b7, so that the log says which programs ran, in order.

#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

#ifndef TAG
#define TAG 1
#endif

header log_t {
    bit<32> marks;
}

struct headers_t {
    ethernet_t ethernet;
    log_t      log;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x88b7: log;
            default: accept;
        }
    }

    state log {
        pkt.extract(hdr.log);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    Register<bit<64>, bit<32>>(4) seen;

    apply {
        if (hdr.log.isValid()) {
            hdr.log.marks = hdr.log.marks << 8 | TAG;
            seen.write(0, seen.read(0) + 1);
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.log);
    }
}

ubpf(prs(), pipe(), dprs()) main;
