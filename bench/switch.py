#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a program costs in the switch: CPU time of ovs-vswitchd per packet.

A sandbox's bridge forwards 64-byte UDP frames from h1 to h2 over veth, in batches of 32, under several
flow tables in turn, round after round.  CPU time is what the kernel says that the threads of
ovs-vswitchd ran (schedstat), so a busy machine disturbs it little; veth's system calls are most of it.
Each row gives the median over the rounds, and the median of the ratios to the first row of the same
round.  Needs root; prints a Markdown table.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT / "tests"))

from e2e.hosts import remove_stale, wait_readable  # noqa: E402
from e2e.switch import Bridge, Switch  # noqa: E402

from p4rt.compiler import driver  # noqa: E402

BURST = 96  # Frames sent while the switch is stopped; fits its socket's buffer.
PATIENCE = 30.0

# A next hop's addresses, as flows and as entries of examples/router set them.
REWRITE = "mod_dl_dst:02:00:00:00:00:02,mod_dl_src:02:00:00:00:01:02,dec_ttl"


@dataclass(frozen=True)
class Case:
    """A row: a name, and what makes the flow table."""

    name: str
    prepare: Callable[[Bridge], None]


def load(bridge: Bridge, path: Path) -> int:
    """Compiles and loads a program; returns its id."""
    with bridge.programs() as programs:
        return programs.load(path.stem, driver.compile_file(path, driver.Options()).object).id


def plain(actions: str) -> Callable[[Bridge], None]:
    """One flow for h1 without a program."""
    return lambda bridge: bridge.add_flows(f"ip,in_port=1,actions={actions}")


def program(path: str, entries: str | None, actions: str) -> Callable[[Bridge], None]:
    """One flow for h1 with a program of this project in place of PROG."""

    def prepare(bridge: Bridge) -> None:
        source = CHECKOUT / path
        number = load(bridge, source)
        if entries is not None:
            bridge.add_entries(source.stem, *source.with_name(entries).read_text().splitlines())
        bridge.add_flows(f"ip,in_port=1,actions={actions.replace('PROG', f'prog:{number}')}")

    return prepare


def mirrored(prepare: Callable[[Bridge], None]) -> Callable[[Bridge], None]:
    """The same in a bridge with a mirror, which selects nothing: what is redirected recirculates."""

    def prepare_mirrored(bridge: Bridge) -> None:
        bridge.switch.run("ovs-vsctl", "--id=@m", "create", "mirror", "name=none", "output_vlan=4000",
                          "--", "set", "bridge", bridge.name, "mirrors=@m")  # fmt: skip
        prepare(bridge)

    return prepare_mirrored


CASES = (
    Case("`output:2`", plain("output:2")),
    Case("`mod_dl_dst`, `mod_dl_src`, `dec_ttl`, `output:2`", plain(f"{REWRITE},output:2")),
    Case("`prog` (passes), `output:2`", program("bench/programs/pass.p4", None, "PROG,output:2")),
    Case("`prog` (passes), recirculated, `output:2`",
         program("bench/programs/pass.p4", None, "PROG,load:1->NXM_NX_REG0[],output:2")),
    Case("`prog` (examples/router, redirects)",
         program("examples/router/router.p4", "router.entries", "PROG")),
    Case("`prog` (examples/router, redirects), recirculated",
         mirrored(program("examples/router/router.p4", "router.entries", "PROG"))),
    Case("`prog` (examples/firewall, passes), `output:2`",
         program("examples/firewall/firewall.p4", "firewall.entries", "PROG,output:2")),
)


def measure(switch: Switch, bursts: int) -> float:
    """Forwards `bursts` bursts from h1 to h2; returns nanoseconds of CPU per packet."""
    packet = Ether(dst="02:00:00:00:01:01", src="02:00:00:00:00:01") / IP(src="10.0.1.1", dst="10.0.2.2")
    frames = [bytes(packet / UDP(sport=1024, dport=2048) / bytes(22))] * BURST
    sender, receiver = switch.hosts[1], switch.hosts[2]
    before = 0
    for i in range(bursts + 2):
        if i == 2:  # The first ones install datapath flows.
            before = cpu_time(switch.pid)
        with switch.paused():
            sender.send(frames)
        missing, deadline = BURST, time.monotonic() + PATIENCE
        while missing > 0:
            wait_readable([receiver], deadline)
            missing -= len(receiver.drain())
    return (cpu_time(switch.pid) - before) / (bursts * BURST)


def cpu_time(pid: int) -> int:
    """Nanoseconds that the threads of a process ran."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def main() -> None:
    """Measures all cases in turn and prints the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--bursts", type=int, default=100, help=f"of {BURST} frames, per case and round")
    arguments = options.parse_args()
    times: dict[Case, list[float]] = {case: [] for case in CASES}
    remove_stale()
    with tempfile.TemporaryDirectory() as folder:
        switch = Switch("release", Path(folder), 2)
        try:
            switch.start()
            for _ in range(arguments.rounds):
                for case in CASES:
                    bridge = switch.add_bridge("br0", (1, 2))
                    case.prepare(bridge)
                    times[case].append(measure(switch, arguments.bursts))
                    switch.clear()
        finally:
            switch.stop()
    print("| flow | CPU ns a packet | ratio to the first |")
    print("| --- | ---: | ---: |")
    for case, found in times.items():
        ratios = [mine / base for mine, base in zip(found, times[CASES[0]], strict=True)]
        print(f"| {case.name} | {statistics.median(found):.0f} | {statistics.median(ratios):.2f} |")


if __name__ == "__main__":
    main()
