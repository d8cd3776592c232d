# SPDX-License-Identifier: Apache-2.0
"""Pass: split values of more than 64 bits into words.

A variable `x` of 128 bits becomes `x_w0` (bits 0 to 63) and `x_w1`; the top word has the bits that remain.
Everything that only moves bits (slices, concatenations, extensions, shifts by a constant) is one operation,
`_assemble`; arithmetic carries from word to word as on paper.  No libcall and no 128-bit type of C is needed.
"""

from __future__ import annotations

from functools import singledispatchmethod
from itertools import count

from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import WORD, Op, Relation, ShiftKind
from p4rt.compiler.midend.rewrite import Rewriter

Words = list[ir.Expr]
"""The words of a value, least significant first; each but the last has WORD bits."""


def split_wide(block: ir.Block) -> ir.Block:
    """`block` without any value of more than 64 bits."""
    return _SplitWide().block(block)


def word_var(var: ir.Var, index: int) -> ir.Var:
    """The variable for word `index` of a wide variable."""
    return ir.Var(min(WORD, var.width - WORD * index), f"{var.name}_w{index}")


def _widths(width: int) -> list[int]:
    return [min(WORD, width - low) for low in range(0, width, WORD)]


def _assemble(pieces: Words) -> Words:
    """The value whose bits are those of `pieces`, from the least significant piece on, as words."""
    words: Words = []
    current: ir.Expr | None = None
    for piece in pieces:
        low = 0
        while low < piece.width:
            have = current.width if current is not None else 0
            take = min(piece.width - low, WORD - have)
            part = build.bits(piece, low, take)
            current = part if current is None else build.concat(part, current)
            low += take
            if current.width == WORD:
                words.append(current)
                current = None
    if current is not None:
        words.append(current)
    return words


def _cut(words: Words, low: int, width: int) -> Words:
    """Pieces that are `width` bits of `words` from bit `low` on."""
    pieces: Words = []
    start = 0
    for word in words:
        first, last = max(low, start), min(low + width, start + word.width)
        if first < last:
            pieces.append(build.bits(word, first - start, last - first))
        start += word.width
    return pieces


