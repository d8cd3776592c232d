# SPDX-License-Identifier: Apache-2.0
"""P4 values as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import Field
from p4rt.runtime.values import format_value, parse_value, plain_value


def field(width: int, *, signed: bool = False, form: str = "", name: str = "f") -> Field:
    size = (width + 7) // 8
    return Field(name, width, 0, size, "big", signed=signed, format=form)


COLOUR = Field("c", 8, 0, 1, "big", enum={"Red": 1, "Blue": 5})


@pytest.mark.parametrize(
    ("text", "of", "value"),
    [
        ("10", field(8), 10),
        ("0x0a", field(8), 10),
        ("0XFF", field(8), 255),
        ("0b1010", field(4), 10),
        ("0o17", field(8), 15),
        ("1_000", field(16), 1000),
        ("255", field(8), 255),
        ("-5", field(8, signed=True), 0xFB),
        ("-128", field(8, signed=True), 0x80),
        ("127", field(8, signed=True), 0x7F),
        ("true", field(1), 1),
        ("false", field(1), 0),
        ("10.0.0.1", field(32), 0x0A000001),
        ("00:11:22:33:44:55", field(48), 0x001122334455),
        ("0-1-2-3-4-ff", field(48), 0x0001020304FF),
        ("2001:db8::1", field(128), 0x20010DB8000000000000000000000001),
        ("::ffff:10.0.0.1", field(128), 0xFFFF0A000001),
        ("Blue", COLOUR, 5),
        ("Colour.Red", COLOUR, 1),
        ("7", COLOUR, 7),
        (" 3 ", field(8), 3),
    ],
)
def test_text_is_this_value(text: str, of: Field, value: int) -> None:
    assert parse_value(text, of) == value


@pytest.mark.parametrize(
    ("text", "of", "message"),
    [
        ("300", field(8), "300 does not fit f, which is bit<8>"),
        ("512", field(9), "512 does not fit f, which is bit<9>"),
        ("-1", field(8), "-1 does not fit f, which is bit<8>"),
        ("128", field(8, signed=True), "128 does not fit f, which is int<8>"),
        ("-129", field(8, signed=True), "-129 does not fit f, which is int<8>"),
        ("10.0.0.1", field(16), r"10.0.0.1 is an IPv4 address, but f is bit<16>"),
        ("::1", field(32), "::1 is an IPv6 address, but f is bit<32>"),
        ("0:1:2:3:4:5", field(32), "is a MAC address, but f is bit<32>"),
        ("ten", field(8), "'ten' is not a value for f, which is bit<8>"),
        ("Green", COLOUR, r"'Green' is not a value for c, which is bit<8> \(members: Red, Blue\)"),
        ("true", field(2), "'true' is not a value"),
        ("", field(8), "f has no value"),
        ("0x", field(8), "'0x' is not a value"),
        ("0x_", field(8), "'0x_' is not a value"),
        ("1.2.3", field(32), "'1.2.3' is not a value"),
        ("9" * 5000, field(8), "is not a value"),
        ("\u0661", field(8), "is not a value"),
    ],
)
def test_text_that_is_no_value(text: str, of: Field, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_value(text, of)


@pytest.mark.parametrize(
    ("value", "of", "text"),
    [
        (10, field(9), "10"),
        (0x0A000001, field(32, form="ipv4"), "10.0.0.1"),
        (0x001122334455, field(48, form="mac"), "00:11:22:33:44:55"),
        (1, field(128, form="ipv6"), "::1"),
        (0xFB, field(8, signed=True), "-5"),
        (0x1234567890, field(64), "78187493520"),
        (0x1234567890, field(72), "0x1234567890"),
        (5, COLOUR, "Blue"),
        (6, COLOUR, "6"),
        (1, field(1, name="h.$valid$"), "true"),
        (1, field(1), "1"),
        (3, field(32, form="port"), "3"),
    ],
)
def test_value_is_this_text(value: int, of: Field, text: str) -> None:
    assert format_value(value, of) == text


@given(st.integers(1, 200), st.booleans(), st.sampled_from(["", "ipv4", "ipv6", "mac", "port"]), st.data())
def test_what_is_printed_is_read_back(width: int, signed: bool, form: str, data: st.DataObject) -> None:
    of = field(width, signed=signed, form=form)
    value = data.draw(st.integers(0, (1 << width) - 1))
    assert parse_value(format_value(value, of), of) == value


def test_plain_values_for_json() -> None:
    assert plain_value(5, field(8)) == 5
    assert plain_value(0xFB, field(8, signed=True)) == -5
    assert plain_value(1, field(32, form="ipv4")) == "0.0.0.1"
