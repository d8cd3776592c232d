# SPDX-License-Identifier: Apache-2.0
"""The programs of a bridge: load, replace, unload, list, read back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from p4rt.runtime import info, wire
from p4rt.runtime.connection import Connection
from p4rt.runtime.errors import ErrorCode, InputError, LinkError, RefusedError
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.limits import OBJECT_MAX
from p4rt.runtime.maps import SwitchMaps
from p4rt.runtime.names import check_program_name
from p4rt.runtime.program import NamedProgram
from p4rt.runtime.upgrade import misread

_READ_TRIES = 3


@dataclass(frozen=True)
class Loaded:
    """What the switch said of a program that it took."""

    id: int
    n_maps: int
    n_maps_kept: int
    n_insns: int
    summary: str


class Bridge:
    """A bridge of a running switch; close it, or use it in a `with` statement."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection = connection
        self.name = name

    @classmethod
    def open(cls, target: str, timeout: float | None = None) -> Self:
        """Connects to `target`: a bridge's name, a socket, `unix:PATH` or `tcp:HOST:PORT`.

        `timeout`, in seconds, is the longest silence to accept, 0 any; None for defaults."""
        return cls(Connection.open(target, timeout), target)

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def load(self, name: str, elf: bytes, *, replace: bool = False, force: bool = False) -> Loaded:
        """Loads the object `elf` as `name`; with `replace` it may take the place of one of that
        name, keeping its id and its maps.

        InputError when it would misread what these maps hold, unless `force`."""
        check_program_name(name)
        if not elf:
            raise InputError("the object is empty")
        if len(elf) > OBJECT_MAX:
            raise InputError(f"the object has {len(elf)} bytes; the most is {OBJECT_MAX}")
        if replace and not force:
            self._check_upgrade(name, elf)
        try:
            reply = self.connection.upload(name, elf, wire.COMMIT_REPLACE if replace else 0)
        except RefusedError as e:
            if e.code == ErrorCode.EXISTS:
                text = f"{self.name} has a program {name} already; --replace swaps it"
                raise RefusedError(e.code, text) from None
            raise
        return Loaded(reply.prog, reply.n_maps, reply.n_maps_kept, reply.n_insns, reply.summary)

    def _check_upgrade(self, name: str, elf: bytes) -> None:
        """Raises InputError when `elf` would misread what the program `name` has in its maps."""
        present = [p for p in self.programs() if p.name == name]
        if not present:
            return
        old = LoadedProgram(self, present[0])
        try:
            old_info, new_info = old.info, info.from_object(elf)
        except InputError:
            return  # Without information nobody can tell; the switch judges the object itself.
        problems = misread(old_info, old.maps, new_info)
        if problems:
            text = "; ".join(problems)
            raise InputError(f"what {name} has now would be misread ({text}); --force replaces it anyway")

    def programs(self) -> list[wire.ProgramDesc]:
        """All programs, by id."""
        found: list[wire.ProgramDesc] = []
        for part in self.connection.transact_list(wire.ListPrograms(), wire.ListReply):
            found += part.programs
        return sorted(found, key=lambda p: p.prog)

    def find(self, program: str | int) -> wire.ProgramDesc:
        """The program of that name or id; InputError says which there are."""
        text = str(program)
        programs = self.programs()
        for p in programs:
            if text == (str(p.prog) if text.isdigit() else p.name):
                return p
        known = ", ".join(f"{p.prog} {p.name}" for p in programs)
        what = "with id " if text.isdigit() else ""
        raise InputError(f"{self.name} has no program {what}{text} (programs: {known or 'none'})")

    def unload(self, program: str | int, *, force: bool = False) -> int:
        """Removes a program; returns how many flows used it.  Without `force` that must be 0."""
        found = self.find(program)
        request = wire.Unload(found.prog, wire.UNLOAD_FORCE if force else 0)
        try:
            return self.connection.transact(request, wire.UnloadReply).n_flows
        except RefusedError as e:
            if e.code == ErrorCode.IN_USE:
                raise RefusedError(e.code, f"{e}; --force makes them drop packets") from None
            raise

    def read(self, prog: int, what: wire.ReadWhat = wire.ReadWhat.OBJECT, generation: int = 0) -> bytes:
        """Reads back the object of program `prog`, or a text about it, whole.

        RefusedError (ErrorCode.CHANGED) when the program is not, or no longer, of `generation`;
        with 0 the object of any generation is read, but always of one."""
        if generation:
            return self._read(prog, what, generation)
        for _ in range(_READ_TRIES - 1):
            try:
                return self._read(prog, what, 0)
            except RefusedError as e:
                if e.code != ErrorCode.CHANGED:
                    raise
        return self._read(prog, what, 0)

    def _read(self, prog: int, what: wire.ReadWhat, generation: int) -> bytes:
        data = bytearray()
        while True:
            request = wire.Read(prog, what, len(data), generation)
            reply = self.connection.transact(request, wire.ReadReply)
            data += reply.data
            generation = reply.generation
            if len(data) >= reply.total:
                return bytes(data)
            if not reply.data or reply.total > OBJECT_MAX:
                raise LinkError(f"{self.name}: the switch sent only {len(data)} of {reply.total} bytes")

    def program(self, program: str | int) -> LoadedProgram:
        """Opens a program to work with its maps and tables."""
        return LoadedProgram(self, self.find(program))


class LoadedProgram(NamedProgram):
    """One program of a bridge."""

    def __init__(self, bridge: Bridge, desc: wire.ProgramDesc) -> None:
        self.bridge = bridge
        self.desc = desc
        super().__init__(SwitchMaps(bridge.connection, desc.prog, desc.generation))

    def _read_info(self) -> ProgramInfo:
        elf = self.bridge.read(self.desc.prog, generation=self.desc.generation)
        # Messages call the program what it is called here, not what its source was called.
        return dataclasses.replace(info.from_object(elf), program=self.desc.name)
