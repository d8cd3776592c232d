# SPDX-License-Identifier: Apache-2.0
"""Runs the programs that the compiler needs, and gets on with its own work while they run."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path


def run(
    command: Sequence[str],
    *,
    data: bytes = b"",
    folder: Path | None = None,
    timeout: float | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run `command` on `data`, and call `meanwhile` once it has started.

    Raises what subprocess.run() does, and what `meanwhile` does, with the program ended.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder) as process:
        try:
            if meanwhile is not None:
                meanwhile()
            out, err = process.communicate(data, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)
