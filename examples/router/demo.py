#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles router.p4, puts it into a switch of its own, and routes packets between three hosts.

Every command is printed as a user would type it.  Exit status 1 when a packet does not arrive
as it should; nothing is left behind either way.  Needs root, for network namespaces.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from pyroute2 import netns
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

HERE = Path(__file__).resolve().parent
SWITCH = "p4demo-switch"
BROADCAST = "ff:ff:ff:ff:ff:ff"
PATIENCE = 10.0  # Seconds to wait for a packet.
PACKET_IGNORE_OUTGOING = (263, 23)  # SOL_PACKET and the option, of <linux/if_packet.h>.


class DemoError(Exception):
    """Something did not go as it should; one line."""


@dataclass
class Host:
    """A host at OpenFlow port `number`, with a raw socket on its only device."""

    number: int
    socket: socket.socket | None = None

    @property
    def name(self) -> str:
        return f"h{self.number}"

    @property
    def namespace(self) -> str:
        return f"p4demo-{self.name}"

    @property
    def mac(self) -> str:
        return f"02:00:00:00:00:{self.number:02x}"

    def connect(self) -> None:
        """Makes the namespace, and a veth pair from it to the switch's."""
        make_namespace(self.namespace)
        run("ip", "-n", SWITCH, "link", "add", self.name, "type", "veth",
            "peer", "name", "eth0", "address", self.mac, "netns", self.namespace)  # fmt: skip
        run("ip", "-n", SWITCH, "link", "set", self.name, "up")
        run("ip", "-n", self.namespace, "link", "set", "eth0", "up")
        netns.pushns(self.namespace)
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.setsockopt(*PACKET_IGNORE_OUTGOING, 1)
            self.socket.bind(("eth0", 3))
        finally:
            netns.popns()


@dataclass
class Case:
    """A packet that h1 sends, and what should come out at which host."""

    title: str
    sent: Ether
    expected: dict[int, Ether]


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Runs a command that must succeed and returns what it prints."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=HERE)
    except FileNotFoundError:
        raise DemoError(f"{command[0]} is not installed") from None
    if done.returncode:
        raise DemoError(f"{shlex.join(command)}: {done.stderr.strip() or f'exit {done.returncode}'}")
    return done.stdout


def make_namespace(name: str) -> None:
    """A network namespace in which no device speaks IPv6 by itself."""
    run("ip", "netns", "add", name)
    run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")


class Demo:
    """The whole of it, step by step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sandbox = folder / "sandbox"
        self.hosts = {number: Host(number) for number in (1, 2, 3)}
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def type_in(self, line: str) -> str:
        """Prints a command line, runs it in a shell, and prints what it says."""
        print(f"$ {line}", flush=True)
        out = run("sh", "-c", line, environment=self.environment)
        print(out, end="", flush=True)
        return out

    def start(self) -> None:
        """The program, the switch, the hosts."""
        print("== compile\n")
        self.type_in(f"p4rt-compile router.p4 -o {self.folder}/router.o")
        print("\n== a switch of its own, and three hosts on it\n")
        make_namespace(SWITCH)
        sandbox = f"--dir {self.sandbox}"
        print(f"$ p4rt-sandbox start {sandbox}", flush=True)
        run("ip", "netns", "exec", SWITCH, "p4rt-sandbox", "start", "--dir", str(self.sandbox),
            environment=self.environment)  # fmt: skip
        print(f'$ eval "$(p4rt-sandbox env {sandbox})"')
        script = f'eval "$(p4rt-sandbox env {sandbox})" && env -0'
        pairs = run("sh", "-c", script, environment=self.environment).split("\0")
        self.environment = dict(pair.split("=", 1) for pair in pairs if pair)
        self.type_in("ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev")
        for host in self.hosts.values():
            host.connect()
            self.type_in(f"ovs-vsctl add-port br0 {host.name} -- "
                         f"set interface {host.name} ofport_request={host.number}")  # fmt: skip

    def configure(self) -> None:
        """The program, flows and routes."""
        print("\n== inject, add flows and routes\n")
        if self.type_in(f"p4rt-inject --bridge br0 {self.folder}/router.o") != "1\n":
            raise DemoError("the first program of a bridge should have id 1")
        self.type_in("ovs-ofctl add-flows br0 router.flows")
        self.type_in("ovs-ofctl add-flow br0 priority=65535,dl_type=0x88b5,actions=flood  # marks, see below")
        self.type_in("p4rt-ctl add-entries br0 router router.entries")
        self.type_in("p4rt-ctl add-entry br0 router "
                     "'table=pipe.route,hdr.ipv4.dst=10.0.9.9/32,actions=forward(port=2)'")  # fmt: skip

    def traffic(self) -> int:
        """Sends each case's packet, prints what went in and what came out; returns how many were wrong."""
        print("\n== packets from h1 (each followed by a mark, to know when everything has arrived)")
        wrong = 0
        for case in cases():
            print(f"\n{case.title}\n  h1 in : {describe(case.sent)}")
            came = self.exchange(bytes(case.sent))
            for number, frame in sorted(came):
                print(f"  h{number} out: {describe(Ether(frame))}")
            if not came:
                print("  out   : nothing")
            if sorted(came) != sorted((number, bytes(frame)) for number, frame in case.expected.items()):
                wrong += 1
                print(f"  WRONG : expected {case.expected}")
        return wrong

    def exchange(self, frame: bytes) -> list[tuple[int, bytes]]:
        """Sends `frame`, and two marks after it that reach every host; returns what else came.

        The switch handles one batch after the other, so the second mark comes after everything."""
        sender = self.hosts[1].socket
        assert sender is not None
        sender.send(frame)
        came = []
        for _ in range(2):
            mark = bytes(Ether(src=self.hosts[1].mac, dst=BROADCAST, type=0x88B5)) + os.urandom(46)
            sender.send(mark)
            came += self.receive_until(mark)
        return came

    def receive_until(self, mark: bytes) -> list[tuple[int, bytes]]:
        """What h2 and h3 receive until both have received `mark`."""
        waiting = {host.socket: host.number for host in self.hosts.values() if host.number != 1}
        came: list[tuple[int, bytes]] = []
        deadline = time.monotonic() + PATIENCE
        while waiting:
            ready = select.select(list(waiting), [], [], max(0.0, deadline - time.monotonic()))[0]
            if not ready:
                raise DemoError("the hosts do not receive anything")
            for end in ready:
                frame = end.recv(65536)
                if frame == mark:
                    del waiting[end]
                else:
                    came.append((waiting[end], frame))
        return came

    def report(self) -> None:
        """Entries and counters."""
        print("\n== entries and counters\n")
        # Flow statistics are otherwise gathered in the background.
        run("ovs-appctl", "revalidator/purge", environment=self.environment)
        self.type_in("p4rt-ctl dump-entries br0 router")
        self.type_in("p4rt-inject --bridge br0 --list")
        self.type_in("p4rt-ctl read-register br0 router pipe.dropped")
        self.type_in("ovs-ofctl dump-flows br0")


