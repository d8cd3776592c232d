# SPDX-License-Identifier: Apache-2.0
"""What an entry asks of one field of a key: as text, for JSON, and as bytes.

| match kind | text |
| --- | --- |
| exact | `VALUE` |
| lpm | `VALUE/PREFIX`; `VALUE` is all bits |
| ternary | `VALUE&&&MASK` or `VALUE/PREFIX`; `VALUE` is all bits |
| range | `LOW..HIGH` or `VALUE` |
| optional | `VALUE` |

`*`, or leaving the field out, lets every value match; not for exact fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import KeyField
from p4rt.runtime.values import format_value, parse_integer, parse_value, plain_value, type_name

_ADDRESS_FORMATS = ("ipv4", "ipv6", "mac")


@dataclass(frozen=True, slots=True)
class Match:
    """What an entry asks of one key field.

    `prefix_len` (bits) is for LPM fields only, `mask` for ternary and optional ones, `high` for ranges, whose
    lowest value is then `value`."""

    value: int
    prefix_len: int | None = None
    mask: int | None = None
    high: int | None = None


def full(field: KeyField) -> int:
    """All bits of a field."""
    return (1 << field.width) - 1


def anything(field: KeyField) -> Match | None:
    """The match that lets every value pass; None for an exact field, which has none."""
    match field.match:
        case "lpm":
            return Match(0, prefix_len=0)
        case "ternary" | "optional":
            return Match(0, mask=0)
        case "range":
            low = 1 << field.width - 1 if field.signed else 0
            return Match(low, high=low ^ full(field))
    return None


def store(match: Match, field: KeyField, data: bytearray, mask: bytearray) -> None:
    """Writes a match into the data and the mask of a ternary map's key."""
    if match.high is not None:
        bias = _bias(field)
        field.store(data, match.value ^ bias)
        field.store(mask, match.high ^ bias)
        return
    field.store(data, match.value)
    if match.prefix_len is not None:
        field.store(mask, _prefix_mask(field, match.prefix_len))
    else:
        field.store(mask, full(field) if match.mask is None else match.mask)


def load(field: KeyField, data: bytes, mask: bytes) -> Match:
    """Reads what store() wrote; InputError for what it never writes."""
    value, bits = field.load(data), field.load(mask)
    match field.match:
        case "range":
            bias = _bias(field)
            return Match(value ^ bias, high=bits ^ bias)
        case "ternary":
            return Match(value, mask=bits)
        case "optional" if bits in (0, full(field)):
            return Match(value, mask=bits)
        case "lpm":
            length = bin(bits).count("1")
            if bits == _prefix_mask(field, length):
                return Match(value, prefix_len=length)
        case "exact" if bits == full(field):
            return Match(value)
    raise InputError(
        f"{field.name} is matched {field.match}, but the switch has an entry with mask {bits:#x}"
    )


def _bias(field: KeyField) -> int:
    """What makes unsigned numbers of signed values in their order."""
    return 1 << field.width - 1 if field.signed else 0


def _prefix_mask(field: KeyField, length: int) -> int:
    return full(field) ^ ((1 << field.width - length) - 1)


# ---- Text


def parse_match(text: str, field: KeyField) -> Match:
    """Reads a match from its text; InputError says what is wrong."""
    text = text.strip()
    if text in ("*", "_"):
        found = anything(field)
        if found is None:
            raise InputError(f"{field.name} is matched exact and needs a value")
        return found
    for sign, kinds in (("&&&", ("ternary",)), ("..", ("range",))):
        if sign in text and field.match not in kinds:
            what = f"{field.name} is matched {field.match}, not {kinds[0]}"
            raise InputError(f"{what}: '{text}' cannot be used")
    value, slash, length = text.partition("/")
    if slash and field.match not in ("lpm", "ternary"):
        raise InputError(f"{field.name} is matched {field.match} and takes no prefix length: '{text}'")
    match field.match:
        case "exact":
            return Match(parse_value(text, field))
        case "optional":
            return Match(parse_value(text, field), mask=full(field))
        case "range":
            return _parse_range(text, field)
        case "lpm":
            bits = _parse_prefix_len(length, field) if slash else field.width
            return Match(_masked(text, value, field, _prefix_mask(field, bits), f"/{bits}"), prefix_len=bits)
        case "ternary":
            return _parse_ternary(text, field)
    raise InputError(f"{field.name} is matched {field.match}, which this command cannot write")


