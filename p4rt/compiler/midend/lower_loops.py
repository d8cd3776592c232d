# SPDX-License-Identifier: Apache-2.0
"""Lowering of loops: jumps, or where the body must be one for each round, the body again and again.

That is so over the elements of a stack or list, and where the body emits: which headers leave must be known
before the packet moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.lvalues import LValue, place, store
from p4rt.compiler.midend.storage import Record, Stack, Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_statements import Statements

MAX_UNROLLED = 256
"""Rounds of a loop that emits."""
MAX_OPEN = 64
"""Rounds of a loop that emits and whose end only the packet tells; one that would go on ends the program."""


class Loops:
    """Loops of one program."""

    def __init__(self, ctx: Context, statements: Statements) -> None:
        self.ctx = ctx
        self.statements = statements

    def general(self, node: ast.For) -> None:
        """`for (init; condition; update)`."""
        emits = self._emits(node.body)
        if emits:
            self._track(node.init + node.update)
        with self.ctx.tracking(emits):
            self.statements.locals(node.init)
        if emits:
            self._general_unrolled(node)
            return
        again, after, update = self._labels()
        self.ctx.label(again)
        condition = self.statements.expressions.scalar(node.cond)
        self.ctx.goto_if(build.invert(condition), after)
        self._body(node.body, after, update)
        self.ctx.label(update)
        self.statements.locals(node.update)
        self.ctx.goto(again)
        self.ctx.label(after)

    def _general_unrolled(self, node: ast.For) -> None:
        after, open_rounds = self.ctx.name("for_end"), 0
        for _ in range(MAX_UNROLLED + 1):
            condition = self.statements.expressions.scalar(node.cond)
            if condition == build.FALSE:
                break
            if condition != build.TRUE:
                self._end_if(build.invert(condition), after)
                open_rounds += 1
            if open_rounds > MAX_OPEN:
                self.ctx.goto(self.ctx.reject_label)
                break
            if not self._round(node.body, after):
                break
            self.statements.locals(node.update)
        else:
            raise storage.Unsupported(f"emit in a loop of more than {MAX_UNROLLED} rounds is")
        self.ctx.label(after, ends=True)

    def over_values(self, node: ast.ForIn) -> None:
        """`for (variable in ...)`."""
        emits = self._emits(node.body)
        ends = self._values(node, emits)
        if isinstance(node.var, ast.VarDecl):
            with self.ctx.tracking(emits):
                self.statements.statement(node.var)
            variable = place(self.ctx.frame.places[node.var])
        else:
            variable = self.statements.expressions.lvalue(node.var)
        if isinstance(ends, list):
            self._over_list(node, variable, ends)
        elif emits:
            self._over_range_unrolled(node, variable, *ends)
        else:
            self._over_range(node, variable, *ends)

    def _over_range(self, node: ast.ForIn, variable: LValue, low: ir.Expr, high: ir.Expr) -> None:
        index, last, below = self._bounds(node, low, high)
        again, after, update = self._labels()
        self._end_if(below, after)
        self.ctx.label(again)
        store(self.ctx, variable, index)
        self._body(node.body, after, update)
        self.ctx.label(update)
        self.ctx.goto_if(build.compare(ir.Relation.EQ, index, last), after)
        self.ctx.assign(index, build.binary(ir.Op.ADD, index, build.const(1, index.width)))
        self.ctx.goto(again)
        self.ctx.label(after)

    def _over_range_unrolled(self, node: ast.ForIn, variable: LValue, low: ir.Expr, high: ir.Expr) -> None:
        index, last, below = self._bounds(node, low, high)
        after = self.ctx.name("for_end")
        self._end_if(below, after)
        for left in reversed(range(MAX_OPEN)):
            here = self.ctx.now(index)
            store(self.ctx, variable, here)
            if not self._round(node.body, after):
                break
            at_end = build.compare(ir.Relation.EQ, here, last)
            if at_end == build.TRUE:
                break
            self._end_if(at_end, after)
            if left:
                self.ctx.assign(index, build.binary(ir.Op.ADD, here, build.const(1, here.width)))
            else:
                self.ctx.goto(self.ctx.reject_label)
        self.ctx.label(after, ends=True)

    def _bounds(self, node: ast.ForIn, low: ir.Expr, high: ir.Expr) -> tuple[ir.Var, ir.Expr, ir.Expr]:
        """The index of a loop over a range, its last value, and whether there is none."""
        assert isinstance(node.over, ast.Range)
        index = self.ctx.tracked(self.ctx.variable("for_index", low.width))
        last = self.ctx.keep(high, "for_last")
        self.ctx.assign(index, low)
        signed = storage.is_signed(self.ctx.type_of(node.over.low))
        below = ir.Relation.SLT if signed else ir.Relation.LT
        return index, last, build.compare(below, last, self.ctx.now(index))

    def _over_list(self, node: ast.ForIn, variable: LValue, values: list[Tree]) -> None:
        """The body once for each value."""
        after = self.ctx.name("for_end")
        for value in values:
            store(self.ctx, variable, value)
            if not self._round(node.body, after):
                break
        self.ctx.label(after, ends=True)

    def _values(self, node: ast.ForIn, emits: bool) -> list[Tree] | tuple[ir.Expr, ir.Expr]:
        """What a loop goes over, evaluated once: all the values, or the ends of a range.

        A range with constant ends is given as its values where the body emits.
        """
        expressions = self.statements.expressions
        if not isinstance(node.over, ast.Range):
            over = expressions.value(node.over)
            assert isinstance(over, Stack | Record)
            parts = over.elements if isinstance(over, Stack) else over.fields.values()
            return [self.ctx.keep_tree(part) for part in parts]
        low, high = expressions.operands(node.over.low, node.over.high)
        assert isinstance(low, ir.Expr) and isinstance(high, ir.Expr)
        if not (isinstance(low, ir.Const) and isinstance(high, ir.Const) and emits):
            return low, high
        type_ = self.ctx.type_of(node.over.low)
        first, last = (
            build.to_signed(end.value, end.width) if storage.is_signed(type_) else end.value
            for end in (low, high)
        )
        if last - first >= MAX_UNROLLED:
            raise storage.Unsupported(f"emit in a loop of more than {MAX_UNROLLED} rounds is")
        return [build.const(value, low.width) for value in range(first, last + 1)]

    def _end_if(self, condition: ir.Expr, after: str) -> None:
        """Leave a loop where `condition` is set."""
        if condition != build.FALSE:
            self.ctx.goto_if(condition, after)

    def _round(self, body: ast.Statement, after: str) -> bool:
        """The body once more; may there be another round?"""
        update = self.ctx.name("for_update")
        self._body(body, after, update)
        if self.ctx.is_unreachable and not self.ctx.is_target(update):
            return False
        self.ctx.label(update, ends=True)
        return True

    def _body(self, body: ast.Statement, after: str, update: str) -> None:
        """The body of a loop."""
        frame = self.ctx.frame
        saved = frame.break_label, frame.continue_label
        frame.break_label, frame.continue_label = after, update
        self.statements.statement(body)
        frame.break_label, frame.continue_label = saved

    def _labels(self) -> tuple[str, str, str]:
        return self.ctx.name("for_again"), self.ctx.name("for_end"), self.ctx.name("for_update")

    # ---- Loops that emit

    def _emits(self, node: ast.Node) -> bool:
        """Does something inside emit, or apply a control that gets what it could emit to?"""
        pending, seen = [node], set[ast.Node]()
        while pending:
            for part in ast.walk(pending.pop()):
                call = self.ctx.checked.calls.get(part) if isinstance(part, ast.Call) else None
                if call is None:
                    continue
                if call.method is not None and call.method.name == "emit":
                    return True
                if call.kind is model.CallKind.CONTROL_APPLY and any(map(_is_output, call.args)):
                    return True
                if call.kind is model.CallKind.ACTION and call.decl is not None and call.decl not in seen:
                    seen.add(call.decl)
                    pending.append(call.decl)
        return False

    def _track(self, nodes: tuple[ast.Node, ...]) -> None:
        """Follow the values of what is assigned to, if it is there already."""
        for node in nodes:
            target = node.target if isinstance(node, ast.Assign) else None
            decl = self.ctx.checked.decl_of(target) if isinstance(target, ast.Name) else None
            tree = self.ctx.frame.find(decl) if decl is not None else None
            if isinstance(tree, ir.Var):
                self.ctx.tracked(tree)


def _is_output(arg: model.BoundArg) -> bool:
    """Whether a `packet_out` is passed."""
    return isinstance(arg.param.type, t.ExternType) and arg.param.type.name == "packet_out"
