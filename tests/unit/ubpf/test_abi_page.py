# SPDX-License-Identifier: Apache-2.0
"""The program in C that docs/abi.md shows, compiled as the page says."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

import ubpf

TOP = Path(__file__).parents[3]
PAGE = (TOP / "docs/abi.md").read_text()


@pytest.fixture
def program(tmp_path: Path) -> ubpf.Program:
    (tmp_path / "count.c").write_text(PAGE.split("## A program in C\n")[1].split("```c\n")[1].split("```")[0])
    command = next(line for line in PAGE.splitlines() if line.startswith("    clang-19 "))
    command = command.replace(".build/libubpf/include", str(TOP / "ubpf/include"))
    subprocess.run(shlex.split(command), cwd=tmp_path, check=True)
    return ubpf.Program((tmp_path / "count.o").read_bytes())


def test_it_counts_packets_and_drops_short_ones(program: ubpf.Program) -> None:
    verdicts = [program.run(bytes(size), input_port=1).verdict.name for size in (63, 64, 1500)]
    assert verdicts == ["DROP", "PASS", "PASS"]
    assert program.maps["hits"].lookup(bytes(4)) == bytes.fromhex("0300000000000000")
