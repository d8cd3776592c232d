// SPDX-License-Identifier: Apache-2.0
//
// A rate limiter of registers and the clock: so many packets of each input port in a window of time.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
struct headers_t { ethernet_t ethernet; }
struct metadata_t { bit<16> limit; bit<48> window; }
struct window_t { bit<48> start; bit<16> packets; }

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start { packet.extract(hdr.ethernet); transition accept; }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    Register<window_t, bit<32>>(64) windows;

    action limit(bit<16> packets, bit<48> ns) {
        meta.limit = packets;
        meta.window = ns;
    }
    table limits {
        key = { std.input_port: exact @name("port"); }
        actions = { limit; @defaultonly NoAction; }
    }

    apply {
        if (limits.apply().miss) {
            return;
        }
        window_t w = windows.read(std.input_port);
        bit<48> now = ubpf_time_get_ns();
        if (w.start == 0 || now - w.start >= meta.window) {
            w.start = now;
            w.packets = 0;
        }
        w.packets = w.packets |+| 1;
        windows.write(std.input_port, w);
        if (w.packets > meta.limit) {
            mark_to_drop();
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.ethernet); } }
ubpf(prs(), pipe(), dprs()) main;
