# SPDX-License-Identifier: Apache-2.0
"""A program in this process: the same engine that the switch has, without a switch."""

from __future__ import annotations

import errno
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p4rt.runtime import info
from p4rt.runtime.errors import ErrorCode, InputError, LinkError, RefusedError
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.maps import LocalMaps
from p4rt.runtime.program import NamedProgram

if TYPE_CHECKING:
    from ubpf.program import Engine

MAX_PACKET = 1 << 16
IN_PORT = 0xFFF8
"""OFPP_IN_PORT: a redirect to it leaves by the port that the packet came from."""


@dataclass(frozen=True)
class Output:
    """A packet that a program let go: to `port`, to the OpenFlow table `table`, or, when both are None, on to
    the actions after it."""

    port: int | None
    data: bytes
    table: int | None = None

    @property
    def name(self) -> str:
        """Where it went: `port3`, `table7` or `pass`."""
        if self.table is not None:
            return f"table{self.table}"
        return "pass" if self.port is None else f"port{self.port}"


@dataclass(frozen=True)
class Outcome:
    """What became of one packet: `abort`, `drop`, `pass`, `redirect` or `resubmit`, and what left."""

    verdict: str
    outputs: tuple[Output, ...]


class LocalProgram(NamedProgram):
    """The object `elf`, verified and ready to run; RefusedError when it is refused.

    `engine` is that of ubpf.Program; `jit` where there is none is a LinkError.
    """

    def __init__(self, elf: bytes, engine: Engine = "auto") -> None:
        import ubpf

        try:
            self.engine = ubpf.Program(elf, engine=engine)
        except ubpf.LoadError as e:
            code = ErrorCode.VERIFIER if e.errno == errno.EPERM else ErrorCode.OBJECT
            raise RefusedError(code, str(e)) from None
        except ubpf.Error as e:
            raise LinkError(f"cannot run programs: {e}") from None
        super().__init__(LocalMaps(self.engine))
        self.verdicts: Counter[str] = Counter()
        self._elf = elf

    def _read_info(self) -> ProgramInfo:
        return info.from_object(self._elf)

    def process(self, data: bytes, port: int) -> Outcome:
        """Runs the program on the packet `data` that came in by OpenFlow port `port`."""
        import ubpf

        if len(data) > MAX_PACKET:
            raise InputError(f"a packet of {len(data)} bytes; the most is {MAX_PACKET}")
        result = self.engine.run(data, input_port=port)
        outputs: list[Output] = []
        if result.verdict == ubpf.Verdict.PASS:
            outputs.append(Output(None, result.packet))
        elif result.verdict == ubpf.Verdict.REDIRECT:
            outputs.append(Output(_resolve(result.output_port, port), result.packet))
        elif result.verdict == ubpf.Verdict.RESUBMIT:
            outputs.append(Output(None, result.packet, table=result.output_port))
        if result.clone_port is not None:
            outputs.append(Output(_resolve(result.clone_port, port), result.packet))
        verdict = result.verdict.name.lower()
        self.verdicts[verdict] += 1
        return Outcome(verdict, tuple(outputs))


def _resolve(port: int, in_port: int) -> int:
    return in_port if port == IN_PORT else port
