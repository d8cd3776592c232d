# SPDX-License-Identifier: Apache-2.0
"""Maps of a program, as the control plane sees them."""

from __future__ import annotations

import enum
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._library import ffi, library, lock
from .errors import Error

if TYPE_CHECKING:
    from .program import Program

# Bytes of entries that are copied at a time.
_DUMP_BYTES = 1 << 16


class MapType(enum.IntEnum):
    """Type of a map; the numbers are those of ``ubpf/abi.h``."""

    HASH = 1
    ARRAY = 2
    LPM = 11


class MapFlags(enum.IntFlag):
    """Flags of a map; the numbers are those of ``ubpf/abi.h``."""

    RDONLY_PROG = 1
    RDONLY_USER = 2


class UpdateFlags(enum.IntFlag):
    """What an update may do."""

    ANY = 0
    """Create or replace."""
    NOEXIST = 1
    """Create only, else EEXIST."""
    EXIST = 2
    """Replace only, else ENOENT."""
    STATE = 4
    """Added to another: write the state of the value, too, which else is kept."""


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
    )


class Map:
    """A map of a loaded program.  It keeps the program alive.

    Keys and values are bytes of exactly ``key_size`` and ``value_size``; ValueError otherwise.  The index
    of an array is 4 bytes, and the prefix length of an LPM key its first 4 bytes, both little-endian.
    """

    def __init__(self, program: Program, spec: MapSpec) -> None:
        self._program = program
        self._index = spec.index
        self.name = spec.name
        self.type = spec.type
        self.key_size = spec.key_size
        self.value_size = spec.value_size
        self.max_entries = spec.max_entries
        self.flags = spec.flags

    def __repr__(self) -> str:
        return (
            f"<ubpf.Map {self.name!r} {self.type.name.lower()} key_size={self.key_size} "
            f"value_size={self.value_size} max_entries={self.max_entries}>"
        )

    def lookup(self, key: bytes) -> bytes | None:
        """Return the value for ``key``, or None; in an LPM map that of the longest prefix that matches."""
        self._check("key", key, self.key_size)
        value = ffi.new("uint8_t[]", self.value_size)
        with lock:
            err = library().ubpf_map_lookup(self._map(), bytes(key), value)
        return None if err else bytes(ffi.buffer(value))

    def update(self, key: bytes, value: bytes, flags: UpdateFlags = UpdateFlags.ANY) -> None:
        """Create or replace an entry.

        Raise Error with errno EPERM (read-only), ENOSPC (full), ENOMEM, EINVAL (prefix too long), ENOENT or
        EEXIST (``flags`` forbid it; ENOENT also for an index beyond the end of an array).
        """
        self._check("key", key, self.key_size)
        self._check("value", value, self.value_size)
        with lock:
            err = library().ubpf_map_update(self._map(), bytes(key), bytes(value), UpdateFlags(flags))
        if err:
            raise self._error(err)

    def delete(self, key: bytes) -> None:
        """Remove an entry.

        Raise Error with errno ENOENT (no such entry), EPERM (read-only) or EINVAL (an array, or a prefix
        that is too long).
        """
        self._check("key", key, self.key_size)
        with lock:
            err = library().ubpf_map_delete(self._map(), bytes(key))
        if err:
            raise self._error(err)

    def items(self, cursor: int = 0) -> Iterator[tuple[bytes, bytes]]:
        """Iterate over (key, value), from ``cursor`` on: in a ring the number of the last record seen.

        Entries may come and go meanwhile; one that is there all the time is yielded exactly once.
        """
        size = self.key_size + self.value_size
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
                middle = start + self.key_size
                yield block[start:middle], block[middle : start + size]

    def __len__(self) -> int:
        """Return the number of entries; for an array that is ``max_entries``."""
        return int(self._info().n_entries)

    @property
    def bytes_used(self) -> int:
        """Memory that the map uses, in bytes."""
        return int(self._info().bytes)

    def _map(self) -> Any:
        # Asked for at each use: adopt_maps() exchanges a program's maps.
        return library().ubpf_prog_map(self._program._handle, self._index)

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
        reasons = {
            errno.EPERM: "is read-only",
            errno.ENOSPC: f"is full: it has room for {self.max_entries} entries",
            errno.EEXIST: "has that entry already",
            errno.ENOENT: f"has no element with that index: it has {self.max_entries}"
            if self.type == MapType.ARRAY
            else "has no such entry",
            errno.EINVAL: "is an array: its elements cannot be deleted"
            if self.type == MapType.ARRAY
            else "takes no prefix as long as that",
        }
        return Error(err, f"map {self.name!r} " + reasons.get(err, os.strerror(err).lower()))
