# SPDX-License-Identifier: Apache-2.0
"""The second half of the 2,000 random programs of test_random_programs.py, for another process."""

from __future__ import annotations

import pytest
from reference.fuzz import BATCH, try_seeds


@pytest.mark.parametrize("first", range(1000, 2000, BATCH))
def test_compiled_programs_agree_with_the_interpreter(first: int):
    problems = [tried for tried in try_seeds(range(first, first + BATCH)) if tried.problem]
    assert not problems
