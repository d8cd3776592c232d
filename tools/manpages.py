#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a man page for each command into docs/man/, from what the command itself knows.

    tools/manpages.py            writes docs/man/*.1
    tools/manpages.py --check    exit status 1, and their names, when any is not up to date
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from p4rt import __version__

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "man"
COMMANDS = {
    "p4rt-compile": ("p4rt.cli.compile", "compile_command", "compile a P4 program for Open vSwitch"),
    "p4rt-inject": ("p4rt.cli.inject", "inject", "load P4 programs into a bridge of Open vSwitch"),
    "p4rt-ctl": ("p4rt.cli.ctl", "ctl", "manage tables, counters, meters, registers of a P4 program"),
    "p4rt-run": ("p4rt.cli.run", "run", "run packets through a P4 program without a switch"),
    "p4rt-sandbox": ("p4rt.cli.sandbox", "sandbox", "run a private Open vSwitch that knows P4 programs"),
}
STATUS = (
    ("0", "Done."),
    ("1", "The input or the switch said no; a line on stderr says why."),
    ("2", "Wrong usage."),
    ("70", "A failure that nobody foresaw; please report it."),
    ("130", "Interrupted."),
)
COMPILED = ("compile", "inject", "run")
ENVIRONMENT = (
    ("OVS_RUNDIR", "Folder of the sockets of bridges.", ("inject", "ctl")),
    ("P4RT_SANDBOX_DIR", "Folder of the sandbox.", ("sandbox",)),
    ("P4RT_OVS_PREFIX", "Installation of Open vSwitch to run.", ("sandbox",)),
    ("UBPF_LIBRARY", "The libubpf to use, a path.", ("run",)),
    ("TMPDIR", "Folder for temporary files.", COMPILED),
    ("P4RT_DEBUG", "When set, a failure that nobody foresaw shows a traceback.",
     ("compile", "inject", "ctl", "run", "sandbox")),
)  # fmt: skip


def escaped(text: str) -> str:
    """`text` as roff shows it: backslashes, hyphens and leading dots are not commands."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    text = text.replace("`", "\\(ga").replace("~", "\\(ti")
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in text.split("\n"))


def paragraphs(text: str | None) -> Iterator[str]:
    """The paragraphs of a docstring."""
    for number, paragraph in enumerate(inspect.cleandoc(text or "").split("\n\n")):
        if number:
            yield ".PP"
        yield escaped(paragraph)


def operand(parameter: click.Argument) -> str:
    """How an argument is shown in a synopsis."""
    name = parameter.metavar or (parameter.name or "").upper()
    return name if parameter.required or name.startswith("[") else f"[{name}]"


def synopsis(name: str, command: click.Command) -> str:
    """The line of a synopsis, in bold and roman."""
    words = [operand(p) for p in command.params if isinstance(p, click.Argument)]
    if isinstance(command, click.Group):
        words += ["COMMAND", "[ARGUMENTS]"]
    rest = "".join(f" {escaped(word)}" for word in words)
    return f"\\fB{escaped(name)}\\fR [\\fIOPTIONS\\fR]{rest}"


def options(command: click.Command, but: frozenset[str] = frozenset()) -> Iterator[str]:
    """The list of a command's options, without those of the names `but`."""
    for option in command.params:
        if not isinstance(option, click.Option) or option.hidden or option.name in but:
            continue
        value = ""
        if not option.is_flag:
            choices = option.type.choices if isinstance(option.type, click.Choice) else ()
            value = option.metavar or "|".join(str(c) for c in choices) or "VALUE"
        names = ", ".join(f"\\fB{escaped(name)}\\fR" for name in option.opts)
        yield ".TP"
        yield f"{names} \\fI{escaped(value)}\\fR" if value else names
        text = option.help or ""
        if option.show_default and option.default is not None:
            text += f" Default: {option.default}."
        yield escaped(text)
    yield from (".TP", "\\fB\\-h\\fR, \\fB\\-\\-help\\fR", "Show a summary and exit.")


def examples(command: click.Command) -> Iterator[str]:
    """The examples of a command, as they are typed."""
    text = getattr(command, "examples", "").strip()
    if text:
        yield from (".nf", escaped(text), ".fi")


def verbs(name: str, group: click.Group) -> Iterator[str]:
    """A section with each verb of a command."""
    shared = frozenset(p.name or "" for p in group.params if isinstance(p, click.Option))
    yield ".SH COMMANDS"
    for verb in group.list_commands(click.Context(group)):
        command = group.commands[verb]
        yield f'.SS "{escaped(verb)}"'
        yield synopsis(f"{name} {verb}", command)
        yield ".PP"
        yield from paragraphs(command.help)
        if any(isinstance(p, click.Option) and p.name not in shared for p in command.params):
            yield from list(options(command, shared))[:-3]  # Each has --help; once is enough.
        if getattr(command, "examples", ""):
            yield from (".PP", "For example:", ".PP", ".RS 4")
            yield from examples(command)
            yield ".RE"


def page(name: str) -> str:
    """The man page of the command `name`, in roff's man macros."""
    module, attribute, purpose = COMMANDS[name]
    command: click.Command = getattr(importlib.import_module(module), attribute)
    lines = [
        '.\\" SPDX-License-Identifier: Apache-2.0',
        '.\\" Written by tools/manpages.py; change the command itself.',
        f'.TH "{name.upper()}" "1" "" "p4rt {__version__}" "P4 for Open vSwitch"',
        ".SH NAME",
        f"{escaped(name)} \\- {purpose}",
        ".SH SYNOPSIS",
        synopsis(name, command),
        ".SH DESCRIPTION",
        *paragraphs(command.help),
        ".SH OPTIONS",
        *options(command),
    ]
    if isinstance(command, click.Group):
        lines += verbs(name, command)
    lines += [".SH EXAMPLES", *examples(command), ".SH EXIT STATUS"]
    for status, meaning in STATUS:
        lines += [".TP", f"\\fB{status}\\fR", meaning]
    lines.append(".SH ENVIRONMENT")
    for variable, meaning, users in ENVIRONMENT:
        if name.removeprefix("p4rt-") in users:
            lines += [".TP", f"\\fB{variable}\\fR", meaning]
    others = ", ".join(f"\\fB{escaped(other)}\\fR(1)" for other in COMMANDS if other != name)
    lines += [".SH SEE ALSO", f"{others}, \\fBovs\\-vsctl\\fR(8), \\fBovs\\-ofctl\\fR(8)"]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Writes or checks the pages; returns the exit status."""
    if list(arguments) not in ([], ["--check"]):
        print(f"usage: {sys.argv[0]} [--check]", file=sys.stderr)
        return 2
    stale = []
    FOLDER.mkdir(exist_ok=True)
    for name in COMMANDS:
        path, text = FOLDER / f"{name}.1", page(name)
        if not path.is_file() or path.read_text() != text:
            stale.append(path.name)
            if not arguments:
                path.write_text(text)
    for known in FOLDER.iterdir():
        if known.stem not in COMMANDS:
            stale.append(known.name)
            if not arguments:
                known.unlink()
    if arguments and stale:
        print(f"not up to date, 'make man' is needed: {', '.join(sorted(stale))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
