# SPDX-License-Identifier: Apache-2.0
"""Places that can be assigned to, once their indexes are evaluated."""

from __future__ import annotations

from dataclasses import dataclass

from p4rt.compiler.backend import build, ir
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.storage import Record, Stack, Tree


@dataclass(frozen=True, eq=False)
class LValue:
    """A place that is, where its condition holds at run time, one of several trees of variables.

    Mostly there is one, with the condition TRUE; an element of a stack at a run-time index is any of them.
    A slice of a scalar has `low` and `width` set.
    """

    options: tuple[tuple[ir.Expr, Tree], ...]
    low: int | None = None
    width: int = 0

    def read(self) -> Tree:
        """The value; zero where no condition holds."""
        tree = self._chosen()
        if self.low is None:
            return tree
        assert isinstance(tree, ir.Expr)
        return build.bits(tree, self.low, self.width)

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

    def slice(self, low: int, width: int) -> LValue:
        """Some bits of it."""
        return LValue(self.options, low + (self.low or 0), width)

    @property
    def tree(self) -> Tree | None:
        """The tree of variables, where it is known at compile time which."""
        return self.options[0][1] if self.low is None and self.options[0][0] == build.TRUE else None


def place(tree: Tree) -> LValue:
    """The place that is `tree`."""
    return LValue(((build.TRUE, tree),))


def _choose(condition: ir.Expr, then: Tree, other: Tree) -> Tree:
    return storage.combine(lambda parts: build.choose(condition, parts[0], parts[1]), then, other)


def store(ctx: Context, target: LValue, value: Tree) -> None:
    """Assign `value`, all of which is evaluated before any of it is stored."""
    if target.low is not None:
        assert isinstance(value, ir.Expr)
        value = _insert(target, value)
    for condition, tree in target.options:
        if condition == build.TRUE:
            _store_tree(ctx, tree, value)
            continue
        value = ctx.keep_tree(value) if len(target.options) > 1 else value
        with ctx.collect() as body:
            _store_tree(ctx, tree, value)
        ctx.emit(ir.If(condition, tuple(body), (), span=ctx.span))


def _insert(target: LValue, value: ir.Expr) -> ir.Expr:
    """All of a scalar, with the slice that `target` is replaced by `value`."""
    whole = target._chosen()
    assert isinstance(whole, ir.Expr) and target.low is not None
    parts: list[ir.Expr] = []
    top = target.low + target.width
    if top < whole.width:
        parts.append(build.bits(whole, top, whole.width - top))
    parts.append(value)
    if target.low:
        parts.append(build.bits(whole, 0, target.low))
    return build.concat_all(parts)


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
