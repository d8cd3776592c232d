# SPDX-License-Identifier: Apache-2.0
"""A peer of a connection that plays literal bytes over a socket pair."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ovs.stream

from p4rt.runtime.connection import Connection

Peer = Callable[[socket.socket], None]
Play = Callable[[Peer], Connection]


def take(peer: socket.socket, n: int) -> bytes:
    """Exactly `n` bytes of what the connection sent."""
    data = b""
    while len(data) < n:
        part = peer.recv(n - len(data))
        assert part, "the connection was closed"
        data += part
    return data


@contextmanager
def playing() -> Iterator[Play]:
    """Makes connections whose peers run given functions, each in a thread."""
    threads: list[threading.Thread] = []
    failures: list[BaseException] = []
    sockets: list[socket.socket] = []

    def start(peer: Peer) -> Connection:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.settimeout(10)
        sockets.extend((ours, theirs))

        def run() -> None:
            try:
                peer(theirs)
            except BaseException as e:
                failures.append(e)
            finally:
                theirs.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return Connection(ovs.stream.Stream(ours, "test", 0), "br0", timeout=5)

    yield start
    for thread in threads:
        thread.join(10)
    for s in sockets:
        s.close()
    assert not failures, failures
