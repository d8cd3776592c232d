# SPDX-License-Identifier: Apache-2.0
"""Random programs give what the reference interpreter says they must.

The seed in a failed test's name makes the program again: `reference.generator.generate(seed)`.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from reference.fuzz import one
from reference.generator import generate

FIXED = range(30)
FRESH = [random.SystemRandom().randrange(1 << 32) for _ in range(6)]


@pytest.mark.parametrize("seed", [*FIXED, *FRESH])
def test_compiled_program_agrees_with_the_interpreter(seed: int, tmp_path: Path):
    _, problem = one(seed, tmp_path)
    assert not problem, generate(seed)


def test_same_seed_gives_the_same_program():
    assert generate(5) == generate(5)
    assert generate(5) != generate(6)
