# SPDX-License-Identifier: Apache-2.0
"""Types in a P4Info: what a value is made of, and types that have names (P4Runtime specification, 6.4.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend.p4info_notes import AddNotes
from p4rt.compiler.frontend import ast

Decls = Mapping[str, ast.Decl]
"""What a program declares, by name."""


def type_spec(spec: Any, type_: t.Type, type_info: Any, decls: Decls, notes: AddNotes) -> None:
    """Fill a P4DataTypeSpec; types with names, which `decls` declare, go to the P4TypeInfo `type_info`."""
    match type_:
        case t.NewType(name):
            spec.new_type.name = name
            new_type(type_, type_info, decls, notes)
        case t.SerEnumType(name):
            spec.serializable_enum.name = name
            serializable_enum(type_, type_info)
        case t.BitType() | t.IntType() | t.VarbitType():
            _bits(spec.bitstring, type_)
        case t.BoolType():
            spec.bool.SetInParent()
        case t.ErrorType():
            spec.error.SetInParent()
        case t.EnumType(name, members):
            spec.enum.name = name
            if name not in type_info.enums:
                for member in members:
                    type_info.enums[name].members.add().name = member
        case t.TupleType(elements):
            for element in elements:
                type_spec(spec.tuple.members.add(), element, type_info, decls, notes)
        case t.HeaderType(name):
            spec.header.name = name
            _header(type_, type_info, notes)
        case t.StructType(name):
            spec.struct.name = name
            _struct(type_, type_info, decls, notes)


def _bits(spec: Any, type_: t.Type) -> None:
    match type_:
        case t.IntType(width):
            spec.int.bitwidth = width
        case t.VarbitType(width):
            spec.varbit.max_bitwidth = width
        case t.BitType(width):
            spec.bit.bitwidth = width


def _struct(type_: t.StructType, type_info: Any, decls: Decls, notes: AddNotes) -> None:
    if type_.name in type_info.structs:
        return
    type_info.structs[type_.name].SetInParent()
    for item in type_.fields:
        member = type_info.structs[type_.name].members.add(name=item.name)
        type_spec(member.type_spec, item.type, type_info, decls, notes)
    notes(type_info.structs[type_.name], type_.decl)


def _header(type_: t.HeaderType, type_info: Any, notes: AddNotes) -> None:
    if type_.name in type_info.headers:
        return
    for item in type_.fields:
        _bits(type_info.headers[type_.name].members.add(name=item.name).type_spec, t.strip(item.type))
    notes(type_info.headers[type_.name], type_.decl)


def new_type(type_: t.NewType, type_info: Any, decls: Decls, notes: AddNotes) -> None:
    """Describe a type made by `type ... NAME`; `@p4runtime_translation` says how controllers see it."""
    if type_.name in type_info.new_types:
        return
    spec = type_info.new_types[type_.name]
    decl = decls.get(type_.name)
    note = translation(decl)
    if note is None:
        type_spec(spec.original_type, type_.underlying, type_info, decls, notes)
    else:
        uri, width = note
        spec.translated_type.uri = uri
        if width is None:
            spec.translated_type.sdn_string.SetInParent()
        else:
            spec.translated_type.sdn_bitwidth = width
    notes(spec, decl)


def translation(decl: ast.Node | None) -> tuple[str, int | None] | None:
    """Name and width of a controller's type, by `@p4runtime_translation("URI", WIDTH)`; width None: text."""
    note = ast.annotation(decl, "p4runtime_translation") if decl is not None else None
    if note is None or not note.tokens:
        return None
    words = [token for token in note.tokens if token != ","]
    uri = words[0].strip('"')
    if words[-1] == "string":
        return uri, None
    digits = words[-1].rpartition("w")[2]
    return (uri, int(digits, 0)) if digits.isdigit() else None


def serializable_enum(type_: t.SerEnumType, type_info: Any) -> None:
    """Describe an enum whose members have values."""
    if type_.name in type_info.serializable_enums:
        return
    width = t.width_of(type_.underlying) or 0
    spec = type_info.serializable_enums[type_.name]
    spec.underlying_type.bitwidth = width
    for name, value in type_.members.items():
        number = value & ((1 << width) - 1)
        spec.members.add(name=name, value=number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big"))
