# SPDX-License-Identifier: Apache-2.0
"""Matches as text, as JSON and as the bytes of a ternary map's key."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import KeyField
from p4rt.runtime.matches import Match, anything, format_match, full, load, match_json, parse_match, store

IPV4 = KeyField("src", 32, 0, 4, "little", format="ipv4", match="ternary")
PORT = KeyField("port", 16, 0, 8, "little", match="range")
SIGNED = KeyField("delta", 8, 0, 8, "little", signed=True, match="range")


@pytest.mark.parametrize(
    ("text", "field", "match", "printed"),
    [
        ("10.0.0.0/8", IPV4, Match(0x0A000000, mask=0xFF000000), "10.0.0.0/8"),
        ("10.0.0.0&&&255.0.0.0", IPV4, Match(0x0A000000, mask=0xFF000000), "10.0.0.0/8"),
        ("10.0.0.1", IPV4, Match(0x0A000001, mask=0xFFFFFFFF), "10.0.0.1"),
        ("0.0.0.1 &&& 0x000000ff", IPV4, Match(1, mask=0xFF), "0.0.0.1&&&0.0.0.255"),
        ("*", IPV4, Match(0, mask=0), None),
        ("80..90", PORT, Match(80, high=90), "80..90"),
        ("80", PORT, Match(80, high=80), "80"),
        ("_", PORT, Match(0, high=0xFFFF), None),
        ("0..65535", PORT, Match(0, high=0xFFFF), None),
        ("-3..2", SIGNED, Match(0xFD, high=2), "-3..2"),
        ("*", SIGNED, Match(0x80, high=0x7F), None),
    ],
)
def test_text(text: str, field: KeyField, match: Match, printed: str | None) -> None:
    assert parse_match(text, field) == match
    assert format_match(match, field) == printed


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("10.0.0.1/8", IPV4, "10.0.0.1/8 has bits set beyond its prefix; 10.0.0.0/8 is meant?"),
        (
            "10.0.0.1&&&255.0.0.0",
            IPV4,
            r"has bits set beyond its mask; 10\.0\.0\.0&&&255\.0\.0\.0 is meant\?",
        ),
        ("1..2", IPV4, r"src is matched ternary, not range: '1\.\.2' cannot be used"),
        ("1&&&0x1ffffffff", IPV4, "mask 0x1ffffffff does not fit src, which is bit<32>"),
        ("90..80", PORT, r"port: the range 90\.\.80 is empty"),
        ("2..-3", SIGNED, r"delta: the range 2\.\.-3 is empty"),
        ("80/8", PORT, "port is matched range and takes no prefix length"),
        ("80..", PORT, "port has no value"),
        ("1&&&1", PORT, "port is matched range, not ternary"),
    ],
)
def test_what_is_wrong_is_said(text: str, field: KeyField, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_match(text, field)


def test_range_of_signed_values_is_these_bytes() -> None:
    data, mask = bytearray(8), bytearray(8)
    store(Match(0xFD, high=2), SIGNED, data, mask)
    assert (data.hex(), mask.hex()) == ("7d00000000000000", "8200000000000000")


@st.composite
def fields(draw: st.DrawFn) -> tuple[KeyField, Match]:
    """A field and what an entry may ask of it."""
    width, signed = draw(st.integers(1, 64)), draw(st.booleans())
    kind = draw(st.sampled_from(["exact", "lpm", "ternary", "range", "optional"]))
    order = draw(st.sampled_from(["little", "big"]))
    field = KeyField("f", width, 0, 8, order, signed=signed, match=kind)  # type: ignore[arg-type]
    number = st.integers(0, full(field))
    value = draw(number)
    match kind:
        case "lpm":
            length = draw(st.integers(0, width))
            return field, Match(value >> (width - length) << (width - length), prefix_len=length)
        case "ternary":
            mask = draw(number)
            return field, Match(value & mask, mask=mask)
        case "range":
            sign = 1 << (width - 1) if signed else 0
            low, high = sorted((value, draw(number)), key=lambda item: item ^ sign)
            return field, Match(low, high=high)
        case "optional":
            return field, draw(st.sampled_from([Match(value, mask=full(field)), Match(0, mask=0)]))
    return field, Match(value)


@given(fields())
def test_every_match_is_read_back(case: tuple[KeyField, Match]) -> None:
    field, match = case
    text = format_match(match, field)
    assert (anything(field) if text is None else parse_match(text, field)) == match
    data, mask = bytearray(8), bytearray(8)
    store(match, field, data, mask)
    assert load(field, bytes(data), bytes(mask)) == match
    json.dumps(match_json(match, field))


@given(st.text("0123456789.x&-/*_ ab:", max_size=20), fields())
def test_any_text_is_a_match_or_an_input_error(text: str, case: tuple[KeyField, Match]) -> None:
    field, _ = case
    try:
        match = parse_match(text, field)
    except InputError as e:
        assert "\n" not in str(e)
        return
    printed = format_match(match, field)
    assert (anything(field) if printed is None else parse_match(printed, field)) == match
