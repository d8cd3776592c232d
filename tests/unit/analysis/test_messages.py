# SPDX-License-Identifier: Apache-2.0
"""What the checker says about wrong programs: every case of errors.txt."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import Case, messages_of, read_cases

CASES = read_cases(Path(__file__).parent / "errors.txt")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_messages(case: Case) -> None:
    assert messages_of(case.source) == case.messages
