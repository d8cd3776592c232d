# SPDX-License-Identifier: Apache-2.0
"""What all parts of the checker share: scopes, look-up of names, messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.constants import ConstantError, ConstantEvaluator
from p4rt.compiler.analysis.model import CheckedProgram, Value
from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast
from p4rt.compiler.source import NO_SPAN, Span

Overloadable = ast.FunctionDecl | ast.ExternFunctionDecl | ast.ActionDecl

CORE_NAMES = {"packet_in", "packet_out", "NoAction", "verify", "static_assert"}
"""What core.p4 declares, to say so when it is not included."""

BAD = t.ErrorRecoveryType()
_NO_BODY = ("type", "extern", "method")
"""Scopes whose names nothing can refer to."""


class Scope:
    """Names declared in one place; functions of one name may be several."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.names: dict[str, list[ast.Decl]] = {}


def kind_name(decl: ast.Decl) -> str:
    """What a declaration is, in a message."""
    return {
        ast.ConstDecl: "constant", ast.VarDecl: "variable", ast.Param: "parameter", ast.Field: "field",
        ast.InstanceDecl: "instance", ast.ActionDecl: "action", ast.FunctionDecl: "function",
        ast.ExternFunctionDecl: "function", ast.ExternDecl: "extern", ast.StructDecl: "struct",
        ast.HeaderDecl: "header", ast.UnionDecl: "header union", ast.EnumDecl: "enum",
        ast.TypedefDecl: "type", ast.NewTypeDecl: "type", ast.ParserTypeDecl: "parser type",
        ast.ControlTypeDecl: "control type", ast.PackageDecl: "package", ast.ParserDecl: "parser",
        ast.ControlDecl: "control", ast.StateDecl: "state", ast.TableDecl: "table",
        ast.ValueSetDecl: "value set", ast.TypeParam: "type parameter", ast.EnumMember: "member",
        ast.Method: "method",
    }.get(type(decl), "name")  # fmt: skip


class Context:
    """State of a run of the checker."""

    def __init__(self, program: ast.Program, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.program = CheckedProgram(program, diagnostics)
        self.evaluator = ConstantEvaluator(self.program)
        self.program.evaluator = self.evaluator
        self.scopes: list[Scope] = [Scope("program")]
        self.declared: dict[ast.Decl, t.Type] = {}
        """Types that declarations introduce; generic ones with their own type variables as arguments."""
        self.current: list[ast.Decl] = []
        """Declarations being checked, outermost first."""
        self._part_counts: dict[int, tuple[int, t.Type]] = {}
        self.later = _names_of(program.decls)

    # ---- Messages

    def error(self, code: str, node: ast.Node | Span, message: str, hint: str | None = None) -> None:
        """Report an error at a node."""
        span = node if isinstance(node, Span) else node.span
        self.diagnostics.error(code, span, message, hint)

    def bad(self, code: str, node: ast.Node | Span, message: str, hint: str | None = None) -> t.Type:
        """Report an error; the result is the type of the expression that it is about."""
        self.error(code, node, message, hint)
        return BAD

    # ---- Scopes

    def open(self, kind: str) -> None:
        """Open a scope."""
        self.scopes.append(Scope(kind))

    def close(self) -> None:
        """Close the innermost scope."""
        self.scopes.pop()

    def declare(self, decl: ast.Decl) -> None:
        """Put a declaration into the innermost scope; a second one of the name is an error."""
        scope = self.scopes[-1]
        known = scope.names.setdefault(decl.name, [])
        if known and not self._may_overload(known, decl):
            before = known[0]
            place = f"line {before.name_span.line}"
            if before.name_span.file != decl.name_span.file:
                place = str(before.name_span)
            message = f"'{decl.name}' is declared twice"
            self.error(
                "duplicate", decl.name_span, message, f"it is a {kind_name(before)} declared at {place}"
            )
            return
        known.append(decl)
        if len(self.scopes) == 1:
            self.program.globals[decl.name] = decl
        elif decl.name_span.file == self.diagnostics.sources.main:
            self._warn_shadow(decl)

    def _warn_shadow(self, decl: ast.Decl) -> None:
        """A name that hides another one of a block around; a type variable or a state is no such name."""
        if (
            isinstance(decl, ast.TypeParam | ast.StateDecl | ast.TableDecl)
            or self.scopes[-1].kind in _NO_BODY
        ):
            return
        for scope in reversed(self.scopes[:-1]):
            for before in scope.names.get(decl.name, ()):
                if isinstance(before, ast.VarDecl | ast.Param | ast.ConstDecl | ast.InstanceDecl):
                    place = f"line {before.name_span.line}"
                    if before.name_span.file != decl.name_span.file:
                        place = str(before.name_span)
                    message = f"'{decl.name}' hides the {kind_name(before)} of that name declared at {place}"
                    self.diagnostics.warning("shadow", decl.name_span, message)
                    return

    def _may_overload(self, known: list[ast.Decl], decl: ast.Decl) -> bool:
        if not isinstance(decl, Overloadable) or not all(isinstance(item, Overloadable) for item in known):
            return False
        names = {
            tuple(param.name for param in item.params) for item in known if isinstance(item, Overloadable)
        }
        counts = {len(item) for item in names}
        return len(decl.params) not in counts or tuple(param.name for param in decl.params) not in names

    def lookup(self, name: str, absolute: bool = False) -> list[ast.Decl]:
        """Declarations of a name, innermost scope first; empty when there is none."""
        for scope in self.scopes[:1] if absolute else reversed(self.scopes):
            found = scope.names.get(name)
            if found:
                return found
        return []

    def undeclared(self, node: ast.Node | Span, name: str, what: str = "name") -> t.Type:
        """Report a name that is not declared, with what could have been meant."""
        if any(decl.name == name for decl in self.current):
            return self.bad("recursion", node, f"'{name}' uses itself: P4 has no recursion")
        place = self.later.get(name)
        if place is not None and len(self.scopes) >= 1 and place.line > 0:
            where = f"line {place.line}"
            return self.bad("undeclared", node, f"'{name}' is used before it is declared ({where})")
        if name in CORE_NAMES:
            return self.bad(
                "undeclared", node, f"{what} '{name}' is not declared", "#include <core.p4> declares it"
            )
        names = [known for scope in self.scopes for known in scope.names]
        return self.bad("undeclared", node, f"{what} '{name}' is not declared", suggestion(name, names))

    # ---- Constants

    def fold(self, expr: ast.Expr) -> Value | None:
        """Work out the value of an expression just typed and keep it."""
        try:
            value = self.evaluator.evaluate(expr, None)
        except ConstantError as error:
            self.error("constant", expr, str(error))
            return None
        if value is not None:
            self.program.constants[expr] = value
        return value

    def is_bad(self, *types: t.Type) -> bool:
        """Whether a message was given about one of the types."""
        return any(isinstance(type_, t.ErrorRecoveryType) for type_ in types)


def suggestion(name: str, names: Iterable[str]) -> str | None:
    """A hint with the known name nearest to a wrong one."""
    near = get_close_matches(name, list(dict.fromkeys(names)), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else None


def one_of(names: Iterable[str]) -> str:
    """A hint that lists what exists."""
    listed = list(names)
    shown = ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")
    return f"there is {shown}" if listed else "there is none"


def _names_of(decls: Iterable[ast.Node]) -> dict[str, Span]:
    """Where the names of the top level are declared, to tell 'too early' from 'never'."""
    return {
        decl.name: decl.name_span for decl in decls if isinstance(decl, ast.Decl) and decl.span is not NO_SPAN
    }
