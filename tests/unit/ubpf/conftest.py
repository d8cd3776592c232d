# SPDX-License-Identifier: Apache-2.0
"""Objects compiled from the engine's own test programs."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import ubpf

ENGINE = Path(__file__).resolve().parents[3] / "ubpf"
CLANG = ["clang-19", "-O2", "-target", "bpfel", "-ffreestanding", "-mcpu=v3"]


@pytest.fixture(scope="session")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Return a function from the name of a program in ubpf/tests/prog to its object."""
    folder = tmp_path_factory.mktemp("objects")

    @functools.cache
    def compiled(name: str) -> bytes:
        output = folder / f"{name}.o"
        subprocess.run(
            [*CLANG, "-c", f"{ENGINE}/tests/prog/{name}.c", f"-I{ENGINE}/include", "-o", str(output)],
            check=True,
        )
        return output.read_bytes()

    return compiled


@pytest.fixture
def load(elf: Callable[[str], bytes]) -> Callable[[str], ubpf.Program]:
    """Return a function from the name of a program to the loaded program."""
    return lambda name: ubpf.Program(elf(name))
