# SPDX-License-Identifier: Apache-2.0
"""A sandbox's Open vSwitch between the hosts, and what tests do with it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from e2e.built import built
from e2e.hosts import (
    PREFIX,
    SENTINEL_TYPE,
    Endpoint,
    Host,
    inside,
    links_of,
    make_namespace,
    remove_namespace,
    wait_readable,
)
from p4rt.runtime import bridge as runtime
from p4rt.runtime.entries import parse_entries
from p4rt.runtime.sandbox import Sandbox

# Marks the flows that carry sentinels; `Bridge.flows` leaves them out.
SENTINEL_COOKIE = "0x5e7714e1"

Frames = dict[int, list[bytes]]


@dataclass(eq=False)
class Bridge:
    """A bridge of the userspace datapath, with the hosts at OpenFlow ports of their numbers."""

    switch: Switch
    name: str
    hosts: dict[int, Host] = field(default_factory=dict)
    joined: list[Bridge] = field(default_factory=list)

    def add_flows(self, *flows: str, version: str = "OpenFlow13") -> None:
        """Adds flows, each as `ovs-ofctl add-flow` takes it, and waits until they are in force."""
        self.switch.run("ovs-ofctl", "-O", version, "add-flows", self.name, "-", input="\n".join(flows))
        self.switch.settle()

    def add_group(self, group: str) -> None:
        """Adds a group, as `ovs-ofctl add-group` takes it."""
        self.switch.run("ovs-ofctl", "-O", "OpenFlow15", "add-group", self.name, group)

    def flows(self, *options: str) -> list[str]:
        """The flows as `ovs-ofctl dump-flows` prints them, but for those of the test itself."""
        lines = self.switch.run("ovs-ofctl", *options, "dump-flows", self.name).splitlines()
        return [x.strip() for x in lines if "actions=" in x and SENTINEL_COOKIE not in x]

    def add_sentinel_flows(self) -> None:
        """Lets the sentinels of `Switch.exchange` reach every host, the sender included."""
        match = f"cookie={SENTINEL_COOKIE},dl_type={SENTINEL_TYPE:#06x}"
        self.add_flows(
            f"{match},priority=65534,actions=flood",
            *(f"{match},priority=65535,in_port={port},actions=flood,in_port" for port in self.hosts),
        )

    def programs(self) -> runtime.Bridge:
        """A connection for programs, to use in a `with` statement."""
        return runtime.Bridge.open(f"unix:{self.switch.run_dir / self.name}.mgmt", self.switch.patience)

    def load(self, source: str, name: str | None = None, *, replace: bool = False, **defines: int) -> int:
        """Compiles a program (see `programs.built`) and loads it under its own name or `name`;
        returns its id."""
        path = built(source, **defines)
        with self.programs() as bridge:
            return bridge.load(name or Path(source).stem, path.read_bytes(), replace=replace).id

    def add_entries(self, program: str, *lines: str) -> None:
        """Adds table entries, each as `p4rt-ctl add-entry` takes it."""
        with self.programs() as bridge:
            opened = bridge.program(program)
            opened.tables.add(parse_entries(opened.info, lines, "entries"))

    def entries(self, program: str) -> list[str]:
        """The entries of all tables, as `p4rt-ctl dump-entries` prints them."""
        with self.programs() as bridge:
            return [entry.format() for entry in bridge.program(program).tables.snapshot()]

    def register(self, program: str, element: str) -> int:
        """The value of a scalar register's element, such as `pipe.seen[0]`."""
        with self.programs() as bridge:
            registers = bridge.program(program).registers
            register, index = registers.find(element)
            assert index is not None
            return registers.read(register, index).values[0]

    def statistics(self, program: str) -> dict[str, int]:
        """How many packets the program ran on, and what became of them; without the zeros."""
        with self.programs() as bridge:
            found = bridge.find(program)
        names = ("packets", "n_bytes", "aborted", "dropped", "passed", "redirected", "resubmitted", "cloned")
        counts = {name.removeprefix("n_"): getattr(found, name) for name in names}
        return {name: count for name, count in counts.items() if count}


