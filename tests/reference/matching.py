# SPDX-License-Identifier: Apache-2.0
"""What entries of tables and members of value sets ask of a value, by match kind."""

from __future__ import annotations

from p4rt.compiler.analysis import types as t

from . import values as v
from .values import Val

Match = tuple[int, int]
"""What a key element must be, as numbers: (value, prefix length) for `lpm`, (lowest, highest) for `range`,
else (value, mask)."""


def number_of(value: Val, type_: t.Type) -> tuple[int, int]:
    """The bits of a key as a number, and how many they are; of an enum the place of the member."""
    return v.bits(value, type_)


def wanted_by(value: Val, type_: t.Type, kind: str, wanted: Match) -> bool:
    """Whether a value is what `wanted` asks for."""
    number, width = number_of(value, type_)
    first, second = wanted
    match kind:
        case "selector":
            return True
        case "lpm":
            return (number ^ first) >> (width - second) == 0
        case "range" if isinstance(t.strip(type_), t.IntType):
            low, here, high = (item - (item >> (width - 1) << width) for item in (first, number, second))
            return low <= here <= high
        case "range":
            return first <= number <= second
        case "exact":
            return number == first
    return number & second == first & second
