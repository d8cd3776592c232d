# SPDX-License-Identifier: Apache-2.0
"""Messages about syntax errors, and how parsing goes on after one."""

from __future__ import annotations

from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend.lalr import END, Engine
from p4rt.compiler.frontend.lexer import KEYWORDS, PUNCTUATION, Token
from p4rt.compiler.source import Span

_OPERATORS = {
    "PLUS", "MINUS", "TIMES", "DIVIDE", "MODULO", "PLUSSAT", "MINUSSAT", "CONCAT", "SHL", "SHR", "LE", "GE",
    "LT", "GT", "EQ", "NE", "AND", "OR", "XOR", "LAND", "LOR", "QUESTION", "MASK", "RANGE", "DOT", "LPAREN",
    "LBRACKET", "LANGLE", "PLUSCOLON", "OPASSIGN",
}  # fmt: skip
"""What may follow any expression, and so says nothing about what was expected."""


def recover(engine: Engine, token: Token | None) -> Token | None:
    """Go on after a syntax error, so that a run reports several; None at the end of the file.

    The parser goes back to the innermost list in which the grammar has an `error` (statements, fields,
    entries, declarations, ...), and forward to what follows the next `;` or block, or to the `}` that ends
    the list."""
    while not engine.may_recover():
        if not engine.values:
            return None
        engine.pop()
    depth = 0
    while token is not None:
        ends = False
        if token.type == "LBRACE":
            depth += 1
        elif token.type == "RBRACE":
            if depth == 0 and engine.accepts("RBRACE"):
                return token
            depth = max(0, depth - 1)
            ends = depth == 0
        elif token.type == "SEMI":
            ends = depth == 0
        token = engine.stream.token()
        if ends and token is not None and engine.accepts(token.type):
            return token
    return None


def report(engine: Engine, token: Token | None, diagnostics: Diagnostics) -> None:
    """Say what stands where something else was expected."""
    expected = engine.expected()
    wanted = _describe(expected, at_end=token is None)
    if token is None:
        last = engine.stream.last
        where = last.span if last is not None else Span(diagnostics.sources.main, 1, 1, 1, 1)
        end = Span(where.file, where.end_line, where.end_column, where.end_line, where.end_column + 1)
        found = "unexpected end of file"
        diagnostics.error("syntax-error", end, found + (f", expected {wanted}" if wanted else ""))
        return
    before = engine.stream.before()
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
    cast = engine.stream.name_in_parentheses()
    if cast is not None:
        hint = f"'{cast}' is not the name of a type declared before this place"
    diagnostics.error("syntax-error", token.span, message + (f", expected {wanted}" if wanted else ""), hint)


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
    END: "the end of the file",
}


def _describe(expected: set[str], *, at_end: bool) -> str:
    """The expected terminals in words when they are few, else nothing."""
    for terminal in ("APPLY", "STATE"):
        if terminal in expected:
            return _TEXTS[terminal]
    left = expected - _OPERATORS - {"AT", "ANNOTATION_BODY"}
    if "IDENTIFIER" in left:
        left -= {"TYPE_IDENTIFIER"}
    if len(left) > 4:
        inside = "RBRACE" in expected
        left = {"RBRACE"} if inside and at_end else {"SEMI"} & left if not inside else set()
    elif not left and len(expected) <= 3:
        left = expected - {"ANNOTATION_BODY", "AT"}
    words = sorted(_TEXTS.get(name, f"'{name.lower()}'") for name in left)
    if len(words) <= 1:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"
