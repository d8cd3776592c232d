# SPDX-License-Identifier: Apache-2.0
"""Lowering of statements and of the bodies of controls."""

from __future__ import annotations

from functools import singledispatchmethod

from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.lower_loops import Loops
from p4rt.compiler.midend.lower_tables import Tables
from p4rt.compiler.midend.lvalues import place, store
from p4rt.compiler.midend.storage import Record


class Statements:
    """Statements of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls, tables: Tables) -> None:
        self.ctx = ctx
        self.expressions = expressions
        self.calls = calls
        self.tables = tables
        self.loops = Loops(ctx, self)
        calls.statements = self

    def control(self, decl: ast.ControlDecl) -> None:
        """The declarations and the body of a control, in its frame."""
        self.locals(decl.locals)
        self.body(decl.body)

    def locals(self, nodes: tuple[ast.Node, ...]) -> None:
        """Declarations in front of a body."""
        for node in nodes:
            self.statement(node)

    def body(self, block: ast.Block) -> None:
        """A block."""
        for node in block.body:
            self.statement(node)

    def statement(self, node: ast.Node) -> None:
        """A statement, or a declaration among statements."""
        with self.ctx.at(node.span):
            try:
                self._lower(node)
            except storage.Unsupported as problem:
                self.ctx.unsupported(problem.span or node.span, str(problem))

    @singledispatchmethod
    def _lower(self, node: ast.Node) -> None:
        raise storage.Unsupported(f"this kind of statement ({type(node).__name__}) is")

    # ---- Declarations

    @_lower.register(ast.VarDecl)
    def _(self, node: ast.VarDecl) -> None:
        tree = self.ctx.allocate(self.ctx.resolve(self.ctx.checked.type_of_decl(node)), node.name)
        self.ctx.frame.places[node] = tree
        if node.value is None:
            self.calls.reset(tree, share=False)
        else:
            store(self.ctx, place(tree), self.expressions.value(node.value))

    @_lower.register(ast.ConstDecl)
    @_lower.register(ast.ActionDecl)
    def _(self, node: ast.Node) -> None:
        """Constants and actions are lowered where they are used."""

    @_lower.register(ast.InstanceDecl)
    def _(self, node: ast.InstanceDecl) -> None:
        self.calls.externs.declare(self.calls.instance_of(node))

    @_lower.register(ast.ValueSetDecl)
    def _(self, node: ast.ValueSetDecl) -> None:
        self.calls.parsers.value_sets.declare(node)

    @_lower.register(ast.TableDecl)
    def _(self, node: ast.TableDecl) -> None:
        self.tables.declare(node)

    # ---- Statements

    @_lower.register(ast.Empty)
    def _(self, node: ast.Empty) -> None:
        """Nothing."""

    @_lower.register(ast.Block)
    def _(self, node: ast.Block) -> None:
        self.body(node)

    @_lower.register(ast.Assign)
    def _(self, node: ast.Assign) -> None:
        target, siblings = self.calls.member(node.target)
        if node.op == "=":
            value = self.expressions.value(node.value)
            if isinstance(value, Record) and value.valid is not None:
                value = self.ctx.keep_tree(value)
                self.calls.invalidate(siblings)
            store(self.ctx, target, value)
            return
        op = node.op.removesuffix("=")
        old = target.read()
        assert isinstance(old, ir.Expr)
        old = self.ctx.now(old)
        if self.expressions.has_effects(node.value):
            old = self.ctx.keep(old)
        signed = storage.is_signed(self.ctx.type_of(node.target))
        if op in ("<<", ">>"):
            amount = self.expressions.shift_amount(node.value)
            store(self.ctx, target, self.expressions.shift(op, old, amount, signed))
        else:
            store(
                self.ctx,
                target,
                self.expressions.combine(op, old, self.expressions.scalar(node.value), signed),
            )

    @_lower.register(ast.CallStatement)
    def _(self, node: ast.CallStatement) -> None:
        self.calls.call(node.call)

    @_lower.register(ast.If)
    def _(self, node: ast.If) -> None:
        condition = self.expressions.scalar(node.cond)
        if isinstance(condition, ir.Const):
            chosen = node.then if condition.value else node.other
            if chosen is not None:
                self.statement(chosen)
            return
        with self.ctx.collect() as then:
            self.statement(node.then)
        with self.ctx.collect() as other:
            if node.other is not None:
                self.statement(node.other)
        self.ctx.emit(ir.If(condition, tuple(then), tuple(other), span=node.cond.span))

    @_lower.register(ast.Return)
    def _(self, node: ast.Return) -> None:
        frame = self.ctx.frame
        if node.value is not None:
            assert frame.result is not None
            store(self.ctx, place(frame.result), self.expressions.value(node.value))
        self.ctx.goto(frame.return_label)

    @_lower.register(ast.Exit)
    def _(self, node: ast.Exit) -> None:
        self.ctx.goto(self.ctx.frame.exit_label)

    @_lower.register(ast.Break)
    def _(self, node: ast.Break) -> None:
        assert self.ctx.frame.break_label is not None
        self.ctx.goto(self.ctx.frame.break_label)

    @_lower.register(ast.Continue)
    def _(self, node: ast.Continue) -> None:
        assert self.ctx.frame.continue_label is not None
        self.ctx.goto(self.ctx.frame.continue_label)

    # ---- switch

    @_lower.register(ast.Switch)
    def _(self, node: ast.Switch) -> None:
        on = self.expressions.scalar(node.expr)
        table = self._action_run_of(node.expr)
        cases: list[ir.Case] = []
        default: ir.Block = ()
        seen: set[int] = set()
        labels: list[ast.Expr] = []
        for case in node.cases:
            labels.append(case.label)
            if case.body is None:
                continue
            with self.ctx.collect() as body:
                self.statement(case.body)
            if any(isinstance(label, ast.DefaultKeyset | ast.DontCare) for label in labels):
                # Other labels of this body need no case: a second copy would have the same places to go to.
                default = tuple(body)
            else:
                numbers = [self._label(label, table) for label in labels]
                fresh = tuple(number for number in dict.fromkeys(numbers) if number not in seen)
                seen.update(fresh)
                if fresh:
                    cases.append(ir.Case(fresh, tuple(body)))
            labels = []
        self.ctx.emit(self._choice(on, cases, default))

    def _choice(self, on: ir.Expr, cases: list[ir.Case], default: ir.Block) -> ir.Statement:
        """A switch, or for values that C's switch does not take, a chain of ifs."""
        span = self.ctx.span
        if on.width <= ir.WORD:
            return ir.Switch(on, tuple(cases), default, span=span)
        rest = default
        for case in reversed(cases):
            equal: ir.Expr = build.FALSE
            for value in case.values:
                equal = build.either(equal, build.compare(ir.Relation.EQ, on, build.const(value, on.width)))
            rest = (ir.If(equal, case.body, rest, span=span),)
        return rest[0] if len(rest) == 1 else ir.If(build.TRUE, rest, (), span=span)

    def _action_run_of(self, expr: ast.Expr) -> ast.TableDecl | None:
        """The table, in `switch (table.apply().action_run)`."""
        if isinstance(expr, ast.Member) and expr.name == "action_run":
            base = self.ctx.checked.type_of(expr.base)
            if isinstance(base, t.ApplyResultType):
                return base.decl
        return None

    def _label(self, label: ast.Expr, table: ast.TableDecl | None) -> int:
        if table is not None:
            decl = self.ctx.checked.decl_of(label)
            assert isinstance(decl, ast.ActionDecl)
            return self.tables.code_of(table, decl)
        value = self.ctx.constant(label)
        assert value is not None
        tree = self.ctx.literal(value, self.ctx.type_of(label))
        assert isinstance(tree, ir.Const)
        return tree.value

    # ---- Loops

    @_lower.register(ast.For)
    def _(self, node: ast.For) -> None:
        self.loops.general(node)

    @_lower.register(ast.ForIn)
    def _(self, node: ast.ForIn) -> None:
        self.loops.over_values(node)
