# SPDX-License-Identifier: Apache-2.0
"""BPF programs on packets, without a switch: the binding of libubpf.

    import ubpf

    program = ubpf.Program(Path("prog.o").read_bytes())
    program.maps["routes"].update(key, value)
    result = program.run(packet, input_port=1)

An object is verified when it is loaded; what the verifier refuses raises LoadError with one line that says
which instruction and why.  The same engine runs inside the switch.
"""

from __future__ import annotations

from ._library import memory_used, set_memory_limit
from .errors import BatchError, Error, LoadError
from .map import NO_MAP, Map, MapFlags, MapType, UpdateFlags
from .program import Limits, Program, RunResult, Verdict

__all__ = [
    "NO_MAP",
    "BatchError",
    "Error",
    "Limits",
    "LoadError",
    "Map",
    "MapFlags",
    "MapType",
    "Program",
    "RunResult",
    "UpdateFlags",
    "Verdict",
    "memory_used",
    "set_memory_limit",
]
