# SPDX-License-Identifier: Apache-2.0
"""The life of programs in a running switch: load, replace, unload, restart."""

from __future__ import annotations

import threading
import time

import pytest

from e2e import packets
from e2e.built import built, source
from e2e.packets import PASS, order
from e2e.switch import Bridge, Switch
from p4rt.runtime.errors import ErrorCode, RefusedError


@pytest.fixture
def marking(br0: Bridge) -> Bridge:
    """br0, where program 1, `mark`, leaves mark 1 on what h1 sends to h2."""
    br0.load("mark.p4", "mark", TAG=1)
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    return br0


def test_ids_count_from_one_and_names_are_unique(br0: Bridge) -> None:
    assert br0.load("mark.p4", "first") == 1
    assert br0.load("mark.p4", "second") == 2
    with pytest.raises(RefusedError) as refused:
        br0.load("mark.p4", "first")
    assert refused.value.code == ErrorCode.EXISTS


def test_a_program_runs_as_native_code_also_when_it_was_replaced(switch: Switch, marking: Bridge) -> None:
    for tag in (1, 9):
        assert marking.load("mark.p4", "mark", replace=True, TAG=tag) == 1
        with marking.programs() as bridge:
            found = bridge.find("mark")
        assert found.is_native
        assert found.compile_us > 0
        assert switch.exchange(1, [packets.log()]) == {2: [packets.log(tag)]}


def test_replace_swaps_the_code_and_keeps_the_maps(switch: Switch, marking: Bridge) -> None:
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}
    assert marking.load("mark.p4", "mark", replace=True, TAG=9) == 1
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(9)]}
    assert marking.register("mark", "seen[0]") == 2
    with marking.programs() as bridge:
        assert bridge.find("mark").generation == 2


def test_replace_under_traffic_loses_nothing(switch: Switch, marking: Bridge) -> None:
    failures: list[BaseException] = []
    stop = threading.Event()
    replaced = 0

    def replace() -> None:
        nonlocal replaced
        try:
            while not stop.is_set():
                marking.load("mark.p4", "mark", replace=True, TAG=1 + replaced % 2)
                replaced += 1
        except BaseException as error:
            failures.append(error)

    built("mark.p4", TAG=1), built("mark.p4", TAG=2)
    thread = threading.Thread(target=replace)
    thread.start()
    sent = 0
    marks: set[int] = set()
    try:
        while (sent < 3200 or replaced < 10) and not failures:
            frames = [packets.log(tail=sent.to_bytes(4, "big") + bytes([i])) for i in range(32)]
            got = switch.exchange(1, frames)[2]
            sent += 32
            marks |= {frame[17] for frame in got}
            assert [frame[:17] + b"\0" + frame[18:] for frame in got] == frames
    finally:
        stop.set()
        thread.join()
    assert not failures
    assert marks == {1, 2}
    assert marking.register("mark", "seen[0]") == sent
    assert marking.statistics("mark") == {"packets": sent, "bytes": 60 * sent, "passed": sent}


def test_replace_keeps_table_entries(br0: Bridge) -> None:
    br0.load("router")
    br0.add_entries("router", "table=route,hdr.ipv4.dst=10.0.2.0/24,actions=forward(port=2)")
    br0.load("router", replace=True)
    assert br0.entries("router") == ["table=pipe.route,hdr.ipv4.dst=10.0.2.0/24,actions=forward(port=2)"]


def test_replace_by_another_program_drops_the_old_maps(switch: Switch, marking: Bridge) -> None:
    switch.exchange(1, [packets.log()])
    with marking.programs() as bridge:
        loaded = bridge.load("mark", built("order.p4").read_bytes(), replace=True)
        assert (loaded.id, loaded.n_maps_kept) == (1, 0)
    frame = order(PASS)
    assert switch.exchange(1, [frame]) == {2: [frame]}


@pytest.mark.parametrize("what", ["refused", "garbage"])
def test_a_failed_replace_leaves_the_old_program(switch: Switch, marking: Bridge, what: str) -> None:
    elf = built("refused.c", WRONG=1).read_bytes() if what == "refused" else b"\x7fELF" + bytes(200)
    with marking.programs() as bridge, pytest.raises(RefusedError):
        bridge.load("mark", elf, replace=True)
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}
    with marking.programs() as bridge:
        assert bridge.find("mark").generation == 1


