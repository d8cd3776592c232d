# SPDX-License-Identifier: Apache-2.0
"""The walk of passes that must know what holds where: along all paths, with a state that a pass defines.

Where paths meet, at a label or behind a branch, only what holds on all of them is kept.  A label that a jump
leads back to makes the walk start over until nothing changes; jumps of this compiler mostly lead forward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from p4rt.compiler.backend import ir
from p4rt.compiler.records import replace

State = TypeVar("State")


class Flow(ABC, Generic[State]):
    """Rebuilds a block.  A pass says what a state is and what statements do to it."""

    def __init__(self) -> None:
        self._labels: dict[str, State] = {}
        self._passed: set[str] = set()
        self._again = False

    # ---- What a pass defines

    @abstractmethod
    def start(self) -> State:
        """The state at the beginning."""

    @abstractmethod
    def copy(self, state: State) -> State:
        """A state of its own."""

    @abstractmethod
    def meet(self, first: State, second: State) -> State:
        """What holds in both."""

    @abstractmethod
    def simple(self, statement: ir.Statement, state: State) -> list[ir.Statement]:
        """What becomes of a statement without inner blocks; changes `state`."""

    def before(self, statement: ir.Statement, state: State) -> list[ir.Statement]:
        """What to put in front of an If or Switch; may change `state`."""
        return []

    def expr(self, expr: ir.Expr, state: State) -> ir.Expr:
        """What becomes of an expression."""
        return expr

    def assume(self, condition: ir.Expr, holds: bool, state: State) -> None:
        """Learn from a branch taken."""

    def assume_case(self, on: ir.Expr, values: tuple[int, ...], state: State) -> None:
        """Learn from a case of a switch taken."""

    # ---- The walk

    def run(self, block: ir.Block) -> ir.Block:
        """The rebuilt block."""
        while True:
            self._again = False
            self._passed.clear()
            result, _ = self._block(block, self.start())
            if not self._again:
                return result

    def _block(self, block: ir.Block, start: State) -> tuple[ir.Block, State | None]:
        """The rebuilt block and the state at its end, None where that is never reached."""
        out: list[ir.Statement] = []
        state: State | None = start
        for statement in block:
            if isinstance(statement, ir.Label):
                state = self._arrive(statement.name, state)
                out.append(statement)
            elif state is not None:
                state = self._statement(statement, state, out)
        return tuple(out), state

    def _statement(self, statement: ir.Statement, state: State, out: list[ir.Statement]) -> State | None:
        match statement:
            case ir.If():
                return self._if(statement, state, out)
            case ir.Switch():
                return self._switch(statement, state, out)
            case ir.Scope(body=inner):
                body, end = self._block(inner, state)
                out.append(replace(statement, body=body))
                return end
            case ir.Goto(label):
                out.append(statement)
                self._jump(label, state)
                return None
        otherwise = getattr(statement, "otherwise", None)
        if otherwise is not None:
            self._jump(otherwise, state)
        out += self.simple(statement, state)
        return None if isinstance(statement, ir.Return) else state

    def _if(self, statement: ir.If, state: State, out: list[ir.Statement]) -> State | None:
        out += self.before(statement, state)
        condition = self.expr(statement.condition, state)
        if isinstance(condition, ir.Const):
            body, end = self._block(statement.then if condition.value else statement.other, state)
            out += body
            return end
        here, there = self.copy(state), state
        self.assume(condition, True, here)
        self.assume(condition, False, there)
        then, first = self._block(statement.then, here)
        other, second = self._block(statement.other, there)
        out.append(replace(statement, condition=condition, then=then, other=other))
        return self._meet(first, second)

    def _switch(self, statement: ir.Switch, state: State, out: list[ir.Statement]) -> State | None:
        out += self.before(statement, state)
        on = self.expr(statement.on, state)
        if isinstance(on, ir.Const):
            chosen = (case.body for case in statement.cases if on.value in case.values)
            body, end = self._block(next(chosen, statement.default), state)
            out += body
            return end
        cases: list[ir.Case] = []
        result: State | None = None
        for case in statement.cases:
            here = self.copy(state)
            self.assume_case(on, case.values, here)
            body, end = self._block(case.body, here)
            cases.append(ir.Case(case.values, body))
            result = self._meet(result, end)
        default, end = self._block(statement.default, state)
        out.append(replace(statement, on=on, cases=tuple(cases), default=default))
        return self._meet(result, end)

    def _meet(self, first: State | None, second: State | None) -> State | None:
        if first is None or second is None:
            return first if second is None else second
        return self.meet(first, second)

    def _jump(self, label: str, state: State) -> None:
        known = self._labels.get(label)
        met = self.copy(state) if known is None else self.meet(known, state)
        if met != known:
            self._labels[label] = met
            self._again |= label in self._passed

    def _arrive(self, label: str, state: State | None) -> State | None:
        self._passed.add(label)
        known = self._labels.get(label)
        return self._meet(state, self.copy(known) if known is not None else None)


def with_expressions(statement: ir.Statement, change: Callable[[ir.Expr], ir.Expr]) -> ir.Statement:
    """A statement without inner blocks, each of its expressions put through `change`."""
    changed: dict[str, Any] = {}
    for name in ir.evaluated(statement):
        value = getattr(statement, name)
        if isinstance(value, ir.Expr):
            new: Any = change(value)
        elif name == "arguments":
            new = tuple(change(argument) for argument in value)
        else:
            continue
        if new is not value and new != value:
            changed[name] = new
    return replace(statement, **changed) if changed else statement
