# SPDX-License-Identifier: Apache-2.0
"""Constructors of target IR expressions that fold what is known at compile time.

The rest of the compiler builds expressions through these, so that a slice of a constant or an extension to
the same width never reaches C.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from p4rt.compiler.backend.ir import (
    Binary,
    Choose,
    Compare,
    Concat,
    Const,
    Expr,
    Extend,
    Negate,
    Not,
    Op,
    Relation,
    Shift,
    ShiftKind,
    Slice,
    Swap,
)

TRUE = Const(1, 1)
FALSE = Const(1, 0)


def const(value: int, width: int) -> Const:
    """`value`, any Python integer, wrapped to `width` bits."""
    return Const(width, value & ((1 << width) - 1))


def boolean(value: bool) -> Const:
    """One bit."""
    return TRUE if value else FALSE


def to_signed(value: int, width: int) -> int:
    """The two's complement meaning of `width` bits."""
    return value - (1 << width) if value >> (width - 1) else value


def invert(operand: Expr) -> Expr:
    """Every bit of `operand` inverted."""
    if isinstance(operand, Const):
        return const(~operand.value, operand.width)
    if isinstance(operand, Not):
        return operand.operand
    return Not(operand.width, operand)


def negate(operand: Expr) -> Expr:
    """Two's complement of `operand`."""
    if isinstance(operand, Const):
        return const(-operand.value, operand.width)
    return Negate(operand.width, operand)


def fold_binary(op: Op, left: int, right: int) -> int:
    """What `op` computes, before wrapping."""
    match op:
        case Op.ADD:
            return left + right
        case Op.SUB:
            return left - right
        case Op.MUL:
            return left * right
        case Op.AND:
            return left & right
        case Op.OR:
            return left | right
        case Op.XOR:
            return left ^ right
        case Op.DIV:
            return left // right
        case Op.MOD:
            return left % right


def binary(op: Op, left: Expr, right: Expr) -> Expr:
    """`left op right`, of the width that both have."""
    assert left.width == right.width, (op, left, right)
    width = left.width
    if isinstance(left, Const) and isinstance(right, Const):
        return const(fold_binary(op, left.value, right.value), width)
    ones = (1 << width) - 1
    for known, other in ((left, right), (right, left)):
        if not isinstance(known, Const):
            continue
        if known.value == 0 and (op in (Op.ADD, Op.OR, Op.XOR) or (op is Op.SUB and known is right)):
            return other
        if op in (Op.AND, Op.MUL) and known.value == 0:
            return known
        if op is Op.AND and known.value == ones:
            return other
        if op is Op.OR and known.value == ones:
            return known
    return Binary(width, op, left, right)


def fold_compare(relation: Relation, left: int, right: int, width: int) -> bool:
    """Whether the relation holds between two values of `width` bits."""
    match relation:
        case Relation.EQ:
            return left == right
        case Relation.NE:
            return left != right
        case Relation.LT:
            return left < right
        case Relation.LE:
            return left <= right
        case Relation.SLT:
            return to_signed(left, width) < to_signed(right, width)
        case Relation.SLE:
            return to_signed(left, width) <= to_signed(right, width)


def compare(relation: Relation, left: Expr, right: Expr) -> Expr:
    """One bit: does the relation hold?"""
    assert left.width == right.width, (relation, left, right)
    if isinstance(left, Const) and isinstance(right, Const):
        return boolean(fold_compare(relation, left.value, right.value, left.width))
    if left.width == 1 and isinstance(right, Const) and relation in (Relation.EQ, Relation.NE):
        return left if (right.value == 1) == (relation is Relation.EQ) else invert(left)
    return Compare(1, relation, left, right)


def both(left: Expr, right: Expr) -> Expr:
    """Logical and of two bits without side effects."""
    return binary(Op.AND, left, right)


