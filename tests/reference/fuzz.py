# SPDX-License-Identifier: Apache-2.0
"""Random programs for a while: in tests/, `python -m reference.fuzz --seconds 600 --keep FOLDER`.

A program on which compiler and interpreter differ is kept, with a message; the run goes on, and its exit
status is 1 at the end.  `--jobs` processes share the work.

By its seed, a program is compiled with all passes, with one left out, or with none that is not needed; and of
some programs native code runs the second half of the packets.
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing.pool
import os
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ubpf
from p4rt.compiler import driver
from p4rt.compiler.diagnostics import CompileError, Severity

from .batch import Compiled, compile_all, compile_one
from .constructs import constructs_of, kinds_of_nodes
from .differential import Disagreement, Pair
from .generator import generate

PACKETS = 12
ENTRIES = 6
BATCH = 40
"""Programs compiled at once."""
NATIVE = 0.1
"""The share of programs that are compiled to native code."""


@dataclass(frozen=True)
class Tried:
    """A random program, the packets' verdicts, and what is wrong with it, if anything."""

    seed: int
    verdicts: Counter[str]
    problem: str
    constructs: frozenset[str]
    """What of the language one program in four uses, as `constructs` names it."""


def options_of(seed: int) -> driver.Options:
    """The passes that are left out: mostly none, else one or all."""
    rng = random.Random(f"passes {seed}")
    names = sorted({item.name for item in driver.passes() if not item.needed})
    choice = rng.random()
    off = [] if choice < 0.7 else [rng.choice(names)] if choice < 0.85 else names
    return driver.Options(disabled_passes=frozenset(off))


def is_native(seed: int) -> bool:
    """Whether native code runs half of the packets."""
    return random.Random(f"native {seed}").random() < NATIVE


def try_program(compiled: Compiled, seed: int, packets: int = PACKETS) -> Pair:
    """Load a program and compare; raises LoadError, Disagreement."""
    pair = Pair(compiled)
    rng = random.Random(seed)
    for half in range(2):
        if half and is_native(seed):
            pair.compiled.compile()
        pair.populate(rng, ENTRIES)
        pair.fuzz(rng, packets // 2)
    return pair


def problem_of(path: Path, seed: int) -> tuple[Pair | None, str]:
    """Compile a program by itself and try it; the text says what is wrong with it."""
    try:
        return _problem_of(compile_one(path, options_of(seed)), seed)
    except CompileError as error:
        return _problem_of(error, seed)
    except Exception:
        return _problem_of(traceback.format_exc(), seed)


def _problem_of(compiled: Compiled | CompileError | str, seed: int) -> tuple[Pair | None, str]:
    if isinstance(compiled, str):
        return None, f"crash: {compiled}"
    if isinstance(compiled, CompileError):
        errors = [item for item in compiled.diagnostics if item.severity is Severity.ERROR]
        if all(item.code in {"too-complex", "build"} for item in errors):
            return None, ""
        return None, "refused: " + "\n".join(item.render(compiled.sources) for item in errors)
    try:
        return try_program(compiled, seed), ""
    except ubpf.LoadError as error:
        return None, "" if "the program is too complex" in str(error) else f"not loaded: {error}"
    except Disagreement as error:
        return None, f"disagreement: {error}"
    except Exception:
        return None, f"crash of the interpreter: {traceback.format_exc()}"


def try_seeds(seeds: Iterable[int]) -> Iterator[Tried]:
    """Try the programs of seeds, a batch at a time."""
    pending = list(seeds)
    with tempfile.TemporaryDirectory(prefix="p4rt-fuzz-") as name:
        for start in range(0, len(pending), BATCH):
            batch = pending[start : start + BATCH]
            paths = [Path(name) / f"random-{seed}.p4" for seed in batch]
            for seed, path in zip(batch, paths, strict=True):
                path.write_text(generate(seed))
            made = compile_all(paths, [options_of(seed) for seed in batch])
            for seed, compiled in zip(batch, made, strict=True):
                pair, problem = _problem_of(compiled, seed)
                verdicts = pair.verdicts if pair is not None else Counter({"programs not compared": 1})
                used = (
                    constructs_of(compiled.program)
                    if isinstance(compiled, Compiled) and seed % 4 == 0
                    else ()
                )
                yield Tried(seed, verdicts, problem, frozenset(used))


def _work(seeds: range) -> list[Tried]:
    gc.set_threshold(200_000, 20, 20)
    return list(try_seeds(seeds))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFFFFFF)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    end = time.monotonic() + args.seconds
    counts, bad, used = Counter[str](), 0, set[str]()

    def batches() -> Iterator[range]:
        seed = args.seed
        while time.monotonic() < end:
            yield range(seed, seed + BATCH)
            seed += BATCH

    with multiprocessing.Pool(args.jobs) as pool:
        for tried in _results(pool, batches(), args.jobs):
            counts["programs"] += 1
            counts.update(tried.verdicts)
            used |= tried.constructs
            if tried.problem:
                bad += 1
                _keep(tried, args.keep)
    _summary(args.seed, counts, used)
    print(f"{bad} programs with a problem")
    return 1 if bad else 0


def _keep(tried: Tried, folder: Path) -> None:
    """Write down a program with a problem, and say how to come back to it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = (folder / f"random-{tried.seed}.p4").resolve()
    path.write_text(generate(tried.seed))
    off = sorted(options_of(tried.seed).disabled_passes)
    print(
        f"{path}: {tried.problem}\n"
        f"  seed {tried.seed}, passes left out: {', '.join(off) or 'none'}"
        f"{', second half native' if is_native(tried.seed) else ''}\n"
        f"  again, and smaller: python -m reference.minimise {path} {tried.seed}",
        flush=True,
    )


def _summary(seed: int, counts: Counter[str], used: set[str]) -> None:
    """What was tried, what became of the packets, and what of the language no program had."""
    other = ("programs", "programs not compared")
    print(f"seeds from {seed} on: {counts['programs']} programs, {counts[other[1]]} of them not compared")
    packets = sum(counts.values()) - sum(counts[name] for name in other)
    shares = ((name, n) for name, n in counts.most_common() if name not in other)
    print(f"{packets} packets: " + ", ".join(f"{n / packets:.1%} {name}" for name, n in shares))
    kinds = kinds_of_nodes()
    missed = ", ".join(sorted(kinds - used)) or "none"
    print(f"{len(kinds & used)} of {len(kinds)} kinds of syntax nodes used; not: {missed}")
    print(f"{len(used - kinds)} operators and calls: {', '.join(sorted(used - kinds))}")


def _results(pool: multiprocessing.pool.Pool, batches: Iterator[range], jobs: int) -> Iterator[Tried]:
    """What comes of batches, of which a few are under way at any time."""
    running = [pool.apply_async(_work, (batch,)) for batch in (next(batches) for _ in range(jobs + 1))]
    while running:
        yield from running.pop(0).get()
        batch = next(batches, None)
        if batch is not None:
            running.append(pool.apply_async(_work, (batch,)))


if __name__ == "__main__":
    raise SystemExit(main())
