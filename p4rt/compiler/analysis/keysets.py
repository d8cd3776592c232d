# SPDX-License-Identifier: Apache-2.0
"""Keysets: what a label of a select, or an entry of a table, lets through (P4_16 section 8.15)."""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.constants import show
from p4rt.compiler.analysis.context import BAD
from p4rt.compiler.analysis.conversions import NUMERIC, describe
from p4rt.compiler.analysis.model import (
    AnySet,
    ComputedSet,
    ExactSet,
    Keyset,
    MaskSet,
    RangeSet,
    TupleSet,
    ValueSetRef,
)
from p4rt.compiler.analysis.statements import Statements
from p4rt.compiler.frontend import ast


class Keysets(Statements):
    """Part of the checker: keysets."""

    def check_keyset(
        self, keyset: ast.Expr, types: Sequence[t.Type], *, computed: bool = False
    ) -> tuple[Keyset, ...]:
        """One keyset for each type, or none when their number is wrong, which is reported.

        `computed`: its values may be known only at run time, as those of a select.
        """
        whole = len(types) == 1 and isinstance(keyset, ast.TupleKeyset) and _parts_of(types[0]) is not None
        parts = (keyset,) if whole else keyset_parts(keyset, len(types))
        if len(parts) != len(types):
            if not (len(types) == 1 and isinstance(types[0], t.ErrorRecoveryType)):
                self.error("type-error", keyset, f"{len(parts)} values for {len(types)} keys")
            return ()
        if len(types) > 1 and not isinstance(keyset, ast.TupleKeyset | ast.ListLit):
            if isinstance(keyset, ast.Name):
                single = self._value_set(keyset, types)
                if single is not None:
                    return tuple(single for _ in types)
            self.program.types[keyset] = t.SetType(t.TupleType(tuple(types)))
            return tuple(AnySet() for _ in types)
        return tuple(
            self._simple_keyset(part, type_, computed) for part, type_ in zip(parts, types, strict=True)
        )

    def _value_set(self, expr: ast.Name, types: Sequence[t.Type]) -> ValueSetRef | None:
        """The value set that a label names; its members must have the types of the keys."""
        for decl in self.lookup(expr.id, expr.absolute):
            if isinstance(decl, ast.ValueSetDecl):
                element = self.program.decl_types.get(decl, BAD)
                self.program.decls[expr] = decl
                self.program.types[expr] = t.SetType(element)
                if not self._members_fit(element, types):
                    keys = describe(types[0]) if len(types) == 1 else describe(t.TupleType(tuple(types)))
                    self.error("type-error", expr, f"value set '{expr.id}' of {describe(element)} for {keys}")
                return ValueSetRef(decl)
        return None

    def _members_fit(self, element: t.Type, types: Sequence[t.Type]) -> bool:
        """Is a member one value for one key, or a struct or tuple with one for each?"""
        if self.is_bad(element) or any(self.is_bad(item) for item in types):
            return True
        if len(types) == 1 and element == types[0]:
            return True
        match element:
            case t.StructType(fields=fields):
                return [field.type for field in fields] == list(types)
            case t.TupleType(elements):
                return list(elements) == list(types)
        return False

    def _simple_keyset(self, expr: ast.Expr, type_: t.Type, computed: bool) -> Keyset:
        if isinstance(expr, ast.DontCare | ast.DefaultKeyset):
            self.program.types[expr] = t.SetType(type_)
            return AnySet()
        if isinstance(expr, ast.Mask):
            return self._pair("mask", expr, (expr.value, expr.mask), type_, computed)
        if isinstance(expr, ast.Range):
            return self._pair("range", expr, (expr.low, expr.high), type_, computed)
        if isinstance(expr, ast.Name):
            value_set = self._value_set(expr, [type_])
            if value_set is not None:
                return value_set
        if isinstance(expr, ast.TupleKeyset):
            return self._tuple_keyset(expr, type_, computed)
        if not self._keyset_value(expr, type_, computed):
            return AnySet()
        value = self.program.constants.get(expr)
        return ComputedSet("exact", (expr,)) if value is None else ExactSet(value)

    def _tuple_keyset(self, expr: ast.TupleKeyset, type_: t.Type, computed: bool) -> Keyset:
        """`(a, b)` for one key that is a struct or tuple."""
        types = _parts_of(type_)
        if types is None or len(types) != len(expr.items):
            fields = f"the {len(types)} fields of {type_}" if types is not None else str(type_)
            self.error("type-error", expr, f"{len(expr.items)} values for {fields}")
            return AnySet()
        self.program.types[expr] = t.SetType(type_)
        parts = zip(expr.items, types, strict=True)
        return TupleSet(tuple(self._simple_keyset(part, item, computed) for part, item in parts))

    def _pair(
        self, kind: str, expr: ast.Expr, parts: tuple[ast.Expr, ast.Expr], type_: t.Type, computed: bool
    ) -> Keyset:
        """A mask or a range."""
        self.program.types[expr] = t.SetType(type_)
        if not isinstance(t.strip(type_), NUMERIC) and not self.is_bad(type_):
            self.error("type-error", expr, f"masks and ranges are of numbers, not of {describe(type_)}")
            return AnySet()
        good = [self._keyset_value(part, type_, computed) for part in parts]
        if not all(good):
            return AnySet()
        left, right = (self.program.constants.get(part) for part in parts)
        if not isinstance(left, int) or not isinstance(right, int):
            return ComputedSet(kind, parts)
        if kind == "mask":
            return MaskSet(int(left), int(right))
        if left > right and computed:
            message = f"range {show(left)}..{show(right)} is empty: nothing matches it"
            self.diagnostics.warning("unreachable", expr.span, message)
        elif left > right:
            self.error("type-error", expr, f"range {show(left)}..{show(right)} is empty")
        return RangeSet(int(left), int(right))

    def _keyset_value(self, expr: ast.Expr, type_: t.Type, computed: bool) -> bool:
        """Check a value in a keyset; is it good?"""
        if self.is_bad(type_):
            self.check(expr)
            return False
        target = type_
        natural = self.check(expr, type_)
        if isinstance(type_, t.NewType) and isinstance(natural, t.InfIntType):
            target = t.strip(type_)
        if not self.convert(expr, target):
            return False
        if not computed and self.program.constants.get(expr) is None:
            self.error("not-constant", expr, "a label must be known at compile time")
            return False
        return True


def _parts_of(type_: t.Type) -> list[t.Type] | None:
    """Types of the fields of a struct or tuple."""
    match type_:
        case t.StructType(fields=fields):
            return [field.type for field in fields]
        case t.TupleType(elements):
            return list(elements)
    return None


def is_selectable(type_: t.Type) -> bool:
    """Can a select be on values of this type?  On scalars, and on structs and tuples of what it can be on."""
    parts = _parts_of(type_)
    if parts is not None:
        return all(is_selectable(part) for part in parts)
    scalar = t.BitType | t.IntType | t.BoolType | t.EnumType | t.SerEnumType | t.ErrorType | t.TypeVar
    return isinstance(t.strip(type_), scalar)


def keyset_parts(keyset: ast.Expr, count: int) -> tuple[ast.Expr, ...]:
    """The keysets of a tuple; one `_`, `default` or value set stands for all."""
    if isinstance(keyset, ast.TupleKeyset):
        return keyset.items
    if isinstance(keyset, ast.ListLit) and count > 1:
        return keyset.items
    if isinstance(keyset, ast.DontCare | ast.DefaultKeyset | ast.Name):
        return (keyset,) * count
    return (keyset,)
