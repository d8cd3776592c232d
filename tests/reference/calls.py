# SPDX-License-Identifier: Apache-2.0
"""Calls with copy-in and copy-out (P4_16 section 6.8), and what is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.model import CallKind
from p4rt.compiler.frontend import ast

from . import values as v
from .expressions import Expressions, ParserError
from .places import Place, assigned, invalidate
from .values import Record, Stack, Val

Bound = tuple[t.ParamType, Any, Place | None]


class Exit(Exception):
    """`exit`."""


class Return(Exception):
    """`return`, with its value."""

    def __init__(self, value: Val | None) -> None:
        super().__init__()
        self.value = value


class Calls(Expressions):
    """Part of the interpreter: calls."""

    def run_block(self, block: ast.Block) -> None:
        """Run statements; see `Statements`."""
        raise NotImplementedError

    def run_control(self, instance: model.Instance) -> None:
        """Run a control whose parameters are bound; see `Statements`."""
        raise NotImplementedError

    def run_parser(self, instance: model.Instance) -> None:
        """Run a parser whose parameters are bound; see `Parsers`."""
        raise NotImplementedError

    def apply_table(self, decl: ast.TableDecl) -> Any:
        """Apply a table; see `Tables`."""
        raise NotImplementedError

    def extern_function(self, call: model.Call) -> Any:
        """Call an extern function; see `Externs`."""
        raise NotImplementedError

    def extern_method(self, call: model.Call) -> Any:
        """Call a method of an extern object; see `Externs`."""
        raise NotImplementedError

    # ---- Arguments

    def bind(self, args: Iterable[model.BoundArg]) -> list[Bound]:
        """Evaluate arguments in order: l-values are fixed and values are copied now."""
        bound: list[Bound] = []
        for arg in args:
            type_ = t.substitute(arg.param.type, self.type_env)
            if arg.value is None:
                bound.append((arg.param, v.zero(type_), None))
            elif isinstance(type_, t.ExternType | t.BlockType):
                bound.append((arg.param, self.object(arg.value), None))
            elif arg.param.direction == "out":
                bound.append((arg.param, v.zero(type_), self.place(arg.value)))
            elif arg.param.direction == "inout":
                place = self.place(arg.value)
                bound.append((arg.param, assigned(place.get(), self.keep), place))
            else:
                bound.append((arg.param, assigned(self.value(arg.value), self.keep), None))
        return bound

    def invoke(self, bound: list[Bound], body: Callable[[], None]) -> Any:
        """Run `body` with parameters bound; copies out from left to right, after `exit` and `reject` too."""
        for param, value, _ in bound:
            self.env[param.decl] = value
        left: Exit | ParserError | None = None
        result = None
        try:
            body()
        except Return as returned:
            result = returned.value
        except (Exit, ParserError) as error:
            left = error
        for param, _, place in bound:
            if place is not None:
                place.put(assigned(self.env[param.decl], self.keep))
        if left is not None:
            raise left
        return result

    # ---- Calls

    def call(self, node: ast.Call) -> Any:
        """Run a call; the result is its value, None for nothing."""
        call = self.program.call_of(node)
        decl = call.decl
        match call.kind:
            case CallKind.FUNCTION:
                assert isinstance(decl, ast.FunctionDecl)
                return self._function(decl, call)
            case CallKind.ACTION:
                assert isinstance(decl, ast.ActionDecl)
                return self.invoke(self.bind(call.args), lambda: self.run_block(decl.body))
            case CallKind.TABLE_APPLY:
                assert isinstance(decl, ast.TableDecl)
                return self.apply_table(decl)
            case CallKind.CONTROL_APPLY | CallKind.PARSER_APPLY:
                return self._apply(node, call)
            case CallKind.EXTERN_FUNCTION:
                return self.extern_function(call)
            case CallKind.EXTERN_METHOD:
                return self.extern_method(call)
            case CallKind.IS_VALID:
                assert call.receiver is not None
                return v.has_valid(self.value(call.receiver))
            case CallKind.SET_VALID | CallKind.SET_INVALID:
                return self._validity(call)
            case CallKind.PUSH_FRONT | CallKind.POP_FRONT:
                return self._shift_stack(call)
        raise NotImplementedError(f"a call of kind {call.kind}")

    def _function(self, decl: ast.FunctionDecl, call: model.Call) -> Any:
        bound = self.bind(call.args)
        outer = self.type_env
        inner = {param: t.substitute(type_, outer) for param, type_ in call.type_args.items()}
        self.type_env = {**outer, **inner}
        try:
            return self.invoke(bound, lambda: self.run_block(decl.body))
        finally:
            self.type_env = outer

    def _apply(self, node: ast.Call, call: model.Call) -> None:
        bound = self.bind(call.args)
        outer = self.instance
        assert outer is not None
        inner = outer.members[node] if call.receiver is None else self.object(call.receiver)
        assert isinstance(inner, model.Instance)
        run = self.run_parser if call.kind is CallKind.PARSER_APPLY else self.run_control

        def body() -> None:
            self.instance = inner
            try:
                run(inner)
            finally:
                self.instance = outer

        self.invoke(bound, body)

    def _validity(self, call: model.Call) -> None:
        assert call.receiver is not None
        place = self.place(call.receiver)
        header = place.get()
        assert isinstance(header, Record)
        if call.kind is CallKind.SET_INVALID:
            invalidate(header, self.keep)
        elif place.exists():
            header.valid = True
            place.made_valid()

    def _shift_stack(self, call: model.Call) -> None:
        """Section 8.18: push_front and pop_front."""
        assert call.receiver is not None and call.args[0].value is not None
        count = self.number(call.args[0].value)
        stack = self.place(call.receiver).get()
        assert isinstance(stack, Stack)
        size = len(stack.elements)
        count = min(count, size)
        fresh = [assigned(v.zero(stack.type.element), self.keep) for _ in range(count)]
        if call.kind is CallKind.PUSH_FRONT:
            stack.elements = (fresh + stack.elements)[:size]
            stack.next = min(stack.next + count, size)
        else:
            stack.elements = stack.elements[count:] + fresh
            stack.next = max(stack.next - count, 0)
