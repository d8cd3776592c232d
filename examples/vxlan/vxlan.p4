// SPDX-License-Identifier: Apache-2.0
//
// A VXLAN tunnel end point (RFC 7348): frames of access ports go, by segment
// and destination, to a port or to another tunnel end point; what comes back
// is taken out of its tunnel.
//
// Verdicts
//   REDIRECT  To the port of the station, or of the next hop to a tunnel.
//   DROP      A station that nobody knows, a tunnel without next hop.
//   PASS      Unchanged: what is neither of an access port nor a tunnel's to
//             us; the flow's actions after prog:ID decide.
//   ABORT     Frames that end inside a header.

#include <core.p4>
#include <ubpf_model.p4>
#include <ubpf_externs.p4>

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;
typedef bit<24> vni_t;
typedef bit<32> port_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<8> PROTOCOL_TCP = 6;
const bit<8> PROTOCOL_UDP = 17;
const bit<16> PORT_VXLAN = 4789;
const bit<16> FIRST_SOURCE_PORT = 49152;

header ethernet_t {
    mac_addr_t dst;
    mac_addr_t src;
    bit<16>    type;
}

header ipv4_t {
    bit<4>      version;
    bit<4>      ihl;
    bit<8>      tos;
    bit<16>     length;
    bit<16>     id;
    bit<3>      flags;
    bit<13>     offset;
    bit<8>      ttl;
    bit<8>      protocol;
    bit<16>     checksum;
    ipv4_addr_t src;
    ipv4_addr_t dst;
}

header ports_t {
    bit<16> src;
    bit<16> dst;
}

header udp_t {
    bit<16> length;
    bit<16> checksum;
}

header vxlan_t {
    bit<4>  reserved_flags;
    bit<1>  has_vni;
    bit<27> reserved1;
    vni_t   vni;
    bit<8>  reserved2;
}

struct headers_t {
    // What we put around a frame.
    ethernet_t outer_ethernet;
    ipv4_t     outer_ipv4;
    ports_t    outer_ports;
    udp_t      outer_udp;
    vxlan_t    outer_vxlan;
    // What arrived.
    ethernet_t ethernet;
    ipv4_t     ipv4;
    ports_t    ports;
    udp_t      udp;
    vxlan_t    vxlan;
    ethernet_t inner;
}

