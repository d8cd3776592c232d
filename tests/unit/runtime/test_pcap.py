# SPDX-License-Identifier: Apache-2.0
"""Capture files, byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4rt.runtime.errors import InputError
from p4rt.runtime.pcap import Capture, Packet, parse, serialize

MICRO_LE = bytes.fromhex(
    "d4c3b2a1 0200 0400 00000000 00000000 ffff0000 01000000 05000000 02000000 03000000 40000000 aabbcc"
)
MICRO_BE = bytes.fromhex(
    "a1b2c3d4 0002 0004 00000000 00000000 0000ffff 00000001 00000005 00000002 00000003 00000040 aabbcc"
)
NANO_LE = bytes.fromhex(
    "4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000 05000000 d0070000 03000000 03000000 aabbcc"
)
EXPECTED = Capture((Packet(5_000_002_000, b"\xaa\xbb\xcc"),))

NG_SECTION = bytes.fromhex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000")
NG_INTERFACE = bytes.fromhex("01000000 14000000 0100 0000 00000000 14000000")
NG_INTERFACE_NANO = bytes.fromhex("01000000 20000000 0100 0000 00000000 0900 0100 09000000 00000000 20000000")
NG_PACKET = bytes.fromhex(
    "06000000 24000000 00000000 00000000 424b4c00 03000000 40000000 aabbcc00 24000000"
)


@pytest.mark.parametrize("data", [MICRO_LE, MICRO_BE, NANO_LE], ids=["micro-le", "micro-be", "nano-le"])
def test_classic_file_is_read(data: bytes) -> None:
    assert parse(data) == EXPECTED


def test_classic_file_is_written() -> None:
    assert serialize(EXPECTED.packets) == NANO_LE


@given(st.lists(st.tuples(st.integers(0, (1 << 32) * 10**9 - 1), st.binary(max_size=50))))
def test_what_is_written_is_read_back(packets: list[tuple[int, bytes]]) -> None:
    capture = Capture(tuple(Packet(t, d) for t, d in packets), 101)
    assert parse(serialize(capture.packets, 101)) == capture


def test_pcapng_in_microseconds() -> None:
    assert parse(NG_SECTION + NG_INTERFACE + NG_PACKET) == Capture((Packet(5_000_002_000, b"\xaa\xbb\xcc"),))


def test_pcapng_in_nanoseconds() -> None:
    capture = parse(NG_SECTION + NG_INTERFACE_NANO + NG_PACKET)
    assert capture.packets[0].time == 5_000_002


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a pcap or pcapng file"),
        (b"#!/bin/sh\n", "not a pcap or pcapng file"),
        (MICRO_LE[:20], "the file header is cut"),
        (MICRO_LE[:-1], "the file ends inside packet 1"),
        (MICRO_LE + b"\0", "the file ends inside packet 2"),
        (NG_SECTION + NG_INTERFACE + NG_PACKET[:-4], "bad length"),
        (NG_SECTION + NG_PACKET, "damaged packet block"),
    ],
)
def test_damage_is_named(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(data)


@given(st.sampled_from([MICRO_LE, NG_SECTION + NG_INTERFACE_NANO + NG_PACKET]), st.data())
def test_any_damage_is_refused_in_words(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 4))):
        changed[draw.draw(st.integers(4, len(data) - 1))] = draw.draw(st.integers(0, 255))
    try:
        parse(bytes(changed[: draw.draw(st.integers(0, len(data)))]))
    except InputError as e:
        assert str(e)
