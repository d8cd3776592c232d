# SPDX-License-Identifier: Apache-2.0
"""Headers whose fields may live in the packet instead of in variables.

They may in a program whose deparser writes back in place: then a header that is valid was extracted, and its
bytes stay where they were read.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from p4rt.compiler.backend import build, ir
from p4rt.compiler.records import record


@record
class Home:
    """A header; `fields` in their order, at byte `position` of the packet.

    The deparser writes back through the pointer `written`; `pointer` is one that nothing uses yet.  A check
    that the header is there, which never fails, goes to `otherwise`.  The C compiler leaves out checks that
    others imply; those that remain are where it has put another test for that of the validity bit, which
    tells the verifier nothing.
    """

    valid: ir.Var
    position: ir.Var
    fields: tuple[ir.Var, ...]
    written: ir.Pointer
    pointer: ir.Pointer
    otherwise: str
    floating: bool
    """Was the cursor moved by amounts that only the packet tells?  See ir.PacketPointer."""

    @cached_property
    def offsets(self) -> dict[str, int]:
        """The first bit of each field, by name."""
        offsets: dict[str, int] = {}
        at = 0
        for item in self.fields:
            offsets[item.name] = at
            at += item.width
        return offsets

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(item.width for item in self.fields) // 8

    def point(self, position: ir.Expr) -> ir.PacketPointer:
        """`pointer` set to the header, which is there."""
        opaque = self.floating and not isinstance(position, ir.Const)
        return ir.PacketPointer(self.pointer, position, self.size, self.otherwise, known=True, opaque=opaque)

    def load(self, field: ir.Var) -> ir.Expr:
        """The field as it is in the packet."""
        first = self.offsets[field.name]
        low, high = first // 8, (first + field.width + 7) // 8
        loaded = ir.Load(8 * (high - low), self.pointer, low, True)
        return build.bits(loaded, 8 * high - first - field.width, field.width)

    def store(self, field: ir.Var) -> ir.Store:
        """The field, with those that share its bytes, to the packet."""
        first = self.offsets[field.name]
        end = first + field.width
        parts: list[ir.Expr] = []
        start: int | None = None
        for item in self.fields:
            at = self.offsets[item.name]
            if at % 8 == 0 and at <= first:
                parts, start = [], at
            parts.append(item)
            if (at + item.width) % 8 == 0 and at + item.width >= end:
                break
        assert start is not None
        return ir.Store(self.pointer, start // 8, build.concat_all(parts), True)


def positions(block: ir.Block, homes: tuple[Home, ...]) -> dict[str, int]:
    """The places of headers that are at the same one in every packet, by the name of their validity bit."""
    values: dict[str, set[ir.Expr]] = {home.position.name: set() for home in homes}
    for target, value in _assigned(block):
        if target.name in values:
            values[target.name].add(value)
    places: dict[str, int] = {}
    for home in homes:
        found = list(values[home.position.name])
        if len(found) == 1 and isinstance(found[0], ir.Const):
            places[home.valid.name] = found[0].value
    return places


def _assigned(block: ir.Block) -> Iterator[tuple[ir.Var, ir.Expr]]:
    for statement in ir.walk(block):
        if isinstance(statement, ir.Assign):
            yield statement.target, statement.value
