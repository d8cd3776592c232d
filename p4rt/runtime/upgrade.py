# SPDX-License-Identifier: Apache-2.0
"""Whether what a replacement keeps still means the same.

The switch keeps a map when its name, type and sizes are unchanged.  It cannot know that the number
of an action, the place of a parameter or the order of key fields is now another one; the
information of both programs can tell.
"""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.runtime.info import Field, ProgramInfo, Register, Table
from p4rt.runtime.maps import MapStore, find_map
from p4rt.runtime.upgrade_externs import misread_externs, state_of

_Layout = list[tuple[str, int, int, int, str, int, bool]]


def misread(old: ProgramInfo, store: MapStore, new: ProgramInfo) -> list[str]:
    """What a program `new` would misread of what `store` holds for a program `old` that it
    replaces; one text for each table and register."""
    found: list[str] = []
    for old_table in old.all_tables:
        for new_table in new.all_tables:
            if (old_table.kind, old_table.name) == (new_table.kind, new_table.name):
                found += _misread_table(old_table, store, new_table)
                if state_of(old, old_table) != state_of(new, new_table):
                    found += _misread_state(old_table, store, new_table)
    for old_register in old.registers:
        for new_register in new.registers:
            if old_register.name == new_register.name:
                found += _misread_register(old_register, store, new_register)
    return found + misread_externs(old, store, new)


def _layout(fields: Sequence[Field]) -> _Layout:
    return sorted((f.name, f.width, f.offset, f.size, f.order, f.shift, f.signed) for f in fields)


def _misread_table(old: Table, store: MapStore, new: Table) -> list[str]:
    changed = _changed_actions(old, new)
    kinds = [sorted((field.name, field.match) for field in table.key) for table in (old, new)]
    same_key = _layout(old.key) == _layout(new.key) and (not old.is_ternary or kinds[0] == kinds[1])
    same_rest = (old.profile, old.const_keys) == (new.profile, new.const_keys)
    if same_key and not changed and same_rest:
        return []
    codes: set[int] = set()
    if _entries_kept(old, new):
        assert old.map is not None
        values = [value for _, value in store.dump(find_map(store, old.map))]
        if values and not same_key:
            return [f"{old.kind} {old.name}: its key is laid out differently"]
        if old.const_keys != new.const_keys:
            return [f"{old.kind} {old.name}: other entries of it are const"]
        if values and old.profile != new.profile:
            return [f"{old.kind} {old.name}: its entries refer to {old.profile or 'no profile'}"]
        codes = set() if old.refers else {old.action_code.load(value) for value in values}
    defaults = [(table.default.map, table.default.value_size, table.state_size) for table in (old, new)]
    same_default = defaults[0] == defaults[1]
    if old.default.map is not None and same_default:
        value = store.lookup(find_map(store, old.default.map), bytes(4))
        codes |= {old.action_code.load(value)} if value is not None else set()
    used = [changed[c] for c in sorted(codes) if c in changed]
    if not used:
        return []
    verb = "is" if len(used) == 1 else "are"
    return [f"table {old.name}: {', '.join(used)} {verb} encoded differently or gone"]


def _misread_state(old: Table, store: MapStore, new: Table) -> list[str]:
    """Entries whose counters and meters would be taken for others."""
    if not old.state_size or not _entries_kept(old, new):
        return []
    assert old.map is not None
    if not any(True for _ in store.dump(find_map(store, old.map))):
        return []
    return [f"table {old.name}: its entries count or meter something else"]


def _entries_kept(old: Table, new: Table) -> bool:
    """True when the switch keeps the entries of `old` as those of `new`."""
    return (
        _map_of(old) == _map_of(new)
        and old.map is not None
        and not old.const_entries
        and not new.const_entries
    )


def _map_of(table: Table) -> tuple[object, ...]:
    """What the switch compares of the map of a table."""
    aging = table.idle_timeout
    return (
        table.map, table.map_type, table.size, table.key_size, table.value_size, table.state_size,
        sum(field.match == "range" for field in table.key), aging is not None, aging and aging.deletes,
    )  # fmt: skip


def _changed_actions(old: Table, new: Table) -> dict[int, str]:
    """Actions of `old`, by their code, that are not the same in `new`."""
    encodings = {a.code: (a.name, _layout(a.params)) for a in new.actions}
    same_place = _layout([old.action_code]) == _layout([new.action_code])
    return {
        a.code: a.name
        for a in old.actions
        if not same_place or encodings.get(a.code) != (a.name, _layout(a.params))
    }


def _misread_register(old: Register, store: MapStore, new: Register) -> list[str]:
    kept = (old.map, old.size, old.value_size) == (new.map, new.size, new.value_size)
    if not kept or _layout(old.value) == _layout(new.value):
        return []
    if not any(any(value) for _, value in store.dump(find_map(store, old.map))):
        return []
    return [f"register {old.name}: its members are laid out differently"]
