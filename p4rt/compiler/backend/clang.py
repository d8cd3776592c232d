# SPDX-License-Identifier: Apache-2.0
"""clang, and what it has to say."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from p4rt.compiler import tools
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.emit_c import templates_folder

_CLANG = ("clang-19", "clang")
_FLAGS = (
    "-target", "bpf", "-mcpu=v3", "-O2", "-std=gnu11", "-Wall", "-Werror",
    "-Wno-tautological-compare",                        # P4 may compare what never differs.
    "-gdwarf-4", "-gline-tables-only",                  # For the line table; stripped afterwards.
    "-ffreestanding", "-fno-builtin", "-nostdlibinc",   # There is no C library.
    "-fno-jump-tables",                                 # Nor data that switches could become.
    "-fbracket-depth=8192",                             # Long sums nest deeply.
    "-mllvm", "-bpf-stack-size=4096",
)  # fmt: skip
_TOO_LARGE = {
    "BPF stack limit": "its variables do not fit the stack of 4096 bytes",
    "out of range": "a jump in it is longer than 32,767 instructions",
    "out of insn range": "a jump in it is longer than 32,767 instructions",
}
"""What clang says of programs that are beyond the target, and what that means to the user."""


class ToolError(Exception):
    """A tool is missing or refused; the message is for the user.

    `expected`: this can happen to a correct compiler, for want of a tool or because of the program's size.
    """

    def __init__(self, message: str, *, expected: bool = False) -> None:
        super().__init__(message)
        self.expected = expected


class CError(ToolError):
    """The C that the user gives was refused; `problems` are file, line, column and message of each."""

    def __init__(self, problems: Sequence[tuple[str, int, int, str]]) -> None:
        super().__init__("; ".join(problem[3] for problem in problems), expected=True)
        self.problems = problems


class Clang:
    """A run of clang.  It takes a while to load, and is best started before the C is there.

    `options` say what to make of the C; `given` is what the user gives in C.

    Raises:
        ToolError: it is missing.
    """

    def __init__(self, options: Sequence[str], given: ir.GivenInC | None = None) -> None:
        self._given = given
        folders = given.folders if given is not None and given.files else ()
        includes = [part for folder in folders for part in ("-I", str(Path(folder).resolve()))]
        command = [_clang(), *_FLAGS, *options, "-I", str(templates_folder()), *includes]
        # Not where the user is, whose headers may have the names of ours.
        self._running = tools.start([*command, "-x", "c", "-o", "-", "-"], folder=Path("/"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        tools.end(self._running)

    def compile(self, c_source: str, meanwhile: Callable[[], object] | None = None) -> bytes:
        """What clang makes of the C; `meanwhile` is called once it has got it.

        Raises:
            ToolError: it failed.
            CError: the C of `given` is wrong.
        """
        done = tools.finish(self._running, c_source.encode(), meanwhile=meanwhile)
        if done.returncode:
            raise self._failure(done)
        return done.stdout

    def _failure(self, done: subprocess.CompletedProcess[bytes]) -> ToolError:
        output = done.stderr.decode(errors="replace")
        given = self._given
        problems = list(_problems(output, given)) if given is not None and given.files else []
        if problems:
            return CError(problems)
        for sign, meaning in _TOO_LARGE.items():
            if sign in output:
                return ToolError(f"the program is too large: {meaning}", expected=True)
        return ToolError(f"clang failed: {output.strip()}")


def _clang() -> str:
    for name in _CLANG:
        found = shutil.which(name)
        if found is not None:
            return found
    raise ToolError(f"{_CLANG[0]} was not found: install the Debian package {_CLANG[0]}", expected=True)


_OWN = ("<stdin>", "generated")
"""What clang calls the C that is not the user's."""
_PLACE = re.compile(r"^(?P<file>[^\n:]+):(?P<line>\d+):(?P<column>\d+): (fatal )?error: (?P<text>.*)$", re.M)
_UNDEFINED = re.compile(r"function '(\w+)' has internal linkage but is not defined")
_OPTION = re.compile(r" \[-W[^]]*\]$")


def _problems(output: str, given: ir.GivenInC) -> Iterator[tuple[str, int, int, str]]:
    """What clang says of the C that the user gives, files named as the user did.

    What it says of the compiler's own C behind that is most likely for something that is not closed.
    """
    if any(sign in output for sign in _TOO_LARGE):
        return
    names = {str(Path(file).resolve()): file for file in given.files}
    own: str | None = None
    count = 0
    for match in _PLACE.finditer(output):
        text = _OPTION.sub("", match["text"])
        undefined = _UNDEFINED.search(text)
        if undefined is not None:
            text = f"no C file defines the function '{undefined[1]}'"
        if match["file"] in _OWN:
            own = own or text
        else:
            count += 1
            yield names.get(match["file"], match["file"]), int(match["line"]), int(match["column"]), text
    if not count and own is not None:
        yield given.files[-1], 0, 0, f"the program cannot be compiled behind this C: {own}"
