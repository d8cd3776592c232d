# SPDX-License-Identifier: Apache-2.0
"""Pass: write the packet by its shape, where the deparser moves headers.

Which headers are there, and where they were in the packet that arrived, is mostly known of all packets that
take the same way.  So there is code for each shape that a packet can come to the deparser with: headers that
only move are copied in words, what stays where it is costs nothing, and no field is kept for the end that the
packet has anyway.  Shapes with the same code share it.  Runs first, while it still shows what was extracted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend.copy_bytes import CopyBytes
from p4rt.compiler.midend.fold import fold_expr
from p4rt.compiler.midend.packet_bits import Facts, Piece
from p4rt.compiler.midend.rewrite import Rewriter
from p4rt.compiler.midend.rewrite_head import Tools, write_head
from p4rt.compiler.midend.shapes import Shape, ShapeWalk, TooManyShapes
from p4rt.compiler.records import record
from p4rt.compiler.source import Span

MAX_CODES = 24
MAX_STATEMENTS = 1000
"""Different codes for shapes, and statements in all of them; where there are more, one code is for all."""


@record(eq=False)
class Emitted:
    """A header that the deparser emits where the one bit `happens` is set; `fields` are None if it has a
    varbit."""

    happens: ir.Expr
    fields: tuple[ir.Expr, ...] | None


@record(eq=False)
class Deparsing:
    """What writes the packet, for any shape, between the labels `begin` and `end`."""

    begin: str
    end: str
    emitted: tuple[Emitted, ...]
    cursor: ir.Var
    otherwise: str
    unique: Callable[[str], str]
    """Makes a name that nothing else has."""
    span: Span


def split_shapes(block: ir.Block, deparsing: Deparsing | None) -> ir.Block:
    """`block` with code for each shape of packets."""
    if deparsing is None:
        return block
    labels = [item.name if isinstance(item, ir.Label) else "" for item in block]
    begin, end = labels.index(deparsing.begin), labels.index(deparsing.end)
    done = _SplitShapes(deparsing).code(block[:begin], block[begin + 1 : end])
    return block if done is None else done + block[end:]


class _SplitShapes:
    def __init__(self, deparsing: Deparsing) -> None:
        self._deparsing = deparsing
        self._site = ir.Var(32, deparsing.unique("site"))
        bits = [item.happens for item in deparsing.emitted]
        self._telling = [self._site, deparsing.cursor, *(bit for bit in bits if isinstance(bit, ir.Var))]
        self._words: dict[tuple[int, int], ir.Var] = {}
        pointer = ir.Pointer(deparsing.unique("head"))
        self._whole = deparsing.unique("any_shape")
        self._tools = Tools(pointer, deparsing.otherwise, self._whole, self._word, deparsing.span)
        self._any = (ir.Goto(self._whole, span=deparsing.span),)
        self._codes: list[ir.Block] = []
        self._copied: dict[int, Piece | None] = {}
        self._copies: dict[str, ir.Var] = {}
        """Of fields, by their names."""
        self._wanted: dict[int, dict[str, ir.Var]] = {}
        """The fields to copy where validity changes, by the number of the place."""

    def code(self, before: ir.Block, whole: ir.Block) -> ir.Block | None:
        """All up to the end of the deparser; None where there is nothing to gain."""
        walked = self._shapes(before)
        if walked is None:
            return None
        before, shapes = walked
        numbered = [(shape, self._number(self._write(facts))) for shape, facts in shapes]
        useful = any(code != self._any for code in self._codes)
        if not useful or len(self._codes) > MAX_CODES or sum(map(len, self._codes)) > MAX_STATEMENTS:
            return None
        tree = self._choose(numbered)
        counts = Counter(_leaves(tree))
        shared = {number: self._deparsing.unique("shape") for number, count in counts.items() if count > 1}
        out = [*self._with_copies(before), *self._render(tree, shared)]
        for number, label in shared.items():
            out += [ir.Label(label), *self._render(number, {})]
        return (*out, ir.Label(self._whole), *whole)

    # ---- Where validity changes

    def _shapes(self, before: ir.Block) -> tuple[ir.Block, list[tuple[Shape, Facts]]] | None:
        """The shapes after `before`, told apart by where validity changed too, unless those are too many."""
        fields = [field for item in self._deparsing.emitted for field in item.fields or ()]
        followed = [field.name for field in fields if isinstance(field, ir.Var)]
        for block in (self._with_sites(before), before):
            walk = ShapeWalk(block, self._telling, followed)
            try:
                shapes = walk.shapes(block)
            except TooManyShapes:
                self._telling = self._telling[1:]
            else:
                self._copied = walk.copied
                return block, shapes
        return None

    def _with_copies(self, before: ir.Block) -> ir.Block:
        """`before` with bytes copied from the packet to buffers, where that is all that a store does, and
        fields copied where the code for a shape wants that."""
        if any(self._copied.values()):
            pointer = ir.Pointer(self._deparsing.unique("copied"))
            before = CopyBytes(self._copied, pointer, self._deparsing.otherwise).block(before)
        return _Keep(self._site, self._wanted, self._copies).block(before) if self._wanted else before

    def _with_sites(self, block: ir.Block) -> ir.Block:
        """`block` with a number noted wherever a branch changes which headers are there."""
        bits = {item.name for item in self._telling if item.width == 1}
        sites = _Sites(self._site, bits)
        return (ir.Assign(self._site, build.const(0, self._site.width)), *sites.block(block))

    # ---- The code of a shape

    def _word(self, number: int, width: int) -> ir.Var:
        key = number, width
        if key not in self._words:
            self._words[key] = ir.Var(width, self._deparsing.unique("moved"))
        return self._words[key]

    def _write(self, facts: Facts) -> ir.Block:
        """The code for a shape; that for any where too little is known of it."""
        fields: list[ir.Expr] = []
        for item in self._deparsing.emitted:
            happens = fold_expr(item.happens, facts.values)
            if not isinstance(happens, ir.Const) or (happens.value and item.fields is None):
                return self._any
            fields += (self._field(field, facts) for field in item.fields or ()) if happens.value else ()
        code = write_head(self._deparsing.cursor, fields, facts, self._tools)
        return self._any if code is None else code

    def _field(self, field: ir.Expr, facts: Facts) -> ir.Expr:
        """A field, or the copy of it that was made where validity changed last.

        Without the copy, what the field was before would be kept on all ways to this code, also on those on
        which the field was assigned to.
        """
        site = facts.values.get(self._site.name)
        known = isinstance(field, ir.Var) and (field.name in facts.bits or field.name in facts.values)
        if not site or known or not isinstance(field, ir.Var) or field.name in facts.changed:
            return field
        if field.name not in self._copies:
            self._copies[field.name] = ir.Var(field.width, self._deparsing.unique(f"{field.name}_then"))
        self._wanted.setdefault(site, {})[field.name] = field
        return self._copies[field.name]

    def _number(self, code: ir.Block) -> int:
        """The number of a code, the same for the same."""
        if code not in self._codes:
            self._codes.append(code)
        return self._codes.index(code)

    # ---- Which shape it is

    def _choose(self, shapes: Sequence[tuple[Shape, int]]) -> _Tree:
        """The tests that tell the codes of some shapes apart, the fewest first."""
        if len({number for _, number in shapes}) == 1:
            return shapes[0][1]
        best: dict[int, list[tuple[Shape, int]]] = {}
        score, chosen = 0, -1
        for index in range(len(self._telling)):
            parts: dict[int, list[tuple[Shape, int]]] = {}
            for shape, number in shapes:
                value = shape[index]
                if value is None:
                    break
                parts.setdefault(value, []).append((shape, number))
            else:
                left = sum(len({number for _, number in part}) - 1 for part in parts.values())
                if len(parts) > 1 and (chosen < 0 or left < score):
                    best, score, chosen = parts, left, index
        if chosen < 0:
            return self._number(self._any)
        arms: list[tuple[list[int], _Tree]] = []
        for value, part in best.items():
            tree = self._choose(part)
            same = next((values for values, other in arms if other == tree), None)
            if same is None:
                arms.append(([value], tree))
            else:
                same.append(value)
        return arms[0][1] if len(arms) == 1 else _Choice(self._telling[chosen], arms)

    def _render(self, tree: _Tree, shared: dict[int, str]) -> ir.Block:
        """The statements that do what `tree` says; shared codes are at labels."""
        if isinstance(tree, int):
            if tree in shared:
                return (ir.Goto(shared[tree]),)
            return (*self._codes[tree], ir.Goto(self._deparsing.end))
        *front, last = sorted(tree.arms, key=lambda arm: len(arm[0]))
        default = self._render(last[1], shared)
        cases = [ir.Case(tuple(values), self._render(arm, shared)) for values, arm in front]
        if tree.on.width > 1:
            return (ir.Switch(tree.on, tuple(cases), default),)
        condition = tree.on if front[0][0] == [1] else build.invert(tree.on)
        return (ir.If(condition, cases[0].body, default),)


@record(eq=False)
class _Choice:
    """A test of a variable: the values of each arm, and what to do there.  There are no other values."""

    on: ir.Var
    arms: list[tuple[list[int], _Tree]]


_Tree = int | _Choice
"""The number of a code, or how to find it."""


def _leaves(tree: _Tree) -> Iterator[int]:
    """The codes at the ends of a tree."""
    if isinstance(tree, int):
        yield tree
    else:
        for _, arm in tree.arms:
            yield from _leaves(arm)


class _Keep(Rewriter):
    """Copies fields where a number is noted."""

    def __init__(self, site: ir.Var, wanted: dict[int, dict[str, ir.Var]], copies: dict[str, ir.Var]) -> None:
        super().__init__()
        self._site = site
        self._wanted = wanted
        self._copies = copies

    def statement(self, statement: ir.Statement) -> None:
        """Copy what is wanted there."""
        if isinstance(statement, ir.Assign) and statement.target == self._site:
            assert isinstance(statement.value, ir.Const)
            for name, field in self._wanted.get(statement.value.value, {}).items():
                self.emit(ir.Assign(self._copies[name], field, span=statement.span))
        super().statement(statement)

    def expr(self, expr: ir.Expr) -> ir.Expr:
        """Expressions stay as they are."""
        return expr


class _Sites(Rewriter):
    """Puts a number at the end of each branch that changes validity."""

    def __init__(self, site: ir.Var, bits: set[str]) -> None:
        super().__init__()
        self._site = site
        self._bits = bits
        self._depth = 0
        self._count = 0

    def block(self, statements: ir.Block) -> ir.Block:
        """The block with the number in it."""
        self._depth += 1
        result = super().block(statements)
        self._depth -= 1
        changes = [index for index, item in enumerate(result) if self._changes(item)]
        if not self._depth or not changes:
            return result
        self._count += 1
        at = len(result) - isinstance(result[-1], ir.Goto | ir.Return)
        note = ir.Assign(self._site, build.const(self._count, self._site.width), span=result[at - 1].span)
        return (*result[:at], note, *result[at:])

    def _changes(self, statement: ir.Statement) -> bool:
        return (
            isinstance(statement, ir.Assign)
            and not statement.extracted
            and statement.target.name in self._bits
        )

    def with_children(self, statement: ir.Statement) -> ir.Statement:
        """Only blocks inside others matter."""
        return super().with_children(statement) if isinstance(statement, ir.If | ir.Switch) else statement
