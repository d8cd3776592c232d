# SPDX-License-Identifier: Apache-2.0
"""Parses P4 text into an `ast.Program`.

The grammar's rules are ply's LALR(1).  Their tables take a second or two to compute, so they are kept in
the user's cache folder, in a file named by the hash of the grammar; without a usable cache folder they
are computed again.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ply import yacc

from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast, grammar, preprocessor
from p4rt.compiler.frontend import grammar_decls as _decls
from p4rt.compiler.frontend import grammar_exprs as _exprs
from p4rt.compiler.frontend import grammar_stmts as _stmts
from p4rt.compiler.frontend.lexer import KEYWORDS, PUNCTUATION, Token, tokenize
from p4rt.compiler.frontend.token_stream import TokenStream
from p4rt.compiler.source import Span

_RULE_MODULES = (_exprs, _stmts, _decls)
"""Importing them registers the rules."""

MAX_NESTING = 300
"""Deeper nested brackets, expressions or statements are refused, for later stages recurse."""

_CONTEXTUAL = (
    "IDENTIFIER", "TYPE_IDENTIFIER", "INTEGER", "STRING", "OPASSIGN", "LANGLE", "RANGLE", "ANNOTATION_BODY",
    "APPLY", "KEY", "ACTIONS", "STATE", "ENTRIES", "TYPE", "PRIORITY", "LIST", "VALUE_SET",
)  # fmt: skip
_TERMINALS = sorted({*KEYWORDS.values(), *PUNCTUATION.values(), *_CONTEXTUAL})
_OPERATORS = {
    "PLUS", "MINUS", "TIMES", "DIVIDE", "MODULO", "PLUSSAT", "MINUSSAT", "CONCAT", "SHL", "SHR", "LE", "GE",
    "LT", "GT", "EQ", "NE", "AND", "OR", "XOR", "LAND", "LOR", "QUESTION", "MASK", "RANGE", "DOT", "LPAREN",
    "LBRACKET", "LANGLE", "PLUSCOLON", "OPASSIGN",
}  # fmt: skip
"""What may follow any expression, and so says nothing about what was expected."""


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
    engine = yacc.LRParser(_tables(), None)
    stream = TokenStream(tokens)

    def on_error(token: Token | None) -> None:
        _report(engine, stream, token, diagnostics)

    engine.errorfunc = on_error
    program = cast("ast.Program | None", engine.parse(lexer=stream))
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


# ---- Tables of the grammar


@cache
def _tables() -> Any:
    """The LALR tables, with productions bound to their actions."""
    productions = []
    for left, right, _, action in grammar.RULES:
        productions.append(_Production(left, right, action))
    start = _Production("S'", ("program",), lambda p: p[1])
    table = SimpleNamespace(lr_productions=[start, *productions], lr_method="LALR")
    table.lr_action, table.lr_goto = _load_or_build()
    return table


class _Production:
    """What ply's parser wants to know about a production."""

    def __init__(self, name: str, right: tuple[str, ...], action: grammar.Action) -> None:
        self.name = name
        self.len = len(right)
        self.str = f"{name} -> {' '.join(right) or '<empty>'}"
        self.action = action

    def callable(self, p: Any) -> None:
        """Run the action and keep its result."""
        p[0] = self.action(p)


def _fingerprint() -> str:
    description = repr((
        [rule[:3] for rule in grammar.RULES], grammar.PRECEDENCE, _TERMINALS, sys.version_info[:2], 1,
    ))  # fmt: skip
    return hashlib.sha256(description.encode()).hexdigest()[:24]


