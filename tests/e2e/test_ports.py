# SPDX-License-Identifier: Apache-2.0
"""REDIRECT and clone to each kind of OpenFlow port, with OVS's own egress handling."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN

from e2e import packets
from e2e.packets import PASS, REDIRECT, order
from e2e.switch import Bridge, Switch, until_end

PATCH = 10
TUNNEL = 20
UNDERLAY_MAC = "02:00:00:00:01:00"


@pytest.fixture
def ordered(br0: Bridge) -> Bridge:
    """br0, where order.p4 handles what h1 sends, and h2 gets what passes."""
    br0.load("order.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    return br0


@contextmanager
def packet_ins(switch: Switch, bridge: str) -> Iterator[Monitor]:
    """A controller's view of the bridge: an `ovs-ofctl monitor` that takes packet-ins."""
    pidfile = switch.folder / "monitor.pid"
    reader, writer = os.pipe()
    # It detaches once it is ready for packet-ins, and prints them on stderr.
    command = ["ovs-ofctl", "-m", "monitor", bridge, "65534"]
    command += ["--detach", "--no-chdir", f"--pidfile={pidfile}"]
    try:
        done = subprocess.run(command, env=switch.environment, stderr=writer, timeout=switch.patience)
        assert done.returncode == 0
        os.close(writer)
        pid = int(pidfile.read_text(encoding="ascii"))
        with until_end(pid, switch.patience):
            yield Monitor(reader, switch.patience)
            os.kill(pid, signal.SIGTERM)
    finally:
        os.close(reader)


class Monitor:
    """What `ovs-ofctl monitor` prints of packet-ins."""

    def __init__(self, reader: int, patience: float) -> None:
        self._reader = reader
        self._patience = patience
        self._text = ""
        self.header = ""

    def frame(self) -> bytes:
        """Waits for the next packet-in, keeps its header line, and returns the packet."""
        data = b""
        length = None
        while length is None or len(data) < length:
            line = self._line()
            if match := re.search(r"PACKET_IN.* total_len=(\d+)", line):
                self.header = line
                length = int(match[1])
            elif match := re.match(r"[0-9a-f]{8}  ((?:[0-9a-f]{2}[- ]?)+)", line):
                data += bytes.fromhex(match[1].replace("-", " "))
        return data

    def _line(self) -> str:
        while "\n" not in self._text:
            assert select.select([self._reader], [], [], self._patience)[0], "no packet-in"
            piece = os.read(self._reader, 65536).decode("ascii")
            assert piece, "ovs-ofctl monitor ended"
            self._text += piece
        line, _, self._text = self._text.partition("\n")
        return line


def test_redirect_to_local(switch: Switch, ordered: Bridge) -> None:
    frame = order(REDIRECT, port=packets.LOCAL)
    with switch.local_port("br0") as local:
        assert switch.exchange(1, [frame]) == {}
        assert switch.collect(local, 1) == [frame]


def test_a_packet_from_local_meets_a_program(switch: Switch, br0: Bridge) -> None:
    br0.load("report.p4")
    br0.add_flows("in_port=LOCAL,actions=prog:1,output:2")
    with switch.local_port("br0") as local:
        local.send([packets.report(0, 0, 0, 0)])
        assert switch.collect(2, 1) == [packets.report(packets.LOCAL, 60, 0, PASS)]


@pytest.mark.parametrize("port", [packets.CONTROLLER, 0xFFFFFFFD])
def test_redirect_to_controller_is_a_packet_in(switch: Switch, ordered: Bridge, port: int) -> None:
    frame = order(REDIRECT, port=port, payload=b"to the controller")
    with packet_ins(switch, "br0") as monitor:
        assert switch.exchange(1, [frame]) == {}
        assert monitor.frame() == frame
        assert " in_port=1 (via action) " in monitor.header


def test_a_clone_to_controller(switch: Switch, ordered: Bridge) -> None:
    frame = order(PASS, clone_port=packets.CONTROLLER)
    with packet_ins(switch, "br0") as monitor:
        assert switch.exchange(1, [frame]) == {2: [frame]}
        assert monitor.frame() == frame


