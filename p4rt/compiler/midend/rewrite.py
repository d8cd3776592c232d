# SPDX-License-Identifier: Apache-2.0
"""The walk that passes over the target IR share: every statement, every expression, bottom up."""

from __future__ import annotations

from functools import cache
from typing import Any

from p4rt.compiler.backend import ir
from p4rt.compiler.records import field_names, replace
from p4rt.compiler.source import NO_SPAN


class Rewriter:
    """Rebuilds a block.  A pass overrides `statement` or `expr`.

    `expr` may put statements in front of the one that it works on with `emit`.
    """

    def __init__(self) -> None:
        self._out: list[ir.Statement] = []
        self.span = NO_SPAN

    def block(self, statements: ir.Block) -> ir.Block:
        """The rewritten block."""
        saved, self._out = self._out, []
        for statement in statements:
            self.span = statement.span
            self.statement(statement)
        result, self._out = tuple(self._out), saved
        return result

    def emit(self, statement: ir.Statement) -> None:
        """Append a finished statement to the block at hand."""
        self._out.append(statement)

    def statement(self, statement: ir.Statement) -> None:
        """Rewrite the expressions and the inner blocks of `statement`, and emit it."""
        self.emit(self.with_children(statement))

    def with_children(self, statement: ir.Statement) -> ir.Statement:
        """`statement` with rewritten expressions and inner blocks."""
        changed: dict[str, Any] = {}
        blocks: list[str] = []
        for name in _fields(statement):
            value = getattr(statement, name)
            if isinstance(value, ir.Expr):
                new: Any = self.expr(value) if name != "target" else value
            elif name == "arguments":
                new = tuple(self.expr(argument) for argument in value)
            else:
                if isinstance(value, tuple):
                    blocks.append(name)
                continue
            if new is not value:
                changed[name] = new
        for name in blocks:  # After the expressions, which come first when the statement runs.
            value = getattr(statement, name)
            if name == "cases":
                changed[name] = tuple(ir.Case(case.values, self.block(case.body)) for case in value)
            else:
                changed[name] = self.block(value)
        return replace(statement, **changed) if changed else statement

    def expr(self, expr: ir.Expr) -> ir.Expr:
        """`expr` with rewritten operands."""
        changed: dict[str, Any] = {}
        for name in _fields(expr):
            value = getattr(expr, name)
            if isinstance(value, ir.Expr):
                new = self.expr(value)
                if new is not value:
                    changed[name] = new
        return replace(expr, **changed) if changed else expr


def _fields(node: ir.Statement | ir.Expr) -> tuple[str, ...]:
    kind: Any = type(node)
    return _fields_of(kind)


@cache
def _fields_of(kind: Any) -> tuple[str, ...]:
    return tuple(name for name in field_names(kind) if name != "span")
