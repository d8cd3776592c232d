// SPDX-License-Identifier: Apache-2.0
//
// An IPv4 router without ARP: a longest-prefix route gives the port, the port
// gives the next hop's MAC addresses.
//
// Verdicts
//   REDIRECT  IPv4 with a route and a next hop: TTL less one, checksum and MAC
//             addresses rewritten, sent to the route's OpenFlow port.
//   DROP      IPv4 that cannot be routed; register 'pipe.dropped' says why.
//   PASS      Everything else (ARP, IPv6, LLDP, VLAN-tagged frames): the
//             flow's actions after prog:ID decide.
//   ABORT     Frames that end inside a header.

#include <core.p4>
#include <ubpf_model.p4>

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;
typedef bit<32> port_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;

// Indexes of 'pipe.dropped'.
const bit<32> DROP_BAD_HEADER = 0;
const bit<32> DROP_TTL = 1;
const bit<32> DROP_NO_ROUTE = 2;
const bit<32> DROP_NO_NEXT_HOP = 3;
const bit<32> DROP_REASONS = 4;

header ethernet_t {
    mac_addr_t dst;
    mac_addr_t src;
    bit<16>    type;
}

header ipv4_t {
    bit<4>      version;
    bit<4>      ihl;
    bit<8>      tos;
    bit<16>     total_len;
    bit<16>     id;
    bit<3>      flags;
    bit<13>     frag_offset;
    bit<8>      ttl;
    bit<8>      protocol;
    bit<16>     checksum;
    ipv4_addr_t src;
    ipv4_addr_t dst;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t     ipv4;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_IPV4: ipv4;
            default: accept;
        }
    }

    // Options, if any, stay where they are: the base header is all we rewrite.
    state ipv4 {
        pkt.extract(hdr.ipv4);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    Register<bit<64>, bit<32>>(DROP_REASONS) dropped;

    action drop() {
        std.output_action = ubpf_action.DROP;
    }

    action forward(port_t port) {
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    action set_mac(mac_addr_t dst, mac_addr_t src) {
        hdr.ethernet.dst = dst;
        hdr.ethernet.src = src;
    }

    action count_drop(in bit<32> reason) {
        std.output_action = ubpf_action.DROP;
        dropped.write(reason, dropped.read(reason) + 1);
    }

    // RFC 1624: the TTL shares its 16-bit word with the protocol.
    action decrement_ttl() {
        bit<16> before = hdr.ipv4.ttl ++ hdr.ipv4.protocol;
        hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
        bit<16> after = hdr.ipv4.ttl ++ hdr.ipv4.protocol;
        hdr.ipv4.checksum = csum_replace2(hdr.ipv4.checksum, before, after);
    }

    table route {
        key = { hdr.ipv4.dst: lpm; }
        actions = { forward; drop; }
        default_action = drop();
        size = 65536;
    }

    table next_hop {
        key = { std.output_port: exact @name("port"); }
        actions = { set_mac; drop; }
        default_action = drop();
        size = 256;
    }

    apply {
        if (!hdr.ipv4.isValid()) {
            return;
        }
        if (hdr.ipv4.version != 4 || hdr.ipv4.ihl < 5) {
            count_drop(DROP_BAD_HEADER);
            return;
        }
        if (hdr.ipv4.ttl < 2) {
            count_drop(DROP_TTL);
            return;
        }
        if (!route.apply().hit) {
            count_drop(DROP_NO_ROUTE);
            return;
        }
        if (std.output_action != ubpf_action.REDIRECT) {
            return;                             // A route that says drop.
        }
        if (!next_hop.apply().hit) {
            count_drop(DROP_NO_NEXT_HOP);
            return;
        }
        decrement_ttl();
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.ipv4);
    }
}

ubpf(prs(), pipe(), dprs()) main;
