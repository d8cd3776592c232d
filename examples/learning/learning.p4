// SPDX-License-Identifier: Apache-2.0
//
// A learning switch with a control plane.  See README.md.

#include <ubpf_externs.p4>

const bit<32> CONTROLLER = 0xfffd;
const bit<32> FLOOD = 0xfffb;
const bit<16> LLDP = 0x88cc;
const bit<8> PORTS = 64;

// What a packet to the controller begins with.
@controller_header("packet_in")
header packet_in_t {
    bit<16> ingress_port;
    bit<16> type;           // That of the Ethernet header behind.
}

// What a packet from the controller begins with.
@controller_header("packet_out")
header packet_out_t {
    bit<16> egress_port;
}

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

struct headers_t {
    packet_in_t  packet_in;
    packet_out_t packet_out;
    ethernet_t   ethernet;
}

struct metadata_t { }

// A station was seen at a port that is not known to be its own.
struct station_t {
    bit<48> mac;
    bit<32> port;
}

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        transition select(std.input_port) {
            CONTROLLER: from_controller;
            default: ethernet;
        }
    }
    state from_controller {
        packet.extract(hdr.packet_out);
        transition ethernet;
    }
    state ethernet {
        packet.extract(hdr.ethernet);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    Counter<bit<64>, bit<8>>((bit<32>) PORTS, PSA_CounterType_t.PACKETS_AND_BYTES) received;
    DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) sent;
    DirectMeter(PSA_MeterType_t.BYTES) limit;
    // Packets of a port that may tell of new stations, each second.
    Meter<bit<8>>((bit<32>) PORTS, PSA_MeterType_t.PACKETS) attention;
    Digest<station_t>() stations;

    action forward(bit<32> port) {
        sent.count();
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
        if (limit.execute() == PSA_MeterColor_t.RED) {
            std.output_action = ubpf_action.DROP;
        }
    }

    action flood() {
        sent.count();
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = FLOOD;
    }

    table source {
        key = {
            hdr.ethernet.src: exact;
            std.input_port: exact @name("port");
        }
        actions = { NoAction; }
        size = 65536;
    }

    table destination {
        key = { hdr.ethernet.dst: exact; }
        actions = { forward; flood; }
        default_action = flood();
        size = 65536;
        psa_direct_counter = sent;
        psa_direct_meter = limit;
    }

    apply {
        if (hdr.packet_out.isValid()) {
            std.output_action = ubpf_action.REDIRECT;
            std.output_port = (bit<32>) hdr.packet_out.egress_port;
            hdr.packet_out.setInvalid();
            return;
        }
        received.count((bit<8>) std.input_port);
        if (hdr.ethernet.type == LLDP) {
            hdr.packet_in = { (bit<16>) std.input_port, hdr.ethernet.type };
            std.output_action = ubpf_action.REDIRECT;
            std.output_port = CONTROLLER;
            return;
        }
        if (!source.apply().hit && attention.execute((bit<8>) std.input_port) != PSA_MeterColor_t.RED) {
            stations.pack({ hdr.ethernet.src, std.input_port });
        }
        destination.apply();
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.packet_in);
        packet.emit(hdr.ethernet);
    }
}

ubpf(prs(), pipe(), dprs()) main;
