# SPDX-License-Identifier: Apache-2.0
"""Statements and controls (P4_16 sections 12 and 14)."""

from __future__ import annotations

from collections.abc import Iterable

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .calls import Calls, Exit, Return
from .places import assigned
from .values import Stack


class Break(Exception):
    """`break`."""


class Continue(Exception):
    """`continue`."""


class Statements(Calls):
    """Part of the interpreter: statements."""

    def run_control(self, instance: model.Instance) -> None:
        """Local variables anew, then the body."""
        assert isinstance(instance.decl, ast.ControlDecl)
        self.run_items(instance.decl.locals)
        self.run_block(instance.decl.body)

    def run_block(self, block: ast.Block) -> None:
        """The items of a block."""
        self.run_items(block.body)

    def run_items(self, items: Iterable[ast.Node]) -> None:
        """Statements and declarations among them."""
        for item in items:
            if isinstance(item, ast.VarDecl):
                type_ = t.substitute(self.program.type_of_decl(item), self.type_env)
                value = v.zero(type_) if item.value is None else assigned(self.value(item.value), self.keep)
                self.env[item] = value
            elif isinstance(item, ast.Statement):
                self.execute(item)

    def execute(self, statement: ast.Statement) -> None:
        """One statement."""
        self.trace.add(statement)
        match statement:
            case ast.Block():
                self.run_block(statement)
            case ast.Empty():
                pass
            case ast.Assign():
                self._assign(statement)
            case ast.CallStatement():
                self.call(statement.call)
            case ast.If():
                if self.value(statement.cond):
                    self.execute(statement.then)
                elif statement.other is not None:
                    self.execute(statement.other)
            case ast.Switch():
                self._switch(statement)
            case ast.For():
                self._for(statement)
            case ast.ForIn():
                self._for_in(statement)
            case ast.Exit():
                raise Exit
            case ast.Return():
                raise Return(None if statement.value is None else v.copy(self.value(statement.value)))
            case ast.Break():
                raise Break
            case ast.Continue():
                raise Continue
            case _:
                raise NotImplementedError(f"statement {type(statement).__name__}")

    def _assign(self, statement: ast.Assign) -> None:
        place = self.place(statement.target)
        if statement.op == "=":
            place.put(assigned(self.value(statement.value), self.keep))
            return
        type_ = self.natural(statement.target)
        op = statement.op[:-1]
        old = place.get()
        amount = self.value(statement.value)
        assert isinstance(old, int) and isinstance(amount, int)
        calculate = v.shift if op in {"<<", ">>"} else v.arithmetic
        place.put(calculate(op, old, amount, type_))

    def _switch(self, statement: ast.Switch) -> None:
        chosen = self.value(statement.expr)
        found = False
        for case in statement.cases:
            if not found:
                if isinstance(case.label, ast.DefaultKeyset):
                    found = True
                else:
                    label = self.program.const_value(case.label, self.instance)
                    assert label is not None
                    found = v.equal(chosen, v.from_model(label, self.natural(statement.expr)))
            if found and case.body is not None:
                self.run_block(case.body)
                return

    def _for(self, statement: ast.For) -> None:
        self.run_items(statement.init)
        while self.value(statement.cond):
            try:
                self.execute(statement.body)
            except Break:
                return
            except Continue:
                pass
            self.run_items(statement.update)

    def _for_in(self, statement: ast.ForIn) -> None:
        over = statement.over
        if isinstance(over, ast.Range):
            items = list(range(self.number(over.low), self.number(over.high) + 1))
        else:
            value = v.copy(self.value(over))
            items = value.elements if isinstance(value, Stack) else value
        for item in items:
            if isinstance(statement.var, ast.VarDecl):
                self.env[statement.var] = item
            else:
                self.place(statement.var).put(item)
            try:
                self.execute(statement.body)
            except Break:
                return
            except Continue:
                pass
