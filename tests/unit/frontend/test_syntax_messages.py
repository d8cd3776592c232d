# SPDX-License-Identifier: Apache-2.0
"""Messages about syntax: every case of syntax_errors.txt, in the format of tests/unit/analysis/cases.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import Case, messages_of, read_cases

CASES = read_cases(Path(__file__).parent / "syntax_errors.txt")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_messages(case: Case) -> None:
    assert messages_of(case.source) == case.messages
