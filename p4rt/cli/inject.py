# SPDX-License-Identifier: Apache-2.0
"""p4rt-inject: put a program into a running bridge, list them, take one out."""

from __future__ import annotations

from pathlib import Path

import click

from p4rt.cli.command import (
    CONTEXT,
    TIMEOUT_HELP,
    ExamplesCommand,
    finish,
    print_json,
    print_table,
    read_program,
    seconds,
    version_option,
)
from p4rt.cli.completion import complete_bridge, complete_program
from p4rt.cli.ctl_show import program_json
from p4rt.runtime.bridge import Bridge
from p4rt.runtime.errors import ErrorCode, InputError, RefusedError
from p4rt.runtime.names import check_program_name, program_name

_EXAMPLES = """
p4rt-inject --bridge br0 router.p4                   compile and load; prints the id, such as 1
ovs-ofctl add-flow br0 in_port=1,actions=prog:1,output:2
p4rt-inject --bridge br0 router.p4 --replace         a new version, in place, keeping its entries
p4rt-inject --bridge br0 router.o --name router2     an object that p4rt-compile wrote
p4rt-inject --bridge br0 --list
p4rt-inject --bridge br0 --remove router
"""


@click.command(cls=ExamplesCommand, context_settings=CONTEXT, examples=_EXAMPLES)
@click.argument("file", required=False, metavar="FILE.p4|FILE.o")
@click.option("--bridge", "-b", required=True, metavar="BR", shell_complete=complete_bridge,
              help="Name of the bridge, path of its socket, unix:PATH or tcp:HOST:PORT.")  # fmt: skip
@click.option("--name", "-n", metavar="NAME", help="Name of the program (default: that of the file).")
@click.option("--replace", is_flag=True, help="Swap a program of this name for this one, if there is one.")
@click.option("--list", "listing", is_flag=True, help="List the programs of the bridge.")
@click.option("--remove", metavar="NAME|ID", shell_complete=complete_program, help="Unload a program.")
@click.option("--force", is_flag=True,
              help="Remove even what flows use (they then drop packets), "
                   "replace even what keeps entries it would misread.")  # fmt: skip
@click.option("-I", "include", multiple=True, metavar="DIR", help="Where to look for included P4 files.")
@click.option("-D", "define", multiple=True, metavar="NAME[=VALUE]", help="Define a macro for the compiler.")
@click.option("--extern", multiple=True, metavar="FILE.c", help="C that defines externs of the program.")
@click.option("--format", "-f", "form", type=click.Choice(["text", "json"]), default="text",
              help="Form of --list.")  # fmt: skip
@click.option("--timeout", "-t", type=seconds, metavar="SECONDS", help=TIMEOUT_HELP)
@click.option("--verbose", "-v", is_flag=True, help="Say more, such as the verifier's summary.")
@version_option
def inject(
    file: str | None, bridge: str, name: str | None, replace: bool, listing: bool, remove: str | None,
    force: bool, include: tuple[str, ...], define: tuple[str, ...],
    extern: tuple[str, ...], form: str, timeout: float | None,
    verbose: bool,
) -> None:  # fmt: skip
    """Load a P4 program into a bridge of a running Open vSwitch.

    Prints the program's id, and nothing else, on stdout: what the action prog:ID wants.  The
    switch verifies the program first; if it is refused, nothing has changed."""
    _check_usage(file, name, replace, listing, remove, force)
    if listing:
        with Bridge.open(bridge, timeout) as switch:
            _list(switch, form)
    elif remove is not None:
        with Bridge.open(bridge, timeout) as switch:
            n_flows = switch.unload(remove, force=force)
        if n_flows:
            click.echo(f"{n_flows} {'flow drops' if n_flows == 1 else 'flows drop'} packets now", err=True)
    else:
        assert file is not None
        chosen = check_program_name(name) if name is not None else program_name(Path(file).stem)
        elf = read_program(file, include, define, extern)
        with Bridge.open(bridge, timeout) as switch:
            try:
                loaded = switch.load(chosen, elf, replace=replace, force=force)
            except RefusedError as e:
                if e.code in (ErrorCode.OBJECT, ErrorCode.VERIFIER):
                    raise InputError(f"{file}: {e}") from None
                raise
        if verbose:
            click.echo(f"{chosen}: {loaded.n_insns} instructions, {loaded.n_maps} maps "
                       f"({loaded.n_maps_kept} kept); {loaded.summary}", err=True)  # fmt: skip
        click.echo(loaded.id)


def _check_usage(
    file: str | None, name: str | None, replace: bool, listing: bool, remove: str | None, force: bool
) -> None:
    if (file is not None) + listing + (remove is not None) != 1:
        raise click.UsageError("give one of FILE, --list and --remove")
    if file is None and (name is not None or replace):
        raise click.UsageError("--name and --replace go with FILE")
    if force and remove is None and not replace:
        raise click.UsageError("--force goes with --remove or --replace")


def _list(switch: Bridge, form: str) -> None:
    programs = switch.programs()
    if form == "json":
        print_json([program_json(p) for p in programs])
        return
    headers = ["ID", "NAME", "FLOWS", "PACKETS", "PASSED", "REDIRECTED", "DROPPED", "ABORTED", "GENERATION"]
    print_table(
        headers,
        [
            (p.prog, p.name, p.n_flows, p.packets, p.passed, p.redirected, p.dropped, p.aborted, p.generation)
            for p in programs
        ],
    )


def main() -> None:
    """Entry point of p4rt-inject."""
    finish(inject, "p4rt-inject")
