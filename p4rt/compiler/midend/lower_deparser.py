# SPDX-License-Identifier: Apache-2.0
"""Lowering of the deparser: first it is found out which headers are emitted, then they are written.

The packet grows or shrinks at its head by the difference between what was parsed and what is emitted; the
payload never moves.
"""

from __future__ import annotations

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op, Relation
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage, varbits
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.home import Home
from p4rt.compiler.midend.in_place import keeps_layout
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.lower_externs import Externs
from p4rt.compiler.midend.lower_parser import Parsers
from p4rt.compiler.midend.lower_statements import Statements
from p4rt.compiler.midend.split_shapes import Deparsing, Emitted
from p4rt.compiler.midend.storage import Record, Stack, Tree
from p4rt.compiler.records import record
from p4rt.compiler.source import Span

MAX_EMISSIONS = 512
"""Headers that a deparser may emit, loops unrolled: what each costs grows with their number."""


@record(eq=False)
class _Emission:
    """An `emit` of one header; `happens` is one bit."""

    header: Record
    happens: ir.Expr
    parts: storage.PacketParts
    span: Span

    @property
    def size(self) -> ir.Expr:
        """Bytes in the packet."""
        fixed = build.const(self.parts.fixed_size, ir.WORD)
        return fixed if self.parts.varbit is None else varbits.add(self.parts.varbit.size, fixed)


