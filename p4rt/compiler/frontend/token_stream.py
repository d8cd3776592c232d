# SPDX-License-Identifier: Apache-2.0
"""Feeds tokens to the grammar, deciding what only the context can decide.

P4's grammar is LALR(1) only when a name that denotes a type, a word such as `key` or `state` that is
reserved in some places, and the angle brackets of type arguments are told apart before parsing.  This is
done here, by the declarations seen so far (the grammar reports them) and by looking ahead.
"""

from __future__ import annotations

from p4rt.compiler.frontend.lexer import Token

_TYPE_WORDS = {"BIT", "INT", "BOOL", "VARBIT", "ERROR", "STRING_TYPE", "VOID", "MATCH_KIND", "TUPLE"}
_ANGLE_WORDS = {"BIT", "INT", "VARBIT", "TUPLE", "LIST", "VALUE_SET"}
_IN_TYPE_ARGS = _TYPE_WORDS | {
    "IDENTIFIER", "LT", "GT", "SHR", "COMMA", "INTEGER", "DONTCARE", "DOT", "LBRACKET", "RBRACKET",
}  # fmt: skip
_TABLE_WORDS = {"key", "actions", "entries"}
_NAMES = {"IDENTIFIER", "TYPE_IDENTIFIER"}
_DECLARING = {"EXTERN", "PARSER", "CONTROL", "PACKAGE", "STRUCT", "HEADER", "HEADER_UNION"}
_ENDS_TYPE = _TYPE_WORDS | {"TYPE_IDENTIFIER", "RANGLE"}
_MEMBER_BASES = _NAMES | {"RPAREN", "RBRACKET", "RANGLE", "ERROR", "THIS", "INTEGER", "STRING"}
_OPENING = {"LPAREN": "RPAREN", "LBRACKET": "RBRACKET", "LBRACE": "RBRACE"}


