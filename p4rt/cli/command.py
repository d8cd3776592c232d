# SPDX-License-Identifier: Apache-2.0
"""What all commands share: how they end, how they report, and their common options.

Exit status: 0 done, 1 the input or the switch said no, 2 usage.  Results go to stdout, messages
to stderr.  Nobody sees a traceback, except with $P4RT_DEBUG set.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

import click

from p4rt import __version__
from p4rt.runtime.errors import InputError, P4rtError
from p4rt.runtime.limits import DEFAULT_TIMEOUT, OBJECT_MAX

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

_LONGEST_SECONDS = 1_000_000

TIMEOUT_HELP = f"Longest silence of the switch to accept ({DEFAULT_TIMEOUT:g}; 0: any)."

EXIT_REFUSED = 1
EXIT_USAGE = 2
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130

MAX_TEXT_BYTES = 256 << 20
"""The most that is read of a text file, or of a script or the entries of some millions."""

_MESSAGE_MAX = 4000  # Characters; a verifier's log with source lines fits.
_CONTROL = re.compile(r"[^\n -~\u00a0-\U0010ffff]")


class ExamplesCommand(click.Command):
    """A command whose help ends with examples, shown as they are written."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(f"{' ' * formatter.current_indent}{line}\n")


class ExamplesGroup(click.Group):
    """A command with verbs, in the order of their definition, and examples."""

    command_class = ExamplesCommand

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    format_epilog = ExamplesCommand.format_epilog

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of their definition."""
        return list(self.commands)


def version_option(f: F) -> F:
    """Adds --version."""
    return click.version_option(__version__, "-V", "--version", message="%(prog)s %(version)s")(f)


def seconds(text: str) -> float:
    """Reads a time-out, from 0 on; infinity and "not a number" are none."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= _LONGEST_SECONDS:
        raise click.BadParameter(f"{text!r} is not a number of seconds from 0 to {_LONGEST_SECONDS}.")
    return value


def finish(command: click.Command, name: str) -> NoReturn:
    """Runs `command` as the program `name` and exits with its status."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # So it was while modules were loaded.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.stdout is None:  # Closed.  What is written shall fail, as it does on a full disk.
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.exit(_run(command, name))


def tell(name: str, message: str) -> None:
    """Writes a message of the command `name` to stderr: what came from elsewhere cannot make it
    endless, nor command the terminal."""
    if len(message) > _MESSAGE_MAX:
        message = f"{message[: _MESSAGE_MAX - 300]} ... {message[-200:]}"
    click.echo(f"{name}: {_CONTROL.sub(lambda c: ascii(c[0])[1:-1], message)}", err=True)


def _run(command: click.Command, name: str) -> int:
    stdout = sys.stdout
    try:
        status = command.main(prog_name=name, standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.ClickException as e:
        e.show()
        return e.exit_code
    except (click.Abort, KeyboardInterrupt):
        return EXIT_INTERRUPTED
    except SystemExit:
        # The reader has seen enough: click puts another stdout in place and exits.
        if sys.stdout is stdout:
            raise
        _abandon_stdout()
        return 0
    except BrokenPipeError:
        _abandon_stdout()
        return 0
    except P4rtError as e:
        tell(name, str(e))
        return EXIT_REFUSED
    except OSError as e:
        _abandon_stdout()
        tell(name, f"{e.filename or 'cannot write the result'}: {e.strerror or e}")
        if os.environ.get("P4RT_DEBUG"):
            traceback.print_exception(e)
        return EXIT_REFUSED
    except Exception as e:
        return _unexpected(e, name)


def _abandon_stdout() -> None:
    """Keeps the interpreter from complaining, at its exit, of what it cannot write."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _unexpected(error: Exception, name: str) -> int:
    """Reports what no code of ours foresaw, or what the compiler says."""
    from p4rt.compiler.diagnostics import CompileError

    if isinstance(error, CompileError):
        click.echo(error.render(), err=True)
        return EXIT_REFUSED
    if os.environ.get("P4RT_DEBUG"):
        traceback.print_exception(error)
    first = (str(error).strip().splitlines() or [""])[0]
    tell(name, f"internal error: {type(error).__name__}: {first}; please report it")
    return EXIT_INTERNAL


def read_file(path: str, most: int) -> bytes:
    """Reads a file the user named, `-` for stdin, of at most `most` bytes; InputError says why it
    cannot be read."""
    try:
        if path == "-":
            if sys.stdin is None:
                raise InputError("-: stdin is closed")
            data = sys.stdin.buffer.read(most + 1)
        else:
            with open(path, "rb") as stream:
                data = stream.read(most + 1)
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) and e.strerror else str(e)
        raise InputError(f"{path}: {reason}") from None
    if len(data) > most:
        raise InputError(f"{path}: too large: the most is {most >> 20} MiB")
    return data


def read_lines(path: str) -> list[str]:
    """Reads a text file the user named, `-` for stdin, as lines."""
    try:
        return read_file(path, MAX_TEXT_BYTES).decode("utf-8").splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file") from None


def read_program(
    path: str, include: Sequence[str] = (), define: Sequence[str] = (), extern: Sequence[str] = ()
) -> bytes:
    """The object that `path` is or, for a P4 source, compiles to; `extern` are C files with its externs.

    Warnings of the compiler go to stderr; its errors are raised."""
    data = read_file(path, OBJECT_MAX)
    if data.startswith(b"\x7fELF") or path.endswith(".o"):
        return data
    if path == "-" or not path.endswith(".p4"):
        raise InputError(f"{path}: neither a P4 source (FILE.p4) nor an ELF object")
    from p4rt.compiler.backend.clang import ToolError
    from p4rt.compiler.driver import Options, compile_file

    options = Options(include=tuple(include), define=tuple(define), extern=tuple(extern))
    try:
        result = compile_file(path, options)
    except ToolError as e:
        if not e.expected:
            raise
        raise InputError(f"cannot compile {path}: {e}") from None
    for diagnostic in result.diagnostics:
        click.echo(diagnostic.render(), err=True)
    return result.object


def print_json(value: Any) -> None:
    """Writes `value` to stdout as JSON text."""
    click.echo(json.dumps(value, indent=2))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Writes aligned columns; on a terminal, as a table with a header that stands out."""
    text = [[str(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        import rich
        from rich.table import Table

        table = Table(*headers, box=None, pad_edge=False)
        for row in text:
            table.add_row(*row)
        rich.print(table)
        return
    widths = [max(len(c) for c in column) for column in zip(headers, *text, strict=True)]
    for row in [list(headers), *text]:
        click.echo("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())
