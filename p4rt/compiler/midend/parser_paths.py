# SPDX-License-Identifier: Apache-2.0
"""The ways through a parser: a state is lowered once for each set of facts that it can be entered with.

The facts are how many elements of each header stack are taken and, mostly, how far the cursor is.  So a loop
over a stack is unrolled to the size of the stack, and both the element that `next` names and the place of a
header in the packet are known when the program is compiled.
"""

from __future__ import annotations

import heapq

from p4rt.compiler.analysis import model
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend.context import Context
from p4rt.compiler.records import record

MAX_VARIANTS = 512
"""Of a parser; more are made only where nothing is known."""
MAX_OFFSETS = 4
"""How often a state is lowered for the sake of another place in the packet; in a loop, once."""

Facts = dict[str, int]


@record(eq=False, frozen=False)
class Variant:
    """A state as it is entered with `facts`: known values of tracked variables."""

    state: ast.StateDecl
    facts: Facts
    label: str
    index: int


class Paths:
    """The variants of one parser's states, and which are still to be lowered."""

    def __init__(self, ctx: Context, decl: ast.ParserDecl) -> None:
        self.ctx = ctx
        self.decl = decl
        self._rank, self._looping = _order(decl, ctx.checked)
        self._made: dict[tuple[ast.StateDecl, frozenset[tuple[str, int]]], Variant] = {}
        self._pending: list[tuple[int, int, Variant]] = []

    @property
    def loops(self) -> bool:
        """Can a state be entered twice?"""
        return bool(self._looping)

    def enter(self, state: ast.StateDecl) -> Variant:
        """The variant that a jump to `state` from here leads to."""
        facts = self._facts(state)
        key = state, frozenset(facts.items())
        found = self._made.get(key)
        if found is None:
            label = self.ctx.name(f"{self.decl.name}_{state.name}")
            found = self._made[key] = Variant(state, facts, label, len(self._made))
            heapq.heappush(self._pending, (self._rank[state], found.index, found))
        return found

    def next(self) -> Variant | None:
        """The variant to lower next: those of states before others come first."""
        return heapq.heappop(self._pending)[2] if self._pending else None

    def returns(self, here: Variant, to: Variant) -> bool:
        """May a jump close a loop?  Every loop has one such jump."""
        return to.state in self._looping and to.index <= here.index

    def _facts(self, state: ast.StateDecl) -> Facts:
        """What is known here, less what would make too many variants."""
        facts, cursor = dict(self.ctx.known), self.ctx.cursor_name
        if (state, frozenset(facts.items())) in self._made:
            return facts
        if cursor in facts and self._differ_in(state, facts, cursor) >= self._limit(state):
            del facts[cursor]
        return facts if len(self._made) < MAX_VARIANTS else {}

    def _limit(self, state: ast.StateDecl) -> int:
        return 1 if state in self._looping else MAX_OFFSETS

    def _differ_in(self, state: ast.StateDecl, facts: Facts, name: str) -> int:
        """How many variants of a state differ from `facts` in no more than one of them."""
        rest = {key: value for key, value in facts.items() if key != name}
        return sum(
            {key: value for key, value in made.facts.items() if key != name} == rest
            for made in self._made.values()
            if made.state is state and name in made.facts
        )


def _targets(state: ast.StateDecl, checked: model.CheckedProgram) -> list[ast.StateDecl]:
    nodes: list[ast.Node] = []
    if isinstance(state.transition, ast.DirectTransition):
        nodes = [state.transition]
    elif isinstance(state.transition, ast.SelectTransition):
        nodes = list(state.transition.cases)
    return [target for node in nodes if (target := checked.states.get(node)) is not None]


def _order(
    decl: ast.ParserDecl, checked: model.CheckedProgram
) -> tuple[dict[ast.StateDecl, int], set[ast.StateDecl]]:
    """Reachable states with their place in reverse post-order, and those that are part of a cycle."""
    start = next(state for state in decl.states if state.name == "start")
    done: list[ast.StateDecl] = []
    seen: set[ast.StateDecl] = {start}
    stack = [(start, iter(_targets(start, checked)))]
    while stack:
        state, rest = stack[-1]
        fresh = next((target for target in rest if target not in seen), None)
        if fresh is None:
            stack.pop()
            done.append(state)
        else:
            seen.add(fresh)
            stack.append((fresh, iter(_targets(fresh, checked))))
    looping = {state for state in done if _comes_back(state, checked)}
    return {state: place for place, state in enumerate(reversed(done))}, looping


def _comes_back(state: ast.StateDecl, checked: model.CheckedProgram) -> bool:
    pending, seen = _targets(state, checked), set[ast.StateDecl]()
    while pending:
        here = pending.pop()
        if here is state:
            return True
        if here not in seen:
            seen.add(here)
            pending += _targets(here, checked)
    return False
