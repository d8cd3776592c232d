// SPDX-License-Identifier: Apache-2.0
//
// The edge of a VLAN and MPLS network: tables push, swap and pop tags and
// labels, so that the head of the packet grows and shrinks.
//
// Which table a packet meets depends on what is outermost:
//   a label            pipe.labelled, by label
//   an 802.1Q/ad tag   pipe.tagged, by input port and VLAN id
//   neither            pipe.untagged, by input port
//
// Verdicts
//   REDIRECT  A table matched: rewritten, and sent to the action's port.
//   PASS      None did: unchanged, the flow's actions after prog:ID decide.
//   DROP      'discard', or a label whose TTL is used up.
//   ABORT     Frames that end inside a header.

#include <core.p4>
#include <ubpf_model.p4>

typedef bit<48> mac_addr_t;
typedef bit<32> port_t;
typedef bit<12> vlan_id_t;
typedef bit<20> label_t;

const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_QINQ = 0x88a8;
const bit<16> ETHERTYPE_MPLS = 0x8847;

const bit<8> MPLS_TTL = 64;

header ethernet_t {
    mac_addr_t dst;
    mac_addr_t src;
    bit<16>    type;
}

header vlan_t {
    bit<3>    pcp;
    bit<1>    dei;
    vlan_id_t vid;
    bit<16>   type;
}

header mpls_t {
    label_t label;
    bit<3>  tc;
    bit<1>  bos;
    bit<8>  ttl;
}

struct headers_t {
    ethernet_t ethernet;
    vlan_t     outer_vlan;      // Only pushed, never parsed.
    vlan_t     vlan;
    mpls_t     outer_mpls;      // Only pushed, never parsed.
    mpls_t     mpls;
}

struct metadata_t { }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_VLAN: vlan;
            ETHERTYPE_QINQ: vlan;
            ETHERTYPE_MPLS: mpls;
            default: accept;
        }
    }

    state vlan {
        pkt.extract(hdr.vlan);
        transition accept;
    }

    state mpls {
        pkt.extract(hdr.mpls);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    action send(in port_t port) {
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    action discard() {
        std.output_action = ubpf_action.DROP;
    }

    // Untagged frames.

    action push_vlan(vlan_id_t vid, bit<3> pcp, port_t port) {
        hdr.vlan.setValid();
        hdr.vlan.pcp = pcp;
        hdr.vlan.dei = 0;
        hdr.vlan.vid = vid;
        hdr.vlan.type = hdr.ethernet.type;
        hdr.ethernet.type = ETHERTYPE_VLAN;
        send(port);
    }

    action push_mpls(label_t label, port_t port) {
        hdr.mpls.setValid();
        hdr.mpls.label = label;
        hdr.mpls.tc = 0;
        hdr.mpls.bos = 1;
        hdr.mpls.ttl = MPLS_TTL;
        hdr.ethernet.type = ETHERTYPE_MPLS;
        send(port);
    }

    // Tagged frames.

    action push_service_vlan(vlan_id_t vid, port_t port) {
        hdr.outer_vlan.setValid();
        hdr.outer_vlan.pcp = hdr.vlan.pcp;
        hdr.outer_vlan.dei = hdr.vlan.dei;
        hdr.outer_vlan.vid = vid;
        hdr.outer_vlan.type = hdr.ethernet.type;
        hdr.ethernet.type = ETHERTYPE_QINQ;
        send(port);
    }

    action swap_vlan(vlan_id_t vid, port_t port) {
        hdr.vlan.vid = vid;
        send(port);
    }

    action pop_vlan(port_t port) {
        hdr.ethernet.type = hdr.vlan.type;
        hdr.vlan.setInvalid();
        send(port);
    }

    // The priority of the tag becomes the traffic class of the label.
    action vlan_to_mpls(label_t label, port_t port) {
        hdr.mpls.setValid();
        hdr.mpls.label = label;
        hdr.mpls.tc = hdr.vlan.pcp;
        hdr.mpls.bos = 1;
        hdr.mpls.ttl = MPLS_TTL;
        hdr.vlan.setInvalid();
        hdr.ethernet.type = ETHERTYPE_MPLS;
        send(port);
    }

    // Labelled frames.

    action swap_label(label_t label, port_t port) {
        hdr.mpls.label = label;
        hdr.mpls.ttl = hdr.mpls.ttl - 1;
        send(port);
    }

    action push_label(label_t label, port_t port) {
        hdr.mpls.ttl = hdr.mpls.ttl - 1;
        hdr.outer_mpls.setValid();
        hdr.outer_mpls.label = label;
        hdr.outer_mpls.tc = hdr.mpls.tc;
        hdr.outer_mpls.bos = 0;
        hdr.outer_mpls.ttl = hdr.mpls.ttl;
        send(port);
    }

    // 'type' says what is under the last label; above another one, MPLS stays.
    action pop_mpls(bit<16> type, port_t port) {
        if (hdr.mpls.bos == 1) {
            hdr.ethernet.type = type;
        }
        hdr.mpls.setInvalid();
        send(port);
    }

    action mpls_to_vlan(vlan_id_t vid, bit<16> type, port_t port) {
        hdr.vlan.setValid();
        hdr.vlan.pcp = hdr.mpls.tc;
        hdr.vlan.dei = 0;
        hdr.vlan.vid = vid;
        hdr.vlan.type = type;
        hdr.mpls.setInvalid();
        hdr.ethernet.type = ETHERTYPE_VLAN;
        send(port);
    }

    table untagged {
        key = { std.input_port: exact @name("port"); }
        actions = { push_vlan; push_mpls; discard; NoAction; }
        default_action = NoAction();
        size = 1024;
    }

    table tagged {
        key = {
            std.input_port: exact @name("port");
            hdr.vlan.vid: exact @name("vid");
        }
        actions = {
            push_service_vlan; swap_vlan; pop_vlan; vlan_to_mpls; discard;
            NoAction;
        }
        default_action = NoAction();
        size = 4096;
    }

    table labelled {
        key = { hdr.mpls.label: exact @name("label"); }
        actions = {
            swap_label; push_label; pop_mpls; mpls_to_vlan; discard; NoAction;
        }
        default_action = NoAction();
        size = 16384;
    }

    apply {
        if (hdr.mpls.isValid()) {
            if (hdr.mpls.ttl < 2) {
                discard();
            } else {
                labelled.apply();
            }
        } else if (hdr.vlan.isValid()) {
            tagged.apply();
        } else {
            untagged.apply();
        }
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.outer_vlan);
        pkt.emit(hdr.vlan);
        pkt.emit(hdr.outer_mpls);
        pkt.emit(hdr.mpls);
    }
}

ubpf(prs(), pipe(), dprs()) main;
