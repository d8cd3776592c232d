# SPDX-License-Identifier: Apache-2.0
"""Cases as data: a snippet of P4 and the messages that it must give.

A file holds cases of the form

    === name of the case
    P4 text
    --- messages
    LINE:COLUMN: severity: message [hint]
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from p4rt.compiler.analysis.checker import check_program
from p4rt.compiler.analysis.model import CheckedProgram
from p4rt.compiler.diagnostics import CompileError, Diagnostics
from p4rt.compiler.frontend.parser import parse_text


@dataclass(frozen=True)
class Case:
    """A snippet and its expected messages."""

    name: str
    source: str
    messages: list[str]


def read_cases(path: Path) -> list[Case]:
    """All cases of a file."""
    cases = []
    for part in path.read_text().split("=== ")[1:]:
        name, rest = part.split("\n", 1)
        source, _, messages = rest.partition("--- messages\n")
        cases.append(Case(name, source, messages.splitlines()))
    return cases


def messages_of(source: str) -> list[str]:
    """What the compiler says about a text, one line a message."""
    diagnostics = Diagnostics()
    with suppress(CompileError):
        check_program(parse_text(source, diagnostics, "t.p4"), diagnostics)
    lines = []
    for item in diagnostics.items:
        hint = f" [{item.hint}]" if item.hint else ""
        place = f"{item.span.line}:{item.span.column}"
        if item.span.file != "t.p4":
            place = f"{Path(item.span.file).name}:{place}"
        lines.append(f"{place}: {item.severity.value}: {item.message}{hint}")
    return lines


def checked(source: str) -> CheckedProgram:
    """A text that has no errors, checked."""
    diagnostics = Diagnostics()
    return check_program(parse_text(source, diagnostics, "t.p4"), diagnostics)
