# SPDX-License-Identifier: Apache-2.0
"""Maps of a program, wherever the program is: in a switch or in this process.

Typed tables (`tables`) work on a MapStore and do not know which it is.  Keys and values are
bytes, of exactly the map's sizes.  Every failure of an entry is a RefusedError whose `index` is
the position of the entry that failed; those before it were done.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from p4rt.runtime import wire
from p4rt.runtime.errors import ErrorCode, InputError, RefusedError

if TYPE_CHECKING:
    import ubpf
    from p4rt.runtime.connection import Connection

Entry = tuple[bytes, bytes]

_Request = TypeVar("_Request", wire.MapList, wire.MapLookup, wire.MapUpdate, wire.MapDelete)


class MapType(IntEnum):
    """`enum ubpf_map_type`."""

    HASH = 1
    ARRAY = 2
    THREAD_HASH = 5
    THREAD_ARRAY = 6
    LRU_HASH = 9
    LPM = 11
    ARRAY_OF_MAPS = 12
    RING = 27
    TERNARY = 0x101
    METER = 0x102


class UpdateMode(IntEnum):
    """`enum ubpf_update_flags`: what an update does when there is, or is not, such an entry."""

    ANY = 0
    NOEXIST = 1
    EXIST = 2
    EXIST_STATE = 6
    """As EXIST, and with the state of the value, which else stays as it is."""


F_RDONLY_PROG = 1
F_RDONLY_USER = 2


@dataclass(frozen=True)
class MapInfo:
    """What is known of a map; sizes in bytes.

    `entry_*` are those of keys and values as the control plane has them, `state_size` that of the part of a
    value that programs write; `n_dropped` counts records of a ring for which there was no room.
    """

    index: int
    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    n_entries: int
    memory: int
    entry_key_size: int
    entry_value_size: int
    state_size: int = 0
    n_dropped: int = 0

    @property
    def type_name(self) -> str:
        """The type in words, for people."""
        try:
            return MapType(self.type).name.lower()
        except ValueError:
            return f"type {self.type}"


class MapStore(Protocol):
    """The maps of one program."""

    def maps(self) -> Mapping[str, MapInfo]:
        """The maps by name, in their order; counts are those of the moment."""

    def lookup(self, info: MapInfo, key: bytes) -> bytes | None:
        """The value at `key`, or None."""

    def update(self, info: MapInfo, entries: Sequence[Entry], mode: UpdateMode = UpdateMode.ANY) -> None:
        """Writes `entries` in order."""

    def delete(self, info: MapInfo, keys: Sequence[bytes]) -> None:
        """Deletes the entries at `keys` in order."""

    def dump(self, info: MapInfo, cursor: int = 0) -> Iterator[Entry]:
        """All entries from `cursor` on; one that is there during the whole dump is yielded exactly once."""


def find_map(store: MapStore, name: str) -> MapInfo:
    """The map called `name`; InputError says which there are."""
    maps = store.maps()
    if name not in maps:
        known = ", ".join(maps) or "none"
        raise InputError(f"the program has no map {name} (maps: {known})")
    return maps[name]


def check_sizes(info: MapInfo, key: bytes, value: bytes | None = None) -> None:
    """Raises InputError unless `key` and `value` are of the map's sizes."""
    if len(key) != info.entry_key_size:
        raise InputError(f"map {info.name} has keys of {info.entry_key_size} bytes, not {len(key)}")
    if value is not None and len(value) != info.entry_value_size:
        raise InputError(f"map {info.name} has values of {info.entry_value_size} bytes, not {len(value)}")


