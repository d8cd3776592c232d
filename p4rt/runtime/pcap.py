# SPDX-License-Identifier: Apache-2.0
"""Packet captures: reads classic pcap and pcapng, writes classic pcap.

After draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from p4rt.runtime.errors import InputError

LINKTYPE_ETHERNET = 1

_MAGIC_MICRO = 0xA1B2C3D4
_MAGIC_NANO = 0xA1B23C4D
_NG_SECTION = 0x0A0D0D0A
_NG_BYTE_ORDER = 0x1A2B3C4D
_MAGICS = {struct.pack(f"{o}I", m) for o in "<>" for m in (_MAGIC_MICRO, _MAGIC_NANO, _NG_SECTION)}
_SNAPLEN = 262144
_MAX_PACKET = 1 << 24


@dataclass(frozen=True)
class Packet:
    """A captured packet; `time` in nanoseconds since 1970."""

    time: int
    data: bytes


@dataclass(frozen=True)
class Capture:
    """The packets of a file, in its order."""

    packets: tuple[Packet, ...]
    linktype: int = LINKTYPE_ETHERNET


def read(path: str | Path) -> Capture:
    """Reads the capture file `path`; InputError says what is wrong with it."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(24)
            if data[:4] in _MAGICS:  # Else it is something else, perhaps without an end.
                data += stream.read()
    except OSError as e:
        raise InputError(f"{path}: {e.strerror}") from None
    try:
        return parse(data)
    except InputError as e:
        raise InputError(f"{path}: {e}") from None


def parse(data: bytes) -> Capture:
    """Reads the contents of a capture file."""
    for order in ("<", ">"):
        if len(data) < 4:
            break
        (magic,) = struct.unpack_from(f"{order}I", data)
        if magic in (_MAGIC_MICRO, _MAGIC_NANO):
            return _parse_classic(data, order, 1000 if magic == _MAGIC_MICRO else 1)
        if magic == _NG_SECTION:
            return _parse_ng(data)
    raise InputError("not a pcap or pcapng file")


def _parse_classic(data: bytes, order: str, unit: int) -> Capture:
    if len(data) < 24:
        raise InputError("the file header is cut")
    linktype = struct.unpack_from(f"{order}I", data, 20)[0] & 0x0FFFFFFF
    record = struct.Struct(f"{order}IIII")
    packets: list[Packet] = []
    offset = 24
    while offset < len(data):
        if offset + record.size > len(data):
            raise InputError(f"the file ends inside packet {len(packets) + 1}")
        seconds, fraction, length, _ = record.unpack_from(data, offset)
        offset += record.size
        if length > _MAX_PACKET or offset + length > len(data):
            raise InputError(f"the file ends inside packet {len(packets) + 1}")
        packets.append(Packet(seconds * 1_000_000_000 + fraction * unit, data[offset : offset + length]))
        offset += length
    return Capture(tuple(packets), linktype)


def _parse_ng(data: bytes) -> Capture:
    order = "<"
    interfaces: list[tuple[int, int]] = []  # Link type, timestamp units a second.
    packets: list[Packet] = []
    linktypes: set[int] = set()
    offset = 0
    while offset < len(data):
        if offset + 12 > len(data):
            raise InputError("the file ends inside a block")
        if struct.unpack_from("<I", data, offset)[0] == _NG_SECTION:
            order = "<" if struct.unpack_from("<I", data, offset + 8)[0] == _NG_BYTE_ORDER else ">"
            interfaces = []
        kind, length = struct.unpack_from(f"{order}II", data, offset)
        if length < 12 or length % 4 or offset + length > len(data):
            raise InputError("the file has a block of a bad length")
        body = data[offset + 8 : offset + length - 4]
        offset += length
        if kind == 1 and len(body) >= 8:  # Interface description.
            interfaces.append((struct.unpack_from(f"{order}H", body)[0], _ng_resolution(body[8:], order)))
        elif kind in (3, 6):  # Simple packet, enhanced packet.
            index, packet = _ng_packet(kind, body, order, interfaces)
            linktypes.add(interfaces[index][0])
            packets.append(packet)
    if len(linktypes) > 1:
        raise InputError("the file mixes link types")
    return Capture(tuple(packets), linktypes.pop() if linktypes else LINKTYPE_ETHERNET)


def _ng_resolution(options: bytes, order: str) -> int:
    """Timestamp units a second, from the option if_tsresol (9); by default microseconds."""
    offset = 0
    while offset + 4 <= len(options):
        code, length = struct.unpack_from(f"{order}HH", options, offset)
        if code == 9 and length == 1 and offset + 4 < len(options):
            value = options[offset + 4]
            return 1 << (value & 0x7F) if value & 0x80 else int(10 ** min(value, 18))
        if code == 0:
            break
        offset += 4 + (length + 3) // 4 * 4
    return 1_000_000


def _ng_packet(kind: int, body: bytes, order: str, interfaces: list[tuple[int, int]]) -> tuple[int, Packet]:
    """Reads a simple or enhanced packet block; returns the index of its interface and the packet."""
    fixed = 20 if kind == 6 else 4
    if len(body) < fixed:
        raise InputError("the file has a cut packet block")
    index = time = 0
    if kind == 6:
        index, high, low, length = struct.unpack_from(f"{order}IIII", body)
        time = high << 32 | low
    else:
        length = min(struct.unpack_from(f"{order}I", body)[0], len(body) - fixed)
    if index >= len(interfaces) or fixed + length > len(body):
        raise InputError("the file has a damaged packet block")
    return index, Packet(time * 1_000_000_000 // interfaces[index][1], body[fixed : fixed + length])


def serialize(packets: Iterable[Packet], linktype: int = LINKTYPE_ETHERNET) -> bytes:
    """Writes `packets` as a classic pcap file with nanosecond timestamps."""
    out = [struct.pack("<IHHiIII", _MAGIC_NANO, 2, 4, 0, 0, _SNAPLEN, linktype)]
    for p in packets:
        seconds, fraction = divmod(p.time, 1_000_000_000)
        out.append(struct.pack("<IIII", seconds & 0xFFFFFFFF, fraction, len(p.data), len(p.data)) + p.data)
    return b"".join(out)
