# SPDX-License-Identifier: Apache-2.0
"""No input makes the front end or the checker fail in any way but with messages."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p4rt.compiler.analysis.checker import check_program
from p4rt.compiler.diagnostics import CompileError, Diagnostics
from p4rt.compiler.frontend.lexer import KEYWORDS, PUNCTUATION, tokenize
from p4rt.compiler.frontend.parser import parse
from p4rt.compiler.frontend.preprocessor import INCLUDE_DIR

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.p4"))
NAMES = [
    "a", "b", "h_t", "hdr", "T", "apply", "key", "actions", "entries", "state", "type", "priority", "list",
    "value_set", "start", "accept", "size", "default_action", "exact", "isValid", "setValid", "next", "main",
    "packet_in", "packet_out", "extract", "NoAction", "0", "1", "8w1", "4s3", "0xff", '"s"', "@name", "@x(1)",
]  # fmt: skip
VOCABULARY = [*KEYWORDS, *PUNCTUATION, *NAMES, "+=", "|+|=", "\n"]
SETTINGS = settings(
    max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)


def words_of(path: Path) -> list[str]:
    """The words of a program, without directives."""
    text = "\n".join(line for line in path.read_text().split("\n") if not line.startswith("#"))
    text = "\n".join(line.split("//")[0] for line in text.split("\n"))
    return [token.text for token in tokenize(text, Diagnostics())]


CORE = " ".join(words_of(INCLUDE_DIR / "core.p4"))
PROGRAM_WORDS = [words_of(path) for path in PROGRAMS]


def survives(text: str) -> None:
    """Parse and check; only `CompileError`, with at least one message that can be shown, may come out."""
    diagnostics = Diagnostics()
    try:
        check_program(parse(text, diagnostics), diagnostics)
    except CompileError as error:
        assert error.diagnostics
        assert error.render()


@SETTINGS
@given(st.lists(st.sampled_from(VOCABULARY), max_size=60))
def test_random_words(words: list[str]) -> None:
    survives(" ".join(words))


@SETTINGS
@given(st.text(max_size=80))
def test_random_text(text: str) -> None:
    survives(text)


@SETTINGS
@given(st.data())
def test_programs_with_words_changed(data: st.DataObject) -> None:
    words = list(data.draw(st.sampled_from(PROGRAM_WORDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(words) - 1))
        change = data.draw(st.sampled_from(["drop", "double", "swap", "replace", "cut"]))
        if change == "drop":
            del words[at]
        elif change == "double":
            words.insert(at, words[at])
        elif change == "swap":
            other = data.draw(st.integers(0, len(words) - 1))
            words[at], words[other] = words[other], words[at]
        elif change == "replace":
            words[at] = data.draw(st.sampled_from([*VOCABULARY, *words[:200]]))
        else:
            del words[at : at + data.draw(st.integers(1, 30))]
        if not words:
            return
    survives(f"{CORE} {' '.join(words)}")
