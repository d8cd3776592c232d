# SPDX-License-Identifier: Apache-2.0
"""The examples, with the entries and flows that lie beside them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import IP, IPOption_NOP, fragment
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Packet

from e2e import packets
from e2e.built import EXAMPLES
from e2e.hosts import inside
from e2e.switch import Bridge, Switch

R = "02:00:00:00:01:{:02x}"


def example(br0: Bridge, name: str) -> Bridge:
    """br0 set up as the example's README says."""
    folder = EXAMPLES / name
    br0.load(name)
    run = br0.switch.run
    run("ovs-ofctl", "add-flows", "br0", str(folder / f"{name}.flows"))
    run("p4rt-ctl", "add-entries", "br0", name, str(folder / f"{name}.entries"))
    return br0


@pytest.mark.parametrize("name", ["router", "tunnel", "firewall", "acl"])
def test_the_script_of_an_example_holds(switch: Switch, name: str) -> None:
    folder = EXAMPLES / name
    done = switch.run("p4rt-run", str(folder / f"{name}.p4"), str(folder / f"{name}.stf"))
    assert done.endswith("all hold\n")


# The router.


@pytest.fixture
def router(br0: Bridge) -> Bridge:
    return example(br0, "router")


def hop(frame: bytes, port: int) -> bytes:
    """What the router makes of a frame that it sends to `port`."""
    return packets.routed(frame, dst=f"02:00:00:00:00:{port:02x}", src=R.format(port))


def dropped(bridge: Bridge) -> list[int]:
    return [bridge.register("router", f"pipe.dropped[{i}]") for i in range(4)]


def test_router_routes_by_the_longest_prefix(switch: Switch, router: Bridge) -> None:
    to2, to3, back = packets.udp(dst="10.0.2.7"), packets.udp(dst="10.0.9.7"), packets.udp(dst="10.0.1.9")
    assert switch.exchange(1, [to2, to3, back]) == {2: [hop(to2, 2)], 3: [hop(to3, 3)]}
    assert switch.exchange(2, [back, to3]) == {1: [hop(back, 1)], 3: [hop(to3, 3)]}


def test_router_bytes(switch: Switch, router: Bridge) -> None:
    frame = bytes.fromhex(
        "0200000001010200000000010800"
        "4500001c000700004011637c" "0a00010b" "0a000215" "03e807d000080000"
    )  # fmt: skip
    expected = bytes.fromhex(
        "0200000000020200000001020800"
        "4500001c000700003f11647c" "0a00010b" "0a000215" "03e807d000080000"
    )  # fmt: skip
    assert switch.exchange(1, [frame]) == {2: [expected]}


@pytest.mark.parametrize("checksum", ["0000", "ffff", "feff", "00ff", "ff00"])
def test_router_updates_any_checksum_as_rfc_1624_says(switch: Switch, router: Bridge, checksum: str) -> None:
    frame = packets.udp(dst="10.0.2.7")
    frame = frame[:24] + bytes.fromhex(checksum) + frame[26:]
    ((got,),) = switch.exchange(1, [frame]).values()
    # HC' = ~(~HC + ~m + m'), with the TTL going from 64 to 63.
    total = (~int(checksum, 16) & 0xFFFF) + (~0x4011 & 0xFFFF) + 0x3F11
    total = (total & 0xFFFF) + (total >> 16)
    assert got[24:26] == (~total & 0xFFFF).to_bytes(2, "big")


def test_router_drops_and_says_why(switch: Switch, router: Bridge) -> None:
    good = packets.udp(dst="10.0.2.7")
    bad_version = good[:14] + b"\x55" + good[15:]
    bad_ihl = good[:14] + b"\x44" + good[15:]
    frames = [
        bad_version, bad_ihl, packets.udp(dst="10.0.2.7", ttl=0), packets.udp(dst="10.0.2.7", ttl=1),
        packets.udp(dst="192.0.2.1"), packets.udp(dst="10.0.66.6"),
    ]  # fmt: skip
    assert switch.exchange(1, frames) == {}
    assert dropped(router) == [2, 2, 1, 0]
    assert router.statistics("router")["dropped"] == 6


def test_router_needs_a_next_hop(switch: Switch, router: Bridge) -> None:
    switch.run("p4rt-ctl", "del-entry", "br0", "router", "table=next_hop,port=2")
    assert switch.exchange(1, [packets.udp(dst="10.0.2.7")]) == {}
    assert dropped(router) == [0, 0, 0, 1]