class Switch:
    """ovsdb-server and ovs-vswitchd of a sandbox, in a namespace of their own, and the hosts."""

    def __init__(self, flavour: str, folder: Path, host_count: int) -> None:
        self.flavour = flavour
        self.folder = folder
        self.patience = 30.0 if flavour == "asan" else 10.0
        self.namespace = f"{PREFIX}-{os.getpid()}-switch"
        self.hosts: dict[int, Host] = {}
        self.bridges: dict[str, Bridge] = {}
        self._sentinels = 0
        self._has_flows = False
        self.sandbox = Sandbox(folder / "sandbox", asan=flavour == "asan")
        self.run_dir = self.sandbox.run_dir
        self.environment = os.environ | self._sanitizer_options() | self.sandbox.environment()
        self._host_count = host_count

    def _sanitizer_options(self) -> dict[str, str]:
        """Lets the sanitizers of the tools report where those of the daemons do."""
        log = f"log_path={self.sandbox.log_dir}/sanitizer"
        return {"ASAN_OPTIONS": log, "UBSAN_OPTIONS": f"{log}:print_stacktrace=1:halt_on_error=1"}

    # Life.

    def start(self) -> None:
        """Makes the namespaces and starts the daemons in theirs."""
        make_namespace(self.namespace)
        for number in range(1, self._host_count + 1):
            self.hosts[number] = Host(os.getpid(), number, self.namespace)
        self.start_daemons()

    def start_daemons(self) -> None:
        """Starts what of ovsdb-server and ovs-vswitchd does not run."""
        with inside(self.namespace):
            self.sandbox.start()
        self.pid = self.vswitchd_pid()

    def stop(self) -> None:
        """Stops the daemons in order and removes the namespaces, whatever goes wrong."""
        try:
            self.sandbox.stop()
        finally:
            for host in self.hosts.values():
                host.close()
            remove_namespace(self.namespace)

    def vswitchd_pid(self) -> int:
        """The process id of the ovs-vswitchd that runs now."""
        pid = self.sandbox.pid("ovs-vswitchd")
        assert pid is not None, "ovs-vswitchd does not run"
        return pid

    def assert_alive(self) -> None:
        """ovs-vswitchd is the process that it was."""
        assert self.vswitchd_pid() == self.pid, "ovs-vswitchd was restarted"

    def clear(self) -> None:
        """After a test: no bridge left, nothing waiting at a host, and the daemons run."""
        self.start_daemons()
        self.remove_bridges()
        for host in self.hosts.values():
            host.drain()

    def kill_vswitchd(self) -> None:
        """Ends ovs-vswitchd as a crash would."""
        with until_end(self.pid, self.patience):
            os.kill(self.pid, signal.SIGKILL)

    def stop_vswitchd(self) -> None:
        """Has ovs-vswitchd end in order, its datapath with it."""
        with until_end(self.pid, self.patience):
            self.run("ovs-appctl", "exit", "--cleanup")

    def complaints(self) -> list[str]:
        """What the daemons' logs and the sanitizers have to say; empty when all is well."""
        found = []
        for log in sorted(self.sandbox.log_dir.glob("*.log")):
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
                if re.search(r"\|EMER\||assertion|Sanitizer|runtime error:", line):
                    found.append(f"{log.name}: {line}")
        if reports := self.sandbox.sanitizer_reports():
            found.append(reports)
        return found

    # Commands.

    def call(self, *command: str, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs a command as a user of the sandbox would; the caller looks at the result."""
        return subprocess.run(command, env=self.environment, input=input, capture_output=True, text=True,
                              timeout=60, cwd=self.folder)  # fmt: skip

    def run(self, *command: str, input: str | None = None) -> str:
        """Runs a command that must succeed and returns what it prints."""
        done = self.call(*command, input=input)
        text = f"{' '.join(command)}: exit {done.returncode}: {done.stderr}{done.stdout}"
        assert done.returncode == 0, text
        return done.stdout

    def settle(self) -> None:
        """Makes what was changed so far count for the next packet, and past packets show in counters:
        the datapath's flows are otherwise brought up to date in the background."""
        if self._has_flows:
            self.run("ovs-appctl", "revalidator/purge")
            self._has_flows = False

    # Bridges.

    def add_bridge(self, name: str, ports: Sequence[int] = (), **columns: str) -> Bridge:
        """A new bridge with the hosts of `ports` at OpenFlow ports of the same numbers."""
        command = ["ovs-vsctl", "add-br", name, "--", "set", "bridge", name]
        settings = {"datapath_type": "netdev", "fail_mode": "secure"} | columns
        command += [f"{column}={value}" for column, value in settings.items()]
        for number in ports:
            port = self.hosts[number].name
            command += ["--", "add-port", name, port]
            command += ["--", "set", "interface", port, f"ofport_request={number}"]
        bridge = Bridge(self, name, {number: self.hosts[number] for number in ports})
        self.bridges[name] = bridge
        self.run(*command)
        bridge.add_sentinel_flows()
        for number in ports:
            self.hosts[number].drain()
        return bridge

    def join(self, left: Bridge, right: Bridge, port: int) -> None:
        """Joins two bridges by patch ports with OpenFlow number `port` on both sides."""
        command: list[str] = []
        for here, there in ((left, right), (right, left)):
            name, peer = f"{here.name}-{there.name}", f"{there.name}-{here.name}"
            command += ["--", "add-port", here.name, name, "--", "set", "interface", name, "type=patch"]
            command += [f"options:peer={peer}", f"ofport_request={port}"]
            here.joined.append(there)
        self.run("ovs-vsctl", *command)

    @contextlib.contextmanager
    def local_port(self, bridge: str, address: str | None = None) -> Iterator[Endpoint]:
        """The bridge's LOCAL port as the switch's own kernel sees it, up, perhaps with an address."""
        with links_of(self.namespace) as links:
            index = links.link_lookup(ifname=bridge)[0]
            links.link("set", index=index, state="up")
            if address is not None:
                ip, length = address.split("/")
                links.addr("add", index=index, address=ip, prefixlen=int(length))
        self.run("ovs-vsctl", "--timeout=10", "wait-until", "interface", bridge, "admin_state=up")
        endpoint = Endpoint(self.namespace, bridge)
        try:
            yield endpoint
        finally:
            endpoint.socket.close()

    def remove_bridges(self) -> None:
        """Deletes the bridges that the test added."""
        if self.bridges:
            words = [word for name in self.bridges for word in ("--", "--if-exists", "del-br", name)]
            self.run("ovs-vsctl", *words)
        self.bridges.clear()

    # Packets.

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stops ovs-vswitchd; what is sent meanwhile, it then finds as one batch."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def exchange(self, sender: int, frames: Sequence[bytes], *, batch: bool = False) -> Frames:
        """Sends `frames` from a host; returns what arrived, by host number, in order of arrival.

        Complete without a pause: two sentinels follow, one after the other, each to every host on the
        sender's bridge and those joined to it.  The switch handles packets of a port in one thread,
        batch after batch, so when the second arrives, everything before the first has left.  With
        `batch`, all frames reach the switch as one batch (up to 32)."""
        self._has_flows = True
        listening = self._listening()
        stray = {host.number: found for host in listening if (found := without_sentinels(host.drain()))}
        assert not stray, f"frames that nobody sent in this exchange: {describe(stray)}"
        host = self.hosts[sender]
        if batch:
            with self.paused():
                host.send(frames)
        else:
            host.send(frames)
        arrived: Frames = {}
        for _ in range(2):
            self._flush(host, listening, arrived)
        return arrived

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Asks again and again, for what nothing tells of when it happens."""
        deadline = time.monotonic() + self.patience
        while not condition():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.02)

    def collect(self, endpoint: int | Endpoint, count: int) -> list[bytes]:
        """Waits for `count` frames at a host or another device: for those that something else than
        `exchange` sent."""
        where = self.hosts[endpoint] if isinstance(endpoint, int) else endpoint
        deadline = time.monotonic() + self.patience
        frames: list[bytes] = []
        while len(frames) < count:
            frames += without_sentinels(where.drain())
            if len(frames) < count:
                try:
                    wait_readable([where], deadline)
                except TimeoutError:
                    raise AssertionError(f"{len(frames)} of {count} frames arrived") from None
        return frames

    def _listening(self) -> list[Host]:
        return [host for bridge in self.bridges.values() for host in bridge.hosts.values()]

    def _reached(self, sender: Host) -> set[Host]:
        """The hosts that a sentinel of `sender` reaches."""
        bridges = [bridge for bridge in self.bridges.values() if sender.number in bridge.hosts]
        for bridge in bridges:
            bridges += [other for other in bridge.joined if other not in bridges]
        return {host for bridge in bridges for host in bridge.hosts.values()}

    def _flush(self, sender: Host, listening: Sequence[Host], arrived: Frames) -> None:
        """Sends one sentinel, and collects frames until it has arrived everywhere."""
        self._sentinels += 1
        sentinel = (
            b"\xff" * 6 + bytes.fromhex(sender.mac.replace(":", ""))
            + struct.pack("!HQ", SENTINEL_TYPE, self._sentinels) + bytes(42)
        )  # fmt: skip
        sender.send([sentinel])
        waiting = self._reached(sender)
        deadline = time.monotonic() + self.patience
        while waiting:
            for host in listening:
                while (frame := host.receive()) is not None:
                    if frame == sentinel:
                        waiting.discard(host)
                    elif without_sentinels([frame]):
                        arrived.setdefault(host.number, []).append(frame)
            if waiting:
                try:
                    wait_readable(listening, deadline)
                except TimeoutError:
                    names = ", ".join(host.name for host in waiting)
                    raise AssertionError(f"no sentinel from {sender.name} at {names}") from None


@contextlib.contextmanager
def until_end(pid: int, patience: float) -> Iterator[None]:
    """Waits, after the body, until process `pid` has ended."""
    fd = os.pidfd_open(pid)
    try:
        yield
        assert select.select([fd], [], [], patience)[0], f"process {pid} has not ended"
    finally:
        os.close(fd)


def without_sentinels(frames: Sequence[bytes]) -> list[bytes]:
    """The frames that tests sent themselves (a mirror makes copies of sentinels too)."""
    return [frame for frame in frames if frame[12:14] != struct.pack("!H", SENTINEL_TYPE)]


def describe(frames: Frames) -> str:
    """Frames in words, for messages."""
    return "; ".join(f"h{n}: {' '.join(f.hex() for f in got)}" for n, got in frames.items())
