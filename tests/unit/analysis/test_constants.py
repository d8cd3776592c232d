# SPDX-License-Identifier: Apache-2.0
"""Values of compile-time known expressions."""

from __future__ import annotations

import pytest
from cases import checked, messages_of
from hypothesis import given, settings
from hypothesis import strategies as st

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.constants import fit, saturate, wrap
from p4rt.compiler.analysis.model import EnumValue, RecordValue
from p4rt.compiler.frontend import ast


def value_of(type_: str, text: str, before: str = "") -> object:
    """Value of a constant of a type, declared last."""
    program = checked(f"{before}\nconst {type_} x = {text};\n")
    decl = program.globals["x"]
    assert isinstance(decl, ast.ConstDecl)
    return program.const_value(decl.value)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("int", "1 << 100", 1 << 100),
        ("int", "7 / 2", 3),
        ("int", "7 % 4", 3),
        ("int", "(1 << 128) - 1 & 0xff", 255),
        ("bit<8>", "8w200 + 8w100", 44),
        ("bit<8>", "8w200 |+| 8w100", 255),
        ("bit<8>", "8w20 |-| 8w100", 0),
        ("bit<8>", "-8w1", 255),
        ("bit<8>", "~8w0xf0", 0x0F),
        ("bit<8>", "8w1 << 8", 0),
        ("bit<8>", "8w0x80 >> 7", 1),
        ("int<8>", "-8s128 - 1", 127),
        ("int<8>", "8s127 |+| 1", 127),
        ("int<8>", "-8s128 >> 3", -16),
        ("int<8>", "(int<8>)8w0xff", -1),
        ("bit<16>", "(bit<16>)8w0xff", 255),
        ("bit<16>", "(bit<16>)(int<16>)8s0x7f", 127),
        ("bit<16>", "8w0x12 ++ 8w0x34", 0x1234),
        ("bit<12>", "4w1 ++ -8s1", 0x1FF),
        ("bit<4>", "16w0xabcd[11:8]", 0xB),
        ("bit<4>", "16w0xabcd[8+:4]", 0xB),
        ("bit<1>", "(bit<1>)true", 1),
        ("bool", "(bool)1w1", True),
        ("bool", "1 < 2 && !(2 <= 1)", True),
        ("bool", "false && 1 == 2 || true", True),
        ("bool", "8w1 == 1", True),
        ("string", '"a" ++ "b"', "ab"),
        ("bit<8>", "1 == 1 ? 8w5 : 6", 5),
        ("bit<128>", "~(128w1 << 127)", (1 << 127) - 1),
        ("bit<8>", "256 + 3", 3),
        ("int<4>", "0b1_0", 2),
        ("int", "0xDEAD_beef", 0xDEADBEEF),
        ("int", "0o17", 15),
        ("int", "0d19", 19),
    ],
)
def test_value(type_: str, text: str, value: object) -> None:
    found = value_of(type_, text)
    assert found == value
    assert type(found) is type(value)


def test_enum_members() -> None:
    assert value_of("E", "E.B", "enum E { A, B }") == EnumValue(t.EnumType("E", ("A", "B")), "B")
    assert value_of("error", "error.Bad", "error { Bad }") == EnumValue(t.ErrorType(), "Bad")
    assert value_of("bit<8>", "E.B + 1", "enum bit<8> E { A = 3, B = A_VALUE }".replace("A_VALUE", "7")) == 8


def test_records_take_the_types_of_their_fields() -> None:
    found = value_of("s", "{ 258, true }", "struct s { bit<8> a; bool b; }")
    assert isinstance(found, RecordValue)
    assert dict(found.fields) == {"a": 2, "b": True}
    found = value_of("s", "{ b = false, a = -1 }", "struct s { bit<8> a; bool b; }")
    assert isinstance(found, RecordValue)
    assert dict(found.fields) == {"a": 255, "b": False}


def test_parts_of_constant_records() -> None:
    before = (
        "struct s { bit<8> a; bit<8> b; } const s k = { 1, 2 }; const tuple<bit<8>, bool> u = { 3, true };"
    )
    assert value_of("bit<8>", "k.b", before) == 2
    assert value_of("bit<8>", "u[0]", before) == 3


def test_sizes_of_types() -> None:
    before = "header h { bit<12> a; varbit<20> b; } header g { bit<16> a; } header_union u { h x; g y; }"
    assert value_of("int", "h.minSizeInBits()", before) == 12
    assert value_of("int", "h.maxSizeInBits()", before) == 32
    assert value_of("int", "h.minSizeInBytes()", before) == 2
    assert value_of("int", "u.maxSizeInBytes()", before) == 4


def test_a_constant_too_large_to_compute_is_refused() -> None:
    assert messages_of("const int a = 1 << 10000000;") == [
        "1:15: error: a constant has more than 131072 bits"
    ]
    squares = "".join(f"const int a{n + 1} = a{n} * a{n};\n" for n in range(40))
    assert len(messages_of(f"const int a0 = 1 << 65536;\n{squares}")) == 1


INTEGERS = st.integers(-(1 << 140), 1 << 140)
WIDTHS = st.integers(1, 130)


@settings(deadline=None)
@given(INTEGERS, WIDTHS)
def test_wrapping_keeps_the_low_bits_and_is_idempotent(value: int, width: int) -> None:
    for type_ in (t.BitType(width), t.IntType(width)):
        wrapped = wrap(value, type_)
        assert (wrapped - value) % (1 << width) == 0
        assert wrap(wrapped, type_) == wrapped == fit(value, type_)
    assert 0 <= wrap(value, t.BitType(width)) < 1 << width
    assert -(1 << width - 1) <= wrap(value, t.IntType(width)) < 1 << width - 1


@settings(deadline=None)
@given(INTEGERS, WIDTHS)
def test_saturating_gives_the_nearest_value(value: int, width: int) -> None:
    assert saturate(value, t.BitType(width)) == sorted((0, value, (1 << width) - 1))[1]
    half = 1 << width - 1
    assert saturate(value, t.IntType(width)) == sorted((-half, value, half - 1))[1]
