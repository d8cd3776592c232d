# SPDX-License-Identifier: Apache-2.0
"""Realistic programs pass the front end and the checker without a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4rt.compiler.analysis.checker import check_program
from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend.parser import parse_file

ROOT = Path(__file__).parents[3]
PROGRAMS = sorted([*(Path(__file__).parent / "programs").glob("*.p4"), *ROOT.glob("examples/*/*.p4")])


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_program_is_accepted(path: Path) -> None:
    diagnostics = Diagnostics()
    program = check_program(parse_file(str(path), diagnostics), diagnostics)
    assert [item.render() for item in diagnostics.items] == []
    assert program.main is not None
    assert set(program.main.args) == {"prs", "p", "dprs"}
