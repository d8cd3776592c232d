# SPDX-License-Identifier: Apache-2.0
"""The shapes that a packet can have when it comes to the deparser.

A shape is which headers are emitted and how far the parser went, as numbers.  This walk follows all shapes
side by side through parser and pipeline, and for each of them what is known of the fields.  So it knows what
a meeting of paths would forget: where a header was in a packet that has just these.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.flow import Flow
from p4rt.compiler.midend.fold import Known, fold_expr, learn
from p4rt.compiler.midend.packet_bits import Facts, Piece, bits_of
from p4rt.compiler.midend.prune import collect_names
from p4rt.compiler.records import replace

Shape = tuple[int | None, ...]
"""The value of each variable that tells shapes apart; None: it is not known."""
MAX_SHAPES = 64
MAX_ROUNDS = 4
"""Of walks through loops."""
MAX_WORK = 3000
"""How often the facts of a shape may be copied or met with others: a tenth of a second is enough."""


class TooManyShapes(Exception):
    """There are more than are worth telling apart."""


class Shapes:
    """The shapes possible at a point, with the facts of each; those may be shared with other points."""

    def __init__(self, facts: dict[Shape, Facts]) -> None:
        self.facts = facts
        self.own = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shapes) and self.facts == other.facts

    def shared(self) -> Iterable[tuple[Shape, Facts]]:
        """All shapes with their facts, which another point will have as well."""
        self.own = False
        return self.facts.items()

    def copy(self) -> Shapes:
        """The same, until one of the two is changed."""
        self.own = False
        return Shapes(dict(self.facts))

    def to_change(self) -> Iterable[Facts]:
        """The facts of all shapes, which no other point shares."""
        if not self.own:
            self.facts = {shape: facts.copy() for shape, facts in self.facts.items()}
            self.own = True
        return self.facts.values()

    def replace(self, other: Shapes, own: bool = False) -> None:
        """Become `other`."""
        self.facts, self.own = other.facts, own


class ShapeWalk(Flow[Shapes]):
    """Finds the shapes at the end of a block in which headers are parsed and processed.

    Shapes differ in the values of the variables `telling`; what is known of `fields` is followed, too.  What
    changed is counted from where the first of `telling` was assigned to.
    """

    def __init__(self, block: ir.Block, telling: Sequence[ir.Var], fields: Iterable[str]) -> None:
        super().__init__()
        self._telling = [variable.name for variable in telling]
        self._told = set(self._telling)
        self._followed = _sources(block, {*self._told, *fields, *_conditions(block)})
        self._targets = {item.name for item in ir.walk(block) if isinstance(item, ir.Label)}
        self._bits = [variable.name for variable in telling if variable.width == 1]
        self._work = 0
        self.copied: dict[int, Piece | None] = {}
        """The whole bytes of the packet that stores put into a buffer, by the `id` of the statement."""

    def shapes(self, block: ir.Block) -> list[tuple[Shape, Facts]]:
        """The shapes at the end of `block`.

        Raises:
            TooManyShapes: the walk was given up.
        """
        for _ in range(MAX_ROUNDS):
            self._again = False
            self._passed.clear()
            _, state = self._block(block, self.start())
            if not self._again:
                return list(state.facts.items()) if state is not None else []
        raise TooManyShapes

    def start(self) -> Shapes:
        """One shape: no header is there."""
        facts = Facts({}, dict.fromkeys(self._bits, 0), {}, set())
        return Shapes({self._shape(facts): facts})

    def copy(self, state: Shapes) -> Shapes:
        """A copy."""
        return state.copy()

    def meet(self, first: Shapes, second: Shapes) -> Shapes:
        """All shapes of both."""
        return self._united(chain(first.shared(), second.shared()))

    def _united(self, found: Iterable[tuple[Shape, Facts]]) -> Shapes:
        """Facts by their shape; what equal shapes have in common."""
        shapes: dict[Shape, Facts] = {}
        for shape, facts in found:
            known = shapes.get(shape)
            if known is None or known is facts:
                shapes[shape] = facts
            else:
                shapes[shape] = known.meet(facts)
                self._count(1)
        if len(shapes) > MAX_SHAPES:
            raise TooManyShapes
        return Shapes(shapes)

    def _count(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise TooManyShapes

    def _shape(self, facts: Facts) -> Shape:
        return tuple(facts.values.get(name) for name in self._telling)

    def _jump(self, label: str, state: Shapes) -> None:
        if label in self._targets:
            super()._jump(label, state)

    def assume(self, condition: ir.Expr, holds: bool, state: Shapes) -> None:
        """Drop the shapes that do not go this way, learn of the others."""
        if self._followed.isdisjoint(ir.variables(condition)):
            return
        kept: list[tuple[Shape, Facts]] = []
        for shape, facts in state.facts.items():
            folded = fold_expr(condition, facts.values)
            if not isinstance(folded, ir.Const):
                learned: Known = {}
                learn(folded, holds, learned)
                kept.append(self._with(shape, facts, learned))
            elif bool(folded.value) == holds:
                kept.append((shape, facts))
        state.replace(self._united(kept))

    def assume_case(self, on: ir.Expr, values: tuple[int, ...], state: Shapes) -> None:
        """Learn from a case."""
        if isinstance(on, ir.Var) and on.name in self._followed:
            learned = {on.name: values[0]} if len(values) == 1 else {}
            there = [
                self._with(shape, facts, learned)
                for shape, facts in state.facts.items()
                if facts.values.get(on.name, values[0]) in values
            ]
            state.replace(self._united(there))

    def _with(self, shape: Shape, facts: Facts, learned: Known) -> tuple[Shape, Facts]:
        """Facts and the values of some more variables, with their shape then."""
        new = {name: value for name, value in learned.items() if name in self._followed}
        if not new:
            return shape, facts
        more = replace(facts, values={**facts.values, **new})
        return (shape if self._told.isdisjoint(new) else self._shape(more)), more

    def simple(self, statement: ir.Statement, state: Shapes) -> list[ir.Statement]:
        """Note what is assigned; the walk makes no new block."""
        match statement:
            case ir.PacketPointer(pointer, offset):
                for facts in state.to_change() if pointer.name in self._followed else ():
                    facts.point(pointer, offset)
            case ir.Assign(target, value):
                self._assign(target, value, state)
            case ir.Store(ir.Buffer(), _, value, True):
                self.copied[id(statement)] = self._whole_bytes(value, state)
            case ir.FunctionCall(ir.Var() as target, "opaque", (value,)):
                self._assign(target, build.extend(value, target.width), state)
            case _:
                changed = getattr(statement, "target", None)
                if isinstance(changed, ir.Var):
                    self._assign(changed, None, state)
        return []

    def _whole_bytes(self, value: ir.Expr, state: Shapes) -> Piece | None:
        """The bytes that a value is in the packet, if it is the same ones in all shapes."""
        if self._followed.isdisjoint(ir.variables(value)):
            return None
        found = {bits_of(value, facts) for facts in state.facts.values()}
        bits = found.pop() if len(found) == 1 else None
        if bits is None or len(bits) > 1 or bits[0].start < 0 or bits[0].base:
            return None
        return bits[0] if bits[0].start % 8 == 0 and bits[0].width % 8 == 0 else None

    def _assign(self, target: ir.Var, value: ir.Expr | None, state: Shapes) -> None:
        if target.name not in self._followed:
            return
        if not state.own:
            self._count(len(state.facts))
        for facts in state.to_change():
            if value is None:
                facts.forget(target)
            else:
                facts.assign(target, value)
            if target.name == self._telling[0]:
                facts.changed.clear()
        if target.name in self._told:
            found = [(self._shape(facts), facts) for facts in state.facts.values()]
            state.replace(self._united(found), own=True)


def _conditions(block: ir.Block) -> Iterator[str]:
    """The bits that branches ask for."""
    for statement in ir.walk(block):
        if isinstance(statement, ir.If):
            yield from _bits(statement.condition)


def _bits(condition: ir.Expr) -> Iterator[str]:
    match condition:
        case ir.Var(1, name):
            yield name
        case ir.Not(1, operand):
            yield from _bits(operand)
        case ir.Binary(1, _, left, right):
            yield from _bits(left)
            yield from _bits(right)


def _sources(block: ir.Block, wanted: set[str]) -> set[str]:
    """The names of all variables and pointers that `wanted` are made of."""
    read: dict[str, set[str]] = {}
    for statement in ir.walk(block):
        match statement:
            case ir.Assign(ir.Var(_, name), value) | ir.PacketPointer(ir.Pointer(name), value):
                collect_names(value, read.setdefault(name, set()))
            case ir.FunctionCall(ir.Var(_, name), "opaque", (value,)):
                collect_names(value, read.setdefault(name, set()))
    found: set[str] = set()
    pending = set(wanted)
    while pending:
        name = pending.pop()
        found.add(name)
        pending |= read.get(name, set()) - found
    return found
