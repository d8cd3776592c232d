// SPDX-License-Identifier: Apache-2.0
// Access list on the five-tuple, with every match kind and a meter-like budget in registers.
#include <core.p4>
#include <ubpf_model.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<32> frag;
    bit<8> ttl; bit<8> proto; bit<16> csum; bit<32> src; bit<32> dst;
}
header ports_t { bit<16> src; bit<16> dst; }
struct headers { ethernet_t eth; ipv4_t ip; ports_t l4; }
struct budget_t { bit<48> since; bit<32> packets; }
struct meta { bit<32> index; bool permitted; }

parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    value_set<bit<8>>(4) port_protocols;
    state start {
        pkt.extract(hdr.eth);
        transition select(hdr.eth.type) { 0x0800: ip; default: accept; }
    }
    state ip {
        pkt.extract(hdr.ip);
        transition select(hdr.ip.proto, pkt.lookahead<bit<16>>()) {
            (6 &&& 0xff, 1 .. 1023): l4;
            (17, _): l4;
            (port_protocols, _): l4;
            default: accept;
        }
    }
    state l4 { pkt.extract(hdr.l4); transition accept; }
}

control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    Register<budget_t, bit<32>>(1024) budgets;

    action permit() { m.permitted = true; }
    action deny() { m.permitted = false; exit; }
    action limit(bit<32> index, bit<32> most) {
        budget_t budget = budgets.read(index);
        if (budget.packets >= most && ubpf_time_get_ns() - budget.since < 1000000000) {
            m.permitted = false;
        } else {
            budget.packets = budget.packets |+| 1;
            budgets.write(index, budget);
            m.permitted = true;
        }
    }
    table rules {
        key = {
            hdr.ip.src: ternary @name("src");
            hdr.ip.dst: lpm;
            hdr.ip.proto: exact;
            hdr.l4.dst: range;
            hdr.ip.tos[7:2]: optional @name("dscp");
        }
        actions = { permit; deny; limit; }
        const default_action = deny();
        entries = {
            const priority = 10: (0x0a000000 &&& 0xff000000, _, 6, 80 .. 90, _): permit();
            (_, 0x0a010000 &&& 0xffff0000, 17, 53 .. 53, 46): limit(3, 1000);
        }
        largest_priority_wins = true;
    }
    apply {
        switch (rules.apply().action_run) {
            permit: limit: { }
            default: { std.output_action = ubpf_action.DROP; }
        }
        if (!m.permitted) { std.output_action = ubpf_action.DROP; return; }
        truncate(128);
    }
}

@deparser control dprs(packet_out pkt, in headers hdr) { apply { pkt.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
