# SPDX-License-Identifier: Apache-2.0
"""Pass: write the keys of lookups in whole words of 8 bytes.

The engine reads keys word by word.  A word that was written in pieces just before cannot be forwarded from
the processor's store buffer, which costs more than the rest of a lookup.  Runs after `split_access`.
"""

from __future__ import annotations

from collections.abc import Iterable

from p4rt.compiler.backend import build, ir
from p4rt.compiler.records import replace

_BY_WORDS = (ir.MapType.HASH, ir.MapType.TERNARY)
_WORD_BYTES = ir.WORD // 8


def join_stores(block: ir.Block, maps: Iterable[ir.Map]) -> ir.Block:
    """`block` with the pieces of each word of a key in one store."""
    return _Join({item.name for item in maps if item.type in _BY_WORDS}).block(block)


class _Join:
    def __init__(self, maps: set[str]) -> None:
        self._maps = maps

    def block(self, block: ir.Block) -> ir.Block:
        """The block, rewritten."""
        out: list[ir.Statement] = []
        for statement in block:
            match statement:
                case ir.If(then=then, other=other):
                    statement = replace(statement, then=self.block(then), other=self.block(other))
                case ir.Switch(cases=cases, default=default):
                    arms = tuple(ir.Case(case.values, self.block(case.body)) for case in cases)
                    statement = replace(statement, cases=arms, default=self.block(default))
                case ir.Scope(buffer=buffer, body=body):
                    statement = replace(statement, body=self._scope(buffer, self.block(body)))
            out.append(statement)
        return tuple(out)

    def _scope(self, buffer: ir.Buffer, body: ir.Block) -> ir.Block:
        """The body of a scope, in which a lookup in a map may use the buffer."""
        *front, last = body if body else (None,)
        if not isinstance(last, ir.Lookup) or last.key != buffer or last.map not in self._maps:
            return body
        stores: list[ir.Store] = []
        others: list[ir.Statement] = []
        for statement in front:
            if isinstance(statement, ir.Store) and statement.memory == buffer:
                stores.append(statement)
            elif isinstance(statement, ir.Assign | ir.PacketPointer) and not _changes(statement, stores):
                others.append(statement)
            else:
                return body
        return (*others, *_joined(stores), last)


def _changes(statement: ir.Assign | ir.PacketPointer, stores: list[ir.Store]) -> bool:
    """Would stores put behind a statement store something else?"""
    if isinstance(statement, ir.PacketPointer):
        return any(_loads(store.value) for store in stores)
    return any(statement.target.name in ir.variables(store.value) for store in stores)


def _loads(expr: ir.Expr) -> bool:
    return isinstance(expr, ir.Load) or any(_loads(operand) for operand in ir.operands(expr))


def _joined(stores: list[ir.Store]) -> list[ir.Store]:
    """The stores with those of each word that they fill made one."""
    words: dict[int, list[ir.Store]] = {}
    for store in stores:
        words.setdefault(store.offset // _WORD_BYTES, []).append(store)
    result: list[ir.Store] = []
    for number, pieces in sorted(words.items()):
        filled = {piece.offset + byte for piece in pieces for byte in range(piece.value.width // 8)}
        sizes = sum(piece.value.width // 8 for piece in pieces)
        if len(pieces) == 1 or len(filled) != _WORD_BYTES or sizes != _WORD_BYTES:
            result += pieces
            continue
        pieces.sort(key=lambda piece: -piece.offset)
        values = [build.swap(piece.value) if piece.big_endian else piece.value for piece in pieces]
        whole = build.concat_all(values)
        result.append(replace(pieces[0], offset=_WORD_BYTES * number, value=whole, big_endian=False))
    return result