class _SplitWide(Rewriter):
    def __init__(self) -> None:
        super().__init__()
        self._serial = count()

    # ---- Statements

    def statement(self, statement: ir.Statement) -> None:
        """Split assignments to wide variables and stores of wide values; rewrite the rest."""
        match statement:
            case ir.Assign(target, value) if target.width > WORD:
                words = self.words(value)
                if not isinstance(value, ir.Load | ir.Const):
                    words = [self._fresh(word) for word in words]
                for index, word in enumerate(words):
                    self.emit(ir.Assign(word_var(target, index), word, span=self.span))
            case ir.Store(memory, offset, value, big_endian) if value.width > WORD:
                size = value.width // 8
                for index, word in enumerate(self.words(value)):
                    first = index * WORD // 8
                    at = offset + (size - first - word.width // 8 if big_endian else first)
                    self.emit(ir.Store(memory, at, word, big_endian, span=self.span))
            case _:
                super().statement(statement)

    def _fresh(self, value: ir.Expr) -> ir.Expr:
        """`value` in a variable of its own, unless it is one or a constant already."""
        if isinstance(value, ir.Const):
            return value
        var = ir.Var(value.width, f"w_{next(self._serial)}")
        self.emit(ir.Assign(var, value, span=self.span))
        return var

    # ---- Narrow results, perhaps of wide operands

    def expr(self, expr: ir.Expr) -> ir.Expr:
        """An expression of at most 64 bits, rewritten so that its operands are so too."""
        match expr:
            case ir.Compare(_, relation, left, right) if left.width > WORD:
                return self._compare(relation, self.words(left), self.words(right))
            case ir.Slice(width, operand, low) if operand.width > WORD:
                return _assemble(_cut(self.words(operand), low, width))[0]
            case ir.Shift(_, kind, value, amount) if amount.width > WORD:
                return build.shift(kind, self.expr(value), self._narrow_amount(self.words(amount)))
            case _:
                return super().expr(expr)

    def _narrow_amount(self, amount: Words) -> ir.Expr:
        """A shift amount in 64 bits: all ones when it does not fit."""
        rest = self._nonzero(amount[1:])
        return self._fresh(build.choose(rest, build.const(-1, WORD), amount[0]))

    def _nonzero(self, words: Words) -> ir.Expr:
        result: ir.Expr = build.FALSE
        for word in words:
            result = build.either(result, build.compare(Relation.NE, word, build.const(0, word.width)))
        return result

    def _compare(self, relation: Relation, left: Words, right: Words) -> ir.Expr:
        pairs = list(zip([self._fresh(x) for x in left], [self._fresh(x) for x in right], strict=True))
        if relation in (Relation.EQ, Relation.NE):
            differ: ir.Expr = build.FALSE
            for a, b in pairs:
                differ = build.either(differ, build.compare(Relation.NE, a, b))
            return differ if relation is Relation.NE else build.invert(differ)
        strict = relation in (Relation.LT, Relation.SLT)
        signed = relation in (Relation.SLT, Relation.SLE)
        result: ir.Expr = build.boolean(not strict)
        for index, (a, b) in enumerate(pairs):
            top = index == len(pairs) - 1
            less = build.compare(Relation.SLT if signed and top else Relation.LT, a, b)
            result = self._fresh(build.either(less, build.both(build.compare(Relation.EQ, a, b), result)))
        return result

    # ---- Wide results

    def words(self, expr: ir.Expr) -> Words:
        """The words of a value of any width."""
        return self._words(expr) if expr.width > WORD else [self.expr(expr)]

    @singledispatchmethod
    def _words(self, expr: ir.Expr) -> Words:
        raise AssertionError(f"no words for {type(expr).__name__}")

    @_words.register(ir.Const)
    def _(self, expr: ir.Const) -> Words:
        return [build.const(expr.value >> WORD * i, width) for i, width in enumerate(_widths(expr.width))]

    @_words.register(ir.Var)
    def _(self, expr: ir.Var) -> Words:
        return [word_var(expr, i) for i in range(len(_widths(expr.width)))]

    @_words.register(ir.Load)
    def _(self, expr: ir.Load) -> Words:
        size, words, first = expr.width // 8, [], 0
        for width in _widths(expr.width):
            at = expr.offset + (size - first - width // 8 if expr.big_endian else first)
            words.append(ir.Load(width, expr.memory, at, expr.big_endian))
            first += width // 8
        return [self._fresh(word) for word in words]

    @_words.register(ir.Not)
    def _(self, expr: ir.Not) -> Words:
        return [build.invert(word) for word in self.words(expr.operand)]

    @_words.register(ir.Negate)
    def _(self, expr: ir.Negate) -> Words:
        words = self.words(expr.operand)
        return self._subtract([build.const(0, word.width) for word in words], words)

    @_words.register(ir.Binary)
    def _(self, expr: ir.Binary) -> Words:
        left, right = self.words(expr.left), self.words(expr.right)
        match expr.op:
            case Op.ADD:
                return self._add(left, right)
            case Op.SUB:
                return self._subtract(left, right)
            case Op.MUL:
                return self._multiply(left, right)
            case _:
                return [build.binary(expr.op, a, b) for a, b in zip(left, right, strict=True)]

    @_words.register(ir.Choose)
    def _(self, expr: ir.Choose) -> Words:
        condition = self._fresh(self.expr(expr.condition))
        pairs = zip(self.words(expr.then), self.words(expr.other), strict=True)
        return [build.choose(condition, a, b) for a, b in pairs]

    @_words.register(ir.Slice)
    def _(self, expr: ir.Slice) -> Words:
        return _assemble(_cut(self._kept(expr.operand), expr.low, expr.width))

    @_words.register(ir.Concat)
    def _(self, expr: ir.Concat) -> Words:
        return _assemble(self._kept(expr.low) + self._kept(expr.high))

    @_words.register(ir.Extend)
    def _(self, expr: ir.Extend) -> Words:
        words = self._kept(expr.operand)
        missing = expr.width - expr.operand.width
        if not expr.signed:
            return _assemble([*words, build.const(0, missing)])
        sign = self._sign(words)
        fill: Words = [sign] * (missing // WORD)
        return _assemble([*words, *fill, *([build.bits(sign, 0, missing % WORD)] if missing % WORD else [])])

    @_words.register(ir.Shift)
    def _(self, expr: ir.Shift) -> Words:
        value = self._kept(expr.value)
        amount = self.words(expr.amount)
        narrow = amount[0] if len(amount) == 1 else self._narrow_amount(amount)
        return self._shift(expr.kind, value, self._fresh(narrow), expr.width)

    def _kept(self, expr: ir.Expr) -> Words:
        """The words of `expr`, which will be used more than once, in variables."""
        return [self._fresh(word) for word in self.words(expr)]

    def _sign(self, words: Words) -> ir.Expr:
        """64 copies of the sign bit."""
        top = words[-1]
        return self._fresh(build.extend(build.bits(top, top.width - 1, 1), WORD, signed=True))

    def _add(self, left: Words, right: Words) -> Words:
        carry: ir.Expr = build.FALSE
        result: Words = []
        for a, b in zip(left, right, strict=True):
            a, b = self._fresh(a), self._fresh(b)
            part = self._fresh(build.binary(Op.ADD, a, b))
            total = self._fresh(build.binary(Op.ADD, part, build.extend(carry, a.width)))
            over = build.either(build.compare(Relation.LT, part, a), build.compare(Relation.LT, total, part))
            carry = self._fresh(over)
            result.append(total)
        return result

    def _subtract(self, left: Words, right: Words) -> Words:
        borrow: ir.Expr = build.FALSE
        result: Words = []
        for a, b in zip(left, right, strict=True):
            a, b = self._fresh(a), self._fresh(b)
            part = self._fresh(build.binary(Op.SUB, a, b))
            lent = build.extend(borrow, a.width)
            result.append(self._fresh(build.binary(Op.SUB, part, lent)))
            under = build.either(build.compare(Relation.LT, a, b), build.compare(Relation.LT, part, lent))
            borrow = self._fresh(under)
        return result

    def _multiply(self, left: Words, right: Words) -> Words:
        """Long multiplication in digits of 32 bits; only the digits of the result are computed."""
        width = sum(word.width for word in left)
        half, digits = WORD // 2, (width + WORD // 2 - 1) // (WORD // 2)
        xs, ys = self._digits(left, digits), self._digits(right, digits)
        result: Words = [build.const(0, half)] * digits
        for i, x in enumerate(xs):
            carry: ir.Expr = build.const(0, WORD)
            for j, y in enumerate(ys[: digits - i]):
                product = build.binary(Op.MUL, build.extend(x, WORD), build.extend(y, WORD))
                total = build.binary(Op.ADD, product, build.extend(result[i + j], WORD))
                total = self._fresh(build.binary(Op.ADD, total, carry))
                result[i + j] = self._fresh(build.bits(total, 0, half))
                carry = self._fresh(build.extend(build.bits(total, half, half), WORD))
        return _assemble(_cut(result, 0, width))

    def _digits(self, words: Words, number: int) -> Words:
        half = WORD // 2
        padded = _assemble([*words, build.const(0, 2 * half * number)])
        return [self._fresh(build.bits(padded[i // 2], half * (i % 2), half)) for i in range(number)]

    def _shift(self, kind: ShiftKind, value: Words, amount: ir.Expr, width: int) -> Words:
        """Choose words by the upper bits of `amount`, then shift pairs of them by the lower six."""
        fill = self._sign(value) if kind is ShiftKind.ARITHMETIC else build.const(0, WORD)
        top = value[-1]
        if top.width < WORD:
            filler = build.bits(fill, 0, WORD - top.width)
            value = [*value[:-1], self._fresh(build.concat(filler, top))]
        wide = self._fresh(build.extend(amount, WORD))
        steps = self._fresh(build.shift(ShiftKind.RIGHT, wide, build.const(6, 8)))
        bits = self._fresh(build.binary(Op.AND, wide, build.const(WORD - 1, WORD)))
        rest = self._fresh(build.binary(Op.XOR, bits, build.const(WORD - 1, WORD)))
        left = kind is ShiftKind.LEFT
        near, far = (ShiftKind.LEFT, ShiftKind.RIGHT) if left else (ShiftKind.RIGHT, ShiftKind.LEFT)
        moved = self._move_words(value, steps, fill, left, amount.width > 6)
        result: Words = []
        for index in range(len(value)):
            neighbour = moved[index - 1 if left else index + 1]
            one = build.shift(far, neighbour, build.const(1, 8))
            part = build.binary(Op.OR, build.shift(near, moved[index], bits), build.shift(far, one, rest))
            result.append(self._fresh(part))
        return _cut(result, 0, width)

    def _move_words(
        self, words: Words, steps: ir.Expr, fill: ir.Expr, left: bool, may_move: bool
    ) -> dict[int, ir.Expr]:
        """The value moved by `steps` words, from the word before the first to the one past the last."""
        number = len(words)

        def word(index: int) -> ir.Expr:
            return words[index] if 0 <= index < number else fill

        moved: dict[int, ir.Expr] = {index: fill for index in range(-1, number + 1)}
        for step in reversed(range(number if may_move else 1)):
            here = build.compare(Relation.EQ, steps, build.const(step, WORD))
            for index in moved:
                moved[index] = build.choose(here, word(index - step if left else index + step), moved[index])
        if not may_move:
            return {index: word(index) for index in moved}
        return {index: self._fresh(value) for index, value in moved.items()}
