# SPDX-License-Identifier: Apache-2.0
"""A program with one of everything that its information can say, and its maps."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripted_peer import Play, playing

from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.local import LocalProgram

HERE = Path(__file__).parent
INCLUDE = HERE.parents[2] / "ubpf" / "include"


@pytest.fixture(scope="session")
def info_text() -> str:
    return (HERE / "example_info.json").read_text()


@pytest.fixture(scope="session")
def info(info_text: str) -> ProgramInfo:
    return ProgramInfo.from_json(info_text)


@pytest.fixture(scope="session")
def object_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The object of example.c, with its information in it."""
    path = tmp_path_factory.mktemp("object") / "example.o"
    subprocess.run(
        ["clang-19", "-target", "bpf", "-mcpu=v3", "-O2", "-Wall", "-Werror", "-ffreestanding",
         f"-I{INCLUDE}", "-c", HERE / "example.c", "-o", path],
        check=True,
    )  # fmt: skip
    subprocess.run(
        ["llvm-objcopy-19", "--add-section", f"p4rt.info={HERE / 'example_info.json'}", path], check=True
    )
    return path


@pytest.fixture
def program(object_file: Path) -> LocalProgram:
    """The program, freshly loaded."""
    return LocalProgram(object_file.read_bytes())


@pytest.fixture
def play() -> Iterator[Play]:
    """Makes connections whose peers run given functions."""
    with playing() as start:
        yield start
