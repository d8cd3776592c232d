#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts the BPF instructions that each packet of the examples' scripts costs.

Every example with a script of the Simple Test Framework runs it, compiled as it is and with each
optimisation left out; what is printed is a table for docs/performance.md.  What helpers do is not counted.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from p4rt.compiler import driver
from p4rt.runtime import stf
from p4rt.runtime.local import LocalProgram, Outcome

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Packet:
    """A packet of a script: what the comment before it says, its verdict, and what it cost."""

    what: str
    verdict: str
    n_insns: int


class Counting(LocalProgram):
    """A program that counts."""

    def __init__(self, elf: bytes) -> None:
        super().__init__(elf)
        self.counts: list[tuple[str, int]] = []

    def process(self, data: bytes, port: int) -> Outcome:
        """As LocalProgram does, with the count noted."""
        result = self.engine.run(data, input_port=port, count=True)
        assert result.n_insns is not None
        self.counts.append((result.verdict.name.lower(), result.n_insns))
        return Outcome("", ())


def count(program: Path, script: Path, disabled: frozenset[str]) -> tuple[int, list[Packet]]:
    """Runs a script; returns the program's size in instructions, and its packets."""
    options = driver.Options(disabled_passes=disabled)
    loaded = Counting(driver.compile_file(program, options).object)
    lines = script.read_text().splitlines()
    stf.run(loaded, lines, str(script))
    packets = zip(_comments(lines), loaded.counts, strict=True)
    return loaded.engine.n_insns, [Packet(what, *counted) for what, counted in packets]


def _comments(lines: list[str]) -> list[str]:
    """For each packet, the first sentence of the last comment before it."""
    found, comment, fresh = [], "", True
    for line in lines:
        if line.startswith("#"):
            text = line.lstrip("# ").rstrip()
            comment = f"{comment} {text}" if not fresh else text
            fresh = False
        else:
            fresh = True
        if line.startswith("packet"):
            found.append(comment.strip(" ."))
    return found


def table() -> str:
    """The counts of all examples, in Markdown."""
    names = list(dict.fromkeys(item.name for item in driver.passes() if not item.needed))
    variants = [frozenset[str](), *(frozenset({name}) for name in names), frozenset(names)]
    lines = [f"| packet | verdict | all passes | {' | '.join(f'no `{name}`' for name in names)} | none |"]
    lines.append(f"| --- | --- |{' ---: |' * len(variants)}")
    for script in sorted(ROOT.glob("examples/*/*.stf")):
        counted = [count(script.with_suffix(".p4"), script, disabled) for disabled in variants]
        name = script.parent.name
        lines.append(f"| **{name}**, size | | {' | '.join(str(size) for size, _ in counted)} |")
        for rows in zip(*(packets for _, packets in counted), strict=True):
            numbers = " | ".join(str(row.n_insns) for row in rows)
            lines.append(f"| {name}: {rows[0].what} | {rows[0].verdict} | {numbers} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Counts, and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md, too")
    arguments = parser.parse_args()
    counted = table()
    print(counted, end="")
    if arguments.write:
        begin, end = "<!-- begin bench/instructions -->\n", "<!-- end bench/instructions -->\n"
        page = ROOT / "docs/performance.md"
        before, _, rest = page.read_text().partition(begin)
        page.write_text(before + begin + counted + end + rest.partition(end)[2])


if __name__ == "__main__":
    main()
