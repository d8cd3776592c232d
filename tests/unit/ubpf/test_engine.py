# SPDX-License-Identifier: Apache-2.0
"""What runs a program: the interpreter, or native code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

import ubpf
from ubpf import program as program_module

Elf = Callable[[str], bytes]

ROUTE = (24).to_bytes(4, "little") + bytes([10, 0, 2, 0])


def test_the_interpreter_runs_a_program_first(elf: Elf) -> None:
    program = ubpf.Program(elf("router"))
    assert not program.native
    assert program.compile_ns == 0


def test_native_code_on_request(elf: Elf) -> None:
    program = ubpf.Program(elf("router"), engine="jit")
    assert program.native
    assert program.compile_ns > 0
    program.maps["routes"].update(ROUTE, (2).to_bytes(4, "little"))
    result = program.run(bytes([10, 0, 2, 9]))
    assert (result.verdict, result.output_port) == (ubpf.Verdict.REDIRECT, 33)
    assert program.run(bytes([10, 0, 3, 9])).verdict == ubpf.Verdict.DROP


def test_native_code_for_many_packets(elf: Elf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "AUTO_AFTER", 3)
    program = ubpf.Program(elf("counter"))
    states = []
    for _ in range(4):
        program.run(b"A")
        states.append(program.native)
    assert states == [False, False, True, True]
    assert program.maps["by_byte"].lookup(b"A") == (4).to_bytes(8, "little")


def test_never_native_code_when_told_so(elf: Elf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "AUTO_AFTER", 1)
    program = ubpf.Program(elf("counter"), engine="interpreter")
    program.run(b"A")
    assert not program.native


def test_native_code_uses_adopted_maps(elf: Elf) -> None:
    old = ubpf.Program(elf("counter"), engine="jit")
    old.run(b"A")
    new = ubpf.Program(elf("counter"), engine="jit")
    assert new.adopt_maps(old) == 2
    assert new.native
    new.run(b"A")
    assert old.maps["by_byte"].lookup(b"A") == (2).to_bytes(8, "little")


def test_an_engine_that_does_not_exist(elf: Elf) -> None:
    with pytest.raises(ValueError, match="an engine is auto, jit or interpreter, not turbo"):
        ubpf.Program(elf("counter"), engine="turbo")  # type: ignore[arg-type]


def test_without_a_compiler_jit_is_an_error_and_auto_interprets(elf: Elf) -> None:
    code = """
import sys, ubpf
import ubpf.program as program
program.AUTO_AFTER = 1
elf = sys.stdin.buffer.read()
auto = ubpf.Program(elf)
print(auto.run(b"A").verdict.name, auto.native)
try:
    ubpf.Program(elf, engine="jit")
except ubpf.Error as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], input=elf("counter"), capture_output=True, check=True,
        env={**os.environ, "UBPF_JIT": ""},
    )  # fmt: skip
    assert done.stdout.decode().splitlines() == [
        "PASS False",
        "there is no compiler to native code (UBPF_JIT is empty)",
    ]
