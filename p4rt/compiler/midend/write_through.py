# SPDX-License-Identifier: Apache-2.0
"""Pass: write a header's field to the packet where it is assigned, not once more wherever the packet leaves.

A path that assigns to no field then stores none, and no field has to be kept for the end.  What is dropped
may have been written to: nobody sees it.  Runs after `fold`, which finds the headers' places; a header that
has different ones is written to where its position says.
"""

from __future__ import annotations

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.home import Home, positions
from p4rt.compiler.records import replace


def write_through(block: ir.Block, homes: tuple[Home, ...]) -> ir.Block:
    """`block` with stores next to assignments."""
    return _WriteThrough(homes, positions(block, homes)).block(block)


class _WriteThrough:
    def __init__(self, homes: tuple[Home, ...], places: dict[str, int]) -> None:
        self._places = places
        self._homes = {field.name: home for home in homes for field in home.fields}
        self._late = {home.written.name for home in homes}

    def block(self, block: ir.Block) -> ir.Block:
        """The block, rewritten."""
        out: list[ir.Statement] = []
        for statement in block:
            match statement:
                case ir.If(then=then, other=other):
                    out.append(replace(statement, then=self.block(then), other=self.block(other)))
                case ir.Switch(cases=cases, default=default):
                    arms = tuple(ir.Case(case.values, self.block(case.body)) for case in cases)
                    out.append(replace(statement, cases=arms, default=self.block(default)))
                case ir.Scope(body=body):
                    out.append(replace(statement, body=self.block(body)))
                case ir.Store(memory=ir.Pointer(name)) if name in self._late:
                    pass
                case _:
                    out.append(statement)
                    out += self._after(statement)
        return tuple(out)

    def _after(self, statement: ir.Statement) -> ir.Block:
        """The store that belongs to an assignment."""
        target = getattr(statement, "target", None)
        if not isinstance(target, ir.Var) or target.name not in self._homes:
            return ()
        if isinstance(statement, ir.Assign) and statement.extracted:
            return ()
        home = self._homes[target.name]
        place = self._places.get(home.valid.name)
        point = home.point(home.position if place is None else build.const(place, ir.WORD))
        body = tuple(replace(item, span=statement.span) for item in (point, home.store(target)))
        return (ir.If(home.valid, body, (), span=statement.span),)
