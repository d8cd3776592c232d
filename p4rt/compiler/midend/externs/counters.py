# SPDX-License-Identifier: Apache-2.0
"""Counter<W, S>: an element for each index and thread; DirectCounter<W>: words in the state of an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.extern_catalog import COUNTER_WORDS, Counter
from p4rt.compiler.backend.ir import Op
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.direct import DirectObjects
from p4rt.compiler.midend.externs.family import Family

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions

_WHAT = "the type of a counter"


class Counters(Family):
    """Counters of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls, direct: DirectObjects) -> None:
        super().__init__(ctx, expressions, calls)
        self.direct = direct
        self._known: dict[model.Instance, Counter] = {}
        self.objects = {"Counter": self.declare, "DirectCounter": self._declare_direct}
        self.methods = {
            ("Counter", "count"): self._count,
            ("DirectCounter", "count"): self._count_direct,
        }

    def declare(self, instance: model.Instance) -> Counter:
        """The counter's map, made at the first call."""
        known = self._known.get(instance)
        if known is not None:
            return known
        size = self.size(instance, "n_counters", "counter")
        kind = self.choice(instance, "type")
        width = self.bit_width(instance, 0, _WHAT)
        name = self.ctx.name(instance.path)
        value_size = 8 * len(COUNTER_WORDS[kind])
        counter = Counter(instance.path, instance.source, name, size, value_size, kind, width)
        index = self.type_argument(instance, 1)
        counter = counter.indexed_by(index)
        self.ctx.catalog.counters.append(counter)
        self.ctx.catalog.maps.append(ir.Map(name, ir.MapType.THREAD_ARRAY, 4, value_size, size))
        self._known[instance] = counter
        return counter

    def _declare_direct(self, instance: model.Instance) -> None:
        self.bit_width(instance, 0, _WHAT)
        self.direct.declare(instance)

    def _amounts(self, kind: str) -> list[ir.Expr]:
        """What a packet adds to each word."""
        amounts: list[ir.Expr] = []
        for word in COUNTER_WORDS[kind]:
            amount: ir.Expr = build.const(1, ir.WORD)
            if word == "bytes":
                length = self.ctx.variable("length", 32)
                self.ctx.emit(ir.ReadContext(length, "packet_length", span=self.ctx.span))
                amount = build.extend(length, ir.WORD)
            amounts.append(amount)
        return amounts

    def _count(self, node: ast.Call, call: model.Call) -> None:
        """The element is this thread's own: nobody else adds to it."""
        ctx = self.ctx
        counter = self.declare(self.receiver(call))
        inside, entry = self.element(counter.map, counter.size, self.index(call, 0))
        amounts = self._amounts(counter.kind)
        with ctx.collect() as body:
            for number, amount in enumerate(amounts):
                before = ir.Load(ir.WORD, entry, 8 * number, False)
                after = build.binary(Op.ADD, before, amount)
                ctx.emit(ir.Store(entry, 8 * number, after, False, span=ctx.span))
        ctx.emit(ir.If(inside, tuple(body), (), span=ctx.span))

    def _count_direct(self, node: ast.Call, call: model.Call) -> None:
        instance = self.receiver(call)
        entry, offset = self.direct.place(node, instance)
        for number, amount in enumerate(self._amounts(self.choice(instance, "type"))):
            self.ctx.emit(ir.AtomicAdd(entry, offset + 8 * number, amount, span=self.ctx.span))