class TokenStream:
    """The tokens of a program in order, and the names declared in the scopes open at this point."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.scopes: list[dict[str, bool]] = [{}]
        self._braces: list[str] = []
        self.last: Token | None = None

    # ---- What the grammar's actions report

    def declare(self, name: str, is_type: bool) -> None:
        """`name` denotes a type, or something else, from here to the end of its scope."""
        self.scopes[-1][name] = is_type

    def open_scope(self) -> int:
        """Open a scope; the result is for `close_scope`."""
        self.scopes.append({})
        return len(self.scopes) - 1

    def close_scope(self, depth: int) -> None:
        """Close a scope and those that a syntax error left open inside it."""
        del self.scopes[depth:]

    def _kind(self, name: str) -> bool | None:
        """True: a type; False: something else; None: not declared."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    # ---- What the parser calls

    def token(self) -> Token | None:
        """The next token, classified; None at the end."""
        if self.position >= len(self.tokens):
            return None
        token = self.tokens[self.position]
        if token.type == "IDENTIFIER":
            self._classify_word(token)
        elif token.type == "LPAREN" and self._after_annotation_name():
            self._take_annotation_body(token)
        elif token.type == "LBRACE":
            self._braces.append(self._brace_kind())
        elif token.type == "RBRACE" and self._braces:
            self._braces.pop()
        elif token.type in KEYWORD_TYPES and self._type_at(self.position - 1) == "AT":
            token.type = "IDENTIFIER"
        if token.type in _ANGLE_WORDS and self._type_at(self.position + 1) == "LT":
            self._mark_arguments(self.position + 1)
        self.position += 1
        self.last = token
        return token

    def before(self) -> Token | None:
        """The token before the last one that was handed out."""
        return self.tokens[self.position - 2] if self.position >= 2 else None

    def name_in_parentheses(self) -> str | None:
        """The name when `(name)` stands before the last token handed out, which looks like a cast."""
        before = [self._type_at(self.position - distance) for distance in (4, 3, 2)]
        is_name = before == ["LPAREN", "IDENTIFIER", "RPAREN"]
        return self.tokens[self.position - 3].text if is_name else None

    def _type_at(self, index: int) -> str:
        return self.tokens[index].type if 0 <= index < len(self.tokens) else ""

    def _classify_word(self, token: Token) -> None:
        """Turn an IDENTIFIER into what the context makes of it."""
        here = self.position
        before, after = self._type_at(here - 1), self._type_at(here + 1)
        if before == "AT":
            if token.text == "pragma":
                self._take_pragma(token)
            return
        is_member = before == "DOT" and self._type_at(here - 2) in _MEMBER_BASES
        if not is_member and self._soft_keyword(token, before, after):
            return
        if not is_member:
            kind = self.scopes[0].get(token.text) if before == "DOT" else self._kind(token.text)
            if kind is None:
                kind = before not in _ENDS_TYPE and self._looks_like_type(here)
            if kind and not (before in _ENDS_TYPE and after in {"ASSIGN", "SEMI", "COMMA", "RPAREN"}):
                token.type = "TYPE_IDENTIFIER"
        if after == "LT" and self._takes_arguments(token, before, here + 1):
            self._mark_arguments(here + 1)

    def _soft_keyword(self, token: Token, before: str, after: str) -> bool:
        """Decide about words that are reserved only in their place; True when it is one."""
        word = token.text
        in_table = bool(self._braces) and self._braces[-1] == "table"
        in_entries = bool(self._braces) and self._braces[-1] == "entries"
        second = self._type_at(self.position + 2)
        reserved = (
            (word == "apply" and after == "LBRACE")
            or (
                word in {"key", "actions", "entries"}
                and in_table
                and after == "ASSIGN"
                and second == "LBRACE"
            )
            or (word == "state" and after == "IDENTIFIER" and second in {"LBRACE", "LPAREN"})
            or (word == "type" and before not in _ENDS_TYPE and after in _TYPE_WORDS | {"IDENTIFIER", "DOT"})
            or (word == "priority" and in_entries and after == "ASSIGN")
            or (word in {"list", "value_set"} and after == "LT")
        )
        if reserved:
            token.type = word.upper()
        return reserved

    def _brace_kind(self) -> str:
        """What the opening brace at the current position opens, as far as it matters."""
        here = self.position
        if self._type_at(here - 2) == "TABLE":
            return "table"
        if self._type_at(here - 1) == "ASSIGN" and self._type_at(here - 2) == "ENTRIES":
            return "entries"
        return ""

    # ---- Looking ahead

    def _closing(self, index: int) -> int | None:
        """Index of the bracket that closes the one at `index`."""
        stack = []
        for at in range(index, min(len(self.tokens), index + 100_000)):
            kind = self.tokens[at].type
            if kind in _OPENING:
                stack.append(_OPENING[kind])
            elif stack and kind == stack[-1]:
                stack.pop()
                if not stack:
                    return at
            elif kind in {"RPAREN", "RBRACKET", "RBRACE", "SEMI"}:
                return None
        return None

    def _closing_angle(self, index: int) -> tuple[int, bool] | None:
        """Where the `<` at `index` ends, and whether there it is the first half of a `>>`."""
        depth, at = 0, index
        while at < len(self.tokens):
            kind = self.tokens[at].type
            if kind in _OPENING:
                closing = self._closing(at)
                if closing is None:
                    return None
                at = closing
            elif kind == "LT":
                depth += 1
            elif kind in {"GT", "RANGLE"}:
                depth -= 1
                if depth == 0:
                    return at, False
            elif kind == "SHR":
                if depth == 1:
                    return at, True
                depth -= 2
                if depth == 0:
                    return at, False
            elif kind in {"SEMI", "RPAREN", "RBRACKET", "RBRACE", "LAND", "LOR"}:
                return None
            at += 1
        return None

    def _mark_arguments(self, index: int) -> None:
        """Make the `<` at `index` and its `>` the brackets of type arguments, splitting a `>>`."""
        found = self._closing_angle(index)
        if found is None:
            return
        at, _ = found
        if self.tokens[at].type == "SHR":
            whole = self.tokens[at]
            middle = whole.span.column + 1
            left = type(whole.span)(whole.span.file, whole.span.line, middle - 1, whole.span.line, middle)
            right = type(whole.span)(whole.span.file, whole.span.line, middle, whole.span.line, middle + 1)
            self.tokens[at : at + 1] = [Token("GT", ">", left), Token("GT", ">", right)]
            found = self._closing_angle(index)
            if found is None:
                return
            at, _ = found
        self.tokens[index].type = "LANGLE"
        self.tokens[at].type = "RANGLE"

    def _takes_arguments(self, token: Token, before: str, index: int) -> bool:
        """Whether the `<` at `index`, after a name, opens type arguments and is not 'less than'."""
        if token.type == "TYPE_IDENTIFIER" or before in _DECLARING or before in _ENDS_TYPE:
            return True
        found = self._closing_angle(index)
        if found is None or found[1] or self._type_at(found[0] + 1) != "LPAREN":
            return False
        at = index + 1
        while at < found[0]:
            inner = self.tokens[at]
            if inner.type == "LPAREN":
                at = self._closing(at) or found[0]
            elif inner.type not in _IN_TYPE_ARGS or self._is_value(inner):
                return False
            at += 1
        return self._type_at(index + 1) != "INTEGER"

    def _is_value(self, token: Token) -> bool:
        return token.type == "IDENTIFIER" and self._kind(token.text) is False

    def _looks_like_type(self, index: int) -> bool:
        """Whether the undeclared name at `index` stands where only a type makes sense.

        That is: before a name (`Foo x`, `Foo<T> x`, `Foo(1) x`, `Foo[2] x`), or inside type arguments.
        So that a misspelled type is reported as an unknown type and not as a syntax error.
        """
        if self._type_at(index - 1) in {"LANGLE", "COMMA"} and self._inside_angles(index):
            return self._type_at(index + 1) in {"COMMA", "RANGLE", "GT", "SHR", "LT"}
        at = index + 1
        if self._type_at(at) == "LT":
            found = self._closing_angle(at)
            if found is None:
                return False
            at = found[0] + 1
        while self._type_at(at) in {"LPAREN", "LBRACKET"}:
            closing = self._closing(at)
            if closing is None:
                return False
            at = closing + 1
        return self._type_at(at) == "IDENTIFIER"

    def _inside_angles(self, index: int) -> bool:
        """Whether a token lies between type-argument brackets opened shortly before."""
        depth = 0
        for at in range(index - 1, max(-1, index - 200), -1):
            kind = self.tokens[at].type
            if kind == "LANGLE":
                if depth == 0:
                    return True
                depth -= 1
            elif kind == "RANGLE":
                depth += 1
            elif kind in {"SEMI", "LBRACE", "RBRACE", "LPAREN", "RPAREN"}:
                return False
        return False

    # ---- Annotations

    def _after_annotation_name(self) -> bool:
        return self._type_at(self.position - 2) == "AT"

    def _take_annotation_body(self, token: Token) -> None:
        """Make the tokens of `(...)` one token ANNOTATION_BODY."""
        closing = self._closing_parenthesis(self.position)
        if closing is None:
            return
        token.type = "ANNOTATION_BODY"
        token.body = self.tokens[self.position + 1 : closing]
        token.span = token.span.to(self.tokens[closing].span)
        del self.tokens[self.position + 1 : closing + 1]

    def _closing_parenthesis(self, index: int) -> int | None:
        depth = 0
        for at in range(index, len(self.tokens)):
            kind = self.tokens[at].type
            if kind == "LPAREN":
                depth += 1
            elif kind == "RPAREN":
                depth -= 1
                if depth == 0:
                    return at
        return None

    def _take_pragma(self, token: Token) -> None:
        """`@pragma words` reaches to the end of its line."""
        at = self.position + 1
        while at < len(self.tokens) and self.tokens[at].span.line == token.span.line:
            at += 1
        body = Token("ANNOTATION_BODY", "", token.span)
        body.body = self.tokens[self.position + 1 : at]
        self.tokens[self.position + 1 : at] = [body]


KEYWORD_TYPES = _TYPE_WORDS | _DECLARING | {
    "ABSTRACT", "ACTION", "BREAK", "CONST", "CONTINUE", "DEFAULT", "ELSE", "ENUM", "EXIT", "FALSE", "FOR",
    "IF", "IN", "INOUT", "OUT", "RETURN", "SELECT", "SWITCH", "TABLE", "THIS", "TRANSITION", "TRUE",
    "TYPEDEF",
}  # fmt: skip
"""Terminals that are reserved words everywhere; after `@` they are plain names."""