def test_controller_action_after_a_program_shows_the_rewritten_packet(switch: Switch, br0: Bridge) -> None:
    br0.load("rewrite.p4")
    br0.add_flows("in_port=1,actions=prog:1,controller,output:2")
    rewritten = packets.udp(dst="10.0.0.9")
    with packet_ins(switch, "br0") as monitor:
        assert switch.exchange(1, [packets.udp(dst="192.0.2.1")]) == {2: [rewritten]}
        assert monitor.frame() == rewritten


def test_controller_action_before_a_program_shows_the_packet_as_it_came(switch: Switch, br0: Bridge) -> None:
    br0.load("rewrite.p4")
    br0.add_flows("in_port=1,actions=controller,prog:1,output:2")
    sent = packets.udp(dst="192.0.2.1")
    with packet_ins(switch, "br0") as monitor:
        assert switch.exchange(1, [sent]) == {2: [packets.udp(dst="10.0.0.9")]}
        assert monitor.frame() == sent


@pytest.fixture
def br1(switch: Switch, br0: Bridge) -> Bridge:
    """br1 with h4 at port 4, joined to br0."""
    bridge = switch.add_bridge("br1", [4])
    switch.join(br0, bridge, PATCH)
    return bridge


def test_redirect_to_a_patch_port(switch: Switch, ordered: Bridge, br1: Bridge) -> None:
    br1.add_flows(f"in_port={PATCH},actions=mod_dl_dst:02:00:00:00:00:04,output:4")
    frame = order(REDIRECT, port=PATCH)
    assert switch.exchange(1, [frame]) == {4: [packets.mac("02:00:00:00:00:04") + frame[6:]]}


def test_a_program_on_each_side_of_a_patch_port(switch: Switch, br0: Bridge, br1: Bridge) -> None:
    br0.load("mark.p4", "left", TAG=7)
    br1.load("mark.p4", "right", TAG=8)
    br0.add_flows(f"in_port=1,actions=prog:1,output:{PATCH}", f"in_port={PATCH},actions=prog:1,output:2")
    br1.add_flows(f"in_port={PATCH},actions=prog:1,output:4,in_port")
    assert switch.exchange(1, [packets.log()]) == {4: [packets.log(0x0708)], 2: [packets.log(0x070807)]}
    assert br0.statistics("left")["packets"] == 2
    assert br1.statistics("right")["packets"] == 1


def test_the_input_port_behind_a_patch_port_is_the_patch_port(
    switch: Switch, br0: Bridge, br1: Bridge
) -> None:
    br1.load("report.p4")
    br0.add_flows(f"in_port=1,actions=output:{PATCH}")
    br1.add_flows(f"in_port={PATCH},actions=prog:1,output:4")
    assert switch.exchange(1, [packets.report(0, 0, 0, 0)]) == {4: [packets.report(PATCH, 60, 0, PASS)]}


def test_in_port_behind_a_patch_port_goes_back_through_it(switch: Switch, br0: Bridge, br1: Bridge) -> None:
    br1.load("order.p4")
    br0.add_flows(f"in_port=1,actions=output:{PATCH}", f"in_port={PATCH},actions=output:2")
    br1.add_flows(f"in_port={PATCH},actions=prog:1,output:4")
    frame = order(REDIRECT, port=packets.IN_PORT)
    assert switch.exchange(1, [frame]) == {2: [frame]}


