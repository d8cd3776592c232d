# SPDX-License-Identifier: Apache-2.0
"""Cuts preprocessed P4 text into tokens that know their place in the user's file.

Context decides about some words only later, in `p4rt.compiler.frontend.token_stream`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend.preprocessor import clean_name
from p4rt.compiler.source import SourceMap, Span

KEYWORDS = {
    "abstract": "ABSTRACT", "action": "ACTION", "bit": "BIT", "bool": "BOOL", "break": "BREAK",
    "const": "CONST", "continue": "CONTINUE", "control": "CONTROL", "default": "DEFAULT", "else": "ELSE",
    "enum": "ENUM", "error": "ERROR", "exit": "EXIT", "extern": "EXTERN", "false": "FALSE", "for": "FOR",
    "header": "HEADER", "header_union": "HEADER_UNION", "if": "IF", "in": "IN", "inout": "INOUT",
    "int": "INT", "match_kind": "MATCH_KIND", "out": "OUT", "package": "PACKAGE", "parser": "PARSER",
    "return": "RETURN", "select": "SELECT", "string": "STRING_TYPE", "struct": "STRUCT",
    "switch": "SWITCH", "table": "TABLE", "this": "THIS", "transition": "TRANSITION", "true": "TRUE",
    "tuple": "TUPLE", "typedef": "TYPEDEF", "varbit": "VARBIT", "void": "VOID",
}  # fmt: skip
"""Reserved words.  `apply key actions state entries type priority list value_set` are words by context."""

PUNCTUATION = {
    "(": "LPAREN", ")": "RPAREN", "[": "LBRACKET", "]": "RBRACKET", "{": "LBRACE", "}": "RBRACE",
    "{#}": "INVALID", ";": "SEMI", ":": "COLON", ",": "COMMA", ".": "DOT", "..": "RANGE", "...": "DOTS",
    "?": "QUESTION", "@": "AT", "_": "DONTCARE", "+:": "PLUSCOLON",
    "=": "ASSIGN", "==": "EQ", "!=": "NE", "<": "LT", ">": "GT", "<=": "LE", ">=": "GE",
    "+": "PLUS", "-": "MINUS", "*": "TIMES", "/": "DIVIDE", "%": "MODULO", "|+|": "PLUSSAT",
    "|-|": "MINUSSAT", "<<": "SHL", ">>": "SHR", "&": "AND", "|": "OR", "^": "XOR", "~": "NOT",
    "&&": "LAND", "||": "LOR", "!": "LNOT", "++": "CONCAT", "&&&": "MASK",
}  # fmt: skip

ASSIGN_OPERATORS = ("+=", "-=", "*=", "/=", "%=", "|+|=", "|-|=", "<<=", ">>=", "&=", "|=", "^=")
"""All become token OPASSIGN."""

_OPERATORS = sorted([*PUNCTUATION, *ASSIGN_OPERATORS], key=len, reverse=True)
_TOKEN = re.compile(
    r"(?P<space>[ \t\r\f\v]+)"
    r"|(?P<number>\d+[ws][0-9a-zA-Z_]+|\d[0-9a-zA-Z_]*)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r'|(?P<string>"(?:[^"\\]|\\.)*")'
    r"|(?P<op>" + "|".join(re.escape(op) for op in _OPERATORS if op != "_") + ")"
)
_BAD_TEXT = re.compile(r'".*|[^\W\d]\w*')
_NUMBER = re.compile(
    r"(?:(?P<width>\d+)(?P<sign>[ws]))?"
    r"(?:0[xX](?P<hex>[0-9a-fA-F_]+)|0[bB](?P<bin>[01_]+)|0[oO](?P<oct>[0-7_]+)|(?:0[dD])?(?P<dec>[0-9_]+))"
)
_MARKER = re.compile(r'#(?:line)? ?(?P<line>\d+) "(?P<file>(?:[^"\\]|\\.)*)"')
_MAX_DIGITS = 4000


class Token:
    """A token: its terminal, its text, its place.

    Few have more: `number`, `width` and `string` hold a literal's value, `body` an annotation's tokens.
    """

    number = 0
    width: tuple[int, bool] | None = None
    string = ""
    body: Sequence[Token] = ()

    def __init__(self, type_: str, text: str, span: Span) -> None:
        self.type = type_
        self.text = text
        self.span = span

    def __repr__(self) -> str:
        return f"Token({self.type}, {self.text!r}, {self.span})"


def tokenize(text: str, diagnostics: Diagnostics) -> list[Token]:
    """All tokens of preprocessed `text`; bad characters and literals are reported and left out."""
    tokens: list[Token] = []
    sources = diagnostics.sources
    file, line = sources.main, 0
    builtin = False
    for row in text.split("\n"):
        if row.lstrip().startswith("#"):
            marker = _MARKER.match(row.lstrip())
            if marker:
                name = marker["file"].replace('\\"', '"').replace("\\\\", "\\")
                file, line = clean_name(name, sources.main), int(marker["line"]) - 1
                builtin = name.startswith("<") and name != "<stdin>"
            else:
                line += 1
            continue
        line += 1
        if row and not builtin and not row.isspace():
            _tokenize_line(row, file, line, sources, diagnostics, tokens)
    return tokens


def _tokenize_line(
    row: str, file: str, line: int, sources: SourceMap, diagnostics: Diagnostics, tokens: list[Token]
) -> None:
    """Tokens of one line.

    The preprocessor squeezes white space, so a token's column is where its text stands in the user's own
    line, after the token before it; what a macro made gets the column where the macro's name stands.
    """
    original = sources.line(file, line)
    exact = original is None or original.startswith(row.rstrip())
    original = original or ""
    cursor = column = 0
    position = 0
    while position < len(row):
        found = _TOKEN.match(row, position)
        if found is None:
            bad = _BAD_TEXT.match(row, position)
            text = bad[0] if bad else row[position]
            where = original.find(text, cursor)
            column = position if exact else max(where, cursor)
            span = Span(file, line, column + 1, line, column + 1 + len(text))
            tokens.extend(_bad_characters(text, span, diagnostics))
            position += len(text)
            continue
        text, kind = found[0], found.lastgroup
        if kind != "space":
            if exact:
                column = position
            else:
                where = original.find(text, cursor)
                if where >= 0:
                    column, cursor = where, where + len(text)
                else:
                    column = len(original) - len(original[cursor:].lstrip())
            span = Span(file, line, column + 1, line, column + 1 + len(text))
            token = _make(kind or "", text, span, diagnostics)
            if token is not None:
                tokens.append(token)
        position = found.end()


def _bad_characters(text: str, span: Span, diagnostics: Diagnostics) -> list[Token]:
    """Report what is no token; the result stands in for it, so that no more errors come from it."""
    if text[0] == '"':
        diagnostics.error("syntax-error", span, "string is not closed before the end of the line")
        closing = [Token("SEMI", ";", span)] if text.rstrip().endswith(";") else []
        return [Token("STRING", text, span), *closing]
    if text[0].isalpha():
        message = f"{text!r} is not a name: names are of the letters a to z, digits and _"
        diagnostics.error("syntax-error", span, message)
        return [Token("IDENTIFIER", text, span)]
    if text == "#":
        diagnostics.error("syntax-error", span, "a preprocessor directive must be first on its line")
    else:
        shown = repr(text) if text.isprintable() else f"U+{ord(text):04X}"
        diagnostics.error("syntax-error", span, f"character {shown} has no meaning in P4")
    return []


def _make(kind: str, text: str, span: Span, diagnostics: Diagnostics) -> Token | None:
    """The token of a match of the regular expression's group `kind`."""
    if kind == "word":
        return Token("DONTCARE" if text == "_" else KEYWORDS.get(text, "IDENTIFIER"), text, span)
    if kind == "op":
        return Token(PUNCTUATION.get(text, "OPASSIGN"), text, span)
    if kind == "string":
        token = Token("STRING", text, span)
        token.string = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
        return token
    return _number(text, span, diagnostics)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def _number(text: str, span: Span, diagnostics: Diagnostics) -> Token:
    """An integer literal; a bad one is reported and stands for 0."""
    token = Token("INTEGER", text, span)
    found = _NUMBER.fullmatch(text)
    digits = "" if found is None else (found["hex"] or found["bin"] or found["oct"] or found["dec"])
    digits = digits.replace("_", "")
    if found is None or not digits:
        diagnostics.error("syntax-error", span, f"'{_short(text)}' is not a number")
        return token
    if len(text) > _MAX_DIGITS:
        diagnostics.error("syntax-error", span, f"number has more than {_MAX_DIGITS} digits")
        return token
    base = 16 if found["hex"] else 2 if found["bin"] else 8 if found["oct"] else 10
    token.number = int(digits, base)
    if found["width"]:
        token.width = (int(found["width"]), found["sign"] == "s")
    return token


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."
