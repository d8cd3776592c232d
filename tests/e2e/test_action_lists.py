# SPDX-License-Identifier: Apache-2.0
"""`prog:ID` among other OpenFlow actions: what it sees of those before, and those after of it."""

from __future__ import annotations

import pytest

from e2e import packets
from e2e.packets import PASS, REDIRECT, order
from e2e.switch import Bridge, Switch

SENT = packets.udp(dst="192.0.2.1")
REWRITTEN = packets.udp(dst="10.0.0.9")

SENT6 = packets.udp6()
# What rewrite.p4 makes of SENT6: priority 3, VLAN 100.
TAGGED6 = SENT6[:12] + bytes.fromhex("8100 6064") + SENT6[12:]


@pytest.fixture
def rewriting(br0: Bridge) -> Bridge:
    """br0 with rewrite.p4 as program 1."""
    br0.load("rewrite.p4")
    return br0


@pytest.fixture
def marking(br0: Bridge) -> Bridge:
    """br0 with mark.p4 as programs 1, 2 and 3, which leave the marks 1, 2 and 3."""
    for tag in (1, 2, 3):
        br0.load("mark.p4", f"mark{tag}", TAG=tag)
    return br0


def test_a_chain_runs_in_order(switch: Switch, marking: Bridge) -> None:
    marking.add_flows("in_port=1,actions=prog:1,prog:2,output:2")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(0x0102)]}
    assert marking.register("mark1", "seen[0]") == 1
    assert marking.register("mark2", "seen[0]") == 1


def test_a_program_twice_in_a_list(switch: Switch, marking: Bridge) -> None:
    marking.add_flows("in_port=1,actions=prog:1,prog:1,output:2")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(0x0101)]}


def test_a_chain_ends_where_a_program_drops(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.load("mark.p4", "mark")
    br0.add_flows("in_port=1,actions=prog:1,prog:2,output:2")
    assert switch.exchange(1, [order(packets.DROP), packets.log()], batch=True) == {2: [packets.log(1)]}
    assert br0.statistics("mark") == {"packets": 1, "bytes": 60, "passed": 1}


def test_each_output_sends_the_packet_as_it_is_there(switch: Switch, marking: Bridge) -> None:
    marking.add_flows("in_port=1,actions=output:2,prog:1,output:3,prog:2,in_port,prog:3,output:2")
    assert switch.exchange(1, [packets.log()]) == {
        1: [packets.log(0x0102)],
        2: [packets.log(), packets.log(0x010203)],
        3: [packets.log(0x01)],
    }


def test_an_output_before_a_program_that_drops(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=output:3,prog:1,output:2")
    frame = order(packets.DROP)
    assert switch.exchange(1, [frame]) == {3: [frame]}


def test_goto_table_matches_the_rewritten_header(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "in_port=1,actions=prog:1,goto_table:1",
        "table=1,priority=2,ip,nw_dst=10.0.0.9,actions=output:2",
        "table=1,priority=1,ip,nw_dst=192.0.2.1,actions=output:3",
    )
    other = packets.udp(dst="192.0.2.2")
    rewriting.add_flows("table=1,priority=0,actions=in_port")
    assert switch.exchange(1, [SENT, other, SENT]) == {2: [REWRITTEN, REWRITTEN], 1: [other]}


def test_goto_table_matches_a_vlan_tag_that_was_pushed(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "in_port=1,actions=prog:1,goto_table:1",
        "table=1,priority=2,dl_vlan=100,dl_vlan_pcp=3,actions=output:2",
        "table=1,priority=1,actions=output:3",
    )
    assert switch.exchange(1, [SENT6]) == {2: [TAGGED6]}


def test_resubmit_matches_the_rewritten_header(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "in_port=1,actions=prog:1,resubmit(,1),output:3",
        "table=1,priority=2,ip,nw_dst=10.0.0.9,actions=output:2",
        "table=1,priority=1,actions=drop",
    )
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN], 3: [REWRITTEN]}


def test_a_program_in_a_resubmitted_table(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "in_port=1,actions=resubmit(,1),output:3",
        "table=1,actions=prog:1,resubmit(,2)",
        "table=2,ip,nw_dst=10.0.0.9,actions=output:2",
    )
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN], 3: [REWRITTEN]}


