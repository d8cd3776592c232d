# SPDX-License-Identifier: Apache-2.0
"""Lowering of expressions: statements for their side effects, then a tree without any."""

from __future__ import annotations

from functools import singledispatchmethod
from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op, Relation, ShiftKind
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.division import divide
from p4rt.compiler.midend.lvalues import Cut, LValue, place
from p4rt.compiler.midend.storage import Record, Stack, Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls

_ARITHMETIC = {"+": Op.ADD, "-": Op.SUB, "*": Op.MUL, "&": Op.AND, "|": Op.OR, "^": Op.XOR}
MAX_PRODUCT = 1024
"""Bits of a product of values that only the packet tells; the work grows with the square."""
_DIVISIONS = {"/": Op.DIV, "%": Op.MOD}
_RELATIONS = {
    "<": (Relation.LT, Relation.SLT, False),
    "<=": (Relation.LE, Relation.SLE, False),
    ">": (Relation.LT, Relation.SLT, True),
    ">=": (Relation.LE, Relation.SLE, True),
}
_PURE_CALLS = (model.CallKind.IS_VALID, model.CallKind.SIZE, model.CallKind.CONSTRUCTOR)


class Expressions:
    """Expressions and l-values of one program."""

    calls: Calls

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._fits: dict[tuple[int, int], tuple[Tree, t.Type, Tree]] = {}

    # ---- Entry points

    def value(self, expr: ast.Expr) -> Tree:
        """The value of `expr`.  It reads variables: use it, or keep it, before they change."""
        known = self.ctx.constant(expr)
        type_ = self.ctx.type_of(expr)
        try:
            if known is not None:
                return self.ctx.literal(known, type_)
            if _has_no_bits(type_) and not isinstance(expr, ast.Call):
                return self._nothing(expr)
            return self._fitted(self._value(expr), type_)
        except storage.Unsupported as problem:
            self.ctx.unsupported(problem.span or expr.span, str(problem))

    def scalar(self, expr: ast.Expr) -> ir.Expr:
        """The value of an expression of a type that is not composed; a bit<0> is zero."""
        tree = self.value(expr)
        if isinstance(tree, Record) and not tree.fields:
            return build.FALSE
        assert isinstance(tree, ir.Expr), expr
        return tree

    def _nothing(self, expr: ast.Expr) -> Tree:
        """The value of a bit<0>: there is only one, but what it is made of may have effects."""
        for part in ast.children(expr):
            if isinstance(part, ast.Expr) and self.has_effects(part):
                self.value(part)
        return Record({})

    def operands(self, *exprs: ast.Expr) -> list[Tree]:
        """Values of expressions evaluated from left to right, each unharmed by what follows it."""
        trees: list[Tree] = []
        for index, expr in enumerate(exprs):
            tree = self.value(expr)
            if any(self.has_effects(later) for later in exprs[index + 1 :]):
                tree = self.ctx.keep_tree(tree)
            trees.append(tree)
        return trees

    def has_effects(self, expr: ast.Expr) -> bool:
        """Can evaluating `expr` change anything?"""
        return any(
            isinstance(node, ast.Call) and self.ctx.checked.call_of(node).kind not in _PURE_CALLS
            for node in ast.walk(expr)
        )

    def _fitted(self, tree: Tree, type_: t.Type) -> Tree:
        """`_fit`, once for each tree and type: of all headers, say, which are looked into time and again."""
        if not isinstance(tree, Record):
            return tree
        key = id(tree), id(type_)
        if key not in self._fits:
            self._fits[key] = tree, type_, self._fit(tree, type_)
        return self._fits[key][2]

    @staticmethod
    def _fit(tree: Tree, type_: t.Type) -> Tree:
        """`tree` with the field names and the validity that `type_` has (tuples convert to structs)."""
        if not isinstance(tree, Record):
            return tree
        parts = storage.fields_of(type_)
        if parts is None:
            return tree
        names = [name for name, _ in parts]
        if set(names) == set(tree.fields):
            fields = {name: tree.fields[name] for name in names}
        else:
            fields = dict(zip(names, tree.fields.values(), strict=True))
        fitted = {name: Expressions._fit(fields[name], part) for name, part in parts}
        valid = tree.valid
        if isinstance(type_, t.HeaderType):
            valid = valid if valid is not None else build.TRUE
        return Record(fitted, valid)

    # ---- L-values

    def lvalue(self, expr: ast.Expr) -> LValue:
        """The place that `expr` names; indexes in it are evaluated now."""
        match expr:
            case ast.Name() | ast.Member(base=ast.TypeNameExpr()):
                return place(self._named(expr))
            case ast.Member(base=base, name="next" | "last" as name) if self._is_stack(base):
                return self._stack_end(base, name)
            case ast.Member(base=base, name=name):
                return self.lvalue(base).field(name)
            case ast.Index(base=base, index=index):
                return self._element(self.lvalue(base), base, index)
            case ast.Slice(base=base, high=high, low=low):
                first = self.ctx.integer(low)
                return self.lvalue(base).slice(first, self.ctx.integer(high) - first + 1)
            case ast.PlusSlice(base=base, low=low, width=width):
                whole, place_ = self.lvalue(base), self._place_of_slice(low)
                return whole.slice(place_, self.ctx.integer(width))
            case ast.DontCare():
                return place(self.ctx.allocate(self.ctx.type_of(expr), "unused"))
        raise AssertionError(f"no l-value: {type(expr).__name__}")

    def _is_stack(self, expr: ast.Expr) -> bool:
        return isinstance(t.strip(self.ctx.type_of(expr)), t.StackType)

    def _element(self, stack: LValue, base: ast.Expr, index: ast.Expr) -> LValue:
        known = self.ctx.constant(index)
        type_ = t.strip(self.ctx.type_of(base))
        if isinstance(known, int):
            return stack.element(known) if isinstance(type_, t.StackType) else stack.field(str(known))
        place_ = self.ctx.keep(self.scalar(index), "index")
        if isinstance(place_, ir.Const) and isinstance(type_, t.StackType) and place_.value < type_.size:
            return stack.element(place_.value)
        return stack.element_at(place_)

    def _place_of_slice(self, low: ast.Expr) -> int | ir.Expr:
        """The lowest bit of a slice, as it is now."""
        known = self.ctx.constant(low)
        if isinstance(known, int):
            return int(known)
        return self.ctx.keep(self.scalar(low), "low")

    def _stack_end(self, base: ast.Expr, name: str) -> LValue:
        """`.next`, and `.last` for the element before; beyond the end the parser rejects."""
        stack = self.lvalue(base)
        tree = stack.tree
        if not isinstance(tree, Stack):
            raise storage.Unsupported(f"'.{name}' of a stack in a stack is")
        width = tree.next.width
        index = self.ctx.keep(tree.next, "index")
        if name == "last":
            index = self.ctx.keep(build.binary(Op.SUB, index, build.const(1, width)), "index")
        if isinstance(index, ir.Const) and index.value < len(tree.elements):
            return stack.element(index.value)
        fits = build.compare(Relation.LT, index, build.const(len(tree.elements), width))
        self.ctx.goto_if(build.invert(fits), self.ctx.rejects("StackOutOfBounds"))
        if isinstance(index, ir.Const):
            return place(self.ctx.allocate(self._element_type(base), "none"))
        return stack.element_at(index)

    def _element_type(self, stack: ast.Expr) -> t.Type:
        type_ = t.strip(self.ctx.type_of(stack))
        assert isinstance(type_, t.StackType)
        return type_.element

    def _named(self, expr: ast.Expr) -> Tree:
        decl = self.ctx.checked.decl_of(expr)
        tree = self.ctx.frame.find(decl) if decl is not None else None
        if tree is None:
            name = expr.id if isinstance(expr, ast.Name) else "this"
            raise storage.Unsupported(f"using '{name}' here is")
        return tree

    # ---- Values

    @singledispatchmethod
    def _value(self, expr: ast.Expr) -> Tree:
        raise storage.Unsupported(f"this kind of expression ({type(expr).__name__}) is")

    @_value.register(ast.Name)
    def _(self, expr: ast.Name) -> Tree:
        tree = self._named(expr)
        return self.ctx.now(tree) if isinstance(tree, ir.Var) else tree

    @_value.register(ast.Member)
    def _(self, expr: ast.Member) -> Tree:
        base, name = expr.base, expr.name
        if self._is_stack(base):
            stack = self.value(base)
            assert isinstance(stack, Stack)
            if name == "lastIndex":
                return build.binary(Op.SUB, self.ctx.now(stack.next), build.const(1, stack.next.width))
            if name == "size":
                return build.const(len(stack.elements), storage.INDEX_WIDTH)
            return self.lvalue(expr).read()
        tree = self.value(base)
        assert isinstance(tree, Record), expr
        return tree.fields[name]

    @_value.register(ast.Index)
    def _(self, expr: ast.Index) -> Tree:
        known = self.ctx.constant(expr.index)
        tree, index = (
            (self.value(expr.base), None) if known is not None else self.operands(expr.base, expr.index)
        )
        if isinstance(tree, Record):
            return tree.fields[str(known)]
        assert isinstance(tree, Stack)
        if isinstance(known, int):
            return tree.elements[known]
        assert isinstance(index, ir.Expr)
        return place(tree).element_at(index).read()

    @_value.register(ast.Slice)
    def _(self, expr: ast.Slice) -> Tree:
        low = self.ctx.integer(expr.low)
        return build.bits(self.scalar(expr.base), low, self.ctx.integer(expr.high) - low + 1)

    @_value.register(ast.PlusSlice)
    def _(self, expr: ast.PlusSlice) -> Tree:
        width = self.ctx.integer(expr.width)
        known = self.ctx.constant(expr.low)
        if isinstance(known, int):
            return build.bits(self.scalar(expr.base), int(known), width)
        base, low = self.operands(expr.base, expr.low)
        assert isinstance(base, ir.Expr) and isinstance(low, ir.Expr)
        return Cut(low, width).read(base)

    @_value.register(ast.Unary)
    def _(self, expr: ast.Unary) -> Tree:
        operand = self.scalar(expr.operand)
        match expr.op:
            case "!" | "~":
                return build.invert(operand)
            case "-":
                return build.negate(operand)
            case _:
                return operand

    @_value.register(ast.Binary)
    def _(self, expr: ast.Binary) -> Tree:
        if expr.op in ("&&", "||"):
            return self._logical(expr)
        if expr.op in ("<<", ">>"):
            return self._shift(expr)
        left, right = self.operands(expr.left, expr.right)
        if expr.op in ("==", "!="):
            same = self.equal(left, right)
            return same if expr.op == "==" else build.invert(same)
        if expr.op == "++":
            parts = [part for part in (left, right) if isinstance(part, ir.Expr)]
            return build.concat_all(parts)
        if isinstance(left, Record):
            return build.boolean(expr.op in ("<=", ">="))
        assert isinstance(left, ir.Expr) and isinstance(right, ir.Expr)
        return self.combine(expr.op, left, right, storage.is_signed(self.ctx.type_of(expr.left)))

    @_value.register(ast.Ternary)
    def _(self, expr: ast.Ternary) -> Tree:
        condition = self.scalar(expr.cond)
        if not self.has_effects(expr.then) and not self.has_effects(expr.other):
            then, other = self.value(expr.then), self.value(expr.other)
            return storage.combine(lambda parts: build.choose(condition, parts[0], parts[1]), then, other)
        result = self.ctx.allocate(self.ctx.type_of(expr), "chosen")
        with self.ctx.collect() as then_body:
            self.ctx_store(result, self.value(expr.then))
        with self.ctx.collect() as other_body:
            self.ctx_store(result, self.value(expr.other))
        self.ctx.emit(ir.If(condition, tuple(then_body), tuple(other_body), span=self.ctx.span))
        return result

    def ctx_store(self, target: Tree, value: Tree) -> None:
        """Assign all leaves of a fresh tree."""
        for old, new in zip(storage.leaves(target), storage.leaves(value), strict=True):
            self.ctx.assign(old, new)

    @_value.register(ast.Cast)
    def _(self, expr: ast.Cast) -> Tree:
        tree = self.value(expr.operand)
        width = storage.scalar_width(self.ctx.type_of(expr))
        if width is None:
            return tree
        if not isinstance(tree, ir.Expr):
            return build.const(0, width)
        return build.resize(tree, width, signed=storage.is_signed(self.ctx.type_of(expr.operand)))

    @_value.register(ast.Call)
    def _(self, expr: ast.Call) -> Tree:
        result = self.calls.call(expr)
        assert result is not None, expr
        return result

    @_value.register(ast.ListLit)
    def _(self, expr: ast.ListLit) -> Tree:
        type_ = t.strip(self.ctx.type_of(expr))
        items = self.operands(*expr.items)
        if isinstance(type_, t.StackType):
            items += [storage.zero(type_.element) for _ in range(type_.size - len(items))]
            return Stack(tuple(items), build.const(0, storage.INDEX_WIDTH))
        parts = storage.fields_of(type_)
        names = [name for name, _ in parts] if parts is not None else [str(i) for i in range(len(items))]
        if parts is not None and expr.dots:
            items += [storage.zero(part) for _, part in parts[len(items) :]]
        valid = build.TRUE if isinstance(type_, t.HeaderType) else None
        return Record(dict(zip(names, items, strict=True)), valid)

    @_value.register(ast.StructLit)
    def _(self, expr: ast.StructLit) -> Tree:
        type_ = t.strip(self.ctx.type_of(expr))
        items = self.operands(*(item.value for item in expr.items))
        given = {item.name: tree for item, tree in zip(expr.items, items, strict=True)}
        parts = storage.fields_of(type_)
        assert parts is not None, type_
        fields = {name: given[name] if name in given else storage.zero(part) for name, part in parts}
        return Record(fields, build.TRUE if isinstance(type_, t.HeaderType) else None)

    @_value.register(ast.InvalidLit)
    @_value.register(ast.Dots)
    def _(self, expr: ast.Expr) -> Tree:
        """An invalid header, or a default value: they are all zeros."""
        return storage.zero(self.ctx.type_of(expr))

    # ---- Operators

    def combine(self, op: str, left: ir.Expr, right: ir.Expr, signed: bool) -> ir.Expr:
        """Arithmetic and order on two scalars of one width."""
        if op == "*" and left.width > MAX_PRODUCT and not any(isinstance(x, ir.Const) for x in (left, right)):
            raise storage.Unsupported(f"a product of more than {MAX_PRODUCT} bits is")
        if op in _ARITHMETIC:
            return build.binary(_ARITHMETIC[op], left, right)
        if op in _DIVISIONS:
            return divide(self.ctx, _DIVISIONS[op], left, right)
        if op in _RELATIONS:
            unsigned, two, swap = _RELATIONS[op]
            if swap:
                left, right = right, left
            return build.compare(two if signed else unsigned, left, right)
        if op in ("|+|", "|-|"):
            return self._saturate(Op.ADD if op == "|+|" else Op.SUB, left, right, signed)
        raise storage.Unsupported(f"the operator '{op}' on values known only at run time is")

    def shift(self, op: str, value: ir.Expr, amount: ir.Expr, signed: bool) -> ir.Expr:
        """A shift; to the right it keeps the sign of a signed value."""
        if op == "<<":
            return build.shift(ShiftKind.LEFT, value, amount)
        return build.shift(ShiftKind.ARITHMETIC if signed else ShiftKind.RIGHT, value, amount)

    def shift_amount(self, expr: ast.Expr) -> ir.Expr:
        """The right operand of a shift; a constant may be of type `int`."""
        known = self.ctx.constant(expr)
        if isinstance(known, int) and not isinstance(known, bool):
            return build.const(min(known, (1 << ir.WORD) - 1), ir.WORD)
        return self.scalar(expr)

    def _shift(self, expr: ast.Binary) -> ir.Expr:
        left = self.scalar(expr.left)
        if self.has_effects(expr.right):
            left = self.ctx.keep(left)
        amount = self.shift_amount(expr.right)
        return self.shift(expr.op, left, amount, storage.is_signed(self.ctx.type_of(expr.left)))

    def _logical(self, expr: ast.Binary) -> ir.Expr:
        left = self.scalar(expr.left)
        if not self.has_effects(expr.right):
            right = self.scalar(expr.right)
            return build.both(left, right) if expr.op == "&&" else build.either(left, right)
        result = self.ctx.variable("logical", 1)
        self.ctx.assign(result, left)
        with self.ctx.collect() as body:
            self.ctx.assign(result, self.scalar(expr.right))
        decides = result if expr.op == "&&" else build.invert(result)
        self.ctx.emit(ir.If(decides, tuple(body), (), span=self.ctx.span))
        return result

    def _saturate(self, op: Op, left: ir.Expr, right: ir.Expr, signed: bool) -> ir.Expr:
        """The result with one more bit, then the nearest value that fits."""
        width = left.width
        wide = [build.extend(operand, width + 1, signed=signed) for operand in (left, right)]
        result = self.ctx.keep(build.binary(op, wide[0], wide[1]), "saturated")
        narrow = build.bits(result, 0, width)
        carry = build.bits(result, width, 1)
        if not signed:
            limit = build.const(-1 if op is Op.ADD else 0, width)
            return build.choose(carry, limit, narrow)
        sign = build.bits(result, width - 1, 1)
        lowest, highest = build.const(1 << (width - 1), width), build.const((1 << (width - 1)) - 1, width)
        return build.choose(build.binary(Op.XOR, carry, sign), build.choose(carry, lowest, highest), narrow)

    def equal(self, left: Tree, right: Tree) -> ir.Expr:
        """Whether two values are equal; headers are so too when both are invalid."""
        match left, right:
            case Record(fields, valid), Record():
                same = build.all_of([self.equal(item, right.fields[name]) for name, item in fields.items()])
                if valid is None or right.valid is None:
                    return same
                return build.both(
                    build.compare(Relation.EQ, valid, right.valid), build.either(build.invert(valid), same)
                )
            case Stack(elements), Stack():
                both = zip(elements, right.elements, strict=True)
                return build.all_of([self.equal(*pair) for pair in both])
            case storage.Varbit(), storage.Varbit():
                pairs = zip(storage.leaves(left), storage.leaves(right), strict=True)
                return build.all_of([build.compare(Relation.EQ, *pair) for pair in pairs])
        assert isinstance(left, ir.Expr) and isinstance(right, ir.Expr)
        return build.compare(Relation.EQ, left, right)


def _has_no_bits(type_: t.Type) -> bool:
    return t.strip(type_) == t.BitType(0)
