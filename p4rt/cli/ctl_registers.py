# SPDX-License-Identifier: Apache-2.0
"""The verbs of p4rt-ctl that work on registers."""

from __future__ import annotations

import click

from p4rt.cli.command import print_json
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb
from p4rt.runtime.errors import InputError


@verb("read-register",
      "p4rt-ctl read-register br0 firewall 'pipe.seen[3]'\n"
      "p4rt-ctl read-register br0 firewall seen")  # fmt: skip
@bridge_argument
@program_argument
@click.argument("register", metavar="NAME[[INDEX]]")
def read_register(settings: Settings, bridge: str, program: str, register: str) -> None:
    """Print elements of a register.

    Without INDEX, all that are not zero."""
    with settings.program(bridge, program) as loaded:
        found, index = loaded.registers.find(register)
        if index is None:
            elements = list(loaded.registers.read_nonzero(found))
        else:
            elements = [loaded.registers.read(found, index)]
    if settings.json:
        print_json([e.to_json() for e in elements])
    elif elements:
        click.echo("\n".join(e.format() for e in elements))


@verb("write-register",
      "p4rt-ctl write-register br0 firewall 'pipe.seen[3]' 17\n"
      "p4rt-ctl write-register br0 meter 'pipe.flow[0]' '{bytes=0,packets=0}'")  # fmt: skip
@bridge_argument
@program_argument
@click.argument("register", metavar="NAME[INDEX]")
@click.argument("value", metavar="VALUE")
def write_register(settings: Settings, bridge: str, program: str, register: str, value: str) -> None:
    """Write an element of a register.

    VALUE is a number, or {MEMBER=VALUE,...} for a struct.  A negative one goes after --."""
    with settings.program(bridge, program) as loaded:
        found, index = loaded.registers.find(register)
        if index is None:
            raise InputError(f"which element? Give {found.name}[INDEX]")
        element = loaded.registers.parse(found, index, value)
        loaded.registers.write(element)
        settings.say(f"wrote {element.format()}")
