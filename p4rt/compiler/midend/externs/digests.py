# SPDX-License-Identifier: Apache-2.0
"""Digest<T>: a ring of records to the control plane; a record is a value of T in the natural layout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.extern_catalog import Digest
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout, storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.family import Family

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions

DEFAULT_SIZE = 1024
"""Records that a ring keeps, where no `@size` says how many."""
_MAX_SIZE = 1 << 20
_MAX_RECORD = 2048
"""Bytes; a record is put together on the stack."""


class Digests(Family):
    """Digests of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self._known: dict[model.Instance, Digest] = {}
        self.objects = {"Digest": self.declare}
        self.methods = {("Digest", "pack"): self._pack}

    def declare(self, instance: model.Instance) -> Digest:
        """The digest's ring, made at the first call."""
        known = self._known.get(instance)
        if known is not None:
            return known
        type_ = self.type_argument(instance, 0)
        slots, end = layout.natural(layout.flatten(type_, "", self.ctx.checked.errors))
        value_size = max(layout.padded(end), 8)
        if value_size > _MAX_RECORD:
            self.ctx.refuse(
                instance.span, f"a digest of {value_size} bytes; the most is {_MAX_RECORD}"
            )
        name = self.ctx.name(instance.path)
        size = self._size(instance)
        digest = Digest(instance.path, instance.source, name, size, value_size, tuple(slots), type_)
        self.ctx.catalog.digests.append(digest)
        self.ctx.catalog.maps.append(ir.Map(name, ir.MapType.RING, 8, value_size, size))
        self._known[instance] = digest
        return digest

    def _size(self, instance: model.Instance) -> int:
        note = ast.annotation(instance.source, "size")
        if note is None:
            return DEFAULT_SIZE
        size = note.exprs[0].value if note.exprs and isinstance(note.exprs[0], ast.IntLit) else 0
        if not 0 < size <= _MAX_SIZE or size & (size - 1):
            self.ctx.refuse(note.span, f"the size of a digest is a power of two up to {_MAX_SIZE}")
        return size

    def _pack(self, node: ast.Call, call: model.Call) -> None:
        ctx = self.ctx
        digest = self.declare(self.receiver(call))
        value = self.expressions.value(self.argument(call, 0))
        buffer = ir.Buffer(ctx.name("record"), digest.value_size)
        with ctx.collect() as body:
            for slot, leaf in zip(digest.slots, storage.data_leaves(value), strict=True):
                whole = build.extend(leaf, 8 * slot.size)
                ctx.emit(ir.Store(buffer, slot.offset, whole, False, span=ctx.span))
            for offset, size in layout.gaps(list(digest.slots), digest.value_size):
                ctx.emit(ir.Store(buffer, offset, build.const(0, 8 * size), False, span=ctx.span))
            arguments = (
                ir.MapAddress(ir.WORD, digest.map),
                ir.MemoryAddress(ir.WORD, buffer, 0),
                build.const(digest.value_size, ir.WORD),
            )
            ctx.emit(ir.FunctionCall(None, "ring_output", arguments, span=ctx.span))
        ctx.emit(ir.Scope(buffer, tuple(body), span=ctx.span))
