# SPDX-License-Identifier: Apache-2.0
"""Pass: make every memory access one of 1, 2, 4 or 8 bytes.

A 48-bit load becomes one of 8 bytes where a header has two more of them in front or behind, else one of 4 and
one of 2 bytes; so also where the value only moves, for then no bytes are swapped.  Accesses to buffers, whose
alignment is known, are also cut so that each piece is aligned.  Runs after `split_wide`.
"""

from __future__ import annotations

from itertools import count

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.rewrite import Rewriter


def split_access(block: ir.Block) -> ir.Block:
    """`block` with loads and stores of 1, 2, 4 and 8 bytes only."""
    return _SplitAccess(_sizes(block), _moved(block)).block(block)


def _sizes(block: ir.Block) -> dict[str, int]:
    """How many bytes there are at each pointer into the packet, at least."""
    sizes: dict[str, int] = {}
    for statement in ir.walk(block):
        if isinstance(statement, ir.PacketPointer):
            name = statement.pointer.name
            sizes[name] = min(statement.size, sizes.get(name, statement.size))
    return sizes


def aligned_pieces(memory: ir.Memory, offset: int, size: int) -> list[tuple[int, int]]:
    """(offset, size) of the accesses that cover the bytes, in ascending order."""
    result = []
    while size:
        piece = 8
        while piece > size or (isinstance(memory, ir.Buffer) and offset % piece):
            piece //= 2
        result.append((offset, piece))
        offset, size = offset + piece, size - piece
    return result


def _moved(block: ir.Block) -> set[str]:
    """Variables whose value only goes to where it is stored as it was loaded."""
    moved: set[str] = set()
    copies: list[tuple[str, str]] = []
    other: set[str] = set()
    for statement in ir.walk(block):
        match statement:
            case ir.Assign(ir.Var(_, target), ir.Var(_, name)):
                copies.append((target, name))
                moved.add(name)
            case ir.Store(value=ir.Var(_, name), big_endian=True):
                moved.add(name)
            case _:
                other.update(ir.names_read(statement))
    while True:
        gone = {name for target, name in copies if target in other or target not in moved}
        if gone <= other:
            return moved - other
        other |= gone


class _SplitAccess(Rewriter):
    def __init__(self, sizes: dict[str, int], moved: set[str]) -> None:
        super().__init__()
        self._sizes = sizes
        self._moved = moved
        self._moves = False
        self._serial = count()

    def statement(self, statement: ir.Statement) -> None:
        """Cut stores."""
        if not isinstance(statement, ir.Store):
            self._moves = isinstance(statement, ir.Assign) and statement.target.name in self._moved
            super().statement(statement)
            return
        self._moves = False
        size = statement.value.width // 8
        pieces = aligned_pieces(statement.memory, statement.offset, size)
        value = self.expr(statement.value)
        if len(pieces) > 1 and not isinstance(value, ir.Const | ir.Var):
            kept = ir.Var(value.width, f"s_{next(self._serial)}")
            self.emit(ir.Assign(kept, value, span=self.span))
            value = kept
        for offset, length in pieces:
            done = offset - statement.offset
            low = size - done - length if statement.big_endian else done
            part = build.bits(value, 8 * low, 8 * length)
            self.emit(ir.Store(statement.memory, offset, part, statement.big_endian, span=self.span))

    def expr(self, expr: ir.Expr) -> ir.Expr:
        """Cut loads."""
        if not isinstance(expr, ir.Load):
            return super().expr(expr)
        wider = None if self._moves else self._wider(expr)
        if wider is not None:
            return wider
        parts: list[ir.Expr] = [
            ir.Load(8 * length, expr.memory, offset, expr.big_endian)
            for offset, length in aligned_pieces(expr.memory, expr.offset, expr.width // 8)
        ]
        return build.concat_all(parts if expr.big_endian else parts[::-1])

    def _wider(self, expr: ir.Load) -> ir.Expr | None:
        """A load of 3, 5, 6 or 7 bytes as a part of one of 4 or 8, if the memory has as many."""
        size = expr.width // 8
        whole = 4 if size <= 4 else 8
        there = self._sizes.get(expr.memory.name, 0)
        if size in (1, 2, 4, 8) or there < whole:
            return None
        start = min(expr.offset, there - whole)
        behind = start + whole - expr.offset - size
        if behind < 0:  # The pointer is used for less than it was checked for elsewhere.
            return None
        low = behind if expr.big_endian else expr.offset - start
        return build.bits(ir.Load(8 * whole, expr.memory, start, expr.big_endian), 8 * low, expr.width)
