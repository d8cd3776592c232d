# SPDX-License-Identifier: Apache-2.0
"""Whether counters, meters and digests that a replacement keeps still mean the same."""

from __future__ import annotations

from p4rt.runtime.extern_info import Counter, Digest, Meter
from p4rt.runtime.info import Field, ProgramInfo, Table
from p4rt.runtime.maps import MapStore, find_map

_Words = tuple[tuple[str, int, int], ...]


def misread_externs(old: ProgramInfo, store: MapStore, new: ProgramInfo) -> list[str]:
    """What a program `new` would misread of what `store` holds for `old`; a text for each object."""
    found: list[str] = []
    for counter in old.externs.counters:
        for other in new.externs.counters:
            changed = _words(counter.value) != _words(other.value)
            if _kept(counter, other) and changed and _has_content(store, counter):
                found.append(f"counter {counter.name}: it counts something else")
    for meter in old.externs.meters:
        for other_meter in new.externs.meters:
            if _kept(meter, other_meter) and meter.unit != other_meter.unit and _has_content(store, meter):
                found.append(f"meter {meter.name}: its unit is another one")
    for digest in old.externs.digests:
        for other_digest in new.externs.digests:
            changed = _places(digest.value) != _places(other_digest.value)
            if _kept(digest, other_digest) and changed and _has_content(store, digest):
                found.append(f"digest {digest.name}: its records are laid out differently")
    return found


def state_of(info: ProgramInfo, table: Table) -> tuple[tuple[str, _Words], ...]:
    """What the state of a table's entries holds, in the order of its place."""
    found = [
        (counter.name, _words(counter.value))
        for counter in info.externs.direct_counters
        if counter.table == table.name
    ]
    found += [
        (meter.name, ((meter.unit, meter.offset, 0),))
        for meter in info.externs.direct_meters
        if meter.table == table.name
    ]
    return tuple(sorted(found))


def _kept(old: Counter | Meter | Digest, new: Counter | Meter | Digest) -> bool:
    """Does the switch keep the map of `old` as that of `new`?"""
    return (old.map, old.size, old.value_size) == (new.map, new.size, new.value_size)


def _has_content(store: MapStore, item: Counter | Meter | Digest) -> bool:
    return any(any(value) for _, value in store.dump(find_map(store, item.map)))


def _words(value: tuple[Field, ...]) -> _Words:
    return tuple((word.name, word.offset, word.size) for word in value)


def _places(value: tuple[Field, ...]) -> tuple[tuple[object, ...], ...]:
    return tuple((f.name, f.width, f.offset, f.size, f.order, f.shift, f.signed) for f in value)
