# SPDX-License-Identifier: Apache-2.0
"""Random programs give what the reference interpreter says they must: the first half of 2,000.

The seed in a failed test's message makes the program again: `reference.generator.generate(seed)`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from reference.fuzz import BATCH, problem_of, try_seeds
from reference.generator import generate


@pytest.mark.parametrize("first", range(0, 1000, BATCH))
def test_compiled_programs_agree_with_the_interpreter(first: int):
    problems = [tried for tried in try_seeds(range(first, first + BATCH)) if tried.problem]
    assert not problems


@pytest.mark.parametrize("seed", range(4))
def test_program_compiled_by_itself_agrees_too(seed: int, tmp_path: Path):
    path = tmp_path / "program.p4"
    path.write_text(generate(seed))
    pair, problem = problem_of(path, seed)
    assert not problem
    assert pair is not None


def test_most_programs_of_a_batch_are_compared():
    tried = list(try_seeds(range(BATCH)))
    assert [item.seed for item in tried] == list(range(BATCH))
    assert sum(item.verdicts["programs not compared"] for item in tried) <= 2
    assert sum(item.verdicts["PASS"] + item.verdicts["REDIRECT"] for item in tried) > 5 * BATCH


def test_same_seed_gives_the_same_program():
    assert generate(5) == generate(5)
    assert generate(5) != generate(6)