def test_a_table_is_replaced_at_once(switch: Switch, br0: Bridge) -> None:
    br0.load("stages.c", "stages")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    control = ("p4rt-ctl", "update-map", "br0", "stages")
    frame = packets.ethernet(0x9000, bytes(46))
    member = f"{frame[5]:02x}"
    switch.run(*control, "blue", member, "02000000")
    switch.run(*control, "green", member, "03000000")
    arrived = []
    for number in ("ffffffff", "00000000", "01000000"):
        switch.run(*control, "stage", "00000000", number)
        arrived.append(list(switch.exchange(1, [frame])))
    assert arrived == [[], [2], [3]]
    assert switch.run("p4rt-ctl", "dump-map", "br0", "stages", "stage") == "key=00000000 value=01000000\n"
    said = switch.call(*control, "stage", "00000000", "02000000")
    assert said.returncode == 1
    assert said.stderr == "p4rt-ctl: map stage does not allow that for key 00000000\n"

    # The successor has another map before: its numbers are others, the element is the same.
    br0.load("stages.c", "stages", replace=True, FIRST=1)
    assert list(switch.exchange(1, [frame])) == [3]
    assert switch.run("p4rt-ctl", "dump-map", "br0", "stages", "stage") == "key=00000000 value=02000000\n"


def test_unload_is_refused_while_flows_use_the_program(switch: Switch, marking: Bridge) -> None:
    marking.add_flows("in_port=3,actions=prog:1,output:2")
    marking.add_group("group_id=1,type=indirect,bucket=actions=prog:1,output:2")
    done = switch.call("p4rt-inject", "--bridge", "br0", "--remove", "mark")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "2 flows and 1 group bucket use program 1 (mark); --force" in done.stderr
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}


def test_unload_by_force_makes_the_flows_drop(switch: Switch, marking: Bridge) -> None:
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}
    switch.run("p4rt-inject", "--bridge", "br0", "--remove", "mark", "--force")
    switch.settle()
    assert switch.exchange(1, [packets.log()]) == {}
    # The id is taken as long as a flow names it.
    assert marking.load("order.p4") == 2
    assert switch.exchange(1, [packets.log()]) == {}


def test_unload_without_users(switch: Switch, marking: Bridge) -> None:
    switch.run("ovs-ofctl", "del-flows", "br0", "cookie=0/-1,in_port=1")
    switch.run("p4rt-inject", "--bridge", "br0", "--remove", "1")
    with marking.programs() as bridge:
        assert bridge.programs() == []
    assert marking.load("order.p4") == 1


def test_statistics_are_per_program(switch: Switch, marking: Bridge) -> None:
    marking.load("order.p4")
    marking.add_flows("in_port=3,actions=prog:2,output:2")
    switch.exchange(1, [packets.log()] * 3)
    switch.exchange(3, [order(verdict, port=2) for verdict in (0, 1, 1, 2, 3, 3, 3)])
    assert marking.statistics("mark") == {"packets": 3, "bytes": 180, "passed": 3}
    assert marking.statistics("order") == {
        "packets": 7, "bytes": 420, "aborted": 1, "dropped": 2, "passed": 1, "redirected": 3,
    }  # fmt: skip


def test_two_bridges_have_their_own_programs(switch: Switch, marking: Bridge) -> None:
    other = switch.add_bridge("br1", [4])
    assert other.load("mark.p4", "mark", TAG=5) == 1
    other.add_flows("in_port=4,actions=prog:1,in_port")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}
    assert switch.exchange(4, [packets.log()]) == {4: [packets.log(5)]}
    assert (marking.register("mark", "seen[0]"), other.register("mark", "seen[0]")) == (1, 1)
    switch.run("ovs-vsctl", "del-br", "br1")
    del switch.bridges["br1"]
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}


def test_a_deleted_bridge_takes_its_programs_along(switch: Switch, marking: Bridge) -> None:
    switch.exchange(1, [packets.log()])
    switch.remove_bridges()
    again = switch.add_bridge("br0", [1, 2, 3])
    with again.programs() as bridge:
        assert bridge.programs() == []
    assert again.load("mark.p4", "mark", TAG=3) == 1
    again.add_flows("in_port=1,actions=prog:1,output:2")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(3)]}


@pytest.mark.parametrize("how", ["in order", "by a crash"])
def test_restart_of_ovs_vswitchd(switch: Switch, marking: Bridge, how: str) -> None:
    if how == "in order":
        switch.stop_vswitchd()
    else:
        switch.kill_vswitchd()
    switch.start_daemons()
    marking.add_sentinel_flows()
    done = switch.call("ovs-ofctl", "add-flow", "br0", "in_port=1,actions=prog:1,output:2")
    assert done.returncode == 1
    assert marking.load("mark.p4", "mark", TAG=4) == 1
    marking.add_flows("in_port=1,actions=prog:1,output:2")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(4)]}


def test_a_big_object(switch: Switch, br0: Bridge) -> None:
    path = built("ballast.c", MEGABYTES=5)
    assert path.stat().st_size > 5 << 20
    with br0.programs() as bridge:
        assert bridge.load("ballast", path.read_bytes()).id == 1
        assert bridge.read(1) == path.read_bytes()
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    frame = packets.udp()
    assert switch.exchange(1, [frame]) == {2: [frame]}


