# SPDX-License-Identifier: Apache-2.0
"""Many small programs compiled at once, by the compiler's own stages.

What costs most for a small program is not it: the preprocessor and clang start, and core.p4 and the
model are parsed.  Here that is done once for a batch.  Each program still goes through the parser, the
checker, the lowering, all passes and the templates, and clang compiles its text; only that the texts are in
one translation unit, with sections of their own, and that `split` makes an object of each.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from p4rt.compiler import driver
from p4rt.compiler.analysis.checker import check_program
from p4rt.compiler.analysis.model import CheckedProgram
from p4rt.compiler.backend.clang import Clang, ToolError
from p4rt.compiler.backend.object_file import ABI_VERSION, init_record
from p4rt.compiler.diagnostics import CompileError, Diagnostics
from p4rt.compiler.frontend import ast, lalr, lexer, preprocessor
from p4rt.compiler.frontend.token_stream import TokenStream
from p4rt.compiler.source import SourceFile

from .split import Part, split


def includes(externs: bool, reasons: bool, old: bool) -> str:
    """What a random program begins with."""
    first = "#define UBPF_PARSER_ERRORS\n" if reasons else ""
    first += "#define UBPF_MODEL_VERSION 20200304\n" if old else ""
    return f"{first}#include <{'ubpf_externs' if externs else 'ubpf_model'}.p4>\n"


@dataclass(frozen=True)
class Compiled:
    """A program on its way: checked, translated, and its object."""

    program: CheckedProgram
    info: dict[str, Any]
    object: bytes


DEFAULT = driver.Options()


def compile_one(path: Path, options: driver.Options = DEFAULT) -> Compiled:
    """The program in a file, as p4rt-compile does it."""
    diagnostics = Diagnostics()
    program = driver.check(str(path), options, diagnostics)
    translation = driver.translate(program, options)
    return Compiled(program, translation.info, driver.build(translation, diagnostics))


def compile_all(
    paths: Sequence[Path], options: Sequence[driver.Options] = ()
) -> list[Compiled | CompileError | str]:
    """The programs in files, whose directives are all in their first lines; of options only passes count.

    In place of one that is not compiled is why it was refused, or, as text, how the compiler failed.
    """
    results: list[Compiled | CompileError | str | None] = [None] * len(paths)
    ready: list[tuple[int, CheckedProgram, driver.Translation]] = []
    fronts: dict[str, Front] = {}
    for index, path in enumerate(paths):
        begin = "".join(line + "\n" for line in path.read_text().split("\n") if line.startswith("#"))
        if begin not in fronts:
            fronts[begin] = Front(begin)
        try:
            program = fronts[begin].check(path)
            chosen = options[index] if options else DEFAULT
            ready.append((index, program, driver.translate(program, chosen)))
        except CompileError as error:
            results[index] = error
        except Exception:  # What the compiler fails on is one program's problem.
            results[index] = traceback.format_exc()
    for (index, program, translation), made in zip(ready, _build([x for *_, x in ready]), strict=True):
        results[index] = made if isinstance(made, str) else Compiled(program, translation.info, made)
    return cast("list[Compiled | CompileError | str]", results)


# ---- To the checked program


class _End(Exception):
    """The tokens of the included files are used up."""


class _Prefix(TokenStream):
    def token(self) -> lexer.Token | None:
        if self.position == len(self.tokens):
            raise _End
        return super().token()


class Front:
    """The front end, with the state that it has behind what programs begin with."""

    def __init__(self, begin: str) -> None:
        self._begin = begin
        diagnostics = Diagnostics()
        text = preprocessor.preprocess_text(begin, "<includes>", diagnostics)
        self._stream = _Prefix(lexer.tokenize(text, diagnostics))
        self._engine = lalr.Engine(self._stream)
        with contextlib.suppress(_End):
            self._engine.run(lambda token: None)
        self._files = diagnostics.sources.files

    def check(self, path: Path) -> CheckedProgram:
        """The program in a file; raises CompileError."""
        text = path.read_text()
        body = text.removeprefix(self._begin)
        diagnostics = Diagnostics()
        sources = diagnostics.sources
        sources.main = str(path)
        sources.files.update(self._files)
        sources.files[sources.main] = SourceFile.from_text(sources.main, text)
        first = self._begin.count("\n") + 1
        tokens = lexer.tokenize(f'# {first} "{path}"\n{body}', diagnostics)
        diagnostics.check()
        return check_program(self._parse(tokens, path), diagnostics)

    def _parse(self, tokens: list[lexer.Token], path: Path) -> ast.Program:
        stream = TokenStream([*self._stream.tokens, *tokens])
        stream.position = self._stream.position
        stream.scopes = [dict(scope) for scope in self._stream.scopes]
        stream.last = self._stream.last
        engine = lalr.Engine(stream)
        engine.states = list(self._engine.states)
        engine.values = [list(x) if isinstance(x, list) else x for x in self._engine.values]
        program = engine.run(lambda token: None)
        assert isinstance(program, ast.Program), f"{path}: syntax error at {stream.last}"
        return program


# ---- To the objects


def _build(translations: list[driver.Translation]) -> list[bytes | str]:
    """The objects of programs; one by one where clang refuses them together, or why it refuses one."""
    if not translations:
        return []
    texts = [_with_prefix(translation, f"p{n}_") for n, translation in enumerate(translations)]
    head = _body(translations[0].c_source)[0]
    try:
        with Clang(["-c", "-g0"]) as clang:
            made = clang.compile(head + "\n".join(texts))
    except ToolError:
        return [_build_alone(item) for item in translations]
    parts = split(made, [f"p{n}_" for n in range(len(translations))])
    return [_finish(part, item) for part, item in zip(parts, translations, strict=True)]


def _build_alone(translation: driver.Translation) -> bytes | str:
    try:
        return driver.build(translation, Diagnostics())
    except ToolError as error:
        return str(error)


def _finish(part: Part, translation: driver.Translation) -> bytes:
    initial = b"".join(init_record(entry) for entry in translation.program.initial)
    sections = {
        "ubpf.abi": struct.pack("<I", ABI_VERSION),
        "p4rt.info": json.dumps(translation.info).encode(),
        **({"ubpf.init": initial} if initial else {}),
    }
    return part.object(sections)


def _body(source: str) -> tuple[str, str]:
    """What all programs begin with, and the rest."""
    first = re.search(r"^(struct ubpf_map_def |SECTION\(UBPF_SEC_PROG\))", source, re.M)
    assert first is not None
    return source[: first.start()], source[first.start() :]


def _with_prefix(translation: driver.Translation, prefix: str) -> str:
    """A program's C with sections and global names of its own."""
    program = translation.program
    names = [program.name, *(item.name for item in program.maps)]
    sections = [("UBPF_SEC_PROG", "prog"), ("UBPF_SEC_MAPS", "maps")]
    lines = [f'#undef {macro}\n#define {macro} "{prefix}{name}"' for macro, name in sections]
    lines += [f"#define {name} {prefix}{name}" for name in names]
    lines.append(_body(translation.c_source)[1])
    lines += [f"#undef {name}" for name in names]
    return "\n".join(lines)
