# SPDX-License-Identifier: Apache-2.0
"""Operators of the target IR, compiled and run, against Python's integers."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from p4_programs import loaded

import ubpf
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.build import binary, compare, shift
from p4rt.compiler.backend.clang import Clang
from p4rt.compiler.backend.emit_c import emit_c
from p4rt.compiler.backend.ir import Op, Relation
from p4rt.compiler.backend.ir import ShiftKind as Shift
from p4rt.compiler.backend.object_file import OBJECT, Sections, build_object
from p4rt.compiler.driver import passes

WIDTHS = [1, 7, 8, 16, 31, 32, 33, 48, 63, 64, 65, 96, 100, 127, 128, 129, 200]
AMOUNT_WIDTH = 9


def signed(value: int, width: int) -> int:
    return value - (1 << width) if value >> (width - 1) else value


def arithmetic_shift(a: int, n: int, w: int) -> int:
    return signed(a, w) >> n


# Name: what the compiler is asked for, and what it must be (wrapped to the width of the expression).
Make = Callable[[ir.Expr, ir.Expr, ir.Expr], ir.Expr]
Expected = Callable[[int, int, int, int], int]
OPERATIONS: dict[str, tuple[Make, Expected]] = {
    "add": (lambda a, b, n: binary(Op.ADD, a, b), lambda a, b, n, w: a + b),
    "sub": (lambda a, b, n: binary(Op.SUB, a, b), lambda a, b, n, w: a - b),
    "mul": (lambda a, b, n: binary(Op.MUL, a, b), lambda a, b, n, w: a * b),
    "and": (lambda a, b, n: binary(Op.AND, a, b), lambda a, b, n, w: a & b),
    "or": (lambda a, b, n: binary(Op.OR, a, b), lambda a, b, n, w: a | b),
    "xor": (lambda a, b, n: binary(Op.XOR, a, b), lambda a, b, n, w: a ^ b),
    "not": (lambda a, b, n: build.invert(a), lambda a, b, n, w: ~a),
    "negate": (lambda a, b, n: build.negate(a), lambda a, b, n, w: -a),
    "eq": (lambda a, b, n: compare(Relation.EQ, a, b), lambda a, b, n, w: a == b),
    "ne": (lambda a, b, n: compare(Relation.NE, a, b), lambda a, b, n, w: a != b),
    "lt": (lambda a, b, n: compare(Relation.LT, a, b), lambda a, b, n, w: a < b),
    "le": (lambda a, b, n: compare(Relation.LE, a, b), lambda a, b, n, w: a <= b),
    "slt": (lambda a, b, n: compare(Relation.SLT, a, b), lambda a, b, n, w: signed(a, w) < signed(b, w)),
    "sle": (lambda a, b, n: compare(Relation.SLE, a, b), lambda a, b, n, w: signed(a, w) <= signed(b, w)),
    "shl": (lambda a, b, n: shift(Shift.LEFT, a, n), lambda a, b, n, w: a << n),
    "shr": (lambda a, b, n: shift(Shift.RIGHT, a, n), lambda a, b, n, w: a >> n),
    "sar": (lambda a, b, n: shift(Shift.ARITHMETIC, a, n), lambda a, b, n, w: arithmetic_shift(a, n, w)),
    "shl by itself": (lambda a, b, n: shift(Shift.LEFT, a, b), lambda a, b, n, w: a << min(b, 999)),
    "shr by itself": (lambda a, b, n: shift(Shift.RIGHT, a, b), lambda a, b, n, w: a >> min(b, 999)),
    "shl 5": (lambda a, b, n: shift(Shift.LEFT, a, build.const(5, 8)), lambda a, b, n, w: a << 5),
    "sar 5": (lambda a, b, n: shift(Shift.ARITHMETIC, a, build.const(5, 8)),
              lambda a, b, n, w: arithmetic_shift(a, 5, w)),
    "zext": (lambda a, b, n: build.extend(a, a.width + 70), lambda a, b, n, w: a),
    "sext": (lambda a, b, n: build.extend(a, a.width + 70, signed=True), lambda a, b, n, w: signed(a, w)),
    "slice": (lambda a, b, n: build.bits(a, a.width // 3, a.width - a.width // 3),
              lambda a, b, n, w: a >> (w // 3)),
    "concat": (lambda a, b, n: build.concat(a, b), lambda a, b, n, w: a << w | b),
    "choose": (lambda a, b, n: build.choose(build.bits(n, 0, 1), a, b), lambda a, b, n, w: a if n & 1 else b),
    "nested": (
        lambda a, b, n: binary(Op.SUB, binary(Op.MUL, a, build.invert(b)), binary(Op.ADD, a, b)),
        lambda a, b, n, w: a * ~b - (a + b),
    ),
}  # fmt: skip


def layout(width: int) -> tuple[int, dict[str, tuple[int, int]]]:
    """Bytes of an operand, and (offset, size) of each result in the packet."""
    operand = (width + 7) // 8
    variables = [ir.Var(width, "a"), ir.Var(width, "b"), ir.Var(AMOUNT_WIDTH, "n")]
    places, at = {}, 2 * operand + 2
    for name, (make, _) in OPERATIONS.items():
        size = (make(*variables).width + 7) // 8
        places[name] = (at, size)
        at += size
    return operand, places


@cache
def program(width: int) -> ubpf.Program:
    """Reads a, b and n from the packet and writes the result of each operation behind them."""
    operand, places = layout(width)
    total = max(offset + size for offset, size in places.values())
    packet = ir.Pointer("packet")
    body: list[ir.Statement] = [ir.PacketPointer(packet, build.const(0, 64), total, "too_short")]
    operands = []
    for name, bits, offset, size in (
        ("a", width, 0, operand),
        ("b", width, operand, operand),
        ("n", AMOUNT_WIDTH, 2 * operand, 2),
    ):
        variable = ir.Var(bits, name)
        body.append(ir.Assign(variable, build.bits(ir.Load(8 * size, packet, offset, True), 0, bits)))
        operands.append(variable)
    for name, (make, _) in OPERATIONS.items():
        offset, size = places[name]
        body.append(ir.Store(packet, offset, build.extend(make(*operands), 8 * size), True))
    body += [ir.Return(build.const(2, 64)), ir.Label("too_short"), ir.Return(build.const(0, 64))]
    block = tuple(body)
    for item in passes():
        block = item.run(block)
    source = emit_c(ir.Program("test", "test.p4", (), (), block))
    with Clang(OBJECT) as clang:
        return ubpf.Program(build_object(source, "test.p4", lambda: Sections(b"{}", b"", ()), clang))


def values(width: int) -> st.SearchStrategy[int]:
    ones = (1 << width) - 1
    corners = st.sampled_from(
        [0, 1, ones, ones >> 1, (ones >> 1) + 1, ones - 1, min(width, ones), min(64, ones)]
    )
    return corners | st.integers(0, ones)


@pytest.mark.parametrize("width", WIDTHS)
def test_operators_agree_with_python(width: int) -> None:
    """Every operator, on corner cases and random values."""
    operand, places = layout(width)
    engine = program(width)

    @settings(max_examples=150, deadline=None, database=None)
    @given(
        values(width),
        values(width),
        st.integers(0, 260) | st.sampled_from([width - 1, width, width + 1, 511]),
    )
    def check(a: int, b: int, n: int) -> None:
        packet = a.to_bytes(operand, "big") + b.to_bytes(operand, "big") + n.to_bytes(2, "big")
        result = engine.run(
            packet + bytes(max(offset + size for offset, size in places.values()) - len(packet))
        )
        assert result.verdict is ubpf.Verdict.PASS
        for name, (make, expected) in OPERATIONS.items():
            offset, size = places[name]
            bits = make(ir.Var(width, "a"), ir.Var(width, "b"), ir.Var(AMOUNT_WIDTH, "n")).width
            got = int.from_bytes(result.packet[offset : offset + size], "big")
            assert got == int(expected(a, b, n, width)) & ((1 << bits) - 1), (name, hex(a), hex(b), n)

    check()


@pytest.mark.parametrize("width", [8, 64, 72, 128])
def test_division_by_what_the_packet_tells_agrees_with_python(width: int):
    headers = f"header h_t {{ bit<{width}> a; bit<{width}> b; }} struct headers_t {{ h_t h; }}"
    apply = f"bit<{width}> q = hdr.h.a / hdr.h.b; hdr.h.b = hdr.h.a % hdr.h.b; hdr.h.a = q;"
    program = loaded(headers=headers, apply=apply)
    chance = random.Random(width)
    size = width // 8
    pairs = [(chance.getrandbits(width), chance.getrandbits(chance.randint(1, width))) for _ in range(50)]
    for a, b in [*pairs, (5, 0), ((1 << width) - 1, 1), ((1 << width) - 1, (1 << width) - 1)]:
        packet = a.to_bytes(size, "big") + b.to_bytes(size, "big")
        quotient, rest = (a // b, a % b) if b else (0, a)
        expected = quotient.to_bytes(size, "big") + rest.to_bytes(size, "big")
        assert program.run(packet).packet == expected, (a, b)