def test_router_leaves_the_rest_to_the_switch(switch: Switch, router: Bridge) -> None:
    arp, ipv6, tagged = packets.arp(), packets.udp6(), packets.udp(dst="10.0.2.7", vlan=5)
    frames = [arp, ipv6, tagged]
    assert switch.exchange(1, frames) == {2: frames, 3: frames}


def test_router_keeps_options_and_payload(switch: Switch, router: Bridge) -> None:
    frame = bytes(Ether(packets.udp(dst="10.0.2.7", payload=bytes(range(256)) * 5)))
    packet = Ether(frame)
    packet[IP].options = [IPOption_NOP()] * 8
    del packet[IP].ihl, packet[IP].len, packet[IP].chksum
    frame = bytes(packet)
    assert frame[14] == 0x47
    assert switch.exchange(1, [frame]) == {2: [hop(frame, 2)]}


def test_router_changes_a_route_while_it_runs(switch: Switch, router: Bridge) -> None:
    frame = packets.udp(dst="10.0.2.7")
    assert switch.exchange(1, [frame]) == {2: [hop(frame, 2)]}
    key = "table=pipe.route,hdr.ipv4.dst=10.0.2.0/24"
    switch.run("p4rt-ctl", "mod-entry", "br0", "router", f"{key},actions=forward(port=3)")
    assert switch.exchange(1, [frame]) == {3: [hop(frame, 3)]}
    switch.run("p4rt-ctl", "add-entry", "br0", "router",
               "table=pipe.route,hdr.ipv4.dst=10.0.2.7/32,actions=forward(port=2)")  # fmt: skip
    assert switch.exchange(1, [frame]) == {2: [hop(frame, 2)]}
    switch.run("p4rt-ctl", "set-default", "br0", "router", "table=pipe.route,actions=forward(port=2)")
    stranger = packets.udp(dst="192.0.2.1")
    assert switch.exchange(1, [stranger]) == {}


# The tunnel.


@pytest.fixture
def tunnel(br0: Bridge) -> Bridge:
    return example(br0, "tunnel")


INNER = Ether(packets.udp(payload=b"inner"))[IP]


def frame_of(*layers: Packet) -> bytes:
    """Ethernet from h1 to h2, then `layers`."""
    packet = Ether(src=packets.H1, dst=packets.H2)
    for layer in layers:
        packet /= layer
    return bytes(packet)


PLAIN = frame_of(INNER)


def mpls(label: int, ttl: int = 64, tc: int = 0, s: int = 1) -> MPLS:
    return MPLS(label=label, ttl=ttl, cos=tc, s=s)


TUNNEL_CASES = {
    "push a label": (1, PLAIN, 2, frame_of(mpls(100), INNER)),
    "pop the last label": (2, frame_of(mpls(101), INNER), 1, PLAIN),
    "pop a label above another": (
        2, frame_of(mpls(101, s=0), mpls(7), INNER), 1, frame_of(mpls(7), INNER)),
    "swap a label": (3, frame_of(mpls(500, ttl=9, tc=3), INNER), 2, frame_of(mpls(501, ttl=8, tc=3), INNER)),
    "push a second label": (
        3, frame_of(mpls(600, ttl=9, tc=3), INNER), 2,
        frame_of(mpls(601, ttl=8, tc=3, s=0), mpls(600, ttl=8, tc=3), INNER)),
    "swap a tag": (1, frame_of(Dot1Q(vlan=10, prio=2), INNER), 3, frame_of(Dot1Q(vlan=110, prio=2), INNER)),
    "push a service tag": (
        1, frame_of(Dot1Q(vlan=20, prio=2), INNER), 3,
        frame_of(Dot1AD(vlan=200, prio=2), Dot1Q(vlan=20, prio=2), INNER)),
    "pop a service tag": (
        3, frame_of(Dot1AD(vlan=200), Dot1Q(vlan=20, prio=2), INNER), 1,
        frame_of(Dot1Q(vlan=20, prio=2), INNER)),
    "pop the only tag": (3, frame_of(Dot1Q(vlan=30), INNER), 1, PLAIN),
    "push a tag": (3, PLAIN, 1, frame_of(Dot1Q(vlan=30, prio=5), INNER)),
    "a tag becomes a label": (
        3, frame_of(Dot1Q(vlan=40, prio=6), INNER), 2, frame_of(mpls(400, tc=6), INNER)),
    "a label becomes a tag": (
        2, frame_of(mpls(401, tc=6), INNER), 3, frame_of(Dot1Q(vlan=40, prio=6), INNER)),
}  # fmt: skip


