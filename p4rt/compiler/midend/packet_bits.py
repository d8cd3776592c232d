# SPDX-License-Identifier: Apache-2.0
"""Where the bits of a value come from: the packet as it arrived, a number, or elsewhere.

A value is described by its pieces, the most significant first.  A header's field that was extracted and never
assigned to is one piece of the packet, whatever variables it went through.
"""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple, TypeVar

from p4rt.compiler.backend import ir
from p4rt.compiler.midend.fold import Known, common, fold_expr
from p4rt.compiler.records import record


class Piece(NamedTuple):
    """`width` bits of the packet from bit `start` on, or where that is negative, of the number `value`.

    Bits are counted from the byte that the variable `base` tells, or from the first one.
    """

    width: int
    start: int
    value: int = 0
    base: str = ""


_T = TypeVar("_T")
Bits = tuple[Piece, ...]
"""All pieces of a value."""

NOWHERE = -1

Place = tuple[str, int]
"""A byte of the packet: its distance from where a variable points to, or without one from the first byte."""


@record(frozen=False)
class Facts:
    """What is known at a point: pieces and values of variables, and where they or pointers lead to.

    A value may be known of what is a piece of the packet, from a branch that tested it.  `changed` are the
    variables that may have been assigned to since the walk last forgot them.
    """

    bits: dict[str, Bits]
    values: Known
    places: dict[str, Place]
    changed: set[str]

    def copy(self) -> Facts:
        """Facts of its own."""
        return Facts(dict(self.bits), dict(self.values), dict(self.places), set(self.changed))

    def meet(self, other: Facts) -> Facts:
        """What both say."""
        if self is other:
            return self
        return Facts(
            _common(self.bits, other.bits),
            common(self.values, other.values),
            _common(self.places, other.places),
            self.changed | other.changed,
        )

    def assign(self, target: ir.Var, value: ir.Expr) -> None:
        """Note that `target` is now what `value` was."""
        folded = fold_expr(value, self.values)
        pieces = bits_of(value, self)
        place = self.place(folded) if target.width == ir.WORD else None
        self.forget(target)
        if pieces is not None:
            self.bits[target.name] = pieces
        if isinstance(folded, ir.Const):
            self.values[target.name] = folded.value
        if place is not None and place[0] != target.name:
            self.places[target.name] = place

    def forget(self, target: ir.Var) -> None:
        """Note that `target` is anything, and what was counted from it is anywhere."""
        self.changed.add(target.name)
        self.bits.pop(target.name, None)
        self.values.pop(target.name, None)
        if target.width < ir.WORD:
            return
        name = target.name
        if name in self.places:  # Else nothing is counted from it.
            self.places = {key: place for key, place in self.places.items() if place[0] != name}
            self.bits = {key: bits for key, bits in self.bits.items() if all(x.base != name for x in bits)}
        self.places[name] = (name, 0)

    def point(self, pointer: ir.Pointer, offset: ir.Expr) -> None:
        """Note where a pointer is set to."""
        place = self.place(fold_expr(offset, self.values))
        if place is None:
            self.places.pop(pointer.name, None)
        else:
            self.places[pointer.name] = place

    def place(self, offset: ir.Expr) -> Place | None:
        """The byte of the packet at an offset, None where it is not a sum of a variable and a number."""
        match offset:
            case ir.Const(_, value):
                return "", value
            case ir.Var(_, name):
                return self.places.get(name)
            case ir.Binary(_, ir.Op.ADD, left, ir.Const(_, value)) | ir.Binary(
                _, ir.Op.ADD, ir.Const(_, value), left
            ):
                start = self.place(left)
                return None if start is None else (start[0], start[1] + value)
        return None


def _common(first: dict[str, _T], second: dict[str, _T]) -> dict[str, _T]:
    return {name: value for name, value in first.items() if second.get(name) == value}


def number(value: int, width: int) -> Bits:
    """The pieces of a number."""
    return (Piece(width, NOWHERE, value),)


def as_number(bits: Bits) -> int | None:
    """The number, if it is nothing else."""
    return bits[0].value if len(bits) == 1 and bits[0].start < 0 else None


def join(high: Bits, low: Bits) -> Bits:
    """The pieces of both, those that go together made one."""
    left, right = high[-1], low[0]
    if left.start < 0 and right.start < 0:
        both = Piece(left.width + right.width, NOWHERE, left.value << right.width | right.value)
    elif left.start >= 0 and left.start + left.width == right.start and left.base == right.base:
        both = left._replace(width=left.width + right.width)
    else:
        return high + low
    return (*high[:-1], both, *low[1:])


def cut(bits: Bits, low: int, width: int) -> Bits:
    """`width` bits of it, from bit `low` on."""
    end = sum(piece.width for piece in bits) - low
    first = end - width
    result: Bits = ()
    at = 0
    for piece in bits:
        start, stop = max(at, first), min(at + piece.width, end)
        if start < stop:
            if piece.start < 0:
                value = piece.value >> (at + piece.width - stop) & ((1 << (stop - start)) - 1)
                part = Piece(stop - start, NOWHERE, value)
            else:
                part = piece._replace(width=stop - start, start=piece.start + start - at)
            result = join(result, (part,)) if result else (part,)
        at += piece.width
    return result


@singledispatch
def bits_of(expr: ir.Expr, facts: Facts) -> Bits | None:
    """The pieces of an expression, None where they are not known."""
    folded = fold_expr(expr, facts.values)
    return number(folded.value, folded.width) if isinstance(folded, ir.Const) else None


@bits_of.register(ir.Const)
def _(expr: ir.Const, facts: Facts) -> Bits | None:
    return number(expr.value, expr.width)


@bits_of.register(ir.Var)
def _(expr: ir.Var, facts: Facts) -> Bits | None:
    return facts.bits.get(expr.name)


@bits_of.register(ir.Load)
def _(expr: ir.Load, facts: Facts) -> Bits | None:
    place = facts.places.get(expr.memory.name)
    if place is None or not (expr.big_endian or expr.width == 8):
        return None
    base, start = place
    return (Piece(expr.width, 8 * (start + expr.offset), base=base),)


@bits_of.register(ir.Slice)
def _(expr: ir.Slice, facts: Facts) -> Bits | None:
    operand = bits_of(expr.operand, facts)
    return None if operand is None else cut(operand, expr.low, expr.width)


@bits_of.register(ir.Concat)
def _(expr: ir.Concat, facts: Facts) -> Bits | None:
    high, low = bits_of(expr.high, facts), bits_of(expr.low, facts)
    return None if high is None or low is None else join(high, low)


@bits_of.register(ir.Extend)
def _(expr: ir.Extend, facts: Facts) -> Bits | None:
    operand = bits_of(expr.operand, facts)
    if operand is None or (expr.signed and as_number(operand) is None):
        return None
    spare = expr.width - expr.operand.width
    if expr.signed and operand[0].value >> (expr.operand.width - 1):
        return join(number((1 << spare) - 1, spare), operand)
    return join(number(0, spare), operand) if spare else operand
