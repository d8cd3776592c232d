# SPDX-License-Identifier: Apache-2.0
"""The meaning of P4 expressions, statements and calls in compiled programs."""

from __future__ import annotations

import random

import pytest
from p4_programs import load, loaded, source

from ubpf import Verdict


def out(program, packet: str) -> str:
    result = program.run(bytes.fromhex(packet))
    assert result.verdict is Verdict.PASS
    return result.packet.hex()


def calculate(apply: str, a: int = 0, b: int = 0, *, top: str = "", locals: str = "", width: int = 8) -> int:
    """The value of `hdr.h.b`, of a header with fields a and b, after `apply`."""
    headers = f"header h_t {{ bit<{width}> a; bit<{width}> b; }} struct headers_t {{ h_t h; }}"
    size = width // 8
    packet = a.to_bytes(size, "big") + b.to_bytes(size, "big")
    result = load(source(headers=headers, top=top, locals=locals, apply=apply)).run(packet)
    assert result.verdict is Verdict.PASS
    return int.from_bytes(result.packet[size:], "big")


# ---- Operators


@pytest.mark.parametrize(
    ("expression", "a", "b", "expected"),
    [
        ("hdr.h.a + hdr.h.b", 0xFF, 2, 1),
        ("hdr.h.a - hdr.h.b", 1, 2, 0xFF),
        ("hdr.h.a * hdr.h.b", 0x55, 7, 0x53),
        ("hdr.h.a |+| hdr.h.b", 0xF0, 0x20, 0xFF),
        ("hdr.h.a |-| hdr.h.b", 0x10, 0x20, 0),
        ("(bit<8>)((int<8>) hdr.h.a |+| (int<8>) hdr.h.b)", 0x7F, 1, 0x7F),
        ("(bit<8>)((int<8>) hdr.h.a |+| (int<8>) hdr.h.b)", 0x80, 0xFF, 0x80),
        ("(bit<8>)((int<8>) hdr.h.a |-| (int<8>) hdr.h.b)", 0x80, 1, 0x80),
        ("(bit<8>)((int<8>) hdr.h.a |-| (int<8>) hdr.h.b)", 0x05, 0xFE, 7),
        ("~hdr.h.a & hdr.h.b", 0x0F, 0xFF, 0xF0),
        ("hdr.h.a ^ hdr.h.b | 1", 0x0F, 0xFF, 0xF1),
        ("-hdr.h.a", 1, 0, 0xFF),
        ("hdr.h.a << hdr.h.b", 1, 7, 0x80),
        ("hdr.h.a << hdr.h.b", 1, 8, 0),
        ("hdr.h.a >> hdr.h.b", 0x80, 200, 0),
        ("(bit<8>)((int<8>) hdr.h.a >> hdr.h.b)", 0x80, 3, 0xF0),
        ("(bit<8>)((int<8>) hdr.h.a >> hdr.h.b)", 0x80, 99, 0xFF),
        ("(bit<8>)((int<8>) hdr.h.a >> 2)", 0x84, 0, 0xE1),
        ("hdr.h.a[3:0] ++ hdr.h.b[7:4]", 0xAB, 0xCD, 0xBC),
        ("(bit<8>)(int<8>)(int<4>) hdr.h.a[3:0]", 0x0F, 0, 0xFF),
        ("(bit<8>)(bit<16>) hdr.h.a", 0xAB, 0, 0xAB),
        ("hdr.h.a > hdr.h.b ? 8w1 : 8w2", 0x80, 1, 1),
        ("(int<8>) hdr.h.a > (int<8>) hdr.h.b ? 8w1 : 8w2", 0x80, 1, 2),
        ("(int<8>) hdr.h.a <= -8s1 ? 8w1 : 8w2", 0xFF, 0, 1),
        ("(bit<8>)(bit<1>)(hdr.h.a == 3 && hdr.h.b != 3 || hdr.h.a == 9)", 3, 2, 1),
        ("(bit<8>)(bit<1>)!(hdr.h.a == 3)", 3, 2, 0),
        ("{hdr.h.a, hdr.h.b} == {8w1, 8w2} ? 8w1 : 0", 1, 2, 1),
    ],
)
def test_operator(expression: str, a: int, b: int, expected: int):
    assert calculate(f"hdr.h.b = {expression};", a, b) == expected


