# SPDX-License-Identifier: Apache-2.0
"""Lowering of calls: everything that P4 defines is inlined, with copy-in and copy-out."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.model import CallKind
from p4rt.compiler.backend import build, ir
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context, Frame, block_frame
from p4rt.compiler.midend.lvalues import LValue, place, store
from p4rt.compiler.midend.storage import Record, Stack, Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_expressions import Expressions
    from p4rt.compiler.midend.lower_externs import Externs
    from p4rt.compiler.midend.lower_parser import Parsers
    from p4rt.compiler.midend.lower_statements import Statements
    from p4rt.compiler.midend.lower_tables import Tables

CopyOut = list[tuple[LValue, Tree, list[LValue]]]
"""Where to, what, and the validity of headers that are in a union with it."""


class Calls:
    """Calls of one program."""

    statements: Statements
    externs: Externs
    parsers: Parsers
    tables: Tables

    def __init__(self, ctx: Context, expressions: Expressions) -> None:
        self.ctx = ctx
        self.expressions = expressions
        expressions.calls = self

    def call(self, node: ast.Call) -> Tree | None:
        """Lower a call; its result, or None for void."""
        call = self.ctx.checked.call_of(node)
        try:
            return self._call(node, call)
        except storage.Unsupported as problem:
            self.ctx.unsupported(problem.span or node.span, str(problem))

    def _call(self, node: ast.Call, call: model.Call) -> Tree | None:
        match call.kind:
            case CallKind.FUNCTION | CallKind.ACTION:
                return self.routine(call)
            case CallKind.EXTERN_FUNCTION:
                return self.externs.function(node, call)
            case CallKind.EXTERN_METHOD:
                return self.externs.method(node, call)
            case CallKind.TABLE_APPLY:
                assert isinstance(call.decl, ast.TableDecl)
                return self.tables.apply(call.decl)
            case CallKind.PARSER_APPLY | CallKind.CONTROL_APPLY:
                self.block(call, self.instance_of(call.receiver if call.receiver is not None else node))
                return None
            case CallKind.CONSTRUCTOR:
                raise storage.Unsupported("constructing an object in an expression is")
            case CallKind.SIZE:
                raise storage.Unsupported("a size that depends on the value is")
            case _:
                return self._builtin(call)

    # ---- Blocks, actions, functions

    def instance_of(self, node: ast.Node) -> model.Instance:
        """The instance that a name, or a direct invocation, stands for in this frame."""
        found = self.find_instance(node)
        if found is None:
            raise storage.Unsupported("naming an object in this way is")
        return found

    def find_instance(self, node: ast.Node) -> model.Instance | None:
        """`instance_of`; None where the node stands for no object."""
        around = block_frame(self.ctx.frame).instance
        decl = self.ctx.checked.decl_of(node)
        if around is not None:
            if node in around.members:
                return around.members[node]
            if decl is not None and decl in around.members:
                return around.members[decl]
            if isinstance(decl, ast.Param):
                bound = self.ctx.frame.find_object(decl) or around.args.get(decl.name)
                return bound if isinstance(bound, model.Instance) else None
        return self.ctx.checked.instances.get(decl) if isinstance(decl, ast.InstanceDecl) else None

    def routine(self, call: model.Call) -> Tree | None:
        """Inline an action or a function."""
        decl = call.decl
        assert isinstance(decl, ast.FunctionDecl | ast.ActionDecl)
        local = isinstance(decl, ast.ActionDecl) and self._is_local(decl)
        around = block_frame(self.ctx.frame) if local else None
        frame = Frame(around.instance if around is not None else None, around)
        frame.type_args = {param: self.ctx.resolve(type_) for param, type_ in call.type_args.items()}
        result = self.ctx.resolve(call.result)
        if not isinstance(result, t.VoidType):
            frame.result = self.ctx.allocate(result, f"{decl.name}_result")
        shared = isinstance(decl, ast.FunctionDecl)
        self._inline(frame, call.args, decl.name, lambda: self.statements.body(decl.body), shared)
        return frame.result

    def action(self, frame: Frame, decl: ast.ActionDecl, bound: tuple[model.BoundArg, ...]) -> None:
        """Inline an action that a table chose; `frame` has the control plane's arguments already."""
        self._inline(frame, bound, decl.name, lambda: self.statements.body(decl.body), False)

    def _is_local(self, decl: ast.ActionDecl) -> bool:
        return self.ctx.checked.globals.get(decl.name) is not decl

    def block(self, call: model.Call, instance: model.Instance) -> None:
        """Inline a parser or control that another one applies."""
        decl = instance.decl
        frame = Frame(instance, None, is_block=True)
        params = self.ctx.checked.callables[decl]
        args = tuple(
            model.BoundArg(param, arg.value, arg.defaulted)
            for param, arg in zip(params, call.args, strict=True)
        )
        if isinstance(decl, ast.ControlDecl):
            control = decl
            self._inline(frame, args, decl.name, lambda: self.statements.control(control), True)
        else:
            assert isinstance(decl, ast.ParserDecl)
            parser = decl
            self._inline(frame, args, decl.name, lambda: self.parsers.parser(parser), True)

    def _inline(
        self,
        frame: Frame,
        args: tuple[model.BoundArg, ...],
        name: str,
        body: Callable[[], None],
        may_share: bool,
    ) -> None:
        """Bind `args` in `frame`, lower `body` there, copy out.  `exit` inside copies out, too, and so does
        a parser that rejects."""
        ctx = self.ctx
        caller = ctx.frame
        copy_out = self.bind(frame, args, name, may_share)
        frame.return_label = ctx.name(f"{name}_return")
        frame.exit_label = ctx.name(f"{name}_exit") if copy_out else caller.exit_label
        if not copy_out:
            with ctx.enter(frame):
                body()
            ctx.label(frame.return_label, ends=True)
            return
        done = ctx.name(f"{name}_done")
        with ctx.rejecting(lambda: self._copy_out(copy_out)):
            with ctx.enter(frame):
                body()
            ctx.label(frame.return_label, ends=True)
            self._copy_out(copy_out)
            ctx.goto(done)
        if ctx.is_target(frame.exit_label):
            ctx.label(frame.exit_label, ends=True)
            self._copy_out(copy_out)
            ctx.goto(caller.exit_label)
        ctx.label(done, ends=True)

    def _copy_out(self, copy_out: CopyOut) -> None:
        for target, source, siblings in copy_out:
            store(self.ctx, target, source)
            if siblings and isinstance(source, Record) and source.valid is not None:
                with self.ctx.collect() as body:
                    self.invalidate(siblings)
                self.ctx.emit(ir.If(source.valid, tuple(body), (), span=self.ctx.span))

    def bind(self, frame: Frame, args: tuple[model.BoundArg, ...], name: str, may_share: bool) -> CopyOut:
        """Put the parameters of `frame` in place.

        What the callee may write is shared with the caller where that cannot be told from copying: when the
        callee sees nothing else of the caller (`may_share`) and no two arguments overlap.
        """
        targets: list[tuple[model.BoundArg, LValue, Tree | None, list[LValue]]] = []
        for number, arg in enumerate(args):
            if arg.param.direction not in ("out", "inout"):
                self._bind_input(frame, arg, name)
                continue
            (target, siblings), before = self._target(arg), None
            if arg.param.direction == "inout" and self._have_effects(args[number + 1 :]):
                before, may_share = self.ctx.keep_tree(target.read()), False
            targets.append((arg, target, before, siblings))
        share = may_share and self._disjoint([target for _, target, _, _ in targets])
        copy_out: CopyOut = []
        for arg, target, before, siblings in targets:
            type_ = self.ctx.resolve(arg.param.type)
            tree = target.tree if share and not siblings else None
            if tree is None:
                tree = self.ctx.allocate(type_, f"{name}_{arg.param.name}")
                copy_out.append((target, tree, siblings))
                if arg.param.direction == "inout":
                    store(self.ctx, place(tree), target.read() if before is None else before)
            if arg.param.direction == "out":
                self.reset(tree, share=tree is target.tree)
            frame.places[arg.param.decl] = tree
        return copy_out

    def _have_effects(self, args: tuple[model.BoundArg, ...]) -> bool:
        """Whether the evaluation of arguments may change what an argument before them has read."""
        values = [arg.value for arg in args if arg.value is not None]
        return any(self.expressions.has_effects(value) for value in values)

    def _target(self, arg: model.BoundArg) -> tuple[LValue, list[LValue]]:
        if arg.value is None or isinstance(arg.value, ast.DontCare):
            return place(self.ctx.allocate(self.ctx.resolve(arg.param.type), "unused")), []
        return self.member(arg.value)

    def _bind_input(self, frame: Frame, arg: model.BoundArg, name: str) -> None:
        if arg.value is None:
            return
        if isinstance(self.ctx.resolve(arg.param.type), t.ExternType):
            if self.ctx.checked.decl_of(arg.value) in self.ctx.packet:
                self.ctx.packet.add(arg.param.decl)
            else:
                frame.objects[arg.param.decl] = self.instance_of(arg.value)
            return
        value = self.expressions.value(arg.value)
        frame.places[arg.param.decl] = storage.combine(
            lambda parts: self.ctx.keep(parts[0], f"{name}_{arg.param.name}"), value
        )

    @staticmethod
    def _disjoint(targets: list[LValue]) -> bool:
        seen: set[str] = set()
        for target in targets:
            if target.tree is None:
                return False
            names = [leaf.name for leaf in storage.leaves(target.tree) if isinstance(leaf, ir.Var)]
            if seen.intersection(names):
                return False
            seen.update(names)
        return True

    def reset(self, tree: Tree, *, share: bool) -> None:
        """Make headers invalid and, but for storage shared with the caller, everything else zero."""
        match tree:
            case Record(fields, valid):
                for item in fields.values():
                    self.reset(item, share=share)
                if valid is not None:
                    self.ctx.assign(valid, build.FALSE)
            case Stack(elements, next_):
                for element in elements:
                    self.reset(element, share=share)
                self.ctx.assign(next_, build.const(0, next_.width))
            case storage.Varbit():
                for leaf in storage.leaves(tree) if not share else ():
                    self.ctx.assign(leaf, build.const(0, leaf.width))
            case _:
                if not share:
                    self.ctx.assign(tree, build.const(0, tree.width))

    # ---- Built-in methods

    def _builtin(self, call: model.Call) -> Tree | None:
        assert call.receiver is not None
        if call.kind is CallKind.IS_VALID:
            tree = self.expressions.value(call.receiver)
            assert isinstance(tree, Record)
            return _valid(tree)
        target, siblings = self.member(call.receiver)
        if call.kind is CallKind.SET_VALID:
            self.invalidate(siblings)
        if call.kind in (CallKind.SET_VALID, CallKind.SET_INVALID):
            valid = build.boolean(call.kind is CallKind.SET_VALID)
            for condition, tree in target.options:
                assert isinstance(tree, Record) and tree.valid is not None
                store(self.ctx, LValue(((condition, tree.valid),)), valid)
            return None
        stack = target.tree
        assert call.args[0].value is not None
        if not isinstance(stack, Stack):
            raise storage.Unsupported("pushing or popping a stack at a run-time index is")
        self._move(stack, self.ctx.integer(call.args[0].value), call.kind is CallKind.PUSH_FRONT)
        return None

    def member(self, expr: ast.Expr) -> tuple[LValue, list[LValue]]:
        """An l-value, indexes in it evaluated once; of one in a header union also the others' validity."""
        if not isinstance(expr, ast.Member) or isinstance(expr.base, ast.TypeNameExpr):
            return self.expressions.lvalue(expr), []
        type_ = t.strip(self.ctx.type_of(expr.base))
        if not isinstance(type_, t.UnionType):
            return self.expressions.lvalue(expr), []
        union = self.expressions.lvalue(expr.base)
        siblings: list[LValue] = []
        for name in type_.by_name:
            if name != expr.name:
                for condition, tree in union.field(name).options:
                    assert isinstance(tree, Record) and tree.valid is not None
                    siblings.append(LValue(((condition, tree.valid),)))
        return union.field(expr.name), siblings

    def invalidate(self, siblings: list[LValue]) -> None:
        """Make the other headers of a union invalid: one is about to become valid."""
        for place_ in siblings:
            store(self.ctx, place_, build.FALSE)

    def _move(self, stack: Stack, count: int, push: bool) -> None:
        """push_front and pop_front: elements move by `count`, those that come in are invalid."""
        size = len(stack.elements)
        order = range(size - 1, -1, -1) if push else range(size)
        for index in order:
            source = index - count if push else index + count
            if 0 <= source < size:
                store(self.ctx, place(stack.elements[index]), stack.elements[source])
            else:
                self.reset(stack.elements[index], share=False)
        width = stack.next.width
        step = build.const(min(count, size), width)
        if push:
            moved = self.ctx.keep(build.binary(ir.Op.ADD, stack.next, step), "next")
            limit = build.const(size, width)
            over = build.compare(ir.Relation.LT, limit, moved)
            self.ctx.assign(stack.next, build.choose(over, limit, moved))
        else:
            under = build.compare(ir.Relation.LT, stack.next, step)
            less = build.binary(ir.Op.SUB, stack.next, step)
            self.ctx.assign(stack.next, build.choose(under, build.const(0, width), less))


def _valid(tree: Record) -> ir.Expr:
    """Validity of a header; of a header union, whether one of its headers is valid."""
    if tree.valid is not None:
        return tree.valid
    result: ir.Expr = build.FALSE
    for item in tree.fields.values():
        assert isinstance(item, Record)
        result = build.either(result, _valid(item))
    return result
