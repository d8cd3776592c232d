# SPDX-License-Identifier: Apache-2.0
"""Implicit conversions, casts, and inference of type arguments (P4_16 sections 8.9 to 8.11 and 8.20)."""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.constants import fit, show, wrap
from p4rt.compiler.analysis.context import suggestion
from p4rt.compiler.analysis.written_types import WrittenTypes
from p4rt.compiler.frontend import ast

NUMERIC = (t.BitType, t.IntType)


class Conversions(WrittenTypes):
    """Part of the checker: conversions."""

    def convert(self, expr: ast.Expr, target: t.Type, what: str = "") -> bool:
        """Convert a checked expression implicitly to `target`, or report why that is not possible.

        `what` names the place in the message, such as "argument 'x'".
        """
        natural = self.program.types.get(expr)
        if natural is None or self.is_bad(natural, target):
            return False
        if natural == target:
            self._settle(expr, target)
            return True
        if isinstance(target, t.TypeVar) and not isinstance(natural, t.DotsType):
            return self._mismatch(expr, natural, target, what)
        match expr:
            case ast.ListLit() if isinstance(natural, t.TupleType):
                return self._convert_list(expr, target, what)
            case ast.StructLit() if isinstance(natural, t.AnonymousStructType):
                return self._convert_struct(expr, target, what)
            case ast.InvalidLit() if isinstance(target, t.HeaderType | t.UnionType):
                return self._accept(expr, target)
            case ast.Dots():
                return self._accept(expr, target)
            case ast.Ternary() if not isinstance(natural, t.BitType | t.IntType):
                if self.convert(expr.then, target, what) and self.convert(expr.other, target, what):
                    return self._accept(expr, target)
                return False
        if self.converts(natural, target):
            self._warn_overflow(expr, natural, target)
            return self._accept(expr, target)
        return self._mismatch(expr, natural, target, what)

    def converts(self, natural: t.Type, target: t.Type) -> bool:
        """Whether a value of a type (not a literal list) becomes one of another without a cast."""
        if natural == target:
            return True
        if isinstance(natural, t.InfIntType):
            return isinstance(target, NUMERIC)
        if isinstance(natural, t.SerEnumType):
            return natural.underlying == target or self.converts(natural.underlying, target)
        if isinstance(natural, t.BlockType) and isinstance(target, t.BlockType):
            return self.blocks_fit(natural, target)
        if isinstance(natural, t.AnonymousStructType) and isinstance(target, t.StructType):
            return [(f.name, f.type) for f in natural.fields] == [(f.name, f.type) for f in target.fields]
        return False

    def blocks_fit(self, natural: t.BlockType, target: t.BlockType) -> bool:
        """Whether a parser or control can stand for a parser or control type."""
        return (
            natural.kind == target.kind
            and len(natural.params) == len(target.params)
            and all(
                have.direction == want.direction and have.type == want.type
                for have, want in zip(natural.params, target.params, strict=True)
            )
        )

    def _accept(self, expr: ast.Expr, target: t.Type) -> bool:
        self.program.coerced[expr] = target
        self._settle(expr, target)
        return True

    def _settle(self, expr: ast.Expr, target: t.Type) -> None:
        """Give the constant of an expression the type it was converted to."""
        value = self.program.constants.get(expr)
        if value is not None:
            self.program.constants[expr] = fit(value, target)

    def _warn_overflow(self, expr: ast.Expr, natural: t.Type, target: t.Type) -> None:
        value = self.program.constants.get(expr)
        if isinstance(natural, t.InfIntType) and isinstance(value, int):
            fitted = wrap(value, target)
            if fitted != value and not (value < 0 and isinstance(target, t.BitType)):
                message = f"{show(value)} does not fit {target}, it becomes {show(fitted)}"
                self.diagnostics.warning("overflow", expr.span, message)

    def _mismatch(self, expr: ast.Expr, natural: t.Type, target: t.Type, what: str) -> bool:
        place = f"{what}: " if what else ""
        hint = None
        if isinstance(natural, NUMERIC) and isinstance(target, NUMERIC):
            hint = f"write ({target}) before it to convert"
            if type(natural) is not type(target) and natural.width != target.width:
                hint = "convert the width and the sign in two casts"
        elif t.strip(natural) == t.strip(target):
            hint = f"write ({target}) before it to convert"
        message = f"{place}{describe(natural)} where {describe(target)} is expected"
        if isinstance(natural, t.BlockType) and isinstance(target, t.BlockType):
            message = f"{place}{_block_difference(natural, target)}"
            hint = f"wanted is {target.kind} ({', '.join(map(str, target.params))})"
        self.error("type-error", expr, message, hint)
        return False

    def _convert_list(self, expr: ast.ListLit, target: t.Type, what: str) -> bool:
        """`{a, b}` to a struct, header, tuple, stack or list."""
        natural = self.program.types[expr]
        names: Sequence[str]
        wanted: Sequence[t.Type]
        if isinstance(target, t.StructType | t.HeaderType):
            names, wanted = [f"field '{name}'" for name in target.by_name], list(target.by_name.values())
        elif isinstance(target, t.TupleType):
            names, wanted = [f"element {n}" for n in range(len(target.elements))], target.elements
        elif isinstance(target, t.StackType):
            count = target.size if expr.dots else len(expr.items)
            names, wanted = [f"element {n}" for n in range(count)], [target.element] * count
            if len(expr.items) > target.size:
                self.error("type-error", expr, f"{len(expr.items)} elements for a stack of {target.size}")
                return False
        elif isinstance(target, t.ListType):
            names, wanted = (
                [f"element {n}" for n in range(len(expr.items))],
                [target.element] * len(expr.items),
            )
        else:
            return self._mismatch(expr, natural, target, what)
        if len(expr.items) > len(wanted) or (len(expr.items) < len(wanted) and not expr.dots):
            message = f"{len(expr.items)} values for the {len(wanted)} fields of {target}"
            self.error("type-error", expr, message)
            return False
        results = [
            self.convert(item, type_, name)
            for item, type_, name in zip(expr.items, wanted, names, strict=False)
        ]
        return all(results) and self._accept(expr, target)

    def _convert_struct(self, expr: ast.StructLit, target: t.Type, what: str) -> bool:
        """`{x = a}` to a struct or header."""
        if not isinstance(target, t.StructType | t.HeaderType):
            return self._mismatch(expr, self.program.types[expr], target, what)
        fields, good = target.by_name, True
        for item in expr.items:
            if item.name not in fields:
                hint = suggestion(item.name, fields)
                self.error("type-error", item, f"{target} has no field '{item.name}'", hint)
                good = False
            else:
                good &= self.convert(item.value, fields[item.name], f"field '{item.name}'")
        missing = [name for name in fields if name not in {item.name for item in expr.items}]
        if missing and not expr.dots:
            listed = ", ".join(f"'{name}'" for name in missing)
            self.error(
                "type-error", expr, f"no value for {listed} of {target}", "'...' stands for default values"
            )
            good = False
        return good and self._accept(expr, target)

    # ---- Casts

    def castable(self, natural: t.Type, target: t.Type) -> bool:
        """Whether `(target) value` is allowed."""
        if natural == target or self.converts(natural, target):
            return True
        if isinstance(natural, t.NewType):
            return self.castable(natural.underlying, target)
        if isinstance(target, t.NewType):
            return self.castable(natural, target.underlying)
        if isinstance(natural, t.SerEnumType):
            return self.castable(natural.underlying, target)
        if isinstance(target, t.SerEnumType):
            return self.castable(natural, target.underlying)
        match natural, target:
            case t.BitType(), t.BitType():
                return True
            case t.IntType(), t.IntType():
                return True
            case (t.BitType(), t.IntType()) | (t.IntType(), t.BitType()):
                return t.width_of(natural) == t.width_of(target)
            case (t.BitType(1), t.BoolType()) | (t.BoolType(), t.BitType(1)):
                return True
            case (t.InfIntType(), t.BoolType()) | (t.BitType() | t.IntType(), t.InfIntType()):
                return True
        return False

    # ---- Inference

    def unify(self, param: t.Type, arg: t.Type, free: dict[ast.TypeParam, t.Type | None]) -> None:
        """Find type arguments: match a parameter's type with an argument's, filling `free`.

        What does not match is left to the conversion that follows, which reports it.
        """
        if isinstance(param, t.TypeVar):
            if param.decl in free:
                known = free[param.decl]
                if known is None or isinstance(known, t.InfIntType):
                    free[param.decl] = arg
            return
        match param, arg:
            case t.RecordType(), t.RecordType() if param.name == arg.name:
                self._unify_all(param.args, arg.args, free)
            case t.ExternType(), t.ExternType() if param.name == arg.name:
                self._unify_all(param.args, arg.args, free)
            case t.StackType(), t.StackType():
                self.unify(param.element, arg.element, free)
            case t.TupleType(), t.TupleType():
                self._unify_all(param.elements, arg.elements, free)
            case t.ListType(), t.ListType():
                self.unify(param.element, arg.element, free)
            case t.ListType(), t.TupleType():
                for element in arg.elements:
                    self.unify(param.element, element, free)
            case t.RecordType(), t.TupleType():
                self._unify_all([field.type for field in param.fields], arg.elements, free)
            case t.RecordType(), t.AnonymousStructType():
                for field in arg.fields:
                    if field.name in param.by_name:
                        self.unify(param.by_name[field.name], field.type, free)
            case t.BlockType(), t.BlockType():
                if param.name == arg.name:
                    self._unify_all(param.args, arg.args, free)
                self._unify_all([p.type for p in param.params], [p.type for p in arg.params], free)

    def _unify_all(
        self, params: Sequence[t.Type], args: Sequence[t.Type], free: dict[ast.TypeParam, t.Type | None]
    ) -> None:
        for param, arg in zip(params, args, strict=False):
            self.unify(param, arg, free)


