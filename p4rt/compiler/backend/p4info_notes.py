# SPDX-License-Identifier: Apache-2.0
"""Annotations and documentation in a P4Info (P4Runtime specification, sections 6.4.1 to 6.4.3)."""

from __future__ import annotations

import re
from typing import Any

from p4rt.compiler.frontend import ast

_ELSEWHERE = {"name", "id", "brief", "description", "pkginfo", "p4runtime_translation", "match"}
"""What other parts of the message say."""


def add_notes(message: Any, node: ast.Node | None) -> None:
    """Fill `annotations`, `structured_annotations`, and `doc` where the message has one."""
    for note in getattr(node, "annos", ()):
        if note.name in _ELSEWHERE:
            continue
        if note.exprs and note.tokens is None:
            expressions = message.structured_annotations.add(name=note.name).expression_list.expressions
            for expr in note.exprs:
                _value(expressions.add(), expr)
        elif note.items:
            pairs = message.structured_annotations.add(name=note.name).kv_pair_list.kv_pairs
            for item in note.items:
                pair = pairs.add(key=item.name)
                _value(pair.value, item.value)
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
    if note is not None and note.exprs and isinstance(note.exprs[0], ast.StringLit):
        return note.exprs[0].value
    return None


def _value(message: Any, expr: ast.Expr) -> None:
    """A constant: string, number or flag; of anything else its kind, for want of its value."""
    match expr:
        case ast.StringLit(value=value):
            message.string_value = value
        case ast.BoolLit(value=value):
            message.bool_value = value
        case ast.IntLit(value=value) if -(1 << 63) <= value < 1 << 63:
            message.int64_value = value
        case ast.Unary(op="-", operand=ast.IntLit(value=value)) if value <= 1 << 63:
            message.int64_value = -value
        case _:
            message.string_value = type(expr).__name__


def package_info(message: Any, main: ast.Node | None) -> None:
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
    add_notes(message, main)
