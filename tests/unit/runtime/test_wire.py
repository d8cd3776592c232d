# SPDX-License-Identifier: Apache-2.0
"""The messages of p4rt-ext.h, byte by byte."""

from __future__ import annotations

import dataclasses
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4rt.runtime import wire
from p4rt.runtime.errors import WireError

NAME_ROUTER = b"router" + bytes(58)

# What each message looks like after the OpenFlow header.
LITERAL = [
    (wire.UploadBegin(0x10203, "router"), "50345254 00000001 00010203 00000000 " + NAME_ROUTER.hex()),
    (wire.UploadBeginReply(7), "50345254 00000081 00000007 00000000"),
    (wire.UploadChunk(7, 61440, b"\xaa\xbb\xcc"), "50345254 00000002 00000007 0000f000 aabbcc"),
    (wire.UploadCommit(7, wire.COMMIT_REPLACE), "50345254 00000003 00000007 00000001"),
    (
        wire.UploadCommitReply(1, 2, 3, 172, "ok"),
        "50345254 00000083 00000001 00000002 00000003 000000ac 6f6b",
    ),
    (wire.Unload(5, wire.UNLOAD_FORCE), "50345254 00000004 00000005 00000001"),
    (wire.UnloadReply(3), "50345254 00000084 00000003 00000000"),
    (wire.ListPrograms(), "50345254 00000005"),
    (wire.ListReply((), more=True), "50345254 00000085 00000000 00000001"),
    (wire.Read(1, wire.ReadWhat.DISASSEMBLY, 16, 9), "50345254 00000006 00000001 00000001 00000010 00000009"),
    (
        wire.ReadReply(100, 16, 9, b"\x7fELF"),
        "50345254 00000086 00000064 00000010 00000009 00000000 7f454c46",
    ),
    (wire.MapList(1), "50345254 00000007 00000001 00000000 00000000 00000000 00000000 00000000"),
    (
        wire.MapLookup(1, 2, 0, 1, 4, b"\x01\x02\x03\x04"),
        "50345254 00000008 00000001 00000002 00000000 00000001 00000004 00000000 01020304",
    ),
    (
        wire.MapUpdate(1, 2, 1, 1, 4, b"\x01\x02"),
        "50345254 00000009 00000001 00000002 00000001 00000001 00000004 00000000 0102",
    ),
    (
        wire.MapDelete(1, 2, 0, 1, 4, b"\x01"),
        "50345254 0000000a 00000001 00000002 00000000 00000001 00000004 00000000 01",
    ),
    (
        wire.MapDump(1, 2, 0x1122334455667788, 10, 4),
        "50345254 0000000b 00000001 00000002 1122334455667788 0000000a 00000004",
    ),
    (wire.MapDumpReply(3, 1, b"\x01\x02"), "50345254 0000008b 0000000000000003 00000001 00000000 0102"),
    (wire.MapUpdateReply(4), "50345254 00000089 00000004 00000000"),
    (wire.MapDeleteReply(4), "50345254 0000008a 00000004 00000000"),
    (wire.MapLookupReply(1, 0, b"\x01\x02"), "50345254 00000088 00000001 00000000 0102"),
    (
        wire.MapListReply((wire.MapDesc(0, 0x101, 8, 16, 1024, 1, 8, 1, 24, 16, 3, 4096, 5, "pipe_fib"),)),
        "50345254 00000087 00000001 00000000 00000000 00000101 00000008 00000010 00000400 00000001"
        "00000008 00000001 00000018 00000010"
        "0000000000000003 0000000000001000 0000000000000005 00000008 00000000 706970655f666962",
    ),
    (wire.ErrorReply(8, 2, "no\u2026"), "50345254 000000ff 00000008 00000002 6e6fe280a6"),
]


@pytest.mark.parametrize(("message", "text"), LITERAL, ids=lambda v: type(v).__name__)
def test_message_is_these_bytes(message: wire.Message, text: str) -> None:
    body = bytes.fromhex(text)
    header = bytes.fromhex("0604") + (8 + len(body)).to_bytes(2, "big") + bytes.fromhex("0000002a")
    assert wire.encode(message, xid=42, version=6) == header + body
    assert wire.decode(body) == message


