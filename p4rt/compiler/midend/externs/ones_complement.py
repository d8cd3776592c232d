# SPDX-License-Identifier: Apache-2.0
"""Sums in one's complement (RFC 1071) of the bits of values, in 64-bit arithmetic.

A sum of 32-bit words, folded, is congruent to that of their 16-bit halves: so half of the additions do.
"""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.storage import Record, Stack, Tree, Varbit

_HALF = 16
_PIECE = 32


def words_of(data: Tree, *, fill: bool = False) -> list[ir.Expr]:
    """The bits of `data` in order, as words of 32 bits and sometimes 16; with `fill`, zeros at the end.

    A varbit must begin at a multiple of 16 bits, and counts as if it had one.

    Raises:
        Unsupported: the bits do not make words of 16.
    """
    words: list[ir.Expr] = []
    group: list[ir.Expr] = []
    for part in _parts(data):
        if isinstance(part, Varbit):
            words += _cut(group, fill=False)
            group = []
            for word in part.words:
                words += _cut([word], fill=False)
        else:
            group.append(part)
    return words + _cut(group, fill=fill)


def _parts(data: Tree) -> list[ir.Expr | Varbit]:
    match data:
        case Record(fields):
            return [part for item in fields.values() for part in _parts(item)]
        case Stack(elements):
            return [part for item in elements for part in _parts(item)]
        case _:
            return [data]


def _cut(parts: Sequence[ir.Expr], *, fill: bool) -> list[ir.Expr]:
    """The bits of `parts` as words of 32 bits, the last of 16 where they end so."""
    width = sum(part.width for part in parts)
    spare = -width % _HALF
    if spare and not fill:
        raise storage.Unsupported(f"a checksum of {width} bits, which are no words of 16, is")
    bits = [*parts, build.const(0, spare)] if spare else list(parts)
    words: list[ir.Expr] = []
    pending: list[ir.Expr] = []
    have = 0
    for part in bits:
        position = part.width
        while position:
            take = min(position, _PIECE - have)
            position -= take
            pending.append(build.bits(part, position, take))
            have += take
            if have == _PIECE:
                words.append(build.concat_all(pending))
                pending, have = [], 0
    if pending:
        words.append(build.concat_all(pending))
    return words


def ones_complement_sum(ctx: Context, words: Sequence[ir.Expr]) -> ir.Expr:
    """The sum of 32- and 16-bit words, folded to 16 bits."""
    total: ir.Expr = build.const(0, ir.WORD)
    for word in words:
        total = build.binary(Op.ADD, total, build.extend(word, ir.WORD))
    total = ctx.keep(total, "sum")
    if any(word.width > _HALF for word in words):
        low, high = build.bits(total, 0, _PIECE), build.bits(total, _PIECE, _PIECE)
        total = ctx.keep(_add(low, high), "sum")
        top = build.bits(total, _PIECE, _HALF)
        total = build.binary(Op.ADD, _halves(total), build.extend(top, ir.WORD))
    else:
        total = _halves(total)
    total = ctx.keep(total, "sum")
    return build.bits(ctx.keep(_halves(total), "sum"), 0, _HALF)


def _halves(total: ir.Expr) -> ir.Expr:
    return _add(build.bits(total, 0, _HALF), build.bits(total, _HALF, _HALF))


def _add(low: ir.Expr, high: ir.Expr) -> ir.Expr:
    return build.binary(Op.ADD, build.extend(low, ir.WORD), build.extend(high, ir.WORD))
