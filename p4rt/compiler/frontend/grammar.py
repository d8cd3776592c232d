# SPDX-License-Identifier: Apache-2.0
"""The rules of the grammar: a registry, and what all rules use.

A rule is a function decorated with its productions; it gets the right-hand side as `p[1]`, `p[2]`, ...
(tokens and nodes) and returns the value of the left-hand side.  `p.lexer` is the TokenStream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p4rt.compiler.frontend import ast
from p4rt.compiler.frontend.lexer import Token
from p4rt.compiler.records import replace
from p4rt.compiler.source import NO_SPAN, Span

Action = Callable[[Any], Any]

RULES: list[tuple[str, tuple[str, ...], str | None, Action]] = []
"""Left-hand side, right-hand side, precedence, action; in order of registration."""

PRECEDENCE = [
    ("nonassoc", "FALLS"),
    ("nonassoc", "LBRACE"),
    ("nonassoc", "THEN"),
    ("nonassoc", "ELSE"),
    ("right", "QUESTION"),
    ("left", "LOR"),
    ("left", "LAND"),
    ("left", "EQ", "NE"),
    ("left", "LT", "GT", "LE", "GE"),
    ("left", "OR"),
    ("left", "XOR"),
    ("left", "AND"),
    ("left", "SHL", "SHR"),
    ("left", "PLUS", "MINUS", "PLUSSAT", "MINUSSAT", "CONCAT"),
    ("left", "TIMES", "DIVIDE", "MODULO"),
    ("right", "PREFIX"),
]
"""Lowest first.  Unlike C, the bitwise operators bind tighter than comparisons (P4_16 section 8)."""


def rule(text: str, precedence: str | None = None) -> Callable[[Action], Action]:
    """Register productions `lhs : rhs | rhs`; an empty alternative is the empty right-hand side."""

    def register(action: Action) -> Action:
        left, right = text.split(":", 1)
        for alternative in right.split("|"):
            RULES.append((left.strip(), tuple(alternative.split()), precedence, action))
        return action

    return register


def first(p: Any) -> Any:
    """The value of a right-hand side's first symbol."""
    return p[1]


def passes(text: str) -> None:
    """Register productions whose value is that of their only symbol."""
    rule(text)(first)


def _span_of(value: Any, last: bool) -> Span | None:
    if isinstance(value, ast.Node | Token):
        return value.span
    if isinstance(value, list | tuple):
        for item in reversed(value) if last else value:
            found = _span_of(item, last)
            if found is not None:
                return found
    return None


def span(p: Any) -> Span:
    """The span of the right-hand side."""
    start = end = None
    for value in p.values:
        start = _span_of(value, False)
        if start is not None:
            break
    for value in reversed(p.values):
        end = _span_of(value, True)
        if end is not None:
            break
    if start is None or end is None:
        return p.lexer.last.span if p.lexer.last is not None else NO_SPAN
    return start.to(end)


def list_rules(name: str, item: str, separator: str | None = None, *, empty: bool = False) -> None:
    """Productions of a sequence of `item`; its value is a list.

    With a separator the list has at least one element unless `empty`, and may end with a separator.
    """
    if separator is None:
        rule(f"{name} : ")(lambda p: [])
        rule(f"{name} : {name} {item}")(_extend)
        return
    rule(f"{name}_1 : {item}")(lambda p: [p[1]])
    rule(f"{name}_1 : {name}_1 {separator} {item}")(_append)
    rule(f"{name} : {name}_1 | {name}_1 {separator}")(first)
    if empty:
        rule(f"{name} : ")(lambda p: [])


def recovers(item: str) -> None:
    """Mark a list's `item` as a place where the parser goes on after a syntax error."""
    rule(f"{item} : error SEMI")(lambda p: None)


def _extend(p: Any) -> list[Any]:
    items: list[Any] = p[1]
    if p[2] is not None:
        items.append(p[2])
    return items


def _append(p: Any) -> list[Any]:
    items: list[Any] = p[1]
    items.append(p[3])
    return items


def with_annotations(node: Any, annotations: list[ast.Annotation]) -> Any:
    """The declaration or statement with annotations put on, where its class has room for them."""
    if annotations and hasattr(node, "annos"):
        start = annotations[0].span
        return replace(node, annos=tuple(annotations), span=start.to(node.span))
    return node


def name_of(token: Token) -> str:
    """The text of a name."""
    return token.text


def declared(p: Any, token: Token, *, is_type: bool = False) -> Token:
    """Report the declaration of a name to the token stream."""
    p.lexer.declare(token.text, is_type)
    return token
