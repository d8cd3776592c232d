// SPDX-License-Identifier: Apache-2.0
// In-band telemetry: appends a record of time and length, clones every 1024th packet.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header record_t { bit<48> time; bit<32> port; bit<32> length; int<16> drift; bit<16> type; }
struct headers { ethernet_t eth; record_t record; }
struct meta { }
enum Sampling { NEVER, SOMETIMES, ALWAYS }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.eth);
        verify(std.packet_length >= 14 && std.packet_length <= 1518, error.HeaderTooShort);
        transition accept;
    }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    Register<bit<32>, bit<32>>(1) seen;
    Sampling sampling = Sampling.SOMETIMES;
    action sample(bit<32> port) { std.clone = true; std.clone_port = port; }
    table collectors {
        actions = { sample; NoAction; }
        default_action = NoAction();
    }
    apply {
        bit<32> n = seen.read(0);
        seen.write(0, n + 1);
        hdr.record.setValid();
        hdr.record.time = ubpf_time_get_ns();
        hdr.record.port = std.input_port;
        hdr.record.length = std.packet_length;
        hdr.record.drift = (int<16>)hdr.eth.type - 16s5 >> 2;
        hdr.record.type = hdr.eth.type;
        hdr.eth.type = 0x88b5;
        if (sampling == Sampling.ALWAYS || (sampling == Sampling.SOMETIMES && n[9:0] == 0)) {
            collectors.apply();
        }
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
