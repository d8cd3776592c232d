# SPDX-License-Identifier: Apache-2.0
"""Reading and writing the tables of a program by name, in a switch or in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from p4rt.runtime.entries import Call, Entry, Key
from p4rt.runtime.errors import ErrorCode, InputError, P4rtError, RefusedError
from p4rt.runtime.info import ProgramInfo, Table
from p4rt.runtime.maps import MapInfo, MapStore, UpdateMode, find_map
from p4rt.runtime.profiles import Members, Reference

_FIRST = bytes(4)  # Key of the only element of an array.


@dataclass(frozen=True)
class Changes:
    """What replacing the entries of a program did."""

    added: int = 0
    modified: int = 0
    deleted: int = 0
    unchanged: int = 0


class Tables:
    """The tables that `info` describes, whose maps are in `store`."""

    def __init__(self, info: ProgramInfo, store: MapStore) -> None:
        self.info = info
        self._store = store
        self._maps: Mapping[str, MapInfo] | None = None

    def map_of(self, table: Table) -> MapInfo:
        """The map of `table`, checked to be the one that the program's information describes."""
        if table.map is None:
            raise InputError(f"table {table.name} has no key, only a default action")
        return self._map(table.map, table.entry_key_size, table.value_size, table)

    def _map(self, name: str, key_size: int, value_size: int, table: Table) -> MapInfo:
        if self._maps is None:
            self._maps = self._store.maps()
        if name not in self._maps:
            find_map(self._store, name)  # Says which there are.
            self._maps = None
            return self._map(name, key_size, value_size, table)
        info = self._maps[name]
        if (info.entry_key_size, info.entry_value_size) != (key_size, value_size):
            raise InputError(f"table {table.name}: the program's information does not fit its map {name}")
        return info

    def n_entries(self, table: Table) -> int:
        """How many entries `table` has now."""
        return self._store.maps()[self.map_of(table).name].n_entries if table.map else 0

    def entries(self, table: Table) -> list[Entry]:
        """All entries of `table`, sorted by key; not its default action."""
        if table.map is None:
            return []
        found = [Entry.decode(table, key, value) for key, value in self._store.dump(self.map_of(table))]
        return sorted(found, key=lambda e: e.key.sort_key() if e.key else ())

    def default(self, table: Table) -> Entry:
        """The default action that `table` has now."""
        if table.default.map is None:
            return self.initial_default(table)
        info = self._map(table.default.map, len(_FIRST), table.default.value_size, table)
        value = self._store.lookup(info, _FIRST)
        if value is None:
            raise InputError(f"table {table.name}: its default action is missing")
        return Entry(table, None, Call.decode(table, value))

    def initial_default(self, table: Table) -> Entry:
        """The default action that the program gives `table`."""
        for action in table.actions:
            if action.name == table.default.action:
                given = table.default.args
                args = tuple(given.get(p.name, 0) & (1 << p.width) - 1 for p in action.params)
                return Entry(table, None, Call(table, action, args))
        raise InputError(f"table {table.name} has no action {table.default.action}, its default")

    def set_default(self, entry: Entry) -> None:
        """Makes `entry`, which has no key, the default action of its table."""
        table = entry.table
        if table.default.const or table.default.map is None:
            raise InputError(_at(entry, f"the default action of table {table.name} is const"))
        info = self._map(table.default.map, len(_FIRST), table.default.value_size, table)
        try:
            self._store.update(info, [(_FIRST, entry.call.encode())])
        except RefusedError as e:
            raise RefusedError(e.code, _at(entry, str(e)), e.index) from None

    def add(self, entries: Sequence[Entry]) -> None:
        """Adds `entries`, all or none; default actions among them are set.

        Raises RefusedError, naming the entry, when one exists or does not fit; those already
        added are then taken away again."""
        groups = [
            [e for e in entries if e.table.label == t.label and e.key is not None]
            for t in self.info.all_tables
        ]
        defaults = [(e, self.default(e.table)) for e in entries if e.key is None]
        done: list[list[Entry]] = []
        restore: list[Entry] = []
        try:
            for group in filter(None, groups):
                self._write(group, UpdateMode.NOEXIST, done)
            for entry, before in defaults:
                self.set_default(entry)
                restore.append(before)
        except P4rtError:
            with suppress(P4rtError):
                for group in reversed(done):
                    self._store.delete(self.map_of(group[0].table), [_key(e) for e in group])
                for before in restore:
                    self.set_default(before)
            raise

    def modify(self, entry: Entry) -> None:
        """Gives an entry that exists another action."""
        if entry.table.is_value_set:
            raise InputError(_at(entry, f"value set {entry.table.name} has members, and no actions"))
        if entry.key is None:
            self.set_default(entry)
        else:
            self._write([entry], UpdateMode.EXIST, [])

    def _write(self, group: list[Entry], mode: UpdateMode, done: list[list[Entry]]) -> None:
        """Writes `group`, entries of one table, and appends what was written to `done`."""
        info = self.map_of(group[0].table)
        for entry in group if group[0].table.const_keys else ():
            if _key(entry) in entry.table.const_keys:
                raise InputError(_at(entry, _is_const(entry.table, entry.key)))
        self._check_references(group)
        try:
            self._store.update(info, [(_key(e), e.value()) for e in group], mode)
        except RefusedError as e:
            if e.index:
                done.append(group[: e.index])
            raise _explained(e, group, info) from None
        done.append(group)

    def delete(self, keys: Sequence[Key]) -> None:
        """Deletes the entries at `keys`, all of one table."""
        if not keys:
            return
        table = keys[0].table
        if table.const_entries:
            raise InputError(f"the entries of table {table.name} are const and cannot be changed")
        for key in keys:
            if table.const_keys and key.encode() in table.const_keys:
                raise InputError(_is_const(table, key))
        if table.role in ("member", "group"):
            self._check_unused(table, keys)
        try:
            self._store.delete(self.map_of(table), [k.encode() for k in keys])
        except RefusedError as e:
            if e.code == ErrorCode.KEY and e.index < len(keys):
                text = f"{table.kind} {table.name} has no entry {keys[e.index].format()}"
                raise RefusedError(e.code, text, e.index) from None
            raise

    def _numbers(self, tables: Sequence[Table], profile: str | None) -> set[int]:
        """The numbers of the members, or the groups, that a profile has now."""
        found: set[int] = set()
        for table in tables:
            if table.profile == profile:
                keys = (key for key, _ in self._store.dump(self.map_of(table)))
                found.update(int.from_bytes(key, "little") for key in keys)
        return found

    def _check_references(self, group: Sequence[Entry]) -> None:
        """Refuses entries and groups that refer to what is not there."""
        if not group[0].table.refers and group[0].table.role != "group":
            return
        members: set[int] | None = None
        groups: set[int] | None = None
        for entry in group:
            wanted: list[int] = []
            if isinstance(entry.call, Members):
                wanted = [member for member, _ in entry.call.members]
            elif isinstance(entry.call, Reference) and entry.call.member:
                wanted = [entry.call.member]
            elif isinstance(entry.call, Reference):
                groups = self._numbers(self.info.groups, entry.table.profile) if groups is None else groups
                if entry.call.group not in groups:
                    text = f"profile {entry.table.profile} has no group {entry.call.group}"
                    raise InputError(_at(entry, text))
            if wanted and members is None:
                members = self._numbers(self.info.members, entry.table.profile)
            missing = [member for member in wanted if member not in (members or ())]
            if missing:
                raise InputError(_at(entry, f"profile {entry.table.profile} has no member {missing[0]}"))

    def _check_unused(self, table: Table, keys: Sequence[Key]) -> None:
        """Refuses to delete members and groups that groups or entries refer to."""
        deleted = {key.matches[0].value for key in keys}
        for user in (*self.info.groups, *self.info.tables):
            if user.profile != table.profile:
                continue
            for entry in self.entries(user):
                call, used = entry.call, set[int]()
                if isinstance(call, Members) and table.role == "member":
                    used = {member for member, _ in call.members}
                elif isinstance(call, Reference):
                    used = {call.member if table.role == "member" else call.group}
                if used & deleted:
                    number = min(used & deleted)
                    text = entry.key.format() if entry.key else ""
                    raise InputError(
                        f"{table.role} {number} of {table.name} is used by {user.label}, entry {text}"
                    )

    def clear(self, table: Table) -> int:
        """Deletes all entries of `table` but those that are const, and returns how many there were."""
        keys = [e.key for e in self.entries(table) if e.key is not None and _key(e) not in table.const_keys]
        self.delete(keys)
        return len(keys)

    def replace(self, entries: Sequence[Entry]) -> Changes:
        """Makes the tables have exactly `entries`, and their initial default action where there
        is none among `entries`.  Const tables stay as they are.

        Packets meet each entry either as it was or as it shall be, and no entry that is in both
        is ever missing; a table as a whole passes through states in between.  When a step is
        refused, the tables are put back as they were."""
        before = self.snapshot()
        try:
            return self._make(entries)
        except P4rtError:
            with suppress(P4rtError):
                self._make(before)
            raise

    def snapshot(self) -> list[Entry]:
        """Everything that can be changed: entries, and default actions that differ from the
        program's own."""
        found: list[Entry] = []
        for table in self.info.all_tables:
            if not table.const_entries:
                found += [e for e in self.entries(table) if _key(e) not in table.const_keys]
            if table.default.map is not None and not table.default.const:
                now = self.default(table)
                found += [now] if now != self.initial_default(table) else []
        return found

    def _make(self, entries: Sequence[Entry]) -> Changes:
        total = [0, 0, 0, 0]
        later: list[tuple[Table, list[bytes]]] = []
        for table in self.info.all_tables:
            wanted = [e for e in entries if e.table.label == table.label]
            if table.default.map is not None and not table.default.const:
                default = next((e for e in wanted if e.key is None), self.initial_default(table))
                if default != self.default(table):
                    self.set_default(default)
            if table.map is not None and not table.const_entries:
                counts = self._make_table(table, [e for e in wanted if e.key is not None], later)
                total = [a + b for a, b in zip(total, counts, strict=True)]
        for table, removed in reversed(later):
            self._store.delete(self.map_of(table), removed)
        return Changes(*total)

    def _make_table(
        self, table: Table, wanted: list[Entry], later: list[tuple[Table, list[bytes]]]
    ) -> tuple[int, int, int, int]:
        """Makes `table` have exactly `wanted`; returns the counts of Changes.

        What others may refer to until they were written is put on the list of what to delete `later`."""
        info = self.map_of(table)
        now = {key: _written(table, value) for key, value in self._store.dump(info)}
        by_key = {_key(e): e for e in wanted}
        changed = [e for k, e in by_key.items() if k in now and now[k] != _written(table, e.value())]
        added = [e for k, e in by_key.items() if k not in now]
        removed = [k for k in now if k not in by_key and k not in table.const_keys]
        if changed:
            self._write(changed, UpdateMode.ANY, [])
        room = len(now) + len(added) <= info.max_entries
        if removed and not room:
            self._store.delete(info, removed)
        if added:
            self._write(added, UpdateMode.ANY, [])
        if removed and room and table.role in ("member", "group"):
            later.append((table, removed))
        elif removed and room:
            self._store.delete(info, removed)
        return len(added), len(changed), len(removed), len(by_key) - len(added) - len(changed)


