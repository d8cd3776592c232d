# SPDX-License-Identifier: Apache-2.0
"""The P4Info of a program: what P4Runtime clients know of it (P4Runtime specification 1.4, section 6)."""

from __future__ import annotations

from functools import partial
from typing import Any

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.model import CheckedProgram
from p4rt.compiler.backend.catalog import Action, Aging, Catalog, KeyField, Profile, Register, Table, ValueSet
from p4rt.compiler.backend.extern_p4info import add_externs
from p4rt.compiler.backend.identifiers import Identifiers, Prefix
from p4rt.compiler.backend.p4_messages import as_bytes, as_text, bytestring, message_class
from p4rt.compiler.backend.p4info_notes import add_notes, package_info
from p4rt.compiler.backend.p4info_types import new_type, serializable_enum, translation, type_spec
from p4rt.compiler.frontend import ast

_MATCH_TYPES = {"exact": 2, "lpm": 3, "ternary": 4, "range": 5, "optional": 6}
_SCOPES = {"any": 0, "table_only": 1, "default_only": 2}

p4info_text = as_text
p4info_bytes = as_bytes


def p4info(catalog: Catalog, identifiers: Identifiers, program: str, checked: CheckedProgram) -> Any:
    """The P4Info message."""
    message = message_class("P4Info")()
    message.pkg_info.name = program
    message.pkg_info.arch = "ubpf_model"
    writer = _Writer(message, identifiers, checked)
    package_info(message.pkg_info, checked.main.source if checked.main is not None else None, writer.notes)
    writer.write(catalog)
    return message


class _Writer:
    """Fills one P4Info."""

    def __init__(self, message: Any, identifiers: Identifiers, checked: CheckedProgram) -> None:
        self.message = message
        self.identifiers = identifiers
        self.checked = checked
        self.notes = partial(add_notes, checked.constants)

    def write(self, catalog: Catalog) -> None:
        """Everything in `catalog` that is not hidden."""
        for table in catalog.tables:
            if not table.is_hidden:
                self.table(self.message.tables.add(), table)
        for action in catalog.actions.values():
            self.action(self.message.actions.add(), action)
        for profile in catalog.profiles:
            self.profile(self.message.action_profiles.add(), profile)
        for value_set in catalog.value_sets:
            self.value_set(self.message.value_sets.add(), value_set)
        for register in catalog.registers:
            self.register(self.message.registers.add(), register)
        add_externs(self.message, catalog, self)

    def preamble(self, preamble: Any, prefix: Prefix, name: str, decl: ast.Node | None) -> None:
        """Name, id, alias, and what the annotations of `decl` say."""
        preamble.id = self.identifiers.id_of(prefix, name)
        preamble.name = name
        preamble.alias = self.identifiers.alias_of(prefix, name)
        self.notes(preamble, decl)

    def table(self, message: Any, table: Table) -> None:
        """A table; its direct resources are added with them."""
        self.preamble(message.preamble, Prefix.TABLE, table.name, table.decl)
        message.size = table.size
        for item in table.key:
            self.match_field(message.match_fields.add(), item, item.slot.name)
        for use in table.uses:
            reference = message.action_refs.add()
            reference.id = self.identifiers.id_of(Prefix.ACTION, use.action.name)
            reference.scope = _SCOPES[use.scope]
            if use.source is not None:
                self.notes(reference, use.source)
            elif use.scope == "default_only":
                reference.annotations.append("@defaultonly")
        if table.profile is not None:
            message.implementation_id = self.identifiers.id_of(Prefix.ACTION_PROFILE, table.profile.name)
        self.default(message, table)
        message.is_const_table = table.const_entries
        message.has_initial_entries = bool(table.entries)
        message.idle_timeout_behavior = int(table.aging is not Aging.NONE)

    def profile(self, message: Any, profile: Profile) -> None:
        """An action profile; one with groups is a selector."""
        self.preamble(message.preamble, Prefix.ACTION_PROFILE, profile.name, profile.decl)
        message.table_ids.extend(self.identifiers.id_of(Prefix.TABLE, name) for name in profile.tables)
        message.with_selector = profile.groups_map is not None
        message.size, message.max_group_size = profile.size, profile.group_size

    def default(self, message: Any, table: Table) -> None:
        """The default action from the start, and whether it is the only one."""
        action = self.identifiers.id_of(Prefix.ACTION, table.default.action.name)
        if table.default_const:
            message.const_default_action_id = action
        message.initial_default_action.action_id = action
        for param in table.default.action.params:
            value = bytestring(table.default_args[param.name])
            message.initial_default_action.arguments.add(param_id=param.id, value=value)

    def action(self, message: Any, action: Action) -> None:
        """An action and its parameters."""
        self.preamble(message.preamble, Prefix.ACTION, action.name, action.decl)
        for item in action.params:
            param = message.params.add(id=item.id, name=item.name)
            self.scalar(param, item.type, item.width)
            self.notes(param, item.decl)

    def match_field(self, message: Any, item: KeyField, name: str) -> None:
        """An element of a key."""
        message.id, message.name = item.id, name
        message.match_type = _MATCH_TYPES[item.match]
        self.scalar(message, item.type, item.slot.width)
        self.notes(message, item.source)

    def scalar(self, message: Any, type_: t.Type, width: int) -> None:
        """Width of a field or parameter, and its type where that has a name; of a translated type the
        controller's width, of which text has none."""
        note = None
        if isinstance(type_, t.NewType):
            message.type_name.name = self.named(type_)
            note = translation(self.checked.globals.get(type_.name))
        elif isinstance(type_, t.SerEnumType):
            self.named(type_)
        if note is None:
            message.bitwidth = width
        elif note[1] is not None:
            message.bitwidth = note[1]

    def value_set(self, message: Any, value_set: ValueSet) -> None:
        """A value set; one of scalars has one field, without a name."""
        self.preamble(message.preamble, Prefix.VALUE_SET, value_set.name, value_set.decl)
        message.size = value_set.size
        for item in value_set.key:
            self.match_field(message.match.add(), item, "" if value_set.is_scalar else item.slot.name)

    def register(self, message: Any, register: Register) -> None:
        """A register."""
        self.preamble(message.preamble, Prefix.REGISTER, register.name, register.decl)
        message.size = register.size
        self.type(message.type_spec, register.type)
        if isinstance(register.index_type, t.NewType | t.SerEnumType):
            message.index_type_name.name = self.named(register.index_type)

    def type(self, spec: Any, type_: t.Type) -> None:
        """Fill a P4DataTypeSpec."""
        type_spec(spec, type_, self.message.type_info, self.checked.globals, self.notes)

    def named(self, type_: t.NewType | t.SerEnumType) -> str:
        """The name of a type, which is described where names are."""
        if isinstance(type_, t.NewType):
            new_type(type_, self.message.type_info, self.checked.globals, self.notes)
        else:
            serializable_enum(type_, self.message.type_info)
        return type_.name
