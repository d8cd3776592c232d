# SPDX-License-Identifier: Apache-2.0
"""Warnings about fields of headers that cannot be valid where they are read.

Followed are headers declared without a value, and those that `setInvalid()` was called on, through the
statements of one body.  Whatever may change one ends what is known of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.model import CallKind, CheckedProgram
from p4rt.compiler.frontend import ast

Path = tuple[ast.Decl | str, ...]
"""A variable or parameter, then names of fields."""
_Facts = frozenset[Path]

_ANYTHING = (CallKind.ACTION, CallKind.TABLE_APPLY, CallKind.CONTROL_APPLY, CallKind.PARSER_APPLY)
"""Calls that may change more than their arguments: names of the control around them."""


class Validity:
    """Goes through statements in their order, with the headers that cannot be valid."""

    def __init__(self, checked: CheckedProgram) -> None:
        self.checked = checked

    def sequence(self, body: Sequence[ast.Node], invalid: _Facts) -> _Facts | None:
        """What cannot be valid after `body`; None where control never gets there."""
        after: _Facts | None = invalid
        for node in body:
            if after is None:
                return None
            after = self._statement(node, after)
        return after

    def _statement(self, node: ast.Node, invalid: _Facts) -> _Facts | None:
        match node:
            case ast.VarDecl(value=value):
                if value is not None:
                    return self._expr(value, invalid)
                is_header = isinstance(t.strip(self.checked.type_of_decl(node)), t.HeaderType)
                return invalid | {(node,)} if is_header else invalid
            case ast.Assign(target=target, value=value):
                invalid = self._expr(value, invalid)
                path = self._path(target)
                return invalid if path is None else _changed(invalid, path)
            case ast.CallStatement(call=call):
                return self._expr(call, invalid)
            case ast.Block(body=body):
                return self.sequence(body, invalid)
            case ast.If(cond=cond, then=then, other=other):
                after = self._expr(cond, invalid)
                inside = after - self._tested(cond)
                first = self._statement(then, inside)
                second = self._statement(other, inside) if other is not None else inside
                return _both(first, second)
            case ast.Switch(expr=expr, cases=cases):
                before = self._expr(expr, invalid) - self._tested(expr)
                result: _Facts | None = before
                for case in cases:
                    if case.body is not None:
                        result = _both(result, self._statement(case.body, before))
                return result
            case ast.For() | ast.ForIn():
                self._statement(node.body, frozenset())
                return frozenset()
            case ast.Return(value=value):
                if value is not None:
                    self._expr(value, invalid)
                return None
            case ast.Exit() | ast.Break() | ast.Continue():
                return None
        return invalid

    def _expr(self, expr: ast.Expr, invalid: _Facts) -> _Facts:
        """Look at the fields that an expression reads; what cannot be valid after it."""
        calls = [node for node in ast.walk(expr) if isinstance(node, ast.Call)]
        skipped: set[ast.Node] = {call.target for call in calls}
        for call in calls:
            args = self.checked.call_of(call).args
            skipped.update(
                arg.value for arg in args if arg.value is not None and arg.param.direction == "out"
            )
        if not self._tested(expr):
            self._reads(expr, invalid, skipped)
        for call in calls:
            invalid = self._after(call, invalid)
        return invalid

    def _reads(self, expr: ast.Expr, invalid: _Facts, skipped: set[ast.Node]) -> None:
        for node in ast.walk(expr):
            if isinstance(node, ast.Member) and node not in skipped:
                path = self._path(node.base)
                if path is not None and path in invalid:
                    text = f"'{_text(path)}' is not valid here: its field '{node.name}' has no value"
                    self.checked.diagnostics.warning("invalid-header", node.span, text)

    def _after(self, node: ast.Call, invalid: _Facts) -> _Facts:
        call = self.checked.call_of(node)
        if call.kind in _ANYTHING:
            return frozenset()
        for arg in call.args:
            path = self._path(arg.value) if arg.value is not None and arg.param.direction != "in" else None
            if path is not None:
                invalid = _changed(invalid, path)
        if call.receiver is None or call.kind is CallKind.IS_VALID:
            return invalid
        path = self._path(call.receiver)
        if path is None:
            return invalid
        invalid = _changed(invalid, path)
        return invalid | {path} if call.kind is CallKind.SET_INVALID else invalid

    def _tested(self, expr: ast.Expr) -> _Facts:
        """Headers that an expression asks for, so that what it leads to may depend on the answer."""
        found: set[Path] = set()
        for node in ast.walk(expr):
            call = self.checked.calls.get(node) if isinstance(node, ast.Call) else None
            if call is not None and call.kind is CallKind.IS_VALID and call.receiver is not None:
                path = self._path(call.receiver)
                found |= {path} if path is not None else set()
        return frozenset(found)

    def _path(self, expr: ast.Expr) -> Path | None:
        """The variable or field that an expression names; None for others, such as elements of stacks."""
        if isinstance(expr, ast.Name):
            decl = self.checked.decl_of(expr)
            return (decl,) if isinstance(decl, ast.VarDecl | ast.Param) else None
        if isinstance(expr, ast.Member):
            base = self._path(expr.base)
            return None if base is None else (*base, expr.name)
        if isinstance(expr, ast.Index | ast.Slice | ast.PlusSlice):
            return self._path(expr.base)
        return None


def _text(path: Path) -> str:
    return ".".join(part if isinstance(part, str) else part.name for part in path)


def _changed(invalid: _Facts, path: Path) -> _Facts:
    """What is left when something at `path` changed.  A field of a header does not make the header valid."""
    return frozenset(known for known in invalid if known[: len(path)] != path or len(path) > len(known))


def _both(one: _Facts | None, other: _Facts | None) -> _Facts | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
