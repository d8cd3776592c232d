# SPDX-License-Identifier: Apache-2.0
"""Whole programs: what the compiler makes of them, the engine accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

import ubpf
from p4rt.compiler.diagnostics import CompileError
from p4rt.compiler.driver import compile_file

CHECKOUT = Path(__file__).resolve().parents[3]
NOT_YET = {
    "acl.p4": "a value_set is not supported",
    "ipv6.p4": "values of type varbit<16320> are not supported",
}
PROGRAMS = sorted([*CHECKOUT.glob("examples/*/*.p4"), *CHECKOUT.glob("tests/unit/frontend/programs/*.p4")])


@pytest.mark.parametrize(
    "path", [path for path in PROGRAMS if path.name not in NOT_YET], ids=lambda path: path.stem
)
def test_program_compiles_and_is_verified(path: Path):
    program = ubpf.Program(compile_file(path).object)
    assert program.verifier_summary.startswith("verified")


@pytest.mark.parametrize(
    "path", [path for path in PROGRAMS if path.name in NOT_YET], ids=lambda path: path.stem
)
def test_program_that_needs_more_is_refused_by_name(path: Path):
    with pytest.raises(CompileError) as caught:
        compile_file(path)
    assert NOT_YET[path.name] in str(caught.value)
