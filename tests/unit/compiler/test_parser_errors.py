# SPDX-License-Identifier: Apache-2.0
"""What the parser rejects, with the reason, in the pipeline: `UBPF_PARSER_ERRORS`."""

from __future__ import annotations

import pytest
from p4_programs import load, source

from ubpf import Verdict

HEADERS = """
header h_t { bit<8> a; bit<8> b; } header m_t { bit<8> v; } header v_t { bit<8> n; varbit<16> o; }
error { Odd } struct headers_t { h_t h; m_t[2] m; v_t v; }
"""
STATES = """
state start {
    pkt.extract(hdr.h);
    transition select(hdr.h.a) {
        1: stack; 2: checked; 3: options; 4: skip; 5: endless; 6: reject; 7: accept;
    }
}
state stack { pkt.extract(hdr.m.next); transition stack; }
state checked { verify(hdr.h.b[0:0] == 0, error.Odd); transition accept; }
state options { pkt.extract(hdr.v, (bit<32>) hdr.h.b); transition accept; }
state skip { pkt.advance((bit<32>) hdr.h.b); transition accept; }
state endless { transition endless; }
"""
REASONS = ("PacketTooShort", "NoMatch", "StackOutOfBounds", "HeaderTooShort", "ParserTimeout",
           "ParserInvalidArgument", "Odd")  # fmt: skip
APPLY = "switch (std.parser_error) {" + "".join(
    f"error.{name}: {{ hdr.h.b = {0xE0 + number}; }}" for number, name in enumerate(REASONS)
) + "default: { hdr.h.b = 0xff; } }"  # fmt: skip
TEXT = "#define UBPF_PARSER_ERRORS\n" + source(
    headers=HEADERS, states=STATES, apply=APPLY, emits="pkt.emit(hdr);"
)


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        ("0102aabbccdd", "01e2aabbccdd"),
        ("0102aa", "01e0aa"),
        ("0201cc", "02e6cc"),
        ("0202cc", "02ffcc"),
        ("0318aabbccdd", "03e3aabbccdd"),
        ("0305aabbccdd", "03e5aabbccdd"),
        ("0310aabbccdd", "03ffaabbccdd"),
        ("0403aabb", "04e5aabb"),
        ("0418aabb", "04e0aabb"),
        ("0408aabb", "04ffbb"),
        ("0500aa", "05e4aa"),
        ("0600aa", "06ffaa"),
        ("0700aa", "07ffaa"),
        ("0900aa", "09e1aa"),
    ],
)
def test_reason(packet: str, expected: str):
    result = load(TEXT).run(bytes.fromhex(packet))
    assert (result.verdict, result.packet.hex()) == (Verdict.PASS, expected)


def test_nothing_extracted_is_nothing_emitted():
    result = load(TEXT).run(b"\x01")
    assert (result.verdict, result.packet) == (Verdict.PASS, b"\x01")


def test_member_of_a_union_stays_valid_when_the_next_is_not_extracted():
    union = "header h_t { bit<8> a; bit<8> b; } header_union u_t { h_t x; h_t y; }"
    text = "#define UBPF_PARSER_ERRORS\n" + source(
        headers=f"{union} struct headers_t {{ u_t u; }}",
        states="state start { pkt.extract(hdr.u.x); pkt.extract(hdr.u.y); transition accept; }",
        apply="if (hdr.u.x.isValid()) { hdr.u.x.b = 0x77; }",
        emits="pkt.emit(hdr.u);",
    )
    program = load(text)
    assert program.run(bytes.fromhex("010203")).packet.hex() == "017703"
    assert program.run(bytes.fromhex("01020304")).packet.hex() == "0304"


def test_parser_itself_may_set_the_reason():
    states = "state start { pkt.extract(hdr.h); std.parser_error = error.NoMatch; transition accept; }"
    text = "#define UBPF_PARSER_ERRORS\n" + source(
        states=states, apply="if (std.parser_error == error.NoMatch) { hdr.h.b = 1; }"
    )
    assert load(text).run(b"\0\0").packet == b"\0\1"


def test_header_that_the_parser_made_valid_itself():
    types = "header h_t { bit<8> a; bit<8> b; } header s_t { bit<24> c; }"
    text = "#define UBPF_PARSER_ERRORS\n" + source(
        headers=f"{types} struct headers_t {{ h_t h; s_t s; }}",
        states="state start { pkt.extract(hdr.h); hdr.s = { 0x556677 }; transition accept; }",
        apply="hdr.h = { 0x11, 0x22 };",
        emits="pkt.emit(hdr.h); pkt.emit(hdr.s);",
    )
    program = load(text)
    assert program.run(bytes.fromhex("01")).packet.hex() == "112201"
    assert program.run(bytes.fromhex("010203")).packet.hex() == "112255667703"
