# SPDX-License-Identifier: Apache-2.0
"""Entries that the source gives a table, and its default action, as bytes of its maps."""

from __future__ import annotations

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.catalog import ActionUse, Table
from p4rt.compiler.midend import layout
from p4rt.compiler.midend.context import Context


class Entries:
    """The initial entries of one table."""

    def __init__(self, ctx: Context, table: Table, info: model.TableInfo) -> None:
        self.ctx = ctx
        self.table = table
        self.info = info

    def add(self, codes: dict[int, int]) -> None:
        """Put the entries into the catalog; `codes` are the actions' by identity of the TableAction."""
        table = self.table
        uses = {use.code: use for use in table.uses}
        if table.default_map is not None and (table.default.code or table.default_args):
            value = self._value(table.default, table.default_args)
            self.ctx.catalog.initial.append(ir.InitialEntry(table.default_map, bytes(4), value))
        seen: set[bytes] = set()
        for entry in self.info.entries:
            if table.map is None:
                self.ctx.refuse(entry.source.span, "a table without keys has no entries")
            if entry.const != self.info.entries_const:
                self.ctx.unsupported(
                    entry.source.span, "an entry that is const in a table whose entries are not is"
                )
            key = self._key(entry)
            if key in seen:
                self.ctx.checked.diagnostics.warning(
                    "duplicate-entry", entry.source.span, "an entry before this one has the same key"
                )
                continue
            seen.add(key)
            use = uses[codes[id(entry.action.action)]]
            arguments = {param.name: self._number(value, param.type) for param, value in entry.action.args}
            self.ctx.catalog.initial.append(ir.InitialEntry(table.map, key, self._value(use, arguments)))

    def _number(self, value: model.Value, type_: t.Type) -> int:
        tree = self.ctx.literal(value, self.ctx.resolve(type_))
        assert isinstance(tree, ir.Const)
        return tree.value

    def _value(self, use: ActionUse, arguments: dict[str, int]) -> bytes:
        value = bytearray(self.table.value_size)
        value[0:4] = use.code.to_bytes(4, "little")
        for slot in use.params:
            value[slot.offset : slot.offset + slot.size] = slot.encode(arguments[slot.name])
        return bytes(value)

    def _key(self, entry: model.TableEntry) -> bytes:
        table = self.table
        key = bytearray(table.key_size)
        for item, info, keyset in zip(table.key, self.info.keys, entry.keysets, strict=True):
            slot = item.slot
            if item.match == "lpm":
                number, length = self._prefix(keyset, info, entry)
                key[0 : layout.PREFIX_LEN_SIZE] = (table.base_bits + length).to_bytes(4, "little")
            elif isinstance(keyset, model.ExactSet):
                number = self._number(keyset.value, info.type)
            else:
                self.ctx.refuse(entry.source.span, f"the key '{item.slot.name}' is exact: give one value")
            key[slot.offset : slot.offset + slot.size] = slot.encode(number)
        return bytes(key)

    def _prefix(self, keyset: model.Keyset, key: model.TableKey, entry: model.TableEntry) -> tuple[int, int]:
        """Value and length of an LPM keyset."""
        width = next(item.slot.width for item in self.table.key if item.match == "lpm")
        match keyset:
            case model.AnySet():
                return 0, 0
            case model.ExactSet(value):
                return self._number(value, key.type), width
            case model.MaskSet(value, mask):
                length = bin(mask & ((1 << width) - 1)).count("1")
                if mask & ((1 << width) - 1) == ((1 << length) - 1) << (width - length):
                    return value & mask, length
        self.ctx.refuse(entry.source.span, f"the key '{key.name}' is lpm: give a value, a prefix mask or '_'")
