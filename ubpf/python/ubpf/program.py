# SPDX-License-Identifier: Apache-2.0
"""Programs: loading, running on a packet, and what they carry."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ._library import ffi, library, lock, take_text
from .errors import Error, LoadError
from .map import Map, read_spec

# What a packet and its headroom may have, in bytes.
MAX_PACKET = 1 << 16
MAX_HEADROOM = 1 << 16

_UNTRUNCATED = 0xFFFFFFFF

Engine = Literal["auto", "jit", "interpreter"]
"""What runs a program: native code (``jit``), the interpreter, or one after the other (``auto``)."""

AUTO_AFTER = 100_000
"""Packets after which ``auto`` compiles a program: about when that pays."""


class Verdict(enum.IntEnum):
    """What becomes of a packet; the numbers are those of ``ubpf/abi.h``."""

    ABORT = 0
    """Dropped, as the program gave up."""
    DROP = 1
    PASS = 2
    REDIRECT = 3
    RESUBMIT = 4
    """To the OpenFlow table whose number is ``output_port``."""


@dataclass(frozen=True)
class Limits:
    """Bounds on what is loaded; 0 stands for the default."""

    max_insns: int = 0
    """Instructions in the object; 65,536."""
    max_visited: int = 0
    """Instructions that the verifier may visit; 1,000,000."""
    max_map_bytes: int = 0
    """Memory of all maps together, when they are full and at any time; 1 GiB."""


@dataclass(frozen=True)
class RunResult:
    """What a program did with a packet."""

    verdict: Verdict
    packet: bytes
    """As the program left it, truncated as it asked."""
    output_port: int
    """Where the packet goes, if the verdict is REDIRECT."""
    clone_port: int | None
    """Where a copy goes, if one does."""
    n_insns: int | None = None
    """How many instructions ran, where that was asked for; what helpers do is not among them."""


class _Maps(Mapping[str, Map]):
    """The maps of a program by name, in the object's order."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def __getitem__(self, name: str) -> Map:
        return Map(self._program, self._program._specs[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._program._specs)

    def __len__(self) -> int:
        return len(self._program._specs)

    def __repr__(self) -> str:
        return repr(dict(self))


class Program:
    """A program that the verifier accepted, with its maps."""

    def __init__(self, elf: bytes, *, limits: Limits | None = None, engine: Engine = "auto") -> None:
        """Load the object ``elf``; raise LoadError when it is refused.

        With ``engine`` ``jit`` it is compiled to native code at once, and Error raised if that cannot be;
        with ``auto`` after AUTO_AFTER packets, if it can be; with ``interpreter`` never.
        """
        if engine not in ("auto", "jit", "interpreter"):
            raise ValueError(f"an engine is auto, jit or interpreter, not {engine}")
        lib = library()
        limits = limits or Limits()
        self.elf = _as_bytes("an object", elf)
        """The object that the program was loaded from."""
        err = ffi.new("int *")
        error = ffi.new("char **")
        bounds = ffi.new(
            "struct ubpf_limits *",
            {
                "max_insns": _in_range("max_insns", limits.max_insns, 32),
                "max_visited": _in_range("max_visited", limits.max_visited, 32),
                "max_map_bytes": _in_range("max_map_bytes", limits.max_map_bytes, 64),
            },
        )
        host = ffi.addressof(lib, "ubpf_host_single_threaded")
        with lock:
            handle = lib.ubpf_prog_load(host, self.elf, len(self.elf), bounds, err, error)
        if handle == ffi.NULL:
            raise LoadError(err[0], take_text(error[0]) or "out of memory")
        self._handle: Any = ffi.gc(handle, lib.ubpf_prog_destroy)
        specs = [read_spec(handle, i) for i in range(lib.ubpf_prog_n_maps(handle))]
        self._specs = {spec.name: spec for spec in specs}
        self._until_compiled: int | None = AUTO_AFTER if engine == "auto" else None
        if engine == "jit":
            self.compile()

    def compile(self) -> None:
        """Compile the program to native code, unless it is; raise Error if that cannot be."""
        error = ffi.new("char **")
        with lock:
            err = library().ubpf_prog_compile(self._handle, error)
        if err:
            raise Error(err, take_text(error[0]) or "out of memory")

    @property
    def native(self) -> bool:
        """Whether native code runs the program."""
        return bool(library().ubpf_prog_is_native(self._handle))

    @property
    def compile_ns(self) -> int:
        """How many nanoseconds its compilation took; 0 if it is not native."""
        return int(library().ubpf_prog_compile_ns(self._handle))

    @property
    def maps(self) -> Mapping[str, Map]:
        """The maps by name, in the object's order; one for constants, if any, is ``.rodata``."""
        return _Maps(self)

    @property
    def n_insns(self) -> int:
        """Number of instructions; a 64-bit immediate counts as two."""
        return int(library().ubpf_prog_n_insns(self._handle))

    @property
    def verifier_summary(self) -> str:
        """What the verifier proved, in one line."""
        return str(ffi.string(library().ubpf_prog_verifier_summary(self._handle)).decode("utf-8", "replace"))

    def section(self, name: str) -> bytes | None:
        """Return the contents of the object's first section ``name``, or None."""
        size = ffi.new("size_t *")
        if "\0" in name:
            return None
        data = library().ubpf_prog_section(self._handle, name.encode(), size)
        return None if data == ffi.NULL else bytes(ffi.buffer(data, size[0]))

    def disassemble(self) -> str:
        """Return the instructions as text, one per line with its index, and the P4 lines they come from."""
        return take_text(library().ubpf_prog_disassemble(self._handle))

    def adopt_maps(self, old: Program) -> int:
        """Share the maps of ``old`` that agree with this program's own; return how many do.

        Two maps agree when their names, types, sizes and flags do.  Read-only maps are not shared.
        """
        with lock:
            native = self.native
            adopted = int(library().ubpf_prog_adopt_maps(self._handle, old._handle))
            if native:
                self.compile()  # The code has the addresses of the maps in it.
            return adopted

    def run(
        self,
        packet: bytes,
        *,
        input_port: int = 0,
        rss_hash: int = 0,
        pkt_mark: int = 0,
        tunnel_id: int = 0,
        headroom: int = 256,
        count: bool = False,
    ) -> RunResult:
        """Run the program on ``packet``, in front of which it may add up to ``headroom`` bytes.

        With ``count``, the interpreter runs it and counts instructions.
        """
        packet = _as_bytes("a packet", packet)
        if len(packet) > MAX_PACKET:
            raise ValueError(f"a packet has at most {MAX_PACKET} bytes, not {len(packet)}")
        if not 0 <= headroom <= MAX_HEADROOM:
            raise ValueError(f"headroom is 0 to {MAX_HEADROOM} bytes, not {headroom}")
        lib = library()
        memory = ffi.new("uint8_t[]", headroom + len(packet) or 1)
        ffi.memmove(memory + headroom, packet, len(packet))
        base = int(ffi.cast("uintptr_t", memory))
        buffer = ffi.new("struct ubpf_buffer *", {"base": memory})
        run = ffi.new("struct ubpf_run *")
        ctx = run.ctx
        ctx.data = base + headroom
        ctx.data_end = base + headroom + len(packet)
        ctx.input_port = _in_range("input_port", input_port, 32)
        ctx.packet_length = len(packet)
        ctx.rss_hash = _in_range("rss_hash", rss_hash, 32)
        ctx.pkt_mark = _in_range("pkt_mark", pkt_mark, 32)
        ctx.tunnel_id = _in_range("tunnel_id", tunnel_id, 64)
        ctx.truncate_len = _UNTRUNCATED
        run.adjust_head = lib.ubpf_buffer_adjust_head
        run.packet = buffer
        n_insns = ffi.new("uint64_t *")
        self._count_down()
        with lock:
            if count:
                verdict = lib.ubpf_prog_count(self._handle, run, n_insns)
            else:
                verdict = lib.ubpf_prog_run(self._handle, run)
        length = min(ctx.data_end - ctx.data, ctx.truncate_len)
        return RunResult(
            verdict=Verdict(verdict),
            packet=bytes(ffi.buffer(memory + (ctx.data - base), length)),
            output_port=ctx.output_port,
            clone_port=ctx.clone_port if ctx.clone else None,
            n_insns=n_insns[0] if count else None,
        )

    def _count_down(self) -> None:
        """Compile a program that has run often, if that can be."""
        if self._until_compiled is None:
            return
        self._until_compiled -= 1
        if self._until_compiled <= 0:
            self._until_compiled = None
            with contextlib.suppress(Error):
                self.compile()


def _as_bytes(what: str, value: bytes) -> bytes:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"{what} is bytes, not {type(value).__name__}")
    return bytes(value)


def _in_range(name: str, value: int, bits: int) -> int:
    if not 0 <= value < 1 << bits:
        raise ValueError(f"{name} is an unsigned number of {bits} bits, not {value}")
    return value
