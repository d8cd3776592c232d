# SPDX-License-Identifier: Apache-2.0
"""Where the fields of keys and values lie in their bytes.

Three layouts: *natural* for values and for keys of exact fields (little-endian, 1, 2, 4 or 8 bytes or a
multiple of 8, aligned to their size), *prefix* for LPM keys (big-endian and packed, so that prefixes are
prefixes), and *masked* for ternary keys (natural, with a word for each range at the end).
"""

from __future__ import annotations

import re

from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend.catalog import Slot
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.records import record, replace

PREFIX_LEN_SIZE = 4
"""Bytes of `struct ubpf_lpm_key` in front of its data."""
_ALIGNMENT = 8


@record
class FieldSpec:
    """A scalar that needs a place: what its Slot says of it, but for the place."""

    name: str
    width: int
    signed: bool = False
    format: str | None = None
    enum: dict[str, int] | None = None


def natural(specs: list[FieldSpec], start: int = 0) -> tuple[list[Slot], int]:
    """Slots in the natural layout from byte `start` on, and the end."""
    slots: list[Slot] = []
    offset = start
    for spec in specs:
        size = natural_size(spec.width)
        alignment = min(size, _ALIGNMENT)
        offset = (offset + alignment - 1) // alignment * alignment
        slots.append(Slot(spec.name, spec.width, offset, size, False, 0, spec.signed, spec.format, spec.enum))
        offset += size
    return slots, offset


def compact(specs: list[FieldSpec], start: int = 0) -> tuple[list[Slot], int]:
    """`natural` with the largest fields in front, so that there are no gaps between them; slots in the order
    of `specs`."""
    order = sorted(range(len(specs)), key=lambda index: -min(natural_size(specs[index].width), _ALIGNMENT))
    slots, end = natural([specs[index] for index in order], start)
    placed = dict(zip(order, slots, strict=True))
    return [placed[index] for index in range(len(specs))], end


def masked(specs: list[FieldSpec], is_range: list[bool]) -> tuple[list[Slot], int]:
    """Slots of a ternary key, those of ranges each a whole word at its end, and the key's size."""
    plain, end = compact([spec for spec, ranged in zip(specs, is_range, strict=True) if not ranged])
    offset = padded(end)
    slots: list[Slot] = []
    rest = iter(plain)
    for spec, ranged in zip(specs, is_range, strict=True):
        if not ranged:
            slots.append(next(rest))
            continue
        slot = Slot(spec.name, spec.width, offset, _ALIGNMENT, False, 0, spec.signed, spec.format, spec.enum)
        slots.append(replace(slot, biased=spec.signed))
        offset += _ALIGNMENT
    return slots, offset


def natural_size(width: int) -> int:
    """Bytes of a value of `width` bits: a power of two up to 8, then a multiple of 8."""
    for size in (1, 2, 4, 8):
        if width <= 8 * size:
            return size
    return (width + 63) // 64 * 8


def prefix(exact: list[FieldSpec], last: FieldSpec) -> tuple[list[Slot], Slot, int]:
    """Slots of the exact fields, the slot of the LPM field, and the key's size."""
    slots: list[Slot] = []
    offset = PREFIX_LEN_SIZE
    for spec in [*exact, last]:
        size = (spec.width + 7) // 8
        slots.append(Slot(spec.name, spec.width, offset, size, True, 0, spec.signed, spec.format, spec.enum))
        offset += size
    slots[-1] = replace(slots[-1], shift=8 * slots[-1].size - last.width)
    return slots[:-1], slots[-1], offset


def padded(size: int) -> int:
    """`size` rounded up to a multiple of 8 bytes."""
    return (size + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def gaps(slots: list[Slot], size: int) -> list[tuple[int, int]]:
    """(offset, size) of the bytes that no slot covers."""
    result = []
    at = 0
    for slot in sorted(slots, key=lambda item: item.offset):
        if slot.offset > at:
            result.append((at, slot.offset - at))
        at = slot.offset + slot.size
    if at < size:
        result.append((at, size - at))
    return result


def spec_of(name: str, type_: t.Type, hint: str, errors: list[str]) -> FieldSpec:
    """The spec of a scalar of `type_`; `hint` are the words that tell its format.

    Raises:
        storage.Unsupported: the type is composed.
    """
    width = storage.scalar_width(type_)
    if width is None:
        raise storage.Unsupported(f"a value of type {type_} here is")
    enum: dict[str, int] | None = None
    match type_:
        case t.EnumType(members=members):
            enum = {member: number for number, member in enumerate(members)}
        case t.SerEnumType(members=numbers):
            enum = {member: number & ((1 << width) - 1) for member, number in numbers.items()}
        case t.ErrorType():
            enum = {member: number for number, member in enumerate(errors)}
    return FieldSpec(name, width, storage.is_signed(type_), format_of(width, hint), enum)


def flatten(type_: t.Type, name: str, errors: list[str], hint: str = "") -> list[FieldSpec]:
    """Specs of the scalars inside `type_`, in the order of its data leaves, with dotted names."""
    type_ = type_ if isinstance(type_, t.SerEnumType) else t.strip(type_)
    if storage.scalar_width(type_) is not None:
        return [spec_of(name, type_, f"{name} {hint}", errors)]
    parts = storage.fields_of(type_)
    if parts is None or isinstance(type_, t.HeaderType):
        raise storage.Unsupported(f"storing a value of type {type_} is")
    decls = {item.name: item.decl for item in getattr(type_, "fields", ())}
    result: list[FieldSpec] = []
    for field, part in parts:
        dotted = f"{name}.{field}" if name else field
        result += flatten(part, dotted, errors, written_name(decls.get(field)))
    return result


def written_name(decl: ast.Field | ast.Param | None) -> str:
    """The name of the declared type as the source spells it, and a `@format`, as words for `format_of`."""
    if decl is None:
        return ""
    note = ast.annotation(decl, "format")
    extra = " ".join(note.tokens or ()) if note is not None else ""
    return f"{decl.type.name if isinstance(decl.type, ast.NamedTypeExpr) else ''} {extra}"


_FORMATS = (
    (48, "mac", r"mac|eth|addr|[ds]st|src|hw"),
    (32, "ipv4", r"ip|addr|next_?hop|nhop|gateway"),
    (128, "ipv6", r"ip|addr|next_?hop|nhop|gateway"),
)


def format_of(width: int, words: str) -> str | None:
    """A hint how people write a value: `mac`, `ipv4`, `ipv6`, `port`, or None."""
    words = words.lower()
    for bits, name, pattern in _FORMATS:
        if width == bits and re.search(pattern, words):
            return name
    if width in (9, 16, 32) and re.search(r"port", words):
        return "port"
    return None
