# SPDX-License-Identifier: Apache-2.0
"""Division of unsigned values of any width, also by what only the packet tells.

Division by zero gives zero and leaves the dividend, as RFC 9669 has it.  C knows nothing of the kind, so the
divisor that reaches C is never zero.
"""

from __future__ import annotations

from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op, Relation, ShiftKind
from p4rt.compiler.midend.context import Context


def divide(ctx: Context, op: Op, left: ir.Expr, right: ir.Expr) -> ir.Expr:
    """The quotient (`op` DIV) or the remainder (MOD) of two values of one width."""
    if isinstance(right, ir.Const) and right.value & (right.value - 1) == 0 and right.value:
        if op is Op.MOD:
            return build.binary(Op.AND, left, build.const(right.value - 1, left.width))
        return build.shift(ShiftKind.RIGHT, left, build.const(right.value.bit_length() - 1, 16))
    if left.width > ir.WORD:
        quotient, remainder = _long_division(ctx, left, right)
        result: ir.Expr = quotient if op is Op.DIV else remainder
    elif isinstance(right, ir.Const) and right.value:
        return build.binary(op, left, right)
    else:
        is_zero = build.compare(Relation.EQ, right, build.const(0, right.width))
        result = build.binary(op, left, build.binary(Op.OR, right, build.extend(is_zero, right.width)))
    by_zero = build.compare(Relation.EQ, right, build.const(0, right.width))
    return build.choose(by_zero, build.const(0, left.width) if op is Op.DIV else left, result)


def _long_division(ctx: Context, left: ir.Expr, right: ir.Expr) -> tuple[ir.Expr, ir.Expr]:
    """Bit by bit, as on paper, in words of 64 bits; quotient and remainder.

    The body of the loop has no branch, and starts with what the verifier knows nothing of: it is the same in
    each round, so that checking it takes a time in proportion to the width.
    """
    width = left.width
    size = width // ir.WORD + 1
    count = ctx.variable("divided", 32)
    again = ctx.name("divide_again")
    divisor, quotient = _words(ctx, right, size, "divisor"), _words(ctx, left, size, "quotient")
    zero = ctx.variable("zero", ir.WORD)
    unknown = divisor[0] if isinstance(left, ir.Const) else quotient[0]
    ctx.emit(ir.FunctionCall(zero, "unknown_zero", (unknown,), pure=True, span=ctx.span))
    rest = _words(ctx, build.concat_all([zero] * size), size, "rest")
    ctx.assign(count, build.const(width, 32))
    ctx.label(again)
    top = build.bits(quotient[(width - 1) // ir.WORD], (width - 1) % ir.WORD, 1)
    _shift_in(ctx, rest, top)
    less, borrow = _subtract(ctx, rest, divisor)
    fits = ctx.keep(build.invert(borrow), "fits")
    for word, smaller in zip(rest, less, strict=True):
        change = build.binary(Op.AND, build.binary(Op.XOR, word, smaller), _everywhere(fits))
        ctx.assign(word, build.binary(Op.XOR, word, change))
    _shift_in(ctx, quotient, fits)
    ctx.assign(count, build.binary(Op.SUB, count, build.const(1, 32)))
    ctx.goto_if(build.compare(Relation.NE, count, build.const(0, 32)), again)
    return _joined(quotient, width), _joined(rest, width)


def _joined(words: list[ir.Var], width: int) -> ir.Expr:
    return build.bits(build.concat_all(list(reversed(words))), 0, width)


def _words(ctx: Context, value: ir.Expr, size: int, name: str) -> list[ir.Var]:
    """Variables with the words of a value, least significant first."""
    whole = build.resize(value, size * ir.WORD)
    words = [ctx.variable(name, ir.WORD) for _ in range(size)]
    for number, word in enumerate(words):
        ctx.assign(word, build.bits(whole, number * ir.WORD, ir.WORD))
    return words


def _everywhere(bit: ir.Expr) -> ir.Expr:
    """A bit in all places of a word."""
    return build.negate(build.extend(bit, ir.WORD))


def _shift_in(ctx: Context, words: list[ir.Var], bit: ir.Expr) -> None:
    """Shift to the left by one, `bit` coming in."""
    for index in range(len(words) - 1, -1, -1):
        low = build.bits(words[index - 1], ir.WORD - 1, 1) if index else bit
        ctx.assign(words[index], build.concat(build.bits(words[index], 0, ir.WORD - 1), low))


def _subtract(ctx: Context, left: list[ir.Var], right: list[ir.Var]) -> tuple[list[ir.Expr], ir.Expr]:
    """The difference, and whether there was too little to subtract from, found without comparing."""
    result: list[ir.Expr] = []
    borrow: ir.Expr = build.FALSE
    for a, b in zip(left, right, strict=True):
        difference = build.binary(Op.SUB, a, b)
        difference = ctx.keep(build.binary(Op.SUB, difference, build.extend(borrow, ir.WORD)), "difference")
        not_a = build.invert(a)
        lacks = build.binary(
            Op.OR,
            build.binary(Op.AND, not_a, b),
            build.binary(Op.AND, build.binary(Op.OR, not_a, b), difference),
        )
        borrow = ctx.keep(build.bits(lacks, ir.WORD - 1, 1), "borrow")
        result.append(difference)
    return result, borrow