def all_of(conditions: Sequence[Expr]) -> Expr:
    """Logical and of any number of bits; no deeper than it must be, for later passes go down in it."""
    if len(conditions) <= 8:
        return reduce(both, conditions) if conditions else TRUE
    half = len(conditions) // 2
    return both(all_of(conditions[:half]), all_of(conditions[half:]))


def either(left: Expr, right: Expr) -> Expr:
    """Logical or of two bits without side effects."""
    return binary(Op.OR, left, right)


def bits(operand: Expr, low: int, width: int) -> Expr:
    """`width` bits of `operand` from bit `low` on."""
    assert low >= 0 and width > 0 and low + width <= operand.width, (operand, low, width)
    if width == operand.width:
        return operand
    if isinstance(operand, Const):
        return const(operand.value >> low, width)
    if isinstance(operand, Slice):
        return bits(operand.operand, operand.low + low, width)
    if isinstance(operand, Concat):
        if low + width <= operand.low.width:
            return bits(operand.low, low, width)
        if low >= operand.low.width:
            return bits(operand.high, low - operand.low.width, width)
    if isinstance(operand, Extend):
        inner = operand.operand
        if low + width <= inner.width:
            return bits(inner, low, width)
        if not operand.signed and low >= inner.width:
            return const(0, width)
    return Slice(width, operand, low)


def extend(operand: Expr, width: int, *, signed: bool = False) -> Expr:
    """`operand` in `width` bits, at least as many as it has."""
    assert width >= operand.width, (operand, width)
    if width == operand.width:
        return operand
    if isinstance(operand, Const):
        return const(to_signed(operand.value, operand.width) if signed else operand.value, width)
    if isinstance(operand, Extend) and operand.signed == signed:
        return Extend(width, operand.operand, signed)
    return Extend(width, operand, signed)


def resize(operand: Expr, width: int, *, signed: bool = False) -> Expr:
    """`operand` cut or extended to `width` bits."""
    if width <= operand.width:
        return bits(operand, 0, width)
    return extend(operand, width, signed=signed)


def concat(high: Expr, low: Expr) -> Expr:
    """`high` in front of `low`."""
    width = high.width + low.width
    if isinstance(high, Const) and isinstance(low, Const):
        return const(high.value << low.width | low.value, width)
    if isinstance(high, Const) and high.value == 0:
        return extend(low, width)
    return Concat(width, high, low)


def swap(operand: Expr) -> Expr:
    """The bytes of `operand` in the other order; it has 8, 16, 32 or 64 bits."""
    if isinstance(operand, Const):
        return const(
            int.from_bytes(operand.value.to_bytes(operand.width // 8, "little"), "big"), operand.width
        )
    return operand if operand.width == 8 else Swap(operand.width, operand)


def concat_all(parts: list[Expr]) -> Expr:
    """The parts, most significant first, as one value."""
    result = parts[0]
    for part in parts[1:]:
        result = concat(result, part)
    return result


def shift(kind: ShiftKind, value: Expr, amount: Expr) -> Expr:
    """`value` shifted; by its width or more, nothing of it remains but, for ARITHMETIC, its sign."""
    width = value.width
    if isinstance(amount, Const):
        count = amount.value
        if count == 0:
            return value
        if kind is ShiftKind.ARITHMETIC:
            count = min(count, width - 1)
            return extend(bits(value, count, width - count), width, signed=True)
        if count >= width:
            return const(0, width)
        if kind is ShiftKind.RIGHT:
            return extend(bits(value, count, width - count), width)
        return concat(bits(value, 0, width - count), const(0, count))
    return Shift(width, kind, value, amount)


def choose(condition: Expr, then: Expr, other: Expr) -> Expr:
    """`then` where `condition` is set, else `other`."""
    assert condition.width == 1 and then.width == other.width, (condition, then, other)
    if isinstance(condition, Const):
        return then if condition.value else other
    if then == other:
        return then
    return Choose(then.width, condition, then, other)
