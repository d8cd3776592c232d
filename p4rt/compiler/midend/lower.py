# SPDX-License-Identifier: Apache-2.0
"""Pass: lower a checked program of the architecture `ubpf` to the target IR.

Parsers, controls, actions and functions are inlined into one body: parse, pipeline, deparse.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import Catalog
from p4rt.compiler.backend.ir import Relation
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context, Frame
from p4rt.compiler.midend.home import Home
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_deparser import Deparser
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.lower_externs import DROP, PASS, RESUBMIT, Externs
from p4rt.compiler.midend.lower_parser import Parsers
from p4rt.compiler.midend.lower_statements import Statements
from p4rt.compiler.midend.lower_tables import Tables
from p4rt.compiler.midend.split_shapes import Deparsing
from p4rt.compiler.midend.storage import Record, Tree
from p4rt.compiler.records import record, replace
from p4rt.compiler.source import NO_SPAN, Span

ARCHITECTURE = "ubpf"
ABORT, REDIRECT = 0, 3
_PARSER_ERROR = "parser_error"
_CONTEXT_FIELDS = ("input_port", "packet_length")


@record
class Lowered:
    """The body of the program, and what the control plane sees of it."""

    body: ir.Block
    catalog: Catalog
    given: ir.GivenInC
    homes: tuple[Home, ...]
    deparsing: Deparsing | None


def lower(checked: model.CheckedProgram, given: ir.GivenInC | None = None) -> Lowered:
    """Lower `checked`; the files of `given` define the externs that it declares.

    Raises:
        CompileError: the program is not for this architecture or uses what is not supported.
    """
    return _Program(checked, given or ir.GivenInC()).lower()


class _Program:
    def __init__(self, checked: model.CheckedProgram, given: ir.GivenInC) -> None:
        self.checked = checked
        self.given = given
        self.ctx = Context(checked)
        self.expressions = Expressions(self.ctx)
        self.calls = Calls(self.ctx, self.expressions)
        self.tables = Tables(self.ctx, self.expressions, self.calls)
        self.statements = Statements(self.ctx, self.expressions, self.calls, self.tables)
        self.externs = Externs(self.ctx, self.expressions, self.calls, self.tables, bool(given.files))
        self.parsers = Parsers(self.ctx, self.expressions, self.calls, self.statements)
        self.externs.parsers = self.parsers
        self.tables.attached = self.externs.direct.attached
        self.tables.direct_size = self.externs.direct.size_of
        self.deparser = Deparser(self.ctx, self.expressions, self.externs, self.parsers, self.statements)
        self.standard: Record | None = None

    def lower(self) -> Lowered:
        """The whole program."""
        ctx = self.ctx
        parser, pipeline, deparser = self._blocks()
        try:
            for instance in self.checked.instances.values():
                self.externs.declare(instance)
            headers, meta = self._storage(parser)
        except storage.Unsupported as problem:
            ctx.unsupported(problem.span or parser.span, str(problem))
        arguments: list[Tree] = [headers, meta]
        if self.standard is not None:
            arguments.append(self.standard)
        assert isinstance(parser.decl, ast.ParserDecl)
        with self._enter(parser, [None, *arguments]):
            self.parsers.parser(parser.decl)
            if ctx.parser_error is not None:
                done = ctx.name("parsed")
                ctx.goto(done)
                ctx.rejected(done)
                ctx.label(done)
                self._hide_validity(headers)
            ctx.label(ctx.frame.return_label)
            ctx.label(ctx.frame.exit_label)
        assert isinstance(pipeline.decl, ast.ControlDecl)
        with self._enter(pipeline, arguments):
            self.statements.control(pipeline.decl)
            ctx.label(ctx.frame.return_label)
            ctx.label(ctx.frame.exit_label)
        self._early_verdicts()
        assert isinstance(deparser.decl, ast.ControlDecl)
        with self._enter(deparser, [None, headers]):
            self.deparser.deparser(deparser.decl, headers)
        self._results()
        self.externs.finish()
        homes, deparsing = tuple(self.deparser.homes), self.deparser.deparsing
        return Lowered(tuple(ctx.out), ctx.catalog, self._given(), homes, deparsing)

    def _hide_validity(self, headers: Tree) -> None:
        """Lest the C compiler tests validity, or how far the parser went, by the pointers that the parser
        compared, when they are gone."""
        changed = {item.target.name for item in ir.walk(tuple(self.ctx.out)) if isinstance(item, ir.Assign)}
        for valid in storage.validities(headers):
            if valid.name in changed:
                hidden = self.ctx.opaque(valid, "extracted", known=True)
                self.ctx.assign(valid, build.bits(hidden, 0, 1))
        if not isinstance(self.ctx.cursor, ir.Const):
            self.ctx.move_cursor(self.ctx.opaque(self.ctx.cursor, "parsed"))

    def _given(self) -> ir.GivenInC:
        in_c = self.externs.in_c
        prototypes = tuple((item.text, item.span) for item in in_c.prototypes.values())
        return replace(self.given, types=tuple(in_c.types.definitions), prototypes=prototypes)

    def _blocks(self) -> list[model.Instance]:
        """Parser, pipeline and deparser of `main`."""
        main, diagnostics = self.checked.main, self.checked.diagnostics
        if main is None:
            nowhere = Span(diagnostics.sources.main, 0, 0, 0, 0)
            diagnostics.fatal(
                "no-main", nowhere, "the program has no package instance 'main'", "ubpf(...) main;"
            )
        if main.decl.name != ARCHITECTURE:
            diagnostics.fatal(
                "architecture",
                main.span,
                f"the package '{main.decl.name}' is not one that this compiler knows",
                "include <ubpf_model.p4> and instantiate 'ubpf'",
            )
        blocks = [main.args[name] for name in ("prs", "p", "dprs")]
        return [block for block in blocks if isinstance(block, model.Instance)]

    def _storage(self, parser: model.Instance) -> tuple[Tree, Tree]:
        """Variables for headers and metadata, and where the model has it, standard metadata."""
        ctx = self.ctx
        params = self.checked.callables[parser.decl]
        headers = ctx.allocate(params[1].type, "hdr")
        meta = ctx.allocate(params[2].type, "meta")
        verdict = build.const(PASS, storage.ENUM_WIDTH)
        if len(params) > 3:
            type_ = t.strip(params[3].type)
            tree = ctx.allocate(type_, "std")
            assert isinstance(tree, Record)
            action = tree.fields["output_action"]
            assert isinstance(action, ir.Var)
            ctx.verdict = action
            self.standard = tree
            for field in _CONTEXT_FIELDS:
                target = tree.fields[field]
                assert isinstance(target, ir.Var)
                ctx.emit(ir.ReadContext(target, field))
            error = tree.fields.get(_PARSER_ERROR)
            if isinstance(error, ir.Var):
                ctx.assign(error, build.const(self.checked.errors.index("NoError"), error.width))
                ctx.parser_error = error
        ctx.assign(ctx.verdict, verdict)
        ctx.assign(ctx.cursor, build.const(0, ir.WORD))
        for tree in (headers, meta):
            for stack in storage.stacks(tree):
                ctx.start_at_zero(stack.next)
        return headers, meta

    def _enter(
        self, instance: model.Instance, arguments: Sequence[Tree | None]
    ) -> AbstractContextManager[Frame]:
        """The frame of a block of the package; None stands for the packet."""
        frame = Frame(instance, None, is_block=True)
        name = instance.decl.name
        frame.return_label = self.ctx.name(f"{name}_return")
        frame.exit_label = self.ctx.name(f"{name}_exit")
        for param, argument in zip(self.checked.callables[instance.decl], arguments, strict=True):
            if argument is None:
                self.ctx.packet.add(param.decl)
            else:
                frame.places[param.decl] = argument
        return self.ctx.enter(frame)

    def _standard(self, name: str) -> ir.Expr:
        assert self.standard is not None
        tree = self.standard.fields[name]
        assert isinstance(tree, ir.Expr)
        return tree

    def _verdict_is(self, number: int) -> ir.Expr:
        return build.compare(Relation.EQ, self.ctx.verdict, build.const(number, storage.ENUM_WIDTH))

    def _early_verdicts(self) -> None:
        """A packet that goes nowhere is not deparsed."""
        ctx = self.ctx
        dropped = self._verdict_is(DROP)
        if self.standard is not None:
            ctx.goto_if(self._verdict_is(ABORT), ctx.reject_label)
            dropped = build.both(dropped, build.invert(self._standard("clone")))
        drop = ir.Return(build.const(DROP, ir.WORD))
        ctx.emit(ir.If(dropped, (drop,), ()))

    def _results(self) -> None:
        ctx = self.ctx
        ctx.span = NO_SPAN
        if self.standard is not None:
            port = ir.WriteContext("output_port", self._standard("output_port"))
            ctx.emit(ir.If(self._verdict_is(REDIRECT), (port,), ()))
            clone = ir.WriteContext("clone", build.const(1, 32))
            clone_port = ir.WriteContext("clone_port", self._standard("clone_port"))
            ctx.emit(ir.If(self._standard("clone"), (clone, clone_port), ()))
        if self.externs.architecture.resubmit_table is not None:
            table = ir.WriteContext("output_port", self.externs.architecture.resubmit_table)
            ctx.emit(ir.If(self._verdict_is(RESUBMIT), (table,), ()))
        ctx.emit(ir.Return(build.extend(ctx.verdict, ir.WORD)))
        ctx.label(ctx.reject_label)
        ctx.emit(ir.Return(build.const(ABORT, ir.WORD)))