def test_every_type_of_message_is_covered() -> None:
    assert {m.TYPE for m, _ in LITERAL} == set(wire.MsgType)


def test_program_description_is_these_bytes() -> None:
    desc = wire.ProgramDesc(1, 2, 3, 4, 5, 6, "router", 7, 8, 9, 10, 11, 12, 13, 14, 15, 1, 17, 18)
    words = "".join(f"{i:08x}" for i in range(1, 7))
    longs = "".join(f"{i:016x}" for i in range(7, 16))
    engine = "00000001 00000011 00000012 00000000"
    data = bytes.fromhex("00000001 00000000" + words + NAME_ROUTER.hex() + longs + engine)
    assert wire.ListReply((desc,)).pack() == data
    assert wire.ListReply.unpack(data) == wire.ListReply((desc,))


@pytest.mark.parametrize(("flags", "native"), [(0, False), (1, True), (2, False), (3, True)])
def test_flag_tells_a_native_program(flags: int, native: bool) -> None:
    desc = wire.ProgramDesc(1, 0, 0, 1, 1, 1, "router", 0, 0, 0, 0, 0, 0, 0, 0, 0, flags, 0, 0)
    assert desc.is_native is native


def test_name_of_a_map_is_padded_to_eight_bytes() -> None:
    desc = wire.MapDesc(0, 1, 4, 4, 1, 0, 0, 0, 4, 4, 0, 0, 0, "abc")
    assert desc.pack()[-8:] == b"abc\0\0\0\0\0"


_MESSAGES = st.one_of(
    [
        st.builds(
            m,
            **{
                f.name: {
                    "int": st.integers(0, 0xFFFFFFFF),
                    "bytes": st.binary(max_size=40),
                    "str": st.text("abcxyz_.-09", min_size=1, max_size=63),
                    "bool": st.booleans(),
                }[typing.cast(str, f.type)]
                for f in dataclasses.fields(m)  # type: ignore[arg-type]
                if f.type in ("int", "bytes", "str", "bool")
            },
        )
        for m in wire.MESSAGES.values()
        if m not in (wire.ListReply, wire.MapListReply)
    ]
)


@given(_MESSAGES)
def test_what_is_encoded_is_decoded(message: wire.Message) -> None:
    assert wire.decode(wire.encode(message, xid=1, version=4)[8:]) == message


@given(st.sampled_from(sorted(wire.MESSAGES)), st.binary(max_size=200))
def test_any_bytes_give_a_message_or_a_wire_error(kind: int, body: bytes) -> None:
    try:
        message = wire.decode(bytes.fromhex("50345254") + kind.to_bytes(4, "big") + body)
    except WireError:
        return
    assert message is not None and kind == message.TYPE


def test_message_of_another_experimenter_is_left_alone() -> None:
    assert wire.decode(bytes.fromhex("00002320 00000001")) is None


def test_message_too_long_for_openflow_is_refused() -> None:
    with pytest.raises(WireError, match="65535"):
        wire.encode(wire.UploadChunk(1, 0, bytes(65536)), xid=1, version=6)


def test_largest_chunk_fits_a_message() -> None:
    assert len(wire.encode(wire.UploadChunk(1, 0, bytes(wire.DATA_MAX)), xid=1, version=6)) == 61464


def test_text_of_the_peer_is_made_printable() -> None:
    reply = wire.decode(bytes.fromhex("50345254 000000ff 00000001 00000000") + b"a\x1b[31m\xffb")
    assert reply == wire.ErrorReply(1, 0, "a?[31m\N{REPLACEMENT CHARACTER}b")


def test_entries_are_cut_by_the_sizes_of_the_map() -> None:
    assert wire.split_entries(bytes.fromhex("0102030405060708"), 2, 3, 1) == [
        (b"\x01\x02\x03", b"\x04"),
        (b"\x05\x06\x07", b"\x08"),
    ]
    with pytest.raises(WireError, match="3 entries"):
        wire.split_entries(bytes(8), 3, 3, 1)
