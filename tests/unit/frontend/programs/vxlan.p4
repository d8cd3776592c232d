// SPDX-License-Identifier: Apache-2.0
// VXLAN gateway without standard_metadata.
#define UBPF_MODEL_VERSION 20200304
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t { bit<64> first; bit<8> ttl; bit<8> proto; bit<16> csum; bit<32> src; bit<32> dst; }
header udp_t { bit<16> src; bit<16> dst; bit<16> len; bit<16> csum; }
header vxlan_t { bit<8> flags; bit<24> reserved; bit<24> vni; bit<8> reserved2; }
struct headers { ethernet_t eth; ipv4_t ip; udp_t udp; vxlan_t vxlan; ethernet_t inner; }
struct meta { bit<24> vni; }

parser prs(packet_in pkt, out headers hdr, inout meta m) {
    state start { pkt.extract(hdr.eth); transition select(hdr.eth.type) { 16w0x800: ip; default: accept; } }
    state ip { pkt.extract(hdr.ip); transition select(hdr.ip.proto) { 17: udp; default: accept; } }
    state udp { pkt.extract(hdr.udp); transition select(hdr.udp.dst) { 4789: vxlan; default: accept; } }
    state vxlan {
        pkt.extract(hdr.vxlan);
        transition select(hdr.vxlan.flags & 8w0x08) { 0: reject; default: inner; }
    }
    state inner { pkt.extract(hdr.inner); m.vni = hdr.vxlan.vni; transition accept; }
}

control pipe(inout headers hdr, inout meta m) {
    action terminate() {
        hdr.eth.setInvalid(); hdr.ip.setInvalid(); hdr.udp.setInvalid(); hdr.vxlan.setInvalid();
        mark_to_pass();
    }
    action mark_drop() { mark_to_drop(); }
    table vnis {
        key = { m.vni: exact; }
        actions = { terminate; mark_drop; }
        default_action = mark_drop();
    }
    apply { if (hdr.vxlan.isValid()) vnis.apply(); }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
