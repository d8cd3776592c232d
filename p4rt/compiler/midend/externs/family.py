# SPDX-License-Identifier: Apache-2.0
"""What the families of externs share: their arguments, their elements in maps, buffers of packed bits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Relation
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions

INDEX_BITS = 32
MAX_SIZE = 1 << 31
"""Elements of the largest array."""

Handler = Callable[[ast.Call, model.Call], Tree | None]


class Family:
    """A family of externs.  Subclasses fill the three dictionaries."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        self.ctx = ctx
        self.expressions = expressions
        self.calls = calls
        self.functions: dict[str, Handler] = {}
        """Extern functions, by name."""
        self.methods: dict[tuple[str, str], Handler] = {}
        """Methods of extern objects, by name of the extern and of the method."""
        self.objects: dict[str, Callable[[model.Instance], object]] = {}
        """What an instance of an extern makes, by name of the extern."""

    # ---- Arguments

    def argument(self, call: model.Call, index: int) -> ast.Expr:
        """An argument that must be there."""
        value = call.args[index].value
        assert value is not None
        return value

    def receiver(self, call: model.Call) -> model.Instance:
        """The object whose method is called."""
        assert call.receiver is not None
        return self.calls.instance_of(call.receiver)

    def type_argument(self, instance: model.Instance, index: int) -> t.Type:
        """A type argument of an object."""
        assert isinstance(instance.type, t.ExternType)
        return self.ctx.resolve(instance.type.args[index])

    def bit_width(self, instance: model.Instance, index: int, what: str) -> int:
        """The width of a type argument that must be `bit<W>`."""
        type_ = self.type_argument(instance, index)
        plain = t.strip(type_)
        if not isinstance(plain, t.BitType) or not plain.width:
            self.ctx.refuse(instance.span, f"{what} is bit<W>, not {type_}")
        return plain.width

    def choice(self, instance: model.Instance, name: str) -> str:
        """A constructor's argument of an enum type: the member's name."""
        value = instance.args.get(name)
        assert isinstance(value, model.EnumValue), (instance, name)
        return value.name

    def size(self, instance: model.Instance, name: str, what: str) -> int:
        """A constructor's argument that says how many elements there are."""
        size = instance.args.get(name)
        if not isinstance(size, int) or not 0 < size <= MAX_SIZE:
            self.ctx.refuse(instance.span, f"the size of a {what} must be from 1 to {MAX_SIZE}")
        return size

    def index(self, call: model.Call, position: int) -> ir.Expr:
        """An index as a number; of a struct, its fields in order, the first most significant."""
        return as_number(self.expressions.value(self.argument(call, position)))

    # ---- Elements of arrays

    def element(self, map_name: str, size: int, index: ir.Expr) -> tuple[ir.Expr, ir.Pointer]:
        """Look an element up: whether it exists, and where it is."""
        ctx = self.ctx
        entry = ctx.pointer(f"{map_name}_entry")
        buffer = ir.Buffer(ctx.name("index"), 4)
        narrow = build.resize(index, INDEX_BITS)
        with ctx.collect() as body:
            ctx.emit(ir.Store(buffer, 0, narrow, False, span=ctx.span))
            ctx.emit(ir.Lookup(entry, map_name, buffer, stable=True, span=ctx.span))
        lookup = ir.Scope(buffer, tuple(body), span=ctx.span)
        if index.width <= INDEX_BITS:
            ctx.emit(lookup)
            return ir.Found(1, entry), entry
        within = build.compare(Relation.LT, index, build.const(size, index.width))
        if isinstance(within, ir.Const) and not within.value:
            return build.FALSE, entry
        inside = ctx.variable(f"{map_name}_inside", 1)
        ctx.assign(inside, build.FALSE)
        found = ir.Assign(inside, ir.Found(1, entry), span=ctx.span)
        ctx.emit(ir.If(within, (lookup, found), (), span=ctx.span))
        return inside, entry

    # ---- Bits in memory

    def packed(self, tree: Tree) -> list[ir.Expr]:
        """The data bits of a value in order, the last byte filled with zero bits."""
        parts = list(storage.data_leaves(tree))
        spare = -sum(part.width for part in parts) % 8
        return [*parts, build.const(0, spare)] if spare else parts

    def in_buffer(
        self, wish: str, parts: list[ir.Expr], use: Callable[[ir.Buffer, int], Iterable[ir.Statement]]
    ) -> None:
        """Put values one after the other into a buffer, and do with it and its size what `use` says."""
        size = sum(part.width for part in parts) // 8
        buffer = ir.Buffer(self.ctx.name(wish), max(size, 1))
        with self.ctx.collect() as body:
            self.store_bits(buffer, 0, parts)
            if not size:
                self.ctx.emit(ir.Store(buffer, 0, build.const(0, 8), True, span=self.ctx.span))
            for statement in use(buffer, size):
                self.ctx.emit(statement)
        self.ctx.emit(ir.Scope(buffer, tuple(body), span=self.ctx.span))

    def store_bits(self, memory: ir.Memory, offset: int, parts: list[ir.Expr]) -> None:
        """Store values one after the other, most significant bit first; together they fill bytes."""
        group: list[ir.Expr] = []
        for part in parts:
            group.append(part)
            width = sum(item.width for item in group)
            if width % 8 == 0:
                whole = build.concat_all(group)
                self.ctx.emit(ir.Store(memory, offset, whole, True, span=self.ctx.span))
                offset += width // 8
                group = []
        assert not group


def as_number(tree: Tree) -> ir.Expr:
    """A value as one number; of a struct, its fields in order, the first most significant."""
    return tree if isinstance(tree, ir.Expr) else storage.pack(tree)