def cases() -> list[Case]:
    """What h1 sends: to h2, to h3, and what a router must not forward."""

    def packet(dst: str, ttl: int = 64) -> Ether:
        ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:01:01")
        return Ether(bytes(ether / IP(src="10.0.1.1", dst=dst, ttl=ttl) / UDP(sport=1111, dport=2222)))

    def routed(sent: Ether, port: int) -> Ether:
        result = Ether(bytes(sent))
        result.src, result.dst = f"02:00:00:00:01:{port:02x}", f"02:00:00:00:00:{port:02x}"
        result[IP].ttl -= 1
        del result[IP].chksum
        return Ether(bytes(result))

    request = ARP(hwsrc="02:00:00:00:00:01", psrc="10.0.1.1", pdst="10.0.1.254")
    arp = Ether(bytes(Ether(src="02:00:00:00:00:01", dst=BROADCAST) / request))
    to2, to3, host_route = packet("10.0.2.2"), packet("10.0.3.3"), packet("10.0.9.9")
    return [
        Case("to h2, by 10.0.2.0/24", to2, {2: routed(to2, 2)}),
        Case("to h3, by 10.0.0.0/16", to3, {3: routed(to3, 3)}),
        Case("to h2, by the route of one address", host_route, {2: routed(host_route, 2)}),
        Case("a TTL that ends here", packet("10.0.2.2", ttl=1), {}),
        Case("no route", packet("192.0.2.1"), {}),
        Case("a route that says drop", packet("10.0.66.6"), {}),
        Case("ARP, which the program leaves to NORMAL", arp, {2: arp, 3: arp}),
    ]


def describe(frame: Ether) -> str:
    """One line about a packet."""
    start = f"{frame.src} > {frame.dst}"
    if IP not in frame:
        return f"{start}  {frame.payload.summary()}"
    ip = frame[IP]
    return f"{start}  {ip.src} > {ip.dst}  ttl {ip.ttl}  checksum {ip.chksum:#06x}  {len(frame)} bytes"


def remove_all() -> None:
    """Removes the namespaces of the demo, and ends what still runs in the switch's."""
    for name in (SWITCH, *(Host(number).namespace for number in (1, 2, 3))):
        if name in netns.listnetns():
            for pid in run("ip", "netns", "pids", name).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "del", name)


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Runs the demo; returns the exit status."""
    if os.geteuid():
        print("demo: needs root, for network namespaces", file=sys.stderr)
        return 1
    with open(Path(tempfile.gettempdir()) / "p4rt-demo.lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("demo: another one is running", file=sys.stderr)
            return 1
        signal.signal(signal.SIGTERM, _interrupted)
        folder = Path(tempfile.mkdtemp(prefix="p4rt-demo-"))
        demo = Demo(folder)
        try:
            remove_all()
            demo.start()
            demo.configure()
            wrong = demo.traffic()
            demo.report()
            if wrong:
                raise DemoError(f"{wrong} packets did not come out as they should")
            print("\ndemo: every packet came out as it should")
            return 0
        except DemoError as error:
            print(f"demo: FAILED: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
        finally:
            if demo.sandbox.exists():
                run("p4rt-sandbox", "stop", "--dir", str(demo.sandbox), environment=demo.environment)
            remove_all()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
