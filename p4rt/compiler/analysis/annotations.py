# SPDX-License-Identifier: Apache-2.0
"""The rules about annotations: what the language itself defines, and how it is written."""

from __future__ import annotations

from difflib import get_close_matches

from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast

_WITH_TEXT = ("name", "deprecated", "brief", "description")
"""Annotations that take one string.  `noWarn` takes any number, and means every code without."""
_WITHOUT_BODY = (
    "hidden", "tableonly", "defaultonly", "optional", "atomic", "pure", "noSideEffects", "likely", "unlikely",
)  # fmt: skip
KNOWN = frozenset((
    *_WITH_TEXT, *_WITHOUT_BODY, "noWarn", "match", "id", "brief", "description", "format", "deparser",
    "controller_header", "padding", "size", "max_group_size", "p4runtime_translation",
    "p4runtime_translation_mappings", "pkginfo", "platform_property", "proto_package", "unroll", "nounroll",
    "pragma", "noexpand", "alias", "selector", "priority", "metadata", "packetInput", "packetOutput",
))  # fmt: skip
"""What has a meaning here or in P4Runtime, or is known from other compilers."""


def check_annotations(
    program: ast.Program, diagnostics: Diagnostics
) -> list[tuple[ast.Node, ast.Annotation]]:
    """Report annotations written twice, in both forms, or wrongly; warn of misspelt ones.

    The result is all structured annotations, each with the declaration of the top level that it is in.
    """
    main = diagnostics.sources.main
    found: list[tuple[ast.Node, ast.Annotation]] = []
    for decl in program.decls:
        for node in ast.walk(decl):
            seen: dict[str, ast.Annotation] = {}
            for note in getattr(node, "annos", ()):
                _check(note, diagnostics)
                if _is_structured(note):
                    found.append((decl, note))
                before = seen.setdefault(note.name, note)
                if before is not note:
                    _repeated(before, note, diagnostics)
                near = get_close_matches(note.name, KNOWN - {note.name}, n=1, cutoff=0.8)
                if note.span.file == main and note.name not in KNOWN and near:
                    message = f"the annotation @{note.name} has no meaning"
                    hint = f"did you mean @{near[0]}?"
                    diagnostics.warning("unknown-annotation", note.span, message, hint)
    return found


def _is_structured(note: ast.Annotation) -> bool:
    return note.tokens is None and bool(note.exprs or note.items)


def _repeated(before: ast.Annotation, note: ast.Annotation, diagnostics: Diagnostics) -> None:
    if _is_structured(before) and _is_structured(note):
        diagnostics.error("annotation", note.span, f"@{note.name}[...] stands here twice")
    elif _is_structured(before) != _is_structured(note):
        message = f"@{note.name} stands here both with [...] and without"
        diagnostics.error("annotation", note.span, message)
    elif note.name == "name":
        diagnostics.error("annotation", note.span, "a second @name: one thing has one name")


def _check(note: ast.Annotation, diagnostics: Diagnostics) -> None:
    name, structured = note.name, _is_structured(note)
    names = set()
    for item in note.items:
        if item.name in names:
            diagnostics.error("annotation", item.span, f"'{item.name}' is given twice in @{name}")
        names.add(item.name)
    if name == "noWarn":
        if structured or len(note.exprs) * 2 != len(note.tokens or ()) + bool(note.tokens):
            diagnostics.error("annotation", note.span, '@noWarn takes codes: @noWarn("unused")')
    elif name in _WITH_TEXT:
        if structured or text_of(note) is None:
            diagnostics.error("annotation", note.span, f'@{name} takes one string: @{name}("...")')
    elif name == "id":
        first = note.exprs[0] if note.exprs else None
        if structured or len(note.exprs) != 1 or not isinstance(first, ast.IntLit):
            diagnostics.error("annotation", note.span, "@id takes one number: @id(7)")
    elif name in _WITHOUT_BODY and (structured or note.tokens):
        diagnostics.error("annotation", note.span, f"@{name} stands alone, without anything in brackets")


def text_of(note: ast.Annotation) -> str | None:
    """The string in an annotation, which may be put together with `++`, or None."""
    if len(note.exprs) == 1 and isinstance(note.exprs[0], ast.StringLit):
        return note.exprs[0].value
    tokens = note.tokens or ()
    strings = tokens[::2]
    joined = len(tokens) % 2 == 1 and all(token == "++" for token in tokens[1::2])
    if joined and all(token.startswith('"') for token in strings):
        return "".join(token[1:-1] for token in strings)
    return None
