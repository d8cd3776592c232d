# SPDX-License-Identifier: Apache-2.0
"""Extern functions and objects that the user declares in P4 and gives in C.

    extern bit<16> scale(in bit<16> value, inout meta_t meta);
      ->  uint16_t scale(uint16_t value, struct meta_t *meta);
    extern Wheel { Wheel(bit<32> spokes); void turn(in bit<8> by); }
      ->  void Wheel_turn(uint32_t instance, uint32_t spokes, uint8_t by);

The C is compiled together with the program's own, so that all of it is inlined, verified and optimised as
one; a prototype in front of it makes sure that both mean the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.c_types import CType, CTypes
from p4rt.compiler.midend.externs.family import Family
from p4rt.compiler.midend.layout import natural_size
from p4rt.compiler.midend.lvalues import LValue, place, store
from p4rt.compiler.midend.storage import Tree
from p4rt.compiler.records import record
from p4rt.compiler.source import Span

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions


@record
class Prototype:
    """A declaration in C, and the P4 declaration that it stands for."""

    name: str
    text: str
    span: Span


@record
class _Output:
    """An argument that the function may change: where it goes, and where in the buffer it comes from."""

    target: LValue
    type: t.Type
    c_type: CType
    buffer: ir.Buffer


class FunctionsInC(Family):
    """Calls of functions that are given in C."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self.types = CTypes()
        self.prototypes: dict[str, Prototype] = {}
        self._numbers: dict[model.Instance, int] = {}
        self._names: dict[str, str] = {}

    def reserve(self, decls: Iterable[ast.Decl]) -> None:
        """Take the names of functions in C, before anything else of the program gets them."""
        for decl in decls:
            if isinstance(decl, ast.ExternFunctionDecl):
                self._names.setdefault(decl.name, self.ctx.name(decl.name))
            elif isinstance(decl, ast.ExternDecl):
                for method in decl.methods:
                    name = f"{decl.name}_{method.name}"
                    self._names.setdefault(name, self.ctx.name(name))

    def declare(self, instance: model.Instance) -> None:
        """Number an object among those of its extern, from 0 on."""
        same = [other for other in self._numbers if other.decl is instance.decl]
        self._numbers.setdefault(instance, len(same))

    def function(self, node: ast.Call, call: model.Call) -> Tree | None:
        """A call of an extern function."""
        decl = call.decl
        assert isinstance(decl, ast.ExternFunctionDecl)
        if decl.type_params:
            raise storage.Unsupported(f"the generic extern function '{decl.name}' in C is")
        return self._call(decl.name, decl.span, [], node, call)

    def method(self, node: ast.Call, call: model.Call, instance: model.Instance) -> Tree | None:
        """A call of a method: the object's number and its constructor's arguments come first."""
        decl, method = call.decl, call.method
        assert isinstance(decl, ast.ExternDecl) and method is not None
        if decl.type_params or method.type_params:
            raise storage.Unsupported(f"the generic extern '{decl.name}' in C is")
        self.declare(instance)
        number = build.const(self._numbers[instance], 32)
        first: list[tuple[str, t.Type, ir.Const]] = [("instance", t.BitType(32), number)]
        constructor = instance.constructor
        for param in self.ctx.checked.callables.get(constructor, ()) if constructor is not None else ():
            value = instance.args.get(param.name)
            if value is None or isinstance(value, model.Instance):
                raise storage.Unsupported(f"the argument '{param.name}' of an extern in C is")
            known = self.ctx.literal(value, self.ctx.resolve(param.type))
            if not isinstance(known, ir.Const):
                raise storage.Unsupported(f"the composed argument '{param.name}' of an extern in C is")
            first.append((param.name, self.ctx.resolve(param.type), known))
        return self._call(f"{decl.name}_{method.name}", method.span, first, node, call)

    # ---- Calls

    def _call(
        self,
        name: str,
        span: Span,
        first: Sequence[tuple[str, t.Type, ir.Const]],
        node: ast.Call,
        call: model.Call,
    ) -> Tree | None:
        if self._names.get(name) != name:
            self.ctx.refuse(node.span, f"the name '{name}' is taken: no C function can be called so")
        arguments: list[ir.Expr] = []
        params: list[str] = []
        for wish, type_, constant in first:
            arguments.append(_whole(constant, storage.is_signed(type_)))
            params.append(self.types.of(type_).member(wish))
        result, target = self._result(call)
        outputs: list[_Output] = []
        scopes: list[ir.Buffer] = []
        trees = self._inputs(call)
        with self.ctx.collect() as body:
            for arg, tree in zip(call.args, trees, strict=True):
                c_type = self.types.of(self.ctx.resolve(arg.param.type))
                params.append(_parameter(c_type, arg.param))
                if c_type.by_value and arg.param.direction not in ("out", "inout"):
                    value = tree.read() if isinstance(tree, LValue) else tree
                    assert isinstance(value, ir.Expr)
                    arguments.append(_whole(value, c_type.leaves[0].signed))
                    continue
                buffer = self._pass(arg, tree, c_type, outputs)
                scopes.append(buffer)
                arguments.append(ir.MemoryAddress(ir.WORD, buffer, 0))
            self.ctx.emit(ir.FunctionCall(target, name, tuple(arguments), span=self.ctx.span))
            loaded = [(item.target, self._load(item)) for item in outputs]
        block = tuple(body)
        for buffer in reversed(scopes):
            block = (ir.Scope(buffer, block, span=self.ctx.span),)
        for statement in block:
            self.ctx.emit(statement)
        for place_, tree in loaded:
            store(self.ctx, place_, tree)
        self._declare(name, span, result, params)
        return target

    def _result(self, call: model.Call) -> tuple[str, ir.Var | None]:
        """The result's type in C, and the variable for it."""
        type_ = self.ctx.resolve(call.result)
        if isinstance(type_, t.VoidType):
            return "void", None
        c_type = self.types.of(type_)
        if not c_type.by_value:
            raise storage.Unsupported(f"returning a {type_} from a function in C (pass it as 'out') is")
        return c_type.text, self.ctx.variable("result", c_type.leaves[0].width)

    def _inputs(self, call: model.Call) -> list[Tree | LValue]:
        """Values, and places of what is passed out, evaluated from left to right."""
        found: list[Tree | LValue] = []
        for position, arg in enumerate(call.args):
            if arg.value is None or isinstance(arg.value, ast.DontCare):
                found.append(place(self.ctx.allocate(self.ctx.resolve(arg.param.type), "unused")))
            elif arg.param.direction in ("out", "inout"):
                found.append(self.expressions.lvalue(arg.value))
            else:
                value = self.expressions.value(arg.value)
                later = [other.value for other in call.args[position + 1 :] if other.value is not None]
                effects = any(self.expressions.has_effects(item) for item in later)
                found.append(self.ctx.keep_tree(value) if effects else value)
        return found

    def _pass(
        self, arg: model.BoundArg, tree: Tree | LValue, c_type: CType, outputs: list[_Output]
    ) -> ir.Buffer:
        """A buffer with what the function shall see."""
        ctx = self.ctx
        type_ = ctx.resolve(arg.param.type)
        buffer = ir.Buffer(ctx.name(f"{arg.param.name}_arg"), c_type.size)
        if isinstance(tree, LValue):
            value = storage.zero(type_) if arg.param.direction == "out" else tree.read()
            outputs.append(_Output(tree, type_, c_type, buffer))
        else:
            value = tree
        at = 0
        for leaf, item in sorted(
            zip(c_type.leaves, storage.leaves(value), strict=True), key=lambda pair: pair[0].offset
        ):
            if leaf.offset > at:
                gap = build.const(0, 8 * (leaf.offset - at))
                ctx.emit(ir.Store(buffer, at, gap, False, span=ctx.span))
            whole = build.extend(item, 8 * leaf.size, signed=leaf.signed)
            ctx.emit(ir.Store(buffer, leaf.offset, whole, False, span=ctx.span))
            at = leaf.offset + leaf.size
        if at < c_type.size:
            ctx.emit(ir.Store(buffer, at, build.const(0, 8 * (c_type.size - at)), False, span=ctx.span))
        return buffer

    def _load(self, output: _Output) -> Tree:
        """What the function left, in variables: the buffer ends with the call."""
        result = self.ctx.allocate(output.type, "returned")
        for leaf, target in zip(output.c_type.leaves, storage.leaves(result), strict=True):
            raw = self.ctx.keep(ir.Load(8 * leaf.size, output.buffer, leaf.offset, False))
            self.ctx.assign(target, build.bits(raw, 0, leaf.width))
        return result

    def _declare(self, name: str, span: Span, result: str, params: Sequence[str]) -> None:
        text = f"{result} {name}({', '.join(params) or 'void'});"
        known = self.prototypes.setdefault(name, Prototype(name, text, span))
        if known.text != text:
            raise storage.Unsupported(f"calling overloads of '{name}', which is given in C, is")


def _whole(value: ir.Expr, signed: bool) -> ir.Expr:
    """A scalar as C gets it: all bits of its C type have a meaning."""
    return build.extend(value, 8 * natural_size(value.width), signed=signed)


def _parameter(c_type: CType, param: t.ParamType) -> str:
    if param.direction in ("out", "inout"):
        return f"{c_type.text} *{param.name}_"
    return f"{c_type.text} {param.name}_" if c_type.by_value else f"const {c_type.text} *{param.name}_"
