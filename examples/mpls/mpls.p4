// SPDX-License-Identifier: Apache-2.0
//
// A router of an MPLS network (RFC 3031, 3032, 3443), at its edge or within:
// IPv4 packets get up to three labels, labels are swapped, pushed and popped
// anywhere in a stack of up to eight, and what has none left is IPv4 again.
//
// Verdicts
//   REDIRECT  By the action of a table, to a next hop.
//   DROP      A label or TTL that says so, a ninth label.
//   PASS      Unchanged: no table matched; the flow's actions decide.
//   ABORT     Frames that end inside a header, more than eight labels.

#include <core.p4>
#include <ubpf_model.p4>
#include <ubpf_externs.p4>

typedef bit<48> mac_addr_t;
typedef bit<32> port_t;
typedef bit<20> label_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_MPLS = 0x8847;
const label_t ROUTER_ALERT = 1;

header ethernet_t {
    mac_addr_t dst;
    mac_addr_t src;
    bit<16>    type;
}

header mpls_t {
    label_t label;
    bit<3>  tc;
    bit<1>  bottom;
    bit<8>  ttl;
}

header ipv4_t {
    bit<4>  version;
    bit<4>  ihl;
    bit<3>  precedence;
    bit<5>  tos;
    bit<16> length;
    bit<32> fragment;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

struct headers_t {
    ethernet_t ethernet;
    mpls_t[8]  mpls;
    ipv4_t     ipv4;
}

struct metadata_t {
    bit<16> hop;
    bit<8>  ttl;        // Of what is outermost, after this hop.
}

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_MPLS: mpls;
            ETHERTYPE_IPV4: ipv4;
            default: accept;
        }
    }

    state mpls {
        packet.extract(hdr.mpls.next);
        transition select(hdr.mpls.last.bottom) {
            0: mpls;
            default: under_labels;
        }
    }

    state under_labels {
        transition select(packet.lookahead<bit<4>>()) {
            4: ipv4;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) labelled;

    action drop() {
        std.output_action = ubpf_action.DROP;
    }

    action push_one(in label_t label, in bit<3> tc, in bit<1> bottom) {
        hdr.mpls.push_front(1);
        hdr.mpls[0] = { label, tc, bottom, meta.ttl };
        hdr.ethernet.type = ETHERTYPE_MPLS;
    }

    action set_ip_ttl(in bit<8> ttl) {
        bit<16> old = hdr.ipv4.ttl ++ hdr.ipv4.protocol;
        hdr.ipv4.ttl = ttl;
        hdr.ipv4.checksum = csum_replace2(
            hdr.ipv4.checksum, old, hdr.ipv4.ttl ++ hdr.ipv4.protocol);
    }

    // IPv4 packets, by destination.

    action route(bit<16> hop) {
        meta.hop = hop;
        set_ip_ttl(meta.ttl);
    }

    action push1(label_t label, bit<16> hop) {
        route(hop);
        push_one(label, hdr.ipv4.precedence, 1);
    }

    @brief("The inner label is the far end's, the outer one leads there.")
    action push2(label_t inner, label_t outer, bit<16> hop) {
        push1(inner, hop);
        push_one(outer, hdr.ipv4.precedence, 0);
    }

    @brief("A tunnel around that, such as a fast reroute.")
    action push3(label_t inner, label_t outer, label_t bypass, bit<16> hop) {
        push2(inner, outer, hop);
        push_one(bypass, hdr.ipv4.precedence, 0);
    }

    table destinations {
        key = { hdr.ipv4.dst: lpm @name("dst"); }
        actions = { route; push1; push2; push3; drop; @defaultonly NoAction; }
        default_action = NoAction();
        size = 65536;
    }

    // Labelled packets, by the outermost label.

    action swap(label_t label, bit<16> hop) {
        labelled.count();
        hdr.mpls[0].label = label;
        hdr.mpls[0].ttl = meta.ttl;
        meta.hop = hop;
    }

    @brief("A new label, and another above it.")
    action swap_and_push(label_t label, label_t outer, bit<16> hop) {
        swap(label, hop);
        if (hdr.mpls[7].isValid()) {
            drop();
        } else {
            push_one(outer, hdr.mpls[0].tc, 0);
        }
    }

    @brief("The label goes; a last one only where IPv4 is under it.")
    action pop(bit<16> hop) {
        labelled.count();
        bit<1> bottom = hdr.mpls[0].bottom;
        hdr.mpls.pop_front(1);
        meta.hop = hop;
        if (bottom == 0) {
            // TTLs never grow on the way.
            if (hdr.mpls[0].ttl > meta.ttl) {
                hdr.mpls[0].ttl = meta.ttl;
            }
        } else if (hdr.ipv4.isValid()) {
            hdr.ethernet.type = ETHERTYPE_IPV4;
            if (hdr.ipv4.ttl > meta.ttl) {
                set_ip_ttl(meta.ttl);
            }
        } else {
            drop();
        }
    }

    action discard() {
        labelled.count();
        drop();
    }

    table labels {
        key = { hdr.mpls[0].label: exact @name("label"); }
        actions = { swap; swap_and_push; pop; discard; @defaultonly NoAction; }
        default_action = NoAction();
        psa_direct_counter = labelled;
        size = 65536;
    }

    // Where to.

    action to(mac_addr_t src, mac_addr_t dst, port_t port) {
        hdr.ethernet.src = src;
        hdr.ethernet.dst = dst;
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    table hops {
        key = { meta.hop: exact @name("hop"); }
        actions = { to; drop; }
        default_action = drop();
        size = 4096;
    }

    apply {
        bool forward = false;
        if (hdr.mpls[0].isValid()) {
            // The label that asks for a look is for the flow's actions.
            if (hdr.mpls[0].label == ROUTER_ALERT) {
                return;
            }
            if (hdr.mpls[0].ttl < 2) {
                drop();
                return;
            }
            meta.ttl = hdr.mpls[0].ttl - 1;
            forward = labels.apply().hit;
        } else if (hdr.ipv4.isValid()) {
            if (hdr.ipv4.ttl < 2) {
                drop();
                return;
            }
            meta.ttl = hdr.ipv4.ttl - 1;
            forward = destinations.apply().hit;
        }
        if (forward && std.output_action == ubpf_action.PASS) {
            hops.apply();
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.mpls);
        packet.emit(hdr.ipv4);
    }
}

ubpf(prs(), pipe(), dprs()) main;