@pytest.mark.parametrize("case", TUNNEL_CASES)
def test_tunnel(switch: Switch, tunnel: Bridge, case: str) -> None:
    port, sent, to, expected = TUNNEL_CASES[case]
    assert switch.exchange(port, [sent]) == {to: [expected]}


def test_tunnel_discards(switch: Switch, tunnel: Bridge) -> None:
    frames = [frame_of(label, INNER) for label in (mpls(666), mpls(500, ttl=1), mpls(500, ttl=0))]
    assert switch.exchange(2, frames) == {}
    assert tunnel.statistics("tunnel")["dropped"] == 3


def test_tunnel_passes_what_no_table_matches(switch: Switch, tunnel: Bridge) -> None:
    tunnel.add_flows("actions=prog:1,output:3")
    frames = [frame_of(mpls(12345), INNER), frame_of(Dot1Q(vlan=999), INNER)]
    assert switch.exchange(1, frames) == {3: frames}


def test_tunnel_there_and_back_is_the_same_frame(switch: Switch, tunnel: Bridge) -> None:
    for size in (0, 1, 46, 1400, 8900):
        frame = frame_of(Ether(packets.udp(payload=bytes(size)))[IP])
        ((labelled,),) = switch.exchange(1, [frame]).values()
        assert len(labelled) == len(frame) + 4
        back = labelled[:14] + (101 << 12 | 0x1FF).to_bytes(4, "big") + labelled[18:]
        assert switch.exchange(2, [back]) == {1: [frame]}


def test_tunnel_labels_a_whole_batch(switch: Switch, tunnel: Bridge) -> None:
    inner = [Ether(packets.udp(payload=bytes([i]) * (i * 30)))[IP] for i in range(32)]
    frames = [frame_of(packet) for packet in inner]
    expected = [frame_of(mpls(100), packet) for packet in inner]
    assert switch.exchange(1, frames, batch=True) == {2: expected}


# The firewall.


@pytest.fixture
def firewall(br0: Bridge) -> Bridge:
    return example(br0, "firewall")


def blocked(bridge: Bridge) -> list[int]:
    return [bridge.register("firewall", f"pipe.blocked[{i}]") for i in range(5)]


OUT = packets.tcp("10.0.1.1", "192.0.2.1", 4000, 80)
BACK = packets.tcp("192.0.2.1", "10.0.1.1", 80, 4000, "SA")


def test_firewall_blocks_what_the_outside_opens(switch: Switch, firewall: Bridge) -> None:
    assert switch.exchange(2, [BACK, packets.udp("192.0.2.1", "10.0.1.1")]) == {}
    assert blocked(firewall) == [2, 0, 0, 0, 0]
    assert firewall.statistics("firewall")["dropped"] == 2


def test_firewall_lets_answers_back_in(switch: Switch, firewall: Bridge) -> None:
    assert switch.exchange(1, [OUT]) == {2: [OUT]}
    assert switch.exchange(2, [BACK]) == {1: [BACK]}
    assert blocked(firewall) == [0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    "frame",
    [
        packets.tcp("192.0.2.2", "10.0.1.1", 80, 4000),
        packets.tcp("192.0.2.1", "10.0.1.2", 80, 4000),
        packets.tcp("192.0.2.1", "10.0.1.1", 81, 4000),
        packets.tcp("192.0.2.1", "10.0.1.1", 80, 4001),
        packets.udp("192.0.2.1", "10.0.1.1", sport=80, dport=4000),
        packets.tcp("10.0.1.1", "192.0.2.1", 4000, 80),
    ],
    ids=["address", "inside address", "port", "inside port", "protocol", "direction"],
)
def test_firewall_compares_the_whole_flow(switch: Switch, firewall: Bridge, frame: bytes) -> None:
    assert switch.exchange(1, [OUT]) == {2: [OUT]}
    assert switch.exchange(2, [frame]) == {}
    assert blocked(firewall) == [1, 0, 0, 0, 0]


def test_firewall_forgets_after_the_timeout(switch: Switch, firewall: Bridge) -> None:
    switch.exchange(1, [OUT])
    set_default = ["p4rt-ctl", "set-default", "br0", "firewall"]
    switch.run(*set_default, "table=policy,actions=set_timeout(ns=1)")
    assert switch.exchange(2, [BACK]) == {}
    assert blocked(firewall) == [0, 1, 0, 0, 0]
    switch.run(*set_default, "table=policy,actions=set_timeout(ns=60000000000)")
    assert switch.exchange(1, [OUT]) == {2: [OUT]}
    assert switch.exchange(2, [BACK]) == {1: [BACK]}


