# SPDX-License-Identifier: Apache-2.0
"""The experimenter messages of ovs-patches/overlay/include/openflow/p4rt-ext.h, as values.

Pure functions between bytes and frozen dataclasses; `connection` moves the bytes.  Every class
says its message type in `TYPE`, writes itself with `pack()` (what follows the two headers) and
reads itself back with `unpack()`, which raises WireError for anything that is not exactly such
a message.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, ClassVar, Protocol, Self

from p4rt.runtime.errors import WireError

EXPERIMENTER_ID = 0x50345254
NAME_LEN = 64
DATA_MAX = 61440

OFPT_HELLO = 0
OFPT_ERROR = 1
OFPT_ECHO_REQUEST = 2
OFPT_ECHO_REPLY = 3
OFPT_EXPERIMENTER = 4

COMMIT_REPLACE = 1
UNLOAD_FORCE = 1
LIST_MORE = 1
PROG_NATIVE = 1

OFP_HEADER = struct.Struct("!BBHI")
_EXPERIMENTER = struct.Struct("!II")
HEADERS_LEN = OFP_HEADER.size + _EXPERIMENTER.size


class MsgType(IntEnum):
    """`enum p4rt_msg_type`."""

    UPLOAD_BEGIN = 1
    UPLOAD_CHUNK = 2
    UPLOAD_COMMIT = 3
    UNLOAD = 4
    LIST = 5
    READ = 6
    MAP_LIST = 7
    MAP_LOOKUP = 8
    MAP_UPDATE = 9
    MAP_DELETE = 10
    MAP_DUMP = 11
    UPLOAD_BEGIN_REPLY = 0x81
    UPLOAD_COMMIT_REPLY = 0x83
    UNLOAD_REPLY = 0x84
    LIST_REPLY = 0x85
    READ_REPLY = 0x86
    MAP_LIST_REPLY = 0x87
    MAP_LOOKUP_REPLY = 0x88
    MAP_UPDATE_REPLY = 0x89
    MAP_DELETE_REPLY = 0x8A
    MAP_DUMP_REPLY = 0x8B
    ERROR = 0xFF


class ReadWhat(IntEnum):
    """`enum p4rt_read_what`."""

    OBJECT = 0
    DISASSEMBLY = 1
    VERIFIER = 2


class Message(Protocol):
    """What every message class below offers."""

    TYPE: ClassVar[MsgType]

    def pack(self) -> bytes: ...

    @classmethod
    def unpack(cls, body: bytes) -> Self: ...


def _split(layout: struct.Struct, body: bytes, what: type, *, tail: bool) -> tuple[tuple[Any, ...], bytes]:
    """Unpacks the fixed part of `body`; what follows is refused unless `tail`."""
    if len(body) < layout.size or (not tail and len(body) != layout.size):
        raise WireError(f"malformed message from the switch: {what.__name__} of {len(body)} bytes")
    return layout.unpack_from(body), body[layout.size :]


def _text(data: bytes) -> str:
    """Decodes text of the peer, whatever it holds, to printable characters."""
    text = data.decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def _pack_name(name: str) -> bytes:
    data = name.encode()
    if not data or len(data) >= NAME_LEN or b"\0" in data:
        raise WireError(f"program name of {len(data)} bytes does not fit {NAME_LEN - 1}")
    return data.ljust(NAME_LEN, b"\0")


def _unpack_name(data: bytes) -> str:
    name = data[:NAME_LEN].rstrip(b"\0")
    if b"\0" in name:
        raise WireError("malformed message from the switch: NUL in a program name")
    return _text(name)


class _Fixed:
    """A message that is its layout and nothing else."""

    _LAYOUT: ClassVar[struct.Struct]

    def pack(self) -> bytes:
        return self._LAYOUT.pack(*vars(self).values())

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        fields, _ = _split(cls._LAYOUT, body, cls, tail=False)
        return cls(*fields)


class _WithData:
    """A message whose layout is followed by bytes, its last field."""

    _LAYOUT: ClassVar[struct.Struct]

    def pack(self) -> bytes:
        *fields, data = vars(self).values()
        return self._LAYOUT.pack(*fields) + bytes(data)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        fields, data = _split(cls._LAYOUT, body, cls, tail=True)
        values = (*fields, data)
        return cls(*values)


class _WithText:
    """A message whose layout is followed by UTF-8 text, its last field."""

    _LAYOUT: ClassVar[struct.Struct]

    def pack(self) -> bytes:
        *fields, text = vars(self).values()
        return self._LAYOUT.pack(*fields) + str(text).encode()

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        fields, text = _split(cls._LAYOUT, body, cls, tail=True)
        values = (*fields, _text(text).rstrip("\n"))
        return cls(*values)


@dataclass(frozen=True)
class UploadBegin:
    """Starts the upload of an object of `length` bytes, to be called `name`."""

    TYPE: ClassVar[MsgType] = MsgType.UPLOAD_BEGIN
    length: int
    name: str
    _FIXED = struct.Struct("!I4x")

    def pack(self) -> bytes:
        return self._FIXED.pack(self.length) + _pack_name(self.name)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        (length,), rest = _split(cls._FIXED, body, cls, tail=True)
        if len(rest) != NAME_LEN:
            raise WireError(f"malformed message: UploadBegin of {len(body)} bytes")
        return cls(length, _unpack_name(rest))


@dataclass(frozen=True)
class UploadBeginReply(_Fixed):
    """Names the upload in what follows."""

    TYPE: ClassVar[MsgType] = MsgType.UPLOAD_BEGIN_REPLY
    _LAYOUT = struct.Struct("!I4x")
    upload: int


@dataclass(frozen=True)
class UploadChunk(_WithData):
    """Bytes of the object from `offset` on; answered only when it fails."""

    TYPE: ClassVar[MsgType] = MsgType.UPLOAD_CHUNK
    _LAYOUT = struct.Struct("!II")
    upload: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class UploadCommit(_Fixed):
    """Verifies and publishes the object."""

    TYPE: ClassVar[MsgType] = MsgType.UPLOAD_COMMIT
    _LAYOUT = struct.Struct("!II")
    upload: int
    flags: int


@dataclass(frozen=True)
class UploadCommitReply(_WithText):
    """The program is published as `prog`; `summary` is the verifier's."""

    TYPE: ClassVar[MsgType] = MsgType.UPLOAD_COMMIT_REPLY
    _LAYOUT = struct.Struct("!IIII")
    prog: int
    n_maps: int
    n_maps_kept: int
    n_insns: int
    summary: str