def test_expression_of_128_bits_agrees_with_python():
    apply = """
    bit<128> x = hdr.h.a * hdr.h.b + (hdr.h.a << 3);
    if (hdr.h.a < hdr.h.b) { x = x - hdr.h.b; }
    hdr.h.b = (x >> (bit<8>) hdr.h.a[6:0]) ^ (x[63:0] ++ x[127:64]);"""
    generator = random.Random(7)
    mask = (1 << 128) - 1
    headers = "header h_t { bit<128> a; bit<128> b; } struct headers_t { h_t h; }"
    program = loaded(headers=headers, apply=apply)
    for _ in range(200):
        a, b = generator.getrandbits(128), generator.getrandbits(generator.choice([1, 60, 128]))
        x = (a * b + (a << 3)) & mask
        if a < b:
            x = (x - b) & mask
        expected = (x >> (a & 127)) ^ ((x & (1 << 64) - 1) << 64 | x >> 64)
        assert out(program, f"{a:032x}{b:032x}")[32:] == f"{expected:032x}"


def test_assigned_slice_leaves_the_other_bits():
    assert calculate("hdr.h.b[5:2] = hdr.h.a[3:0];", 0x09, 0xC3) == 0xE7


def test_compound_assignment():
    assert calculate("hdr.h.b += 3; hdr.h.b <<= 1; hdr.h.b |= 1; hdr.h.b[3:0] ^= 0xf;", 0, 2) == 4


# ---- Order of evaluation, calls


NEXT = "bit<8> next(inout bit<8> x) { x = x + 1; return x; }"


def test_operands_are_evaluated_from_left_to_right():
    assert calculate("hdr.h.b = hdr.h.a ++ next(hdr.h.a) == 16w0x0506 ? 8w1 : 0;", 5, top=NEXT) == 1


def test_logical_operators_skip_their_right_side():
    apply = """
    bool t = hdr.h.a == 0 && next(hdr.h.b) == 1;
    t = hdr.h.a == 1 || next(hdr.h.b) == 1;
    t = hdr.h.a == 1 ? true : next(hdr.h.b) == 1;"""
    assert calculate(apply, 1, 7, top=NEXT) == 7
    assert calculate(apply, 0, 7, top=NEXT) == 10


def test_function_with_early_return():
    top = "bit<8> f(in bit<8> x) { if (x > 4) { return 4; } return x; }"
    assert calculate("hdr.h.b = f(hdr.h.a) + f(9);", 2, top=top) == 6


def test_generic_function():
    top = "T second<T>(in T x, in T y) { return y; }"
    assert calculate("hdr.h.b = second(hdr.h.a, 8w3) + second<bit<8>>(1, 2);", 2, top=top) == 5


def test_inout_argument_is_copied_back_at_the_end_only():
    locals = "action a(inout bit<8> x) { x = x + 1; hdr.h.a = hdr.h.b; x = x + 1; }"
    assert calculate("a(hdr.h.b);", 0, 5, locals=locals) == 7
    assert calculate("a(hdr.h.b); hdr.h.b = hdr.h.a;", 0, 5, locals=locals) == 5


def test_out_argument_of_a_slice():
    locals = "action a(out bit<4> x) { x = 0xa; }"
    assert calculate("a(hdr.h.b[7:4]);", 0, 0x55, locals=locals) == 0xA5


def test_action_calls_action():
    locals = "action one(in bit<8> x) { hdr.h.b = x; } action two() { one(hdr.h.a); one(hdr.h.b + 1); }"
    assert calculate("two();", 5, 0, locals=locals) == 6