def test_the_object_is_read_back_whole(br0: Bridge) -> None:
    br0.load("router")
    with br0.programs() as bridge:
        assert bridge.read(1) == built("router").read_bytes()


def test_many_programs(switch: Switch, br0: Bridge) -> None:
    elf = built("mark.p4", TAG=1).read_bytes()
    with br0.programs() as bridge:
        for i in range(1, 101):
            assert bridge.load(f"mark{i}", elf).id == i
        assert [p.prog for p in bridge.programs()] == list(range(1, 101))
    br0.add_flows("in_port=1,actions=prog:1,prog:50,prog:100,output:2")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(0x010101)]}


def test_p4_source_is_injected_directly(switch: Switch, br0: Bridge) -> None:
    out = switch.run("p4rt-inject", "--bridge", "br0", str(source("mark.p4")), "-D", "TAG=6", "--name", "six")
    assert out == "1\n"
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(6)]}


# What people and tools see of the action.


def test_dump_flows_shows_the_action_and_the_packets(switch: Switch, marking: Bridge) -> None:
    switch.exchange(1, [packets.log()] * 5)
    switch.settle()
    (flow,) = marking.flows()
    assert flow.endswith("in_port=1 actions=prog:1,output:2")
    assert "n_packets=5, n_bytes=300," in flow


@pytest.mark.parametrize("version", ["OpenFlow10", "OpenFlow11", "OpenFlow13", "OpenFlow14", "OpenFlow15"])
def test_dump_flows_in_each_version_of_openflow(switch: Switch, marking: Bridge, version: str) -> None:
    switch.run("ovs-ofctl", "-O", version, "add-flow", "br0", "in_port=3,actions=prog:1,output:2")
    flows = marking.flows("-O", version)
    assert len(flows) == 2
    assert all("actions=prog:1,output:2" in flow for flow in flows)


def test_dumped_flows_and_groups_can_be_added_again(switch: Switch, marking: Bridge) -> None:
    marking.add_group("group_id=7,type=all,bucket=actions=prog:1,output:2,bucket=actions=output:3")
    groups = switch.run("ovs-ofctl", "-O", "OpenFlow15", "dump-groups", "br0")
    assert "bucket=bucket_id:0,actions=prog:1,output:2" in groups
    (switch.folder / "flows").write_text("\n".join(marking.flows("--no-stats")), encoding="ascii")
    switch.run("ovs-ofctl", "del-flows", "br0", "cookie=0/-1,in_port=1")
    switch.run("ovs-ofctl", "add-flows", "br0", "flows")
    assert switch.exchange(1, [packets.log()]) == {2: [packets.log(1)]}


def test_datapath_flows_that_idled_out_come_back(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    frame = order(packets.REDIRECT, port=3)
    switch.run("ovs-vsctl", "set", "Open_vSwitch", ".", "other_config:max-idle=100")
    try:
        for _ in range(2):
            assert switch.exchange(1, [frame]) == {3: [frame]}
            switch.wait_until(lambda: "(0x88b6)" not in switch.run("ovs-appctl", "dpctl/dump-flows"))
    finally:
        switch.run("ovs-vsctl", "remove", "Open_vSwitch", ".", "other_config", "max-idle")


def test_a_flow_stays_while_its_packets_are_redirected(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    frame = order(packets.REDIRECT, port=3)
    sent = 0
    end = time.monotonic() + 2  # Several rounds of the revalidators.
    while time.monotonic() < end:
        assert switch.exchange(1, [frame] * 8) == {3: [frame] * 8}
        sent += 8
    assert br0.statistics("order") == {"packets": sent, "bytes": 60 * sent, "redirected": sent}


def test_trace_shows_the_action(switch: Switch, marking: Bridge) -> None:
    trace = switch.run("ovs-appctl", "ofproto/trace", "br0", "in_port=1,dl_type=0x88b7")
    assert "prog:1" in trace
    assert "Datapath actions: prog(" in trace


def test_the_datapath_flow_shows_the_action(switch: Switch, marking: Bridge) -> None:
    switch.exchange(1, [packets.log()] * 2)
    flows = [x for x in switch.run("ovs-appctl", "dpctl/dump-flows").splitlines() if "eth_type(0x88b7)" in x]
    assert len(flows) == 1
    assert "actions:prog(" in flows[0]


def test_list_shows_what_became_of_the_packets(switch: Switch, br0: Bridge) -> None:
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    switch.exchange(1, [order(verdict, port=2) for verdict in (0, 1, 1, 2, 3, 3, 3)])
    header, row = switch.run("p4rt-inject", "--bridge", "br0", "--list").splitlines()
    assert header.split() == ["ID", "NAME", "FLOWS", "PACKETS", "PASSED", "REDIRECTED", "DROPPED", "ABORTED",
                              "GENERATION"]  # fmt: skip
    assert row.split() == ["1", "order", "1", "7", "1", "3", "2", "1", "1"]