@dataclass(frozen=True)
class Unload(_Fixed):
    """Removes the program `prog`."""

    TYPE: ClassVar[MsgType] = MsgType.UNLOAD
    _LAYOUT = struct.Struct("!II")
    prog: int
    flags: int


@dataclass(frozen=True)
class UnloadReply(_Fixed):
    """`n_flows` flows and group buckets used the program."""

    TYPE: ClassVar[MsgType] = MsgType.UNLOAD_REPLY
    _LAYOUT = struct.Struct("!I4x")
    n_flows: int


@dataclass(frozen=True)
class ListPrograms(_Fixed):
    """Asks for all programs of the bridge."""

    TYPE: ClassVar[MsgType] = MsgType.LIST
    _LAYOUT = struct.Struct("!")


@dataclass(frozen=True)
class ProgramDesc:
    """`struct p4rt_prog_desc`: one program, and what became of its packets."""

    prog: int
    n_flows: int
    n_maps: int
    n_insns: int
    object_length: int
    generation: int
    name: str
    duration_ms: int
    packets: int
    n_bytes: int
    aborted: int
    dropped: int
    passed: int
    redirected: int
    resubmitted: int
    cloned: int
    flags: int
    load_us: int
    compile_us: int
    LAYOUT: ClassVar[struct.Struct] = struct.Struct(f"!6I{NAME_LEN}s9Q3I4x")

    @property
    def is_native(self) -> bool:
        """True when it runs as machine code, False when it is interpreted."""
        return bool(self.flags & PROG_NATIVE)

    def pack(self) -> bytes:
        return self.LAYOUT.pack(
            self.prog, self.n_flows, self.n_maps, self.n_insns, self.object_length, self.generation,
            _pack_name(self.name), self.duration_ms, self.packets, self.n_bytes, self.aborted, self.dropped,
            self.passed, self.redirected, self.resubmitted, self.cloned, self.flags, self.load_us,
            self.compile_us,
        )  # fmt: skip

    @classmethod
    def unpack_from(cls, data: bytes, offset: int) -> Self:
        fields = cls.LAYOUT.unpack_from(data, offset)
        values = (*fields[:6], _unpack_name(fields[6]), *fields[7:])
        return cls(*values)


