# SPDX-License-Identifier: Apache-2.0
"""The reference interpreter itself, against numbers from the specifications, without the compiler."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from p4_programs import source
from reference.externs import Meter
from reference.guide import Guide
from reference.interpreter import Interpreter, Outcome, update_checksum
from reference.lookup3 import lookup3
from reference.values import arithmetic, shift, wrap

from p4rt.compiler import driver
from p4rt.compiler.analysis import types as t
from p4rt.compiler.diagnostics import Diagnostics

BYTE, SIGNED = t.BitType(8), t.IntType(8)


def run(folder: Path, packet: str, **parts: str) -> Outcome:
    """What a program does to a packet."""
    path = folder / "test.p4"
    path.write_text(source(**parts))
    program = driver.check(str(path), driver.Options(), Diagnostics())
    return Interpreter(program).run(bytes.fromhex(packet))


def test_lookup3_of_its_authors_example():
    assert lookup3(b"Four score and seven years ago") == 0x17770551


def test_checksum_of_rfc_1624s_example():
    assert update_checksum(0xDD2F, 0x5555, 0x3285, 1) == 0x0000


@pytest.mark.parametrize(
    ("op", "left", "right", "type_", "expected"),
    [
        ("+", 255, 1, BYTE, 0),
        ("+", 127, 1, SIGNED, -128),
        ("-", 0, 1, BYTE, 255),
        ("*", -128, -1, SIGNED, -128),
        ("|+|", 250, 10, BYTE, 255),
        ("|-|", 3, 4, BYTE, 0),
        ("|+|", 127, 1, SIGNED, 127),
        ("|-|", -128, 1, SIGNED, -128),
        ("|-|", 0, -128, SIGNED, 127),
    ],
)
def test_arithmetic(op: str, left: int, right: int, type_: t.Type, expected: int):
    assert arithmetic(op, left, right, type_) == expected


def test_shift_by_the_width_or_more_leaves_nothing_or_signs():
    assert shift("<<", 1, 8, BYTE) == 0
    assert shift(">>", 0x80, 200, BYTE) == 0
    assert shift(">>", -1, 200, SIGNED) == -1
    assert shift("<<", 0x41, 1, SIGNED) == wrap(0x82, SIGNED) == -126


def test_l_value_is_fixed_before_the_call(tmp_path: Path):
    outcome = run(
        tmp_path,
        "00 01 aa bb cc",
        headers="header e_t { bit<8> x; } struct headers_t { e_t[2] s; }",
        states="state start { pkt.extract(hdr.s.next); pkt.extract(hdr.s.next); transition accept; }",
        emits="pkt.emit(hdr.s);",
        top="bit<8> next(inout bit<8> i) { i = i + 1; return 0x55; }",
        apply="bit<8> i = 0; hdr.s[i].x = next(i);",
    )
    assert outcome == Outcome("PASS", None, bytes.fromhex("55 01 aa bb cc"))


def test_exit_copies_out(tmp_path: Path):
    outcome = run(
        tmp_path,
        "01 02",
        locals="action leave(inout bit<8> x) { x = 0x77; exit; }",
        apply="leave(hdr.h.a); hdr.h.b = 0;",
    )
    assert outcome == Outcome("PASS", None, bytes.fromhex("77 02"))


def test_short_packet_aborts(tmp_path: Path):
    assert run(tmp_path, "01") == Outcome("ABORT")


def test_meter_of_rfc_2698_takes_from_both_buckets():
    meter = Meter(committed=100, peak=150, more=0)
    assert [meter.execute(60, "GREEN") for _ in range(3)] == ["GREEN", "YELLOW", "RED"]
    assert meter.execute(30, "YELLOW") == "YELLOW"
    assert meter.execute(1, "RED") == "RED"


def test_guide_makes_packets_for_rare_labels(tmp_path: Path):
    path = tmp_path / "test.p4"
    text = source(
        headers="header h_t { bit<32> a; bit<64> b; } struct headers_t { h_t h; h_t g; }",
        states="""
            state start { pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.b) {
                (0x12345678, 0xfedcba9876543210): more; (0 .. 3, 5 &&& 0xffff): accept; } }
            state more { transition select(pkt.lookahead<bit<24>>()) { 0xabcdef: last; } }
            state last { pkt.extract(hdr.g); transition accept; }""",
        emits="pkt.emit(hdr);",
        apply="",
    )
    path.write_text(text)
    program = driver.check(str(path), driver.Options(), Diagnostics())
    interpreter, rng = Interpreter(program), random.Random(1)
    guide = Guide(interpreter, rng)
    packets = [guide.make(rng.randbytes(rng.randrange(20))) for _ in range(20)]
    assert [interpreter.run(packet).verdict for packet in packets].count("PASS") == 20
    assert any(packet[12:15] == bytes.fromhex("abcdef") for packet in packets)