def test_firewall_handles_ping_arp_and_the_rest(switch: Switch, firewall: Bridge) -> None:
    out, back = packets.ping("10.0.1.1", "192.0.2.1"), packets.ping("192.0.2.1", "10.0.1.1")
    assert switch.exchange(2, [back, packets.arp(), packets.udp6()]) == {1: [packets.arp()]}
    outgoing = [out, packets.arp(), packets.udp6()]
    assert switch.exchange(1, outgoing) == {2: outgoing}
    assert switch.exchange(2, [back]) == {1: [back]}
    assert blocked(firewall) == [1, 0, 0, 0, 1]


def test_firewall_blocks_later_fragments_and_options(switch: Switch, firewall: Bridge) -> None:
    big = Ether(packets.udp("10.0.1.1", "192.0.2.1", payload=bytes(2000)))
    first, second = (bytes(piece) for piece in fragment(big, 1480))
    with_options = Ether(OUT)
    with_options[IP].options = [IPOption_NOP()] * 4
    del with_options[IP].ihl, with_options[IP].len, with_options[IP].chksum
    assert switch.exchange(1, [first, second, bytes(with_options)]) == {2: [first]}
    assert blocked(firewall) == [0, 0, 1, 1, 0]


def test_firewall_denies_from_ports_it_does_not_know(switch: Switch, firewall: Bridge) -> None:
    firewall.add_flows("in_port=3,actions=prog:1,output:2")
    assert switch.exchange(3, [OUT]) == {}


@pytest.fixture
def addressed(switch: Switch, firewall: Bridge) -> Iterator[None]:
    """h1 is 10.0.0.1 and h2 10.0.0.2 for their kernels."""
    switch.hosts[1].configure("10.0.0.1/24")
    switch.hosts[2].configure("10.0.0.2/24")
    yield
    for number in (1, 2):
        switch.hosts[number].unconfigure()
        switch.hosts[number].drain()


@pytest.mark.usefixtures("addressed")
def test_firewall_and_the_tcp_of_two_kernels(switch: Switch) -> None:
    message = bytes(range(256)) * 4000
    with inside(switch.hosts[2].namespace):
        listener = socket.create_server(("10.0.0.2", 8080))
    with inside(switch.hosts[1].namespace):
        client = socket.socket()
        stranger = socket.create_server(("10.0.0.1", 8080))
    with inside(switch.hosts[2].namespace):
        intruder = socket.socket()
    with listener, client, stranger, intruder:
        for end in (listener, client):
            end.settimeout(switch.patience)
        client.connect(("10.0.0.2", 8080))
        server, _ = listener.accept()
        with server:
            server.settimeout(switch.patience)
            client.sendall(message[:60000])
            assert _read(server, 60000) == message[:60000]
            server.sendall(message[:60000])
            assert _read(client, 60000) == message[:60000]
        intruder.settimeout(1.5)
        with pytest.raises(TimeoutError):
            intruder.connect(("10.0.0.1", 8080))


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(65536)
        assert piece, "closed too early"
        data += piece
    return data


# Whatever comes.


def odd_frames() -> list[bytes]:
    """Frames that programs seldom meet, and that must harm none of them."""
    routable = packets.udp(dst="10.0.2.7")
    jumbo = packets.udp(dst="10.0.2.7", payload=bytes(8900))
    whole = Ether(packets.udp(dst="10.0.2.7", payload=bytes(3000)))
    pieces = [bytes(piece) for piece in fragment(whole, 1000)]
    return [
        *(routable[:n] for n in range(14, len(routable))),
        # Shorter than 20 bytes with a VLAN tag: Linux drops them before Open vSwitch sees them.
        *(frame_of(Dot1Q(vlan=10), INNER)[:n] for n in (20, 21, 30)),
        *(frame_of(mpls(500), INNER)[:n] for n in (14, 15, 16, 17, 18, 30)),
        *(packets.udp6()[:n] for n in (14, 20, 54, 60)),
        jumbo, *pieces,
        frame_of(Dot1AD(vlan=1), Dot1Q(vlan=2), INNER), frame_of(Dot1Q(vlan=1), Dot1Q(vlan=2), INNER),
        packets.ethernet(0xFFFF, bytes(46)), packets.ethernet(0, bytes(46)), packets.ethernet(46, bytes(46)),
        packets.ethernet(0x0800, b"\xff" * 46), packets.ethernet(0x0800, bytes(46)),
        packets.ethernet(0x8100, b"\xff" * 46), packets.ethernet(0x8847, bytes(46)),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["router", "tunnel", "firewall"])
