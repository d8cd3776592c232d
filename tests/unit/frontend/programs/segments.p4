// SPDX-License-Identifier: Apache-2.0
// Segment routing: generic headers, loops over a stack, direct and named invocation.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header list_t { bit<8> left; bit<8> count; }
header segment_t<T> { T address; }
struct headers { ethernet_t eth; list_t list; segment_t<bit<128>>[8] segments; }
struct meta { bit<8> left; bit<128> active; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.eth);
        pkt.extract(hdr.list);
        m.left = hdr.list.count;
        transition check;
    }
    state check { transition select(m.left) { 0: accept; default: segment; } }
    state segment { pkt.extract(hdr.segments.next); m.left = m.left - 1; transition check; }
}

control choose(in headers hdr, out bit<128> active) {
    apply {
        active = 0;
        for (bit<8> i in 0 .. 7) {
            if (i == hdr.list.left) { active = hdr.segments[i].address; break; }
        }
    }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    choose() picker;
    action via(bit<32> port) { std.output_port = port; std.output_action = ubpf_action.REDIRECT; }
    table paths {
        key = { m.active: lpm; }
        actions = { via; NoAction; }
        default_action = NoAction();
    }
    apply {
        picker.apply(hdr, m.active);
        if (hdr.list.left > 0) { hdr.list.left -= 1; }
        if (m.active[127:120] == 0xfd && hdr.segments.size > 4) { paths.apply(); }
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
