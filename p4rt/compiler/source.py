# SPDX-License-Identifier: Apache-2.0
"""Positions in the user's P4 files.

Spans name the file as the user wrote it (after `#include`), never the preprocessed text, so that a
diagnostic always points into a file that the user can open.
"""

from __future__ import annotations

from p4rt.compiler.records import field, record


@record
class Span:
    """A piece of one source file; lines and columns count from 1, the end column is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other` (this one alone in another file)."""
        if other.file != self.file or (other.end_line, other.end_column) < (self.line, self.column):
            return self
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)

    def covers(self, other: Span) -> bool:
        """Does `other` begin inside of this span?"""
        begin = (other.line, other.column)
        return (
            self.file == other.file
            and (self.line, self.column) <= begin < (self.end_line, self.end_column)
        )

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NO_SPAN = Span("<builtin>", 0, 0, 0, 0)
"""The span of what no source text stands for."""


@record
class SourceFile:
    """One source file: its name as the user knows it, and its lines without line ends."""

    name: str
    lines: tuple[str, ...]

    @classmethod
    def from_text(cls, name: str, text: str) -> SourceFile:
        """Split `text` into lines at newlines only (`str.splitlines` splits at too many characters)."""
        lines = text.removeprefix("\ufeff").split("\n")
        return cls(name, tuple(line.removesuffix("\r") for line in lines))


@record(frozen=False)
class SourceMap:
    """The files of one compilation, by the name that spans carry."""

    main: str = "<input>"
    files: dict[str, SourceFile] = field(default_factory=dict)

    def line(self, file: str, line: int) -> str | None:
        """Text of a line, reading the file when it is not known yet; None when it cannot be had."""
        source = self.files.get(file)
        if source is None:
            try:
                with open(file, encoding="utf-8", errors="replace", newline="") as stream:
                    source = SourceFile.from_text(file, stream.read())
            except OSError:
                source = SourceFile(file, ())
            self.files[file] = source
        return source.lines[line - 1] if 0 < line <= len(source.lines) else None
