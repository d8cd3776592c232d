# SPDX-License-Identifier: Apache-2.0
"""The constructs of the language on packets: what each does, or with which message it is refused.

The cases are in `constructs/`, a file for each chapter of the P4_16 specification.  A case is

    === name
    of: the constructs that it shows, as `constructs/matrix.ini` calls them; separated by semicolons
    part: text of the part of the program (see `p4_programs.source`), which may go on
          in lines that are indented
    entries: lines for the program's tables and value sets, as `p4rt-ctl add-entries` takes them
    --- packets
    0102 => 0105        what comes out, or a verdict other than PASS
    --- refused
    code: message

with `packets` or `refused`.  The cases that consist of statements alone (`apply`) are put into one
program, in which a byte in front of the packet chooses the case: that is much faster to compile.

`constructs/matrix.ini` says of which constructs each row of docs/language.md and docs/externs.md consists.
Each of them has cases of both kinds, or names tests that show what a packet or one message cannot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from p4_programs import compiled, load, source

from p4rt.compiler.diagnostics import CompileError, Severity
from p4rt.runtime.entries import parse_entries
from p4rt.runtime.local import LocalProgram
from ubpf import Verdict

FOLDER = Path(__file__).parent / "constructs"
DOCS = Path(__file__).parents[3] / "docs"
BATCH = 40


@dataclass(frozen=True)
class Case:
    """One construct."""

    name: str
    constructs: tuple[str, ...]
    parts: tuple[tuple[str, str], ...]
    entries: tuple[str, ...]
    packets: tuple[tuple[str, str], ...]
    refused: tuple[str, ...]

    @property
    def statements(self) -> str | None:
        """The statements, where there is nothing else to it."""
        return self.parts[0][1] if [name for name, _ in self.parts] == ["apply"] and self.packets else None

    @property
    def source(self) -> str:
        """The program."""
        return source(**dict(self.parts))


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
    parts = dict(re.findall(r"^(\w+): ?((?:.*)(?:\n[ \t].*)*)", body, flags=re.MULTILINE))
    constructs = parts.pop("of").split(";")
    entries = parts.pop("entries", "").split("\n")
    expected = [line for line in lines.split("\n") if line.strip() and not line.startswith("#")]
    packets = [tuple(part.strip() for part in line.split("=>")) for line in expected]
    assert kind in ("packets", "refused"), text
    return Case(
        f"{chapter}: {name}",
        tuple(item.strip() for item in constructs),
        tuple(parts.items()),
        tuple(line.strip() for line in entries if line.strip()),
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
    program = LocalProgram(compiled(case.source).object)
    program.tables.add(parse_entries(program.info, case.entries, case.name))
    assert [(packet, out(program.engine, packet)) for packet, _ in case.packets] == list(case.packets)


@pytest.mark.parametrize("case", REFUSED, ids=[case.name for case in REFUSED])
def test_refused(case: Case):
    with pytest.raises(CompileError) as caught:
        compiled(case.source)
    errors = [item for item in caught.value.diagnostics if item.severity is Severity.ERROR]
    assert [f"{item.code}: {item.message}" for item in errors] == list(case.refused)
    assert all(item.span.line > 0 for item in errors)


def test_no_case_twice():
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)


# ---- The tables in the documentation


@dataclass(frozen=True)
class Construct:
    """A construct, and tests that show more of it than cases can, by `file::function`."""

    row: str
    name: str
    runs_in: tuple[str, ...]
    refused_in: tuple[str, ...]


def matrix() -> list[Construct]:
    """The lines of matrix.ini: `construct`, or `construct = tests where it runs; where it is refused`."""
    found = []
    row = ""
    for line in (FOLDER / "matrix.ini").read_text().splitlines():
        if line.startswith("["):
            row = line.removeprefix("[").removesuffix("]")
        elif line and not line.startswith("#"):
            name, _, tests = line.partition(" = ")
            runs_in, _, refused_in = tests.partition(";")
            found.append(Construct(row, name, _tests(runs_in), _tests(refused_in)))
    return found


def _tests(text: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in text.split(",") if item.strip())


def rows_of_pages() -> list[str]:
    """The first cells of tables, without marks; those of a subsection have its name in front.

    In docs/language.md these are the tables from "The specification's sections" on, in docs/externs.md the
    first.
    """
    sections = (DOCS / "language.md").read_text().partition("## The specification's sections")[2]
    externs = (DOCS / "externs.md").read_text().partition("## Register")[0]
    rows, heading = [], ""
    for line in [*sections.splitlines(), "### Externs", *externs.splitlines()]:
        if line.startswith("### "):
            heading = line.removeprefix("### ") + ": "
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]
        if len(cells) > 3 and cells[1] not in ("", "---", "section", "property") and any(cells[2:]):
            text = re.sub(r"\[(.*)\]\(.*\)", r"\1", cells[1].strip("*"))
            rows.append(heading + text.replace("`", "").replace("\\|", "|"))
    return rows


MATRIX = matrix()


def test_every_row_of_the_pages_is_in_the_matrix():
    assert list(dict.fromkeys(item.row for item in MATRIX)) == rows_of_pages()


def test_each_construct_runs_somewhere_and_is_refused_somewhere():
    running = {name for case in CASES if case.packets for name in case.constructs}
    refused = {name for case in CASES if case.refused for name in case.constructs}
    assert [item.name for item in MATRIX if not item.runs_in and item.name not in running] == []
    assert [item.name for item in MATRIX if not item.refused_in and item.name not in refused] == []


def test_every_case_is_of_a_construct():
    known = {item.name for item in MATRIX}
    assert [(case.name, set(case.constructs) - known) for case in CASES if set(case.constructs) - known] == []


def test_tests_that_the_matrix_names_are_there():
    named = {name for item in MATRIX for name in (*item.runs_in, *item.refused_in)}
    for name in named:
        file, _, function = name.partition("::")
        assert f"def {function}(" in (Path(__file__).parent / file).read_text(), name
