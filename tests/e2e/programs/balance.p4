// SPDX-License-Identifier: Apache-2.0
// Members and groups of an action selector: frames go to ports by a hash of their addresses.
#include <ubpf_externs.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

struct headers_t {
    ethernet_t ethernet;
}

struct metadata_t {
}

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    action forward(bit<32> port) {
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    action drop() {
        std.output_action = ubpf_action.DROP;
    }

    @max_group_size(8)
    ActionSelector(PSA_HashAlgorithm_t.IDENTITY, 16, 8) ports;

    table balance {
        key = {
            hdr.ethernet.type: exact;
            hdr.ethernet.src: selector;
        }
        actions = {
            forward;
            drop;
        }
        psa_implementation = ports;
        psa_empty_group_action = drop();
        const default_action = drop();
    }

    apply {
        balance.apply();
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
    }
}

ubpf(prs(), pipe(), dprs()) main;
