# SPDX-License-Identifier: Apache-2.0
"""The AST as nested lists, to be read and compared in tests."""

from __future__ import annotations

from typing import Any

from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast
from p4rt.compiler.frontend.parser import parse_text


def shape(value: Any) -> Any:
    """A node as `[class, field, ...]` without spans and empty fields; the most common ones shorter.

    A Name is its text, an integer literal its spelling, a type of bits its spelling.
    """
    match value:
        case ast.Name(id=name, absolute=absolute):
            return f".{name}" if absolute else name
        case ast.NamedTypeExpr(name=name, absolute=absolute):
            return f".{name}" if absolute else name
        case ast.IntLit(text=text):
            return text
        case ast.BitTypeExpr(width=ast.IntLit(text=text)):
            return f"bit<{text}>"
        case ast.BaseTypeExpr(kind=kind):
            return kind
        case ast.Member(base=base, name=name):
            return [".", shape(base), name]
        case ast.Binary(op=op, left=left, right=right) | ast.Assign(op=op, target=left, value=right):
            return [op, shape(left), shape(right)]
        case ast.TypeNameExpr(type=type_):
            return shape(type_)
        case ast.CallStatement(call=call):
            return shape(call)
        case ast.Argument(name=None, value=inner):
            return shape(inner)
        case ast.Node():
            fields = [
                shape(item)
                for name, item in vars(value).items()
                if not name.endswith("span") and item not in ((), None, "", False)
            ]
            return [type(value).__name__, *fields]
        case tuple():
            return [shape(item) for item in value]
    return value


def decls(text: str) -> list[Any]:
    """Shapes of the declarations of a text."""
    return [shape(decl) for decl in parse_text(text, Diagnostics()).decls]


def expression(text: str, before: str = "") -> Any:
    """Shape of an expression, parsed as the value of a constant."""
    program = parse_text(f"{before} const int x = {text};", Diagnostics())
    last = program.decls[-1]
    assert isinstance(last, ast.ConstDecl)
    return shape(last.value)


def statements(text: str, before: str = "") -> list[Any]:
    """Shapes of statements, parsed as the body of an action."""
    program = parse_text(f"{before} action a() {{ {text} }}", Diagnostics())
    last = program.decls[-1]
    assert isinstance(last, ast.ActionDecl)
    return [shape(item) for item in last.body.body]