@pytest.fixture
def tunnelled(switch: Switch, ordered: Bridge) -> Iterator[Bridge]:
    """`ordered` with a VXLAN port to h4, which is reached over the bridge br-phy."""
    underlay = switch.add_bridge("br-phy", [4], **{"other_config:hwaddr": f'"{UNDERLAY_MAC}"'})
    with switch.local_port("br-phy", "172.31.0.1/24"):
        underlay.add_flows("in_port=4,actions=LOCAL", "in_port=LOCAL,actions=output:4")
        switch.run("ovs-vsctl", "add-port", "br0", "vx", "--", "set", "interface", "vx", "type=vxlan",
                   f"ofport_request={TUNNEL}", "options:remote_ip=172.31.0.4",
                   "options:key=flow")  # fmt: skip
        # Sentinels go their own way, not through the tunnel.
        switch.join(ordered, underlay, PATCH)
        switch.run("ovs-ofctl", "mod-port", "br0", str(TUNNEL), "no-flood")
        switch.run("ovs-appctl", "tnl/neigh/set", "br-phy", "172.31.0.4", switch.hosts[4].mac)
        yield ordered


def encapsulated(inner: bytes, vni: int, *, to_switch: bool, sport: int = 0) -> bytes:
    """The underlay's frame that carries `inner`."""
    if to_switch:
        outer = Ether(src="02:00:00:00:00:04", dst=UNDERLAY_MAC) / IP(src="172.31.0.4", dst="172.31.0.1")
    else:
        outer = Ether(src=UNDERLAY_MAC, dst="02:00:00:00:00:04") / IP(
            src="172.31.0.1", dst="172.31.0.4", id=0, flags="DF"
        )
    datagram = UDP(sport=sport, dport=4789, chksum=0) / VXLAN(vni=vni, flags="Instance") / inner
    return bytes(outer / datagram)


def test_redirect_to_a_vxlan_port(switch: Switch, tunnelled: Bridge) -> None:
    frame = order(REDIRECT, port=TUNNEL)
    tunnelled.add_flows("in_port=1,actions=set_field:42->tun_id,prog:1,output:2")
    arrived = switch.exchange(1, [frame])
    assert list(arrived) == [4]
    (outer,) = arrived[4]
    sport = int.from_bytes(outer[34:36], "big")
    assert outer == encapsulated(frame, 42, to_switch=False, sport=sport)


def test_pass_and_then_output_to_a_vxlan_port(switch: Switch, tunnelled: Bridge) -> None:
    frame = order(PASS)
    tunnelled.add_flows(f"in_port=1,actions=prog:1,set_field:43->tun_id,output:{TUNNEL}")
    (outer,) = switch.exchange(1, [frame])[4]
    sport = int.from_bytes(outer[34:36], "big")
    assert outer == encapsulated(frame, 43, to_switch=False, sport=sport)


def test_a_program_sees_the_tunnel_id_of_what_a_tunnel_brought(switch: Switch, tunnelled: Bridge) -> None:
    assert tunnelled.load("context.c") == 2
    tunnelled.add_flows(f"in_port={TUNNEL},actions=prog:2,output:2")
    inner = packets.ethernet(0x9000, bytes(46))
    report = bytes.fromhex("00000014 0000003c 00000000 0000000000abcdef 00000000")
    expected = packets.ethernet(0x9000, report).ljust(60, b"\0")
    sent = encapsulated(inner, 0xABCDEF, to_switch=True, sport=5555)
    assert switch.exchange(4, [sent]) == {2: [expected]}


def test_redirect_out_of_a_tunnel(switch: Switch, tunnelled: Bridge) -> None:
    tunnelled.add_flows(f"in_port={TUNNEL},actions=prog:1")
    inner = order(REDIRECT, port=3)
    assert switch.exchange(4, [encapsulated(inner, 1, to_switch=True, sport=5555)]) == {3: [inner]}


def mirror(switch: Switch, select: str) -> None:
    """Mirrors what `select` (a column of Mirror and a host's port) says to h3."""
    column, port = select.split("=")
    switch.run("ovs-vsctl", "--", "--id=@from", "get", "port", port, "--", "--id=@to", "get", "port", "h3",
               "--", "--id=@m", "create", "mirror", "name=m", f"{column}=@from", "output_port=@to",
               "--", "set", "bridge", "br0", "mirrors=@m")  # fmt: skip


