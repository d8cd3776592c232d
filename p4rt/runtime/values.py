# SPDX-License-Identifier: Apache-2.0
"""P4 values as people write them, to and from unsigned bit patterns of a field's width."""

from __future__ import annotations

import ipaddress
import re
from decimal import Decimal

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import Field

_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|[0-9][0-9_]*)\Z")
_MAC = re.compile(r"[0-9a-fA-F]{1,2}([:-][0-9a-fA-F]{1,2}){5}\Z")
_DECIMAL_WIDTH = 64  # Wider numbers are printed in hexadecimal.


def type_name(field: Field) -> str:
    """The P4 type of `field`, for messages."""
    return f"{'int' if field.signed else 'bit'}<{field.width}>"


def parse_integer(text: str) -> int | None:
    """Reads 10, 0x0a, 0b1010, 0o12 or -5; None when `text` is no integer."""
    if not _INTEGER.match(text):
        return None
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").replace("_", "")
    prefix = digits[:2].lower()
    base = {"0x": 16, "0b": 2, "0o": 8}.get(prefix, 10)
    try:
        return sign * int(digits[2:] if base != 10 else digits, base)
    except ValueError:  # Only underscores, or more digits than Python reads.
        return None


def _parse_address(text: str) -> tuple[int, int, str] | None:
    """Reads an address as value, width in bits and kind, or None."""
    if _MAC.match(text):
        parts = re.split("[:-]", text)
        return int("".join(p.zfill(2) for p in parts), 16), 48, "a MAC address"
    try:
        address = ipaddress.ip_address(text) if "." in text or ":" in text else None
    except ValueError:
        return None
    if address is None:
        return None
    return int(address), address.max_prefixlen, f"an IPv{address.version} address"


def parse_value(text: str, field: Field) -> int:
    """Reads `text` as a value of `field`; the unsigned pattern of its `width` bits.

    Accepts integers (negative ones for signed fields), true and false for one bit, members of
    the field's enum, and IPv4, IPv6 and MAC addresses for 32, 128 and 48 bits."""
    text = text.strip()
    if not text:
        raise InputError(f"{field.name} has no value")
    member = text.rpartition(".")[2]
    if member in field.enum:
        return field.enum[member] & (1 << field.width) - 1
    if field.width == 1 and text.lower() in ("true", "false"):
        return int(text.lower() == "true")
    number = parse_integer(text)
    if number is not None:
        return _fit(number, text, field)
    address = _parse_address(text)
    if address is not None:
        value, width, kind = address
        if width != field.width:
            raise InputError(f"{text} is {kind}, but {field.name} is {type_name(field)}")
        return value
    members = f" (members: {', '.join(field.enum)})" if field.enum else ""
    raise InputError(f"'{text}' is not a value for {field.name}, which is {type_name(field)}{members}")


def _fit(number: int, text: str, field: Field) -> int:
    """The pattern of `number`, which must be within the range of `field`."""
    if field.signed:
        low, high = -(1 << field.width - 1) if field.width else 0, (1 << field.width) >> 1
    else:
        low, high = 0, 1 << field.width
    if not low <= number < high:
        raise InputError(f"{text} does not fit {field.name}, which is {type_name(field)}")
    return number & (1 << field.width) - 1


def format_value(value: int, field: Field) -> str:
    """Writes the pattern `value` of `field` so that parse_value() reads it back."""
    for name, number in field.enum.items():
        if number & (1 << field.width) - 1 == value:
            return name
    if field.format == "ipv4" and field.width == 32:
        return str(ipaddress.IPv4Address(value))
    if field.format == "ipv6" and field.width == 128:
        return str(ipaddress.IPv6Address(value))
    if field.format == "mac" and field.width == 48:
        return value.to_bytes(6, "big").hex(":")
    if field.signed and value >> max(field.width - 1, 0):
        return str(value - (1 << field.width))
    if field.width == 1 and field.name.endswith("$valid$"):
        return "true" if value else "false"
    return str(value) if field.width <= _DECIMAL_WIDTH else hex(value)


def plain_value(value: int, field: Field) -> int | str:
    """`value` for JSON: a number where one is natural, otherwise the text of format_value()."""
    text = format_value(value, field)
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else text


_UNITS = {"": 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1, "m": 60 * 10**9, "h": 3600 * 10**9}
_DURATION = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)(ns|us|ms|s|m|h)?\Z")


def parse_duration(text: str) -> int:
    """Reads 30, 30s, 500ms, 2.5m or 1h as nanoseconds; a number alone is in seconds."""
    found = _DURATION.match(text.strip())
    if found is None:
        raise InputError(f"'{text}' is not a duration (30s, 500ms, 2m, 1h)")
    nanoseconds = int(Decimal(found[1]) * _UNITS[found[2] or ""])
    if nanoseconds >= 1 << 63:
        raise InputError(f"{text} is too long")
    return nanoseconds


def format_duration(nanoseconds: int) -> str:
    """Writes a duration in the largest unit that needs no fraction, from seconds down."""
    for unit in ("s", "ms", "us"):
        if nanoseconds % _UNITS[unit] == 0:
            return f"{nanoseconds // _UNITS[unit]}{unit}"
    return f"{nanoseconds}ns"
