# SPDX-License-Identifier: Apache-2.0
"""Expressions and l-values (P4_16 sections 6.7 and 8), evaluated from left to right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .places import BitsOf, ElementOf, FieldOf, Nowhere, Place, Variable
from .values import Record, Stack, Val

LITERALS = (t.TupleType, t.AnonymousStructType, t.InvalidLitType, t.DotsType)


class ParserError(Exception):
    """The parser stops; `str()` is the error's name."""


@dataclass
class ApplyResult:
    """What `table.apply()` gives."""

    hit: bool
    action_run: str


class Expressions:
    """Part of the interpreter: values of expressions.

    `env` holds variables and parameters by declaration: nothing in P4 is recursive, so that each is active
    at most once.  `instance` is the parser or control being run, `type_env` binds the type parameters of the
    generic functions being run.
    """

    def __init__(self, program: model.CheckedProgram, keep: bool) -> None:
        self.program = program
        self.keep = keep
        self.env: dict[Any, Any] = {}
        self.trace: set[Any] = set()
        """Statements, states, cases and actions that have run."""
        self.instance: model.Instance | None = None
        self.type_env: dict[ast.TypeParam, t.Type] = {}

    def call(self, node: ast.Call) -> Any:
        """Run a call; see `Calls`."""
        raise NotImplementedError

    # ---- Types

    def type_of(self, expr: ast.Expr) -> t.Type:
        """Type after implicit conversion, type parameters put in."""
        found = self.program.type_of(expr)
        return t.substitute(found, self.type_env) if self.type_env else found

    def natural(self, expr: ast.Expr) -> t.Type:
        """Type before implicit conversion."""
        found = self.program.natural_type(expr)
        return t.substitute(found, self.type_env) if self.type_env else found

    # ---- Values

    def value(self, expr: ast.Expr) -> Any:
        """The value, which may be shared: `copy` it to keep it."""
        natural, target = self.natural(expr), self.type_of(expr)
        if isinstance(natural, t.InfIntType | t.StringType):
            known = self.program.const_value(expr, self.instance)
            if known is not None:
                return v.cast(v.from_model(known, target), target)
            return v.cast(self._value(expr, target), target)
        if isinstance(expr, ast.ListLit | ast.StructLit | ast.InvalidLit | ast.Dots):
            return self._literal(expr, target)
        result = self._value(expr, target)
        if isinstance(result, list) and isinstance(target, t.RecordType):
            names = [field.name for field in target.fields]
            return Record(target, dict(zip(names, map(v.copy, result), strict=True)), True)
        return result

    def number(self, expr: ast.Expr) -> int:
        """The value of a numeric expression."""
        result = self.value(expr)
        assert isinstance(result, int)
        return result

    def _literal(self, expr: ast.Expr, type_: t.Type) -> Val:
        if isinstance(expr, ast.InvalidLit | ast.Dots):
            return v.zero(type_)
        assert isinstance(expr, ast.ListLit | ast.StructLit)
        opened = t.strip(type_)
        if isinstance(opened, t.AnonymousStructType):
            opened = t.StructType(str(opened), (), opened.fields)
        result = v.zero(opened)
        if isinstance(expr, ast.StructLit):
            assert isinstance(result, Record)
            for item in expr.items:
                result.fields[item.name] = v.copy(self.value(item.value))
            result.valid = True
            return result
        items = [v.copy(self.value(item)) for item in expr.items]
        if isinstance(result, Record):
            for name, item in zip(result.fields, items, strict=False):
                result.fields[name] = item
            result.valid = True
        elif isinstance(result, Stack):
            result.elements[: len(items)] = items
        else:
            assert isinstance(result, list)
            result[: len(items)] = items
        return result

    def _value(self, expr: ast.Expr, target: t.Type) -> Any:
        match expr:
            case ast.IntLit():
                return v.wrap(expr.value, self.natural(expr))
            case ast.BoolLit() | ast.StringLit():
                return expr.value
            case ast.Name():
                return self._name(expr)
            case ast.Member():
                return self._member(expr)
            case ast.Index():
                return self._index(expr)
            case ast.Slice():
                base, low = self.number(expr.base), self.number(expr.low)
                return base >> low & ((1 << (self.number(expr.high) - low + 1)) - 1)
            case ast.PlusSlice():
                return self._plus_slice(expr)
            case ast.Unary():
                return self._unary(expr)
            case ast.Binary():
                return self._binary(expr)
            case ast.Ternary():
                return self.value(expr.then if self.value(expr.cond) else expr.other)
            case ast.Cast():
                return v.cast(self.value(expr.operand), self.natural(expr))
            case ast.Call():
                return self.call(expr)
        raise NotImplementedError(f"{type(expr).__name__} as a value")

    def _name(self, expr: ast.Name) -> Any:
        decl = self.program.decl_of(expr)
        if isinstance(decl, ast.ConstDecl):
            return self.value(decl.value)
        if decl in self.env:
            return self.env[decl]
        if isinstance(decl, ast.Param) and self.instance is not None:
            found = self.instance.args[decl.name]
            if not isinstance(found, model.Instance):
                return v.from_model(found, self.type_of(expr))
        raise NotImplementedError(f"the value of {expr.id}")

    def _member(self, expr: ast.Member) -> Any:
        if isinstance(expr.base, ast.TypeNameExpr):
            type_ = self.natural(expr)
            return type_.members[expr.name] if isinstance(type_, t.SerEnumType) else expr.name
        base_type = self.natural(expr.base)
        if isinstance(base_type, t.StackType):
            if expr.name == "lastIndex":
                stack = self.value(expr.base)
                return (stack.next - 1) & 0xFFFFFFFF
            if expr.name in {"next", "last"}:
                return self.place(expr).get()
        base = self.value(expr.base)
        if isinstance(base, ApplyResult):
            return {"hit": base.hit, "miss": not base.hit, "action_run": base.action_run}[expr.name]
        return base.fields[expr.name]

    def _index(self, expr: ast.Index) -> Any:
        base = self.value(expr.base)
        index = self.number(expr.index)
        if isinstance(base, list):
            return base[index]
        return base.elements[index] if 0 <= index < len(base.elements) else v.zero(base.type.element)

    def _plus_slice(self, expr: ast.PlusSlice) -> int:
        base, low = self.number(expr.base), self.number(expr.low)
        width = t.width_of(self.natural(expr.base)) or 0
        return (base & ((1 << width) - 1)) >> low & ((1 << self.number(expr.width)) - 1)

    def _unary(self, expr: ast.Unary) -> int | bool:
        operand = self.value(expr.operand)
        if expr.op == "!":
            return not operand
        result = {"-": -operand, "~": ~operand, "+": operand}[expr.op]
        return v.wrap(result, self.natural(expr))

    def _binary(self, expr: ast.Binary) -> Any:
        op = expr.op
        if op == "&&":
            return self.value(expr.left) and self.value(expr.right)
        if op == "||":
            return self.value(expr.left) or self.value(expr.right)
        left = v.copy(self.value(expr.left))
        right = self.value(expr.right)
        if op in {"==", "!="}:
            return v.equal(left, right) == (op == "==")
        if op in {"<", "<=", ">", ">="}:
            return v.compare(op, left, right)
        type_ = self.natural(expr)
        if op in {"<<", ">>"}:
            return v.shift(op, left, right, type_)
        if op == "++":
            width = t.width_of(self.type_of(expr.right))
            assert width is not None
            return v.wrap(left << width | right & ((1 << width) - 1), type_)
        return v.arithmetic(op, left, right, type_)

    # ---- L-values

    def place(self, expr: ast.Expr) -> Place:
        """Where an l-value is; indexes in it are evaluated now, and only now."""
        match expr:
            case ast.Name():
                return Variable(self.env, self.program.decl_of(expr))
            case ast.DontCare():
                return Nowhere(self.type_of(expr))
            case ast.Member():
                base = self.place(expr.base)
                if isinstance(self.natural(expr.base), t.StackType) and expr.name in {"next", "last"}:
                    return self._stack_end(base, expr.name)
                return FieldOf(base, expr.name, self.keep)
            case ast.Index():
                base = self.place(expr.base)
                return ElementOf(base, self.number(expr.index))
            case ast.Slice():
                base = self.place(expr.base)
                low = self.number(expr.low)
                return BitsOf(base, self.natural(expr.base), low, self.number(expr.high) - low + 1)
            case ast.PlusSlice():
                base = self.place(expr.base)
                low = self.number(expr.low)
                return BitsOf(base, self.natural(expr.base), low, self.number(expr.width))
        raise NotImplementedError(f"{type(expr).__name__} as an l-value")

    def _stack_end(self, base: Place, name: str) -> Place:
        stack = base.get()
        assert isinstance(stack, Stack)
        index = stack.next if name == "next" else stack.next - 1
        if not 0 <= index < len(stack.elements):
            raise ParserError("StackOutOfBounds")
        return ElementOf(base, index)

    # ---- Objects

    def object(self, expr: ast.Expr) -> Any:
        """The extern object, parser or control that an expression names."""
        decl = self.program.decl_of(expr)
        if decl in self.env:
            return self.env[decl]
        assert self.instance is not None
        if isinstance(decl, ast.Param):
            return self.instance.args[decl.name]
        assert isinstance(decl, ast.InstanceDecl)
        members: Mapping[Any, model.Instance] = self.instance.members
        return members[decl] if decl in members else self.program.instances[decl]
