# SPDX-License-Identifier: Apache-2.0
"""Lowering of parsers: states become labels, transitions jumps; the cursor counts bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op, Relation
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage, varbits
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.in_place import Extraction
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.lower_statements import Statements
from p4rt.compiler.midend.lvalues import store
from p4rt.compiler.midend.parser_paths import Paths, Variant
from p4rt.compiler.midend.storage import Record, Tree
from p4rt.compiler.midend.value_sets import ValueSets

MAX_ROUNDS = 64
"""How often a parser may go back to a state before it gives up (error.ParserTimeout)."""
_MAX_SWITCH = 31
"""Bits of several keys that are compared as one number, which an instruction can hold."""
_MAX_ADVANCE = 0x7FFF
"""Bytes that one `advance` of a run-time amount may skip, and then also the largest cursor."""


_Go = Callable[[ast.Node, str], None]
"""Emits the jump of a transition or select case to the state of that name."""


class Parsers:
    """Parsers of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls, statements: Statements) -> None:
        self.ctx = ctx
        self.expressions = expressions
        self.calls = calls
        self.statements = statements
        calls.parsers = self
        self.value_sets = ValueSets(ctx)
        self.extractions: list[Extraction] = []
        self.positions: dict[Record, ir.Var] = {}
        """Where in the packet the first byte of an extracted header is."""
        self.edges: dict[str, list[str]] = {}
        """Labels of states, and of what follows a parser, to those that they lead to."""
        self.moves_freely = False
        """Has the cursor moved by anything but extracting headers?"""
        self._state = ""

    # ---- States

    def parser(self, decl: ast.ParserDecl) -> None:
        """The body of a parser, in its frame; acceptance is the end of the body."""
        ctx = self.ctx
        self.statements.locals(decl.locals)
        paths = Paths(ctx, decl)
        came_from, accepted = self._state, ctx.name(f"{decl.name}_accept")
        ctx.floating |= paths.loops and any(self._moves_by_value(call) for call in ctx.checked.calls.values())
        rounds = ctx.variable("rounds", 32)
        ctx.assign(rounds, build.const(0, 32))
        first = paths.enter(next(state for state in decl.states if state.name == "start"))
        if came_from:
            self.edges.setdefault(came_from, []).append(first.label)
        while (variant := paths.next()) is not None:
            self._state = variant.label
            ctx.label(variant.label)
            ctx.known = dict(variant.facts)
            for node in variant.state.body:
                self.statements.statement(node)
            self._transition(variant, paths, accepted, rounds)
        self._state = accepted
        ctx.known = ctx.known_at(accepted)
        ctx.label(accepted, ends=True)

    def _transition(self, variant: Variant, paths: Paths, accepted: str, rounds: ir.Var) -> None:
        """The jump at the end of a state."""
        ctx, state = self.ctx, variant.state

        def go(node: ast.Node, name: str) -> None:
            target = ctx.checked.states.get(node)
            if target is None:
                label = accepted if name == "accept" else ctx.rejects("")
            else:
                following = paths.enter(target)
                label = following.label
                if paths.returns(variant, following):
                    ctx.assign(rounds, build.binary(Op.ADD, rounds, build.const(1, 32)))
                    over = build.compare(Relation.LT, build.const(MAX_ROUNDS, 32), rounds)
                    ctx.goto_if(over, ctx.rejects("ParserTimeout"))
            self.edges.setdefault(self._state, []).append(label)
            ctx.goto(label)

        transition = state.transition
        if transition is None:
            ctx.goto(ctx.rejects(""))
            return
        with ctx.at(transition.span):
            if isinstance(transition, ast.DirectTransition):
                go(transition, transition.state)
                return
            assert isinstance(transition, ast.SelectTransition)
            self._select(transition, go)

    def _select(self, transition: ast.SelectTransition, go: _Go) -> None:
        """`select`: a switch where all keysets are single numbers, else tests one after the other."""
        ctx = self.ctx
        trees = self.expressions.operands(*transition.exprs)
        cases = [(case, ctx.checked.keysets[case]) for case in transition.cases]
        key = _one_number(trees)
        if key is not None and self._as_switch(transition, key, cases, go):
            return
        keys = [ctx.keep_tree(tree) for tree in trees]
        for case, keysets in cases:
            with ctx.at(case.span):
                condition = self._all_match(keys, keysets, transition.exprs)
                with ctx.collect() as body:
                    go(case, case.state)
                ctx.emit(ir.If(condition, tuple(body), (), span=case.span))
        ctx.goto(ctx.rejects("NoMatch"))

    def _as_switch(
        self,
        transition: ast.SelectTransition,
        key: ir.Expr,
        cases: list[tuple[ast.SelectCase, tuple[model.Keyset, ...]]],
        go: _Go,
    ) -> bool:
        """A switch on the value of all keys, the first most significant; False where that cannot be."""
        ctx = self.ctx
        *front, (last, last_sets) = cases
        has_default = all(isinstance(keyset, model.AnySet) for keyset in last_sets)
        plain = front if has_default else cases
        if len(last_sets) > 1 and len(plain) < 2:
            return False
        arms: dict[int, ir.Case] = {}
        for case, keysets in plain:
            number = self._combined(keysets, transition.exprs)
            if number is None:
                return False
            if number not in arms:
                with ctx.at(case.span), ctx.collect() as body:
                    go(case, case.state)
                arms[number] = ir.Case((number,), tuple(body))
        with ctx.at(last.span), ctx.collect() as default:
            if has_default:
                go(last, last.state)
            else:
                ctx.goto(ctx.rejects("NoMatch"))
        ctx.emit(ir.Switch(key, tuple(arms.values()), tuple(default), span=ctx.span))
        return True

    def _combined(self, keysets: Sequence[model.Keyset], exprs: Sequence[ast.Expr]) -> int | None:
        """The number that the keys make together, if each must be one number."""
        parts: list[ir.Expr] = []
        for keyset, expr in zip(keysets, exprs, strict=True):
            if not isinstance(keyset, model.ExactSet):
                return None
            part = self.ctx.literal(keyset.value, self.ctx.type_of(expr))
            assert isinstance(part, ir.Const)
            parts.append(part)
        whole = build.concat_all(parts)
        assert isinstance(whole, ir.Const)
        return whole.value

    def _number(self, value: model.Value, expr: ast.Expr) -> int:
        tree = self.ctx.literal(value, self.ctx.type_of(expr))
        assert isinstance(tree, ir.Const)
        return tree.value

    def _all_match(
        self, keys: list[Tree], keysets: tuple[model.Keyset, ...], exprs: tuple[ast.Expr, ...]
    ) -> ir.Expr:
        """Does each key match its keyset?  A value set may stand for all of them."""
        first = keysets[0]
        if isinstance(first, model.ValueSetRef) and all(keyset is first for keyset in keysets):
            leaves = [leaf for key in keys for leaf in storage.leaves(key)]
            return self.value_sets.contains(first.decl, leaves)
        types = [self.ctx.type_of(expr) for expr in exprs]
        return self._each_matches(keys, keysets, types)

    def _each_matches(
        self, keys: Iterable[Tree], keysets: Iterable[model.Keyset], types: Iterable[t.Type]
    ) -> ir.Expr:
        parts = zip(keys, keysets, types, strict=True)
        return build.all_of([self._matches(key, keyset, type_) for key, keyset, type_ in parts])

    def _matches(self, key: Tree, keyset: model.Keyset, type_: t.Type) -> ir.Expr:
        match keyset:
            case model.AnySet():
                return build.TRUE
            case model.ExactSet(value):
                return self.expressions.equal(key, self.ctx.literal(value, type_))
            case model.ValueSetRef(decl):
                return self.value_sets.contains(decl, list(storage.leaves(key)))
            case model.ComputedSet("exact", (expr,)):
                return self.expressions.equal(key, self.expressions.value(expr))
            case model.TupleSet(items):
                assert isinstance(key, Record)
                parts = [part for _, part in storage.fields_of(t.strip(type_)) or []]
                return self._each_matches(key.fields.values(), items, parts)
        assert isinstance(key, ir.Expr)
        return self._number_matches(key, keyset, storage.is_signed(type_))

    def _number_matches(self, key: ir.Expr, keyset: model.Keyset, signed: bool) -> ir.Expr:
        """A key that is a number in a mask or range."""
        width = key.width
        order = Relation.SLE if signed else Relation.LE
        match keyset:
            case model.MaskSet(value, mask):
                masked = build.binary(Op.AND, key, build.const(mask, width))
                return build.compare(Relation.EQ, masked, build.const(value & mask, width))
            case model.RangeSet(low, high):
                above = build.compare(order, build.const(low, width), key)
                return build.both(above, build.compare(order, key, build.const(high, width)))
            case model.ComputedSet(kind, exprs):
                first, second = (self.expressions.scalar(expr) for expr in exprs)
                if kind == "range":
                    return build.both(build.compare(order, first, key), build.compare(order, key, second))
                key, first = (build.binary(Op.AND, value, second) for value in (key, first))
                return build.compare(Relation.EQ, key, first)
        raise AssertionError(keyset)

    # ---- The packet

    def _peek(self, type_: t.Type, name: str) -> Tree:
        """Read a value of `type_` at the cursor; reject where the packet is too short."""
        ctx = self.ctx
        if not isinstance(t.strip(type_), t.HeaderType) and storage.fields_of(type_) is None:
            width = storage.scalar_width(type_)
        else:
            width = sum(leaf.width for leaf in storage.data_leaves(storage.zero(type_)))
        if width is None:
            raise storage.Unsupported(f"reading a {type_} from a packet is")
        size = (width + 7) // 8
        pointer = ctx.pointer(f"{name}_at")
        ctx.point(pointer, ctx.cursor, size)
        widths = [leaf.width for leaf in storage.data_leaves(_shape_of(type_))]
        return storage.make_data(type_, _Reader(ctx, pointer, size, widths).read)

    def lookahead(self, node: ast.Call, call: model.Call) -> Tree:
        """`lookahead<T>()`."""
        seen = self.ctx.keep_tree(self._peek(self.ctx.resolve(call.result), "lookahead"))
        self._settle()
        return seen

    def _settle(self) -> None:
        """Have loads at a place that only the packet tells done next to their check."""
        if self.ctx.floating:
            self.ctx.emit(ir.Settle(span=self.ctx.span))

    def extract(self, node: ast.Call, call: model.Call) -> None:
        """`extract(header)`."""
        ctx = self.ctx
        argument = call.args[0].value
        assert argument is not None
        type_ = t.strip(ctx.type_of(argument))
        assert isinstance(type_, t.HeaderType)
        parts = _header_parts(type_)
        stack = self._stack_of_next(argument)
        target, siblings = self.calls.member(argument)
        count = self._varbit_size(call, parts.varbit)
        ctx.extracting = True
        if isinstance(target.tree, Record):
            position = self.positions.setdefault(target.tree, ctx.variable(f"{type_.name}_position", ir.WORD))
            self.extractions.append(Extraction(self._state, target.tree))
            ctx.assign(position, ctx.cursor)
        else:
            self.moves_freely = True
        header = self._peek_header(type_, parts, count)
        if ctx.parser_error is not None and isinstance(header, Record):
            # Else the C compiler tests validity by the pointers that were compared here, when they are gone.
            valid = ctx.opaque(build.const(1, ir.WORD), "extracted", known=True)
            header = Record(header.fields, build.bits(valid, 0, 1))
        ctx.extracting = False
        self.calls.invalidate(siblings)
        ctx.extracting = True
        store(ctx, target, header)
        self._settle()
        ctx.extracting = False
        if stack is not None:
            taken = ctx.now(stack.next)
            if not isinstance(taken, ir.Const) or taken.value < len(stack.elements):
                ctx.assign(stack.next, build.binary(Op.ADD, taken, build.const(1, taken.width)))
        ctx.move_cursor(varbits.add(varbits.add(ctx.cursor, parts.fixed_size), count))

    def _stack_of_next(self, target: ast.Expr) -> storage.Stack | None:
        """The stack, where a header is extracted to its `next` or to a member of a union there."""
        while isinstance(target, ast.Member):
            if target.name == "next" and isinstance(t.strip(self.ctx.type_of(target.base)), t.StackType):
                tree = self.expressions.lvalue(target.base).tree
                return tree if isinstance(tree, storage.Stack) else None
            target = target.base
        return None

    def _moves_by_value(self, call: model.Call) -> bool:
        """Does a call move the cursor by an amount that only the packet tells?"""
        if call.decl is None or call.method is None or call.decl.name != "packet_in":
            return False
        if call.method.name == "extract":
            return len(call.args) == 2
        amount = call.args[0].value if call.method.name == "advance" else None
        return amount is not None and self.ctx.constant(amount) is None

    def _varbit_size(self, call: model.Call, varbit: storage.Varbit | None) -> ir.Expr:
        """Bytes of the varbit in the header that `extract` reads; rejects what is too much or not whole."""
        ctx = self.ctx
        if varbit is None:
            return build.const(0, ir.WORD)
        argument = call.args[1].value
        assert argument is not None
        ctx.floating = True
        width = ctx.keep(self.expressions.scalar(argument), "varbit_width")
        odd = build.compare(Relation.NE, build.bits(width, 0, 3), build.const(0, 3))
        ctx.goto_if(odd, ctx.rejects("ParserInvalidArgument"))
        count = ctx.opaque(build.extend(build.bits(width, 3, width.width - 3), ir.WORD), "varbit_size")
        over = build.compare(Relation.LT, build.const(varbit.limit, ir.WORD), count)
        ctx.goto_if(over, ctx.rejects("HeaderTooShort"))
        return count

    def _peek_header(self, type_: t.HeaderType, parts: storage.PacketParts, count: ir.Expr) -> Tree:
        """Read a header at the cursor, with `count` bytes in its varbit."""
        ctx = self.ctx
        if parts.varbit is None:
            return self._peek(type_, type_.name)
        before, after = storage.bytes_of(parts.before), storage.bytes_of(parts.after)
        front, end, back = (ctx.pointer(f"{type_.name}_{part}") for part in ("at", "end", "rest_at"))
        at = ctx.keep(varbits.add(ctx.cursor, before), "varbit_at")
        ctx.point(front, ctx.cursor, before)
        ctx.point(end, varbits.add(at, count), after)
        reader = _Reader(ctx, front, before, [leaf.width for leaf in (*parts.before, *parts.after)])

        def varbit(varbit_type: t.VarbitType) -> storage.Varbit:
            tree = storage.make(varbit_type, "varbit", ctx.variable)
            assert isinstance(tree, storage.Varbit)
            ctx.assign(tree.size, count)
            varbits.read(ctx, at, tree)
            ctx.point(back, varbits.add(at, count), after, known=True)
            reader.go_on(back, after)
            return tree

        return storage.make_data(type_, reader.read, varbit)

    def advance(self, call: model.Call) -> None:
        """`advance(bits)`: whole bytes only, inside the packet."""
        ctx = self.ctx
        self.moves_freely = True
        argument = call.args[0].value
        assert argument is not None
        amount = self.expressions.scalar(argument)
        if isinstance(amount, ir.Const) and amount.value % 8:
            ctx.unsupported(argument.span, "advancing by a part of a byte is")
        count = ctx.opaque(build.extend(build.bits(amount, 3, amount.width - 3), ir.WORD), "skip")
        if not isinstance(amount, ir.Const):
            ctx.floating = True
            odd = build.compare(Relation.NE, build.bits(amount, 0, 3), build.const(0, 3))
            ctx.goto_if(odd, ctx.rejects("ParserInvalidArgument"))
        limit = build.const(_MAX_ADVANCE, ir.WORD)
        ctx.goto_if(build.compare(Relation.LT, limit, count), ctx.rejects("PacketTooShort"))
        behind = ctx.keep(build.binary(Op.ADD, ctx.cursor, count), "behind")
        if not isinstance(amount, ir.Const):
            ctx.goto_if(build.compare(Relation.LT, limit, behind), ctx.rejects("PacketTooShort"))
        ctx.point(ctx.pointer("advanced"), behind, 0)
        ctx.move_cursor(behind)


