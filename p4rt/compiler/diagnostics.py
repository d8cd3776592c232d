# SPDX-License-Identifier: Apache-2.0
"""Errors and warnings of the compiler, as values.

Every stage reports into one `Diagnostics` collector, so that a run shows all errors and not only the
first.  A stage that cannot go on raises `CompileError`, which carries everything collected so far.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import NoReturn

from p4rt.compiler.records import field, record
from p4rt.compiler.source import NO_SPAN, SourceMap, Span

MAX_ERRORS = 50
"""After so many errors a run stops: more would not be read."""


WARNINGS = {
    "deprecated": "what is used is marked as @deprecated",
    "duplicate-entry": "an entry of a table that an earlier one hides",
    "duplicate-priorities": "entries of a table that have one priority",
    "entries-out-of-priority-order": "an entry of a table behind one of lower priority",
    "ignored": "a construct without effect here",
    "ignored-result": "a call whose result nothing uses",
    "invalid-header": "a header that is read where it is not valid",
    "overflow": "a constant that does not fit its type",
    "shadow": "a name that hides another one",
    "statement": "a switch whose last label has no block",
    "uninitialized": "a variable that is read where nothing was assigned to it",
    "table-size": "more entries than the table's size",
    "unknown-annotation": "an annotation that nobody knows",
    "unknown-property": "a table property that nobody knows",
    "unreachable": "a statement, state or case that is never reached",
    "unused": "a name that nothing uses",
}
"""The codes of warnings, which `-Wno-CODE` and `@noWarn("CODE")` silence."""


class Severity(Enum):
    """How bad a diagnostic is."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@record
class Diagnostic:
    """One message.  `code` is a stable kebab-case word such as `type-error` or `unsupported`."""

    code: str
    severity: Severity
    span: Span
    message: str
    hint: str | None = None

    def as_dict(self) -> dict[str, object]:
        """The form of `--diagnostics json`."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "file": self.span.file,
            "line": self.span.line,
            "column": self.span.column,
            "end_line": self.span.end_line,
            "end_column": self.span.end_column,
            "message": self.message,
            "hint": self.hint,
        }

    def render(self, sources: SourceMap | None = None) -> str:
        """`file:line:column: error: message`, the source line, a caret below it, and the hint."""
        if self.span.line <= 0:
            place = f"{self.span.file}: " if self.span is not NO_SPAN else ""
            lines = [f"{place}{self.severity.value}: {self.message} [{self.code}]"]
        else:
            lines = [f"{self.span}: {self.severity.value}: {self.message} [{self.code}]"]
            text = sources.line(self.span.file, self.span.line) if sources is not None else None
            if text is not None:
                lines += _excerpt(text, self.span)
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)


_EXCERPT_WIDTH = 160


def _excerpt(text: str, span: Span) -> list[str]:
    """The source line and the marker line under it; a very long line is cut around the span."""
    start = min(span.column - 1, len(text))
    stop = span.end_column - 1 if span.end_line == span.line else len(text)
    stop = max(start + 1, min(stop, len(text)))
    if len(text) > _EXCERPT_WIDTH:
        cut = max(0, start - _EXCERPT_WIDTH // 3)
        text, start, stop = text[cut : cut + _EXCERPT_WIDTH], start - cut, stop - cut
        stop = max(start + 1, min(stop, len(text)))
    visible = "".join(char if char.isprintable() or char == "\t" else "?" for char in text)
    lead = "".join("\t" if char == "\t" else " " for char in visible[:start])
    return [f"  {visible}".rstrip(), f"  {lead}^{'~' * (stop - start - 1)}"]


class CompileError(Exception):
    """The input was refused.  `diagnostics` holds all messages of the run, at least one an error."""

    def __init__(self, diagnostics: Iterable[Diagnostic], sources: SourceMap | None = None) -> None:
        self.diagnostics = list(diagnostics)
        self.sources = sources
        super().__init__(self.render())

    def render(self) -> str:
        """All messages as text, in source order of their discovery."""
        return "\n".join(diagnostic.render(self.sources) for diagnostic in self.diagnostics)


@record(frozen=False)
class Diagnostics:
    """Collects the messages of one run.  An exact repetition is dropped."""

    sources: SourceMap = field(default_factory=SourceMap)
    items: list[Diagnostic] = field(default_factory=list)
    warnings_are_errors: bool = False
    off: frozenset[str] = frozenset()
    """Codes of warnings that are not wanted."""
    errors: int = 0
    _silent: list[tuple[Span, frozenset[str]]] = field(default_factory=list)

    def error(self, code: str, span: Span, message: str, hint: str | None = None) -> None:
        """Report an error; raises `CompileError` when there are too many."""
        self._add(Diagnostic(code, Severity.ERROR, span, message, hint))

    def warning(self, code: str, span: Span, message: str, hint: str | None = None) -> None:
        """Report a warning (an error under -Werror), unless it was silenced there."""
        if code in self.off or any(
            where.covers(span) and (not codes or code in codes) for where, codes in self._silent
        ):
            return
        severity = Severity.ERROR if self.warnings_are_errors else Severity.WARNING
        self._add(Diagnostic(code, severity, span, message, hint))

    def silence(self, span: Span, codes: Iterable[str]) -> None:
        """Drop the warnings of these codes (of all, if none is given) about what lies inside `span`."""
        self._silent.append((span, frozenset(codes)))

    def fatal(self, code: str, span: Span, message: str, hint: str | None = None) -> NoReturn:
        """Report an error after which the stage cannot go on."""
        self._add(Diagnostic(code, Severity.ERROR, span, message, hint))
        raise CompileError(self.items, self.sources)

    def unsupported(self, span: Span, construct: str, hint: str | None = None) -> None:
        """Report valid P4 that this compiler does not implement."""
        self.error("unsupported", span, f"{construct} not supported", hint)

    def check(self) -> None:
        """Raise `CompileError` when an error was reported."""
        if self.errors:
            raise CompileError(self.items, self.sources)

    def _add(self, diagnostic: Diagnostic) -> None:
        if diagnostic in self.items:
            return
        self.items.append(diagnostic)
        if diagnostic.severity is Severity.ERROR:
            self.errors += 1
            if self.errors >= MAX_ERRORS:
                note = f"too many errors, stopping after {MAX_ERRORS}"
                self.items.append(Diagnostic("too-many-errors", Severity.NOTE, diagnostic.span, note))
                raise CompileError(self.items, self.sources)
