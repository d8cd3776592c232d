# SPDX-License-Identifier: Apache-2.0
"""The constructs of the language on packets: what each does, or with which message it is refused.

The cases are in `constructs/`, a file for each chapter of the P4_16 specification.  A case is

    === name
    part: text of the part of the program (see `p4_programs.source`), which may go on
          in lines that are indented
    --- packets
    0102 => 0105        what comes out, or a verdict other than PASS
    --- refused
    code: message

with `packets` or `refused`.  The cases that consist of statements alone (`apply`) are put into one
program, in which a byte in front of the packet chooses the case: that is much faster to compile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from p4_programs import compiled, load, source

from p4rt.compiler.diagnostics import CompileError, Severity
from ubpf import Verdict

FOLDER = Path(__file__).parent / "constructs"
BATCH = 40


@dataclass(frozen=True)
class Case:
    """One construct."""

    name: str
    parts: tuple[tuple[str, str], ...]
    packets: tuple[tuple[str, str], ...]
    refused: tuple[str, ...]

    @property
    def statements(self) -> str | None:
        """The statements, where there is nothing else to it."""
        return self.parts[0][1] if [name for name, _ in self.parts] == ["apply"] and self.packets else None


def cases() -> list[Case]:
    """All cases, named by chapter."""
    return [
        case
        for path in sorted(FOLDER.glob("*.txt"))
        for case in (
            _case(path.stem, text) for text in re.split(r"^=== ", path.read_text(), flags=re.MULTILINE)[1:]
        )
    ]


def _case(chapter: str, text: str) -> Case:
    head, _, outcome = text.partition("\n--- ")
    name, _, body = head.partition("\n")
    kind, _, lines = outcome.partition("\n")
    parts = re.findall(r"^(\w+): ?((?:.*)(?:\n[ \t].*)*)", body, flags=re.MULTILINE)
    expected = [line for line in lines.split("\n") if line.strip() and not line.startswith("#")]
    packets = [tuple(part.strip() for part in line.split("=>")) for line in expected]
    assert kind in ("packets", "refused"), text
    return Case(
        f"{chapter}: {name}",
        tuple(parts),
        tuple((a, b) for a, b in packets) if kind == "packets" else (),
        tuple(expected) if kind == "refused" else (),
    )


CASES = cases()
TOGETHER = [case for case in CASES if case.statements is not None]
ALONE = [case for case in CASES if case.packets and case.statements is None]
REFUSED = [case for case in CASES if case.refused]


@cache
def together(batch: int) -> str:
    """A program of many cases."""
    chosen = TOGETHER[batch * BATCH : (batch + 1) * BATCH]
    arms = "\n".join(f"{number}: {{\n{case.statements}\n}}" for number, case in enumerate(chosen))
    return source(
        headers="header n_t { bit<8> n; } header h_t { bit<8> a; bit<8> b; }"
        "struct headers_t { n_t n; h_t h; }",
        states="state start { pkt.extract(hdr.n); pkt.extract(hdr.h); transition accept; }",
        apply=f"switch (hdr.n.n) {{\n{arms}\ndefault: {{ }} }}",
        emits="pkt.emit(hdr.n); pkt.emit(hdr.h);",
    )


def out(program, packet: str) -> str:
    result = program.run(bytes.fromhex(packet))
    return result.packet.hex() if result.verdict is Verdict.PASS else result.verdict.name


@pytest.mark.parametrize("number", range(len(TOGETHER)), ids=[case.name for case in TOGETHER])
def test_statements(number: int):
    program = load(together(number // BATCH))
    prefix = f"{number % BATCH:02x}"
    for packet, expected in TOGETHER[number].packets:
        assert out(program, prefix + packet) == prefix + expected


@pytest.mark.parametrize("case", ALONE, ids=[case.name for case in ALONE])
def test_program(case: Case):
    program = load(source(**dict(case.parts)))
    assert [(packet, out(program, packet)) for packet, _ in case.packets] == list(case.packets)


@pytest.mark.parametrize("case", REFUSED, ids=[case.name for case in REFUSED])
def test_refused(case: Case):
    with pytest.raises(CompileError) as caught:
        compiled(source(**dict(case.parts)))
    errors = [item for item in caught.value.diagnostics if item.severity is Severity.ERROR]
    assert [f"{item.code}: {item.message}" for item in errors] == list(case.refused)
    assert all(item.span.line > 0 for item in errors)


def test_no_case_twice():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
