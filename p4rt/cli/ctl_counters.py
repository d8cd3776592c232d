# SPDX-License-Identifier: Apache-2.0
"""The verbs of p4rt-ctl that work on counters."""

from __future__ import annotations

import click

from p4rt.cli.command import print_json
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb

_counter_argument = click.argument("counter", metavar="NAME[[INDEX|KEY]]")


@verb("read-counter",
      "p4rt-ctl read-counter br0 acl 'pipe.ports[3]'\n"
      "p4rt-ctl read-counter br0 acl ports\n"
      "p4rt-ctl read-counter br0 acl 'pipe.hits[hdr.ip.dst=10.0.0.1]'\n"
      "p4rt-ctl read-counter br0 acl 'pipe.hits[default]'")  # fmt: skip
@bridge_argument
@program_argument
@_counter_argument
def read_counter(settings: Settings, bridge: str, program: str, counter: str) -> None:
    """Print what counters have counted.

    An element of an array has its INDEX in brackets; without, all that are not zero are printed.
    The counter of a table entry has the entry's KEY there, as in add-entry, or default; without,
    those of all entries and of the default action are printed."""
    with settings.program(bridge, program) as loaded:
        counts = loaded.counters.read(counter)
    if settings.json:
        print_json([c.to_json() for c in counts])
    elif counts:
        click.echo("\n".join(c.format() for c in counts))


@verb("reset-counter",
      "p4rt-ctl reset-counter br0 acl 'pipe.ports[3]'\n"
      "p4rt-ctl reset-counter br0 acl pipe.hits")  # fmt: skip
@bridge_argument
@program_argument
@_counter_argument
def reset_counter(settings: Settings, bridge: str, program: str, counter: str) -> None:
    """Make counters zero.

    They are named as in read-counter; without brackets, all elements are meant."""
    with settings.program(bridge, program) as loaded:
        number = loaded.counters.reset(counter)
    settings.say(f"reset {number} counter{'' if number == 1 else 's'}")