def _parse_ternary(text: str, field: KeyField) -> Match:
    value, sign, mask_text = text.partition("&&&")
    if sign:
        mask = _parse_mask(mask_text, field)
        return Match(_masked(text, value, field, mask, f"&&&{mask_text.strip()}"), mask=mask)
    value, slash, length = text.partition("/")
    bits = _parse_prefix_len(length, field) if slash else field.width
    mask = _prefix_mask(field, bits)
    return Match(_masked(text, value, field, mask, f"/{bits}"), mask=mask)


def _parse_mask(text: str, field: KeyField) -> int:
    """Reads a mask: bits, also of a field whose values have signs, or an address."""
    number = parse_integer(text.strip())
    if number is None or number < 0:
        return parse_value(text, field)
    if number > full(field):
        raise InputError(f"mask {text.strip()} does not fit {field.name}, which is {type_name(field)}")
    return number


def _parse_range(text: str, field: KeyField) -> Match:
    low_text, sign, high_text = text.partition("..")
    low = parse_value(low_text, field)
    high = parse_value(high_text, field) if sign else low
    if low ^ _bias(field) > high ^ _bias(field):
        raise InputError(f"{field.name}: the range {text} is empty")
    return Match(low, high=high)


def _masked(text: str, value_text: str, field: KeyField, mask: int, end: str) -> int:
    """The value, which must have no bits outside of the mask."""
    value = parse_value(value_text, field)
    if value & ~mask:
        meant = format_value(value & mask, field)
        what = "prefix" if end.startswith("/") else "mask"
        raise InputError(f"{text} has bits set beyond its {what}; {meant}{end} is meant?")
    return value


def _parse_prefix_len(text: str, field: KeyField) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"'{text}' is not a prefix length for {field.name}")
    if len(text) > 5 or int(text) > field.width:
        raise InputError(f"/{text} is longer than {field.name}, which has {field.width} bits")
    return int(text)


def format_match(match: Match, field: KeyField) -> str | None:
    """The text that parse_match() reads back; None when every value matches, but for LPM fields."""
    text = format_value(match.value, field)
    if match.prefix_len is not None:
        return f"{text}/{match.prefix_len}"
    if field.match != "exact" and match == anything(field):
        return None
    if match.high is not None:
        return text if match.high == match.value else f"{text}..{format_value(match.high, field)}"
    if match.mask is None or match.mask == full(field):
        return text
    return f"{_format_plain(match.value, field)}{_format_mask(match.mask, field)}"


def _format_plain(value: int, field: KeyField) -> str:
    """A masked value: not the name of a member that happens to have it."""
    return format_value(value, field) if not field.enum else hex(value)


def _format_mask(mask: int, field: KeyField) -> str:
    if field.format in _ADDRESS_FORMATS:
        length = bin(mask).count("1")
        if field.format != "mac" and mask == _prefix_mask(field, length):
            return f"/{length}"
        return f"&&&{format_value(mask, field)}"
    return f"&&&{hex(mask)}"


def match_json(match: Match, field: KeyField) -> Any:
    """A match as plain values; None when every value matches, but for LPM fields."""
    value = plain_value(match.value, field)
    if match.prefix_len is not None:
        return {"value": value, "prefix_len": match.prefix_len}
    if field.match != "exact" and match == anything(field):
        return None
    if match.high is not None:
        return {"low": value, "high": plain_value(match.high, field)}
    if match.mask is not None and field.match == "ternary":
        masked = plain_value(match.value, field) if not field.enum else match.value
        return {"value": masked, "mask": _plain_mask(match.mask, field)}
    return value


def _plain_mask(mask: int, field: KeyField) -> Any:
    return plain_value(mask, field) if field.format in _ADDRESS_FORMATS else hex(mask)
