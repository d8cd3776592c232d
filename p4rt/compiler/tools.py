# SPDX-License-Identifier: Apache-2.0
"""Runs the programs that the compiler needs, and gets on with its own work while they run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

Running = subprocess.Popen[bytes]


def start(command: Sequence[str], *, folder: Path | None = None) -> Running:
    """Start `command`, to be ended with `finish` or `end`; raises what subprocess.Popen() does."""
    pipe = subprocess.PIPE
    return subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder)


def finish(
    running: Running,
    data: bytes = b"",
    *,
    timeout: float | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Give a program that reads all of its input first `data`, call `meanwhile`, and wait for its result.

    Raises what subprocess.run() does, and what `meanwhile` does, with the program ended.
    """
    try:
        assert running.stdin is not None
        with suppress(BrokenPipeError):  # It gave up; its result says why.
            running.stdin.write(data)
        with suppress(BrokenPipeError):
            running.stdin.close()
        running.stdin = None
        if meanwhile is not None:
            meanwhile()
        out, err = running.communicate(timeout=timeout)
    except BaseException:
        end(running)
        raise
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def end(running: Running) -> None:
    """Make an end of a program that is not needed any more, if it is still there."""
    with running:
        running.kill()


def run(
    command: Sequence[str],
    *,
    data: bytes = b"",
    timeout: float | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """`start` and `finish`."""
    return finish(start(command), data, timeout=timeout, meanwhile=meanwhile)
