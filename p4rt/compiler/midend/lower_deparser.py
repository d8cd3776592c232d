# SPDX-License-Identifier: Apache-2.0
"""Lowering of the deparser: first it is found out which headers are emitted, then they are written.

The packet grows or shrinks at its head by the difference between what was parsed and what is emitted; the
payload never moves.
"""

from __future__ import annotations

from dataclasses import dataclass

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op, Relation
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.in_place import keeps_layout
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.lower_externs import Externs
from p4rt.compiler.midend.lower_parser import Parsers
from p4rt.compiler.midend.lower_statements import Statements
from p4rt.compiler.midend.storage import Record, Stack, Tree
from p4rt.compiler.source import Span

_Group = tuple[int, list[ir.Expr]]
"""Fields that fill bytes, and the offset of the first of these in the header."""


@dataclass(frozen=True, eq=False)
class _Emission:
    """An `emit` of one header; `happens` is one bit."""

    header: Record
    happens: ir.Expr
    size: int
    span: Span


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
        self._emissions: list[_Emission] = []
        self._shared: set[Record] = set()
        self._root: list[ir.Statement] | None = None

    def deparser(self, decl: ast.ControlDecl, headers: Tree) -> None:
        """The body of the deparser, in its frame, and the writing of the packet."""
        self._shared = set(_records(headers))
        jumps = any(isinstance(node, ast.Return | ast.Exit) for node in ast.walk(decl.body))
        self._root = None if jumps else self.ctx.out
        self.statements.control(decl)
        self.ctx.label(self.ctx.frame.return_label)
        self.ctx.label(self.ctx.frame.exit_label)
        if self._in_place():
            self._write_back()
        else:
            self._rebuild()

    def emit(self, node: ast.Call, call: model.Call) -> None:
        """`emit(x)`: every valid header in `x`, in order."""
        if self.statements.loops:
            raise storage.Unsupported("emit in a loop is")
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
        width = sum(leaf.width for leaf in storage.data_leaves(header))
        if width % 8:
            ctx.unsupported(node.span, f"a header of {width} bits, not a number of bytes, is")
        happens = header.valid
        if header not in self._shared:
            kept = ctx.keep_tree(header)
            assert isinstance(kept, Record) and kept.valid is not None
            header, happens = kept, kept.valid
        if ctx.out is not self._root:
            emitted = ctx.variable("emitted", 1)
            ctx.assign(emitted, happens)
            happens = emitted
        if width:
            self._emissions.append(_Emission(header, happens, width // 8, node.span))

    # ---- Writing

    def _in_place(self) -> bool:
        certain = all(
            item.happens is item.header.valid and item.header in self._shared for item in self._emissions
        )
        if not certain or self.parsers.moves_freely or self._root is None:
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
            pointer = ctx.pointer("written")
            changed, _ = self._groups(item.header)
            with ctx.at(item.span), ctx.collect() as body:
                ctx.emit(ir.PacketPointer(pointer, position, item.size, ctx.reject_label, span=ctx.span))
                self._store_groups(pointer, changed)
            if changed:
                ctx.emit(ir.If(item.happens, tuple(body), (), span=item.span))

    def _groups(self, header: Record) -> tuple[list[_Group], list[_Group]]:
        """Runs of fields that fill bytes: those that the program assigned to, and the others."""
        changed: list[_Group] = []
        unchanged: list[_Group] = []
        offset = 0
        for fields in _byte_groups(header):
            touched = any(not isinstance(leaf, ir.Var) or leaf.name in self.ctx.modified for leaf in fields)
            (changed if touched else unchanged).append((offset, fields))
            offset += sum(leaf.width for leaf in fields) // 8
        return changed, unchanged

    def _store_groups(self, pointer: ir.Pointer, groups: list[_Group]) -> None:
        for offset, fields in groups:
            self.externs.store_bits(pointer, offset, fields)

    def _rebuild(self) -> None:
        """Move the head by the difference in size, and write what is not in its place already."""
        ctx = self.ctx
        length = ctx.variable("emitted_length", ir.WORD)
        zero = build.const(0, ir.WORD)
        ctx.assign(length, zero)
        for item in self._emissions:
            size = build.const(item.size, ir.WORD)
            longer = ir.Assign(length, build.binary(Op.ADD, length, size), span=item.span)
            ctx.emit(ir.If(item.happens, (longer,), (), span=item.span))
        delta = ctx.keep(build.binary(Op.SUB, ctx.cursor, length), "delta")
        move = ir.MoveHead(delta, ctx.reject_label, span=ctx.span)
        ctx.emit(ir.If(build.compare(Relation.NE, delta, zero), (move,), (), span=ctx.span))
        at = ctx.variable("write_at", ir.WORD)
        ctx.assign(at, zero)
        for item in self._emissions:
            pointer = ctx.pointer("written")
            with ctx.at(item.span), ctx.collect() as body:
                ctx.emit(ir.PacketPointer(pointer, at, item.size, ctx.reject_label, span=ctx.span))
                self._write(item, pointer, at, delta)
                ctx.assign(at, build.binary(Op.ADD, at, build.const(item.size, ir.WORD)))
            ctx.emit(ir.If(item.happens, tuple(body), (), span=item.span))

    def _write(self, item: _Emission, pointer: ir.Pointer, at: ir.Expr, delta: ir.Expr) -> None:
        """Write a header at `pointer`; what was read from the same place and never assigned to is there."""
        ctx = self.ctx
        changed, unchanged = self._groups(item.header)
        position = self.parsers.positions.get(item.header)
        valid = item.header.valid
        if position is not None and isinstance(valid, ir.Var) and valid.name not in ctx.modified:
            stays = build.binary(Op.SUB, position, delta)
            with ctx.collect() as body:
                self._store_groups(pointer, unchanged)
            ctx.emit(ir.If(build.compare(Relation.NE, at, stays), tuple(body), (), span=ctx.span))
        else:
            self._store_groups(pointer, unchanged)
        self._store_groups(pointer, changed)


def _records(tree: Tree) -> list[Record]:
    match tree:
        case Record(fields):
            return [tree, *(record for item in fields.values() for record in _records(item))]
        case Stack(elements):
            return [record for element in elements for record in _records(element)]
    return []


def _byte_groups(header: Record) -> list[list[ir.Expr]]:
    """The fields of a header in runs that fill bytes."""
    groups: list[list[ir.Expr]] = []
    group: list[ir.Expr] = []
    for leaf in storage.data_leaves(header):
        group.append(leaf)
        if sum(item.width for item in group) % 8 == 0:
            groups.append(group)
            group = []
    return groups
