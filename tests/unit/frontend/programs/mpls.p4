// SPDX-License-Identifier: Apache-2.0
// MPLS label stack: parses up to four labels, pops the outermost.
#include <ubpf_model.p4>
#include <core.p4>

#define LABELS 4

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header mpls_t { bit<20> label; bit<3> tc; bit<1> bos; bit<8> ttl; }
struct headers { ethernet_t eth; mpls_t[LABELS] mpls; }
struct meta { bit<8> depth; }
error { TooManyLabels }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start {
        m.depth = 0;
        pkt.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x8847: label; default: accept; }
    }
    state label {
        verify(m.depth < LABELS, error.TooManyLabels);
        m.depth = m.depth + 1;
        pkt.extract(hdr.mpls.next);
        transition select(hdr.mpls.last.bos) { 0: label; 1: accept; }
    }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    action pop(bit<32> port) {
        bit<8> ttl = hdr.mpls[0].ttl;
        hdr.mpls.pop_front(1);
        hdr.mpls[0].ttl = ttl - 1;
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }
    action swap(bit<20> label) { hdr.mpls[0].label = label; }
    table lfib {
        key = { hdr.mpls[0].label: exact @name("label"); }
        actions = { pop; swap; NoAction; }
        default_action = NoAction();
        const entries = {
            0: pop(1);
            3: swap(17);
        }
    }
    apply { if (hdr.mpls[0].isValid()) { lfib.apply(); } }
}

@deparser control dprs(packet_out pkt, in headers hdr) {
    apply { pkt.emit(hdr.eth); pkt.emit(hdr.mpls); }
}

ubpf(prs(), pipe(), dprs()) main;
