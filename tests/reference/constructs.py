# SPDX-License-Identifier: Apache-2.0
"""What of the language a program uses."""

from __future__ import annotations

from collections.abc import Iterator

from p4rt.compiler.analysis import model
from p4rt.compiler.frontend import ast

ABSTRACT = {
    ast.Node,
    ast.Expr,
    ast.TypeExpr,
    ast.Statement,
    ast.Decl,
    ast.Property,
    ast.Transition,
    ast.Program,
}
NEVER = {
    "This",
    "ExternFunctionDecl",
    "ExternDecl",
    "Method",
    "ParserTypeDecl",
    "ControlTypeDecl",
    "PackageDecl",
}
"""Kinds of nodes in declarations of externs and architectures, which no random program has."""


def constructs_of(checked: model.CheckedProgram) -> Iterator[str]:
    """Kinds of nodes, operators, and what is called, in the program's own text."""
    main = checked.diagnostics.sources.main
    for decl in checked.program.decls:
        if decl.span.file != main:
            continue
        for node in ast.walk(decl):
            yield type(node).__name__
            if isinstance(node, ast.Binary | ast.Unary | ast.Assign):
                yield f"{type(node).__name__} {node.op}"
            elif isinstance(node, ast.Call) and node in checked.calls:
                yield _called(checked.call_of(node))


def _called(call: model.Call) -> str:
    if call.decl is None or call.kind not in {model.CallKind.EXTERN_FUNCTION, model.CallKind.EXTERN_METHOD}:
        return call.kind.value
    return call.decl.name if call.method is None else f"{call.decl.name}.{call.method.name}"


def kinds_of_nodes() -> set[str]:
    """The names of all kinds of nodes that a program can have."""
    found = {
        item.__name__ for item in vars(ast).values() if isinstance(item, type) and issubclass(item, ast.Node)
    }
    return found - {item.__name__ for item in ABSTRACT} - NEVER
