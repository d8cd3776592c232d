# SPDX-License-Identifier: Apache-2.0
"""A relay between a command and the switch, for something to happen in the middle."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def relay(target: Path, folder: Path, after: int, then: Callable[[], object]) -> Iterator[str]:
    """A socket that passes one connection on to `target`, and calls `then` once `after` bytes have
    gone there.  Yields its name, as commands take it in place of a bridge's."""
    path = folder / "relay"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)
    thread = threading.Thread(target=_pass_on, args=(listener, target, after, then))
    thread.start()
    try:
        yield f"unix:{path}"
    finally:
        thread.join()
        listener.close()
        path.unlink()


def _pass_on(listener: socket.socket, target: Path, after: int, then: Callable[[], object]) -> None:
    client, _ = listener.accept()
    with client, socket.socket(socket.AF_UNIX) as switch, contextlib.suppress(ConnectionError):
        switch.connect(str(target))
        sent = 0
        while True:
            for ready in select.select([client, switch], [], [])[0]:
                data = ready.recv(65536)
                if not data:
                    return
                (switch if ready is client else client).sendall(data)
                if ready is client:
                    if sent < after <= sent + len(data):
                        then()
                    sent += len(data)
