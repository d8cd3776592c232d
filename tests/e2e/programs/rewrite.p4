// SPDX-License-Identifier: Apache-2.0
//
// Rewrites what flows behind it match: IPv4 destination 192.0.2.1 becomes
// 10.0.0.9 (checksum too), and a VLAN tag with id 100 is put on IPv6.

#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header vlan_t {
    bit<3>  pcp;
    bit<1>  dei;
    bit<12> vid;
    bit<16> type;
}

header ipv4_t {
    bit<64> before;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

struct headers_t {
    ethernet_t ethernet;
    vlan_t     vlan;
    ipv4_t     ipv4;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        pkt.extract(hdr.ipv4);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    apply {
        if (hdr.ipv4.isValid() && hdr.ipv4.dst == 0xc0000201) {
            hdr.ipv4.checksum = csum_replace4(hdr.ipv4.checksum, hdr.ipv4.dst,
                                              0x0a000009);
            hdr.ipv4.dst = 0x0a000009;
        } else if (hdr.ethernet.type == 0x86dd) {
            hdr.vlan.setValid();
            hdr.vlan.pcp = 3;
            hdr.vlan.dei = 0;
            hdr.vlan.vid = 100;
            hdr.vlan.type = hdr.ethernet.type;
            hdr.ethernet.type = 0x8100;
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.vlan);
        pkt.emit(hdr.ipv4);
    }
}

ubpf(prs(), pipe(), dprs()) main;