class Deparser:
    """The deparser of one program."""

    def __init__(
        self,
        ctx: Context,
        expressions: Expressions,
        externs: Externs,
        parsers: Parsers,
        statements: Statements,
    ) -> None:
        self.ctx = ctx
        self.expressions = expressions
        self.externs = externs
        self.parsers = parsers
        self.statements = statements
        externs.deparser = self
        self.homes: list[Home] = []
        """Of the headers that stay where they were read, when all do."""
        self.deparsing: Deparsing | None = None
        """What writes the packet, when they do not."""
        self._emissions: list[_Emission] = []
        self._shared: set[Record] = set()
        self._root: list[ir.Statement] | None = None

    def deparser(self, decl: ast.ControlDecl, headers: Tree) -> None:
        """The body of the deparser, in its frame, and the writing of the packet."""
        self._shared = set(_records(headers))
        self._root = self.ctx.out
        self.statements.control(decl)
        self.ctx.label(self.ctx.frame.return_label)
        self.ctx.label(self.ctx.frame.exit_label)
        if self._in_place():
            self._write_back()
        else:
            self._rebuild()

    def emit(self, node: ast.Call, call: model.Call) -> None:
        """`emit(x)`: every valid header in `x`, in order."""
        argument = self.externs.argument(call, 0)
        if isinstance(argument, ast.Name | ast.Member | ast.Index):
            tree = self.expressions.lvalue(argument).read()
        else:
            tree = self.expressions.value(argument)
        self._emit(tree, node)

    def _emit(self, tree: Tree, node: ast.Call) -> None:
        match tree:
            case Record(fields, None):
                for item in fields.values():
                    self._emit(item, node)
            case Stack(elements):
                for element in elements:
                    self._emit(element, node)
            case Record():
                self._emit_header(tree, node)
            case _:
                self.ctx.unsupported(node.span, "emitting anything but headers is")

    def _emit_header(self, header: Record, node: ast.Call) -> None:
        ctx = self.ctx
        assert header.valid is not None
        happens = header.valid
        if header not in self._shared:
            kept = ctx.keep_tree(header)
            assert isinstance(kept, Record) and kept.valid is not None
            header, happens = kept, kept.valid
        if ctx.out is not self._root or ctx.may_be_skipped:
            emitted = ctx.variable("emitted", 1)
            ctx.assign(emitted, happens)
            happens = emitted
        parts = storage.packet_parts(header, "a header")
        if parts.fixed_size or parts.varbit is not None:
            if len(self._emissions) == MAX_EMISSIONS:
                message = f"the deparser emits more than {MAX_EMISSIONS} headers"
                ctx.checked.diagnostics.fatal("too-complex", node.span, message)
            self._emissions.append(_Emission(header, happens, parts, node.span))

    # ---- Writing

    def _in_place(self) -> bool:
        certain = all(
            item.happens is item.header.valid and item.header in self._shared for item in self._emissions
        )
        if not certain or self.parsers.moves_freely:
            return False
        emitted = [item.header for item in self._emissions]
        return keeps_layout(self.parsers.extractions, self.parsers.edges, emitted, self.ctx.modified)

    def _write_back(self) -> None:
        """Write the fields that the program assigned to where they were read from."""
        ctx = self.ctx
        for item in self._emissions:
            position = self.parsers.positions.get(item.header)
            if position is None:
                continue
            with ctx.at(item.span), ctx.collect() as body:
                front = self._front(item, position)
                self._store(item, front, position, changed=True)
            self._add_home(item, front, position)
            if any(isinstance(statement, ir.Store) for statement in body):
                ctx.emit(ir.If(item.happens, tuple(body), (), span=item.span))

    def _add_home(self, item: _Emission, written: ir.Pointer, position: ir.Var) -> None:
        """Tell later passes where a header's fields are, if their places are fixed."""
        leaves, valid = item.parts.before, item.header.valid
        if item.parts.varbit is not None or not isinstance(valid, ir.Var):
            return
        fields = [leaf for leaf in leaves if isinstance(leaf, ir.Var)]
        if len(fields) == len(leaves):
            pointer, otherwise = self.ctx.pointer("home"), self.ctx.reject_label
            home = Home(valid, position, tuple(fields), written, pointer, otherwise, self.ctx.floating)
            self.homes.append(home)

    def _rebuild(self) -> None:
        """Move the head by the difference in size, and write what is not in its place already."""
        ctx = self.ctx
        begin, end = ctx.name("deparse"), ctx.name("deparsed")
        ctx.label(begin)
        emitted = tuple(
            Emitted(item.happens, tuple(item.parts.before) if item.parts.varbit is None else None)
            for item in self._emissions
        )
        self.deparsing = Deparsing(
            begin, end, emitted, ctx.cursor_variable, ctx.reject_label, ctx.name, ctx.span
        )
        length = ctx.variable("emitted_length", ir.WORD)
        zero = build.const(0, ir.WORD)
        ctx.assign(length, zero)
        for item in self._emissions:
            longer = ir.Assign(length, varbits.add(length, item.size), span=item.span)
            ctx.emit(ir.If(item.happens, (longer,), (), span=item.span))
        delta = ctx.keep(build.binary(Op.SUB, ctx.cursor, length), "delta")
        move = ir.MoveHead(delta, ctx.reject_label, span=ctx.span)
        ctx.emit(ir.If(build.compare(Relation.NE, delta, zero), (move,), (), span=ctx.span))
        at = ctx.variable("write_at", ir.WORD)
        ctx.assign(at, zero)
        for item in self._emissions:
            with ctx.at(item.span), ctx.collect() as body:
                self._write(item, at, delta)
                ctx.assign(at, varbits.add(at, item.size))
            ctx.emit(ir.If(item.happens, tuple(body), (), span=item.span))
        ctx.label(end)

    def _write(self, item: _Emission, at: ir.Expr, delta: ir.Expr) -> None:
        """Write a header at `at`; what was read from the same place and never assigned to is there."""
        ctx = self.ctx
        front = self._front(item, at)
        position = self.parsers.positions.get(item.header)
        valid = item.header.valid
        if position is not None and isinstance(valid, ir.Var) and valid.name not in ctx.modified:
            stays = build.binary(Op.SUB, position, delta)
            with ctx.collect() as body:
                self._store(item, front, at, changed=False)
            ctx.emit(ir.If(build.compare(Relation.NE, at, stays), tuple(body), (), span=ctx.span))
        else:
            self._store(item, front, at, changed=False)
        self._store(item, front, at, changed=True)

    def _front(self, item: _Emission, at: ir.Expr) -> ir.Pointer:
        """A pointer to a header at `at`."""
        pointer = self.ctx.pointer("written")
        self.ctx.point(pointer, at, storage.bytes_of(item.parts.before), known=True)
        return pointer

    def _store(self, item: _Emission, front: ir.Pointer, at: ir.Expr, *, changed: bool) -> None:
        """Store what the program assigned to, or what it did not; where a varbit is in another length, all
        that follows it is in another place, and counts as assigned to."""
        ctx, parts = self.ctx, item.parts
        self._store_groups(front, parts.before, changed, False)
        if parts.varbit is None:
            return
        moved = self._is_modified(list(storage.leaves(parts.varbit)))
        start = ctx.keep(varbits.add(at, storage.bytes_of(parts.before)), "varbit_at")
        if moved == changed:
            varbits.write(ctx, start, parts.varbit)
        back = ctx.pointer("written_rest")
        ctx.point(back, varbits.add(start, parts.varbit.size), storage.bytes_of(parts.after), known=True)
        self._store_groups(back, parts.after, changed, moved)

    def _store_groups(self, pointer: ir.Pointer, leaves: list[ir.Expr], changed: bool, moved: bool) -> None:
        """Store the runs of fields that fill bytes and were assigned to, or the others."""
        offset = 0
        for fields in _byte_groups(leaves):
            if (moved or self._is_modified(fields)) == changed:
                self.externs.store_bits(pointer, offset, fields)
            offset += storage.bytes_of(fields)

    def _is_modified(self, leaves: list[ir.Expr]) -> bool:
        """Did the program assign to one of these?"""
        return any(not isinstance(leaf, ir.Var) or leaf.name in self.ctx.modified for leaf in leaves)


def _records(tree: Tree) -> list[Record]:
    match tree:
        case Record(fields):
            return [tree, *(record for item in fields.values() for record in _records(item))]
        case Stack(elements):
            return [record for element in elements for record in _records(element)]
    return []


def _byte_groups(leaves: list[ir.Expr]) -> list[list[ir.Expr]]:
    """Fields in runs that fill bytes."""
    groups: list[list[ir.Expr]] = []
    group: list[ir.Expr] = []
    for leaf in leaves:
        group.append(leaf)
        if sum(item.width for item in group) % 8 == 0:
            groups.append(group)
            group = []
    return groups
