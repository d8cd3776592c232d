# SPDX-License-Identifier: Apache-2.0
"""Random programs for a while: in tests/, `python -m reference.fuzz --seconds 600 --keep FOLDER`.

A program on which compiler and interpreter differ is kept, with a message; the run goes on, and its exit
status is 1 at the end.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from pathlib import Path

import ubpf
from p4rt.compiler.diagnostics import CompileError, Severity

from .differential import Disagreement, Pair
from .generator import generate

PACKETS = 60
ENTRIES = 6


def try_program(path: Path, seed: int, packets: int = PACKETS) -> Pair:
    """Compile a program and compare; raises CompileError, LoadError, Disagreement."""
    pair = Pair(path)
    rng = random.Random(seed)
    for _ in range(2):
        pair.populate(rng, ENTRIES)
        pair.fuzz(rng, packets // 2)
    return pair


def one(seed: int, folder: Path) -> tuple[Pair | None, str]:
    """Try the program of a seed; the text says what is wrong with it."""
    path = folder / f"random-{seed}.p4"
    path.write_text(generate(seed))
    return problem_of(path, seed)


def problem_of(path: Path, seed: int) -> tuple[Pair | None, str]:
    """Try a program; the text says what is wrong with it."""
    try:
        return try_program(path, seed), ""
    except CompileError as error:
        errors = [item for item in error.diagnostics if item.severity is Severity.ERROR]
        if all(item.code in {"too-complex", "build"} for item in errors):
            return None, ""
        return None, "refused: " + "\n".join(item.render(error.sources) for item in errors)
    except ubpf.LoadError as error:
        return None, f"not loaded: {error}"
    except Disagreement as error:
        return None, f"disagreement: {error}"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFFFFFF)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    args = parser.parse_args()
    end = time.monotonic() + args.seconds
    seed, counts, bad = args.seed, Counter[str](), 0
    with tempfile.TemporaryDirectory(prefix="p4rt-fuzz-") as name:
        while time.monotonic() < end:
            pair, problem = one(seed, Path(name))
            path = Path(name) / f"random-{seed}.p4"
            if problem:
                bad += 1
                args.keep.mkdir(parents=True, exist_ok=True)
                kept = args.keep / path.name
                kept.write_text(path.read_text())
                print(f"{kept}: {problem}", flush=True)
            path.unlink()
            counts["programs"] += 1
            counts.update(pair.verdicts if pair is not None else {"programs not compared": 1})
            seed += 1
    print(f"seeds {args.seed} to {seed - 1}: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    print(f"{bad} programs with a problem")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