struct metadata_t {
    vni_t      vni;
    mac_addr_t station;     // Where the frame shall go.
    bit<16>    peer;
}

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_IPV4: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        // Only a first fragment has ports.
        transition select(hdr.ipv4.ihl, hdr.ipv4.offset, hdr.ipv4.protocol) {
            (5, 0, PROTOCOL_TCP): tcp;
            (5, 0, PROTOCOL_UDP): udp;
            default: accept;
        }
    }

    state tcp {
        packet.extract(hdr.ports);
        transition accept;
    }

    state udp {
        packet.extract(hdr.ports);
        transition select(hdr.ports.dst) {
            PORT_VXLAN: vxlan;
            default: accept;
        }
    }

    state vxlan {
        packet.extract(hdr.udp);
        packet.extract(hdr.vxlan);
        transition select(hdr.vxlan.has_vni) {
            1: inner;
            default: accept;
        }
    }

    state inner {
        packet.extract(hdr.inner);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) delivered;
    Hash<bit<16>>(PSA_HashAlgorithm_t.CRC32C) entropy;
    InternetChecksum() checksum;

    // What arrives: from an access port, or from a tunnel that ends here.

    @brief("The port belongs to a segment.")
    action access(vni_t vni) {
        meta.vni = vni;
        meta.station = hdr.ethernet.dst;
    }

    table ports {
        key = { std.input_port: exact @name("port"); }
        actions = { access; @defaultonly NoAction; }
        default_action = NoAction();
        size = 1024;
    }

    @brief("The outer destination is an address of ours.")
    action terminate() {
        meta.vni = hdr.vxlan.vni;
        meta.station = hdr.inner.dst;
        hdr.ethernet.setInvalid();
        hdr.ipv4.setInvalid();
        hdr.ports.setInvalid();
        hdr.udp.setInvalid();
        hdr.vxlan.setInvalid();
    }

    table tunnels {
        key = { hdr.ipv4.dst: exact @name("address"); }
        actions = { terminate; @defaultonly NoAction; }
        default_action = NoAction();
        size = 64;
    }

    // Where a station is.

    action drop() {
        delivered.count();
        std.output_action = ubpf_action.DROP;
    }

    @brief("The station is at a port of ours.")
    action here(port_t port) {
        delivered.count();
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    @brief("The station is behind another tunnel end point.")
    action behind(bit<16> peer) {
        delivered.count();
        meta.peer = peer;
    }

    table stations {
        key = {
            meta.vni: exact @name("vni");
            meta.station: exact @name("mac");
        }
        actions = { here; behind; drop; }
        default_action = drop();
        psa_direct_counter = delivered;
        size = 65536;
    }

    // Broadcast and multicast, and what no entry of 'stations' is for: to the
    // segment's multicast group or replicator, which is a peer like others.

    @brief("Frames for many, or for nobody known, go to this peer.")
    action flood(bit<16> peer) {
        meta.peer = peer;
        std.output_action = ubpf_action.PASS;
    }

    table segments {
        key = { meta.vni: exact @name("vni"); }
        actions = { flood; @defaultonly NoAction; }
        default_action = NoAction();
        size = 4096;
    }

    // The way to another tunnel end point.

    action encapsulate(ipv4_addr_t src, ipv4_addr_t dst, mac_addr_t src_mac,
                       mac_addr_t dst_mac, port_t port) {
        bit<16> length = (bit<16>) std.packet_length;
        hdr.outer_ethernet = { dst_mac, src_mac, ETHERTYPE_IPV4 };
        hdr.outer_ipv4 = {
            version = 4, ihl = 5, tos = 0, length = length + 36, id = 0,
            flags = 2, offset = 0, ttl = 64, protocol = PROTOCOL_UDP,
            checksum = 0, src = src, dst = dst
        };
        checksum.clear();
        checksum.add(hdr.outer_ipv4);
        hdr.outer_ipv4.checksum = checksum.get();
        // Routers on the way spread flows by the source port.
        hdr.outer_ports.setValid();
        hdr.outer_ports.src = entropy.get_hash(
            FIRST_SOURCE_PORT,
            { hdr.ethernet.dst, hdr.ethernet.src, hdr.ethernet.type,
              hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.protocol,
              hdr.ports.src, hdr.ports.dst },
            16384);
        hdr.outer_ports.dst = PORT_VXLAN;
        hdr.outer_udp = { length + 16, 0 };
        hdr.outer_vxlan = { 0, 1, 0, meta.vni, 0 };
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    action unreachable() {
        std.output_action = ubpf_action.DROP;
    }

    table peers {
        key = { meta.peer: exact @name("peer"); }
        actions = { encapsulate; unreachable; }
        default_action = unreachable();
        size = 4096;
    }

    apply {
        bool from_tunnel = false;
        if (!ports.apply().hit) {
            if (!hdr.inner.isValid() || !tunnels.apply().hit) {
                return;
            }
            from_tunnel = true;
        }
        switch (stations.apply().action_run) {
            here: { return; }
            drop: {
                if (from_tunnel || !segments.apply().hit) {
                    return;
                }
            }
            default: { }
        }
        // What came by a tunnel leaves by none: no loops.
        if (from_tunnel) {
            std.output_action = ubpf_action.DROP;
        } else {
            peers.apply();
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.outer_ethernet);
        packet.emit(hdr.outer_ipv4);
        packet.emit(hdr.outer_ports);
        packet.emit(hdr.outer_udp);
        packet.emit(hdr.outer_vxlan);
        packet.emit(hdr.ethernet);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ports);
        packet.emit(hdr.udp);
        packet.emit(hdr.vxlan);
        packet.emit(hdr.inner);
    }
}

ubpf(prs(), pipe(), dprs()) main;
