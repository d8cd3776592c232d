# SPDX-License-Identifier: Apache-2.0
"""Runs the C preprocessor over a P4 file (P4_16 section 6.1, 'Preprocessing').

The preprocessor is clang's, in its mode for languages that are not C, so that an apostrophe in disabled
text is no error.  Its line markers stay in the text; the lexer reads them.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from p4rt.compiler import tools
from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.source import SourceFile, Span

INCLUDE_DIR = Path(__file__).resolve().parent.parent / "include"
"""The folder of core.p4 and the architectures; searched after the user's own."""

MAX_SOURCE_BYTES = 8 << 20
"""A larger input is refused."""

_TIMEOUT_SECONDS = 30
_MESSAGE = re.compile(r"^(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<kind>[a-z ]+): (?P<text>.*)$")
_CANDIDATES = ("clang-19", "clang")


def read_source(path: str, diagnostics: Diagnostics) -> str:
    """The text of a file, registered for messages; a bad file is a `CompileError`."""
    place = Span(path, 0, 0, 0, 0)
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        diagnostics.fatal("input", place, f"cannot read: {error.strerror}")
    text = _decode(data, path, diagnostics)
    diagnostics.sources.main = path
    diagnostics.sources.files[path] = SourceFile.from_text(path, text)
    return text


def preprocess_file(
    path: str, diagnostics: Diagnostics, include_dirs: Sequence[str] = (), defines: Sequence[str] = ()
) -> str:
    """The preprocessed text of a file, with line markers.  `defines` are `NAME` or `NAME=VALUE`."""
    read_source(path, diagnostics)
    name = path if path.startswith(("/", "./", "../")) else f"./{path}"
    return _run(path, [name], None, diagnostics, include_dirs, defines)


def preprocess_text(
    text: str,
    name: str,
    diagnostics: Diagnostics,
    include_dirs: Sequence[str] = (),
    defines: Sequence[str] = (),
) -> str:
    """The same for a text that is not in a file; messages call it `name`."""
    diagnostics.sources.main = name
    diagnostics.sources.files[name] = SourceFile.from_text(name, text)
    data = text.encode("utf-8", errors="surrogatepass")
    _decode(data, name, diagnostics)
    return _run(name, ["-"], data, diagnostics, include_dirs, defines)


def _decode(data: bytes, name: str, diagnostics: Diagnostics) -> str:
    """Text of `data`, or a `CompileError` that names the first bad byte."""
    if len(data) > MAX_SOURCE_BYTES:
        limit = MAX_SOURCE_BYTES >> 20
        diagnostics.fatal("input", Span(name, 0, 0, 0, 0), f"file is larger than {limit} MiB")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        line = before.count("\n") + 1
        column = len(before) - (before.rfind("\n") + 1) + 1
        span = Span(name, line, column, line, column + 1)
        diagnostics.fatal("input", span, f"not UTF-8 text: byte 0x{data[error.start]:02x}")
    if "\0" in text:
        before = text[: text.index("\0")]
        line = before.count("\n") + 1
        span = Span(name, line, len(before) - (before.rfind("\n") + 1) + 1, line, 1)
        diagnostics.fatal("input", span, "the file has a zero byte, so it is not P4 source")
    return text


def _run(
    name: str,
    arguments: list[str],
    data: bytes | None,
    diagnostics: Diagnostics,
    include_dirs: Sequence[str],
    defines: Sequence[str],
) -> str:
    """Run clang's preprocessor and turn its complaints into diagnostics."""
    nowhere = Span(name, 0, 0, 0, 0)
    clang = next((found for found in map(shutil.which, _CANDIDATES) if found), None)
    if clang is None:
        diagnostics.fatal("tool", nowhere, "the preprocessor needs clang-19, which is not installed")
    for define in defines:
        if not re.fullmatch(r"[A-Za-z_]\w*(=.*)?", define, re.DOTALL):
            diagnostics.fatal("usage", nowhere, f"-D {define!r} is not NAME or NAME=VALUE")
    command = [clang, "-E", "-undef", "-nostdinc", "-x", "assembler-with-cpp", "-fno-caret-diagnostics"]
    command += ["-fno-color-diagnostics", "-Wno-everything", "-DP4RT=1"]
    command += [f"-D{define}" for define in defines]
    command += [part for folder in [*include_dirs, str(INCLUDE_DIR)] for part in ("-I", folder)]
    try:
        done = tools.run(
            [*command, *arguments], data=data or b"", timeout=_TIMEOUT_SECONDS, meanwhile=_load_later_stages
        )
    except subprocess.TimeoutExpired:
        diagnostics.fatal("preprocessor", nowhere, "preprocessing took too long")
    except (OSError, ValueError) as error:
        diagnostics.fatal("tool", nowhere, f"cannot run the preprocessor: {error}")
    if done.returncode != 0:
        _report(done.stderr.decode("utf-8", errors="replace"), name, diagnostics)
        if not diagnostics.errors:
            diagnostics.fatal("preprocessor", nowhere, f"the preprocessor failed ({done.returncode})")
        diagnostics.check()
    return _decode(done.stdout, name, diagnostics)


def _load_later_stages() -> None:
    """Import what is needed next: that takes as long as the preprocessor does."""
    import p4rt.compiler.analysis.checker
    import p4rt.compiler.midend.lower  # noqa: F401


def _report(stderr: str, name: str, diagnostics: Diagnostics) -> None:
    """Report the errors among clang's messages."""
    for text in stderr.splitlines():
        found = _MESSAGE.match(text)
        if found is None or "error" not in found["kind"]:
            continue
        line, column = int(found["line"]), int(found["column"])
        file = clean_name(found["file"], name)
        message = found["text"].strip('"')
        missing = re.fullmatch(r"'(.*)' file not found.*", message)
        hint = None
        if missing:
            message = f"included file '{missing[1]}' not found"
            hint = "-I DIR adds a folder to search"
        diagnostics.error("preprocessor", Span(file, line, column, line, column + 1), message, hint)


def clean_name(file: str, main: str) -> str:
    """The name of a file as the user wrote it: the preprocessor's leading './' is dropped."""
    if file == "<stdin>":
        return main
    return file if main.startswith("./") or not file.startswith("./") else file[2:]
