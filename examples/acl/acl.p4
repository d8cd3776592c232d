// SPDX-License-Identifier: Apache-2.0
//
// An access list for IPv4: rules on port, addresses, protocol, ranges of L4
// ports and TCP flags, the highest priority first, each with a counter.  What
// is permitted passes to the actions after the program, what is denied is
// dropped.  Everything else than IPv4 passes.

#include <core.p4>
#include <ubpf_model.p4>
#include <ubpf_externs.p4>

const bit<16> TYPE_IPV4 = 0x0800;
const bit<16> TYPE_VLAN = 0x8100;
const bit<8> PROTOCOL_TCP = 6;
const bit<8> PROTOCOL_UDP = 17;

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header vlan_t {
    bit<16> tci;
    bit<16> type;
}

header ipv4_t {
    bit<4>  version;
    bit<4>  ihl;
    bit<8>  tos;
    bit<16> length;
    bit<16> id;
    bit<3>  flags;
    bit<13> offset;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header ports_t {
    bit<16> src;
    bit<16> dst;
}

header tcp_t {
    bit<32> seq;
    bit<32> ack;
    bit<8>  offset;
    bit<8>  flags;
    bit<16> window;
}

struct headers_t {
    ethernet_t ethernet;
    vlan_t     vlan;
    ipv4_t     ipv4;
    ports_t    ports;
    tcp_t      tcp;
}

struct metadata_t {
}

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            TYPE_IPV4: ipv4;
            TYPE_VLAN: vlan;
            default: accept;
        }
    }

    state vlan {
        packet.extract(hdr.vlan);
        transition select(hdr.vlan.type) {
            TYPE_IPV4: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        verify(hdr.ipv4.version == 4 && hdr.ipv4.ihl >= 5,
               error.ParserInvalidArgument);
        packet.advance((bit<32>) (hdr.ipv4.ihl - 5) * 32);
        // Only a first fragment has ports.
        transition select(hdr.ipv4.offset, hdr.ipv4.protocol) {
            (0, PROTOCOL_TCP): tcp;
            (0, PROTOCOL_UDP): ports;
            default: accept;
        }
    }

    state tcp {
        packet.extract(hdr.ports);
        packet.extract(hdr.tcp);
        transition accept;
    }

    state ports {
        packet.extract(hdr.ports);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) hits;

    @brief("The packet passes.")
    action permit() {
        hits.count();
    }

    @brief("The packet is dropped.")
    action deny() {
        hits.count();
        std.output_action = ubpf_action.DROP;
    }

    @brief("The packet goes to another port, such as that of a monitor.")
    action redirect(bit<32> port) {
        hits.count();
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    // Of a packet without ports these are 0.
    bit<16> sport = 0;
    bit<16> dport = 0;
    bit<8> flags = 0;

    table rules {
        key = {
            std.input_port:          optional @name("port");
            hdr.ipv4.src:            ternary  @name("src");
            hdr.ipv4.dst:            ternary  @name("dst");
            hdr.ipv4.protocol:       optional @name("protocol");
            sport:                   range    @name("sport");
            dport:                   range    @name("dport");
            flags:                   ternary  @name("flags");
            hdr.ipv4.offset != 0:    optional @name("fragment");
        }
        actions = {
            permit;
            deny;
            redirect;
        }
        psa_direct_counter = hits;
        size = 4096;
        default_action = deny();
        entries = {
            // Nobody sends from a loopback address; that is not for discussion.
            const priority = 1000000: (_, 0x7f000000 &&& 0xff000000, _, _, _, _, _, _): deny();
            // Answers on TCP connections (ACK set); can be changed.
            priority = 10: (_, _, _, PROTOCOL_TCP, _, _, 0x10 &&& 0x10, _): permit();
        }
    }

    apply {
        if (hdr.ipv4.isValid()) {
            if (hdr.ports.isValid()) {
                sport = hdr.ports.src;
                dport = hdr.ports.dst;
            }
            if (hdr.tcp.isValid()) {
                flags = hdr.tcp.flags;
            }
            rules.apply();
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ports);
        packet.emit(hdr.tcp);
    }
}

ubpf(prs(), pipe(), dprs()) main;
