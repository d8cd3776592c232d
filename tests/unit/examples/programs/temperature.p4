// SPDX-License-Identifier: Apache-2.0
//
// Readings of sensors, signed: the parser looks ahead at what kind of reading comes, and decides by its sign.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header reading_t { int<4> exponent; int<12> value; int<8> offset; int<40> sum; }
header alarm_t { int<16> excess; bit<16> type; }
struct headers_t { ethernet_t ethernet; alarm_t alarm; reading_t reading; }
struct metadata_t { bool below; int<12> first; }
struct peek_t { int<4> exponent; int<12> value; }

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) { 0x88bc: peek; default: accept; }
    }
    state peek {
        peek_t next = packet.lookahead<peek_t>();
        meta.first = next.value;
        meta.below = next.value < 0;
        // All that the sign of both decides.
        transition select(next.exponent, next.value < -100) {
            (4s0 .. 7, _): reading;
            (_, true): accept;
            (-8 .. -1, false): reading;
        }
    }
    state reading {
        packet.extract(hdr.reading);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    apply {
        if (!hdr.reading.isValid()) {
            std.output_action = hdr.ethernet.type == 0x88bc ? ubpf_action.DROP : ubpf_action.PASS;
            return;
        }
        int<12> value = hdr.reading.value;
        int<16> scaled = hdr.reading.exponent < 0
            ? (int<16>) value >> (bit<8>) (bit<4>) -hdr.reading.exponent
            : (int<16>) value << (bit<8>) (bit<4>) hdr.reading.exponent;
        int<16> excess = scaled + (int<16>) hdr.reading.offset;
        hdr.reading.sum = hdr.reading.sum + (int<40>) excess;
        hdr.reading.value = value |+| (int<12>) hdr.reading.offset;
        if (excess > 1000 || excess < -1000) {
            hdr.alarm = { excess, hdr.ethernet.type };
            hdr.ethernet.type = 0x88bd;
        }
        if (meta.below) {
            std.output_action = ubpf_action.REDIRECT;
            std.output_port = 2;
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
