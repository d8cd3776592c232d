# SPDX-License-Identifier: Apache-2.0
"""Places that can be assigned to, once their indexes are evaluated."""

from __future__ import annotations

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.storage import Record, Stack, Tree
from p4rt.compiler.records import record


@record(eq=False)
class Cut:
    """`width` bits of a scalar from bit `low` on, which may be known only at run time."""

    low: int | ir.Expr
    width: int

    def read(self, whole: ir.Expr) -> ir.Expr:
        """The bits; those beyond the end of `whole` are zero."""
        if isinstance(self.low, int):
            return build.bits(whole, self.low, self.width)
        return build.bits(build.shift(ir.ShiftKind.RIGHT, whole, self.low), 0, self.width)

    def replace(self, whole: ir.Expr, value: ir.Expr) -> ir.Expr:
        """All of `whole` with the bits replaced by `value`; what would lie beyond its end is lost."""
        if isinstance(self.low, int):
            parts = [value]
            top = self.low + self.width
            if top < whole.width:
                parts.insert(0, build.bits(whole, top, whole.width - top))
            if self.low:
                parts.append(build.bits(whole, 0, self.low))
            return build.concat_all(parts)
        mask, placed = (
            build.shift(ir.ShiftKind.LEFT, build.extend(bits, whole.width), self.low)
            for bits in (build.const(-1, self.width), value)
        )
        return build.either(build.both(whole, build.invert(mask)), placed)


@record(eq=False)
class LValue:
    """A place that is, where its condition holds at run time, one of several trees of variables.

    Mostly there is one, with the condition TRUE; an element of a stack at a run-time index is any of them.
    A slice of a scalar has `cuts`, each of what the one before it is.
    """

    options: tuple[tuple[ir.Expr, Tree], ...]
    cuts: tuple[Cut, ...] = ()

    def read(self) -> Tree:
        """The value; zero where no condition holds."""
        tree = self._chosen()
        for cut in self.cuts:
            assert isinstance(tree, ir.Expr)
            tree = cut.read(tree)
        return tree

    def _chosen(self) -> Tree:
        if len(self.options) == 1 and self.options[0][0] == build.TRUE:
            return self.options[0][1]
        condition, first = self.options[0]
        result = storage.combine(lambda parts: build.const(0, parts[0].width), first)
        for condition, tree in reversed(self.options):
            result = _choose(condition, tree, result)
        return result

    def field(self, name: str) -> LValue:
        """A field of it."""
        return LValue(tuple((c, tree.fields[name]) for c, tree in self.options if isinstance(tree, Record)))

    def element(self, index: int) -> LValue:
        """An element at an index known at compile time."""
        return LValue(tuple((c, tree.elements[index]) for c, tree in self.options if isinstance(tree, Stack)))

    def element_at(self, index: ir.Expr) -> LValue:
        """An element at a run-time index, which must not change until the place was used."""
        found: list[tuple[ir.Expr, Tree]] = []
        for condition, tree in self.options:
            assert isinstance(tree, Stack)
            for number, element in enumerate(tree.elements):
                if number >> index.width:
                    break
                here = build.compare(ir.Relation.EQ, index, build.const(number, index.width))
                found.append((build.both(condition, here), element))
        return LValue(tuple(found))

    def slice(self, low: int | ir.Expr, width: int) -> LValue:
        """Some bits of it; a run-time `low` must not change until the place was used."""
        if isinstance(low, int) and self.cuts and isinstance(self.cuts[-1].low, int):
            return LValue(self.options, (*self.cuts[:-1], Cut(self.cuts[-1].low + low, width)))
        return LValue(self.options, (*self.cuts, Cut(low, width)))

    @property
    def tree(self) -> Tree | None:
        """The tree of variables, where it is known at compile time which."""
        return self.options[0][1] if not self.cuts and self.options[0][0] == build.TRUE else None


def place(tree: Tree) -> LValue:
    """The place that is `tree`."""
    return LValue(((build.TRUE, tree),))


def _choose(condition: ir.Expr, then: Tree, other: Tree) -> Tree:
    return storage.combine(lambda parts: build.choose(condition, parts[0], parts[1]), then, other)


def store(ctx: Context, target: LValue, value: Tree) -> None:
    """Assign `value`, all of which is evaluated before any of it is stored."""
    if target.cuts:
        whole = target._chosen()
        assert isinstance(whole, ir.Expr) and isinstance(value, ir.Expr)
        value = _insert(whole, target.cuts, value)
    for condition, tree in target.options:
        if condition == build.TRUE:
            _store_tree(ctx, tree, value)
            continue
        value = ctx.keep_tree(value) if len(target.options) > 1 else value
        with ctx.collect() as body:
            _store_tree(ctx, tree, value)
        ctx.emit(ir.If(condition, tuple(body), (), span=ctx.span))


def _insert(whole: ir.Expr, cuts: tuple[Cut, ...], value: ir.Expr) -> ir.Expr:
    """All of a scalar, with what the cuts leave of it replaced by `value`."""
    first, *rest = cuts
    if rest:
        value = _insert(first.read(whole), tuple(rest), value)
    return first.replace(whole, value)


def _store_tree(ctx: Context, target: Tree, value: Tree) -> None:
    targets, values = list(storage.leaves(target)), list(storage.leaves(value))
    assert len(targets) == len(values), (target, value)
    if len(targets) > 1:
        names = {leaf.name for leaf in targets if isinstance(leaf, ir.Var)}
        same = [isinstance(new, ir.Const) or old == new for old, new in zip(targets, values, strict=True)]
        plain = all(
            (isinstance(v, ir.Var) and v.name not in names) or ok for v, ok in zip(values, same, strict=True)
        )
        if not plain:
            values = [v if ok else ctx.keep(v) for v, ok in zip(values, same, strict=True)]
    for old, new in zip(targets, values, strict=True):
        ctx.assign(old, new)
