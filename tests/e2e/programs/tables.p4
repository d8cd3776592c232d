// SPDX-License-Identifier: Apache-2.0
//
// One table of each kind; what they say is written into the destination MAC
// address, a byte each: 02, port_vlan, net6, tenant, ethertype, hit.

#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header ipv4_t {
    bit<64> before;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header ipv6_t {
    bit<4>   version;
    bit<8>   traffic_class;
    bit<20>  flow_label;
    bit<16>  payload_len;
    bit<8>   next_header;
    bit<8>   hop_limit;
    bit<128> src;
    bit<128> dst;
}

struct headers_t {
    ethernet_t ethernet;
    ipv4_t     ipv4;
    ipv6_t     ipv6;
}

struct metadata_t {
    bit<8> port_type;
    bit<8> net6;
    bit<8> tenant;
    bit<8> ethertype;
    bit<8> outcome;
}

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            0x0800: ipv4;
            0x86dd: ipv6;
            default: accept;
        }
    }

    state ipv4 {
        pkt.extract(hdr.ipv4);
        transition accept;
    }

    state ipv6 {
        pkt.extract(hdr.ipv6);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    action set_port_type(bit<8> value) { meta.port_type = value; }
    action set_net6(bit<8> value) { meta.net6 = value; }
    action set_tenant(bit<8> value) { meta.tenant = value; }
    action set_ethertype(bit<8> value) { meta.ethertype = value; }
    action other() { }

    // Two exact fields, one of them not a whole number of bytes.
    table port_type {
        key = {
            (bit<9>) std.input_port: exact @name("port");
            hdr.ethernet.type: exact;
        }
        actions = { set_port_type; other; }
        default_action = set_port_type(0xee);
        size = 64;
    }

    // 128 bits of longest prefix.
    table net6 {
        key = { hdr.ipv6.dst: lpm; }
        actions = { set_net6; other; }
        default_action = other();
        size = 64;
    }

    // An exact field before a prefix.
    table tenant {
        key = {
            std.input_port: exact @name("port");
            hdr.ipv4.dst: lpm;
        }
        actions = { set_tenant; other; }
        default_action = other();
        size = 64;
    }

    table ethertype {
        key = { hdr.ethernet.type: exact; }
        actions = { set_ethertype; }
        const entries = {
            0x0800: set_ethertype(4);
            0x86dd: set_ethertype(6);
        }
        const default_action = set_ethertype(0xff);
    }

    apply {
        port_type.apply();
        ethertype.apply();
        if (hdr.ipv6.isValid()) {
            if (net6.apply().hit) {
                meta.outcome = 1;
            }
        }
        if (hdr.ipv4.isValid()) {
            switch (tenant.apply().action_run) {
                set_tenant: { meta.outcome = 2; }
                other: { meta.outcome = 3; }
            }
        }
        hdr.ethernet.dst = 8w0x02 ++ meta.port_type ++ meta.net6 ++ meta.tenant
                           ++ meta.ethertype ++ meta.outcome;
    }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply {
        pkt.emit(hdr.ethernet);
        pkt.emit(hdr.ipv4);
        pkt.emit(hdr.ipv6);
    }
}

ubpf(prs(), pipe(), dprs()) main;
