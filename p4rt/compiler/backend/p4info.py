# SPDX-License-Identifier: Apache-2.0
"""The P4Info of a program: its tables, actions and registers for P4Runtime clients.

The stubs of the `p4runtime` package were generated for an old protobuf and do not import with today's.  The
descriptors inside them are as good as ever: they are taken from the files and registered with the runtime.
"""

from __future__ import annotations

import ast as python_ast
import re
from functools import cache
from importlib.resources import files
from typing import Any

from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend.catalog import Action, Aging, Catalog, KeyField, Register, Table, ValueSet
from p4rt.compiler.backend.extern_p4info import add_externs
from p4rt.compiler.backend.identifiers import Identifiers, Prefix

_MATCH_TYPES = {"exact": 2, "lpm": 3, "ternary": 4, "range": 5, "optional": 6}
_SCOPES = {"any": 0, "table_only": 1, "default_only": 2}


@cache
def message_class(name: str) -> Any:
    """The class of a message of package p4.config.v1, such as `P4Info`."""
    from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(any_pb2.DESCRIPTOR.serialized_pb)
    for stub in ("p4types_pb2.py", "p4info_pb2.py"):
        text = files("p4.config.v1").joinpath(stub).read_text(encoding="utf-8")
        found = re.search(r"^\s*serialized_pb=(b'.*'|b\".*\")\s*$", text, re.MULTILINE)
        if found is None:
            raise RuntimeError(f"no descriptor in {stub} of the package p4runtime")
        pool.Add(descriptor_pb2.FileDescriptorProto.FromString(python_ast.literal_eval(found[1])))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"p4.config.v1.{name}"))


def p4info(catalog: Catalog, identifiers: Identifiers, program: str) -> Any:
    """The P4Info message."""
    message = message_class("P4Info")()
    message.pkg_info.name = program
    message.pkg_info.arch = "ubpf_model"
    for table in catalog.tables:
        _table(message.tables.add(), table, identifiers)
    for action in catalog.actions.values():
        _action(message.actions.add(), action, identifiers)
    for value_set in catalog.value_sets:
        _value_set(message.value_sets.add(), value_set, identifiers)
    for register in catalog.registers:
        _register(message, register, identifiers)
    add_externs(
        message,
        catalog,
        identifiers,
        lambda preamble, prefix, name, decl: _preamble(preamble, prefix, name, identifiers),
        _type,
    )
    return message


def p4info_text(message: Any) -> str:
    """Protobuf text format."""
    from google.protobuf import text_format

    return str(text_format.MessageToString(message))


def p4info_bytes(message: Any) -> bytes:
    """The serialized message; the same program gives the same bytes."""
    return bytes(message.SerializeToString(deterministic=True))


def _preamble(preamble: Any, prefix: Prefix, name: str, identifiers: Identifiers) -> None:
    preamble.id = identifiers.id_of(prefix, name)
    preamble.name = name
    preamble.alias = identifiers.alias_of(prefix, name)


def _table(message: Any, table: Table, identifiers: Identifiers) -> None:
    _preamble(message.preamble, Prefix.TABLE, table.name, identifiers)
    message.size = table.size
    for item in table.key:
        _match_field(message.match_fields.add(), item, item.slot.name)
    for use in table.uses:
        reference = message.action_refs.add()
        reference.id = identifiers.id_of(Prefix.ACTION, use.action.name)
        reference.scope = _SCOPES[use.scope]
    if table.default_const:
        message.const_default_action_id = identifiers.id_of(Prefix.ACTION, table.default.action.name)
    message.is_const_table = table.const_entries
    message.has_initial_entries = bool(table.entries)
    message.idle_timeout_behavior = int(table.aging is not Aging.NONE)


def _action(message: Any, action: Action, identifiers: Identifiers) -> None:
    _preamble(message.preamble, Prefix.ACTION, action.name, identifiers)
    for name, number, width in action.params:
        param = message.params.add()
        param.id, param.name, param.bitwidth = number, name, width


def _match_field(message: Any, item: KeyField, name: str) -> None:
    message.id, message.name, message.bitwidth = item.id, name, item.slot.width
    message.match_type = _MATCH_TYPES[item.match]


def _value_set(message: Any, value_set: ValueSet, identifiers: Identifiers) -> None:
    """A set of scalars has one field, without a name."""
    _preamble(message.preamble, Prefix.VALUE_SET, value_set.name, identifiers)
    message.size = value_set.size
    for item in value_set.key:
        _match_field(message.match.add(), item, "" if value_set.is_scalar else item.slot.name)


def _register(info: Any, register: Register, identifiers: Identifiers) -> None:
    message = info.registers.add()
    _preamble(message.preamble, Prefix.REGISTER, register.name, identifiers)
    message.size = register.size
    _type(message.type_spec, register.type, info.type_info)


def _type(spec: Any, type_: t.Type, type_info: Any) -> None:
    """Fill a P4DataTypeSpec; a struct's members go to `type_info`."""
    type_ = t.strip(type_)
    match type_:
        case t.BitType(width):
            spec.bitstring.bit.bitwidth = width
        case t.IntType(width):
            spec.bitstring.int.bitwidth = width
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
                _type(spec.tuple.members.add(), element, type_info)
        case t.StructType(name):
            spec.struct.name = name
            if name not in type_info.structs:
                type_info.structs[name].SetInParent()
                for item in type_.fields:
                    member = type_info.structs[name].members.add()
                    member.name = item.name
                    _type(member.type_spec, item.type, type_info)
