# SPDX-License-Identifier: Apache-2.0
"""Examples and other programs, some of them once compiled wrong, give what the reference interpreter says."""

from __future__ import annotations

from pathlib import Path

import pytest
from reference.batch import compile_one
from reference.fuzz import try_program

from p4rt.compiler.driver import Options

ROOT = Path(__file__).parents[3]
FOLDERS = (
    "examples/*",
    "tests/unit/examples/programs",
    "tests/unit/frontend/programs",
    "tests/e2e/programs",
    "tests/unit/differential/programs",
)
PROGRAMS = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/*.p4"))
ONCE_WRONG = [path for path in PROGRAMS if path.parent.parent.name == "differential"]

OTHERWISE_TESTED = {"track"}
"""A program with what the interpreter does not know, C. It has tests of its own."""


@pytest.mark.parametrize(
    "path", [path for path in PROGRAMS if path.stem not in OTHERWISE_TESTED], ids=lambda path: path.stem
)
def test_compiled_program_agrees_with_the_interpreter(path: Path):
    pair = try_program(compile_one(path), 1, 240)
    # A packet whose result depends on the time counts as undefined.
    assert sum(pair.verdicts.values()) - pair.verdicts["ABORT"] > 60


@pytest.mark.parametrize("path", ONCE_WRONG, ids=lambda path: path.stem)
def test_program_once_compiled_wrong_agrees_where_its_deparser_is_not_split(path: Path):
    pair = try_program(compile_one(path, Options(disabled_passes=frozenset({"split-shapes"}))), 1, 240)
    assert sum(pair.verdicts.values()) - pair.verdicts["ABORT"] > 60
