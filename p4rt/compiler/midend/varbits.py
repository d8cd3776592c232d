# SPDX-License-Identifier: Apache-2.0
"""Copies of varbits between the packet and their words.

All whole words come first, each if the varbit is that long, then the up to seven bytes that are left, in
pieces of 4, 2 and 1.  There is no loop and no variable index into memory, so that each access has a check of
its own that the verifier follows.  What nothing reads is pruned, together with its checks.
"""

from __future__ import annotations

from collections.abc import Callable

from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op, Relation, ShiftKind
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.storage import Varbit

WORD_SIZE = ir.WORD // 8
"""Bytes of a word."""
_PIECES = ((4, 2), (2, 1), (1, 0))
"""Bytes of a piece of the rest, and the bit of the size that says whether there is one."""


def _number(value: int) -> ir.Const:
    return build.const(value, ir.WORD)


def add(left: ir.Expr, right: ir.Expr | int) -> ir.Expr:
    """A sum of 64 bits."""
    return build.binary(Op.ADD, left, _number(right) if isinstance(right, int) else right)


def read(ctx: Context, at: ir.Expr, varbit: Varbit) -> None:
    """Fill the words of `varbit`, whose size is set, with the bytes of the packet from `at` on.

    The packet is known to have these bytes.
    """
    for word in varbit.words:
        ctx.assign(word, _number(0))
    for index, word in enumerate(varbit.words[: varbit.limit // WORD_SIZE]):
        with ctx.collect() as body:
            ctx.assign(word, _load(ctx, add(at, WORD_SIZE * index), WORD_SIZE))
        _emit_if(ctx, _reaches(varbit, index + 1), body)
    with ctx.collect() as body:
        tail = ctx.variable("tail", ir.WORD)
        ctx.assign(tail, _number(0))

        def piece(place: ir.Expr, size: int) -> None:
            left = build.concat(build.bits(tail, 0, ir.WORD - 8 * size), _load(ctx, place, size))
            ctx.assign(tail, left)

        _rest(ctx, at, varbit, piece)
        spare = build.negate(build.concat(build.bits(varbit.size, 0, 3), build.const(0, 3)))
        ctx.assign(tail, build.shift(ShiftKind.LEFT, tail, spare))
        for index, word in enumerate(varbit.words):
            with ctx.collect() as last:
                ctx.assign(word, tail)
            _emit_if(ctx, _last_is(varbit, index), last)
    _emit_if(ctx, _has_rest(varbit), body)


def write(ctx: Context, at: ir.Expr, varbit: Varbit) -> None:
    """Store the bytes of `varbit` in the packet from `at` on; the packet is known to have room for them."""
    for index, word in enumerate(varbit.words[: varbit.limit // WORD_SIZE]):
        with ctx.collect() as body:
            _store(ctx, add(at, WORD_SIZE * index), word)
        _emit_if(ctx, _reaches(varbit, index + 1), body)
    with ctx.collect() as body:
        last: ir.Expr = _number(0)
        for index, word in enumerate(varbit.words):
            last = build.choose(_last_is(varbit, index), word, last)
        tail = ctx.variable("tail", ir.WORD)
        ctx.assign(tail, last)

        def piece(place: ir.Expr, size: int) -> None:
            _store(ctx, place, build.bits(tail, ir.WORD - 8 * size, 8 * size))
            ctx.assign(tail, build.shift(ShiftKind.LEFT, tail, _number(8 * size)))

        _rest(ctx, at, varbit, piece)
    _emit_if(ctx, _has_rest(varbit), body)


def _rest(ctx: Context, at: ir.Expr, varbit: Varbit, piece: Callable[[ir.Expr, int], None]) -> None:
    """Call `piece` with place and size for each piece of the bytes after the last whole word."""
    place = ctx.variable("tail_at", ir.WORD)
    ctx.assign(place, add(at, build.binary(Op.AND, varbit.size, _number(-WORD_SIZE))))
    for size, bit in _PIECES:
        with ctx.collect() as body:
            piece(place, size)
            ctx.assign(place, add(place, size))
        _emit_if(ctx, build.bits(varbit.size, bit, 1), body)


def _reaches(varbit: Varbit, words: int) -> ir.Expr:
    """Does it have as many whole words?"""
    return build.compare(Relation.LE, _number(WORD_SIZE * words), varbit.size)


def _has_rest(varbit: Varbit) -> ir.Expr:
    """Is its last word not whole?"""
    return build.compare(Relation.NE, build.bits(varbit.size, 0, 3), build.const(0, 3))


def _last_is(varbit: Varbit, index: int) -> ir.Expr:
    """Is the word that is not whole the one of this index?"""
    whole = build.bits(varbit.size, 3, ir.WORD - 3)
    return build.compare(Relation.EQ, whole, build.const(index, ir.WORD - 3))


def _load(ctx: Context, at: ir.Expr, size: int) -> ir.Expr:
    pointer = ctx.pointer("bytes")
    ctx.point(pointer, at, size, known=True)
    return ir.Load(8 * size, pointer, 0, True)


def _store(ctx: Context, at: ir.Expr, value: ir.Expr) -> None:
    pointer = ctx.pointer("bytes")
    ctx.point(pointer, at, value.width // 8, known=True)
    ctx.emit(ir.Store(pointer, 0, value, True, span=ctx.span))


def _emit_if(ctx: Context, condition: ir.Expr, body: list[ir.Statement]) -> None:
    if body:
        ctx.emit(ir.If(condition, tuple(body), (), span=ctx.span))
