# SPDX-License-Identifier: Apache-2.0
"""Maps of a program, as the control plane sees them."""

from __future__ import annotations

import enum
import errno
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._library import ffi, library, lock
from .errors import BatchError, Error

if TYPE_CHECKING:
    from .program import Program

# Bytes of entries that are copied at a time.
_DUMP_BYTES = 1 << 16


class MapType(enum.IntEnum):
    """Type of a map; the numbers are those of ``ubpf/abi.h``."""

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


NO_MAP = 0xFFFFFFFF
"""The number of no map, in an element of an array of maps."""

# What EINVAL means, by type.
_INVALID = {
    MapType.ARRAY: "is an array: its elements cannot be deleted",
    MapType.THREAD_ARRAY: "is an array: its elements cannot be deleted",
    MapType.METER: "takes no meter whose pir is below its cir, and none can be deleted",
    MapType.LPM: "takes no prefix as long as that",
    MapType.ARRAY_OF_MAPS: "takes the number of a map that looks like its template, or of none",
    MapType.RING: "is a ring: only programs write to it",
    MapType.TERNARY: "takes no range whose highest value is below its lowest, and 4 zeros after the priority",
}


class MapFlags(enum.IntFlag):
    """Flags of a map; the numbers are those of ``ubpf/abi.h``."""

    RDONLY_PROG = 1
    """Programs cannot write it, but for the state of a value."""
    RDONLY_USER = 2
    """The control plane cannot write it."""
    GROW = 4
    """Memory is taken as entries come."""
    AGING = 8
    """The state of a value ends with its timeout and idle time."""
    EXPIRE = 16
    """With AGING: entries idle for longer than their timeout are deleted."""


class UpdateFlags(enum.IntFlag):
    """What an update may do."""

    ANY = 0
    """Create or replace."""
    NOEXIST = 1
    """Create only, else EEXIST."""
    EXIST = 2
    """Replace only, else ENOENT."""
    STATE = 4
    """Added to another: set the state of the value too, which else is kept, or zero in a new entry."""


@dataclass(frozen=True)
class MapSpec:
    """What a program says of its map number ``index``."""

    index: int
    name: str
    type: MapType
    key_size: int
    value_size: int
    max_entries: int
    flags: MapFlags
    state_size: int = 0
    extra: int = 0
    entry_key_size: int = 0
    entry_value_size: int = 0


def read_spec(handle: Any, index: int) -> MapSpec:
    """Return the description of map ``index`` of the library's program ``handle``."""
    info = ffi.new("struct ubpf_map_info *")
    with lock:
        library().ubpf_map_get_info(library().ubpf_prog_map(handle, index), info)
    definition = getattr(info, "def")  # "def" is a keyword
    return MapSpec(
        index=index,
        name=ffi.string(info.name).decode(),
        type=MapType(definition.type),
        key_size=definition.key_size,
        value_size=definition.value_size,
        max_entries=definition.max_entries,
        flags=MapFlags(definition.flags),
        state_size=definition.state_size,
        extra=definition.extra,
        entry_key_size=info.entry_key_size,
        entry_value_size=info.entry_value_size,
    )


