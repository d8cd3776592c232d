# SPDX-License-Identifier: Apache-2.0
"""Lowering of extern functions and objects: which family of `midend/externs/` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import ir
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.checksums import Checksums
from p4rt.compiler.midend.externs.controller_headers import add_controller_headers
from p4rt.compiler.midend.externs.counters import Counters
from p4rt.compiler.midend.externs.digests import Digests
from p4rt.compiler.midend.externs.direct import DirectObjects
from p4rt.compiler.midend.externs.family import Family
from p4rt.compiler.midend.externs.hashes import Hashes
from p4rt.compiler.midend.externs.in_c import FunctionsInC
from p4rt.compiler.midend.externs.meters import Meters
from p4rt.compiler.midend.externs.profiles import Profiles
from p4rt.compiler.midend.externs.random_numbers import RandomNumbers
from p4rt.compiler.midend.externs.registers import Registers
from p4rt.compiler.midend.externs.verdicts import DROP, PASS, RESUBMIT, Architecture
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_deparser import Deparser
    from p4rt.compiler.midend.lower_parser import Parsers
    from p4rt.compiler.midend.lower_tables import Tables

__all__ = ["DROP", "PASS", "RESUBMIT", "Externs"]


class Externs(Family):
    """Extern functions and methods of one program.

    What no family knows is a function in C, when the user gives any C.
    """

    parsers: Parsers
    deparser: Deparser

    def __init__(
        self, ctx: Context, expressions: Expressions, calls: Calls, tables: Tables, given_in_c: bool
    ) -> None:
        super().__init__(ctx, expressions, calls)
        calls.externs = self
        self._given_in_c = given_in_c
        self.in_c = FunctionsInC(ctx, expressions, calls)
        if given_in_c:
            self.in_c.reserve(decl for decl in ctx.checked.program.decls if isinstance(decl, ast.Decl))
        self.direct = DirectObjects(ctx)
        self.direct.tables = tables
        self.architecture = Architecture(ctx, expressions, calls)
        tables.profiles = Profiles(ctx, expressions, calls)
        families = (
            self.architecture,
            Registers(ctx, expressions, calls),
            Counters(ctx, expressions, calls, self.direct),
            Meters(ctx, expressions, calls, self.direct),
            RandomNumbers(ctx, expressions, calls),
            Hashes(ctx, expressions, calls),
            Checksums(ctx, expressions, calls),
            Digests(ctx, expressions, calls),
            tables.profiles,
        )
        self.methods = {
            ("packet_in", "extract"): lambda node, call: self.parsers.extract(node, call),
            ("packet_in", "lookahead"): lambda node, call: self.parsers.lookahead(node, call),
            ("packet_in", "advance"): lambda node, call: self.parsers.advance(call),
            ("packet_in", "length"): self._length,
            ("packet_out", "emit"): lambda node, call: self.deparser.emit(node, call),
        }
        for family in families:
            self.functions.update(family.functions)
            self.methods.update(family.methods)
            self.objects.update(family.objects)

    def function(self, node: ast.Call, call: model.Call) -> Tree | None:
        """A call of an extern function."""
        assert isinstance(call.decl, ast.ExternFunctionDecl)
        handler = self.functions.get(call.decl.name)
        if handler is not None:
            return handler(node, call)
        if not self._given_in_c:
            self._undefined(node, f"the extern function '{call.decl.name}'")
        return self.in_c.function(node, call)

    def method(self, node: ast.Call, call: model.Call) -> Tree | None:
        """A call of a method of an extern object."""
        assert isinstance(call.decl, ast.ExternDecl) and call.method is not None
        handler = self.methods.get((call.decl.name, call.method.name))
        if handler is not None:
            return handler(node, call)
        if not self._given_in_c or call.decl.name in self.objects:
            raise storage.Unsupported(f"the extern method '{call.decl.name}.{call.method.name}' is")
        return self.in_c.method(node, call, self.receiver(call))

    def declare(self, instance: model.Instance) -> None:
        """Make what an object needs, so that the control plane sees it even where nothing uses it."""
        if not isinstance(instance.decl, ast.ExternDecl):
            return
        make = self.objects.get(instance.decl.name)
        try:
            if make is not None:
                make(instance)
            elif self._given_in_c:
                self.in_c.declare(instance)
            else:
                self._undefined(instance.source, f"the extern '{instance.decl.name}'")
        except storage.Unsupported as problem:
            self.ctx.unsupported(problem.span or instance.span, str(problem))

    def finish(self) -> None:
        """Checks that are possible once everything was lowered."""
        self.direct.finish()
        add_controller_headers(self.ctx)

    def _undefined(self, node: ast.Node, what: str) -> None:
        self.ctx.refuse(node.span, f"{what} is not defined", "give it in C, with --extern FILE.c")

    def _length(self, node: ast.Call, call: model.Call) -> Tree:
        length = self.ctx.variable("length", 32)
        self.ctx.emit(ir.ReadContext(length, "packet_length", span=self.ctx.span))
        return length
