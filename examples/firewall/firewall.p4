// SPDX-License-Identifier: Apache-2.0
//
// A stateful firewall: IPv4 flows opened from the inside are let back in from
// the outside, until they have been silent for the time-out.
//
// A flow is protocol, addresses and, for TCP and UDP, ports.  Its state lies in
// register 'pipe.flows' at the hash of these, seen from the inside, and holds
// them in full, so that two flows at one place never let each other's packets
// in: the newer one takes the place over.
//
// Verdicts
//   PASS   Allowed: the flow's actions after prog:ID decide where to.
//   DROP   Blocked; register 'pipe.blocked' counts them by reason.
//   ABORT  Frames that end inside a header.

#include <core.p4>
#include <ubpf_model.p4>

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_ARP = 0x0806;
const bit<8> PROTO_TCP = 6;
const bit<8> PROTO_UDP = 17;

const bit<32> FLOWS = 65536;                    // A power of two.
const bit<48> DEFAULT_TIMEOUT = 60000000000;    // Nanoseconds.

// Indexes of 'pipe.blocked'.
const bit<32> BLOCKED_NO_FLOW = 0;
const bit<32> BLOCKED_EXPIRED = 1;
const bit<32> BLOCKED_FRAGMENT = 2;             // Its ports are elsewhere.
const bit<32> BLOCKED_OPTIONS = 3;
const bit<32> BLOCKED_NOT_IPV4 = 4;
const bit<32> BLOCKED_REASONS = 5;

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

// What TCP and UDP begin with.
header ports_t {
    bit<16> src;
    bit<16> dst;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t     ipv4;
    ports_t    ports;
}

// A flow as seen from the inside; 'last_seen' is in nanoseconds.
struct flow_t {
    ipv4_addr_t inside;
    ipv4_addr_t outside;
    bit<16>     inside_port;
    bit<16>     outside_port;
    bit<8>      protocol;
    bit<8>      used;
    bit<48>     last_seen;
}

struct metadata_t {
    bool    from_inside;
    bit<48> timeout;
}

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_IPV4: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        pkt.extract(hdr.ipv4);
        transition select(hdr.ipv4.version, hdr.ipv4.ihl,
                          hdr.ipv4.frag_offset, hdr.ipv4.protocol) {
            (4, 5, 0, PROTO_TCP): ports;
            (4, 5, 0, PROTO_UDP): ports;
            default: accept;
        }
    }

    state ports {
        pkt.extract(hdr.ports);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    Register<flow_t, bit<32>>(FLOWS) flows;
    Register<bit<64>, bit<32>>(BLOCKED_REASONS) blocked;

    action inside() {
        meta.from_inside = true;
    }

    action outside() {
        meta.from_inside = false;
    }

    action set_timeout(bit<48> ns) {
        meta.timeout = ns;
    }

    action block(in bit<32> reason) {
        mark_to_drop();
        blocked.write(reason, blocked.read(reason) + 1);
    }

    // Ports that are not listed are outside.
    table zone {
        key = { std.input_port: exact @name("port"); }
        actions = { inside; outside; }
        default_action = outside();
        size = 256;
    }

    table policy {
        actions = { set_timeout; }
        default_action = set_timeout(DEFAULT_TIMEOUT);
    }

    apply {
        zone.apply();
        policy.apply();

        if (!hdr.ipv4.isValid()) {
            if (!meta.from_inside && hdr.ethernet.type != ETHERTYPE_ARP) {
                block(BLOCKED_NOT_IPV4);
            }
            return;
        }
        if (hdr.ipv4.version != 4 || hdr.ipv4.ihl != 5) {
            block(BLOCKED_OPTIONS);
            return;
        }
        if (hdr.ipv4.frag_offset != 0) {
            block(BLOCKED_FRAGMENT);
            return;
        }

        bit<16> src_port = 0;
        bit<16> dst_port = 0;
        if (hdr.ports.isValid()) {
            src_port = hdr.ports.src;
            dst_port = hdr.ports.dst;
        }

        flow_t flow;
        flow.protocol = hdr.ipv4.protocol;
        flow.used = 1;
        flow.last_seen = ubpf_time_get_ns();
        if (meta.from_inside) {
            flow.inside = hdr.ipv4.src;
            flow.outside = hdr.ipv4.dst;
            flow.inside_port = src_port;
            flow.outside_port = dst_port;
        } else {
            flow.inside = hdr.ipv4.dst;
            flow.outside = hdr.ipv4.src;
            flow.inside_port = dst_port;
            flow.outside_port = src_port;
        }

        bit<32> index;
        hash(index, HashAlgorithm.lookup3,
             { flow.inside, flow.outside, flow.inside_port, flow.outside_port,
               flow.protocol });
        index = index & (FLOWS - 1);

        if (meta.from_inside) {
            flows.write(index, flow);
            return;
        }

        flow_t known = flows.read(index);
        if (known.used == 0
            || known.inside != flow.inside
            || known.outside != flow.outside
            || known.inside_port != flow.inside_port
            || known.outside_port != flow.outside_port
            || known.protocol != flow.protocol) {
            block(BLOCKED_NO_FLOW);
        } else if (flow.last_seen - known.last_seen > meta.timeout) {
            block(BLOCKED_EXPIRED);
        } else {
            flows.write(index, flow);
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.ipv4);
        pkt.emit(hdr.ports);
    }
}

ubpf(prs(), pipe(), dprs()) main;
