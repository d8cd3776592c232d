# SPDX-License-Identifier: Apache-2.0
"""p4rt-compile: P4_16 to the object that a switch loads."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p4rt.cli.command import (
    CONTEXT,
    EXIT_INTERNAL,
    EXIT_REFUSED,
    ExamplesCommand,
    finish,
    tell,
    version_option,
)

if TYPE_CHECKING:
    from p4rt.compiler.diagnostics import Diagnostic
    from p4rt.compiler.driver import Options, Translation
    from p4rt.compiler.source import SourceMap

_EXAMPLES = """
p4rt-compile router.p4                           writes router.o into the current folder
p4rt-compile router.p4 -o build/r.o --p4info build/r.p4info.txt
p4rt-compile router.p4 --emit c                  the C in between, on stdout
p4rt-compile acl.p4 --emit entries -o acl.json   entries in the source, as a P4Runtime WriteRequest
p4rt-compile router.p4 --emit dot | dot -Tsvg -o router.svg   a picture, by Graphviz
p4rt-compile -I lib -D PORTS=8 -Werror router.p4
p4rt-compile --diagnostics json router.p4        messages as one JSON array on stderr
"""
_EMIT = ("o", "c", "ir", "asm", "p4info", "entries", "dot")


@click.command(cls=ExamplesCommand, context_settings=CONTEXT, examples=_EXAMPLES)
@click.argument("file", metavar="FILE.p4")
@click.option("-o", "--output", metavar="FILE", help="Where to write; '-' for stdout.")
@click.option("--emit", type=click.Choice(_EMIT), default="o", show_default=True,
              help="What to write: the object, or a stage on the way (to stdout without -o).")  # fmt: skip
@click.option(
    "--p4info",
    "p4info_file",
    metavar="FILE",
    help="Also write the P4Info: text, binary if FILE ends in .bin or .pb, JSON if in .json.",
)
@click.option("-I", "include", multiple=True, metavar="DIR", help="Where to look for included files.")
@click.option("-D", "define", multiple=True, metavar="NAME[=VALUE]", help="Define a macro.")
@click.option("--extern", multiple=True, metavar="FILE.c", help="C that defines externs of the program.")
@click.option("-W", "warnings", multiple=True, metavar="error|no-CODE",
              help="Make errors of warnings (-Werror); leave out those of a code (-Wno-unused).")  # fmt: skip
@click.option("--diagnostics", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="Form of messages on stderr.")  # fmt: skip
@click.option("--disable-pass", "disabled", multiple=True, metavar="NAME", hidden=True,
              help="Leave an optimisation out.")  # fmt: skip
@click.option("--debug", is_flag=True, help="Show the traceback of an internal compiler error.")
@version_option
def compile_command(
    file: str, output: str | None, emit: str, p4info_file: str | None, include: tuple[str, ...],
    define: tuple[str, ...], extern: tuple[str, ...], warnings: tuple[str, ...], diagnostics: str,
    disabled: tuple[str, ...], debug: bool,
) -> int:  # fmt: skip
    """Compile a P4_16 program for Open vSwitch."""
    from p4rt.compiler.diagnostics import CompileError
    from p4rt.compiler.driver import Options, passes

    _check_outputs(file, output, p4info_file)
    if disabled:
        _check_passes(disabled, [item.name for item in passes() if not item.needed])
    fatal, off = _wanted(warnings)
    options = Options(include, define, fatal, extern, frozenset(disabled), off)
    try:
        return _compile(file, options, emit, output, p4info_file, diagnostics)
    except CompileError as error:
        _report(error.diagnostics, diagnostics, error.sources)
        return EXIT_REFUSED
    except (BrokenPipeError, KeyboardInterrupt):
        raise
    except Exception as error:
        return _failed(error, debug)


def _wanted(warnings: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    """What `-W` says: are warnings errors, and which are left out?"""
    from p4rt.compiler.diagnostics import WARNINGS

    off: list[str] = []
    for item in warnings:
        code = item.removeprefix("no-")
        if item != "error" and (code == item or code not in WARNINGS):
            raise click.UsageError(f"-W{item} is neither -Werror nor -Wno-CODE ({', '.join(WARNINGS)})")
        off += [code] if code != item else []
    return "error" in warnings, tuple(off)


def _check_outputs(file: str, output: str | None, p4info_file: str | None) -> None:
    """Refuse to write over the source, or one result over the other."""
    outputs = [name for name in (output, p4info_file) if name is not None and name != "-"]
    if any(_same(file, name) for name in outputs):
        raise click.UsageError(f"{file} is the source; give the output another name")
    if len(outputs) == 2 and _same(*outputs) and outputs[0] != os.devnull:
        raise click.UsageError(f"-o and --p4info are both {outputs[0]}")


def _check_passes(names: tuple[str, ...], known: list[str]) -> None:
    """Refuse passes that are not there, or not to be left out."""
    unknown = [name for name in names if name not in known]
    if unknown:
        there = ", ".join(sorted(set(known)))
        raise click.UsageError(f"no pass '{unknown[0]}' to leave out; there are {there}")


def _same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return os.path.abspath(one) == os.path.abspath(other)


def _compile(
    file: str, options: Options, emit: str, output: str | None, p4info_file: str | None, form: str
) -> int:
    from p4rt.compiler import driver

    diagnostics = driver.diagnostics_for(options)
    checked = driver.check(file, options, diagnostics)
    if emit == "dot":
        from p4rt.compiler.backend.graphs import draw

        written = draw(checked, Path(file).stem).encode()
    if emit != "dot" or p4info_file is not None:
        if emit == "o":
            translation, written = driver.compile_checked(checked, options, diagnostics)
        else:
            translation = driver.translate(checked, options)
            written = written if emit == "dot" else _stage(translation, emit, output)
    if form == "json" or diagnostics.items:
        _report(diagnostics.items, form, diagnostics.sources)
    if p4info_file is not None:
        from p4rt.compiler.backend.p4_messages import encode

        _write(p4info_file, encode(translation.p4info, p4info_file))
    if output is None:
        output = f"{Path(file).stem}.o" if emit == "o" else "-"
    _write(output, written)
    return 0


def _stage(translation: Translation, emit: str, output: str | None) -> bytes:
    """What `--emit` asks for but for the object, in the form that the name of the output asks for."""
    from p4rt.compiler.backend.p4_messages import encode

    match emit:
        case "c":
            return translation.c_source.encode()
        case "ir":
            from p4rt.compiler.backend.show_ir import show_ir

            return show_ir(translation.program).encode()
        case "asm":
            from p4rt.compiler.backend.object_file import assemble

            return assemble(translation.c_source, translation.program.given).encode()
        case "p4info":
            return encode(translation.p4info, output)
        case _:
            return encode(translation.entries(), output)


def _report(items: list[Diagnostic], form: str, sources: SourceMap | None) -> None:
    """Write messages to stderr."""
    if form == "json":
        click.echo(json.dumps([item.as_dict() for item in items], indent=2), err=True)
    elif items:
        click.echo("\n".join(item.render(sources) for item in items), err=True)


def _failed(error: Exception, debug: bool) -> int:
    """What is not the program's fault."""
    from p4rt.compiler.backend.clang import ToolError

    if isinstance(error, OSError):
        tell("p4rt-compile", f"{error.filename or 'cannot write'}: {error.strerror or error}")
        return EXIT_REFUSED
    if isinstance(error, ToolError) and error.expected:
        tell("p4rt-compile", str(error))
        return EXIT_REFUSED
    if debug:
        traceback.print_exception(error)
    first = (str(error).strip().splitlines() or [""])[0]
    click.echo(
        f"p4rt-compile: internal compiler error: {type(error).__name__}: {first}; please report it"
        + ("" if debug else " (--debug shows more)"),
        err=True,
    )
    return EXIT_INTERNAL


def _write(path: str, data: bytes) -> None:
    """Write a file, `-` for stdout; an OSError names it."""
    write: Callable[[bytes], object]
    if path == "-":
        path = "stdout"
        write = _write_stdout
    elif os.path.exists(path) and not os.path.isfile(path):
        write = Path(path).write_bytes
    else:
        write = partial(_write_whole, Path(path))
    try:
        write(data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def _write_stdout(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def _write_whole(target: Path, data: bytes) -> None:
    """Write a file in one step: no reader ever sees half of it."""
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def main() -> None:
    """Entry point of the command."""
    gc.set_threshold(100_000, 20, 20)  # Much is made here, and little of it is garbage.
    finish(compile_command, "p4rt-compile")
