# SPDX-License-Identifier: Apache-2.0
"""Register<T, S>: an array map whose elements are values of T in the natural layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import Register
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout, storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.family import Family, as_number
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions


class Registers(Family):
    """Registers of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self._known: dict[model.Instance, Register] = {}
        self.objects = {"Register": self.declare}
        self.methods = {("Register", "read"): self._read, ("Register", "write"): self._write}

    def declare(self, instance: model.Instance) -> Register:
        """The register's map, made at the first call."""
        known = self._known.get(instance)
        if known is not None:
            return known
        size = self.size(instance, "size", "register")
        element = self.type_argument(instance, 0)
        specs = layout.flatten(element, "", self.ctx.checked.errors)
        slots, end = layout.natural(specs)
        name = self.ctx.name(instance.path)
        value_size = max(layout.padded(end), 8)
        index = self.type_argument(instance, 1)
        lies = tuple(slots)
        register = Register(instance.path, instance.source, name, size, value_size, lies, element, index)
        self.ctx.catalog.registers.append(register)
        self.ctx.catalog.maps.append(ir.Map(name, ir.MapType.ARRAY, 4, register.value_size, size))
        initial = instance.args.get("initial_value")
        if initial is not None and not isinstance(initial, model.Instance):
            self._set(register, self.ctx.literal(initial, element))
        self._known[instance] = register
        return register

    def _set(self, register: Register, value: Tree) -> None:
        """The value that all elements begin with: an initial entry without a key."""
        data = bytearray(register.value_size)
        for slot, leaf in zip(register.slots, storage.leaves(value), strict=True):
            assert isinstance(leaf, ir.Const)
            data[slot.offset : slot.offset + slot.size] = slot.encode(leaf.value)
        if any(data):
            self.ctx.catalog.initial.append(ir.InitialEntry(register.map, b"", bytes(data)))

    def _read(self, node: ast.Call, call: model.Call) -> Tree:
        """Zeros where there is no such element."""
        ctx = self.ctx
        register = self.declare(self.receiver(call))
        index = ctx.keep(self.index(call, 0), "index")
        inside, entry = self.element(register.map, register.size, index)
        result = ctx.allocate(ctx.resolve(call.result), f"{register.map}_value")
        targets = list(storage.leaves(result))
        with ctx.collect() as found:
            for slot, target in zip(register.slots, targets, strict=True):
                raw = ctx.keep(ir.Load(8 * slot.size, entry, slot.offset, False))
                ctx.assign(target, build.bits(raw, 0, slot.width))
        with ctx.collect() as missing:
            for target in targets:
                ctx.assign(target, build.const(0, target.width))
        ctx.emit(ir.If(inside, tuple(found), tuple(missing), span=ctx.span))
        return result

    def _write(self, node: ast.Call, call: model.Call) -> None:
        ctx = self.ctx
        register = self.declare(self.receiver(call))
        index_tree, value = self.expressions.operands(self.argument(call, 0), self.argument(call, 1))
        inside, entry = self.element(register.map, register.size, as_number(index_tree))
        with ctx.collect() as body:
            for slot, leaf in zip(register.slots, storage.leaves(value), strict=True):
                whole = build.extend(leaf, 8 * slot.size)
                ctx.emit(ir.Store(entry, slot.offset, whole, False, span=ctx.span))
        ctx.emit(ir.If(inside, tuple(body), (), span=ctx.span))
