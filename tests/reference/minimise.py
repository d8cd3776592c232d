# SPDX-License-Identifier: Apache-2.0
"""Makes a program with a problem smaller: in tests/, `python -m reference.minimise PROGRAM SEED`.

Lines, then pieces in balanced braces or parentheses, are left out as long as the problem stays of its kind.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from .fuzz import problem_of


def kind(text: str, seed: int, folder: Path) -> str:
    """What kind of problem a program has: of one that is refused, the first message but for names in it."""
    path = folder / "small.p4"
    path.write_text(text)
    problem = problem_of(path, seed)[1]
    refused = re.match(r"refused: [^:]*:\d+:\d+: ([^'\n\d]*)", problem)
    return refused[1] if refused is not None else re.sub(r"\W.*", "", problem, flags=re.S)


def without_lines(text: str, holds: Callable[[str], bool]) -> str:
    """Leaves out as many lines as possible, many at a time at first."""
    lines = text.split("\n")
    size = len(lines) // 2
    while size:
        start = 0
        while start < len(lines):
            fewer = lines[:start] + lines[start + size :]
            if holds("\n".join(fewer)):
                lines = fewer
            else:
                start += size
        size //= 2
    return "\n".join(lines)


def smaller(text: str, start: int) -> Iterator[tuple[int, str]]:
    """(place, program) with one piece at `start` or after it left out, or replaced by a part of it."""
    for match in re.compile(r"[^;{}]*;|else \{[^{}]*\}|\{[^{}]*\}|\(([^()]*)\)").finditer(text, start):
        before, after = text[: match.start()], text[match.end() :]
        yield match.start(), before + after
        if match[1] is not None:
            yield match.start(), before + match[1] + after
            for part in re.split(r" (?:[-+*/%&|^<>=?:]+) ", match[1]):
                yield match.start(), before + part + after


def without_pieces(text: str, holds: Callable[[str], bool]) -> str:
    """Leaves out what one piece after another allows."""
    start, found = 0, True
    while found:
        found = False
        for place, candidate in smaller(text, start):
            if len(candidate) < len(text) and holds(candidate):
                text, start, found = candidate, max(0, place - 1), True
                break
    return text


def minimise(text: str, seed: int) -> str:
    """The smallest program that was found."""
    with tempfile.TemporaryDirectory() as name:
        wanted = kind(text, seed, Path(name))

        def holds(candidate: str) -> bool:
            return kind(candidate, seed, Path(name)) == wanted

        before = ""
        while wanted and text != before:
            before = text
            text = without_pieces(without_lines(text, holds), holds)
    return text


if __name__ == "__main__":
    print(minimise(Path(sys.argv[1]).read_text(), int(sys.argv[2])))
