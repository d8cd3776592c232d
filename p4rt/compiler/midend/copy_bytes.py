# SPDX-License-Identifier: Apache-2.0
"""Fields that go into a buffer as they are in the packet, for a hash or a digest, are copied in words.

No field is then kept for that over the calls in between, and no bytes are swapped twice.
"""

from __future__ import annotations

from collections.abc import Iterator

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.packet_bits import Piece
from p4rt.compiler.midend.rewrite import Rewriter
from p4rt.compiler.midend.split_access import aligned_pieces


class CopyBytes(Rewriter):
    """Puts copies in the place of stores; `copied` are the bytes of each, by the `id` of the statement."""

    def __init__(self, copied: dict[int, Piece | None], pointer: ir.Pointer, otherwise: str) -> None:
        super().__init__()
        self._copied = copied
        self._pointer = pointer
        self._otherwise = otherwise

    def block(self, statements: ir.Block) -> ir.Block:
        """The block, with copies in it."""
        out: list[ir.Statement] = []
        run: list[tuple[ir.Store, Piece]] = []
        for statement in statements:
            piece = self._copied.get(id(statement))
            if isinstance(statement, ir.Store) and piece is not None:
                if run and not _follows(*run[-1], statement, piece):
                    out += self._copy(run)
                    run = []
                run.append((statement, piece))
            else:
                out += [*self._copy(run), self.with_children(statement)]
                run = []
        return (*out, *self._copy(run))

    def _copy(self, run: list[tuple[ir.Store, Piece]]) -> Iterator[ir.Statement]:
        """What does the same as a run of stores."""
        if not run:
            return
        first, start = run[0]
        size = sum(piece.width for _, piece in run) // 8
        at = build.const(start.start // 8, ir.WORD)
        yield ir.PacketPointer(self._pointer, at, size, self._otherwise, known=True, span=first.span)
        for offset, length in aligned_pieces(first.memory, first.offset, size):
            value = ir.Load(8 * length, self._pointer, offset - first.offset, False)
            yield ir.Store(first.memory, offset, value, False, span=first.span)


def _follows(before: ir.Store, there: Piece, store: ir.Store, piece: Piece) -> bool:
    """Does a store go on where the one before it ended, on both sides?"""
    return (
        before.memory == store.memory
        and before.offset + there.width // 8 == store.offset
        and there.start + there.width == piece.start
    )
