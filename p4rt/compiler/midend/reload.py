# SPDX-License-Identifier: Apache-2.0
"""Pass: read a header's field from the packet again where it was last held before a call.

A call leaves four registers, and what is in no register goes to the stack and comes back.  The packet has the
field anyway.  Runs after `write_through`, which sees to that, and before another `fold`, which knows better
than this pass which header is there; where that is not sure, the variable is kept.
"""

from __future__ import annotations

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.flow import Flow
from p4rt.compiler.midend.fold import Known, common, learn
from p4rt.compiler.midend.home import Home, positions
from p4rt.compiler.records import record, replace

_NO_CALLS = (
    ir.Assign,
    ir.Store,
    ir.PacketPointer,
    ir.Settle,
    ir.ReadContext,
    ir.WriteContext,
    ir.Return,
)


def reload(block: ir.Block, homes: tuple[Home, ...]) -> ir.Block:
    """`block` with fields read again."""
    places = positions(block, homes)
    fields_of = {
        field.name: (home, field) for home in homes if home.valid.name in places for field in home.fields
    }
    for name in _late(block, homes):
        fields_of.pop(name, None)
    return _Reload(fields_of, places).run(block) if fields_of else block


def _late(block: ir.Block, homes: tuple[Home, ...]) -> set[str]:
    """Fields whose value is not always that in the packet, as they are written back at the end only."""
    pointers = {home.written.name: home for home in homes}
    late: set[str] = set()
    assigned: set[str] = set()
    for statement in ir.walk(block):
        target = getattr(statement, "target", None)
        if isinstance(target, ir.Var) and not (isinstance(statement, ir.Assign) and statement.extracted):
            assigned.add(target.name)
        if isinstance(statement, ir.Store) and statement.memory.name in pointers:
            late |= pointers[statement.memory.name].offsets.keys()
    return late & assigned


@record(frozen=False)
class _Held:
    """Which validity bits are known, and which fields were held since the last call."""

    valid: Known
    fresh: set[str]


class _Reload(Flow[_Held]):
    def __init__(self, fields_of: dict[str, tuple[Home, ir.Var]], places: dict[str, int]) -> None:
        super().__init__()
        self._places = places
        self._homes = fields_of
        self._bits = {home.valid.name for home, _ in fields_of.values()}

    def start(self) -> _Held:
        """No header is there."""
        return _Held(dict.fromkeys(self._bits, 0), set())

    def copy(self, state: _Held) -> _Held:
        """A copy."""
        return _Held(dict(state.valid), set(state.fresh))

    def meet(self, first: _Held, second: _Held) -> _Held:
        """What holds on both ways."""
        return _Held(common(first.valid, second.valid), first.fresh & second.fresh)

    def assume(self, condition: ir.Expr, holds: bool, state: _Held) -> None:
        """Learn which headers are there."""
        learned: Known = {}
        learn(condition, holds, learned)
        state.valid.update((name, value) for name, value in learned.items() if name in self._bits)

    def before(self, statement: ir.Statement, state: _Held) -> list[ir.Statement]:
        """Read again what a statement uses."""
        out: list[ir.Statement] = []
        used = set(ir.names_read(statement))
        for name in sorted(used & self._homes.keys()):
            home, field = self._homes[name]
            if name in state.fresh or state.valid.get(home.valid.name) != 1:
                continue
            point = home.point(build.const(self._places[home.valid.name], ir.WORD))
            out.append(replace(point, span=statement.span))
            out.append(ir.Assign(field, home.load(field), extracted=True, span=statement.span))
            state.fresh.add(name)
        return out

    def simple(self, statement: ir.Statement, state: _Held) -> list[ir.Statement]:
        """Read again, and note what is assigned and what is lost."""
        out = [*self.before(statement, state), statement]
        if not isinstance(statement, _NO_CALLS):
            state.fresh.clear()
        target = getattr(statement, "target", None)
        if isinstance(target, ir.Var):
            state.valid.pop(target.name, None)
            if target.name in self._homes:
                state.fresh.add(target.name)
            value = statement.value if isinstance(statement, ir.Assign) else None
            if target.name in self._bits and isinstance(value, ir.Const):
                state.valid[target.name] = value.value
        return out
