# SPDX-License-Identifier: Apache-2.0
"""Reading the records that a program sends to the control plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from p4rt.runtime.errors import InputError
from p4rt.runtime.extern_info import Digest
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.maps import MapInfo, MapStore, find_map
from p4rt.runtime.names import resolve
from p4rt.runtime.values import format_value, plain_value

_KEY_SIZE = 8
_HEAD = 4
"""Bytes in front of a record in a ring's value: its length."""


@dataclass(frozen=True)
class Record:
    """A record: its number, counted from 1 in the order of arrival, and its values, unsigned patterns."""

    digest: Digest
    number: int
    values: tuple[int, ...]

    def format(self) -> str:
        """`pipe.learn[17]={mac=02:00:00:00:00:01,port=3}`, the number in the brackets."""
        fields = list(zip(self.digest.value, self.values, strict=True))
        if len(fields) == 1 and not fields[0][0].name:
            return f"{self.digest.name}[{self.number}]={format_value(fields[0][1], fields[0][0])}"
        text = ",".join(f"{f.name}={format_value(v, f)}" for f, v in fields)
        return f"{self.digest.name}[{self.number}]={{{text}}}"

    def to_json(self) -> dict[str, Any]:
        """The record as plain values."""
        value: Any = {f.name: plain_value(v, f) for f, v in zip(self.digest.value, self.values, strict=True)}
        if list(value) == [""]:
            value = value[""]
        return {"digest": self.digest.name, "number": self.number, "value": value}


class Digests:
    """The digests that `info` describes, whose maps are in `store`."""

    def __init__(self, info: ProgramInfo, store: MapStore) -> None:
        self._info = info
        self._store = store

    def find(self, name: str | None) -> tuple[Digest, ...]:
        """The digest called `name`, or all; InputError when there is none."""
        digests = self._info.externs.digests
        program = f"program {self._info.program}" if self._info.program else "the program"
        if name is not None:
            return (resolve(name, digests, "digest", program),)
        if not digests:
            raise InputError(f"{program} has no digests")
        return digests

    def _map(self, digest: Digest) -> MapInfo:
        info = find_map(self._store, digest.map)
        if (info.key_size, info.value_size) != (_KEY_SIZE, digest.value_size):
            raise InputError(f"digest {digest.name}: the program's information does not fit its map")
        return info

    def read(self, digest: Digest, after: int = 0) -> list[Record]:
        """The records that are there with a number greater than `after`, in order.

        A number missing between them, or after `after`, is that of a record that was lost."""
        found: list[Record] = []
        for key, value in self._store.dump(self._map(digest), after):
            data = value[_HEAD:]
            values = tuple(field.load(data) for field in digest.value)
            found.append(Record(digest, int.from_bytes(key, "little"), values))
        return sorted(found, key=lambda record: record.number)
