# SPDX-License-Identifier: Apache-2.0
"""The compiler's whole story: from a P4 file to the object that a switch loads.

    source text
      -> preprocess   #include, #define, #if, as C does                frontend/preprocessor.py
      -> parse        tokens and grammar of P4_16, to the AST           frontend/parser.py
      -> check        names, types, constants; what each call calls     analysis/
      -> lower        everything inlined, to the target IR              midend/lower.py
      -> passes       PASSES below, each with its reason                midend/
      -> emit         the target IR spelled in C by templates           backend/emit_c.py
      -> build        clang, line table, the sections of abi.h          backend/object_file.py

Imports of the stages are inside the functions: a command that only prints its usage loads none of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p4rt.compiler.diagnostics import CompileError, Diagnostic, Diagnostics
from p4rt.compiler.records import record
from p4rt.compiler.source import Span

if TYPE_CHECKING:
    from p4rt.compiler.analysis.model import CheckedProgram
    from p4rt.compiler.backend import ir
    from p4rt.compiler.backend.clang import Clang
    from p4rt.compiler.midend.home import Home
    from p4rt.compiler.midend.split_shapes import Deparsing


@record
class Options:
    """What the user may choose.

    `include` are folders, `define` are NAME or NAME=VALUE, `extern` C files, `off` codes of warnings that are
    not wanted.
    """

    include: tuple[str, ...] = ()
    define: tuple[str, ...] = ()
    warnings_are_errors: bool = False
    extern: tuple[str, ...] = ()
    disabled_passes: frozenset[str] = frozenset()
    off: tuple[str, ...] = ()


@record
class Pass:
    """A pass over the target IR; one that is not `needed` only makes the code better."""

    name: str
    run: Callable[[ir.Block], ir.Block]
    needed: bool = False


@record
class Translation:
    """A program in C, and what the control plane needs to know; `p4info` is a p4.config.v1.P4Info message."""

    program: ir.Program
    c_source: str
    info: dict[str, Any]
    make_p4info: Callable[[], Any]
    entries: Callable[[], Any]
    """Makes a p4.v1.WriteRequest of the entries that the source gives tables."""

    @cached_property
    def p4info(self) -> Any:
        """Made when it is first asked for: it takes a while, in which clang may run already."""
        return self.make_p4info()


@record
class Result:
    """A finished compilation; `diagnostics` holds warnings only."""

    object: bytes
    c_source: str
    info: dict[str, Any]
    p4info: Any
    diagnostics: list[Diagnostic]


def compile_file(path: str | Path, options: Options | None = None) -> Result:
    """Compile a P4 file.

    Raises:
        CompileError: the program was refused, or clang is missing; it carries every message of the run.
    """
    options = options or Options()
    diagnostics = diagnostics_for(options)
    translation, made = compile_checked(check(str(path), options, diagnostics), options, diagnostics)
    return Result(made, translation.c_source, translation.info, translation.p4info, diagnostics.items)


def diagnostics_for(options: Options) -> Diagnostics:
    """Where the messages of a run are collected."""
    return Diagnostics(warnings_are_errors=options.warnings_are_errors, off=frozenset(options.off))


def check(path: str, options: Options, diagnostics: Diagnostics) -> CheckedProgram:
    """Front end and analysis: all that can be wrong with a program in itself."""
    from p4rt.compiler.analysis.checker import check_program
    from p4rt.compiler.frontend.parser import parse_file

    for file in options.extern:
        if not Path(file).is_file():
            diagnostics.fatal("input", Span(file, 0, 0, 0, 0), "no such file")
    program = parse_file(path, diagnostics, options.include, options.define)
    return check_program(program, diagnostics)


def passes(
    homes: tuple[Home, ...] = (), maps: Sequence[ir.Map] = (), deparsing: Deparsing | None = None
) -> tuple[Pass, ...]:
    """The passes over the target IR, in order.

    `homes` are the headers that may live in the packet; else `deparsing` is what writes it.
    """
    from p4rt.compiler.midend.fold import fold
    from p4rt.compiler.midend.join_stores import join_stores
    from p4rt.compiler.midend.prune import prune
    from p4rt.compiler.midend.reload import reload
    from p4rt.compiler.midend.share_lookups import share_lookups
    from p4rt.compiler.midend.split_access import split_access
    from p4rt.compiler.midend.split_shapes import split_shapes
    from p4rt.compiler.midend.split_wide import split_wide
    from p4rt.compiler.midend.write_through import write_through

    return (
        # While each field shows where in the packet it was extracted.
        Pass("split-shapes", lambda block: split_shapes(block, deparsing)),
        # Early, so that the passes after it do not work on what has no effect, and know the headers' places.
        Pass("fold", fold),
        Pass("share-lookups", share_lookups),  # Before headers' fields are loaded again, which looks new.
        Pass("write-through", lambda block: write_through(block, homes)),
        Pass("fold", fold),  # Again: the validity of headers that are written to.
        Pass("reload", lambda block: reload(block, homes)),
        Pass("prune", prune, needed=True),
        # C has no integers of more than 64 bits here; all that follows may rely on that.
        Pass("split-wide", split_wide, needed=True),
        # Memory has accesses of 1, 2, 4 and 8 bytes only; after split_wide, which makes some.
        Pass("split-access", split_access, needed=True),
        Pass("join-stores", lambda block: join_stores(block, maps)),
        Pass("prune", prune, needed=True),  # Again: words and pieces of which only some are read.
    )


def translate(checked: CheckedProgram, options: Options | None = None) -> Translation:
    """Middle end and emission."""
    from p4rt.compiler.backend import ir
    from p4rt.compiler.backend.emit_c import emit_c
    from p4rt.compiler.backend.identifiers import Identifiers
    from p4rt.compiler.backend.p4_entries import write_request
    from p4rt.compiler.backend.p4info import p4info
    from p4rt.compiler.backend.program_info import program_info
    from p4rt.compiler.midend.lower import lower

    options = options or Options()
    lowered = lower(checked, ir.GivenInC(options.extern, options.include))
    checked.diagnostics.check()
    body = lowered.body
    for item in passes(lowered.homes, lowered.catalog.maps, lowered.deparsing):
        if item.needed or item.name not in options.disabled_passes:
            body = item.run(body)
    catalog = lowered.catalog
    source = Path(checked.diagnostics.sources.main).name
    name = Path(source).stem or "program"
    function = catalog.unique(name)
    program = ir.Program(function, source, tuple(catalog.maps), tuple(catalog.initial), body, lowered.given)
    identifiers = Identifiers(catalog)
    for note, other in identifiers.repeated:
        checked.diagnostics.error("annotation", note.span, f"'{other}' has this @id already")
    checked.diagnostics.check()
    info = program_info(catalog, identifiers, name, source, _model_version(checked))
    message = partial(p4info, catalog, identifiers, name, checked)
    entries = partial(write_request, catalog, identifiers)
    return Translation(program, emit_c(program), info, message, entries)


def compile_checked(
    checked: CheckedProgram, options: Options, diagnostics: Diagnostics
) -> tuple[Translation, bytes]:
    """`translate` and `build`, in less time than one after the other."""
    from p4rt.compiler.backend import ir

    with started_clang(ir.GivenInC(options.extern, options.include), diagnostics) as clang:
        translation = translate(checked, options)
        return translation, build(translation, diagnostics, clang)


def build(translation: Translation, diagnostics: Diagnostics, clang: Clang | None = None) -> bytes:
    """C to the finished object, by a clang that was started for it."""
    from p4rt.compiler.backend.object_file import Sections, build_object
    from p4rt.compiler.backend.p4info import p4info_bytes

    program = translation.program

    def describe() -> Sections:
        info = json.dumps(translation.info, separators=(",", ":"), ensure_ascii=False).encode()
        return Sections(info, p4info_bytes(translation.p4info), program.initial)

    if clang is not None:
        return build_object(translation.c_source, program.source, describe, clang)
    with started_clang(program.given, diagnostics) as clang:
        return build_object(translation.c_source, program.source, describe, clang)


@contextmanager
def started_clang(given: ir.GivenInC, diagnostics: Diagnostics) -> Iterator[Clang]:
    """A clang to make an object; what it refuses becomes a `CompileError`."""
    from p4rt.compiler.backend.clang import CError, Clang, ToolError
    from p4rt.compiler.backend.object_file import OBJECT

    try:
        with Clang(OBJECT, given) as clang:
            yield clang
    except CError as error:
        report(error.problems, diagnostics)
        raise CompileError(diagnostics.items, diagnostics.sources) from None
    except ToolError as error:
        if not error.expected:
            raise
        diagnostics.fatal("build", Span(diagnostics.sources.main, 0, 0, 0, 0), str(error))


def report(problems: Sequence[tuple[str, int, int, str]], diagnostics: Diagnostics) -> None:
    """Report what is wrong with C that the user gives."""
    for file, line, column, text in problems:
        diagnostics.error("extern", Span(file, line, column, line, column + 1), text)


def _model_version(checked: CheckedProgram) -> int:
    """The constant by which ubpf_model.p4 tells its version."""
    from p4rt.compiler.frontend import ast

    decl = checked.globals.get("__ubpf_model_version")
    value = checked.const_value(decl.value) if isinstance(decl, ast.ConstDecl) else None
    return value if isinstance(value, int) else 0
