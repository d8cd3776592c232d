# SPDX-License-Identifier: Apache-2.0
"""What each verdict does to a packet, and to its neighbours in a batch."""

from __future__ import annotations

import pytest

from e2e import packets
from e2e.packets import ABORT, DROP, PASS, REDIRECT, order
from e2e.switch import Bridge, Switch


@pytest.fixture
def ordered(br0: Bridge) -> Bridge:
    """br0, where order.p4 handles what h1 sends, and h2 gets what passes."""
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    return br0


def numbered(count: int, verdict: int = PASS, **fields: int) -> list[bytes]:
    return [order(verdict, payload=bytes([i]) * 8, **fields) for i in range(count)]


def test_a_flow_without_programs_forwards(switch: Switch, br0: Bridge) -> None:
    br0.add_flows("in_port=1,actions=output:2")
    frame = packets.udp()
    assert switch.exchange(1, [frame]) == {2: [frame]}


def test_pass_goes_on_to_the_next_action(switch: Switch, ordered: Bridge) -> None:
    frame = order(PASS)
    assert switch.exchange(1, [frame]) == {2: [frame]}
    assert ordered.statistics("order") == {"packets": 1, "bytes": 60, "passed": 1}


def test_drop_drops_and_counts(switch: Switch, ordered: Bridge) -> None:
    assert switch.exchange(1, [order(DROP)]) == {}
    assert ordered.statistics("order") == {"packets": 1, "bytes": 60, "dropped": 1}


def test_abort_drops_and_counts_apart(switch: Switch, ordered: Bridge) -> None:
    assert switch.exchange(1, [order(ABORT)]) == {}
    assert ordered.statistics("order") == {"packets": 1, "bytes": 60, "aborted": 1}


def test_a_parser_that_runs_out_of_packet_aborts(switch: Switch, ordered: Bridge) -> None:
    assert switch.exchange(1, [packets.ethernet(0x88B6, b"\2\0\0")]) == {}
    assert ordered.statistics("order") == {"packets": 1, "bytes": 17, "aborted": 1}