def test_odd_frames_harm_nothing(switch: Switch, br0: Bridge, name: str) -> None:
    bridge = example(br0, name)
    frames = odd_frames()
    for port in (1, 2):
        for start in range(0, len(frames), 32):
            switch.exchange(port, frames[start : start + 32], batch=True)
    assert bridge.statistics(name)["packets"] == 2 * len(frames)
    good = {"router": packets.udp(dst="10.0.2.7"), "tunnel": PLAIN, "firewall": OUT}[name]
    expected = {"router": hop(good, 2), "tunnel": frame_of(mpls(100), INNER), "firewall": OUT}[name]
    assert switch.exchange(1, [good]) == {2: [expected]}


def test_jumbo_frames_are_routed(switch: Switch, router: Bridge) -> None:
    frame = packets.udp(dst="10.0.2.7", payload=bytes(range(256)) * 35)
    assert len(frame) == 14 + 8988
    assert switch.exchange(1, [frame]) == {2: [hop(frame, 2)]}


def test_fragments_are_routed(switch: Switch, router: Bridge) -> None:
    whole = Ether(packets.udp(dst="10.0.2.7", payload=bytes(3000)))
    pieces = [bytes(piece) for piece in fragment(whole, 1000)]
    assert len(pieces) == 4
    assert switch.exchange(1, pieces) == {2: [hop(piece, 2) for piece in pieces]}


# The access list.


@pytest.fixture
def acl(br0: Bridge) -> Bridge:
    return example(br0, "acl")


def counted(switch: Switch, rule: str) -> list[int]:
    """Packets and bytes of a rule of the access list."""
    found = json.loads(switch.run("p4rt-ctl", "-f", "json", "read-counter", "br0", "acl", f"hits[{rule}]"))
    return [found[0]["packets"], found[0]["bytes"]]


def test_acl_lets_through_what_a_rule_permits(switch: Switch, acl: Bridge) -> None:
    web = [
        packets.tcp("10.0.1.1", "10.0.0.2", 4000, port) for port in (79, 80, 81, 82, 7999, 8000, 8999, 9000)
    ]
    answer = packets.tcp("10.0.0.2", "10.0.1.1", 7, 4000, "SA")
    ping, banned = packets.ping("10.0.1.1", "10.0.0.2"), packets.ping("127.0.0.1", "10.0.0.2")
    monitored = packets.udp("10.0.1.1", "10.0.0.2", sport=4000, dport=9999)
    assert switch.exchange(1, [*web, ping, banned, monitored]) == {
        2: [web[1], web[2], web[5], web[6], ping], 3: [monitored]
    }  # fmt: skip
    assert switch.exchange(2, [answer, web[0], monitored]) == {1: [answer]}
    assert counted(switch, "priority=200,dst=10.0.0.0/24,protocol=6,dport=8000..8999") == [
        2, len(web[5]) + len(web[6])
    ]  # fmt: skip
    assert counted(switch, "default")[0] == 6


def test_acl_changes_while_it_runs(switch: Switch, acl: Bridge) -> None:
    ping, rule = packets.ping("10.0.1.1", "10.0.0.2"), "table=rules,priority=500,src=10.0.1.1/32,protocol=1"
    assert switch.exchange(1, [ping]) == {2: [ping]}
    switch.run("p4rt-ctl", "add-entry", "br0", "acl", f"{rule},actions=deny()")
    assert switch.exchange(1, [ping]) == {}
    assert "table=pipe.rules,priority=500,src=10.0.1.1,protocol=1,actions=deny()" in switch.run(
        "p4rt-ctl", "dump-entries", "br0", "acl"
    )
    switch.run("p4rt-ctl", "mod-entry", "br0", "acl", f"{rule},actions=permit()")
    assert switch.exchange(1, [ping]) == {2: [ping]}
    switch.run("p4rt-ctl", "del-entry", "br0", "acl", rule)
    assert counted(switch, "priority=100,protocol=1")[0] == 1
    done = switch.run("p4rt-ctl", "replace-entries", "br0", "acl", str(EXAMPLES / "acl" / "acl.entries"))
    assert done == "0 added, 0 modified, 1 deleted, 7 unchanged\n"
    assert counted(switch, "priority=100,protocol=1")[0] == 1
