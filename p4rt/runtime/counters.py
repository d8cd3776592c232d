# SPDX-License-Identifier: Apache-2.0
"""Reading and resetting counters by name: arrays, and those of table entries."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from p4rt.runtime.direct import DirectStates, EntryState
from p4rt.runtime.errors import InputError
from p4rt.runtime.extern_info import Counter, DirectCounter
from p4rt.runtime.info import Field, ProgramInfo
from p4rt.runtime.maps import MapInfo, MapStore, find_map
from p4rt.runtime.names import resolve
from p4rt.runtime.references import parse_index, split_reference

_KEY = struct.Struct("<I")


@dataclass(frozen=True)
class Count:
    """What a counter has counted: words by name, `packets` or `bytes` or both.

    `where` is the index in an array, or the entry of a direct counter.
    """

    counter: Counter | DirectCounter
    where: int | EntryState
    words: dict[str, int]

    def format(self) -> str:
        """`pipe.hits[3]={packets=1,bytes=64}`, or with the key of an entry in the brackets."""
        place = self.where.format() if isinstance(self.where, EntryState) else str(self.where)
        words = ",".join(f"{name}={number}" for name, number in self.words.items())
        return f"{self.counter.name}[{place}]={{{words}}}"

    def to_json(self) -> dict[str, Any]:
        """The count as plain values."""
        result: dict[str, Any] = {"counter": self.counter.name}
        if isinstance(self.where, EntryState):
            result["table"] = self.where.table.name
            result["entry"] = self.where.format()
        else:
            result["index"] = self.where
        return {**result, **self.words}


class Counters:
    """The counters that `info` describes, whose maps are in `store`."""

    def __init__(self, info: ProgramInfo, store: MapStore) -> None:
        self._info = info
        self._store = store
        self._direct = DirectStates(info, store)

    def find(self, text: str) -> tuple[Counter | DirectCounter, str | None]:
        """The counter that `NAME` or `NAME[...]` names, and what is in the brackets."""
        name, inside = split_reference(text)
        program = f"program {self._info.program}" if self._info.program else "the program"
        externs = self._info.externs
        known: tuple[Counter | DirectCounter, ...] = (*externs.counters, *externs.direct_counters)
        return resolve(name, known, "counter", program), inside

    def _map(self, counter: Counter) -> MapInfo:
        info = find_map(self._store, counter.map)
        if (info.key_size, info.value_size) != (_KEY.size, counter.value_size):
            raise InputError(f"counter {counter.name}: the program's information does not fit its map")
        return info

    def read(self, text: str) -> list[Count]:
        """Reads the counter that `NAME[INDEX]` or `NAME[KEY]` names; `NAME` alone reads the elements of an
        array that are not zero, or all entries of a table."""
        counter, inside = self.find(text)
        if isinstance(counter, DirectCounter):
            table = self._direct.table(counter.table)
            if inside is None:
                states = list(self._direct.read_all(table))
            else:
                states = [self._direct.read(table, self._direct.parse(table, inside))]
            return [Count(counter, state, _load(counter.value, state.value)) for state in states]
        if inside is None:
            return list(self._read_nonzero(counter))
        index = parse_index(inside, counter.size, f"counter {counter.name}")
        value = self._store.lookup(self._map(counter), _KEY.pack(index))
        if value is None:
            raise InputError(f"counter {counter.name} has no element {index}")
        return [Count(counter, index, _load(counter.value, value))]

    def _read_nonzero(self, counter: Counter) -> Iterator[Count]:
        found = {
            int.from_bytes(key, "little"): value
            for key, value in self._store.dump(self._map(counter))
            if any(value)
        }
        for index in sorted(found):
            yield Count(counter, index, _load(counter.value, found[index]))

    def reset(self, text: str) -> int:
        """Makes the counters that read() finds zero; returns how many.

        What packets count between the reading and the writing of a direct counter is lost."""
        counts = self.read(text)
        zero: list[tuple[bytes, bytes]] = []
        for count in counts:
            if isinstance(count.where, EntryState):
                words = count.counter.value
                self._direct.change(count.where, partial(_clear, words))
            else:
                assert isinstance(count.counter, Counter)
                zero.append((_KEY.pack(count.where), bytes(count.counter.value_size)))
        if zero:
            assert isinstance(counts[0].counter, Counter)
            self._store.update(self._map(counts[0].counter), zero)
        return len(counts)


def _load(words: Sequence[Field], value: bytes) -> dict[str, int]:
    return {word.name: word.load(value) for word in words}


def _clear(words: Sequence[Field], value: bytearray) -> None:
    for word in words:
        word.store(value, 0)