def test_a_program_behind_a_goto_table(switch: Switch, marking: Bridge) -> None:
    marking.add_flows(
        "in_port=1,actions=prog:1,goto_table:5",
        "table=5,actions=prog:2,goto_table:9",
        "table=9,actions=prog:3,output:2",
    )
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(0x010203)]}


def test_set_field_after_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,ip,actions=prog:1,mod_nw_ttl:9,mod_dl_dst:02:00:00:00:00:77,output:2")
    expected = packets.udp(dst="10.0.0.9", ttl=9, mac_dst="02:00:00:00:00:77")
    assert switch.exchange(1, [SENT]) == {2: [expected]}


def test_set_field_before_a_program_is_seen_by_it(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,udp,actions=mod_nw_dst:192.0.2.1,prog:1,output:2")
    assert switch.exchange(1, [packets.udp(dst="203.0.113.5")]) == {2: [REWRITTEN]}


def test_dec_ttl_after_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,ip,actions=prog:1,dec_ttl,output:2")
    assert switch.exchange(1, [SENT]) == {2: [packets.udp(dst="10.0.0.9", ttl=63)]}


def test_strip_vlan_after_a_program_that_pushed(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,actions=prog:1,strip_vlan,output:2", version="OpenFlow10")
    assert switch.exchange(1, [SENT6]) == {2: [SENT6]}


def test_mod_vlan_after_a_program_that_pushed(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,actions=prog:1,mod_vlan_vid:7,output:2", version="OpenFlow10")
    assert switch.exchange(1, [SENT6]) == {2: [SENT6[:12] + bytes.fromhex("8100 6007") + SENT6[12:]]}


def test_mod_vlan_before_a_program_is_seen_by_it(switch: Switch, br0: Bridge) -> None:
    br0.load("tunnel")
    br0.add_entries("tunnel", "table=tagged,port=1,vid=12,actions=pop_vlan(port=3)")
    br0.add_flows("in_port=1,actions=mod_vlan_vid:12,prog:1,output:2")
    assert switch.exchange(1, [SENT]) == {3: [SENT]}


def test_push_mpls_before_a_program_is_seen_by_it(switch: Switch, br0: Bridge) -> None:
    br0.load("tunnel")
    br0.add_entries("tunnel", "table=labelled,label=77,actions=pop_mpls(type=0x0800,port=3)")
    br0.add_flows("in_port=1,ip,actions=push_mpls:0x8847,set_field:77->mpls_label,prog:1,output:2")
    assert switch.exchange(1, [SENT]) == {3: [SENT]}


def test_normal_after_a_program_learns_and_forwards(switch: Switch, marking: Bridge) -> None:
    marking.add_flows("actions=prog:1,NORMAL")
    there = packets.ethernet(0x88B7, bytes(46), src=packets.H1, dst=packets.H2)
    back = packets.ethernet(0x88B7, bytes(46), src=packets.H2, dst=packets.H1)

    def marked(frame: bytes) -> bytes:
        return frame[:17] + b"\1" + frame[18:]

    assert switch.exchange(1, [there]) == {2: [marked(there)], 3: [marked(there)]}
    assert switch.exchange(2, [back]) == {1: [marked(back)]}
    switch.settle()
    assert switch.exchange(1, [there]) == {2: [marked(there)]}


def test_conntrack_after_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "table=0,in_port=1,udp,actions=prog:1,ct(commit,table=1)",
        "table=0,in_port=2,udp,actions=prog:1,ct(table=2)",
        "table=1,actions=output:2",
        "table=2,priority=2,ct_state=+trk+est,udp,actions=output:1",
        "table=2,priority=1,actions=output:3",
    )
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN]}
    answer = packets.udp("10.0.0.9", "10.0.1.1", sport=2000, dport=1000)
    assert switch.exchange(2, [answer]) == {1: [answer]}
    stranger = packets.udp("192.0.2.7", "10.0.1.1", sport=2000, dport=1000)
    assert switch.exchange(2, [stranger]) == {3: [stranger]}


def test_conntrack_before_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "table=0,in_port=1,udp,actions=ct(commit,table=1)",
        "table=1,ct_state=+trk+new,udp,actions=prog:1,goto_table:2",
        "table=2,ip,nw_dst=10.0.0.9,actions=output:2",
    )
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN]}


