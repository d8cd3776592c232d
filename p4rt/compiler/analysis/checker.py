# SPDX-License-Identifier: Apache-2.0
"""Checks a program: the entry point of the analysis.

Declarations are checked in source order, each before it is declared, so that a use before the
declaration, and recursion, are undeclared names.  When all is well, the package `main` is instantiated.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.annotations import check_annotations
from p4rt.compiler.analysis.context import kind_name, suggestion
from p4rt.compiler.analysis.conversions import describe
from p4rt.compiler.analysis.instantiate import instantiate
from p4rt.compiler.analysis.keysets import is_selectable
from p4rt.compiler.analysis.model import CheckedProgram
from p4rt.compiler.analysis.statements import always_returns
from p4rt.compiler.analysis.tables import Tables
from p4rt.compiler.analysis.warnings import warn
from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast
from p4rt.compiler.source import Span

_VOID = t.VoidType()
RECURSION_LIMIT = 10_000
FINAL_STATES = ("accept", "reject")


def check_program(program: ast.Program, diagnostics: Diagnostics) -> CheckedProgram:
    """Check a parsed program; raises `CompileError` with all that is wrong with it."""
    # The parser bounds how deep a program nests; at that depth each walk over the tree takes several
    # frames a level, also in the later stages.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    checker = Checker(program, diagnostics)
    _silence(program, diagnostics)
    structured = check_annotations(program, diagnostics)
    try:
        checker.run()
        for decl, note in structured:
            checker.check_annotation(decl, note)
    except RecursionError:
        diagnostics.fatal("too-complex", program.span, "the program is nested too deeply")
    diagnostics.check()
    instantiate(checker.program)
    if checker.program.main is not None and not diagnostics.errors:
        warn(checker.program)
    diagnostics.check()
    return checker.program


def _silence(program: ast.Program, diagnostics: Diagnostics) -> None:
    """Note where `@noWarn("code")`, or `@noWarn` for every code, stands."""
    for decl in program.decls:
        for node in ast.walk(decl):
            for note in getattr(node, "annos", ()):
                if note.name == "noWarn":
                    written = [item.value for item in note.exprs if isinstance(item, ast.StringLit)]
                    codes = [code.replace("_", "-") for code in written]
                    diagnostics.silence(node.span, codes)


class Checker(Tables):
    """All parts of the checker together, and the declarations of the top level."""

    def run(self) -> None:
        """Check all declarations."""
        self.returns = []
        for decl in self.program.program.decls:
            self._declaration(decl)

    def check_annotation(self, decl: ast.Node, note: ast.Annotation) -> None:
        """Evaluate what stands in a structured annotation (P4_16 section 20), in `decl` of the top level.

        Constants of blocks have no names any more: what uses one is not evaluated.
        """
        for expr in (*note.exprs, *(item.value for item in note.items)):
            names = {part.id for part in ast.walk(expr) if isinstance(part, ast.Name)}
            inside = {node.name for node in ast.walk(decl) if names and isinstance(node, ast.ConstDecl)}
            if isinstance(decl, ast.ConstDecl) or not names & inside:
                self._annotation_value(expr)

    def _annotation_value(self, expr: ast.Expr) -> None:
        type_ = self.check(expr)
        if self.is_bad(type_):
            return
        if not isinstance(type_, t.InfIntType | t.BitType | t.IntType | t.StringType | t.BoolType):
            message = f"an annotation holds numbers, strings and bool, not {describe(type_)}"
            self.error("annotation", expr, message)
        elif self.program.constants.get(expr) is None:
            self.error("not-constant", expr, "what an annotation holds must be known at compile time")

    def _declaration(self, decl: ast.Node) -> None:
        match decl:
            case ast.StructDecl() | ast.HeaderDecl() | ast.UnionDecl():
                self.declare_record(decl)
            case ast.EnumDecl():
                self.declare_enum(decl)
            case ast.ErrorDecl():
                self._members(decl.members, self.program.errors, "error")
            case ast.MatchKindDecl():
                self._members(decl.members, self.program.match_kinds, "match kind")
            case ast.TypedefDecl() | ast.NewTypeDecl():
                self.declare_alias(decl)
            case ast.ConstDecl():
                self.check_const(decl)
            case ast.InstanceDecl():
                self.check_instance(decl)
            case ast.ActionDecl():
                self.check_action(decl)
            case ast.FunctionDecl():
                self.check_function(decl)
            case ast.ExternFunctionDecl():
                self._extern_function(decl)
            case ast.ExternDecl():
                self._extern(decl)
            case ast.ParserTypeDecl() | ast.ControlTypeDecl():
                self._block_type(decl)
            case ast.PackageDecl():
                self._package(decl)
            case ast.ParserDecl():
                self._parser(decl)
            case ast.ControlDecl():
                self._control(decl)

    def _members(self, members: Sequence[ast.EnumMember], known: list[str], what: str) -> None:
        """Members of `error` or `match_kind`; declaring one again is an error."""
        for member in members:
            if member.name in known:
                self.error("duplicate", member.name_span, f"{what} '{member.name}' is declared twice")
            else:
                known.append(member.name)

    # ---- Functions, actions, externs

    def check_function(self, decl: ast.FunctionDecl) -> None:
        """Check a function and declare it."""
        self.current.append(decl)
        self.open("function")
        self.open_type_params(decl.type_params)
        result = self.resolve(decl.result)
        self.program.results[decl] = result
        self.program.callables[decl] = self.resolve_params(decl.params)
        for param in self.program.callables[decl]:
            if not param.direction:
                message = f"parameter '{param.name}' of a function needs a direction"
                is_object = isinstance(param.type, t.ExternType | t.BlockType)
                hint = "objects are passed to parsers and controls" if is_object else None
                self.error("direction", param.decl, message, hint or "write 'in' before it to pass a value")
        self.declare_params(decl.params)
        self.returns.append(result)
        self.check_block(decl.body)
        self.returns.pop()
        if not isinstance(result, t.VoidType | t.ErrorRecoveryType) and not always_returns(decl.body):
            self.error("statement", decl.name_span, f"function '{decl.name}' can end without a 'return'")
        self.close()
        self.current.pop()
        self.declare(decl)

    def check_action(self, decl: ast.ActionDecl) -> None:
        """Check an action and declare it."""
        self.current.append(decl)
        self.open("action")
        params = self.resolve_params(decl.params)
        self.program.callables[decl] = params
        self.program.results[decl] = _VOID
        self._action_params(decl, params)
        self.declare_params(decl.params)
        self.returns.append(_VOID)
        self.check_block(decl.body)
        self.returns.pop()
        self.close()
        self.current.pop()
        self.declare(decl)

    def _action_params(self, decl: ast.ActionDecl, params: Sequence[t.ParamType]) -> None:
        """Parameters without direction come last and are what a control plane can write."""
        undirected = False
        for param in params:
            if param.direction and undirected:
                message = f"parameter '{param.name}' with a direction follows one without"
                self.error("direction", param.decl, message)
            if isinstance(param.type, t.ExternType | t.BlockType | t.VarbitType):
                self.error("type-error", param.decl, f"an action's parameter cannot be of type {param.type}")
            undirected = undirected or not param.direction

    def _extern_function(self, decl: ast.ExternFunctionDecl) -> None:
        self.open("extern")
        self.open_type_params(decl.type_params)
        self.program.results[decl] = self.resolve(decl.result)
        self.program.callables[decl] = self.resolve_params(decl.params)
        self.close()
        self.declare(decl)

    def _extern(self, decl: ast.ExternDecl) -> None:
        self.open("extern")
        args = self.open_type_params(decl.type_params)
        self.declared[decl] = t.ExternType(decl.name, args, decl)
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for method in decl.methods:
            self.open("method")
            self.open_type_params(method.type_params)
            if method.result is not None:
                self.program.results[method] = self.resolve(method.result)
            elif method.name != decl.name:
                message = f"a method without a result must be the constructor '{decl.name}'"
                self.error("type-error", method.name_span, message)
            self.program.callables[method] = self.resolve_params(method.params)
            self.close()
            signature = (method.name, tuple(param.name for param in method.params))
            if signature in seen:
                self.error("duplicate", method.name_span, f"method '{method.name}' is declared twice")
            seen.add(signature)
        self.close()
        self.declare(decl)

    # ---- Parsers, controls, packages

    def _block_type(self, decl: ast.ParserTypeDecl | ast.ControlTypeDecl) -> None:
        self.open("type")
        args = self.open_type_params(decl.type_params)
        params = self.resolve_params(decl.params)
        self.close()
        kind = "parser" if isinstance(decl, ast.ParserTypeDecl) else "control"
        self.program.callables[decl] = params
        self.declared[decl] = t.BlockType(kind, decl.name, args, params, decl)
        self.declare(decl)

    def _package(self, decl: ast.PackageDecl) -> None:
        self.open("type")
        args = self.open_type_params(decl.type_params)
        self.program.ctor_params[decl] = self.resolve_params(decl.params)
        self.close()
        self.declared[decl] = t.BlockType("package", decl.name, args, (), decl)
        self.declare(decl)

    def _open_block(self, decl: ast.ParserDecl | ast.ControlDecl, kind: str) -> t.Type:
        """Open the scope of a parser or control with its parameters; the result is its type."""
        self.current.append(decl)
        self.open(kind)
        if decl.type_params:
            self.error("type-error", decl.name_span, f"{kind} '{decl.name}' with a body cannot be generic")
        self.open_type_params(decl.type_params)
        params = self.resolve_params(decl.params)
        ctor_params = self.resolve_params(decl.ctor_params)
        self.program.callables[decl] = params
        self.program.ctor_params[decl] = ctor_params
        for param in ctor_params:
            if param.direction:
                message = f"constructor parameter '{param.name}' cannot have a direction"
                self.error("direction", param.decl, message)
        self.declare_params((*decl.params, *decl.ctor_params))
        return t.BlockType(kind, decl.name, (), params, decl)

    def _close_block(self, decl: ast.ParserDecl | ast.ControlDecl, type_: t.Type) -> None:
        self.close()
        self.current.pop()
        self.declared[decl] = type_
        self.declare(decl)

    def _local(self, node: ast.Node, owner: str) -> None:
        """A declaration inside a parser or control."""
        match node:
            case ast.ConstDecl():
                self.check_const(node)
            case ast.VarDecl():
                self.check_var(node)
            case ast.InstanceDecl():
                self.check_instance(node)
            case ast.ActionDecl() | ast.TableDecl() if owner == "parser":
                what = "action" if isinstance(node, ast.ActionDecl) else "table"
                self.error("syntax-error", node, f"a parser cannot have a {what}" if what == "table" else
                           "a parser cannot have an action")  # fmt: skip
            case ast.ActionDecl():
                self.check_action(node)
            case ast.TableDecl():
                self.check_table(node)
            case ast.ValueSetDecl():
                self._value_set_decl(node, owner)
            case _:
                self.error(
                    "syntax-error", node, f"a statement cannot stand here, among the {owner}'s declarations"
                )

    def _value_set_decl(self, decl: ast.ValueSetDecl, owner: str) -> None:
        if owner != "parser":
            self.error("syntax-error", decl, "a value set is for parsers only")
        element = self.resolve(decl.type)
        self.constant_int(decl.size, "the size of a value set")
        self.program.decl_types[decl] = element
        self.declare(decl)

    def _control(self, decl: ast.ControlDecl) -> None:
        type_ = self._open_block(decl, "control")
        for node in decl.locals:
            self._local(node, "control")
        self.returns.append(_VOID)
        self.check_block(decl.body, "apply")
        self.returns.pop()
        self._close_block(decl, type_)

    def _parser(self, decl: ast.ParserDecl) -> None:
        type_ = self._open_block(decl, "parser")
        for node in decl.locals:
            self._local(node, "parser")
        states: dict[str, ast.StateDecl] = {}
        for state in decl.states:
            if state.name in FINAL_STATES:
                self.error("duplicate", state.name_span, f"state '{state.name}' is there already")
            elif state.name in states:
                self.error("duplicate", state.name_span, f"state '{state.name}' is declared twice")
            elif state.name in self.scopes[-1].names:
                before = self.scopes[-1].names[state.name][0]
                hint = f"it is a {kind_name(before)} declared at line {before.name_span.line}"
                self.error("duplicate", state.name_span, f"'{state.name}' is declared twice", hint)
            else:
                states[state.name] = state
        if "start" not in states:
            self.error("undeclared", decl.name_span, f"parser '{decl.name}' has no state 'start'")
        self.returns.append(None)
        for state in decl.states:
            self.open("state")
            self.check_items(state.body)
            self._transition(state, states)
            self.close()
        self.returns.pop()
        self._close_block(decl, type_)

    def _transition(self, state: ast.StateDecl, states: dict[str, ast.StateDecl]) -> None:
        transition = state.transition
        if isinstance(transition, ast.DirectTransition):
            self._target(transition, transition.state_span, states)
        elif isinstance(transition, ast.SelectTransition):
            self._select(transition, states)

    def _target(
        self,
        node: ast.DirectTransition | ast.SelectCase,
        place: Span,
        states: dict[str, ast.StateDecl],
    ) -> None:
        name = node.state
        if name in states or name in FINAL_STATES:
            self.program.states[node] = states.get(name)
            return
        hint = suggestion(name, [*states, *FINAL_STATES])
        self.error("undeclared", place, f"state '{name}' is not declared", hint)

    def _select(self, transition: ast.SelectTransition, states: dict[str, ast.StateDecl]) -> None:
        types = []
        for expr in transition.exprs:
            type_ = self.check(expr)
            if isinstance(type_, t.InfIntType):
                type_ = self.bad("type-error", expr, "what is selected on must have a width", "write 8w5")
            elif not self.is_bad(type_) and not is_selectable(type_):
                hint = "select on its fields" if isinstance(type_, t.RecordType) else None
                type_ = self.bad("type-error", expr, f"cannot select on {type_}", hint)
            types.append(type_)
        if not types:
            self.error("syntax-error", transition, "select needs an expression")
            return
        for position, case in enumerate(transition.cases):
            self.program.keysets[case] = self.check_keyset(case.keyset, types, computed=True)
            self._target(case, case.state_span, states)
            final = isinstance(case.keyset, ast.DefaultKeyset | ast.DontCare)
            if final and position < len(transition.cases) - 1:
                after = transition.cases[position + 1]
                self.diagnostics.warning(
                    "unreachable", after.span, "this case comes after one that takes all"
                )


__all__ = ["Checker", "check_program"]
