# SPDX-License-Identifier: Apache-2.0
"""The policer and the gateways for VXLAN and GTP-U, set up as their READMEs say."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from e2e import packets
from e2e.built import EXAMPLES
from e2e.switch import Bridge, Switch


def example(switch: Switch, name: str) -> Bridge:
    """Bridge br0 with hosts at ports 1 to 4, and the example's program, flows and entries."""
    bridge = switch.add_bridge("br0", [1, 2, 3, 4])
    bridge.load(name)
    switch.run("ovs-ofctl", "add-flows", "br0", str(EXAMPLES / name / f"{name}.flows"))
    bridge.add_entries(name, *(EXAMPLES / name / f"{name}.entries").read_text().splitlines())
    return bridge


def ctl(switch: Switch, verb: str, program: str, *words: str) -> str:
    """What a verb of p4rt-ctl prints."""
    return switch.run("p4rt-ctl", verb, "br0", program, *words)


# The policer.


@pytest.fixture
def policer(switch: Switch) -> Bridge:
    return example(switch, "policer")


def marked(dscp: int, layer: Packet, number: int = 0) -> bytes:
    """A frame of 100 bytes with a DSCP value."""
    network = layer.copy()
    if isinstance(network, IP):
        network.tos = dscp << 2
    else:
        network.tc = dscp << 2
    frame = Ether(src=packets.H1, dst=packets.H2) / network / UDP(sport=1, dport=2, chksum=number + 1)
    return bytes(frame / Raw(bytes(100 - len(frame))))


AF11, AF12, AF13 = 10, 12, 14
SUBSCRIBERS = {
    "IPv4": (IP(src="10.0.0.7", dst="198.51.100.1", id=7), "pipe.rate4[src=10.0.0.0/24]"),
    "IPv6": (IPv6(src="2001:db8::7", dst="2001:db8:9::1"), "pipe.rate6[src=2001:db8::/32]"),
}


@pytest.mark.parametrize("kind", SUBSCRIBERS)
def test_the_policer_marks_and_then_drops(switch: Switch, policer: Bridge, kind: str) -> None:
    """One frame is within the committed burst, two within the peak burst; rates give no other in time."""
    layer, meter = SUBSCRIBERS[kind]
    ctl(switch, "set-meter", "policer", meter, "cir=1,cbs=150,pir=1,pbs=350")
    frames = [marked(AF11, layer, n) for n in range(5)]
    expected = [frames[0], marked(AF12, layer, 1), marked(AF12, layer, 2)]
    assert switch.exchange(1, frames) == {2: expected}
    assert ctl(switch, "read-counter", "policer", "pipe.colors").splitlines() == [
        "pipe.colors[0]={packets=1,bytes=100}",
        "pipe.colors[1]={packets=2,bytes=200}",
        "pipe.colors[2]={packets=2,bytes=200}",
    ]
    ctl(switch, "set-meter", "policer", meter, "off")
    assert switch.exchange(1, frames) == {2: frames}


def test_the_policer_never_gives_a_better_color(switch: Switch, policer: Bridge) -> None:
    layer, meter = SUBSCRIBERS["IPv4"]
    ctl(switch, "set-meter", "policer", meter, "cir=1M,cbs=10k,pir=1M,pbs=10k")
    frames = [marked(dscp, layer) for dscp in (AF13, AF12, AF11)]
    assert switch.exchange(1, frames) == {2: frames[1:]}


def test_the_policer_finds_the_longest_prefix(switch: Switch, policer: Bridge) -> None:
    """10.0.0.9 has a rate of its own."""
    ctl(switch, "set-meter", "policer", "pipe.rate4[src=10.0.0.0/24]", "cir=0,cbs=0,pir=1,pbs=50")
    other = marked(0, IP(src="10.0.0.9", dst="198.51.100.1"))
    assert switch.exchange(1, [marked(0, SUBSCRIBERS["IPv4"][0]), other]) == {2: [other]}


def test_the_policer_limits_a_port_by_packets(switch: Switch, policer: Bridge) -> None:
    ctl(switch, "set-meter", "policer", "pipe.ports[1]", "cir=0,cbs=2,pir=1,pbs=2")
    frames = [packets.arp(src=f"10.0.0.{n}") for n in range(1, 6)]
    assert switch.exchange(1, frames, batch=True) == {2: frames[:2]}
    assert switch.exchange(2, frames) == {1: frames}


# VXLAN.


@pytest.fixture
def vxlan(switch: Switch) -> Bridge:
    return example(switch, "vxlan")


FAR = "02:00:00:00:00:09"


