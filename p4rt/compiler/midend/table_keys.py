# SPDX-License-Identifier: Apache-2.0
"""Keys of tables and value sets: which map a mix of match kinds needs, how the key lies there, and entries'
keys as bytes.

All fields exact make a hash map, one `lpm` among them an LPM map; every other mix is a ternary map, where
`exact`, `lpm`, `ternary` and `optional` are masks, and `range` is a word of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import KeyField, Slot
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout
from p4rt.compiler.midend.context import Context
from p4rt.compiler.records import record
from p4rt.compiler.source import Span

MAX_RANGE_WIDTH = 64
"""Bits of a range's word."""
_KINDS = ("exact", "lpm", "ternary", "range", "optional")
_PRIORITY_SIZE = 8
"""Bytes in front of data and mask in `struct ubpf_ternary_key`."""


@record
class KeyElement:
    """A field that takes part in the match."""

    spec: layout.FieldSpec
    id: int
    match: str
    span: Span
    type: t.Type
    source: ast.Node | None = None


@record
class KeyLayout:
    """The fields in their order, bytes of a lookup's key, and what the map needs to know."""

    fields: tuple[KeyField, ...]
    size: int
    map_type: ir.MapType
    base_bits: int
    n_ranges: int


def lay_out(ctx: Context, elements: Sequence[KeyElement]) -> KeyLayout:
    """Choose map and layout; refuses what no map can match."""
    for element in elements:
        if element.match not in _KINDS:
            ctx.unsupported(element.span, f"the match kind '{element.match}' is", f"use {', '.join(_KINDS)}")
        if element.match == "range" and element.spec.width > MAX_RANGE_WIDTH:
            ctx.unsupported(
                element.span, f"a range of {element.spec.width} bits (more than {MAX_RANGE_WIDTH}) is",
                "match the upper bits by an 'exact' or 'ternary' key, the lower ones by a 'range'",
            )  # fmt: skip
    kinds = [element.match for element in elements]
    specs = [element.spec for element in elements]
    base_bits = n_ranges = 0
    if all(kind == "exact" for kind in kinds):
        slots, end = layout.compact(specs)
        size, map_type = layout.padded(end), ir.MapType.HASH
    elif kinds.count("lpm") == 1 and kinds.count("exact") == len(kinds) - 1:
        last = kinds.index("lpm")
        before, slot, size = layout.prefix([*specs[:last], *specs[last + 1 :]], specs[last])
        slots = [*before[:last], slot, *before[last:]]
        base_bits, map_type = 8 * (slot.offset - layout.PREFIX_LEN_SIZE), ir.MapType.LPM
    else:
        is_range = [kind == "range" for kind in kinds]
        slots, size = layout.masked(specs, is_range)
        n_ranges, map_type = sum(is_range), ir.MapType.TERNARY
    fields = tuple(
        KeyField(slot, element.id, element.match, element.type, element.source)
        for slot, element in zip(slots, elements, strict=True)
    )
    return KeyLayout(fields, size, map_type, base_bits, n_ranges)


def entry_key(key: KeyLayout, matches: Sequence[tuple[int, int]], priority: int) -> bytes:
    """An entry's key as the control plane writes it; `matches` as in `catalog.TableEntry`."""
    data, mask = bytearray(key.size), bytearray(key.size)
    for item, (first, second) in zip(key.fields, matches, strict=True):
        place = slice(item.slot.offset, item.slot.offset + item.slot.size)
        data[place] = item.slot.encode(first)
        if item.match != "lpm":
            mask[place] = item.slot.encode(second)
        elif key.map_type is ir.MapType.TERNARY:
            mask[place] = item.slot.encode(prefix_mask(item.slot.width, second))
        else:
            data[0 : layout.PREFIX_LEN_SIZE] = (key.base_bits + second).to_bytes(4, "little")
    if key.map_type is not ir.MapType.TERNARY:
        return bytes(data)
    return priority.to_bytes(4, "little") + bytes(_PRIORITY_SIZE - 4) + bytes(data) + bytes(mask)


def prefix_mask(width: int, length: int) -> int:
    """The mask of a prefix of `length` bits."""
    return ((1 << length) - 1) << (width - length)


def match_of(keyset: model.Keyset, item: KeyField, number: int | None) -> tuple[int, int] | None:
    """What a keyset asks of a field, as in `catalog.TableEntry`; None where the match kind cannot say it.

    `number` is the value of an exact keyset.
    """
    width = item.slot.width
    full = (1 << width) - 1
    match keyset:
        case model.AnySet() if item.match == "range":
            low = 1 << (width - 1) if item.slot.biased else 0
            return low, full ^ low
        case model.AnySet() if item.match != "exact":
            return 0, 0
        case model.ExactSet() if number is not None:
            second = {"lpm": width, "range": number}.get(item.match, full)
            return number, second
        case model.MaskSet(value, mask) if item.match == "ternary":
            return value & mask & full, mask & full
        case model.MaskSet(value, mask) if item.match == "lpm":
            length = bin(mask & full).count("1")
            return (value & mask & full, length) if mask & full == prefix_mask(width, length) else None
        case model.RangeSet(low, high) if item.match == "range":
            return low & full, high & full
    return None


def prefix_length(key: Sequence[KeyField], base_bits: int) -> tuple[Slot, ir.Expr]:
    """Where a lookup in an LPM map tells how long its key is, and how long that is."""
    bits = base_bits + next(item.slot.width for item in key if item.match == "lpm")
    return Slot("", 32, 0, layout.PREFIX_LEN_SIZE), build.const(bits, 32)


def look_up(
    ctx: Context, entry: ir.Pointer, map_name: str, key_size: int, fields: list[tuple[Slot, ir.Expr]]
) -> None:
    """Point `entry` to the value in a map at the key that `fields` make; all bytes between them are zero."""
    buffer = ir.Buffer(ctx.name("key"), key_size)
    with ctx.collect() as body:
        for slot, value in fields:
            if slot.biased:
                value = build.binary(ir.Op.XOR, value, build.const(1 << (slot.width - 1), slot.width))
            shifted = build.concat(value, build.const(0, slot.shift)) if slot.shift else value
            whole = build.extend(shifted, 8 * slot.size)
            ctx.emit(ir.Store(buffer, slot.offset, whole, slot.big_endian, span=ctx.span))
        for offset, size in layout.gaps([slot for slot, _ in fields], key_size):
            ctx.emit(ir.Store(buffer, offset, build.const(0, 8 * size), False, span=ctx.span))
        ctx.emit(ir.Lookup(entry, map_name, buffer, span=ctx.span))
    ctx.emit(ir.Scope(buffer, tuple(body), span=ctx.span))