def _load_or_build() -> tuple[dict[int, dict[str, int]], dict[int, dict[str, int]]]:
    """Action and goto tables, from the cache or computed and put there."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "p4rt"
    file = folder / f"grammar-{_fingerprint()}.tables"
    try:
        action, goto = marshal.loads(file.read_bytes())
        return action, goto
    except (OSError, ValueError, EOFError, TypeError):
        pass
    tables = _build()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as stream:
            stream.write(marshal.dumps(tables))
        os.replace(stream.name, file)
    except OSError:
        pass
    return tables


def _build() -> tuple[dict[int, dict[str, int]], dict[int, dict[str, int]]]:
    """Compute the tables; a conflict other than the known ones is a mistake in the grammar."""
    made = build_tables()
    return made.lr_action, made.lr_goto


def build_tables(log: Any = None) -> Any:
    """ply's tables of the grammar, with its lists of conflicts."""
    built = yacc.Grammar(_TERMINALS)
    for level, (associativity, *terminals) in enumerate(grammar.PRECEDENCE, 1):
        for terminal in terminals:
            built.set_precedence(terminal, associativity, level)
    for number, (left, right, precedence, _) in enumerate(grammar.RULES):
        symbols = [*right, "%prec", precedence] if precedence else list(right)
        built.add_production(left, symbols, f"rule{number}", "grammar", number)
    built.set_start("program")
    undefined = built.undefined_symbols()
    assert not undefined, undefined
    return yacc.LRGeneratedTable(built, "LALR", log or yacc.NullLogger())


# ---- Syntax errors


def _report(engine: Any, stream: TokenStream, token: Token | None, diagnostics: Diagnostics) -> None:
    """Say what stands where something else was expected."""
    expected = _expected(engine, "$end" if token is None else token.type)
    wanted = _describe(expected)
    if token is None:
        last = stream.last
        where = last.span if last is not None else Span(diagnostics.sources.main, 1, 1, 1, 1)
        end = Span(where.file, where.end_line, where.end_column, where.end_line, where.end_column + 1)
        found = "unexpected end of file"
        diagnostics.error("syntax-error", end, found + (f", expected {wanted}" if wanted else ""))
        return
    before = stream.before()
    if "SEMI" in expected and before is not None and before.span.line != token.span.line:
        where = before.span
        end = Span(where.file, where.end_line, where.end_column, where.end_line, where.end_column + 1)
        diagnostics.error("syntax-error", end, "expected ';' at the end of this line")
        return
    message = f"unexpected '{token.text}'" if token.text else "unexpected annotation"
    hint = None
    if token.type in KEYWORDS.values() and expected & {"IDENTIFIER", "TYPE_IDENTIFIER"}:
        hint = f"'{token.text}' is a reserved word"
    elif token.type == "IDENTIFIER" and "TYPE_IDENTIFIER" in expected and "IDENTIFIER" not in expected:
        hint = f"'{token.text}' is not the name of a type declared before this place"
    diagnostics.error("syntax-error", token.span, message + (f", expected {wanted}" if wanted else ""), hint)


def _expected(engine: Any, unexpected: str) -> set[str]:
    """The terminals that could have come next, found by trying each on a copy of the parser's stack."""
    stack = list(engine.statestack)
    found = set()
    for terminal in [*_TERMINALS, "$end"]:
        if terminal != unexpected and _accepts(engine, list(stack), terminal):
            found.add(terminal)
    return found


def _accepts(engine: Any, stack: list[int], terminal: str) -> bool:
    """Whether the parser in the states of `stack` would shift `terminal`."""
    for _ in range(1000):
        step = engine.action[stack[-1]].get(terminal)
        if step is None:
            return False
        if step >= 0:
            return True
        production = engine.productions[-step]
        if production.len:
            del stack[-production.len :]
        stack.append(engine.goto[stack[-1]][production.name])
    return False


_TEXTS = {name: f"'{text}'" for text, name in {**PUNCTUATION, **KEYWORDS}.items()} | {
    "IDENTIFIER": "a name",
    "TYPE_IDENTIFIER": "a type",
    "INTEGER": "a number",
    "STRING": "a string",
    "RANGLE": "'>'",
    "LANGLE": "'<'",
    "OPASSIGN": "an assignment operator",
    "APPLY": "'apply {'",
    "STATE": "a state",
    "$end": "the end of the file",
}


def _describe(expected: set[str]) -> str:
    """The expected terminals in words when they are few, else nothing."""
    left = expected - _OPERATORS - {"AT", "ANNOTATION_BODY"}
    if "IDENTIFIER" in left:
        left -= {"TYPE_IDENTIFIER"}
    if len(left) > 4:
        left = {"SEMI"} & left if len(expected) < 40 else set()
    elif not left and len(expected) <= 3:
        left = expected - {"ANNOTATION_BODY", "AT"}
    words = sorted(_TEXTS.get(name, f"'{name.lower()}'") for name in left)
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"
