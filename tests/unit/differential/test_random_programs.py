# SPDX-License-Identifier: Apache-2.0
"""Random programs give what the reference interpreter says they must.

The seed in a failed test's name makes the program again: `reference.generator.generate(seed)`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from reference.fuzz import one
from reference.generator import generate


@pytest.mark.parametrize("seed", range(36))
def test_compiled_program_agrees_with_the_interpreter(seed: int, tmp_path: Path):
    _, problem = one(seed, tmp_path)
    assert not problem, generate(seed)


def test_same_seed_gives_the_same_program():
    assert generate(5) == generate(5)
    assert generate(5) != generate(6)