def test_pass_as_the_last_action_is_the_end(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=output:3,prog:1")
    frame = order(PASS)
    assert switch.exchange(1, [frame]) == {3: [frame]}


def test_redirect_ignores_the_actions_after_the_program(switch: Switch, ordered: Bridge) -> None:
    frame = order(REDIRECT, port=3)
    assert switch.exchange(1, [frame]) == {3: [frame]}
    assert ordered.statistics("order") == {"packets": 1, "bytes": 60, "redirected": 1}


@pytest.mark.parametrize("bad", [0, 7, 31])
def test_one_of_32_in_a_batch_is_dropped(switch: Switch, ordered: Bridge, bad: int) -> None:
    frames = numbered(32)
    kept = frames[:bad] + frames[bad + 1 :]
    frames[bad] = order(DROP)
    assert switch.exchange(1, frames, batch=True) == {2: kept}
    assert ordered.statistics("order") == {"packets": 32, "bytes": 32 * 60, "dropped": 1, "passed": 31}


def test_a_whole_batch_is_dropped(switch: Switch, ordered: Bridge) -> None:
    assert switch.exchange(1, numbered(32, DROP), batch=True) == {}
    frame = order(PASS)
    assert switch.exchange(1, [frame]) == {2: [frame]}


def test_every_verdict_in_one_batch(switch: Switch, ordered: Bridge) -> None:
    frames = [order(i % 4, port=3, payload=bytes([i]) * 8) for i in range(32)]
    assert switch.exchange(1, frames, batch=True) == {2: frames[2::4], 3: frames[3::4]}
    expected = {"packets": 32, "bytes": 32 * 60, "aborted": 8, "dropped": 8, "passed": 8, "redirected": 8}
    assert ordered.statistics("order") == expected


def test_redirects_to_several_ports_in_one_batch_keep_order(switch: Switch, ordered: Bridge) -> None:
    frames = [order(REDIRECT, port=2 + i % 2, payload=bytes([i]) * 8) for i in range(32)]
    assert switch.exchange(1, frames, batch=True) == {2: frames[0::2], 3: frames[1::2]}


def test_pass_and_redirect_to_the_same_port(switch: Switch, ordered: Bridge) -> None:
    frames = [order(PASS + i % 2, port=2, payload=bytes([i]) * 8) for i in range(8)]
    arrived = switch.exchange(1, frames, batch=True)
    assert {port: sorted(got) for port, got in arrived.items()} == {2: sorted(frames)}


def test_many_batches_lose_nothing(switch: Switch, ordered: Bridge) -> None:
    for _ in range(20):
        frames = numbered(32)
        assert switch.exchange(1, frames) == {2: frames}
    assert ordered.statistics("order") == {"packets": 640, "bytes": 640 * 60, "passed": 640}


@pytest.mark.parametrize("port", [0, 77, 0xFEFF, 0x12345, 0xFFFF, 0xFFFFFFFF])
def test_redirect_to_a_port_that_is_not_there_drops(switch: Switch, ordered: Bridge, port: int) -> None:
    before, after = order(PASS, payload=b"before"), order(PASS, payload=b"after")
    frames = [before, order(REDIRECT, port=port), after]
    assert switch.exchange(1, frames, batch=True) == {2: [before, after]}


def test_redirect_to_the_port_it_came_from_as_a_plain_number_drops(switch: Switch, ordered: Bridge) -> None:
    # As `output:1` for a packet of port 1 does in OpenFlow.
    assert switch.exchange(1, [order(REDIRECT, port=1)]) == {}


@pytest.mark.parametrize("port", [packets.IN_PORT, 0xFFFFFFF8])
def test_redirect_to_in_port(switch: Switch, ordered: Bridge, port: int) -> None:
    frame = order(REDIRECT, port=port)
    assert switch.exchange(1, [frame]) == {1: [frame]}


@pytest.mark.parametrize("port", [0xFFFA, 0xFFFB, 0xFFFC], ids=["NORMAL", "FLOOD", "ALL"])
def test_redirect_to_several_ports_at_once(switch: Switch, ordered: Bridge, port: int) -> None:
    frame = order(REDIRECT, port=port)
    assert switch.exchange(1, [frame]) == {2: [frame], 3: [frame]}


def test_clone_and_pass(switch: Switch, ordered: Bridge) -> None:
    frame = order(PASS, clone_port=3)
    assert switch.exchange(1, [frame]) == {2: [frame], 3: [frame]}
    assert ordered.statistics("order") == {"packets": 1, "bytes": 60, "passed": 1, "cloned": 1}


def test_clone_and_drop(switch: Switch, ordered: Bridge) -> None:
    frame = order(DROP, clone_port=3)
    assert switch.exchange(1, [frame]) == {3: [frame]}


def test_clone_and_redirect(switch: Switch, ordered: Bridge) -> None:
    frame = order(REDIRECT, port=packets.IN_PORT, clone_port=3)
    assert switch.exchange(1, [frame]) == {1: [frame], 3: [frame]}


def test_clone_to_a_port_that_is_not_there(switch: Switch, ordered: Bridge) -> None:
    frame = order(PASS, clone_port=77)
    assert switch.exchange(1, [frame]) == {2: [frame]}


def test_a_clone_in_a_batch_touches_no_other(switch: Switch, ordered: Bridge) -> None:
    frames = numbered(32)
    frames[5] = order(DROP, clone_port=3)
    assert switch.exchange(1, frames, batch=True) == {2: frames[:5] + frames[6:], 3: [frames[5]]}


@pytest.mark.parametrize(("size", "to", "left"), [(200, 64, 64), (200, 199, 199), (60, 61, 60), (60, 14, 14)])
def test_truncate(switch: Switch, ordered: Bridge, size: int, to: int, left: int) -> None:
    frame = order(PASS, truncate_to=to, payload=bytes(range(20)), size=size)
    assert switch.exchange(1, [frame]) == {2: [frame[:left]]}


def test_truncate_and_clone(switch: Switch, ordered: Bridge) -> None:
    frame = order(PASS, clone_port=3, truncate_to=32, size=100)
    assert switch.exchange(1, [frame]) == {2: [frame[:32]], 3: [frame[:32]]}


def test_truncate_leaves_the_ethernet_header(switch: Switch, ordered: Bridge) -> None:
    frame = order(PASS, truncate_to=1, size=100)
    assert switch.exchange(1, [frame]) == {2: [frame[:14]]}


def test_truncate_then_redirect(switch: Switch, ordered: Bridge) -> None:
    frame = order(REDIRECT, port=3, truncate_to=32, size=100)
    assert switch.exchange(1, [frame]) == {3: [frame[:32]]}


def test_the_first_model_without_standard_metadata(switch: Switch, br0: Bridge) -> None:
    br0.load("old_model.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    frame = packets.udp()
    assert switch.exchange(1, [packets.arp(), frame, packets.udp6()], batch=True) == {2: [frame]}
    assert br0.register("old_model", "seen[1]") == 1
    assert br0.register("old_model", "seen[0]") == 2


def test_what_a_program_is_told_of_a_packet(switch: Switch, br0: Bridge) -> None:
    br0.load("report.p4")
    br0.add_flows("in_port=3,actions=prog:1,output:2")
    sent = packets.report(0xAAAAAAAA, 0xBBBBBBBB, 0xCCCCCCCC, 0xDD, size=777)
    assert switch.exchange(3, [sent]) == {2: [packets.report(3, 777, 0, PASS, size=777)]}


def test_pkt_mark_in_the_context(switch: Switch, br0: Bridge) -> None:
    br0.load("context.c")
    br0.add_flows("in_port=1,actions=set_field:0x1234->pkt_mark,prog:1,output:2")
    expected = packets.ethernet(0x9000, bytes.fromhex("00000001 0000003c 00001234 0000000000000000 00000000"))
    assert switch.exchange(1, [packets.ethernet(0x9000, bytes(46))]) == {2: [expected.ljust(60, b"\0")]}


@pytest.fixture
def classifying(br0: Bridge) -> Bridge:
    """br0, where what h1 sends in a shim header goes on in the table that the header names."""
    br0.load("classify.p4")
    br0.add_flows(
        "table=0,in_port=1,actions=set_field:7->reg0,prog:1,output:3",
        "table=9,in_port=1,reg0=7,udp,nw_dst=10.0.2.2,actions=set_field:02:00:00:00:00:77->eth_dst,output:2",
        "table=9,priority=0,actions=drop",
    )
    return br0


def shimmed(table: int, inner: bytes) -> bytes:
    return packets.ethernet(0x88B9, bytes([table, 0])) + inner


def test_resubmit_looks_up_the_new_packet_in_the_table(switch: Switch, classifying: Bridge) -> None:
    inner = packets.udp(dst="10.0.2.2")
    rewritten = bytes.fromhex("020000000077") + inner[6:]
    other = packets.udp(dst="10.0.2.3")
    frames = [shimmed(9, inner), shimmed(9, other), inner, shimmed(200, inner), shimmed(9, inner)]
    assert switch.exchange(1, frames, batch=True) == {2: [rewritten, rewritten], 3: [inner]}
    counts = classifying.statistics("classify")
    assert (counts["packets"], counts["resubmitted"], counts["passed"]) == (5, 4, 1)


def test_resubmit_to_a_table_of_the_switch_itself_drops(switch: Switch, classifying: Bridge) -> None:
    kept = packets.udp(dst="10.0.2.3")
    assert switch.exchange(1, [shimmed(254, kept), shimmed(255, kept), kept]) == {3: [kept]}
    counts = classifying.statistics("classify")
    assert (counts["dropped"], counts["passed"]) == (2, 1)
