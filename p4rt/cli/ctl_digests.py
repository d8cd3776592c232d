# SPDX-License-Identifier: Apache-2.0
"""The verb of p4rt-ctl that prints what programs tell the control plane."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator

import click

from p4rt.cli.command import seconds
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb
from p4rt.runtime.bridge import Bridge, LoadedProgram
from p4rt.runtime.digests import Record
from p4rt.runtime.errors import ErrorCode, RefusedError

_INTERVAL = 0.2


@verb("monitor",
      "p4rt-ctl monitor br0 switch\n"
      "p4rt-ctl monitor br0 switch pipe.learn --count 10 --format json")  # fmt: skip
@bridge_argument
@program_argument
@click.argument("digest", required=False, metavar="[DIGEST]")
@click.option("--all", "everything", is_flag=True, help="Begin with the records that are there already.")
@click.option("--count", "-n", type=click.IntRange(min=1), metavar="N", help="Stop after N records.")
@click.option("--interval", type=seconds, default=_INTERVAL, metavar="SECONDS", show_default=True,
              help="How often to look.")  # fmt: skip
def monitor(
    settings: Settings, bridge: str, program: str, digest: str | None, everything: bool, count: int | None,
    interval: float,
) -> None:  # fmt: skip
    """Print the records of digests as they come.

    A record is printed as NAME[NUMBER]={FIELD=VALUE,...}, with --format json as one object a line.
    Records that came faster than they were read are lost, which stderr tells; they are counted by
    their numbers.  It ends with --count, when the program is unloaded, or by a signal."""
    printed = 0
    with Bridge.open(bridge, settings.timeout) as switch:
        for record in _records(switch, program, digest, everything, interval):
            click.echo(json.dumps(record.to_json()) if settings.json else record.format())
            sys.stdout.flush()
            printed += 1
            if printed == count:
                return


def _records(
    switch: Bridge, program: str, digest: str | None, everything: bool, interval: float
) -> Iterator[Record]:
    """The records of a program, also when another one takes its place."""
    seen: dict[str, int] = {}
    loaded = switch.program(program)
    loaded.digests.find(digest)
    start_at_end = not everything
    while True:
        try:
            yield from _new_records(loaded, digest, seen, start_at_end)
        except RefusedError as e:
            if e.code != ErrorCode.CHANGED:
                raise
            loaded = switch.program(program)
            _forget_old_numbers(loaded, digest, seen)
            continue
        start_at_end = False
        time.sleep(interval)


def _new_records(
    loaded: LoadedProgram, name: str | None, seen: dict[str, int], skip: bool
) -> Iterator[Record]:
    """The records that came since; with `skip` they are noted, and none is told."""
    for digest in loaded.digests.find(name):
        last = seen.get(digest.name, 0)
        records = loaded.digests.read(digest, last)
        if not skip:
            yield from _told(records, last, seen)
        elif records:
            seen[digest.name] = records[-1].number


def _forget_old_numbers(loaded: LoadedProgram, name: str | None, seen: dict[str, int]) -> None:
    """A new program keeps a ring with its records, or begins another one with number 1."""
    for digest in loaded.digests.find(name):
        records = loaded.digests.read(digest)
        if not records or records[-1].number < seen.get(digest.name, 0):
            seen.pop(digest.name, None)


def _told(records: list[Record], last: int, seen: dict[str, int]) -> Iterator[Record]:
    for record in records:
        lost = record.number - last - 1
        if lost > 0:
            what = "record" if lost == 1 else "records"
            click.echo(f"p4rt-ctl: {lost} {what} of {record.digest.name} lost", err=True)
        last = record.number
        seen[record.digest.name] = last
        yield record