def test_a_mirror_of_the_output_sees_redirected_packets(switch: Switch, ordered: Bridge) -> None:
    mirror(switch, "select_dst_port=h2")
    frame = order(REDIRECT, port=2)
    assert switch.exchange(1, [frame]) == {2: [frame], 3: [frame]}


def test_a_mirror_of_the_output_sees_rewritten_packets(switch: Switch, br0: Bridge) -> None:
    br0.load("rewrite.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    mirror(switch, "select_dst_port=h2")
    rewritten = packets.udp(dst="10.0.0.9")
    assert switch.exchange(1, [packets.udp(dst="192.0.2.1")]) == {2: [rewritten], 3: [rewritten]}


def test_a_mirror_of_the_input_sees_a_packet_once(switch: Switch, br0: Bridge) -> None:
    br0.load("rewrite.p4")
    br0.add_flows("in_port=1,actions=prog:1,goto_table:1", "table=1,actions=output:2")
    mirror(switch, "select_src_port=h1")
    sent = packets.udp(dst="192.0.2.1")
    assert switch.exchange(1, [sent]) == {2: [packets.udp(dst="10.0.0.9")], 3: [sent]}


@pytest.mark.parametrize("recirculates", [False, True], ids=["directly", "recirculated"])
def test_a_batch_is_the_same_with_and_without_recirculation(
    switch: Switch, ordered: Bridge, recirculates: bool
) -> None:
    if recirculates:
        # A mirror that selects nothing keeps the action from sending packets itself.
        switch.run("ovs-vsctl", "--id=@m", "create", "mirror", "name=none", "output_vlan=4000",
                   "--", "set", "bridge", "br0", "mirrors=@m")  # fmt: skip
        switch.settle()
    arrivals: dict[int, list[bytes]] = {2: [], 3: []}
    frames = []
    for i in range(32):
        clone_port = 3 if i % 5 == 0 else None
        frames.append(order(REDIRECT, port=2 + i % 2, clone_port=clone_port, payload=bytes([i]) * 8))
        if clone_port:
            arrivals[clone_port].append(frames[-1])
        arrivals[2 + i % 2].append(frames[-1])
    assert switch.exchange(1, frames, batch=True) == arrivals
    flows = switch.run("ovs-appctl", "dpctl/dump-flows")
    assert ("dp_hash(0x3)" in flows) is recirculates


def test_redirect_respects_a_port_that_must_not_forward(switch: Switch, ordered: Bridge) -> None:
    h3 = ordered.hosts.pop(3)
    switch.run("ovs-ofctl", "mod-port", "br0", "3", "no-forward")
    switch.settle()
    kept = order(PASS)
    assert switch.exchange(1, [order(REDIRECT, port=3), kept]) == {2: [kept]}
    assert h3.drain() == []


def test_a_port_removed_and_added_again(switch: Switch, ordered: Bridge) -> None:
    frame = order(REDIRECT, port=3)
    assert switch.exchange(1, [frame]) == {3: [frame]}
    del ordered.hosts[3]
    switch.run("ovs-vsctl", "del-port", "br0", "h3")
    switch.settle()
    assert switch.exchange(1, [frame]) == {}
    switch.run("ovs-vsctl", "add-port", "br0", "h3", "--", "set", "interface", "h3", "ofport_request=3")
    switch.settle()
    ordered.hosts[3] = switch.hosts[3]
    assert switch.exchange(1, [frame]) == {3: [frame]}


@pytest.mark.parametrize("collector", ["ipfix", "sflow"])
def test_sampling_a_bridge_with_programs(switch: Switch, ordered: Bridge, collector: str) -> None:
    target = 'targets="127.0.0.1:4739"' + (" agent=lo" if collector == "sflow" else "")
    switch.run("ovs-vsctl", "--", "--id=@s", "create", collector, *target.split(), "sampling=1",
               "--", "set", "bridge", "br0", f"{collector}=@s")  # fmt: skip
    frames = [order(i % 4, port=3, payload=bytes([i]) * 8) for i in range(32)]
    assert switch.exchange(1, frames, batch=True) == {2: frames[2::4], 3: frames[3::4]}
