// SPDX-License-Identifier: Apache-2.0
// IPv6 forwarding with wide arithmetic and extension headers.
#include <core.p4>
#include <ubpf_model.p4>

typedef bit<128> ipv6_addr_t;
type bit<16> vrf_t;
const ipv6_addr_t LINK_LOCAL = 128w0xfe80 << 112;
const bit<128> PREFIX_MASK = ~(128w1 << 118) - 1;

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv6_t {
    bit<4> version; bit<8> tc; bit<20> flow; bit<16> len; bit<8> next; bit<8> hop;
    ipv6_addr_t src; ipv6_addr_t dst;
}
header options_t { bit<8> next; bit<8> len; varbit<16320> data; }
struct headers { ethernet_t eth; ipv6_t ip; options_t options; }
struct meta { vrf_t vrf; bit<1> link_local; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x86dd: ip; default: accept; }
    }
    state ip {
        pkt.extract(hdr.ip);
        m.link_local = (hdr.ip.dst & PREFIX_MASK) == LINK_LOCAL ? 1w1 : 0;
        transition select(hdr.ip.next) { 0: options; 43: options; default: accept; }
    }
    state options {
        bit<16> head = pkt.lookahead<bit<16>>();
        pkt.extract(hdr.options, ((bit<32>)head[7:0] + 1) * 64 - 16);
        transition accept;
    }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    action set_vrf(vrf_t vrf) { m.vrf = vrf; }
    table ports {
        key = { std.input_port: exact; }
        actions = { set_vrf; }
        default_action = set_vrf((vrf_t)16w0);
    }
    action forward(bit<48> mac, bit<32> port) {
        hdr.eth.dst = mac;
        hdr.ip.hop = hdr.ip.hop |-| 1;
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }
    action drop() { mark_to_drop(); }
    table fib {
        key = { m.vrf: exact; hdr.ip.dst: lpm @format("IPV6_ADDRESS"); }
        actions = { forward; drop; }
        default_action = drop;
        size = 1 << 16;
    }
    apply {
        ports.apply();
        if (m.link_local == 1 || !hdr.ip.isValid()) { exit; }
        if (fib.apply().miss) { return; }
        hdr.ip.flow[19:16] = hdr.ip.tc[3:0];
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) {
    apply { pkt.emit(hdr.eth); pkt.emit(hdr.ip); pkt.emit(hdr.options); }
}
ubpf(prs(), pipe(), dprs()) main;
