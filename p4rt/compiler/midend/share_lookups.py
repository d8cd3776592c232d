# SPDX-License-Identifier: Apache-2.0
"""Pass: look an element of a register or counter up once, where the same index leads to it again.

An element of an array is always at the same place: a second lookup with the same key finds what the first one
found.  So reading a register and writing it back costs one lookup.  Whether keys are the same is told by
numbering values: a variable has the number of what was assigned to it.
"""

from __future__ import annotations

from p4rt.compiler.backend import ir
from p4rt.compiler.midend.flow import Flow
from p4rt.compiler.midend.rewrite import Rewriter
from p4rt.compiler.records import field, record, replace

Place = tuple[str, int]
"""Name and offset of bytes in a buffer."""
Key = tuple[str, tuple[tuple[int, int], ...]]
"""A map, and the numbers of what stands in the key, by offset."""


@record(frozen=False)
class _State:
    """What is known at a point: numbers of variables and of bytes in buffers, and what was looked up."""

    numbers: dict[str, int] = field(default_factory=dict)
    stored: dict[Place, int] = field(default_factory=dict)
    found: dict[Key, ir.Pointer] = field(default_factory=dict)


def share_lookups(block: ir.Block) -> ir.Block:
    """`block` without lookups whose result is there already."""
    walk = _ShareLookups()
    result = walk.run(block)
    return _Rename(walk.same).block(result) if walk.same else result


class _ShareLookups(Flow[_State]):
    def __init__(self) -> None:
        super().__init__()
        self.same: dict[str, ir.Pointer] = {}
        """Pointers that are not looked up any more, and those that they are equal to."""
        self._known: dict[object, int] = {}

    def start(self) -> _State:
        """Nothing is known; what an earlier walk found does not count."""
        self.same.clear()
        return _State()

    def copy(self, state: _State) -> _State:
        """A copy."""
        return _State(dict(state.numbers), dict(state.stored), dict(state.found))

    def meet(self, first: _State, second: _State) -> _State:
        """What both know alike."""
        return _State(
            {name: value for name, value in first.numbers.items() if second.numbers.get(name) == value},
            {place: value for place, value in first.stored.items() if second.stored.get(place) == value},
            {key: value for key, value in first.found.items() if second.found.get(key) == value},
        )

    def simple(self, statement: ir.Statement, state: _State) -> list[ir.Statement]:
        """Number what is assigned and stored; drop a lookup that repeats another."""
        match statement:
            case ir.Assign(target, value):
                state.numbers[target.name] = self._number(value, state, statement)
            case ir.Store(ir.Buffer(name), offset, value):
                state.stored[name, offset] = self._number(value, state, statement)
            case ir.Lookup(pointer, map_name, key):
                return self._look_up(statement, pointer, map_name, key, state)
            case _:
                changed = getattr(statement, "target", None)
                if isinstance(changed, ir.Var):
                    state.numbers[changed.name] = self._fresh(statement)
                self._forget_buffers(statement, state)
        return [statement]

    def _look_up(
        self, statement: ir.Lookup, pointer: ir.Pointer, map_name: str, key: ir.Buffer, state: _State
    ) -> list[ir.Statement]:
        for known in [known for known, found in state.found.items() if found == pointer]:
            del state.found[known]
        if not statement.stable:
            return [statement]
        stored = sorted((at, number) for (name, at), number in state.stored.items() if name == key.name)
        wanted = map_name, tuple(stored)
        before = state.found.get(wanted)
        if before is not None:
            self.same[pointer.name] = before
            return []
        state.found[wanted] = pointer
        return [statement]

    def _forget_buffers(self, statement: ir.Statement, state: _State) -> None:
        """A call may write to a buffer that it gets."""
        if isinstance(statement, ir.FunctionCall):
            passed = {a.memory.name for a in statement.arguments if isinstance(a, ir.MemoryAddress)}
            for place in [place for place in state.stored if place[0] in passed]:
                del state.stored[place]

    # ---- Numbers

    def _number(self, expr: ir.Expr, state: _State, statement: ir.Statement) -> int:
        """The number of a value: equal numbers mean equal values."""
        if isinstance(expr, ir.Var):
            return state.numbers.setdefault(expr.name, self._fresh((expr.name, id(statement))))
        if isinstance(expr, ir.Load | ir.Found | ir.MemoryAddress | ir.MapAddress):
            return self._fresh((expr, id(statement)))
        parts: list[object] = [type(expr)]
        for value in vars(expr).values():
            parts.append(self._number(value, state, statement) if isinstance(value, ir.Expr) else value)
        return self._known.setdefault(tuple(parts), len(self._known))

    def _fresh(self, what: object) -> int:
        """The number of what is like nothing else; the same in each walk."""
        key = ("fresh", what if not isinstance(what, ir.Statement) else id(what))
        return self._known.setdefault(key, len(self._known))


class _Rename(Rewriter):
    """Puts pointers in the place of others."""

    def __init__(self, same: dict[str, ir.Pointer]) -> None:
        super().__init__()
        self._same = same

    def _pointer(self, memory: ir.Memory) -> ir.Memory:
        while memory.name in self._same:
            memory = self._same[memory.name]
        return memory

    def with_children(self, statement: ir.Statement) -> ir.Statement:
        """Rename what is stored to."""
        statement = super().with_children(statement)
        if isinstance(statement, ir.Store | ir.AtomicAdd):
            return replace(statement, memory=self._pointer(statement.memory))
        return statement

    def expr(self, expr: ir.Expr) -> ir.Expr:
        """Rename what is read."""
        match expr:
            case ir.Load(memory=memory) | ir.MemoryAddress(memory=memory):
                return replace(expr, memory=self._pointer(memory))
            case ir.Found(pointer=pointer):
                renamed = self._pointer(pointer)
                assert isinstance(renamed, ir.Pointer)
                return replace(expr, pointer=renamed)
        return super().expr(expr)
