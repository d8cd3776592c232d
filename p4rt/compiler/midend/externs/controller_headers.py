# SPDX-License-Identifier: Apache-2.0
"""Headers with `@controller_header("packet_in")` or `("packet_out")`: P4Runtime's packet metadata."""

from __future__ import annotations

from p4rt.compiler.backend.extern_catalog import ControllerField, ControllerHeader
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.lower_tables import id_of

_ANNOTATION = "controller_header"


def add_controller_headers(ctx: Context) -> None:
    """Put the controller headers of the program into the catalog."""
    headers = ctx.catalog.controller_headers
    for decl in ctx.checked.program.decls:
        note = ast.annotation(decl, _ANNOTATION) if isinstance(decl, ast.HeaderDecl) else None
        if note is None or not isinstance(decl, ast.HeaderDecl):
            continue
        if len(note.exprs) != 1 or not isinstance(note.exprs[0], ast.StringLit):
            ctx.refuse(note.span, f'@{_ANNOTATION} has one name, such as "packet_in"')
        name = note.exprs[0].value
        if any(header.name == name for header in headers):
            ctx.refuse(note.span, f"two headers are the controller header '{name}'")
        headers.append(ControllerHeader(name, decl, _fields(ctx, decl)))


def _fields(ctx: Context, decl: ast.HeaderDecl) -> tuple[ControllerField, ...]:
    found = []
    for number, field in enumerate(decl.fields, start=1):
        type_ = ctx.checked.type_of_written(field.type)
        width = storage.scalar_width(type_)
        if width is None:
            ctx.refuse(field.span, f"the field '{field.name}' of a controller header is not a number")
        if ast.annotation(field, "padding") is None:
            found.append(ControllerField(field.name, id_of(field, number), width, type_))
    return tuple(found)