def describe(type_: t.Type) -> str:
    """A type in a message."""
    if isinstance(type_, t.InfIntType):
        return "an integer"
    if isinstance(type_, t.TupleType):
        return f"a list {type_}"
    if isinstance(type_, t.AnonymousStructType):
        return "a list of named values"
    if isinstance(type_, t.TypeOfType):
        return f"the name of type {type_.type}"
    if isinstance(type_, t.BlockType):
        return f"{type_.kind} {type_.name}"
    if isinstance(type_, t.TypeVar):
        return f"type parameter {type_.name}"
    if isinstance(type_, t.EnumType | t.SerEnumType):
        return f"enum {type_}"
    if isinstance(type_, t.RecordType):
        kind = {t.HeaderType: "header", t.UnionType: "header union"}.get(type(type_), "struct")
        return f"{kind} {type_}"
    return str(type_)


def _block_difference(natural: t.BlockType, target: t.BlockType) -> str:
    """Why a parser or control does not fit a parser or control type."""
    if natural.kind != target.kind:
        return f"{natural.kind} {natural.name} where a {target.kind} is expected"
    have, want = natural.params, target.params
    if len(have) != len(want):
        return f"{natural.name} has {len(have)} parameters, {target.name} wants {len(want)}"
    for mine, theirs in zip(have, want, strict=True):
        if mine.direction != theirs.direction:
            written = theirs.direction or "no direction"
            return f"parameter '{mine.name}' of {natural.name} must have direction '{written}'"
        if mine.type != theirs.type:
            return f"parameter '{mine.name}' of {natural.name} has type {mine.type}, not {theirs.type}"
    return f"{natural.name} does not fit {target.name}"
