# SPDX-License-Identifier: Apache-2.0
"""Writes the headers of a packet of one shape: what moves as it is in words, then what is new.

Offsets are of the longer of the two packets, that which arrived and that which leaves: the head is moved
before anything is written where it grows, and after that where it shrinks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.fold import fold_expr
from p4rt.compiler.midend.moves import Move, in_order, words
from p4rt.compiler.midend.packet_bits import Facts, Piece, Place, bits_of
from p4rt.compiler.records import record, replace
from p4rt.compiler.source import Span

Part = Piece | ir.Expr
"""Bits of the packet that leaves: a piece of the one that arrived, or a value."""


@record
class Tools:
    """What the code for all shapes shares."""

    pointer: ir.Pointer
    """Used for nothing else."""
    otherwise: str
    """Where to go when the head cannot be moved."""
    whole: str
    """Where the code for all shapes is."""
    word: Callable[[int, int], ir.Var]
    """A variable of a number and a width, used for nothing else."""
    span: Span


@record
class _Fresh:
    """Bytes from `target` on that are made of parts."""

    target: int
    parts: tuple[Part, ...]

    @property
    def size(self) -> int:
        return sum(part.width for part in self.parts) // 8

    @property
    def is_number(self) -> bool:
        return all(isinstance(part, ir.Const) for part in self.parts)

    def reads(self) -> Iterator[tuple[int, int]]:
        """First byte and end of what it reads of the packet."""
        for part in self.parts:
            if isinstance(part, Piece):
                yield part.start // 8, (part.start + part.width + 7) // 8


def write_head(
    cursor: ir.Var, fields: Sequence[ir.Expr], facts: Facts, tools: Tools
) -> tuple[ir.Statement, ...] | None:
    """Code that puts `fields` in the place of what was parsed of the packet, up to `cursor`.

    Where only the packet tells how much that is, the code is for packets whose size does not change, and goes
    to `tools.whole` with others.  None: nothing is known of how much it is.
    """
    place = facts.place(fold_expr(cursor, facts.values))
    if place is None:
        return None
    base, parsed = place
    size = sum(field.width for field in fields) // 8
    start = {"": 0}
    code: list[ir.Statement] = []
    if base:
        start[base], parsed = size - parsed, size
        other = build.compare(ir.Relation.NE, cursor, build.const(size, ir.WORD))
        again = _read_again(cursor, place, fields, facts, tools)
        code.append(ir.If(other, (*again, ir.Goto(tools.whole)), ()))
    code += _write(parsed, size, list(_grown(_parts(fields, facts, start))), tools)
    return tuple(replace(statement, span=tools.span) for statement in code)


def _read_again(
    cursor: ir.Var, end: Place, fields: Iterable[ir.Expr], facts: Facts, tools: Tools
) -> Iterator[ir.Statement]:
    """Loads of all fields that are as in the packet, so that none is kept for what hardly ever happens."""
    found: dict[str, list[tuple[ir.Var, Piece]]] = {"": [], end[0]: []}
    for field in fields:
        pieces = bits_of(field, facts) or ()
        if isinstance(field, ir.Var) and len(pieces) == 1 and pieces[0].start >= 0:
            found.setdefault(pieces[0].base, []).append((field, pieces[0]))
    for base in ("", end[0]):
        if not found[base]:
            continue
        first = min(piece.start // 8 for _, piece in found[base])
        stop = max(piece.start + piece.width + 7 for _, piece in found[base]) // 8
        offset: ir.Expr = build.const(first, ir.WORD)
        if base:
            offset = build.binary(ir.Op.ADD, cursor, build.const(first - end[1], ir.WORD))
        yield ir.PacketPointer(
            tools.pointer, offset, stop - first, tools.otherwise, known=True, opaque=bool(base)
        )
        for field, piece in found[base]:
            there = Piece(piece.width, piece.start - 8 * first)
            yield ir.Assign(field, _bits(there, tools.pointer))


def _bits(piece: Piece, pointer: ir.Pointer) -> ir.Expr:
    """A piece of what is at a pointer."""
    first, end = piece.start // 8, (piece.start + piece.width + 7) // 8
    loaded = ir.Load(8 * (end - first), pointer, first, True)
    return build.bits(loaded, 8 * end - piece.start - piece.width, piece.width)


def _write(parsed: int, size: int, content: list[Part], tools: Tools) -> list[ir.Statement]:
    """Code that puts `content`, of `size` bytes, in the place of the first `parsed` bytes of the packet."""
    delta = parsed - size
    forth, back = max(delta, 0), max(-delta, 0)
    moved = [
        part._replace(start=part.start + 8 * back) if isinstance(part, Piece) else part for part in content
    ]
    moves, fresh = _arrange(moved, forth)
    code = _Code(tools, words(moves), _joined(fresh)).statements()
    move_head = ir.MoveHead(build.const(delta, ir.WORD), tools.otherwise)
    return [*[move_head][: delta < 0], *code, *[move_head][: delta > 0]]


def _parts(fields: Iterable[ir.Expr], facts: Facts, start: dict[str, int]) -> Iterator[Part]:
    """What the fields are made of; `start` are the bytes that variables point to."""
    for field in fields:
        pieces = bits_of(field, facts)
        if pieces is None or any(piece.base not in start for piece in pieces):
            value = facts.values.get(field.name) if isinstance(field, ir.Var) else None
            yield field if value is None else build.const(value, field.width)
            continue
        for piece in pieces:
            if piece.start >= 0:
                yield Piece(piece.width, piece.start + 8 * start[piece.base])
            else:
                yield build.const(piece.value, piece.width)


def _grown(content: Iterable[Part]) -> Iterator[Part]:
    """Pieces that follow each other in both packets made one."""
    last: Piece | None = None
    for part in content:
        if last is not None and isinstance(part, Piece) and last.start + last.width == part.start:
            last = last._replace(width=last.width + part.width)
            continue
        if last is not None:
            yield last
        last = part if isinstance(part, Piece) else None
        if last is None:
            yield part
    if last is not None:
        yield last


def _arrange(content: Iterable[Part], start: int) -> tuple[list[Move], list[_Fresh]]:
    """What moves and what is made, in the shortest runs of bytes; nothing for what stays."""
    moves: list[Move] = []
    fresh: list[_Fresh] = []
    at, group = 8 * start, list[Part]()
    for part in _at_bytes(content):
        if isinstance(part, Piece) and not group and part.width % 8 == 0 and (part.start - at) % 8 == 0:
            move = Move(at // 8, part.start // 8, part.width // 8)
            if moves and _follows(moves[-1], move):
                moves[-1] = replace(moves[-1], size=moves[-1].size + move.size)
            elif move.target != move.source:
                moves.append(move)
        else:
            group.append(part)
            width = sum(item.width for item in group)
            if width % 8 == 0:
                fresh.append(_Fresh((at + part.width - width) // 8, tuple(group)))
                group = []
        at += part.width
    return moves, fresh


def _follows(before: Move, move: Move) -> bool:
    """Does it go on where the one before it ended?"""
    return before.target + before.size == move.target and before.source + before.size == move.source


def _at_bytes(content: Iterable[Part]) -> Iterator[Part]:
    """Pieces and numbers cut where they enter or leave whole bytes."""
    at = 0
    for part in content:
        left = part.width
        if isinstance(part, Piece | ir.Const):
            for width in (-at % 8, part.width - (-at % 8) & ~7):
                if 0 < width < left:
                    yield _cut(part, left - width, width)
                    left -= width
        yield _cut(part, 0, left) if left < part.width else part
        at += part.width


def _cut(part: Part, low: int, width: int) -> Part:
    if isinstance(part, Piece):
        return Piece(width, part.start + part.width - low - width)
    return build.bits(part, low, width)


def _joined(fresh: list[_Fresh]) -> list[_Fresh]:
    """Runs of numbers as one; and what does not fill a word together with what follows, where that helps."""
    result: list[_Fresh] = []
    rest = fresh[::-1]
    while rest:
        run = rest.pop()
        taken: list[_Fresh] = []
        while rest and rest[-1].target == run.target + run.size + sum(item.size for item in taken):
            size = run.size + sum(item.size for item in taken)
            if run.is_number and rest[-1].is_number and not taken:
                run = _Fresh(run.target, run.parts + rest.pop().parts)
            elif not run.is_number and size in (3, 5, 6, 7) and size + rest[-1].size <= 8:
                taken.append(rest.pop())
            else:
                break
        if taken and run.size + sum(item.size for item in taken) in (4, 8):
            run = _Fresh(run.target, run.parts + tuple(part for item in taken for part in item.parts))
        else:
            rest += reversed(taken)
        result.append(run)
    return result


class _Code:
    """The statements that move and store."""

    def __init__(self, tools: Tools, moves: list[Move], fresh: list[_Fresh]) -> None:
        self._tools = tools
        self._moves = moves
        self._fresh = fresh
        self._read: dict[Move, ir.Var] = {}
        self._out: list[ir.Statement] = []
        self._n_words = 0

    def statements(self) -> list[ir.Statement]:
        """All of them, behind the pointer that they use."""
        if not self._moves and not self._fresh:
            return []
        ends = [end for move in self._moves for end in (move.target + move.size, move.source + move.size)]
        for item in self._fresh:
            ends += [item.target + item.size, *(end for _, end in item.reads())]
        there = ir.PacketPointer(
            self._tools.pointer, build.const(0, ir.WORD), max(ends), self._tools.otherwise, known=True
        )
        self._out.append(there)
        values = [(item, self._value(item)) for item in self._fresh]
        for move, only_read in in_order(self._moves):
            self._move(move, only_read)
        for item, value in values:
            self._store(item.target, value)
        return self._out

    def _word(self, value: ir.Expr) -> ir.Var:
        kept = self._tools.word(self._n_words, value.width)
        self._n_words += 1
        self._out.append(ir.Assign(kept, value))
        return kept

    def _move(self, move: Move, only_read: bool) -> None:
        read: ir.Expr | None = self._read.get(move)
        if read is None:
            read = ir.Load(8 * move.size, self._tools.pointer, move.source, False)
            if only_read:
                self._read[move] = self._word(read)
        if not only_read:
            self._out.append(ir.Store(self._tools.pointer, move.target, read, False))

    def _value(self, item: _Fresh) -> ir.Expr:
        """What is stored; read now where that could be overwritten before."""
        pointer = self._tools.pointer
        parts = [_bits(part, pointer) if isinstance(part, Piece) else part for part in item.parts]
        value = build.concat_all(parts)
        return self._word(value) if any(self._is_written(*read) for read in item.reads()) else value

    def _is_written(self, start: int, end: int) -> bool:
        written = [(move.target, move.size) for move in self._moves]
        written += [(item.target, item.size) for item in self._fresh]
        return any(start < target + size and target < end for target, size in written)

    def _store(self, target: int, value: ir.Expr) -> None:
        """Numbers in words, other values whole."""
        size = value.width // 8
        done = 0
        while isinstance(value, ir.Const) and size - done > 0:
            length = 1 << min((size - done).bit_length() - 1, 3)
            part = build.bits(value, 8 * (size - done - length), 8 * length)
            self._out.append(ir.Store(self._tools.pointer, target + done, part, True))
            done += length
        if done == 0:
            self._out.append(ir.Store(self._tools.pointer, target, value, True))
