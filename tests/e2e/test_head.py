# SPDX-License-Identifier: Apache-2.0
"""The head of the packet grows and shrinks, by much and by little."""

from __future__ import annotations

import pytest

from e2e import packets
from e2e.switch import Bridge, Switch

BLOCK1 = b"".join((0x0123456789ABCDEF0123456789ABCD00 + i).to_bytes(16, "big") for i in range(8))
# 128 bits that wrap around.
BLOCK2 = b"".join(((0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC + i) % 2**128).to_bytes(16, "big") for i in range(8))
SIZES = [0, 44, 300, 8000]


@pytest.fixture
def resizing(br0: Bridge) -> Bridge:
    """br0, where resize.p4 handles what h1 sends to h2."""
    br0.load("resize.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    return br0


def payload(size: int) -> bytes:
    return bytes(i * 7 % 256 for i in range(size))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("blocks", [1, 2])
def test_grow(switch: Switch, resizing: Bridge, blocks: int, size: int) -> None:
    frame = packets.resize(push=blocks, payload=payload(size))
    new = (BLOCK1 + BLOCK2)[: 128 * blocks]
    assert switch.exchange(1, [frame]) == {2: [frame[:16] + new + frame[16:]]}


@pytest.mark.parametrize("size", SIZES)
def test_shrink(switch: Switch, resizing: Bridge, size: int) -> None:
    frame = packets.resize(pop=2, payload=bytes(256) + payload(size))
    assert switch.exchange(1, [frame]) == {2: [frame[:16] + payload(size)]}


def test_grow_and_shrink_by_the_same(switch: Switch, resizing: Bridge) -> None:
    frame = packets.resize(push=1, pop=1, payload=bytes(128) + b"payload")
    assert switch.exchange(1, [frame]) == {2: [frame[:16] + BLOCK1 + b"payload"]}


def test_a_header_that_is_not_there_cannot_be_popped(switch: Switch, resizing: Bridge) -> None:
    assert switch.exchange(1, [packets.resize(pop=2, payload=bytes(255))]) == {}
    assert resizing.statistics("resize")["aborted"] == 1


def test_sizes_mixed_in_one_batch(switch: Switch, resizing: Bridge) -> None:
    frames, expected = [], []
    for i in range(32):
        push, pop, rest = i % 3, (i + 1) % 3, payload(i * 11)
        frame = packets.resize(push, pop, bytes(128 * pop) + rest)
        frames.append(frame)
        expected.append(frame[:16] + (BLOCK1 + BLOCK2)[: 128 * push] + rest)
    assert switch.exchange(1, frames, batch=True) == {2: expected}


def test_grow_again_and_again(switch: Switch, resizing: Bridge) -> None:
    resizing.add_flows("in_port=1,actions=prog:1,prog:1,prog:1,prog:1,output:2")
    frame = packets.resize(push=2, payload=payload(100))
    assert switch.exchange(1, [frame]) == {2: [frame[:16] + (BLOCK1 + BLOCK2) * 4 + payload(100)]}


def test_grow_a_copy_only(switch: Switch, resizing: Bridge) -> None:
    resizing.add_flows("in_port=1,actions=clone(prog:1,output:2),output:3")
    frame = packets.resize(push=2, payload=payload(100))
    assert switch.exchange(1, [frame]) == {2: [frame[:16] + BLOCK1 + BLOCK2 + payload(100)], 3: [frame]}


def test_grow_then_match_and_set_field(switch: Switch, resizing: Bridge) -> None:
    resizing.add_flows("in_port=1,actions=prog:1,goto_table:1",
                       "table=1,dl_type=0x88b8,actions=mod_dl_src:02:00:00:00:00:99,output:2")  # fmt: skip
    frame = packets.resize(push=2, payload=payload(100))
    expected = frame[:6] + packets.mac("02:00:00:00:00:99") + frame[12:16] + BLOCK1 + BLOCK2 + payload(100)
    assert switch.exchange(1, [frame]) == {2: [expected]}


def test_what_grows_beyond_the_mtu_is_lost_alone(switch: Switch, resizing: Bridge) -> None:
    frames = [packets.resize(push=2, payload=payload(8900 if i in (0, 7, 8, 31) else i)) for i in range(32)]
    expected = [f[:16] + BLOCK1 + BLOCK2 + f[16:] for f in frames if len(f) < 8900]
    assert switch.exchange(1, frames, batch=True) == {2: expected}
