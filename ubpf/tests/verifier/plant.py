#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants errors in the verifier, one at a time, and shows which test notices:

    python3 ubpf/tests/verifier/plant.py [-j N] [NAME...]

For each error of planted.txt, or those named, the sources are copied and changed, the verifier's tests are
built, and run until one fails. `--check` only looks whether each error can be planted. Exit status 1: some
was not noticed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).resolve().parent
UBPF = TESTS.parents[1]
SOURCES = Path("src/verifier")
# Those that take least time first.
COMMANDS = (
    ("verifier_cases", [str(path) for path in sorted((TESTS / "cases").glob("*.cases"))]),
    ("verifier_scalar", ["20000"]),
    ("verifier_hostile", []),
    ("verifier_fuzz", ["60000"]),
)
RUNS_IN = 300  # Seconds.
DEFINED = ("UBPF_VERSION", "UBPF_JIT_ID", "UBPF_LIBDIR")  # By the build, to strings.
CC = ("cc", "-O1", "-w", "-std=gnu11", "-fno-strict-aliasing", *(f'-D{name}=""' for name in DEFINED))
# What each test is made of beside the engine, below tests/.
PARTS = {
    "verifier_cases": ["verifier/cases_test.c", "verifier/asm.c"],
    "verifier_scalar": ["verifier/scalar_test.c"],
    "verifier_hostile": ["verifier/hostile_test.c"],
    "verifier_fuzz": [
        "verifier/fuzz_test.c",
        "verifier/machine.c",
        *(f"verifier/generate{part}.c" for part in ("", "_calls", "_numbers", "_packet", "_relations")),
    ],
}


@dataclass(frozen=True)
class Plant:
    """An error: in `file`, `old` becomes `new`."""

    name: str
    file: str
    old: str
    new: str

    def apply(self, text: str) -> str | None:
        """The source with the error; None where `old` does not occur exactly once."""
        # Blanks mean nothing: the format may break lines elsewhere.
        words = re.findall(r"\w+|[^\w\s]", self.old)
        pattern = re.compile(r"\s*".join(map(re.escape, words)))
        found = list(pattern.finditer(text))
        if len(found) != 1:
            return None
        return text[: found[0].start()] + self.new + text[found[0].end() :]


def read_plants(path: Path) -> list[Plant]:
    """The errors in the file, in its order."""
    plants = []
    for block in re.split(r"^== ", path.read_text(), flags=re.M)[1:]:
        head, *lines = block.splitlines()
        name, file = head.split()
        old = " ".join(line[1:].strip() for line in lines if line.startswith("-"))
        new = " ".join(line[1:].strip() for line in lines if line.startswith("+"))
        plants.append(Plant(name, file, old, new))
    return plants


class Workshop:
    """A copy of the sources, compiled file by file: a change of one costs one compilation and the links."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "ubpf"
        self.objects = folder / "objects"
        self.objects.mkdir(parents=True)
        for part in ("src", "include", "tests"):
            shutil.copytree(UBPF / part, self.sources / part)
        engine = [
            path
            for path in (self.sources / "src").rglob("*.c")
            if path.parent.name != "jit" or path.stem == "native"
        ]
        self.parts = {
            name: [self.sources / "tests" / part for part in parts] for name, parts in PARTS.items()
        }
        self.engine = [self.object_of(path) for path in engine]
        for path in {*engine, *(part for parts in self.parts.values() for part in parts)}:
            if not self.compile(path):
                sys.exit(f"{path} does not compile")

    def object_of(self, source: Path) -> Path:
        """Where the object of a source goes."""
        return self.objects / str(source.relative_to(self.sources)).replace("/", ".").replace(".c", ".o")

    def compile(self, source: Path) -> bool:
        """Compiles one file."""
        folders = ["-I" + str(self.sources / part) for part in ("src", "include", "tests", "tests/verifier")]
        command = [*CC, *folders, "-c", str(source), "-o", str(self.object_of(source))]
        return not subprocess.run(command, capture_output=True).returncode

    def link(self) -> bool:
        """Links the tests."""
        return all(
            not subprocess.run(
                [
                    "cc",
                    "-pthread",
                    *map(self.object_of, parts),
                    *self.engine,
                    "-ldl",
                    "-o",
                    self.objects / name,
                ],
                capture_output=True,
            ).returncode
            for name, parts in self.parts.items()
        )

    def noticed_by(self) -> str:
        """The first test that fails, or nothing."""
        for name, arguments in COMMANDS:
            command = [str(self.objects / name), *arguments]
            try:
                if subprocess.run(command, capture_output=True, timeout=RUNS_IN).returncode:
                    return name
            except subprocess.TimeoutExpired:
                return f"{name}, which does not end"
        return ""

    def try_plant(self, plant: Plant) -> str:
        """Plants the error, runs the tests, and takes it out again."""
        path = self.sources / SOURCES / plant.file
        right = path.read_text()
        wrong = plant.apply(right)
        if wrong is None:
            return ""
        path.write_text(wrong)
        compiled = self.compile(path) and self.link()
        test = self.noticed_by() if compiled else "the compiler"
        path.write_text(right)
        self.compile(path)
        return test


def check(plants: list[Plant]) -> int:
    """Names the errors that cannot be planted."""
    lost = [plant for plant in plants if plant.apply((UBPF / SOURCES / plant.file).read_text()) is None]
    for plant in lost:
        print(f"{plant.name}: its text does not occur exactly once in {plant.file}", file=sys.stderr)
    print(f"{len(plants)} errors, {len(lost)} cannot be planted")
    return 1 if lost else 0


def run(plants: list[Plant], workers: int) -> int:
    """Plants each error and reports."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(workers) as pool:
        shops = [Workshop(Path(name) / str(i)) for i in range(workers)]
        if not all(shop.link() for shop in shops) or shops[0].noticed_by():
            print("the tests fail without any error", file=sys.stderr)
            return 2

        def work(worker: int) -> list[str]:
            missed = []
            for plant in plants[worker::workers]:
                test = shops[worker].try_plant(plant)
                print(f"{plant.name}: {test or 'NOT NOTICED'}", flush=True)
                if not test:
                    missed.append(plant.name)
            return missed

        missed = [name for names in pool.map(work, range(workers)) for name in names]
    print(f"{len(plants)} errors, {len(plants) - len(missed)} noticed; not: {', '.join(missed) or 'none'}")
    return 1 if missed else 0


def main() -> int:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="errors to plant; all without any")
    parser.add_argument("-j", type=int, default=1, metavar="N", help="plant N at a time")
    parser.add_argument("--check", action="store_true", help="only look whether each can be planted")
    args = parser.parse_args()
    plants = read_plants(TESTS / "planted.txt")
    unknown = set(args.names) - {plant.name for plant in plants}
    if unknown:
        parser.error(f"there is no error {', '.join(sorted(unknown))}")
    plants = [plant for plant in plants if not args.names or plant.name in args.names]
    return check(plants) if args.check else run(plants, args.j)


if __name__ == "__main__":
    sys.exit(main())
