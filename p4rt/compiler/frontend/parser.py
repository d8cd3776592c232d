# SPDX-License-Identifier: Apache-2.0
"""Parses P4 text into an `ast.Program`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast, preprocessor
from p4rt.compiler.frontend.lalr import Engine
from p4rt.compiler.frontend.lexer import Token, tokenize
from p4rt.compiler.frontend.syntax_errors import recover, report
from p4rt.compiler.frontend.token_stream import TokenStream
from p4rt.compiler.source import Span

MAX_NESTING = 300
"""Deeper nested brackets, expressions or statements are refused, for later stages recurse."""


def parse_file(
    path: str, diagnostics: Diagnostics, include_dirs: Sequence[str] = (), defines: Sequence[str] = ()
) -> ast.Program:
    """Read, preprocess and parse a file; raises `CompileError` when it has syntax errors."""
    return parse(preprocessor.preprocess_file(path, diagnostics, include_dirs, defines), diagnostics)


def parse_text(
    text: str,
    diagnostics: Diagnostics,
    name: str = "<input>",
    include_dirs: Sequence[str] = (),
    defines: Sequence[str] = (),
) -> ast.Program:
    """The same for a text; messages call it `name`."""
    return parse(preprocessor.preprocess_text(text, name, diagnostics, include_dirs, defines), diagnostics)


def parse(text: str, diagnostics: Diagnostics) -> ast.Program:
    """Parse preprocessed text; raises `CompileError` when there are syntax errors."""
    tokens = tokenize(text, diagnostics)
    _check_brackets(tokens, diagnostics)
    engine = Engine(TokenStream(tokens))

    def on_error(token: Token | None) -> Token | None:
        report(engine, token, diagnostics)
        return recover(engine, token)

    program = cast("ast.Program | None", engine.run(on_error))
    diagnostics.check()
    if program is None:
        end = tokens[-1].span if tokens else Span(diagnostics.sources.main, 1, 1, 1, 1)
        diagnostics.fatal("syntax-error", end, "this is not a P4 program")
    _check_depth(program, diagnostics)
    return program


# ---- Limits


def _check_brackets(tokens: list[Token], diagnostics: Diagnostics) -> None:
    """Refuse nesting so deep that no program has it."""
    depth = 0
    for token in tokens:
        if token.type in {"LPAREN", "LBRACE", "LBRACKET"}:
            depth += 1
            if depth > MAX_NESTING:
                diagnostics.fatal("too-complex", token.span, f"brackets nested more than {MAX_NESTING} deep")
        elif token.type in {"RPAREN", "RBRACE", "RBRACKET"}:
            depth = max(0, depth - 1)


def _check_depth(program: ast.Program, diagnostics: Diagnostics) -> None:
    """Refuse expressions and statements too deep for a recursive walk."""
    stack: list[tuple[ast.Node, int]] = [(decl, 0) for decl in program.decls]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_NESTING:
            diagnostics.fatal("too-complex", node.span, f"nested more than {MAX_NESTING} deep")
        stack.extend((child, depth + 1) for child in ast.children(node))
