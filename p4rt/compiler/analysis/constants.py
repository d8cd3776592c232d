# SPDX-License-Identifier: Apache-2.0
"""Evaluation of compile-time known expressions, with Python's integers for P4's arbitrary precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.model import CheckedProgram, EnumValue, Evaluator, RecordValue, Value
from p4rt.compiler.frontend import ast

MAX_BITS = 1 << 17
"""A constant with more bits is refused."""


class ConstantError(Exception):
    """A constant expression without a value, such as a division by zero."""


def show(value: int) -> str:
    """A number in a message: Python refuses to write out very large ones."""
    return str(value) if value.bit_length() <= 128 else f"a number of {value.bit_length()} bits"


def wrap(value: int, type_: t.Type) -> int:
    """The value of `type_` that agrees with `value` in its bits."""
    type_ = t.strip(type_)
    if isinstance(type_, t.BitType):
        return value & ((1 << type_.width) - 1)
    if isinstance(type_, t.IntType):
        if type_.width == 0:
            return 0
        low = value & ((1 << type_.width) - 1)
        return low - (1 << type_.width) if low >> (type_.width - 1) else low
    return value


def saturate(value: int, type_: t.Type) -> int:
    """The value of `type_` nearest to `value`."""
    type_ = t.strip(type_)
    if isinstance(type_, t.BitType):
        return max(0, min(value, (1 << type_.width) - 1))
    if isinstance(type_, t.IntType):
        limit = 1 << max(0, type_.width - 1)
        return max(-limit, min(value, limit - 1))
    return value


def fit(value: Value, type_: t.Type) -> Value:
    """`value` as a value of `type_`, which it converts to implicitly or by a cast."""
    representation = t.strip(type_)
    if isinstance(representation, t.BoolType):
        return bool(value) if isinstance(value, int) else value
    if isinstance(value, int) and isinstance(representation, t.BitType | t.IntType | t.InfIntType):
        return wrap(int(value), representation)
    if isinstance(value, RecordValue):
        return _fit_record(value, representation)
    return value


def _fit_record(value: RecordValue, type_: t.Type) -> Value:
    if isinstance(value.type, t.InvalidLitType):
        return RecordValue(type_, {}, False)
    if isinstance(type_, t.AnonymousStructType):
        return RecordValue(type_, value.fields)
    if isinstance(type_, t.RecordType):
        names = list(type_.by_name)
        by_position = isinstance(value.type, t.TupleType)
        source = dict(zip(names, value.fields.values(), strict=False)) if by_position else value.fields
        fields = {name: fit(source[name], type_.by_name[name]) for name in names if name in source}
        return RecordValue(type_, fields, value.valid)
    elements: list[t.Type] = []
    if isinstance(type_, t.TupleType):
        elements = list(type_.elements)
    elif isinstance(type_, t.ListType | t.StackType):
        elements = [type_.element] * len(value.fields)
    pairs = zip(value.fields.items(), elements, strict=False)
    return RecordValue(type_, {name: fit(item, element) for (name, item), element in pairs}, value.valid)


def divide(left: int, right: int) -> int:
    """Integer division; P4 has none of negative numbers."""
    if right == 0:
        raise ConstantError("division by zero")
    if left < 0 or right < 0:
        raise ConstantError("division with a negative number")
    return left // right


def remainder(left: int, right: int) -> int:
    """What `divide` leaves."""
    return left - divide(left, right) * right


def shift_left(left: int, right: int) -> int:
    """`left << right` for a sane number of bits."""
    if right < 0:
        raise ConstantError("shift by a negative number")
    if left and right > MAX_BITS:
        raise ConstantError(f"a constant has more than {MAX_BITS} bits")
    return left << right


def shift_right(left: int, right: int) -> int:
    """`left >> right`, arithmetic for negative numbers."""
    if right < 0:
        raise ConstantError("shift by a negative number")
    return left >> min(right, left.bit_length() + 1)


_ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divide,
    "%": remainder,
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "<<": shift_left,
    ">>": shift_right,
}
_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


class ConstantEvaluator(Evaluator):
    """Evaluates typed expressions.

    During checking it is called for each expression after its parts, and takes the parts' values from
    `program.constants`.  With constructor parameters bound (`constants`) it evaluates parts again.
    """

    def __init__(self, program: CheckedProgram) -> None:
        self.program = program

    def evaluate(self, expr: ast.Expr, constants: Mapping[str, Value] | None) -> Value | None:
        """Value of `expr` converted to its type, or None when it is not known at compile time.

        Raises `ConstantError` for what has no value.
        """
        known = self.program.constants.get(expr)
        if known is not None:
            return known
        value = self.natural(expr, constants)
        return None if value is None else fit(value, self.program.type_of(expr))

    def natural(self, expr: ast.Expr, constants: Mapping[str, Value] | None) -> Value | None:
        """Value before implicit conversion."""
        type_ = self.program.types[expr]
        match expr:
            case ast.IntLit():
                return wrap(expr.value, type_)
            case ast.BoolLit() | ast.StringLit():
                return expr.value
            case ast.Name():
                return self._name(expr, constants)
            case ast.Member():
                return self._member(expr, type_, constants)
            case ast.Index():
                return self._index(expr, constants)
            case ast.Slice():
                parts = [self._part(item, constants) for item in (expr.base, expr.high, expr.low)]
                if all(isinstance(item, int) for item in parts):
                    base, high, low = (int(item) for item in parts)  # type: ignore[arg-type]
                    return (base >> low) & ((1 << (high - low + 1)) - 1)
            case ast.PlusSlice():
                parts = [self._part(item, constants) for item in (expr.base, expr.low)]
                if all(isinstance(item, int) for item in parts):
                    base, low = (int(item) for item in parts)  # type: ignore[arg-type]
                    return wrap(base >> low, type_)
            case ast.Unary():
                return self._unary(expr, type_, constants)
            case ast.Binary():
                return self._binary(expr, type_, constants)
            case ast.Ternary():
                cond = self._part(expr.cond, constants)
                if isinstance(cond, bool):
                    return self._part(expr.then if cond else expr.other, constants)
            case ast.Cast():
                value = self._part(expr.operand, constants)
                return None if value is None else fit(value, type_)
            case ast.ListLit() if not expr.dots:
                return self._record(type_, {str(n): e for n, e in enumerate(expr.items)}, constants)
            case ast.StructLit() if not expr.dots:
                return self._record(type_, {item.name: item.value for item in expr.items}, constants)
            case ast.InvalidLit():
                return RecordValue(t.InvalidLitType(), {}, False)
            case ast.Call():
                return None
        return None

    def _part(self, expr: ast.Expr, constants: Mapping[str, Value] | None) -> Value | None:
        if constants is None:
            return self.program.constants.get(expr)
        return self.evaluate(expr, constants) if expr in self.program.types else None

    def _name(self, expr: ast.Name, constants: Mapping[str, Value] | None) -> Value | None:
        decl = self.program.decls.get(expr)
        if isinstance(decl, ast.ConstDecl):
            return self._part(decl.value, constants)
        if isinstance(decl, ast.Param) and constants is not None and decl.direction == "":
            return constants.get(decl.name)
        if decl is None and self.program.types.get(expr) == t.MatchKindType():
            return EnumValue(t.MatchKindType(), expr.id)
        return None

    def _member(self, expr: ast.Member, type_: t.Type, constants: Mapping[str, Value] | None) -> Value | None:
        if isinstance(expr.base, ast.TypeNameExpr):
            if isinstance(type_, t.SerEnumType):
                return type_.members.get(expr.name)
            if isinstance(type_, t.EnumType | t.ErrorType):
                return EnumValue(type_, expr.name)
            return None
        base_type = self.program.types[expr.base]
        if isinstance(base_type, t.StackType) and expr.name == "size":
            return base_type.size
        base = self._part(expr.base, constants)
        return base.fields.get(expr.name) if isinstance(base, RecordValue) else None

    def _index(self, expr: ast.Index, constants: Mapping[str, Value] | None) -> Value | None:
        base, index = self._part(expr.base, constants), self._part(expr.index, constants)
        if isinstance(base, RecordValue) and isinstance(index, int):
            return list(base.fields.values())[index] if 0 <= index < len(base.fields) else None
        return None

    def _record(
        self, type_: t.Type, items: dict[str, ast.Expr], constants: Mapping[str, Value] | None
    ) -> Value | None:
        fields: dict[str, Value] = {}
        for name, item in items.items():
            value = self._part(item, constants)
            if value is None:
                return None
            fields[name] = value
        return RecordValue(type_, fields)

    def _unary(self, expr: ast.Unary, type_: t.Type, constants: Mapping[str, Value] | None) -> Value | None:
        value = self._part(expr.operand, constants)
        if isinstance(value, bool):
            return not value if expr.op == "!" else None
        if not isinstance(value, int):
            return None
        return wrap({"-": -value, "~": ~value, "+": value}.get(expr.op, value), type_)

    def _binary(self, expr: ast.Binary, type_: t.Type, constants: Mapping[str, Value] | None) -> Value | None:
        left, right, op = self._part(expr.left, constants), self._part(expr.right, constants), expr.op
        if op in {"&&", "||"} and isinstance(left, bool) and left == (op == "||"):
            return left
        if left is None or right is None:
            return None
        if op in {"==", "!="}:
            return (_plain(left) == _plain(right)) == (op == "==")
        if isinstance(left, bool) and isinstance(right, bool) and op in {"&&", "||"}:
            return right
        if op == "++":
            return self._concatenate(expr, left, right, type_)
        if not isinstance(left, int) or not isinstance(right, int):
            return None
        if op in _COMPARISONS:
            return _COMPARISONS[op](left, right)
        if op in {"|+|", "|-|"}:
            return saturate(left + right if op == "|+|" else left - right, type_)
        if op == "<<" and (width := t.width_of(type_)) is not None and right >= width:
            return 0
        result = _ARITHMETIC[op](left, right)
        if result.bit_length() > MAX_BITS:
            raise ConstantError(f"a constant has more than {MAX_BITS} bits")
        return wrap(result, type_)

    def _concatenate(self, expr: ast.Binary, left: Value, right: Value, type_: t.Type) -> Value | None:
        if isinstance(left, str) and isinstance(right, str):
            return left + right
        width = t.width_of(self.program.type_of(expr.right))
        if isinstance(left, int) and isinstance(right, int) and width is not None:
            return wrap((left << width) | (right & ((1 << width) - 1)), type_)
        return None


def _plain(value: Value) -> object:
    """A value for comparison: records by their contents in order."""
    if isinstance(value, RecordValue):
        return (value.valid, [_plain(item) for item in value.fields.values()])
    if isinstance(value, EnumValue):
        return (str(value.type), value.name)
    return value