class Map:
    """A map of a loaded program.  It keeps the program alive.

    Keys and values are bytes of exactly ``entry_key_size`` and ``entry_value_size``; ValueError otherwise.
    They are what the program has (``key_size`` and ``value_size``) but for ternary maps, whose keys are the
    priority (4 bytes), 4 zeros, data and mask, and for rings, whose values are the length (4 bytes), the
    record and zeros.  The index of an array is 4 bytes, the number of a record 8, and the prefix length of
    an LPM key its first 4 bytes; numbers are little-endian.  The value of an array of maps is the ``number``
    of a map of the program, or NO_MAP.
    """

    def __init__(self, program: Program, spec: MapSpec) -> None:
        self._program = program
        self.number = spec.index
        self.name = spec.name
        self.type = spec.type
        self.key_size = spec.key_size
        self.value_size = spec.value_size
        self.max_entries = spec.max_entries
        self.flags = spec.flags
        self.state_size = spec.state_size
        self.extra = spec.extra
        self.entry_key_size = spec.entry_key_size
        self.entry_value_size = spec.entry_value_size

    def __repr__(self) -> str:
        return (
            f"<ubpf.Map {self.name!r} {self.type.name.lower()} key_size={self.key_size} "
            f"value_size={self.value_size} max_entries={self.max_entries}>"
        )

    def lookup(self, key: bytes) -> bytes | None:
        """Return the value for ``key``, or None.

        In an LPM map that is the value of the longest prefix that matches; in a ternary map that of exactly
        this entry; in a map with values per thread the sum over all threads, word by word.
        """
        self._check("key", key, self.entry_key_size)
        value = ffi.new("uint8_t[]", self.entry_value_size)
        with lock:
            err = library().ubpf_map_lookup(self._map(), bytes(key), value)
        if err and err != errno.ENOENT:
            raise self._error(err)
        return None if err else bytes(ffi.buffer(value))

    def update(self, key: bytes, value: bytes, flags: UpdateFlags = UpdateFlags.ANY) -> None:
        """Create or replace an entry.

        Raise Error with errno EPERM (read-only), ENOSPC (full), ENOMEM, EDQUOT (a limit on memory), EINVAL (a
        prefix that is too long, a wrong ternary key, meter or number of a map, a ring), ENOENT or EEXIST
        (``flags`` forbid it; ENOENT also for an index beyond the end of an array).
        """
        self._check("key", key, self.entry_key_size)
        self._check("value", value, self.entry_value_size)
        with lock:
            err = library().ubpf_map_update(self._map(), bytes(key), bytes(value), UpdateFlags(flags))
        if err:
            raise self._error(err)

    def delete(self, key: bytes) -> None:
        """Remove an entry.

        Raise Error with errno ENOENT (no such entry), EPERM (read-only) or EINVAL (an array, meters or a
        ring; a prefix that is too long; a wrong ternary key).
        """
        self._check("key", key, self.entry_key_size)
        with lock:
            err = library().ubpf_map_delete(self._map(), bytes(key))
        if err:
            raise self._error(err)

    def update_many(
        self, entries: Iterable[tuple[bytes, bytes]], flags: UpdateFlags = UpdateFlags.ANY
    ) -> None:
        """Create or replace entries, (key, value), in their order.

        Raise BatchError, which is as the Error of `update`, at the first that is refused: those before it are
        in.
        """
        parts = []
        for key, value in entries:
            self._check("key", key, self.entry_key_size)
            self._check("value", value, self.entry_value_size)
            parts += [key, value]
        block, n_done = b"".join(parts), ffi.new("size_t *")
        with lock:
            err = library().ubpf_map_update_batch(
                self._map(), block, len(parts) // 2, UpdateFlags(flags), n_done
            )
        if err:
            raise BatchError(err, self._error(err).message, n_done[0])

    def delete_many(self, keys: Iterable[bytes]) -> None:
        """Remove entries, in the order of ``keys``; raise BatchError as `update_many` does."""
        parts = list(keys)
        for key in parts:
            self._check("key", key, self.entry_key_size)
        n_done = ffi.new("size_t *")
        with lock:
            err = library().ubpf_map_delete_batch(self._map(), b"".join(parts), len(parts), n_done)
        if err:
            raise BatchError(err, self._error(err).message, n_done[0])

    def items(self, cursor: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over (key, value), from ``cursor`` on: in a ring the number of the last record seen.

        Entries may come and go meanwhile; one that is there all the time is yielded exactly once.
        """
        size = self.entry_key_size + self.entry_value_size
        room = max(1, _DUMP_BYTES // size)
        position = ffi.new("uint64_t *", cursor)
        entries = ffi.new("uint8_t[]", room * size)
        while True:
            with lock:
                n = library().ubpf_map_dump(self._map(), position, entries, room)
            if not n:
                return
            block = bytes(ffi.buffer(entries, n * size))
            for start in range(0, n * size, size):
                middle = start + self.entry_key_size
                yield block[start:middle], block[middle : start + size]

    def records(self, after: int = 0) -> Iterator[tuple[int, bytes]]:
        """Iterate over (number, record) of a ring, from the record after number ``after`` on.

        Numbers have no gaps, so that one tells of records lost.
        """
        for key, value in self.items(after):
            length = int.from_bytes(value[:4], "little")
            yield int.from_bytes(key, "little"), value[4 : 4 + length]

    def expire(self) -> int:
        """Delete the entries that have been idle for longer than their timeout; return how many."""
        with lock:
            return int(library().ubpf_map_expire(self._map()))

    def __len__(self) -> int:
        """Return the number of entries; for an array that is ``max_entries``."""
        return int(self._info().n_entries)

    @property
    def bytes_used(self) -> int:
        """Memory that the map uses, in bytes."""
        return int(self._info().bytes)

    @property
    def dropped(self) -> int:
        """Records of a ring that were lost as they came."""
        return int(self._info().n_dropped)

    def _map(self) -> Any:
        # Asked for at each use: adopt_maps() exchanges a program's maps.
        return library().ubpf_prog_map(self._program._handle, self.number)

    def _info(self) -> Any:
        info = ffi.new("struct ubpf_map_info *")
        with lock:
            library().ubpf_map_get_info(self._map(), info)
        return info

    def _check(self, what: str, value: bytes, size: int) -> None:
        if not isinstance(value, bytes | bytearray | memoryview):
            raise TypeError(f"a {what} of map {self.name!r} is bytes, not {type(value).__name__}")
        n = memoryview(value).nbytes
        if n != size:
            raise ValueError(f"a {what} of map {self.name!r} has {size} bytes, not {n}")

    def _error(self, err: int) -> Error:
        indexed = self.type in (MapType.ARRAY, MapType.THREAD_ARRAY, MapType.METER, MapType.ARRAY_OF_MAPS)
        reasons = {
            errno.EPERM: "is read-only",
            errno.ENOSPC: f"is full: it has room for {self.max_entries} entries",
            errno.EEXIST: "has that entry already",
            errno.EDQUOT: "may not take more memory: that is the limit",
            errno.ENOENT: f"has no element with that index: it has {self.max_entries}"
            if indexed
            else "has no such entry",
            errno.EINVAL: _INVALID.get(self.type, "does not take that"),
        }
        return Error(err, f"map {self.name!r} " + reasons.get(err, os.strerror(err).lower()))
