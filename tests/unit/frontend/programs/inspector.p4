// SPDX-License-Identifier: Apache-2.0
// Sub-parsers, chained conditions, functions and constants of every kind.
#include <core.p4>
#include <ubpf_model.p4>

const int WIDE = (1 << 100) - 1;
const bit<8> SMALL = (bit<8>)WIDE;
const bool STRICT = WIDE > 5 && SMALL == 0xff;
const int<8> MINUS = -8s1;
const string TITLE = "inspec" ++ "tor";

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header dns_t { bit<16> id; bit<16> flags; bit<16> questions; }
struct headers { ethernet_t eth; dns_t dns; }
struct meta { bit<8> score; error problem; }

parser dns(packet_in pkt, out dns_t header_, inout bit<8> score)(bit<8> weight) {
    state start {
        pkt.extract(header_);
        score = score + weight;
        transition select(header_.questions) {
            0: reject;
            1 .. 4: accept;
            default: suspicious;
        }
    }
    state suspicious { score = score |+| 100; transition accept; }
}

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    dns(weight = 10) queries;
    const bit<16> MAGIC = 0xcafe;
    state start {
        m.score = 0;
        m.problem = error.NoError;
        pkt.extract(hdr.eth);
        pkt.advance(32);
        transition select(hdr.eth.type) {
            MAGIC: inspect;
            default: accept;
        }
    }
    state inspect { queries.apply(pkt, hdr.dns, m.score); transition accept; }
}

bool odd(in bit<16> x) { return x[0:0] == 1; }
bit<8> grade(in bit<8> score) {
    if (score > 200) { return 5; }
    else if (score > 100) { return 3; }
    return 1;
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    apply {
        if (!hdr.dns.isValid()) { return; }
        switch (grade(m.score)) {
            5: { mark_to_drop(); }
            3: 1: { if (odd(hdr.dns.id) && STRICT) mark_to_drop(); else mark_to_pass(); }
            default: { }
        }
        bit<(16 + 8)> joined = hdr.dns.id ++ m.score;
        hdr.dns.id = joined[23:8] ^ (bit<16>)(bit<8>)MINUS;
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr.eth); pkt.emit(hdr.dns); } }
ubpf(prs(), pipe(), dprs()) main;
