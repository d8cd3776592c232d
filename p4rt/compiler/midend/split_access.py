# SPDX-License-Identifier: Apache-2.0
"""Pass: make every memory access one of 1, 2, 4 or 8 bytes.

A 48-bit load becomes one of 4 and one of 2 bytes.  Accesses to buffers, whose alignment is known, are also
cut so that each piece is aligned.  Runs after `split_wide`.
"""

from __future__ import annotations

from itertools import count

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.rewrite import Rewriter


def split_access(block: ir.Block) -> ir.Block:
    """`block` with loads and stores of 1, 2, 4 and 8 bytes only."""
    return _SplitAccess().block(block)


def _pieces(memory: ir.Memory, offset: int, size: int) -> list[tuple[int, int]]:
    """(offset, size) of the accesses that cover the bytes, in ascending order."""
    result = []
    while size:
        piece = 8
        while piece > size or (isinstance(memory, ir.Buffer) and offset % piece):
            piece //= 2
        result.append((offset, piece))
        offset, size = offset + piece, size - piece
    return result


class _SplitAccess(Rewriter):
    def __init__(self) -> None:
        super().__init__()
        self._serial = count()

    def statement(self, statement: ir.Statement) -> None:
        """Cut stores."""
        if not isinstance(statement, ir.Store):
            super().statement(statement)
            return
        size = statement.value.width // 8
        pieces = _pieces(statement.memory, statement.offset, size)
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
        parts: list[ir.Expr] = [
            ir.Load(8 * length, expr.memory, offset, expr.big_endian)
            for offset, length in _pieces(expr.memory, expr.offset, expr.width // 8)
        ]
        return build.concat_all(parts if expr.big_endian else parts[::-1])
