# SPDX-License-Identifier: Apache-2.0
"""Reading and writing the state of table entries: where direct counters and meters are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from p4rt.runtime.entries import Key, parse_key, split_text
from p4rt.runtime.errors import ErrorCode, InputError, RefusedError
from p4rt.runtime.extern_info import METER_SIZE
from p4rt.runtime.info import ProgramInfo, Table
from p4rt.runtime.maps import MapInfo, MapStore, UpdateMode, find_map

_FIRST = bytes(4)  # Key of the only element of an array.
_LOCK_SIZE = 8
"""Bytes at the end of a meter that are the engine's lock: open, whatever was read."""


@dataclass(frozen=True)
class EntryState:
    """An entry, or (`key` is None) the default action, of a table, and the bytes of its value."""

    table: Table
    key: Key | None
    value: bytes

    def format(self) -> str:
        """What the entry is called in brackets."""
        return "default" if self.key is None else self.key.format()


class DirectStates:
    """The state of the entries of the tables that `info` describes, whose maps are in `store`."""

    def __init__(self, info: ProgramInfo, store: MapStore) -> None:
        self._info = info
        self._store = store

    def table(self, name: str) -> Table:
        """The table of that full name."""
        return next(table for table in self._info.tables if table.name == name)

    def parse(self, table: Table, text: str) -> Key | None:
        """Reads what stands in brackets: the key of an entry, or `default`."""
        parts = split_text(f"table={table.name},{text}")
        if parts.actions is not None or parts.timeout is not None or (parts.default and parts.key):
            raise InputError(f"'{text}' is neither the key of an entry of table {table.name} nor 'default'")
        return None if parts.default else parse_key(table, parts.key)

    def _map(self, table: Table, key: Key | None) -> MapInfo | None:
        name = table.default.map if key is None else table.map
        if name is None:
            return None
        info = find_map(self._store, name)
        if info.value_size != table.value_size:
            raise InputError(f"table {table.name}: the program's information does not fit its map {name}")
        return info

    def read(self, table: Table, key: Key | None) -> EntryState:
        """One entry, or the default action."""
        info = self._map(table, key)
        value = None
        if info is not None:
            value = self._value(table, info, _FIRST if key is None else key.encode())
        if value is None:
            what = "no default action that counts" if key is None else f"no entry {key.format()}"
            raise InputError(f"table {table.name} has {what}")
        return EntryState(table, key, value)

    def _value(self, table: Table, info: MapInfo, key: bytes) -> bytes | None:
        """A lookup in an LPM map finds shorter prefixes, too; a dump shows what is there."""
        if table.map_type == "lpm" and info.name == table.map:
            return next((value for found, value in self._store.dump(info) if found == key), None)
        return self._store.lookup(info, key)

    def read_all(self, table: Table) -> Iterator[EntryState]:
        """All entries, by key, and at the end the default action."""
        found = []
        if table.map is not None:
            info = find_map(self._store, table.map)
            found = [EntryState(table, Key.decode(table, k), v) for k, v in self._store.dump(info)]
        yield from sorted(found, key=lambda state: state.key.sort_key() if state.key else ())
        if table.default.map is not None:
            yield self.read(table, None)

    def change(self, state: EntryState, edit: Callable[[bytearray], None]) -> None:
        """Writes an entry's state as `edit` changes it; what packets did since it was read is lost."""
        info = self._map(state.table, state.key)
        assert info is not None
        value = bytearray(state.value)
        edit(value)
        for meter in self._info.externs.direct_meters:
            if meter.table == state.table.name:
                end = meter.offset + METER_SIZE
                value[end - _LOCK_SIZE : end] = bytes(_LOCK_SIZE)
        key = _FIRST if state.key is None else state.key.encode()
        try:
            self._store.update(info, [(key, bytes(value))], UpdateMode.EXIST_STATE)
        except RefusedError as e:
            if e.code == ErrorCode.KEY:
                text = f"table {state.table.name} has no entry {state.format()}"
                raise RefusedError(e.code, text, e.index) from None
            if e.code == ErrorCode.READ_ONLY:
                text = f"the entries of table {state.table.name} are const: their state cannot be written"
                raise RefusedError(e.code, text, e.index) from None
            raise
