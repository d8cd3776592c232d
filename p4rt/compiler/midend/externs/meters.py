# SPDX-License-Identifier: Apache-2.0
"""Meter<S>: a map of meters; DirectMeter: one in the state of an entry.  The engine does the metering."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.extern_catalog import Meter
from p4rt.compiler.backend.ir import Relation
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.direct import METER_SIZE, DirectObjects
from p4rt.compiler.midend.externs.family import Family
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions

_COLOURS = ("GREEN", "YELLOW", "RED")
"""Members of PSA_MeterColor_t in the order of `enum ubpf_colour`, so that the numbers are the same."""


class Meters(Family):
    """Meters of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls, direct: DirectObjects) -> None:
        super().__init__(ctx, expressions, calls)
        self.direct = direct
        self._known: dict[model.Instance, Meter] = {}
        self.objects = {"Meter": self.declare, "DirectMeter": direct.declare}
        self.methods = {
            ("Meter", "execute"): self._execute,
            ("DirectMeter", "execute"): self._execute_direct,
        }

    def declare(self, instance: model.Instance) -> Meter:
        """The meter's map, made at the first call."""
        known = self._known.get(instance)
        if known is not None:
            return known
        size = self.size(instance, "n_meters", "meter")
        name = self.ctx.name(instance.path)
        meter = Meter(instance.path, instance.source, name, size, METER_SIZE, self.choice(instance, "type"))
        meter = meter.indexed_by(self.type_argument(instance, 0))
        self.ctx.catalog.meters.append(meter)
        self.ctx.catalog.maps.append(ir.Map(name, ir.MapType.METER, 4, METER_SIZE, size))
        self._known[instance] = meter
        return meter

    def _units(self, kind: str) -> ir.Expr:
        """What a packet counts."""
        if kind == "PACKETS":
            return build.const(1, ir.WORD)
        length = self.ctx.variable("length", 32)
        self.ctx.emit(ir.ReadContext(length, "packet_length", span=self.ctx.span))
        return build.extend(length, ir.WORD)

    def _colour(self, call: model.Call, position: int) -> ir.Expr:
        """The colour that the packet came with, green when it has none."""
        if len(call.args) <= position:
            return build.const(_COLOURS.index("GREEN"), ir.WORD)
        return build.extend(self.expressions.scalar(self.argument(call, position)), ir.WORD)

    def _result(self, function: str, *arguments: ir.Expr) -> Tree:
        colour = self.ctx.variable("colour", storage.ENUM_WIDTH)
        self.ctx.emit(ir.FunctionCall(colour, function, arguments, span=self.ctx.span))
        return colour

    def _execute(self, node: ast.Call, call: model.Call) -> Tree:
        meter = self.declare(self.receiver(call))
        if len(call.args) > 1:
            first, second = self.expressions.operands(self.argument(call, 0), self.argument(call, 1))
            assert isinstance(second, ir.Expr)
            index, colour = storage.pack(first), build.extend(second, ir.WORD)
        else:
            index, colour = self.index(call, 0), self._colour(call, 1)
        if index.width > ir.WORD:
            inside = build.compare(Relation.LT, index, build.const(meter.size, index.width))
            index = build.choose(inside, build.bits(index, 0, ir.WORD), build.const(-1, ir.WORD))
        units = self._units(meter.kind)
        return self._result(
            "meter_execute", ir.MapAddress(ir.WORD, meter.map), build.extend(index, ir.WORD), units, colour
        )

    def _execute_direct(self, node: ast.Call, call: model.Call) -> Tree:
        instance = self.receiver(call)
        entry, offset = self.direct.place(node, instance)
        colour = self._colour(call, 0)
        units = self._units(self.choice(instance, "type"))
        return self._result("meter_update", ir.MemoryAddress(ir.WORD, entry, offset), units, colour)
