// SPDX-License-Identifier: Apache-2.0
//
// Writes what it was told of the packet into the packet, behind Ethernet type
// 0x88b9.

#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header report_t {
    bit<32> input_port;
    bit<32> packet_length;
    bit<32> output_port;
    bit<8>  output_action;
}

struct headers_t {
    ethernet_t ethernet;
    report_t   report;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x88b9: report;
            default: accept;
        }
    }

    state report {
        pkt.extract(hdr.report);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    apply {
        if (hdr.report.isValid()) {
            hdr.report.input_port = std.input_port;
            hdr.report.packet_length = std.packet_length;
            hdr.report.output_port = std.output_port;
            hdr.report.output_action = 0xff;
            if (std.output_action == ubpf_action.PASS) {
                hdr.report.output_action = 2;
            }
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.report);
    }
}

ubpf(prs(), pipe(), dprs()) main;
