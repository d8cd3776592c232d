// SPDX-License-Identifier: Apache-2.0
//
// A user plane function between a mobile network and the internet: GTP-U
// (3GPP TS 29.281) comes off on the way up and goes on on the way down, with
// the PDU session container (TS 38.415) that carries the QoS flow.
//
// Verdicts
//   REDIRECT  A session's packet, without its tunnel or with it.
//   DROP      A tunnel nobody knows, a source that is not the session's, a
//             hop limit that is used up, more than the session's rate.
//   PASS      Unchanged: what is no session's, and GTP messages other than
//             G-PDU, such as echo requests: the flow's actions decide.
//   ABORT     Packets that end inside a header.

#include <core.p4>
#include <ubpf_model.p4>
#include <ubpf_externs.p4>

typedef bit<48> mac_addr_t;
typedef bit<32> ipv4_addr_t;
typedef bit<128> ipv6_addr_t;
typedef bit<32> teid_t;
typedef bit<6> qfi_t;
typedef bit<32> port_t;

const bit<16> ETHERTYPE_IPV4 = 0x0800;
const bit<16> ETHERTYPE_IPV6 = 0x86dd;
const bit<8> PROTOCOL_UDP = 17;
const bit<16> PORT_GTP = 2152;
const bit<8> G_PDU = 255;
const bit<8> PDU_SESSION = 0x85;
const bit<4> DOWNLINK = 0;

header ethernet_t {
    mac_addr_t dst;
    mac_addr_t src;
    bit<16>    type;
}

header ipv4_t {
    bit<4>      version;
    bit<4>      ihl;
    bit<8>      tos;
    bit<16>     length;
    bit<16>     id;
    bit<3>      flags;
    bit<13>     offset;
    bit<8>      ttl;
    bit<8>      protocol;
    bit<16>     checksum;
    ipv4_addr_t src;
    ipv4_addr_t dst;
}

header ipv6_t {
    bit<4>      version;
    bit<8>      traffic_class;
    bit<20>     flow;
    bit<16>     length;
    bit<8>      next;
    bit<8>      hop_limit;
    ipv6_addr_t src;
    ipv6_addr_t dst;
}

header udp_t {
    bit<16> src;
    bit<16> dst;
    bit<16> length;
    bit<16> checksum;
}

header gtp_t {
    bit<3>  version;
    bit<1>  is_gtp;         // 0 is GTP'.
    bit<1>  spare;
    bit<1>  has_extension;
    bit<1>  has_sequence;
    bit<1>  has_npdu;
    bit<8>  type;
    bit<16> length;         // Of what follows the first 8 bytes.
    teid_t  teid;
}

// There if any of the three flags is set.
header gtp_options_t {
    bit<16> sequence;
    bit<8>  npdu;
    bit<8>  next;
}

header pdu_session_t {
    bit<8> words;           // Length in units of 4 bytes.
    bit<4> type;
    bit<4> flags;
    bit<2> flags2;
    qfi_t  qfi;
    bit<8> next;
}

struct headers_t {
    ethernet_t    ethernet;
    ipv4_t        outer;
    udp_t         udp;
    gtp_t         gtp;
    gtp_options_t options;
    pdu_session_t session;
    ipv4_t        ipv4;     // The user's, in a tunnel or not.
    ipv6_t        ipv6;
}

struct metadata_t {
}

parser prs(packet_in packet, out headers_t hdr, inout metadata_t meta,
           inout standard_metadata std) {
    state start {
        packet.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) {
            ETHERTYPE_IPV4: ipv4_or_tunnel;
            ETHERTYPE_IPV6: ipv6;
            default: accept;
        }
    }

    // A tunnel's outer header has no options and is not fragmented.
    state ipv4_or_tunnel {
        ipv4_t ip = packet.lookahead<ipv4_t>();
        transition select(ip.ihl, ip.flags & 1, ip.offset, ip.protocol) {
            (5, 0, 0, PROTOCOL_UDP): udp_or_tunnel;
            default: ipv4;
        }
    }

    state udp_or_tunnel {
        bit<192> start_of_ip = packet.lookahead<bit<192>>();
        transition select(start_of_ip[15:0]) {
            PORT_GTP: tunnel;
            default: ipv4;
        }
    }

    state tunnel {
        packet.extract(hdr.outer);
        packet.extract(hdr.udp);
        packet.extract(hdr.gtp);
        transition select(hdr.gtp.version, hdr.gtp.is_gtp, hdr.gtp.type,
                          hdr.gtp.has_extension, hdr.gtp.has_sequence, hdr.gtp.has_npdu) {
            (1, 1, G_PDU, 0, 0, 0): user;
            (1, 1, G_PDU, _, _, _): options;
            default: accept;
        }
    }

    state options {
        packet.extract(hdr.options);
        transition select(hdr.gtp.has_extension, hdr.options.next) {
            (0, _): user;
            (1, 0): user;
            (1, PDU_SESSION): session;
            default: accept;
        }
    }

    state session {
        packet.extract(hdr.session);
        transition select(hdr.session.words, hdr.session.next) {
            (1, 0): user;
            default: accept;
        }
    }

    state user {
        transition select(packet.lookahead<bit<4>>()) {
            4: ipv4;
            6: ipv6;
            default: accept;
        }
    }

    state ipv4 {
        packet.extract(hdr.ipv4);
        transition accept;
    }

    state ipv6 {
        packet.extract(hdr.ipv6);
        transition accept;
    }
}

