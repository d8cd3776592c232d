# SPDX-License-Identifier: Apache-2.0
"""Entries that the source gives a table, and its default action, as bytes of its maps."""

from __future__ import annotations

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.catalog import ActionUse, KeyField, Table, TableEntry
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.table_keys import KeyLayout, entry_key, match_of

_MEANINGS = {
    "exact": "one value",
    "lpm": "a value, a prefix mask or '_'",
    "ternary": "a value, a mask or '_'",
    "range": "a value, a range or '_'",
    "optional": "a value or '_'",
}


class Entries:
    """The initial entries of one table."""

    def __init__(self, ctx: Context, table: Table, info: model.TableInfo, key: KeyLayout) -> None:
        self.ctx = ctx
        self.table = table
        self.info = info
        self.key = key

    def add(self, codes: dict[int, int]) -> None:
        """Put the entries into the catalog; `codes` are the actions' by identity of the TableAction."""
        table = self.table
        initial = self.ctx.catalog.initial
        uses = {use.code: use for use in table.uses}
        if table.default_map is not None and (table.default.code or table.default_args):
            value = self._value(table.default, table.default_args, table.default_size)
            initial.append(ir.InitialEntry(table.default_map, bytes(4), value))
        seen: set[bytes] = set()
        for source in self.info.entries:
            if table.map is None:
                self.ctx.refuse(source.source.span, "a table without keys has no entries")
            entry = self._entry(source, uses[codes[id(source.action.action)]])
            if entry.key in seen:
                self._duplicate(source)
                continue
            seen.add(entry.key)
            table.entries.append(entry)
            initial.append(
                ir.InitialEntry(table.map, entry.key, self._value(entry.use, entry.args, table.value_size))
            )

    def _duplicate(self, entry: model.TableEntry) -> None:
        """With priorities the second one can be told to lose; without, the language has no such table."""
        message = "an entry before this one has the same key"
        if self.table.has_priorities:
            message += " and priority"
            self.ctx.checked.diagnostics.warning("duplicate-entry", entry.source.span, message)
        else:
            self.ctx.checked.diagnostics.error("duplicate", entry.source.span, message)

    def _entry(self, entry: model.TableEntry, use: ActionUse) -> TableEntry:
        matches = tuple(
            self._match(item, info, keyset, entry)
            for item, info, keyset in zip(self.table.key, self.info.keys, entry.keysets, strict=True)
        )
        args = {param.name: self._number(value, param.type) for param, value in entry.action.args}
        priority = entry.priority or 0
        key = entry_key(self.key, matches, priority)
        return TableEntry(entry.source, key, matches, use, args, priority, entry.const)

    def _match(
        self, item: KeyField, info: model.TableKey, keyset: model.Keyset, entry: model.TableEntry
    ) -> tuple[int, int]:
        number = self._number(keyset.value, info.type) if isinstance(keyset, model.ExactSet) else None
        found = match_of(keyset, item, number)
        if found is None:
            self.ctx.refuse(
                entry.source.span, f"the key '{info.name}' is {item.match}: give {_MEANINGS[item.match]}"
            )
        return found

    def _number(self, value: model.Value, type_: t.Type) -> int:
        tree = self.ctx.literal(value, self.ctx.resolve(type_))
        assert isinstance(tree, ir.Const)
        return tree.value

    def _value(self, use: ActionUse, arguments: dict[str, int], size: int) -> bytes:
        value = bytearray(size)
        value[0:4] = use.code.to_bytes(4, "little")
        for slot in use.params:
            value[slot.offset : slot.offset + slot.size] = slot.encode(arguments[slot.name])
        return bytes(value)
