# SPDX-License-Identifier: Apache-2.0
"""Rules about core.p4's functions and methods that their declarations cannot express."""

from __future__ import annotations

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.context import Context
from p4rt.compiler.analysis.conversions import describe
from p4rt.compiler.analysis.model import Call
from p4rt.compiler.frontend import ast


def check_core_call(checker: Context, expr: ast.Call, call: Call) -> None:
    """Check a resolved call of what core.p4 declares; other calls pass."""
    name = call.method.name if call.method is not None else call.decl.name if call.decl is not None else ""
    owner = call.decl.name if call.method is not None and call.decl is not None else ""
    if owner == "packet_in" and name == "extract":
        _extract(checker, expr, call)
    elif owner == "packet_in" and name == "lookahead":
        width = t.width_of(call.result)
        if width is None or _has_varbit(call.result):
            checker.error(
                "type-error", expr, f"lookahead() of {describe(call.result)}, which has no fixed size"
            )
    elif owner == "packet_out" and name == "emit":
        type_ = call.args[0].param.type
        if not _emittable(type_):
            where = expr.args[0]
            checker.error(
                "type-error",
                where,
                f"emit() is for headers, unions and structs of them, not {describe(type_)}",
            )
    elif name == "static_assert" and not owner:
        _static_assert(checker, expr, call)


def _extract(checker: Context, expr: ast.Call, call: Call) -> None:
    type_ = call.args[0].param.type
    where = expr.args[0]
    if not isinstance(type_, t.HeaderType | t.TypeVar):
        checker.error("type-error", where, f"extract() is for headers, not {describe(type_)}")
    elif len(call.args) == 1 and _has_varbit(type_):
        hint = "the second argument is the size of the varbit field in bits"
        checker.error(
            "type-error", where, f"{describe(type_)} has a varbit field, extract() needs two arguments", hint
        )
    elif len(call.args) == 2 and not _has_varbit(type_):
        checker.error(
            "type-error", where, f"{describe(type_)} has no varbit field, extract() needs one argument"
        )


def _static_assert(checker: Context, expr: ast.Call, call: Call) -> None:
    values = [checker.program.constants.get(arg.value) for arg in call.args if arg.value is not None]
    if values and values[0] is False:
        text = f": {values[1]}" if len(values) > 1 and isinstance(values[1], str) else ""
        checker.error("assertion", expr, f"static assertion failed{text}")
    checker.program.constants[expr] = True


def _has_varbit(type_: t.Type) -> bool:
    type_ = t.strip(type_)
    if isinstance(type_, t.RecordType):
        return any(_has_varbit(field.type) for field in type_.fields)
    if isinstance(type_, t.StackType):
        return _has_varbit(type_.element)
    return isinstance(type_, t.VarbitType)


def _emittable(type_: t.Type) -> bool:
    if isinstance(type_, t.StructType):
        return all(_emittable(field.type) for field in type_.fields)
    if isinstance(type_, t.StackType):
        return _emittable(type_.element)
    if isinstance(type_, t.TupleType):
        return all(_emittable(element) for element in type_.elements)
    return isinstance(type_, t.HeaderType | t.UnionType | t.TypeVar)