def test_vxlan_there_and_back_is_the_same_frame(switch: Switch, vxlan: Bridge) -> None:
    inner = [packets.udp(mac_dst=FAR, sport=n, payload=bytes(n)) for n in (0, 1, 64, 1400, 8800)]
    outer = switch.exchange(1, inner)[4]
    returned = []
    for frame, sent in zip(outer, inner, strict=True):
        packet = Ether(frame)
        assert len(frame) == len(sent) + 50
        assert (packet[IP].dst, packet[IP].len, packet[UDP].len) == (
            "192.0.2.2",
            len(sent) + 36,
            len(sent) + 16,
        )
        assert (packet[VXLAN].vni, bytes(packet[VXLAN].payload)) == (5000, sent)
        assert packet[UDP].sport >= 49152
        # As the other end point would send it, to h2.
        packet[IP].src, packet[IP].dst = "192.0.2.2", "192.0.2.1"
        returned.append(bytes(packet)[:50] + packets.mac(packets.H2) + sent[6:])
    expected = [packets.mac(packets.H2) + sent[6:] for sent in inner]
    assert switch.exchange(4, returned) == {2: expected}
    assert len({Ether(frame)[UDP].sport for frame in outer}) > 1


def test_vxlan_takes_a_whole_batch(switch: Switch, vxlan: Bridge) -> None:
    frames = [packets.udp(mac_dst=FAR if n % 2 else packets.H2, sport=n) for n in range(32)]
    arrived = switch.exchange(1, frames, batch=True)
    assert arrived[2] == frames[0::2]
    assert [frame[50:] for frame in arrived[4]] == frames[1::2]
    counts = ctl(switch, "read-counter", "vxlan", f"pipe.delivered[vni=5000,mac={FAR}]")
    assert counts == f"pipe.delivered[vni=5000,mac={FAR}]={{packets=16,bytes={16 * len(frames[0])}}}\n"


def test_vxlan_leaves_the_underlay_to_the_host(switch: Switch, vxlan: Bridge) -> None:
    with switch.local_port("br0") as local:
        assert switch.exchange(4, [packets.arp()]) == {}
        assert switch.collect(local, 1) == [packets.arp()]


# GTP-U.


@pytest.fixture
def gtp(switch: Switch) -> Bridge:
    return example(switch, "gtp")


R1, R2 = "02:00:00:00:01:01", "02:00:00:00:01:02"
P1, P2 = "02:00:00:00:02:01", "02:00:00:00:02:02"
USER4 = IP(src="198.51.100.1", dst="10.45.0.5", ttl=63, id=7) / UDP(sport=53, dport=1000) / Raw(b"answer")
USER6 = IPv6(src="2001:db8::1", dst="2001:db8:45:5::77", hlim=63) / UDP(sport=53, dport=1000) / Raw(b"answer")


@pytest.mark.parametrize(("user", "qfi"), [(USER4, 9), (USER6, 5)], ids=["IPv4", "IPv6"])
def test_gtp_down(switch: Switch, gtp: Bridge, user: Packet, qfi: int) -> None:
    arriving = user.copy()
    if isinstance(arriving, IP):
        arriving.ttl = 64
    else:
        arriving.hlim = 64
    pdu = bytes(user)
    header = bytes.fromhex("34ff") + (len(pdu) + 8).to_bytes(2, "big") + bytes.fromhex("00002001")
    tunnel = Raw(header + bytes.fromhex("00000085 0100") + bytes([qfi, 0]) + pdu)
    outer = IP(src="192.0.2.1", dst="192.0.2.9", flags="DF", id=0) / UDP(sport=2152, dport=2152, chksum=0)
    expected = bytes(Ether(src=R1, dst=P1) / outer / tunnel)
    assert switch.exchange(2, [bytes(Ether(src=P2, dst=R2) / arriving)]) == {1: [expected]}


def test_gtp_up_in_a_batch_and_counted(switch: Switch, gtp: Bridge) -> None:
    sent, expected = [], []
    for n in range(32):
        user = (
            IP(src="10.45.0.5", dst="198.51.100.1", ttl=64, id=n) / UDP(sport=1000, dport=53) / Raw(bytes(n))
        )
        pdu = bytes(user)
        header = bytes.fromhex("30ff") + len(pdu).to_bytes(2, "big") + bytes.fromhex("00001001")
        outer = IP(src="192.0.2.9", dst="192.0.2.1") / UDP(sport=9999, dport=2152, chksum=0)
        sent.append(bytes(Ether(src=P1, dst=R1) / outer / Raw(header + pdu)))
        user.ttl = 63
        expected.append(bytes(Ether(src=R2, dst=P2) / user))
    assert switch.exchange(1, sent, batch=True) == {2: expected}
    counted = ctl(switch, "read-counter", "gtp", "pipe.up").splitlines()[0]
    assert f"packets=32,bytes={sum(map(len, sent))}" in counted


def test_gtp_limits_what_goes_down(switch: Switch, gtp: Bridge) -> None:
    ctl(switch, "set-meter", "gtp", "pipe.rate4[address=10.45.0.5]", "cir=1,cbs=150")
    frame = bytes(Ether(src=P2, dst=R2) / USER4)
    assert len(frame) == 48
    assert len(switch.exchange(2, [frame] * 5)[1]) == 3
