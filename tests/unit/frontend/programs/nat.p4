// SPDX-License-Identifier: Apache-2.0
// Source NAT with a transport header union and incremental checksums.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t { bit<64> w0; bit<8> ttl; bit<8> proto; bit<16> csum; bit<32> src; bit<32> dst; }
header tcp_t { bit<16> src; bit<16> dst; bit<32> seq; bit<32> ack; bit<16> flags; bit<16> window; bit<16> csum; bit<16> urgent; }
header udp_t { bit<16> src; bit<16> dst; bit<16> len; bit<16> csum; }
header_union l4_t { tcp_t tcp; udp_t udp; }
struct headers { ethernet_t eth; ipv4_t ip; l4_t l4; }
struct meta { bit<16> port; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start { pkt.extract(hdr.eth); transition select(hdr.eth.type) { 0x800: ip; _: accept; } }
    state ip {
        pkt.extract(hdr.ip);
        transition select(hdr.ip.proto) { 6: tcp; 17: udp; _: accept; }
    }
    state tcp { pkt.extract(hdr.l4.tcp); m.port = hdr.l4.tcp.src; transition accept; }
    state udp { pkt.extract(hdr.l4.udp); m.port = hdr.l4.udp.src; transition accept; }
}

control translate(inout headers hdr, in bit<32> address, in bit<16> port) {
    bit<32> before = hdr.ip.src;
    apply {
        hdr.ip.csum = csum_replace4(hdr.ip.csum, before, address);
        hdr.ip.src = address;
        if (hdr.l4.tcp.isValid()) {
            hdr.l4.tcp.csum = csum_replace2(csum_replace4(hdr.l4.tcp.csum, before, address), hdr.l4.tcp.src, port);
            hdr.l4.tcp.src = port;
        } else if (hdr.l4.udp.isValid() && hdr.l4.udp.csum != 0) {
            hdr.l4.udp.src = port;
        }
    }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    bool found = false;
    bit<32> address;
    bit<16> port;
    action source(bit<32> a, bit<16> p) { address = a; port = p; found = true; }
    table bindings {
        key = { hdr.ip.src: exact; m.port: exact; hdr.ip.proto: exact; }
        actions = { source; @defaultonly NoAction; }
    }
    apply {
        bindings.apply();
        if (found) translate.apply(hdr, address, port);
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr.eth); pkt.emit(hdr.ip); pkt.emit(hdr.l4); } }
ubpf(prs(), pipe(), dprs()) main;