def _one_number(trees: Sequence[Tree]) -> ir.Expr | None:
    """The keys of a select as one number, where it is best to compare them so.

    To put two together costs as much as to compare both.
    """
    numbers = [tree for tree in trees if isinstance(tree, ir.Expr)]
    if len(numbers) < len(trees) or len(trees) == 2:
        return None
    width = sum(number.width for number in numbers)
    limit = ir.WORD if len(trees) == 1 else _MAX_SWITCH
    return build.concat_all(numbers) if width <= limit else None


class _Reader:
    """Reads fields of `widths` one after the other, each run of them that fills bytes by one load."""

    def __init__(self, ctx: Context, pointer: ir.Pointer, size: int, widths: list[int]) -> None:
        self.ctx = ctx
        self.pointer = pointer
        self.size = size
        self.offset = 0
        self.kept: ir.Expr | None = None
        self.left = 0
        self.widths = widths[::-1]

    def go_on(self, pointer: ir.Pointer, size: int) -> None:
        """Read from another place from now on."""
        assert self.left == 0
        self.pointer, self.size, self.offset = pointer, size, 0

    def read(self, name: str, width: int) -> ir.Expr:
        """The next `width` bits."""
        together = self._together()
        self.widths.pop()
        if self.left == 0 and width % 8 == 0:
            loaded = ir.Load(width, self.pointer, self.offset, True)
            self.offset += width // 8
            return self.ctx.keep(loaded, "field")
        parts: list[ir.Expr] = []
        while width:
            if self.left == 0:
                self._load(width if parts else together)
            assert self.kept is not None
            take = min(width, self.left)
            parts.append(build.bits(self.kept, self.left - take, take))
            self.left -= take
            width -= take
        return build.concat_all(parts)

    def _together(self) -> int:
        """Bits of the next field and those that share bytes with it, if a word has room for them."""
        total = 0
        for width in reversed(self.widths):
            total += width
            if total % 8 == 0 or total > ir.WORD:
                break
        return total if total <= ir.WORD else self.widths[-1]

    def _load(self, width: int) -> None:
        """Load the bytes that hold the next fields, and what shares the last of them."""
        size = min((width + 7) // 8, self.size - self.offset)
        self.kept = self.ctx.keep(ir.Load(8 * size, self.pointer, self.offset, True), "fields")
        self.offset += size
        self.left = 8 * size


def _shape_of(type_: t.Type) -> Tree:
    """Zeros of a type's data."""
    return storage.make_data(type_, lambda _, width: build.const(0, width))


def _header_parts(type_: t.HeaderType) -> storage.PacketParts:
    zero = storage.zero(type_)
    assert isinstance(zero, Record)
    return storage.packet_parts(zero, f"the header {type_.name}")