def test_return_leaves_the_action_only():
    locals = "action a() { if (hdr.h.a == 1) { return; } hdr.h.b = 9; }"
    assert calculate("a(); hdr.h.b = hdr.h.b + 1;", 1, 3, locals=locals) == 4
    assert calculate("a(); hdr.h.b = hdr.h.b + 1;", 2, 3, locals=locals) == 10


def test_exit_leaves_everything_but_is_deparsed():
    locals = "action a() { hdr.h.b = 7; exit; }"
    assert calculate("a(); hdr.h.b = 1;", locals=locals) == 7


def test_exit_in_a_sub_control_copies_out():
    top = "control c(inout bit<8> x, in bit<8> y) { apply { x = y; if (y == 1) { exit; } x = 3; } }"
    apply = "c.apply(hdr.h.b[7:0], hdr.h.a); hdr.h.b = hdr.h.b + 0x10;"
    assert calculate(apply, 1, 0, top=top, locals="") == 1
    assert calculate(apply, 2, 0, top=top, locals="") == 0x13


def test_sub_control_with_constructor_argument():
    top = "control c(inout bit<8> x)(bit<8> step) { apply { x = x + step; return; } }"
    assert (
        calculate("one.apply(hdr.h.b); two.apply(hdr.h.b);", 0, 1, top=top, locals="c(2) one; c(5) two;") == 8
    )


def test_swap_by_tuple_and_struct():
    top = "struct p_t { bit<8> x; bit<8> y; }"
    apply = (
        "p_t p = {hdr.h.a, hdr.h.b}; p = {x = p.y, y = p.x}; p = {p.y, p.x}; p = {p.y, p.x}; hdr.h.b = p.y;"
    )
    assert calculate(apply, 3, 4, top=top) == 3


def test_constants_and_enums():
    top = "const bit<8> N = 5; enum bit<8> E { A = 3, B = 9 } enum F { X, Y }"
    apply = """F f = F.Y; E e = E.B; hdr.h.b = (bit<8>) e + N;
    if (f == F.X) { hdr.h.b = 0; } if (e == E.A) { hdr.h.b = 0; }"""
    assert calculate(apply, top=top) == 14


def test_switch_on_a_value():
    apply = "switch (hdr.h.a) { 1: 2: { hdr.h.b = 0x12; } 3: { hdr.h.b = 3; } default: { hdr.h.b = 0xff; } }"
    assert [calculate(apply, a) for a in (1, 2, 3, 4)] == [0x12, 0x12, 3, 0xFF]


def test_for_loops():
    apply = """hdr.h.b = 0;
    for (bit<8> i = 0; i < hdr.h.a && i < 10; i = i + 1) { if (i == 2) { continue; } hdr.h.b += i; }"""
    assert calculate(apply, 5) == 0 + 1 + 3 + 4
    apply = "for (bit<8> i in 1 .. 4) { if (i == 4) { break; } hdr.h.b = hdr.h.b + i; }"
    assert calculate(apply, 0, 0) == 6


def test_nested_structs_and_shadowing():
    top = "struct in_t { bit<8> v; } struct out_t { in_t i; in_t j; }"
    apply = """out_t o; o.i.v = hdr.h.a; o.j = o.i;
    { bit<8> a = 1; o.j.v = o.j.v + a; } bit<8> a = 2; hdr.h.b = o.j.v * a;"""
    assert calculate(apply, 3, top=top) == 8


def test_header_equality_and_validity():
    program = loaded(
        headers="header h_t { bit<8> v; } struct headers_t { h_t a; h_t b; }",
        states="state start { pkt.extract(hdr.a); transition accept; }",
        apply="""if (hdr.a == hdr.b) { hdr.a.v = 1; }
        else { hdr.b = { 5 }; if (hdr.a == hdr.b) { hdr.a.v = 2; } }""",
        emits="pkt.emit(hdr.a);",
    )
    assert [out(program, packet) for packet in ("05", "06")] == ["02", "06"]


