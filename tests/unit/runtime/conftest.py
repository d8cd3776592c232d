# SPDX-License-Identifier: Apache-2.0
"""A program's information with one of everything that it can say."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4rt.runtime.info import ProgramInfo


@pytest.fixture(scope="session")
def info_text() -> str:
    return Path(__file__).with_name("example_info.json").read_text()


@pytest.fixture(scope="session")
def info(info_text: str) -> ProgramInfo:
    return ProgramInfo.from_json(info_text)
