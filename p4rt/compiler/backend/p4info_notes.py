# SPDX-License-Identifier: Apache-2.0
"""Annotations and documentation in a P4Info (P4Runtime specification, sections 6.4.1 to 6.4.3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from p4rt.compiler.analysis.annotations import text_of
from p4rt.compiler.analysis.model import Value
from p4rt.compiler.frontend import ast

Values = Mapping[ast.Expr, Value]

_ELSEWHERE = {"name", "id", "brief", "description", "pkginfo", "p4runtime_translation", "match"}
"""What other parts of the message say."""


AddNotes = Callable[[Any, ast.Node | None], None]


def add_notes(values: Values, message: Any, node: ast.Node | None) -> None:
    """Fill `annotations`, `structured_annotations`, and `doc` where the message has one.

    `values` are those of the expressions in structured annotations."""
    for note in getattr(node, "annos", ()):
        if note.name in _ELSEWHERE:
            continue
        if note.exprs and note.tokens is None:
            expressions = message.structured_annotations.add(name=note.name).expression_list.expressions
            for expr in note.exprs:
                _value(expressions.add(), values.get(expr))
        elif note.items:
            pairs = message.structured_annotations.add(name=note.name).kv_pair_list.kv_pairs
            for item in note.items:
                pair = pairs.add(key=item.name)
                _value(pair.value, values.get(item.value))
        else:
            message.annotations.append(unstructured(note))
    if "doc" in message.DESCRIPTOR.fields_by_name:
        for name in ("brief", "description"):
            text = _text_of(node, name)
            if text is not None:
                setattr(message.doc, name, text)


def unstructured(note: ast.Annotation) -> str:
    """The annotation as the source has it, `@name` or `@name(tokens)`, words apart by one blank."""
    text = ""
    for token in note.tokens or ():
        if text and re.match(r"\w", token) and re.match(r"\w", text[-1]):
            text += " "
        text += token
    return f"@{note.name}({text})" if text else f"@{note.name}"


def _text_of(node: ast.Node | None, name: str) -> str | None:
    note = ast.annotation(node, name) if node is not None else None
    return text_of(note) if note is not None else None


def _value(message: Any, value: Value | None) -> None:
    """A string, flag or number; one of more than 64 bits as text."""
    match value:
        case str():
            message.string_value = value
        case bool():
            message.bool_value = value
        case int() if -(1 << 63) <= value < 1 << 63:
            message.int64_value = value
        case _:
            message.string_value = str(value)


def package_info(message: Any, main: ast.Node | None, notes: AddNotes) -> None:
    """Fill a PkgInfo from `@pkginfo` of the package's instance: NAME="TEXT" in brackets or parentheses."""
    for note in getattr(main, "annos", ()):
        if note.name != "pkginfo":
            continue
        given = {item.name: item.value.value for item in note.items if isinstance(item.value, ast.StringLit)}
        for name, value in re.findall(r'(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"', " ".join(note.tokens or ())):
            given[name] = value
        for name, value in given.items():
            if name in ("name", "version", "organization", "contact", "url", "arch"):
                setattr(message, name, value)
    notes(message, main)
