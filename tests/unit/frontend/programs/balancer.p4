// SPDX-License-Identifier: Apache-2.0
// Load balancer: hash of the flow picks a bucket, the bucket a server.
#include <core.p4>
#include <ubpf_model.p4>

const bit<32> BUCKETS = 256;
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t { bit<72> w0; bit<8> proto; bit<16> csum; bit<32> src; bit<32> dst; }
header ports_t { bit<16> src; bit<16> dst; }
struct headers { ethernet_t eth; ipv4_t ip; ports_t ports; }
struct pair_t<A, B> { A first; B second; }
struct meta { pair_t<bit<32>, bit<8>> bucket; tuple<bit<8>, bool> extra; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start {
        pkt.extract<ethernet_t>(hdr.eth);
        transition select(hdr.eth.type) { 0x800: ip; default: accept; }
    }
    state ip { pkt.extract(hdr = hdr.ip); pkt.extract(hdr.ports); transition accept; }
}

T largest<T>(in T a, in T b, in bool left) { return left ? a : b; }

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    Register<bit<64>, bit<32>>(size = BUCKETS) counts;
    action server(bit<48> mac, bit<32> port) {
        hdr.eth.dst = mac;
        std.output_port = port;
        std.output_action = ubpf_action.REDIRECT;
    }
    table servers {
        key = { m.bucket.first: exact; }
        actions = { server; NoAction; }
        size = 256;
    }
    apply {
        bit<32> digest;
        hash(digest, HashAlgorithm.lookup3, { hdr.ip.src, hdr.ip.dst, hdr.ip.proto, hdr.ports.src, hdr.ports.dst });
        m.bucket = { first = digest % BUCKETS, second = 8w1 };
        m.extra = { 3, true };
        m.bucket.second += m.extra[0];
        for (bit<32> i = 0; i < 4; i += 1) {
            if (counts.read(i) == 0) { continue; }
            counts.write(i, counts.read(i) - 1);
        }
        if (servers.apply().hit && largest(8w3, m.bucket.second, m.extra[1]) > 2) {
            counts.write(m.bucket.first, counts.read(m.bucket.first) + 1);
        }
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
