# SPDX-License-Identifier: Apache-2.0
"""Lowering of what core.p4 and ubpf_model.p4 declare as extern."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import Register
from p4rt.compiler.backend.ir import Op, Relation
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout, storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.lvalues import store
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_deparser import Deparser
    from p4rt.compiler.midend.lower_parser import Parsers

DROP, PASS = 1, 2
"""Verdicts, by their numbers in `enum ubpf_verdict`."""
_INDEX_BITS = 32
_MAX_REGISTER_SIZE = 1 << 31

Handler = Callable[[ast.Call, model.Call], Tree | None]


class Externs:
    """Extern functions and methods of one program."""

    parsers: Parsers
    deparser: Deparser

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        self.ctx = ctx
        self.expressions = expressions
        calls.externs = self
        self._registers: dict[model.Instance, Register] = {}
        self._functions: dict[str, Handler] = {
            "mark_to_drop": lambda node, call: self._mark(DROP),
            "mark_to_pass": lambda node, call: self._mark(PASS),
            "ubpf_time_get_ns": self._clock,
            "truncate": self._truncate,
            "hash": self._hash,
            "csum_replace2": self._checksum,
            "csum_replace4": self._checksum,
            "verify": self._verify,
            "static_assert": self._static_assert,
        }
        self._methods: dict[tuple[str, str], Handler] = {
            ("packet_in", "extract"): lambda node, call: self.parsers.extract(node, call),
            ("packet_in", "lookahead"): lambda node, call: self.parsers.lookahead(node, call),
            ("packet_in", "advance"): lambda node, call: self.parsers.advance(call),
            ("packet_in", "length"): self._length,
            ("packet_out", "emit"): lambda node, call: self.deparser.emit(node, call),
            ("Register", "read"): self._read,
            ("Register", "write"): self._write,
        }

    def function(self, node: ast.Call, call: model.Call) -> Tree | None:
        """A call of an extern function."""
        assert call.decl is not None
        handler = self._functions.get(call.decl.name)
        if handler is None:
            raise storage.Unsupported(f"the extern function '{call.decl.name}' is")
        return handler(node, call)

    def method(self, node: ast.Call, call: model.Call) -> Tree | None:
        """A call of a method of an extern object."""
        assert call.decl is not None and call.method is not None
        handler = self._methods.get((call.decl.name, call.method.name))
        if handler is None:
            raise storage.Unsupported(f"the extern method '{call.decl.name}.{call.method.name}' is")
        return handler(node, call)

    def argument(self, call: model.Call, index: int) -> ast.Expr:
        """An argument that must be there."""
        value = call.args[index].value
        assert value is not None
        return value

    # ---- Functions

    def _mark(self, verdict: int) -> None:
        self.ctx.assign(self.ctx.verdict, build.const(verdict, storage.ENUM_WIDTH))

    def _clock(self, node: ast.Call, call: model.Call) -> Tree:
        now = self.ctx.variable("now", ir.WORD)
        self.ctx.emit(ir.ReadClock(now, span=self.ctx.span))
        width = storage.scalar_width(self.ctx.resolve(call.result))
        assert width is not None
        return build.bits(now, 0, width)

    def _truncate(self, node: ast.Call, call: model.Call) -> None:
        length = self.expressions.scalar(self.argument(call, 0))
        self.ctx.emit(ir.WriteContext("truncate_len", length, span=self.ctx.span))

    def _verify(self, node: ast.Call, call: model.Call) -> None:
        holds = self.expressions.scalar(self.argument(call, 0))
        self.ctx.goto_if(build.invert(holds), self.ctx.reject_label)

    def _static_assert(self, node: ast.Call, call: model.Call) -> Tree:
        if self.ctx.constant(self.argument(call, 0)) is not True:
            message = self.ctx.constant(self.argument(call, 1)) if len(call.args) > 1 else None
            self.ctx.refuse(
                node.span, f"static_assert failed: {message}" if message else "static_assert failed"
            )
        return build.TRUE

    def _checksum(self, node: ast.Call, call: model.Call) -> Tree:
        """RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), in one's complement."""
        width = 32
        trees = self.expressions.operands(*(self.argument(call, index) for index in range(3)))
        checksum, old, new = (tree for tree in trees if isinstance(tree, ir.Expr))
        words = [build.invert(checksum)]
        for low in range(0, old.width, 16):
            words.append(build.invert(build.bits(old, low, 16)))
            words.append(build.bits(new, low, 16))
        total: ir.Expr = build.const(0, width)
        for word in words:
            total = build.binary(Op.ADD, total, build.extend(word, width))
        for _ in range(2):
            total = self.ctx.keep(total, "sum")
            low_half, high_half = build.bits(total, 0, 16), build.bits(total, 16, 16)
            total = build.binary(Op.ADD, build.extend(low_half, width), build.extend(high_half, width))
        return build.invert(build.bits(total, 0, 16))

    def _hash(self, node: ast.Call, call: model.Call) -> None:
        """lookup3 of the bits of the fields in order, the last byte filled with zero bits."""
        target = self.expressions.lvalue(self.argument(call, 0))
        parts = list(storage.data_leaves(self.expressions.value(self.argument(call, 2))))
        spare = -sum(part.width for part in parts) % 8
        if spare:
            parts.append(build.const(0, spare))
        result = self.ctx.variable("hash", 32)
        size = sum(part.width for part in parts) // 8
        buffer = ir.Buffer(self.ctx.name("hash_input"), max(size, 1))
        with self.ctx.collect() as body:
            self.store_bits(buffer, 0, parts)
            if not size:
                self.ctx.emit(ir.Store(buffer, 0, build.const(0, 8), True, span=self.ctx.span))
            self.ctx.emit(ir.HashBytes(result, buffer, size, span=self.ctx.span))
        self.ctx.emit(ir.Scope(buffer, tuple(body), span=self.ctx.span))
        store(self.ctx, target, result)

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

    # ---- Packet and registers

    def _length(self, node: ast.Call, call: model.Call) -> Tree:
        length = self.ctx.variable("length", 32)
        self.ctx.emit(ir.ReadContext(length, "packet_length", span=self.ctx.span))
        return length

    def declare(self, instance: model.Instance) -> None:
        """Make what an object needs, so that the control plane sees it even where nothing uses it."""
        if not isinstance(instance.decl, ast.ExternDecl):
            return
        if instance.decl.name != "Register":
            raise storage.Unsupported(f"the extern '{instance.decl.name}' is")
        self.declare_register(instance)

    def declare_register(self, instance: model.Instance) -> Register:
        """The register's map, made at the first call."""
        known = self._registers.get(instance)
        if known is not None:
            return known
        assert isinstance(instance.type, t.ExternType)
        size = instance.args.get("size")
        if not isinstance(size, int) or not 0 < size <= _MAX_REGISTER_SIZE:
            self.ctx.refuse(instance.span, f"the size of a register must be from 1 to {_MAX_REGISTER_SIZE}")
        element = self.ctx.resolve(instance.type.args[0])
        try:
            specs = layout.flatten(element, "", self.ctx.checked.errors)
        except storage.Unsupported as problem:
            self.ctx.unsupported(problem.span or instance.span, str(problem))
        slots, end = layout.natural(specs)
        name = self.ctx.name(instance.path)
        value_size = max(layout.padded(end), 8)
        register = Register(instance.path, instance.source, name, size, value_size, tuple(slots), element)
        self.ctx.catalog.registers.append(register)
        self.ctx.catalog.maps.append(ir.Map(name, ir.MapType.ARRAY, 4, register.value_size, size))
        self._registers[instance] = register
        return register

    def _element(self, register: Register, index: ir.Expr) -> tuple[ir.Expr, ir.Pointer]:
        """Look an element up: whether it exists, and where it is."""
        ctx = self.ctx
        entry = ctx.pointer(f"{register.map}_entry")
        inside = ctx.variable(f"{register.map}_inside", 1)
        ctx.assign(inside, build.FALSE)
        buffer = ir.Buffer(ctx.name("index"), 4)
        narrow = build.resize(index, _INDEX_BITS)
        with ctx.collect() as body:
            ctx.emit(ir.Store(buffer, 0, narrow, False, span=ctx.span))
            ctx.emit(ir.Lookup(entry, register.map, buffer, span=ctx.span))
            ctx.assign(inside, ir.Found(1, entry))
        lookup = ir.Scope(buffer, tuple(body), span=ctx.span)
        if index.width <= _INDEX_BITS:
            ctx.emit(lookup)
        else:
            limit = build.const(register.size, index.width)
            ctx.emit(ir.If(build.compare(Relation.LT, index, limit), (lookup,), (), span=ctx.span))
        return inside, entry

    @staticmethod
    def _index(tree: Tree) -> ir.Expr:
        """The index as a number; of a struct, its fields in order, the first most significant."""
        return tree if isinstance(tree, ir.Expr) else storage.pack(tree)

    def _receiver(self, call: model.Call) -> model.Instance:
        assert call.receiver is not None
        return self.parsers.calls.instance_of(call.receiver)

    def _read(self, node: ast.Call, call: model.Call) -> Tree:
        """Zeros where there is no such element."""
        ctx = self.ctx
        register = self.declare_register(self._receiver(call))
        index = ctx.keep(self._index(self.expressions.value(self.argument(call, 0))), "index")
        inside, entry = self._element(register, index)
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
        register = self.declare_register(self._receiver(call))
        index_tree, value = self.expressions.operands(self.argument(call, 0), self.argument(call, 1))
        inside, entry = self._element(register, self._index(index_tree))
        with ctx.collect() as body:
            for slot, leaf in zip(register.slots, storage.leaves(value), strict=True):
                whole = build.extend(leaf, 8 * slot.size)
                ctx.emit(ir.Store(entry, slot.offset, whole, False, span=ctx.span))
        ctx.emit(ir.If(inside, tuple(body), (), span=ctx.span))