def test_a_group_of_type_all_gives_each_bucket_its_own_packet(switch: Switch, marking: Bridge) -> None:
    marking.add_group(
        "group_id=1,type=all,bucket=actions=prog:1,output:2,bucket=actions=prog:2,output:3,"
        "bucket=actions=in_port"
    )
    marking.add_flows("in_port=1,actions=group:1")
    assert switch.exchange(1, [packets.log()]) == {
        1: [packets.log()],
        2: [packets.log(1)],
        3: [packets.log(2)],
    }


@pytest.mark.parametrize("kind", ["indirect", "select", "fast_failover"])
def test_a_program_in_the_bucket_of_a_group(switch: Switch, rewriting: Bridge, kind: str) -> None:
    watch = "watch_port:2," if kind == "fast_failover" else ""
    rewriting.add_group(f"group_id=1,type={kind},bucket={watch}actions=prog:1,output:2")
    rewriting.add_flows("in_port=1,actions=group:1")
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN]}


def test_a_group_after_a_program(switch: Switch, marking: Bridge) -> None:
    marking.add_group("group_id=1,type=all,bucket=actions=output:2,bucket=actions=prog:2,output:3")
    marking.add_flows("in_port=1,actions=prog:1,group:1")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)], 3: [packets.log(0x0102)]}


def test_programs_in_the_buckets_of_a_balancing_group(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_group(
        "group_id=1,type=select,selection_method=dp_hash,"
        "bucket=actions=prog:1,output:2,bucket=actions=prog:1,output:3"
    )
    rewriting.add_flows("in_port=1,actions=group:1")
    ports = range(1000, 1064)
    arrived = switch.exchange(1, [packets.udp(dst="192.0.2.1", sport=port) for port in ports])
    assert set(arrived) == {2, 3}
    expected = [packets.udp(dst="10.0.0.9", sport=port) for port in ports]
    assert sorted(arrived[2] + arrived[3]) == sorted(expected)


def test_a_redirect_in_the_bucket_of_a_balancing_group(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_group(
        "group_id=1,type=select,selection_method=dp_hash,"
        "bucket=actions=prog:1,output:3,bucket=actions=prog:1,output:3"
    )
    br0.add_flows("in_port=1,actions=group:1")
    frames = [order(PASS + i % 2, port=2, payload=bytes([i]) * 8) for i in range(32)]
    arrived = switch.exchange(1, frames, batch=True)
    assert {port: sorted(got) for port, got in arrived.items()} == {2: frames[1::2], 3: frames[0::2]}


def test_output_to_a_register_after_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,actions=load:2->NXM_NX_REG0[],prog:1,output:NXM_NX_REG0[]")
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN]}


def test_a_program_in_clone_leaves_the_original_alone(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,actions=clone(prog:1,output:2),output:3")
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN], 3: [SENT]}


def test_a_drop_in_clone_drops_the_copy_only(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=clone(prog:1,output:2),output:3")
    frame = order(packets.DROP)
    assert switch.exchange(1, [frame]) == {3: [frame]}


def test_a_redirect_in_clone_redirects_the_copy_only(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=clone(prog:1),output:3")
    frame = order(REDIRECT, port=2)
    assert switch.exchange(1, [frame]) == {2: [frame], 3: [frame]}


def test_a_program_in_the_action_set(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "table=0,in_port=1,actions=write_actions(prog:1,output:2),goto_table:1",
        "table=1,ip,nw_dst=192.0.2.1,actions=output:3",
    )
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN], 3: [SENT]}


def test_an_action_set_written_before_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "table=0,in_port=1,actions=write_actions(output:2),goto_table:1",
        "table=1,actions=prog:1,output:3,goto_table:2",
        "table=2,ip,nw_dst=10.0.0.9,actions=set_field:02:00:00:00:00:55->eth_dst",
    )
    last = packets.udp(dst="10.0.0.9", mac_dst="02:00:00:00:00:55")
    assert switch.exchange(1, [SENT]) == {2: [last], 3: [REWRITTEN]}


