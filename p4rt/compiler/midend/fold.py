# SPDX-License-Identifier: Apache-2.0
"""Pass: put numbers for variables that have one value on every path to where they are read.

So validity bits are folded where a header must be there, or cannot be, and the offsets of headers in the
packet are numbers where all paths through the parser agree.  Branches that are never taken go.
"""

from __future__ import annotations

from functools import singledispatch

from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op, Relation
from p4rt.compiler.midend.flow import Flow, with_expressions

Known = dict[str, int]
"""Values of variables, by name."""


def fold(block: ir.Block) -> ir.Block:
    """`block` with what is known in it put in place."""
    return _Fold().run(block)


def learn(condition: ir.Expr, holds: bool, known: Known) -> None:
    """Add to `known` what follows from a condition that holds, or does not."""
    match condition:
        case ir.Var(1, name):
            known[name] = int(holds)
        case ir.Not(1, operand):
            learn(operand, not holds, known)
        case ir.Binary(1, Op.AND, left, right) if holds:
            learn(left, True, known)
            learn(right, True, known)
        case ir.Binary(1, Op.OR, left, right) if not holds:
            learn(left, False, known)
            learn(right, False, known)
        case ir.Compare(_, Relation.EQ, ir.Var(_, name), ir.Const(_, value)) if holds:
            known[name] = value
        case ir.Compare(_, Relation.NE, ir.Var(_, name), ir.Const(_, value)) if not holds:
            known[name] = value


def common(first: Known, second: Known) -> Known:
    """What both know alike."""
    if len(second) < len(first):
        first, second = second, first
    return {name: value for name, value in first.items() if second.get(name) == value}


class KnownValues(Flow[Known]):
    """The walk with the values of variables as its state."""

    def start(self) -> Known:
        """Nothing is known, though variables are zero at first: most are assigned before they are read."""
        return {}

    def copy(self, state: Known) -> Known:
        """A copy."""
        return dict(state)

    def meet(self, first: Known, second: Known) -> Known:
        """What both know."""
        return common(first, second)

    def assume(self, condition: ir.Expr, holds: bool, state: Known) -> None:
        """Learn from a branch."""
        learn(condition, holds, state)

    def assume_case(self, on: ir.Expr, values: tuple[int, ...], state: Known) -> None:
        """Learn from a case."""
        if isinstance(on, ir.Var) and len(values) == 1:
            state[on.name] = values[0]


class _Fold(KnownValues):
    def __init__(self) -> None:
        super().__init__()
        self._first: Known = {}

    def run(self, block: ir.Block) -> ir.Block:
        """As in Flow; bits are known to be unset at first, and what is never assigned to be zero."""
        targets = (getattr(statement, "target", None) for statement in ir.walk(block))
        widths = {target.name: target.width for target in targets if isinstance(target, ir.Var)}
        read = {name for statement in ir.walk(block) for name in ir.names_read(statement)}
        self._first = dict.fromkeys((name for name in read if widths.get(name, 1) == 1), 0)
        return super().run(block)

    def start(self) -> Known:
        """Bits are unset."""
        return dict(self._first)

    def expr(self, expr: ir.Expr, state: Known) -> ir.Expr:
        """Numbers for what is known."""
        return fold_expr(expr, state)

    def simple(self, statement: ir.Statement, state: Known) -> list[ir.Statement]:
        """Fold, and learn what is assigned."""
        folded = with_expressions(statement, lambda expr: fold_expr(expr, state))
        target = getattr(folded, "target", None)
        if isinstance(folded, ir.Assign) and folded.value == target:
            return []
        if isinstance(target, ir.Var):
            state.pop(target.name, None)
            if isinstance(folded, ir.Assign) and isinstance(folded.value, ir.Const):
                state[target.name] = folded.value.value
        return [folded]


@singledispatch
def fold_expr(expr: ir.Expr, known: Known) -> ir.Expr:
    """An expression with numbers for what is known."""
    return expr


@fold_expr.register(ir.Var)
def _(expr: ir.Var, known: Known) -> ir.Expr:
    value = known.get(expr.name)
    return expr if value is None else build.const(value, expr.width)


@fold_expr.register(ir.Not)
def _(expr: ir.Not, known: Known) -> ir.Expr:
    operand = fold_expr(expr.operand, known)
    return expr if operand is expr.operand else build.invert(operand)


@fold_expr.register(ir.Negate)
def _(expr: ir.Negate, known: Known) -> ir.Expr:
    operand = fold_expr(expr.operand, known)
    return expr if operand is expr.operand else build.negate(operand)


@fold_expr.register(ir.Binary)
def _(expr: ir.Binary, known: Known) -> ir.Expr:
    left, right = fold_expr(expr.left, known), fold_expr(expr.right, known)
    same = left is expr.left and right is expr.right
    return expr if same else build.binary(expr.op, left, right)


@fold_expr.register(ir.Compare)
def _(expr: ir.Compare, known: Known) -> ir.Expr:
    left, right = fold_expr(expr.left, known), fold_expr(expr.right, known)
    same = left is expr.left and right is expr.right
    return expr if same else build.compare(expr.relation, left, right)


@fold_expr.register(ir.Shift)
def _(expr: ir.Shift, known: Known) -> ir.Expr:
    value, amount = fold_expr(expr.value, known), fold_expr(expr.amount, known)
    same = value is expr.value and amount is expr.amount
    return expr if same else build.shift(expr.kind, value, amount)


@fold_expr.register(ir.Slice)
def _(expr: ir.Slice, known: Known) -> ir.Expr:
    operand = fold_expr(expr.operand, known)
    return expr if operand is expr.operand else build.bits(operand, expr.low, expr.width)


@fold_expr.register(ir.Extend)
def _(expr: ir.Extend, known: Known) -> ir.Expr:
    operand = fold_expr(expr.operand, known)
    same = operand is expr.operand
    return expr if same else build.extend(operand, expr.width, signed=expr.signed)


@fold_expr.register(ir.Concat)
def _(expr: ir.Concat, known: Known) -> ir.Expr:
    high, low = fold_expr(expr.high, known), fold_expr(expr.low, known)
    return expr if high is expr.high and low is expr.low else build.concat(high, low)


@fold_expr.register(ir.Choose)
def _(expr: ir.Choose, known: Known) -> ir.Expr:
    condition = fold_expr(expr.condition, known)
    then, other = fold_expr(expr.then, known), fold_expr(expr.other, known)
    same = condition is expr.condition and then is expr.then and other is expr.other
    return expr if same else build.choose(condition, then, other)
