# SPDX-License-Identifier: Apache-2.0
"""Maps of a switch: batches, cursors and the positions of failures, as bytes."""

from __future__ import annotations

import socket

import pytest
from scripted_peer import Play, take

from p4rt.runtime.errors import ErrorCode, InputError, RefusedError, WireError
from p4rt.runtime.maps import MapInfo, SwitchMaps, UpdateMode, find_map

SMALL = MapInfo(2, "small", 1, 2, 1, 16, 0, 0, 0, 2, 1)
LARGE = MapInfo(3, "large", 1, 4, 30000, 16, 0, 0, 0, 4, 30000)


def test_update_sends_keys_and_values_end_to_end(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        assert take(s, 46) == bytes.fromhex(
            "0604002e 00000001 50345254 00000009 00000007 00000002 00000001 00000002 00000005 00000000"
            "0a0b 01 0a0c 02"
        )
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000089 00000002 00000000"))

    entries = [(b"\x0a\x0b", b"\1"), (b"\x0a\x0c", b"\2")]
    SwitchMaps(play(peer), 7, 5).update(SMALL, entries, UpdateMode.NOEXIST)


def test_failure_in_a_later_batch_has_its_position_in_the_whole(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        assert take(s, 40 + 2 * 30004)[28:32] == bytes.fromhex("00000002")
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000089 00000002 00000000"))
        assert take(s, 40 + 2 * 30004)[28:32] == bytes.fromhex("00000002")
        s.sendall(bytes.fromhex("06040018 00000002 50345254 000000ff 0000000f 00000001"))

    entries = [(bytes([0, 0, 0, i]), bytes(30000)) for i in range(5)]
    with pytest.raises(RefusedError, match="the table is full") as caught:
        SwitchMaps(play(peer), 1).update(LARGE, entries)
    assert (caught.value.code, caught.value.index) == (ErrorCode.FULL, 3)


def test_dump_goes_on_from_the_cursor_until_nothing_is_left(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        assert take(s, 40)[8:] == bytes.fromhex(
            "50345254 0000000b 00000001 00000002 0000000000000000 00000000 00000005"
        )
        s.sendall(bytes.fromhex(
            "06040026 00000001 50345254 0000008b 0000000000000063 00000002 00000000 0a0b01 0a0c02"
        ))  # fmt: skip
        assert take(s, 40)[24:32] == bytes.fromhex("0000000000000063")
        s.sendall(bytes.fromhex(
            "06040023 00000002 50345254 0000008b 0000000000000064 00000001 00000000 0a0d03"
        ))  # fmt: skip
        assert take(s, 40)[24:32] == bytes.fromhex("0000000000000064")
        s.sendall(bytes.fromhex("06040020 00000003 50345254 0000008b 0000000000000064 00000000 00000000"))

    found = list(SwitchMaps(play(peer), 1, 5).dump(SMALL))
    assert found == [(b"\x0a\x0b", b"\1"), (b"\x0a\x0c", b"\2"), (b"\x0a\x0d", b"\3")]


def test_lookup_of_a_key_that_is_not_there(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 42)
        s.sendall(bytes.fromhex("06040018 00000001 50345254 00000088 00000000 00000000"))

    assert SwitchMaps(play(peer), 1).lookup(SMALL, b"\0\0") is None


def test_reply_of_the_wrong_size(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 42)
        s.sendall(bytes.fromhex("0604001a 00000001 50345254 00000088 00000001 00000000 0000"))

    with pytest.raises(WireError, match="1 entries of 3 bytes in 2"):
        SwitchMaps(play(peer), 1).lookup(SMALL, b"\0\0")


def test_map_that_does_not_exist_says_which_do(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 40)
        s.sendall(bytes.fromhex(
            "06040068 00000001 50345254 00000087 00000001 00000000 00000000 00000001 00000002 00000001"
            "00000010 00000000 00000000 00000000 00000002 00000001"
            "0000000000000000 0000000000000000 0000000000000000 00000005 00000000 736d616c6c000000"
        ))  # fmt: skip

    with pytest.raises(InputError, match=r"the program has no map x \(maps: small\)"):
        find_map(SwitchMaps(play(peer), 1), "x")


def test_map_is_described_as_the_switch_says(play: Play) -> None:
    def peer(s: socket.socket) -> None:
        take(s, 40)
        s.sendall(bytes.fromhex(
            "06040068 00000001 50345254 00000087 00000001 00000000 00000003 0000001b 00000000 00000010"
            "00000080 00000000 00000000 00000000 00000008 00000018"
            "0000000000000002 0000000000001000 0000000000000005 00000006 00000000 6469676573740000"
        ))  # fmt: skip

    info = find_map(SwitchMaps(play(peer), 1), "digest")
    assert info == MapInfo(3, "digest", 27, 0, 16, 128, 0, 2, 4096, 8, 24, 0, 5)


def test_key_of_the_wrong_size_is_refused_before_anything_is_sent(play: Play) -> None:
    maps = SwitchMaps(play(lambda s: None), 1)
    with pytest.raises(InputError, match="map small has keys of 2 bytes, not 3"):
        maps.update(SMALL, [(b"abc", b"\1")])
    with pytest.raises(InputError, match="map small has values of 1 bytes, not 0"):
        maps.update(SMALL, [(b"ab", b"")])