class SwitchMaps:
    """The maps of program `prog` of the bridge at the other end of `connection`.

    Requests are refused with ErrorCode.CHANGED once the program is no longer of `generation`: its
    maps may then mean something else.  0 takes any."""

    def __init__(self, connection: Connection, prog: int, generation: int = 0) -> None:
        self._connection = connection
        self._prog = prog
        self._generation = generation

    def _request(
        self, kind: type[_Request], index: int, n: int = 0, data: bytes = b"", flags: int = 0
    ) -> _Request:
        return kind(self._prog, index, flags, n, self._generation, data)

    def maps(self) -> Mapping[str, MapInfo]:
        """See MapStore."""
        found: dict[str, MapInfo] = {}
        for part in self._connection.transact_list(self._request(wire.MapList, 0), wire.MapListReply):
            for m in part.maps:
                found[m.name] = MapInfo(
                    m.map, m.name, m.type, m.key_size, m.value_size, m.max_entries, m.flags,
                    m.n_entries, m.memory, m.entry_key_size, m.entry_value_size, m.state_size, m.n_dropped,
                )  # fmt: skip
        return found

    def lookup(self, info: MapInfo, key: bytes) -> bytes | None:
        """See MapStore."""
        check_sizes(info, key)
        reply = self._connection.transact(
            self._request(wire.MapLookup, info.index, 1, key), wire.MapLookupReply
        )
        entries = wire.split_entries(reply.data, reply.n, info.entry_key_size, info.entry_value_size)
        return entries[0][1] if entries else None

    def update(self, info: MapInfo, entries: Sequence[Entry], mode: UpdateMode = UpdateMode.ANY) -> None:
        """See MapStore."""
        for key, value in entries:
            check_sizes(info, key, value)
        batch = max(1, wire.DATA_MAX // (info.entry_key_size + info.entry_value_size))
        for start in range(0, len(entries), batch):
            part = entries[start : start + batch]
            data = b"".join(key + value for key, value in part)
            request = self._request(wire.MapUpdate, info.index, len(part), data, mode)
            try:
                self._connection.transact(request, wire.MapUpdateReply)
            except RefusedError as e:
                raise RefusedError(e.code, str(e), start + e.index) from None

    def delete(self, info: MapInfo, keys: Sequence[bytes]) -> None:
        """See MapStore."""
        for key in keys:
            check_sizes(info, key)
        batch = max(1, wire.DATA_MAX // max(1, info.entry_key_size))
        for start in range(0, len(keys), batch):
            part = keys[start : start + batch]
            request = self._request(wire.MapDelete, info.index, len(part), b"".join(part))
            try:
                self._connection.transact(request, wire.MapDeleteReply)
            except RefusedError as e:
                raise RefusedError(e.code, str(e), start + e.index) from None

    def dump(self, info: MapInfo, cursor: int = 0) -> Iterator[Entry]:
        """See MapStore."""
        while True:
            reply = self._connection.transact(
                wire.MapDump(self._prog, info.index, cursor, 0, self._generation), wire.MapDumpReply
            )
            if not reply.n:
                return
            yield from wire.split_entries(reply.data, reply.n, info.entry_key_size, info.entry_value_size)
            cursor = reply.cursor


_ERRNO_CODES = {
    errno.ENOENT: ErrorCode.KEY,
    errno.EEXIST: ErrorCode.KEY_EXISTS,
    errno.ENOSPC: ErrorCode.FULL,
    errno.EPERM: ErrorCode.READ_ONLY,
    errno.ENOMEM: ErrorCode.NOMEM,
    errno.EDQUOT: ErrorCode.NOMEM,
}


class LocalMaps:
    """The maps of a program that runs in this process."""

    def __init__(self, program: ubpf.Program) -> None:
        self._program = program

    def maps(self) -> Mapping[str, MapInfo]:
        """See MapStore."""
        return {
            name: MapInfo(
                i, name, int(m.type), m.key_size, m.value_size, m.max_entries, m.flags, len(m),
                m.bytes_used, m.entry_key_size, m.entry_value_size, m.state_size, m.dropped,
            )
            for i, (name, m) in enumerate(self._program.maps.items())
        }  # fmt: skip

    def lookup(self, info: MapInfo, key: bytes) -> bytes | None:
        """See MapStore."""
        check_sizes(info, key)
        return self._program.maps[info.name].lookup(key)

    def update(self, info: MapInfo, entries: Sequence[Entry], mode: UpdateMode = UpdateMode.ANY) -> None:
        """See MapStore."""
        import ubpf

        for key, value in entries:
            check_sizes(info, key, value)
        target = self._program.maps[info.name]
        try:
            target.update_many(entries, ubpf.UpdateFlags(int(mode)))
        except ubpf.BatchError as e:
            raise _refused(e) from None

    def delete(self, info: MapInfo, keys: Sequence[bytes]) -> None:
        """See MapStore."""
        import ubpf

        for key in keys:
            check_sizes(info, key)
        target = self._program.maps[info.name]
        try:
            target.delete_many(keys)
        except ubpf.BatchError as e:
            raise _refused(e) from None

    def dump(self, info: MapInfo, cursor: int = 0) -> Iterator[Entry]:
        """See MapStore."""
        yield from self._program.maps[info.name].items(cursor)


def _refused(error: ubpf.BatchError) -> RefusedError:
    code = _ERRNO_CODES.get(error.errno or 0, ErrorCode.INVALID)
    return RefusedError(code, "", error.index)
