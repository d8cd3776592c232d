# SPDX-License-Identifier: Apache-2.0
"""The JSON of section `p4rt.info`, as docs/program-info.md describes it."""

from __future__ import annotations

from typing import Any

from p4rt import __version__
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.catalog import (
    AGING_SIZE,
    ActionUse,
    Aging,
    Catalog,
    KeyField,
    Profile,
    Register,
    Slot,
    Table,
    ValueSet,
)
from p4rt.compiler.backend.extern_info import extern_info
from p4rt.compiler.backend.identifiers import Identifiers, Prefix

FORMAT_VERSION = 1
_MAP_TYPES = {ir.MapType.HASH: "hash", ir.MapType.LPM: "lpm", ir.MapType.TERNARY: "ternary"}


def program_info(
    catalog: Catalog, identifiers: Identifiers, program: str, source: str, model_version: int
) -> dict[str, Any]:
    """The description of a program's tables, value sets and registers."""
    return {
        "version": FORMAT_VERSION,
        "program": program,
        "source": source,
        "arch": "ubpf_model",
        "model_version": model_version,
        "compiler": f"p4rt-compile {__version__}",
        "tables": [_table(table, identifiers) for table in catalog.tables if not table.is_hidden],
        "value_sets": [_value_set(item, identifiers) for item in catalog.value_sets],
        "profiles": [_profile(profile, identifiers) for profile in catalog.profiles],
        "registers": [_register(register, identifiers) for register in catalog.registers],
        **extern_info(catalog, identifiers, _place),
    }


def _place(slot: Slot) -> dict[str, Any]:
    """The members that say where a field lies."""
    order = "big" if slot.big_endian else "little"
    place: dict[str, Any] = {"width": slot.width, "offset": slot.offset, "size": slot.size, "order": order}
    place["shift"] = slot.shift
    if slot.signed:
        place["signed"] = True
    if slot.format is not None:
        place["format"] = slot.format
    if slot.enum is not None:
        place["enum"] = slot.enum
    return place


def _table(table: Table, identifiers: Identifiers) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": table.name,
        "id": identifiers.id_of(Prefix.TABLE, table.name),
        "alias": identifiers.alias_of(Prefix.TABLE, table.name),
        "map": table.map,
        "map_type": _MAP_TYPES[table.map_type],
        "size": table.size,
        "const_entries": table.const_entries,
        "key_size": table.key_size,
        "value_size": table.value_size,
        "key": [_key_field(item) for item in table.key],
        "action_code": {"offset": 0, "size": 4, "order": "little"},
        "actions": [_action(use, identifiers) for use in table.uses],
        "default": {
            "map": table.default_map,
            "const": table.default_const,
            "action": table.default.action.name,
            "args": table.default_args,
        },
    }
    if table.map_type is ir.MapType.LPM:
        result["prefix_len"] = _prefix_len(table.base_bits)
    if table.profile is not None:
        result["profile"] = table.profile.name
        result["default"]["value_size"] = table.default_size
    if table.state_size:
        result["state_size"] = table.state_size
    if table.aging is not Aging.NONE:
        result["idle_timeout"] = {"offset": table.value_size - AGING_SIZE, "action": table.aging.value}
    const_keys = [entry.key.hex() for entry in table.entries if entry.const]
    if const_keys and not table.const_entries:
        result["const_keys"] = const_keys
    return result


def _prefix_len(base_bits: int) -> dict[str, Any]:
    return {"offset": 0, "size": 4, "order": "little", "base_bits": base_bits}


def _profile(profile: Profile, identifiers: Identifiers) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": profile.name,
        "alias": identifiers.alias_of(Prefix.ACTION_PROFILE, profile.name),
        "id": identifiers.id_of(Prefix.ACTION_PROFILE, profile.name),
        "map": profile.map,
        "size": profile.size,
        "value_size": profile.value_size,
        "action_code": {"offset": 0, "size": 4, "order": "little"},
        "actions": [_action(use, identifiers) for use in profile.uses],
        "tables": profile.tables,
    }
    if profile.groups_map is not None:
        result["groups"] = {"map": profile.groups_map, "max_size": profile.group_size}
    return result


def _key_field(item: KeyField) -> dict[str, Any]:
    return {"name": item.slot.name, "id": item.id, "match": item.match, **_place(item.slot)}


def _value_set(value_set: ValueSet, identifiers: Identifiers) -> dict[str, Any]:
    result: dict[str, Any] = {
        "name": value_set.name,
        "alias": identifiers.alias_of(Prefix.VALUE_SET, value_set.name),
        "id": identifiers.id_of(Prefix.VALUE_SET, value_set.name),
        "map": value_set.map,
        "map_type": _MAP_TYPES[value_set.map_type],
        "size": value_set.size,
        "key_size": value_set.key_size,
        "value_size": value_set.value_size,
        "key": [_key_field(item) for item in value_set.key],
    }
    if value_set.map_type is ir.MapType.LPM:
        result["prefix_len"] = _prefix_len(value_set.base_bits)
    return result


def _action(use: ActionUse, identifiers: Identifiers) -> dict[str, Any]:
    action = use.action
    return {
        "name": action.name,
        "alias": identifiers.alias_of(Prefix.ACTION, action.name),
        "id": identifiers.id_of(Prefix.ACTION, action.name),
        "code": use.code,
        "scope": use.scope,
        "params": [
            {"name": slot.name, "id": param.id, **_place(slot)}
            for slot, param in zip(use.params, action.params, strict=True)
        ],
    }


def _register(register: Register, identifiers: Identifiers) -> dict[str, Any]:
    return {
        "name": register.name,
        "alias": identifiers.alias_of(Prefix.REGISTER, register.name),
        "id": identifiers.id_of(Prefix.REGISTER, register.name),
        "map": register.map,
        "size": register.size,
        "value_size": register.value_size,
        "value": [{"name": slot.name, **_place(slot)} for slot in register.slots],
    }
