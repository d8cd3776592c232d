// SPDX-License-Identifier: Apache-2.0
//
// Actions on every field of IPv4 and IPv6, those of 128 bits too, with the older model.
#define UBPF_MODEL_VERSION 20200304
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t {
    bit<4> version; bit<4> ihl; bit<6> dscp; bit<2> ecn; bit<16> length;
    bit<16> id; bit<3> flags; bit<13> offset;
    bit<8> ttl; bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst;
}
header ipv6_t {
    bit<4> version; bit<8> traffic_class; bit<20> flow; bit<16> length; bit<8> next; bit<8> hops;
    bit<128> src; bit<128> dst;
}
struct headers_t { ethernet_t ethernet; ipv4_t ipv4; ipv6_t ipv6; }
struct metadata_t { }

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) { 0x0800: ipv4; 0x86dd: ipv6; default: accept; }
    }
    state ipv4 { packet.extract(hdr.ipv4); transition accept; }
    state ipv6 { packet.extract(hdr.ipv6); transition accept; }
}

control pipe(inout headers_t hdr, inout metadata_t meta) {
    action set4(bit<6> dscp, bit<16> id, bit<13> offset, bit<32> src, bit<32> dst) {
        hdr.ipv4.dscp = dscp;
        hdr.ipv4.id = id;
        hdr.ipv4.offset = offset;
        hdr.ipv4.src = src;
        hdr.ipv4.dst = dst;
    }
    action swap4() {
        bit<32> src = hdr.ipv4.src;
        hdr.ipv4.src = hdr.ipv4.dst;
        hdr.ipv4.dst = src;
    }
    action change4(bit<3> flags, bit<8> protocol) {
        hdr.ipv4.flags = hdr.ipv4.flags | flags;
        hdr.ipv4.protocol = protocol;
        hdr.ipv4.ttl = hdr.ipv4.ttl |-| 10;
    }
    action drop() { mark_to_drop(); }

    action set6(bit<8> traffic_class, bit<20> flow, bit<128> src, bit<128> dst) {
        hdr.ipv6.traffic_class = traffic_class;
        hdr.ipv6.flow = flow;
        hdr.ipv6.src = src;
        hdr.ipv6.dst = dst;
    }
    action swap6() {
        bit<128> src = hdr.ipv6.src;
        hdr.ipv6.src = hdr.ipv6.dst;
        hdr.ipv6.dst = src;
    }
    @brief("Another network, the same host.")
    action translate6(bit<128> prefix, bit<128> mask) {
        hdr.ipv6.dst = (hdr.ipv6.dst & ~mask) | (prefix & mask);
    }
    @brief("The 64 lower bits are a number that counts on.")
    action next6(bit<128> step) {
        hdr.ipv6.dst = hdr.ipv6.dst + step;
        hdr.ipv6.src = hdr.ipv6.src - step;
    }
    action to_bottom6(bit<8> shift) {
        hdr.ipv6.src = hdr.ipv6.src >> shift;
        hdr.ipv6.dst = hdr.ipv6.src ^ (hdr.ipv6.dst << shift);
    }

    table rules4 {
        key = { hdr.ipv4.dst: lpm @name("dst"); }
        actions = { set4; swap4; change4; drop; NoAction; }
    }
    table rules6 {
        key = { hdr.ipv6.dst: lpm @name("dst"); }
        actions = { set6; swap6; translate6; next6; to_bottom6; drop; NoAction; }
    }

    apply {
        if (hdr.ipv4.isValid()) {
            rules4.apply();
        } else if (hdr.ipv6.isValid()) {
            rules6.apply();
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
