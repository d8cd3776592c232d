// SPDX-License-Identifier: Apache-2.0
//
// Metadata as keys: that of the switch (port, length), the program's own, validity, and what one table left for the
// next one.
#include <core.p4>
#include <ubpf_model.p4>

enum bit<4> Zone { OUTSIDE = 0, GUEST = 3, STAFF = 9 }

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header tag_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type; }
struct headers_t { ethernet_t ethernet; tag_t tag; }
struct flow_t { Zone zone; bit<12> vid; bool trusted; }
struct metadata_t { flow_t flow; bit<3> class; }

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        meta.flow = { Zone.OUTSIDE, 4095, false };
        transition select(hdr.ethernet.type) { 0x8100: tag; default: accept; }
    }
    state tag {
        packet.extract(hdr.tag);
        meta.flow.vid = hdr.tag.vid;
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    action assign(Zone zone, bool trusted) {
        meta.flow.zone = zone;
        meta.flow.trusted = trusted;
    }
    table zones {
        key = { std.input_port: exact @name("port"); meta.flow.vid: exact @name("vid"); }
        actions = { assign; @defaultonly NoAction; }
    }

    action drop() { std.output_action = ubpf_action.DROP; }
    action classify(bit<3> class) { meta.class = class; }
    table classes {
        key = {
            meta.flow.zone: ternary @name("zone");
            meta.flow.trusted: optional @name("trusted");
            std.packet_length: range @name("length");
            hdr.tag.isValid(): exact @name("tagged");
        }
        actions = { classify; drop; }
        default_action = classify(0);
    }

    action send(bit<32> port) {
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }
    table ports {
        key = { meta.class: exact @name("class"); std.output_action: exact @name("verdict"); }
        actions = { send; @defaultonly NoAction; }
        const entries = {
            (1, ubpf_action.PASS): send(2);
            (2, ubpf_action.PASS): send(3);
        }
    }

    apply {
        zones.apply();
        classes.apply();
        ports.apply();
        if (hdr.tag.isValid()) {
            hdr.tag.pcp = meta.class;
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.ethernet); packet.emit(hdr.tag); } }
ubpf(prs(), pipe(), dprs()) main;