def _key(entry: Entry) -> bytes:
    assert entry.key is not None
    return entry.key.encode()


def _written(table: Table, value: bytes) -> tuple[bytes, int]:
    """The part of a value that the control plane writes: not what counters and clocks made of the rest."""
    timeout = table.idle_timeout.timeout.load(value) if table.idle_timeout is not None else 0
    return value[: table.value_size - table.state_size], timeout


def _is_const(table: Table, key: Key | None) -> str:
    text = key.format() if key is not None else "default"
    return f"the entry {text} of table {table.name} is const and cannot be changed"


def _at(entry: Entry, text: str) -> str:
    return f"{entry.origin}: {text}" if entry.origin else text


def _explained(error: RefusedError, group: list[Entry], info: MapInfo) -> RefusedError:
    """Says `error`, of writing `group`, in terms of the table."""
    entry = group[min(error.index, len(group) - 1)]
    assert entry.key is not None
    table = f"{entry.table.kind} {entry.table.name}"
    texts = {
        ErrorCode.KEY_EXISTS: f"{table} already has an entry {entry.key.format()}",
        ErrorCode.KEY: f"{table} has no entry {entry.key.format()}",
        ErrorCode.FULL: f"{table} is full ({info.max_entries} entries)",
        ErrorCode.READ_ONLY: f"the entries of {table} are const and cannot be changed",
    }
    text = next((t for c, t in texts.items() if c == error.code), f"{table}: {error}")
    return RefusedError(error.code, _at(entry, text), error.index)
