// SPDX-License-Identifier: Apache-2.0
//
// A rate limiter for IPv4 and IPv6, two rates and three colours (RFC 2698):
// each subscriber has a rate, each input port another.  What is within the
// committed rate passes, what is within the peak rate gets the higher drop
// precedence of its class, and what is beyond is dropped.
//
// Subscribers' meters know colours: a packet that was marked on its way
// (AFx2, AFx3 of RFC 2597) never gets a better one.

#include <core.p4>
#include <ubpf_model.p4>
#include <ubpf_externs.p4>

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_VLAN = 0x8100;
const bit<16> ETHERTYPE_IPV6 = 0x86dd;
const bit<32> PORTS = 256;

header ethernet_t {
    bit<48> dst;
    bit<48> src;
    bit<16> type;
}

header vlan_t {
    bit<16> tci;
    bit<16> type;
}

header ipv4_t {
    bit<4>  version;
    bit<4>  ihl;
    bit<6>  dscp;
    bit<2>  ecn;
    bit<16> length;
    bit<32> fragment;
    bit<8>  ttl;
    bit<8>  protocol;
    bit<16> checksum;
    bit<32> src;
    bit<32> dst;
}

header ipv6_t {
    bit<4>   version;
    bit<6>   dscp;
    bit<2>   ecn;
    bit<20>  flow;
    bit<16>  length;
    bit<8>   next;
    bit<8>   hops;
    bit<128> src;
    bit<128> dst;
}

struct headers_t {
    ethernet_t ethernet;
    vlan_t     vlan;
    ipv4_t     ipv4;
    ipv6_t     ipv6;
}

struct metadata_t {
    bit<6> dscp;
}

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_VLAN: vlan;
            ETHERTYPE_IPV4: ipv4;
            ETHERTYPE_IPV6: ipv6;
            default: accept;
        }
    }

    state vlan {
        packet.extract(hdr.vlan);
        transition select(hdr.vlan.type) {
            ETHERTYPE_IPV4: ipv4;
            ETHERTYPE_IPV6: ipv6;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        meta.dscp = hdr.ipv4.dscp;
        transition accept;
    }

    state ipv6 {
        packet.extract(hdr.ipv6);
        meta.dscp = hdr.ipv6.dscp;
        transition accept;
    }
}

// Classes 1 to 4 of assured forwarding.
bool is_assured(in bit<6> dscp) {
    return dscp[5:3] >= 1 && dscp[5:3] <= 4;
}

// The colour of an assured-forwarding class, by its drop precedence.
PSA_MeterColor_t color_of(in bit<6> dscp) {
    if (is_assured(dscp)) {
        if (dscp[2:0] == 4) {
            return PSA_MeterColor_t.YELLOW;
        }
        if (dscp[2:0] == 6) {
            return PSA_MeterColor_t.RED;
        }
    }
    return PSA_MeterColor_t.GREEN;
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    DirectMeter(PSA_MeterType_t.BYTES) rate4;
    DirectMeter(PSA_MeterType_t.BYTES) rate6;
    Meter<bit<32>>(PORTS, PSA_MeterType_t.PACKETS) ports;
    // Green, yellow and red.
    Counter<bit<64>, bit<8>>(3, PSA_CounterType_t.PACKETS_AND_BYTES) colors;

    PSA_MeterColor_t color = PSA_MeterColor_t.GREEN;

    @brief("The subscriber has a rate: that of the entry's meter.")
    action limit4() {
        color = rate4.execute(color_of(meta.dscp));
    }

    @brief("The subscriber has a rate: that of the entry's meter.")
    action limit6() {
        color = rate6.execute(color_of(meta.dscp));
    }

    table subscribers4 {
        key = { hdr.ipv4.src: lpm @name("src"); }
        actions = { limit4; @defaultonly NoAction; }
        default_action = NoAction();
        psa_direct_meter = rate4;
        size = 65536;
    }

    table subscribers6 {
        key = { hdr.ipv6.src: lpm @name("src"); }
        actions = { limit6; @defaultonly NoAction; }
        default_action = NoAction();
        psa_direct_meter = rate6;
        size = 65536;
    }

    action mark(in bit<6> dscp) {
        if (hdr.ipv4.isValid()) {
            bit<16> old = hdr.ipv4.version ++ hdr.ipv4.ihl ++ hdr.ipv4.dscp ++ hdr.ipv4.ecn;
            hdr.ipv4.dscp = dscp;
            bit<16> new = hdr.ipv4.version ++ hdr.ipv4.ihl ++ hdr.ipv4.dscp ++ hdr.ipv4.ecn;
            hdr.ipv4.checksum = csum_replace2(hdr.ipv4.checksum, old, new);
        } else {
            hdr.ipv6.dscp = dscp;
        }
    }

    apply {
        if (hdr.ipv4.isValid()) {
            subscribers4.apply();
        } else if (hdr.ipv6.isValid()) {
            subscribers6.apply();
        }
        // A meter outside of the array would say RED: ports such as LOCAL have none.
        if (std.input_port < PORTS
            && ports.execute(std.input_port) == PSA_MeterColor_t.RED) {
            color = PSA_MeterColor_t.RED;
        }
        if (color == PSA_MeterColor_t.RED) {
            colors.count(2);
            std.output_action = ubpf_action.DROP;
        } else if (color == PSA_MeterColor_t.YELLOW) {
            colors.count(1);
            if (is_assured(meta.dscp) && meta.dscp[2:0] == 2) {
                // AFx1 becomes AFx2.
                mark(meta.dscp + 2);
            }
        } else {
            colors.count(0);
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.vlan);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv6);
    }
}

ubpf(prs(), pipe(), dprs()) main;
