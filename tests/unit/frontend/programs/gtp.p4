// SPDX-License-Identifier: Apache-2.0
// GTP-U user plane: takes the outer headers off the uplink, puts them on the downlink.
#include <core.p4>
#include <ubpf_model.p4>

typedef bit<32> ipv4_addr_t;
enum bit<8> Protocol { ICMP = 1, TCP = 6, UDP = 17 }
enum bit<16> EtherType { IPV4 = 0x0800, ARP = 0x0806 }
const bit<16> GTP_PORT = 2152;

header ethernet_t { bit<48> dst; bit<48> src; EtherType type; }
header ipv4_t {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<16> id; bit<3> flags; bit<13> frag;
    bit<8> ttl; Protocol proto; bit<16> csum; ipv4_addr_t src; ipv4_addr_t dst;
}
header udp_t { bit<16> src; bit<16> dst; bit<16> len; bit<16> csum; }
header gtp_t { bit<3> version; bit<1> pt; bit<1> spare; bit<1> ex; bit<1> seq; bit<1> npdu; bit<8> kind; bit<16> len; bit<32> teid; }
struct headers { ethernet_t eth; ipv4_t outer; udp_t udp; gtp_t gtp; ipv4_t inner; }
struct meta { bool uplink; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.eth);
        transition select(hdr.eth.type) { EtherType.IPV4: outer; default: accept; }
    }
    state outer {
        pkt.extract(hdr.outer);
        transition select(hdr.outer.frag, hdr.outer.ihl, hdr.outer.proto) {
            (0, 5, Protocol.UDP): udp;
            default: accept;
        }
    }
    state udp {
        pkt.extract(hdr.udp);
        transition select(hdr.udp.dst) { GTP_PORT: gtp; default: accept; }
    }
    state gtp {
        pkt.extract(hdr.gtp);
        m.uplink = true;
        pkt.extract(hdr.inner);
        transition accept;
    }
}

bit<16> ones_complement_add(in bit<16> a, in bit<16> b) {
    bit<17> sum = (bit<17>)a + (bit<17>)b;
    return sum[15:0] + (bit<16>)sum[16:16];
}

control decap(inout headers hdr) {
    apply {
        hdr.outer.setInvalid();
        hdr.udp.setInvalid();
        hdr.gtp.setInvalid();
    }
}

control encap(inout headers hdr)(ipv4_addr_t local) {
    action tunnel(bit<32> teid, ipv4_addr_t remote) {
        hdr.inner = hdr.outer;
        hdr.outer = { 4, 5, 0, hdr.inner.len + 36, 0, 2, 0, 64, Protocol.UDP, 0, local, remote };
        hdr.udp = { GTP_PORT, GTP_PORT, hdr.inner.len + 16, 0 };
        hdr.gtp = { version = 1, pt = 1, spare = 0, ex = 0, seq = 0, npdu = 0, kind = 255,
                    len = hdr.inner.len, teid = teid };
        hdr.outer.csum = ~ones_complement_add(hdr.outer.len, 0x4500);
    }
    table sessions {
        key = { hdr.outer.dst: exact @name("ue"); }
        actions = { tunnel; NoAction; }
        default_action = NoAction();
        size = 65536;
    }
    apply { sessions.apply(); }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    decap() remove;
    encap(0x0a000001) add;
    apply {
        if (m.uplink) {
            remove.apply(hdr);
        } else if (hdr.outer.isValid()) {
            add.apply(hdr);
        }
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) {
    apply { pkt.emit(hdr); }
}

ubpf(prs(), pipe(), dprs()) main;
