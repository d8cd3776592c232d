# SPDX-License-Identifier: Apache-2.0
"""The examples, and programs in the style of others' for the architecture: no warnings, scripts that hold.

Each script is run by the interpreter and as native code.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import pytest

from p4rt.compiler.driver import Options, Result, compile_file
from p4rt.runtime import stf
from p4rt.runtime.entries import parse_entries
from p4rt.runtime.local import LocalProgram, Outcome

EXAMPLES = Path(__file__).parents[3] / "examples"
SOURCES = sorted([*EXAMPLES.glob("*/*.p4"), *Path(__file__).parent.glob("programs/*.p4")])
WITH_ENTRIES = [path for path in SOURCES if path.with_suffix(".entries").exists()]
each_program = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


@cache
def built(path: Path) -> Result:
    """The compiled program; C for its externs lies beside it."""
    c = path.with_suffix(".c")
    return compile_file(path, Options(extern=(str(c),) if c.exists() else ()))


class Recorded(LocalProgram):
    """A program that keeps its packets, and what became of each."""

    def __init__(self, path: Path, engine: Literal["jit", "interpreter"]) -> None:
        super().__init__(built(path).object, engine)
        self.packets: list[tuple[bytes, int]] = []
        self.outcomes: list[Outcome] = []

    def process(self, data: bytes, port: int) -> Outcome:
        self.packets.append((data, port))
        self.outcomes.append(super().process(data, port))
        return self.outcomes[-1]


def run_script(path: Path, engine: Literal["jit", "interpreter"]) -> Recorded:
    """The program after its script, whose expectations hold."""
    program = Recorded(path, engine)
    assert program.engine.native == (engine == "jit")
    script = path.with_suffix(".stf")
    result = stf.run(program, script.read_text().splitlines(), script.name)
    assert result.failures == ()
    assert result.expectations >= 2
    return program


@each_program
def test_there_are_no_warnings(path: Path):
    assert built(path).diagnostics == []


@each_program
def test_the_script_holds_and_both_engines_agree_on_all_beginnings_of_its_packets(path: Path):
    native, interpreted = run_script(path, "jit"), run_script(path, "interpreter")
    for data, port in list(native.packets):
        for size in range(len(data)):
            native.process(data[:size], port)
            interpreted.process(data[:size], port)
    assert native.outcomes == interpreted.outcomes


@pytest.mark.parametrize("path", WITH_ENTRIES, ids=lambda path: path.stem)
def test_the_entries_are_accepted(path: Path):
    program = Recorded(path, "interpreter")
    entries = parse_entries(program.info, path.with_suffix(".entries").read_text().splitlines(), "entries")
    program.tables.add(entries)
    assert {entry.format() for entry in entries} <= {entry.format() for entry in program.tables.snapshot()}
