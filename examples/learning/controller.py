#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Teaches the switch of learning.p4 where stations are, from what it tells of them.

    ./controller.py br0 learning
"""

from __future__ import annotations

import sys
import time

from p4rt.runtime.bridge import Bridge, LoadedProgram
from p4rt.runtime.entries import parse_entry
from p4rt.runtime.errors import P4rtError

INTERVAL = 0.1


def learn(program: LoadedProgram, mac: int, port: int, known: dict[int, int]) -> None:
    """Adds the entries of a station, or moves it to another port."""
    old = known.get(mac)
    if old == port:
        return
    destination = f"table=destination,hdr.ethernet.dst={mac:#x},actions=forward(port={port})"
    entry = parse_entry(program.info, destination)
    if old is None:
        program.tables.add([entry])
    else:
        program.tables.modify(entry)
        before = parse_entry(program.info, source(mac, old)).key
        assert before is not None
        program.tables.delete([before])
    program.tables.add([parse_entry(program.info, source(mac, port))])
    known[mac] = port
    print(f"{mac:012x} is at port {port}", flush=True)


def source(mac: int, port: int) -> str:
    """The entry that says that a station at a port is known."""
    return f"table=source,hdr.ethernet.src={mac:#x},port={port},actions=NoAction()"


def main(bridge: str, name: str) -> None:
    """Reads digests for ever."""
    known: dict[int, int] = {}
    last = 0
    with Bridge.open(bridge) as switch:
        program = switch.program(name)
        (digest,) = program.digests.find("stations")
        while True:
            for record in program.digests.read(digest, last):
                last = record.number
                mac, port = record.values
                learn(program, mac, port, known)
            time.sleep(INTERVAL)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except P4rtError as error:
        sys.exit(f"controller.py: {error}")
    except KeyboardInterrupt:
        pass
