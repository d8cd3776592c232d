# SPDX-License-Identifier: Apache-2.0
"""Scripts of the Simple Test Framework, with a switch in place of the engine alone."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from e2e import built
from e2e.switch import Switch
from p4rt.runtime import stf
from p4rt.runtime.bridge import LoadedProgram
from p4rt.runtime.counters import Counters
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.local import LocalProgram, Outcome, Output
from p4rt.runtime.tables import Tables
from p4rt.runtime.wire import ProgramDesc

STYLES = built.CHECKOUT / "tests/unit/examples/programs"


class InTheSwitch:
    """What a script asks of a program, answered by a program of a bridge.

    A packet goes from the host at its port through the bridge; what passes shall leave where it came in, so
    the bridge's flow is `actions=prog:ID,in_port`."""

    def __init__(self, switch: Switch, program: LoadedProgram) -> None:
        self._switch = switch
        self._program = program

    @property
    def info(self) -> ProgramInfo:
        """What the program's object says of itself."""
        return self._program.info

    @property
    def tables(self) -> Tables:
        """The program's tables."""
        return self._program.tables

    @property
    def counters(self) -> Counters:
        """The program's counters."""
        return self._program.counters

    def process(self, data: bytes, port: int) -> Outcome:
        """Sends a packet; what became of it is only told by what arrives."""
        arrived = self._switch.exchange(port, [data])
        return Outcome("", tuple(Output(to, frame) for to, frames in arrived.items() for frame in frames))


def replay(switch: Switch, path: Path) -> tuple[stf.Result, ProgramDesc]:
    """Runs the script beside the P4 program `path` in a new bridge br0, and tells of the program after it."""
    elf = built.beside(path)
    bridge = switch.add_bridge("br0", [1, 2, 3, 4])
    script = path.with_suffix(".stf")
    with bridge.programs() as connection:
        assert connection.load(path.stem, elf.read_bytes()).id == 1
        bridge.add_flows("actions=prog:1,in_port")
        program = cast(LocalProgram, InTheSwitch(switch, connection.program(path.stem)))
        result = stf.run(program, script.read_text().splitlines(), script.name)
        return result, connection.find(path.stem)
