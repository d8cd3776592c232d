# SPDX-License-Identifier: Apache-2.0
"""The entries that the source gives tables, as P4Runtime writes them (its specification 1.4, section 9.1)."""

from __future__ import annotations

from typing import Any

from p4rt.compiler.backend.catalog import Catalog, KeyField, Table, TableEntry
from p4rt.compiler.backend.identifiers import Identifiers, Prefix
from p4rt.compiler.backend.p4_messages import bytestring, message_class

_INSERT = 1


def write_request(catalog: Catalog, identifiers: Identifiers) -> Any:
    """A p4.v1.WriteRequest that inserts all entries, in the order of the source."""
    request = message_class("WriteRequest", "p4.v1")()
    for table in catalog.tables:
        for entry in table.entries if not table.is_hidden else ():
            update = request.updates.add(type=_INSERT)
            _entry(update.entity.table_entry, table, entry, identifiers)
    return request


def _entry(message: Any, table: Table, entry: TableEntry, identifiers: Identifiers) -> None:
    message.table_id = identifiers.id_of(Prefix.TABLE, table.name)
    message.priority = entry.priority
    message.is_const = entry.const
    for item, match in zip(table.key, entry.matches, strict=True):
        _match(message.match, item, *match)
    action = message.action.action
    action.action_id = identifiers.id_of(Prefix.ACTION, entry.use.action.name)
    for param in entry.use.action.params:
        action.params.add(param_id=param.id, value=bytestring(entry.args[param.name]))


def _match(matches: Any, item: KeyField, first: int, second: int) -> None:
    """Add the match of a field; what matches every value is left out."""
    lowest = 1 << (item.slot.width - 1) if item.slot.biased else 0
    highest = lowest ^ ((1 << item.slot.width) - 1)
    if item.match == "range":
        matches_all = (first, second) == (lowest, highest)
    else:
        matches_all = item.match != "exact" and second == 0
    if matches_all:
        return
    field = matches.add(field_id=item.id)
    match item.match:
        case "exact":
            field.exact.value = bytestring(first)
        case "lpm":
            field.lpm.value, field.lpm.prefix_len = bytestring(first), second
        case "ternary":
            field.ternary.value, field.ternary.mask = bytestring(first), bytestring(second)
        case "range":
            field.range.low, field.range.high = bytestring(first), bytestring(second)
        case "optional":
            field.optional.value = bytestring(first)
