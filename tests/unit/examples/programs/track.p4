// SPDX-License-Identifier: Apache-2.0
//
// Connections that C keeps track of, in a map of its own: a header, a struct and an enum cross the border.
#include <core.p4>
#include <ubpf_model.p4>

enum State { NEW, KNOWN, CLOSED }

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t { bit<72> start; bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst; }
header tcp_t { bit<16> src; bit<16> dst; bit<32> seq; bit<32> ack; bit<4> offset; bit<6> zero; bit<6> flags; }
struct headers_t { ethernet_t ethernet; ipv4_t ipv4; tcp_t tcp; }
struct metadata_t { }
struct connection_t { bit<32> address; bit<32> peer; bit<16> port; bit<16> peer_port; }

extern State track(in connection_t connection, in tcp_t tcp, inout bit<8> packets);

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) { 0x0800: ipv4; default: accept; }
    }
    state ipv4 {
        packet.extract(hdr.ipv4);
        transition select(hdr.ipv4.protocol) { 6: tcp; default: accept; }
    }
    state tcp { packet.extract(hdr.tcp); transition accept; }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    apply {
        if (!hdr.tcp.isValid()) {
            return;
        }
        bit<8> packets = 0x80;
        connection_t c = { hdr.ipv4.src, hdr.ipv4.dst, hdr.tcp.src, hdr.tcp.dst };
        if (std.input_port != 1) {
            c = { hdr.ipv4.dst, hdr.ipv4.src, hdr.tcp.dst, hdr.tcp.src };
        }
        switch (track(c, hdr.tcp, packets)) {
            State.NEW: { std.output_action = std.input_port == 1 ? ubpf_action.PASS : ubpf_action.DROP; }
            State.CLOSED: { std.output_action = ubpf_action.DROP; }
            default: { }
        }
        hdr.ethernet.src[7:0] = packets;
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply { packet.emit(hdr.ethernet); packet.emit(hdr.ipv4); packet.emit(hdr.tcp); }
}
ubpf(prs(), pipe(), dprs()) main;
