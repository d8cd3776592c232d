# SPDX-License-Identifier: Apache-2.0
"""What the verbs of p4rt-ctl have in common: BR, PROG, --format, --timeout, --verbose."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from p4rt.cli.command import CONTEXT, TIMEOUT_HELP, ExamplesCommand, ExamplesGroup, seconds, version_option
from p4rt.cli.completion import complete_bridge, complete_program
from p4rt.runtime.bridge import Bridge, LoadedProgram

_EXAMPLES = """
p4rt-ctl show br0 router
p4rt-ctl add-entry br0 router 'table=pipe.route,hdr.ipv4.dst=10.0.2.0/24,actions=forward(port=2)'
p4rt-ctl dump-entries br0 router
p4rt-ctl add-entries br0 router routes.txt
p4rt-ctl read-register br0 firewall 'pipe.seen[3]'
p4rt-ctl read-counter br0 acl pipe.hits
p4rt-ctl set-meter br0 acl 'pipe.police[3]' cir=1M,cbs=10k,pir=2M,pbs=20k
"""


@dataclass(frozen=True)
class Settings:
    """The common options of one run."""

    form: str
    timeout: float | None
    verbose: bool

    @property
    def json(self) -> bool:
        """True when results are to be JSON."""
        return self.form == "json"

    def say(self, text: str) -> None:
        """Tells, with --verbose, what was done."""
        if self.verbose:
            click.echo(text, err=True)

    @contextmanager
    def program(self, bridge: str, program: str) -> Iterator[LoadedProgram]:
        """The program `program` of the bridge `bridge`."""
        with Bridge.open(bridge, self.timeout) as switch:
            found = switch.program(program)
            self.say(f"{bridge}: program {found.desc.prog} {found.desc.name}")
            yield found


def _common(f: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the common options; the same are on the group, before the verb."""
    options = (
        click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), help="Form of results."),
        click.option("--timeout", "-t", type=seconds, metavar="SECONDS", help=TIMEOUT_HELP),
        click.option("--verbose", "-v", is_flag=True, help="Say what is done."),
    )  # fmt: skip
    for option in reversed(options):
        f = option(f)
    return f


@click.group(cls=ExamplesGroup, context_settings=CONTEXT, examples=_EXAMPLES)
@_common
@version_option
@click.pass_context
def ctl(ctx: click.Context, form: str | None, timeout: float | None, verbose: bool) -> None:
    """Manage the tables, counters, meters, registers and maps of a P4 program in a bridge.

    BR is a bridge's name, the path of its socket, unix:PATH or tcp:HOST:PORT.  PROG is a
    program's name or id.  Names of tables, actions and fields may be cut to any suffix that only
    one has: route for pipe.route."""
    ctx.obj = Settings(form or "text", timeout, verbose)


def verb(name: str, examples: str) -> Callable[[Callable[..., None]], click.Command]:
    """Makes a function a verb of p4rt-ctl; its first argument is the Settings."""

    def wrap(f: Callable[..., None]) -> click.Command:
        @wraps(f)
        def run(form: str | None, timeout: float | None, verbose: bool, **arguments: Any) -> None:
            outer = click.get_current_context().obj
            settings = Settings(
                form or outer.form, outer.timeout if timeout is None else timeout, verbose or outer.verbose
            )
            f(settings, **arguments)

        command = click.command(name, cls=ExamplesCommand, context_settings=CONTEXT, examples=examples)
        return command(_common(run))

    return wrap


bridge_argument = click.argument("bridge", metavar="BR", shell_complete=complete_bridge)
program_argument = click.argument("program", metavar="PROG", shell_complete=complete_program)
