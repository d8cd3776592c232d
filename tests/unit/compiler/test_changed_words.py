# SPDX-License-Identifier: Apache-2.0
"""Programs with words changed, through the whole compiler: nothing but messages comes out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from p4_programs import source
from reference.mutate import failure, mutated, words_of
from test_constructs import CASES

PROGRAMS = [words_of(source(**dict(case.parts))) for case in CASES]
VOCABULARY = sorted({word for words in PROGRAMS for word in words if not word.startswith("#")})
EACH = 20


@pytest.mark.parametrize("seed", range(5))
def test_nothing_but_messages(tmp_path: Path, seed: int):
    chance = random.Random(seed)
    for _ in range(EACH):
        text = mutated(chance.choice(PROGRAMS), VOCABULARY, chance)
        assert failure(text, tmp_path) is None, text


def test_an_internal_failure_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("reference.mutate.translate", fail)
    assert "KeyError: 'oops'" in (failure(source(), tmp_path) or "")
