// SPDX-License-Identifier: Apache-2.0
// VLAN access port: tags untagged frames by port, strips a tag on the way out.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header vlan_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type; }
struct headers { ethernet_t eth; vlan_t vlan; }
struct meta { bit<12> vid; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.eth);
        transition select(hdr.eth.type) {
            0x8100: tagged;
            _: accept;
        }
    }
    state tagged {
        pkt.extract(hdr.vlan);
        m.vid = hdr.vlan.vid;
        transition accept;
    }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    action push(bit<12> vid) {
        hdr.vlan.setValid();
        hdr.vlan = { 0, 0, vid, hdr.eth.type };
        hdr.eth.type = 0x8100;
    }
    action pop() {
        hdr.eth.type = hdr.vlan.type;
        hdr.vlan.setInvalid();
    }
    table access {
        key = { std.input_port: exact; hdr.vlan.isValid(): exact; }
        actions = { push; pop; @defaultonly NoAction; }
        const default_action = NoAction();
        size = 64;
    }
    apply { access.apply(); }
}

@deparser
control dprs(packet_out pkt, in headers hdr) {
    apply { pkt.emit(hdr); }
}

ubpf(prs(), pipe(), dprs()) main;