_LIST_HEADER = struct.Struct("!II")


@dataclass(frozen=True)
class ListReply:
    """Programs of the bridge; another reply follows when `more`."""

    TYPE: ClassVar[MsgType] = MsgType.LIST_REPLY
    programs: tuple[ProgramDesc, ...]
    more: bool = False

    def pack(self) -> bytes:
        header = _LIST_HEADER.pack(len(self.programs), LIST_MORE if self.more else 0)
        return header + b"".join(p.pack() for p in self.programs)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        (n, flags), rest = _split(_LIST_HEADER, body, cls, tail=True)
        size = ProgramDesc.LAYOUT.size
        if len(rest) != n * size:
            raise WireError(f"malformed message from the switch: {n} programs in {len(rest)} bytes")
        programs = tuple(ProgramDesc.unpack_from(rest, i * size) for i in range(n))
        return cls(programs, bool(flags & LIST_MORE))


@dataclass(frozen=True)
class Read(_Fixed):
    """Asks for bytes, from `offset` on, of something that belongs to a program."""

    TYPE: ClassVar[MsgType] = MsgType.READ
    _LAYOUT = struct.Struct("!IIII")
    prog: int
    what: int
    offset: int
    generation: int


@dataclass(frozen=True)
class ReadReply(_WithData):
    """Bytes of a whole that has `total`."""

    TYPE: ClassVar[MsgType] = MsgType.READ_REPLY
    _LAYOUT = struct.Struct("!III4x")
    total: int
    offset: int
    generation: int
    data: bytes


@dataclass(frozen=True)
class _MapRequest(_WithData):
    """`struct p4rt_map_request`, then keys, or keys and values, end to end in `data`.

    A `generation` other than 0 has the request refused once the program was replaced."""

    TYPE: ClassVar[MsgType]
    _LAYOUT = struct.Struct("!IIIII4x")
    prog: int
    map: int = 0
    flags: int = 0
    n: int = 0
    generation: int = 0
    data: bytes = b""


@dataclass(frozen=True)
class MapList(_MapRequest):
    """Asks for the maps of a program."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_LIST


@dataclass(frozen=True)
class MapLookup(_MapRequest):
    """Asks for the values of `n` keys."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_LOOKUP


@dataclass(frozen=True)
class MapUpdate(_MapRequest):
    """Writes `n` entries, in order; `flags` are those of `enum ubpf_update_flags`."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_UPDATE


@dataclass(frozen=True)
class MapDelete(_MapRequest):
    """Deletes `n` entries, in order."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_DELETE


