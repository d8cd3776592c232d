# SPDX-License-Identifier: Apache-2.0
"""The verbs of p4rt-ctl that work on meters."""

from __future__ import annotations

import click

from p4rt.cli.command import print_json
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb
from p4rt.runtime.meters import parse_rates

_meter_argument = click.argument("meter", metavar="NAME[[INDEX|KEY]]")


@verb("read-meter",
      "p4rt-ctl read-meter br0 police 'pipe.users[3]'\n"
      "p4rt-ctl read-meter br0 police pipe.users")  # fmt: skip
@bridge_argument
@program_argument
@_meter_argument
def read_meter(settings: Settings, bridge: str, program: str, meter: str) -> None:
    """Print the rates of meters.

    Rates are in packets or bytes per second, bursts in packets or bytes; the unit stands at the
    end.  Meters are named as counters are: an element of an array with its INDEX in brackets, the
    meter of a table entry with the entry's KEY.  Without brackets, those of an array that are set,
    or those of all entries, are printed."""
    with settings.program(bridge, program) as loaded:
        found = loaded.meters.read(meter)
    if settings.json:
        print_json([m.to_json() for m in found])
    elif found:
        click.echo("\n".join(m.format() for m in found))


@verb("set-meter",
      "p4rt-ctl set-meter br0 police 'pipe.users[3]' cir=1M,cbs=10k,pir=2M,pbs=20k\n"
      "p4rt-ctl set-meter br0 police 'pipe.flows[hdr.ip.dst=10.0.0.1]' cir=100,cbs=10\n"
      "p4rt-ctl set-meter br0 police 'pipe.users[3]' off")  # fmt: skip
@bridge_argument
@program_argument
@click.argument("meter", metavar="NAME[INDEX|KEY]")
@click.argument("rates", metavar="RATES")
def set_meter(settings: Settings, bridge: str, program: str, meter: str, rates: str) -> None:
    """Set the rates of a meter, and fill its buckets.

    RATES is cir=RATE,cbs=BURST,pir=RATE,pbs=BURST: committed and peak rate in packets or bytes per
    second, as the program declares the meter, and their bursts in packets or bytes (RFC 2698).  Up
    to cir a packet is green, up to pir yellow, above red.  Without pir and pbs nothing is yellow.
    k, M and G stand for powers of 1000.  With off, the meter marks nothing."""
    wanted = parse_rates(rates)
    with settings.program(bridge, program) as loaded:
        setting = loaded.meters.set(meter, wanted)
    settings.say(f"set {setting.format()}")
