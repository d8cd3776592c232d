// SPDX-License-Identifier: Apache-2.0
//
// Packets and bytes by destination, in registers: the index is an address's last byte.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t { bit<96> start; bit<32> src; bit<32> dst; }
struct headers_t { ethernet_t ethernet; ipv4_t ipv4; }
struct metadata_t { }
struct seen_t { bit<32> packets; bit<64> bytes; bit<48> last_from; }

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) { 0x0800: ipv4; default: accept; }
    }
    state ipv4 { packet.extract(hdr.ipv4); transition accept; }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    Register<seen_t, bit<32>>(256) seen;
    Register<bit<32>, bit<32>>(1) total;

    apply {
        total.write(0, total.read(0) + 1);
        if (hdr.ipv4.isValid()) {
            bit<32> index = (bit<32>) hdr.ipv4.dst[7:0];
            seen_t s = seen.read(index);
            s.packets = s.packets + 1;
            s.bytes = s.bytes + (bit<64>) std.packet_length;
            s.last_from = hdr.ethernet.src;
            seen.write(index, s);
            // What the packet tells of: how often it went there.
            hdr.ethernet.src = (bit<48>) s.packets;
            hdr.ethernet.dst = (bit<48>) s.bytes;
        } else {
            hdr.ethernet.src = (bit<48>) total.read(0);
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.ethernet); packet.emit(hdr.ipv4); } }
ubpf(prs(), pipe(), dprs()) main;