def test_registers_of_openflow_survive_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "in_port=1,actions=load:5->NXM_NX_REG0[],load:0x123456789->OXM_OF_METADATA[],prog:1,resubmit(,1)",
        "table=1,priority=2,reg0=5,metadata=0x123456789,ip,nw_dst=10.0.0.9,actions=output:2",
        "table=1,priority=1,actions=output:3",
    )
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN]}


def test_move_after_a_program_reads_the_new_header(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,ip,actions=prog:1,move:NXM_OF_IP_DST[]->NXM_OF_IP_SRC[],output:2")
    expected = packets.udp("10.0.0.9", "10.0.0.9")
    assert switch.exchange(1, [SENT]) == {2: [expected]}


def test_learn_after_a_program_learns_the_new_header(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "in_port=1,ip,actions=prog:1,learn(table=1,dl_type=0x0800,NXM_OF_IP_SRC[]=NXM_OF_IP_DST[],"
        "output:NXM_OF_IN_PORT[]),output:3",
        "in_port=2,actions=resubmit(,1)",
    )
    assert switch.exchange(1, [SENT]) == {3: [REWRITTEN]}
    answer = packets.udp("10.0.0.9", "10.0.1.1")
    assert switch.exchange(2, [answer]) == {1: [answer]}


def test_output_with_a_length_after_a_program(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows("in_port=1,actions=prog:1,output(port=2,max_len=40),output:3")
    assert switch.exchange(1, [SENT]) == {2: [REWRITTEN[:40]], 3: [REWRITTEN]}


def test_packet_out_runs_a_program(switch: Switch, rewriting: Bridge) -> None:
    command = ["ovs-ofctl", "packet-out", "br0", f"in_port=1 packet={SENT.hex()} actions=prog:1,output:2"]
    switch.run(*command)
    assert switch.collect(2, 1) == [REWRITTEN]


def test_packet_out_with_a_redirect(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    frame = order(REDIRECT, port=3)
    switch.run("ovs-ofctl", "packet-out", "br0", f"in_port=1 packet={frame.hex()} actions=prog:1,output:2")
    assert switch.collect(3, 1) == [frame]


def test_a_meter_before_a_program(switch: Switch, marking: Bridge) -> None:
    meter = "meter=1,pktps,band=type=drop,rate=1000000"
    switch.run("ovs-ofctl", "-O", "OpenFlow13", "add-meter", "br0", meter)
    marking.add_flows("in_port=1,actions=meter:1,prog:1,output:2")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}


def test_a_batch_splits_on_the_rewritten_header(switch: Switch, rewriting: Bridge) -> None:
    rewriting.add_flows(
        "in_port=1,actions=prog:1,goto_table:1",
        "table=1,priority=2,ip,nw_dst=10.0.0.9,actions=output:2",
        "table=1,priority=1,actions=output:3",
    )
    frames = [packets.udp(dst=f"192.0.2.{1 + i % 2}", payload=bytes([i]) * 20) for i in range(32)]
    translated = [packets.udp(dst="10.0.0.9", payload=bytes([i]) * 20) for i in range(0, 32, 2)]
    assert switch.exchange(1, frames, batch=True) == {2: translated, 3: frames[1::2]}


def test_verdicts_are_kept_apart_where_the_batch_recirculates(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=prog:1,goto_table:1", "table=1,actions=output:2")
    frames = [order(i % 4, port=3, payload=bytes([i]) * 8) for i in range(32)]
    assert switch.exchange(1, frames, batch=True) == {2: frames[2::4], 3: frames[3::4]}


def test_deep_chains_end(switch: Switch, marking: Bridge) -> None:
    # Each step recirculates: more of them than the datapath allows drop the packet.
    steps = [f"table={n},actions=prog:1,goto_table:{n + 1}" for n in range(60)]
    marking.add_flows("table=0,priority=1,in_port=1,actions=prog:1,goto_table:1", *steps[1:],
                      "table=60,actions=output:2")  # fmt: skip
    assert switch.exchange(1, [packets.log()]) in ({}, {2: [packets.log(0x01010101)]})
    alive = order(PASS)
    marking.add_flows("priority=2,in_port=1,dl_type=0x88b6,actions=output:2")
    assert switch.exchange(1, [alive]) == {2: [alive]}
