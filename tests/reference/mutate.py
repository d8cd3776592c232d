# SPDX-License-Identifier: Apache-2.0
"""Programs with words dropped, doubled, exchanged and replaced: the compiler has messages for all of them.

    cd tests && python -m reference.mutate [--seconds N] [--seed N]

compiles such programs up to the C, and reports those on which it fails in any way but with messages.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from p4rt.compiler.diagnostics import CompileError
from p4rt.compiler.driver import Options, check, diagnostics_for, translate

WORD = re.compile(r'#[^\n]*\n|"[^"\n]*"|\w+|\.\.\.?|&&&|[|][+-][|]|<<|>>|[-+=!<>|&]=|&&|[|][|]|\+\+|\S')


def words_of(text: str) -> list[str]:
    """The words of a program; a directive is one word."""
    return WORD.findall(re.sub(r"//[^\n]*|/\*.*?\*/", " ", text, flags=re.DOTALL))


def mutated(words: list[str], others: list[str], chance: random.Random) -> str:
    """A program like `words` with up to four changes; `others` are words to put in."""
    words = list(words)
    places = [at for at, word in enumerate(words) if not word.startswith("#")]
    for _ in range(chance.randint(1, 4)):
        at = min(chance.choice(places), len(words) - 1)
        if not words[at].startswith("#"):
            _change(words, at, others, chance)
        words = words or [";"]
    return "\n".join(words)


def _change(words: list[str], at: int, others: list[str], chance: random.Random) -> None:
    match chance.choice(["drop", "double", "copy", "replace", "cut", "repeat"]):
        case "drop":
            del words[at]
        case "double":
            words.insert(at, words[at])
        case "copy":
            words[at] = chance.choice(words)
        case "replace":
            words[at] = chance.choice(others)
        case "cut":
            del words[at : at + chance.randint(1, 12)]
        case _:
            words[at:at] = words[at : at + chance.randint(1, 25)]


def failure(text: str, folder: Path) -> str | None:
    """What went wrong with a program, other than that it was refused."""
    path = folder / "mutated.p4"
    path.write_text(text)
    options = Options()
    try:
        with suppress(CompileError):
            translate(check(str(path), options, diagnostics_for(options)), options)
    except Exception:
        return traceback.format_exc()
    return None


def sources(top: Path) -> list[str]:
    """Programs to begin with."""
    paths = [*top.glob("examples/*/*.p4"), *top.glob("tests/unit/frontend/programs/*.p4")]
    return [path.read_text() for path in sorted(paths)]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    top = Path(__file__).resolve().parents[2]
    programs = [words_of(text) for text in sources(top)]
    vocabulary = sorted({word for words in programs for word in words if not word.startswith("#")})
    end, tried, failed = time.monotonic() + options.seconds, 0, 0
    with TemporaryDirectory() as folder:
        while time.monotonic() < end:
            chance = random.Random(options.seed * 1_000_000 + tried)
            text = mutated(chance.choice(programs), vocabulary, chance)
            problem = failure(text, Path(folder))
            tried += 1
            if problem is not None:
                failed += 1
                print(f"seed {options.seed}, program {tried - 1}:\n{text}\n{problem}", flush=True)
    print(f"{tried} programs with changed words, {failed} failures")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