@dataclass(frozen=True)
class MapDesc:
    """`struct p4rt_map_desc`: one map of a program; `entry_*` are the sizes in messages."""

    map: int
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    state_size: int
    extra: int
    entry_key_size: int
    entry_value_size: int
    n_entries: int
    memory: int
    n_dropped: int
    name: str
    LAYOUT: ClassVar[struct.Struct] = struct.Struct("!10I3QI4x")

    def pack(self) -> bytes:
        name = self.name.encode()
        fixed = self.LAYOUT.pack(
            self.map, self.type, self.key_size, self.value_size, self.max_entries, self.flags,
            self.state_size, self.extra, self.entry_key_size, self.entry_value_size,
            self.n_entries, self.memory, self.n_dropped, len(name),
        )  # fmt: skip
        return fixed + name.ljust(-(-len(name) // 8) * 8, b"\0")


@dataclass(frozen=True)
class MapListReply:
    """Maps of a program; another reply follows when `more`."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_LIST_REPLY
    maps: tuple[MapDesc, ...]
    more: bool = False

    def pack(self) -> bytes:
        header = _LIST_HEADER.pack(len(self.maps), LIST_MORE if self.more else 0)
        return header + b"".join(m.pack() for m in self.maps)

    @classmethod
    def unpack(cls, body: bytes) -> Self:
        (n, flags), rest = _split(_LIST_HEADER, body, cls, tail=True)
        maps: list[MapDesc] = []
        offset = 0
        for _ in range(n):
            if len(rest) - offset < MapDesc.LAYOUT.size:
                raise WireError("malformed message from the switch: cut list of maps")
            *fields, name_len = MapDesc.LAYOUT.unpack_from(rest, offset)
            offset += MapDesc.LAYOUT.size
            padded = -(-name_len // 8) * 8
            if len(rest) - offset < padded:
                raise WireError("malformed message from the switch: cut name of a map")
            values = (*fields, _text(rest[offset : offset + name_len]))
            maps.append(MapDesc(*values))
            offset += padded
        if offset != len(rest):
            raise WireError("malformed message from the switch: bytes after the list of maps")
        return cls(tuple(maps), bool(flags & LIST_MORE))


@dataclass(frozen=True)
class _Counted(_WithData):
    """`struct p4rt_list_reply` in answer to an operation on a map."""

    TYPE: ClassVar[MsgType]
    _LAYOUT = struct.Struct("!II")
    n: int
    flags: int = 0
    data: bytes = b""


@dataclass(frozen=True)
class MapLookupReply(_Counted):
    """Key and value of each of the `n` entries that were found."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_LOOKUP_REPLY


@dataclass(frozen=True)
class MapUpdateReply(_Counted):
    """`n` entries were written."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_UPDATE_REPLY


@dataclass(frozen=True)
class MapDeleteReply(_Counted):
    """`n` entries were deleted."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_DELETE_REPLY


@dataclass(frozen=True)
class MapDump(_Fixed):
    """Asks for the entries from `cursor` on, `max` of them or as many as fit (0)."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_DUMP
    _LAYOUT = struct.Struct("!IIQII")
    prog: int
    map: int
    cursor: int = 0
    max: int = 0
    generation: int = 0


@dataclass(frozen=True)
class MapDumpReply(_WithData):
    """`n` entries, and the cursor to go on from; the dump is complete when `n` is 0."""

    TYPE: ClassVar[MsgType] = MsgType.MAP_DUMP_REPLY
    _LAYOUT = struct.Struct("!QI4x")
    cursor: int
    n: int
    data: bytes = b""


@dataclass(frozen=True)
class ErrorReply(_WithText):
    """The request failed; `index` is the entry that did, those before it were done."""

    TYPE: ClassVar[MsgType] = MsgType.ERROR
    _LAYOUT = struct.Struct("!II")
    code: int
    index: int
    text: str


MESSAGES: dict[int, type[Message]] = {
    m.TYPE: m
    for m in (
        UploadBegin, UploadChunk, UploadCommit, Unload, ListPrograms, Read, MapList, MapLookup, MapUpdate,
        MapDelete, MapDump, UploadBeginReply, UploadCommitReply, UnloadReply, ListReply, ReadReply,
        MapListReply, MapLookupReply, MapUpdateReply, MapDeleteReply, MapDumpReply, ErrorReply,
    )
}  # fmt: skip


def encode(message: Message, *, xid: int, version: int) -> bytes:
    """Writes `message` whole, OpenFlow header included, for OpenFlow wire version `version`."""
    body = message.pack()
    length = HEADERS_LEN + len(body)
    if length > 0xFFFF:
        raise WireError(f"message of {length} bytes is longer than OpenFlow's 65535")
    header = OFP_HEADER.pack(version, OFPT_EXPERIMENTER, length, xid)
    return header + _EXPERIMENTER.pack(EXPERIMENTER_ID, message.TYPE) + body


def decode(payload: bytes) -> Message | None:
    """Reads the payload (what follows the OpenFlow header) of an experimenter message.

    Returns None when the message is some other experimenter's."""
    if len(payload) < _EXPERIMENTER.size:
        raise WireError("malformed message from the switch: experimenter message of "
                        f"{len(payload)} bytes")  # fmt: skip
    experimenter, kind = _EXPERIMENTER.unpack_from(payload)
    if experimenter != EXPERIMENTER_ID:
        return None
    if kind not in MESSAGES:
        raise WireError(f"message of unknown type {kind:#x} from the switch")
    return MESSAGES[kind].unpack(payload[_EXPERIMENTER.size :])


def split_entries(data: bytes, n: int, key_size: int, value_size: int) -> list[tuple[bytes, bytes]]:
    """Cuts `data` into its `n` pairs of key and value."""
    size = key_size + value_size
    if len(data) != n * size:
        raise WireError(f"malformed message from the switch: {n} entries of {size} bytes in {len(data)}")
    return [(data[i : i + key_size], data[i + key_size : i + size]) for i in range(0, n * size, size)]
