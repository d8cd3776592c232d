# SPDX-License-Identifier: Apache-2.0
"""Packets that the tests send, as bytes."""

from __future__ import annotations

import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Raw

H1 = "02:00:00:00:00:01"
H2 = "02:00:00:00:00:02"
H3 = "02:00:00:00:00:03"
BROADCAST = "ff:ff:ff:ff:ff:ff"

ABORT, DROP, PASS, REDIRECT = range(4)

# Reserved OpenFlow ports, in their 16-bit form.
IN_PORT = 0xFFF8
CONTROLLER = 0xFFFD
LOCAL = 0xFFFE


def udp(
    src: str = "10.0.1.1", dst: str = "10.0.2.2", *, sport: int = 1000, dport: int = 2000, ttl: int = 64,
    payload: bytes = b"0123456789abcdef", mac_src: str = H1, mac_dst: str = H2, vlan: int | None = None,
) -> bytes:  # fmt: skip
    """An Ethernet frame with UDP over IPv4; no UDP checksum, so that addresses may change under it."""
    ether = Ether(src=mac_src, dst=mac_dst)
    if vlan is not None:
        ether /= Dot1Q(vlan=vlan)
    ip = IP(src=src, dst=dst, ttl=ttl, id=7)
    return bytes(ether / ip / UDP(sport=sport, dport=dport, chksum=0) / Raw(payload))


def tcp(src: str, dst: str, sport: int, dport: int, flags: str = "S", payload: bytes = b"") -> bytes:
    """An Ethernet frame with TCP over IPv4."""
    segment = TCP(sport=sport, dport=dport, flags=flags, seq=1)
    return bytes(Ether(src=H1, dst=H2) / IP(src=src, dst=dst, id=7) / segment / Raw(payload))


def ping(src: str, dst: str) -> bytes:
    """An ICMP echo request."""
    return bytes(Ether(src=H1, dst=H2) / IP(src=src, dst=dst, id=7) / ICMP(id=5, seq=1) / Raw(b"ping" * 8))


def arp(src: str = "10.0.1.1", dst: str = "10.0.1.254") -> bytes:
    """An ARP request."""
    return bytes(Ether(src=H1, dst=BROADCAST) / ARP(hwsrc=H1, psrc=src, pdst=dst))


def udp6(dst: str = "2001:db8::2", payload: bytes = b"0123456789abcdef") -> bytes:
    """An Ethernet frame with UDP over IPv6."""
    packet = IPv6(src="2001:db8::1", dst=dst) / UDP(sport=1000, dport=2000) / Raw(payload)
    return bytes(Ether(src=H1, dst=H2) / packet)


def ethernet(ethertype: int, payload: bytes, *, src: str = H1, dst: str = H2) -> bytes:
    """A bare frame."""
    return mac(dst) + mac(src) + struct.pack("!H", ethertype) + payload


def order(
    verdict: int, *, port: int = 0, clone_port: int | None = None, truncate_to: int = 0, payload: bytes = b"",
    size: int = 60,
) -> bytes:  # fmt: skip
    """A frame that tells programs/order.p4 what to do, padded with zeros to `size` bytes."""
    clone = clone_port is not None
    header = struct.pack("!BBHII", verdict, clone, truncate_to, port, clone_port or 0)
    return ethernet(0x88B6, header + payload).ljust(size, b"\0")


def log(marks: int = 0, size: int = 60, tail: bytes = b"") -> bytes:
    """A frame in which programs/mark.p4 leaves marks."""
    return ethernet(0x88B7, struct.pack("!I", marks) + tail).ljust(size, b"\0")


def resize(push: int = 0, pop: int = 0, payload: bytes = b"") -> bytes:
    """A frame that tells programs/resize.p4 how many blocks to push and to pop."""
    return ethernet(0x88B8, struct.pack("!BB", push, pop) + payload)


def report(input_port: int, length: int, output_port: int, output_action: int, size: int = 60) -> bytes:
    """A frame as programs/report.p4 fills it in."""
    header = struct.pack("!IIIB", input_port, length, output_port, output_action)
    return ethernet(0x88B9, header).ljust(size, b"\0")


def mac(text: str) -> bytes:
    """The bytes of a MAC address."""
    return bytes.fromhex(text.replace(":", ""))


def routed(frame: bytes, *, dst: str, src: str) -> bytes:
    """What becomes of an IPv4 `frame` on its way through a router."""
    packet = Ether(frame)
    packet.dst, packet.src = dst, src
    packet[IP].ttl -= 1
    del packet[IP].chksum
    return bytes(packet)


def fields(frame: bytes) -> Packet:
    """The frame as scapy sees it."""
    return Ether(frame)
