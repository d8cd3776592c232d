# SPDX-License-Identifier: Apache-2.0
"""Hosts in network namespaces, joined by veth pairs to the switch's own namespace.

All names carry the process id of the run, so that two runs never meet, and what a killed run left
behind is recognised and removed by the next one.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pyroute2 import IPRoute, netns

PREFIX = "p4rt-e2e"
MTU = 9000

# From <linux/if_packet.h>, <linux/if_ether.h>, <linux/socket.h> and <asm-generic/socket.h>.
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_IGNORE_OUTGOING = 23
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6
ETH_P_ALL = 0x0003

# Frames that show that everything sent before them has arrived (see `Switch.exchange`).
SENTINEL_TYPE = 0x88B5


@contextlib.contextmanager
def inside(namespace: str) -> Iterator[None]:
    """Runs the body in a network namespace; sockets and children made there stay in it."""
    netns.pushns(namespace)
    try:
        yield
    finally:
        netns.popns()


@contextlib.contextmanager
def links_of(namespace: str) -> Iterator[IPRoute]:
    """Netlink to the devices of a namespace, from this thread: no helper process."""
    with inside(namespace), IPRoute() as links:
        yield links


@contextlib.contextmanager
def _on_one_cpu() -> Iterator[None]:
    """Keeps this thread on one CPU: veth keeps the order of frames only per CPU."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Endpoint:
    """A device of a namespace, with a raw socket on it."""

    def __init__(self, namespace: str, device: str) -> None:
        with inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.socket.bind((device, ETH_P_ALL))
        self.socket.setblocking(False)

    def send(self, frames: Sequence[bytes]) -> None:
        """Sends frames in order, back to back."""
        with _on_one_cpu():
            for frame in frames:
                self.socket.send(frame)

    def receive(self) -> bytes | None:
        """The next frame that arrived, VLAN tag included, or None at once."""
        try:
            data, ancillary, _, _ = self.socket.recvmsg(65536, 256)
        except BlockingIOError:
            return None
        for level, kind, value in ancillary:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
                if status & TP_STATUS_VLAN_VALID:
                    tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    return data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data

    def drain(self) -> list[bytes]:
        """Everything that has arrived so far."""
        frames = []
        while (frame := self.receive()) is not None:
            frames.append(frame)
        return frames


class Host(Endpoint):
    """One host: a namespace with a device `eth0`, whose other end is `name` at the switch.

    `number` is the OpenFlow port that the tests give it; its MAC address is 02:00:00:00:00:NN.
    """

    def __init__(self, run: int, number: int, switch_namespace: str) -> None:
        self.number = number
        self.name = f"h{number}"
        self.namespace = f"{PREFIX}-{run}-{self.name}"
        self.mac = f"02:00:00:00:00:{number:02x}"
        make_namespace(self.namespace)
        with links_of(switch_namespace) as links:
            links.link("add", ifname=self.name, kind="veth", mtu=MTU,
                       peer={"ifname": "eth0", "net_ns_fd": self.namespace, "mtu": MTU,
                             "address": self.mac})  # fmt: skip
            _up(links, self.name)
        with links_of(self.namespace) as links:
            _up(links, "lo")
            _up(links, "eth0")
        _no_offload(switch_namespace, self.name)
        _no_offload(self.namespace, "eth0")
        super().__init__(self.namespace, "eth0")

    def configure(self, address: str) -> None:
        """Gives `eth0` an IP address ("10.0.0.1/24") for tests that use the kernel's own stack."""
        ip, length = address.split("/")
        with links_of(self.namespace) as links:
            links.addr("add", index=links.link_lookup(ifname="eth0")[0], address=ip, prefixlen=int(length))

    def unconfigure(self) -> None:
        """Takes every IP address away again."""
        with links_of(self.namespace) as links:
            links.flush_addr(index=links.link_lookup(ifname="eth0")[0])

    def close(self) -> None:
        self.socket.close()
        remove_namespace(self.namespace)


def wait_readable(endpoints: Sequence[Endpoint], deadline: float) -> None:
    """Blocks until a frame waits at one of `endpoints`; TimeoutError at `deadline` (monotonic seconds)."""
    left = deadline - time.monotonic()
    if left <= 0 or not select.select([endpoint.socket for endpoint in endpoints], [], [], left)[0]:
        raise TimeoutError


def _up(links: IPRoute, name: str) -> None:
    links.link("set", index=links.link_lookup(ifname=name)[0], state="up")


def _no_offload(namespace: str, device: str) -> None:
    """No offloads: the frames seen are those that were sent, and their checksums are there."""
    features = [word for feature in ("tx", "gro", "gso", "tso") for word in (feature, "off")]
    with inside(namespace):
        subprocess.run(["ethtool", "-K", device, *features], check=True, capture_output=True)


def make_namespace(name: str) -> None:
    """A new namespace in which no device speaks IPv6 by itself."""
    netns.create(name)
    with inside(name):
        for scope in ("all", "default"):
            path = f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"
            if os.path.exists(path):
                with open(path, "w", encoding="ascii") as file:
                    file.write("1")


def remove_namespace(name: str) -> None:
    """Removes a namespace, ending first what this or a killed run still has running in it."""
    for pid in netns.ns_pids().get(name, []):
        if pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(FileNotFoundError):
        netns.remove(name)


def remove_stale() -> None:
    """Removes the namespaces and folders of runs whose process is gone."""
    for name in netns.listnetns():
        if _is_stale(name):
            remove_namespace(name)
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"):
        if _is_stale(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _is_stale(name: str) -> bool:
    match = re.fullmatch(rf"{PREFIX}-(\d+)-\w+", name)
    return match is not None and not os.path.exists(f"/proc/{match[1]}")


def make_folder() -> Path:
    """A new folder for temporary files of this run."""
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-"))