control pipe(inout headers_t hdr, inout metadata_t meta,
             inout standard_metadata std) {
    DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) up;
    DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) down4;
    DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) down6;
    DirectMeter(PSA_MeterType_t.BYTES) rate4;
    DirectMeter(PSA_MeterType_t.BYTES) rate6;
    InternetChecksum() checksum;

    action drop() {
        std.output_action = ubpf_action.DROP;
    }

    action send(in mac_addr_t src_mac, in mac_addr_t dst_mac, in port_t port) {
        hdr.ethernet.src = src_mac;
        hdr.ethernet.dst = dst_mac;
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
    }

    action count_hop() {
        if (hdr.ipv4.isValid()) {
            if (hdr.ipv4.ttl < 2) {
                drop();
            } else {
                bit<16> old = hdr.ipv4.ttl ++ hdr.ipv4.protocol;
                hdr.ipv4.ttl = hdr.ipv4.ttl - 1;
                hdr.ipv4.checksum = csum_replace2(
                    hdr.ipv4.checksum, old, hdr.ipv4.ttl ++ hdr.ipv4.protocol);
            }
        } else {
            if (hdr.ipv6.hop_limit < 2) {
                drop();
            } else {
                hdr.ipv6.hop_limit = hdr.ipv6.hop_limit - 1;
            }
        }
    }

    // Up: from a tunnel to the internet.  A session has an IPv4 address, an
    // IPv6 prefix of 64 bits, or both; 0 is none.
    action decapsulate(ipv4_addr_t address, bit<64> prefix,
                       mac_addr_t src_mac, mac_addr_t dst_mac, port_t port) {
        up.count();
        hdr.outer.setInvalid();
        hdr.udp.setInvalid();
        hdr.gtp.setInvalid();
        hdr.options.setInvalid();
        hdr.session.setInvalid();
        send(src_mac, dst_mac, port);
        if (hdr.ipv4.isValid()) {
            hdr.ethernet.type = ETHERTYPE_IPV4;
            if (address == 0 || hdr.ipv4.src != address) {
                drop();
            }
        } else {
            hdr.ethernet.type = ETHERTYPE_IPV6;
            if (prefix == 0 || hdr.ipv6.src[127:64] != prefix) {
                drop();
            }
        }
        count_hop();
    }

    action unknown_tunnel() {
        up.count();
        drop();
    }

    table uplink {
        key = {
            hdr.outer.dst: exact @name("local");
            hdr.gtp.teid: exact @name("teid");
        }
        actions = { decapsulate; unknown_tunnel; }
        default_action = unknown_tunnel();
        psa_direct_counter = up;
        size = 65536;
    }

    // Down: from the internet to a tunnel.
    action encapsulate(in bit<16> length, in ipv4_addr_t local, in ipv4_addr_t remote,
                       in teid_t teid, in qfi_t qfi) {
        count_hop();
        // GTP with options and container has 16 bytes, UDP 8, IPv4 20.
        hdr.ethernet.type = ETHERTYPE_IPV4;
        hdr.outer = {
            version = 4, ihl = 5, tos = 0, length = length + 44, id = 0,
            flags = 2, offset = 0, ttl = 64, protocol = PROTOCOL_UDP,
            checksum = 0, src = local, dst = remote
        };
        checksum.clear();
        checksum.add(hdr.outer);
        hdr.outer.checksum = checksum.get();
        hdr.udp = { PORT_GTP, PORT_GTP, length + 24, 0 };
        hdr.gtp = { 1, 1, 0, 1, 0, 0, G_PDU, length + 8, teid };
        hdr.options = { 0, 0, PDU_SESSION };
        hdr.session = { 1, DOWNLINK, 0, 0, qfi, 0 };
    }

    action tunnel4(teid_t teid, qfi_t qfi, ipv4_addr_t local, ipv4_addr_t remote,
                   mac_addr_t src_mac, mac_addr_t dst_mac, port_t port) {
        down4.count();
        send(src_mac, dst_mac, port);
        encapsulate(hdr.ipv4.length, local, remote, teid, qfi);
        if (rate4.execute() == PSA_MeterColor_t.RED) {
            drop();
        }
    }

    action tunnel6(teid_t teid, qfi_t qfi, ipv4_addr_t local, ipv4_addr_t remote,
                   mac_addr_t src_mac, mac_addr_t dst_mac, port_t port) {
        down6.count();
        send(src_mac, dst_mac, port);
        encapsulate(hdr.ipv6.length + 40, local, remote, teid, qfi);
        if (rate6.execute() == PSA_MeterColor_t.RED) {
            drop();
        }
    }

    table downlink4 {
        key = { hdr.ipv4.dst: exact @name("address"); }
        actions = { tunnel4; @defaultonly NoAction; }
        default_action = NoAction();
        psa_direct_counter = down4;
        psa_direct_meter = rate4;
        size = 65536;
    }

    table downlink6 {
        key = { hdr.ipv6.dst[127:64]: exact @name("prefix"); }
        actions = { tunnel6; @defaultonly NoAction; }
        default_action = NoAction();
        psa_direct_counter = down6;
        psa_direct_meter = rate6;
        size = 65536;
    }

    apply {
        if (hdr.gtp.isValid()) {
            if (hdr.ipv4.isValid() || hdr.ipv6.isValid()) {
                uplink.apply();
            }
        } else if (hdr.ipv4.isValid()) {
            downlink4.apply();
        } else if (hdr.ipv6.isValid()) {
            downlink6.apply();
        }
    }
}

control dprs(packet_out packet, in headers_t hdr) {
    apply {
        packet.emit(hdr.ethernet);
        packet.emit(hdr.outer);
        packet.emit(hdr.udp);
        packet.emit(hdr.gtp);
        packet.emit(hdr.options);
        packet.emit(hdr.session);
        packet.emit(hdr.ipv4);
        packet.emit(hdr.ipv6);
    }
}

ubpf(prs(), pipe(), dprs()) main;
