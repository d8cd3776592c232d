// SPDX-License-Identifier: Apache-2.0
// A learning switch in registers, with annotations of every form.
#include <core.p4>
#include <ubpf_model.p4>

@format("mac") typedef bit<48> mac_t;
@Structured[1, "two", true] @Named[a=1, b="x"] @Free(any tokens (nested) = { here })
header ethernet_t { @name("destination") mac_t dst; mac_t src; bit<16> type; }
struct headers { ethernet_t eth; }
struct meta { bit<32> slot; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    @name("begin") state start { pkt.extract(hdr.eth); transition accept; }
}

@name("learn")
control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    @name(".stations") Register<bit<32>, bit<32>>(4096) ports;
    @hidden action flood() { std.output_action = ubpf_action.PASS; }
    action unicast(in bit<32> port) {
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }
    apply {
        bit<32> source;
        hash(result = source, algo = HashAlgorithm.lookup3, data = { hdr.eth.src });
        ports.write(source & 4095, std.input_port);
        hash(m.slot, HashAlgorithm.lookup3, { hdr.eth.dst });
        bit<32> out_port = ports.read(m.slot & 4095);
        if (out_port == 0 || hdr.eth.dst[40:40] == 1)
            flood();
        else
            unicast(out_port);
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr.eth); } }
ubpf(prs(), pipe(), dprs()) main;
