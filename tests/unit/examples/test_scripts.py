# SPDX-License-Identifier: Apache-2.0
"""The examples: no warnings, entries that fit, scripts that hold, interpreted and as native code."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from p4rt.compiler.driver import Result, compile_file
from p4rt.runtime import stf
from p4rt.runtime.entries import parse_entries
from p4rt.runtime.local import LocalProgram, Outcome

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*/*.p4"))
ENGINES = ("interpreter", "jit")


@cache
def built(name: str) -> Result:
    """The compiled example."""
    return compile_file(EXAMPLES / name / f"{name}.p4")


class Recorded(LocalProgram):
    """A program that keeps what became of each packet."""

    def __init__(self, name: str, engine: str) -> None:
        super().__init__(built(name).object, engine)  # type: ignore[arg-type]
        self.outcomes: list[Outcome] = []

    def process(self, data: bytes, port: int) -> Outcome:
        self.outcomes.append(super().process(data, port))
        return self.outcomes[-1]


def lines(name: str, suffix: str) -> list[str]:
    return (EXAMPLES / name / f"{name}.{suffix}").read_text().splitlines()


@pytest.mark.parametrize("name", NAMES)
def test_an_example_compiles_without_warnings(name: str):
    assert built(name).diagnostics == []


@pytest.mark.parametrize("name", [name for name in NAMES if (EXAMPLES / name / f"{name}.entries").exists()])
def test_the_entries_of_an_example_are_accepted(name: str):
    program = Recorded(name, "interpreter")
    entries = parse_entries(program.info, lines(name, "entries"), "entries")
    program.tables.add(entries)
    assert {entry.format() for entry in entries} <= {entry.format() for entry in program.tables.snapshot()}


@pytest.mark.parametrize("name", NAMES)
def test_the_script_of_an_example_holds_with_both_engines(name: str):
    seen = {}
    for engine in ENGINES:
        program = Recorded(name, engine)
        assert program.engine.native == (engine == "jit")
        result = stf.run(program, lines(name, "stf"), f"{name}.stf")
        assert result.failures == ()
        assert result.packets >= 4
        seen[engine] = program.outcomes
    assert seen["jit"] == seen["interpreter"]