def test_names_that_are_words_of_c():
    assert (
        calculate("bit<8> int_ = 1; bit<8> while = 2; bit<8> data = 3; hdr.h.b = int_ + while + data;") == 6
    )


def test_inout_argument_is_copied_before_the_arguments_after_it_are_evaluated():
    top = """
    bit<8> count(inout bit<8> x) { x = x + 1; return 5; }
    void add(inout bit<8> x, in bit<8> y) { x = x + y; }"""
    assert calculate("add(hdr.h.b, count(hdr.h.b));", b=0x10, top=top) == 0x15


# ---- Externs


@pytest.mark.parametrize(
    ("old", "new"), [(0x0800, 0x0801), (0xFFFF, 0x0000), (0x0000, 0xFFFF), (0x1234, 0xEDCB), (0x4500, 0x4501)]
)
def test_csum_replace2_agrees_with_a_full_checksum(old: int, new: int):
    def checksum(words: list[int]) -> int:
        total = sum(words)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return ~total & 0xFFFF

    rest = [0x1111, 0x8765]
    before, after = checksum([old, *rest]), checksum([new, *rest])
    apply = f"hdr.h.b = csum_replace2({before}, {old}, hdr.h.a);"
    assert calculate(apply, new, width=16) == after


def test_csum_replace4():
    # RFC 1071's example words, with one pair replaced.
    assert (
        calculate("hdr.h.b = 16w0 ++ csum_replace4(16w0x1234, hdr.h.a, 32w0x0a000002);", 0x0A000001, width=32)
        == 0x1233
    )


def test_hash_is_lookup3_of_the_packed_bytes():
    # The known answer of lookup3.c: hashlittle("Four score and seven years ago", 30, 0) == 0x17770551.
    program = loaded(
        headers="header h_t { bit<100> x; bit<4> y; bit<136> z; bit<32> r; } struct headers_t { h_t h; }",
        apply="hash(hdr.h.r, HashAlgorithm.lookup3, { hdr.h.x, hdr.h.y, hdr.h.z });",
    )
    text = b"Four score and seven years ago".hex()
    assert out(program, text + "00000000") == text + "17770551"


def test_hash_fills_the_last_byte_with_zeros():
    whole = "hash(r, HashAlgorithm.lookup3, { hdr.h.a, hdr.h.b & 0xf0 }); hdr.h.b = r[7:0];"
    part = "hash(r, HashAlgorithm.lookup3, { hdr.h.a, hdr.h.b[7:4] }); hdr.h.b = r[7:0];"
    assert calculate("bit<32> r;" + whole, 0x12, 0x3F) == calculate("bit<32> r;" + part, 0x12, 0x3F)


def test_division_by_a_constant():
    assert calculate("hdr.h.b = hdr.h.a / 7;", 200) == 28
    assert calculate("hdr.h.b = hdr.h.a % 7;", 200) == 4
    assert calculate("hdr.h.b = (hdr.h.a / 16) ++ 4w0 == 12w0x0c0 ? 8w1 : 0;", 200) == 1
    assert calculate("hdr.h.b = hdr.h.a % 8;", 0xFFFF_0000_0000_0000_0000_0000_0000_0005, width=128) == 5


def test_struct_of_many_fields_is_compared():
    fields = "".join(f"bit<8> f{number};" for number in range(600))
    program = loaded(
        top=f"struct wide_t {{ {fields} }}",
        apply="wide_t x = ...; wide_t y = ...; x.f599 = hdr.h.a; if (x == y) { hdr.h.b = 1; }",
    )
    assert program.run(bytes.fromhex("0000")).packet.hex() == "0001"
    assert program.run(bytes.fromhex("0100")).packet.hex() == "0100"
