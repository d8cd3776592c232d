# SPDX-License-Identifier: Apache-2.0
"""How other programs are run."""

from __future__ import annotations

import subprocess

import pytest

from p4rt.compiler import tools


def test_input_is_given_before_the_own_work_begins() -> None:
    seen: list[bytes] = []
    running = tools.start(["sed", "-u", "s/^/> /"])
    out = running.stdout
    assert out is not None
    done = tools.finish(running, b"one\ntwo\n", meanwhile=lambda: seen.append(out.read(12)))
    assert (seen, done.returncode, done.stdout, done.stderr) == ([b"> one\n> two\n"], 0, b"", b"")


def test_a_program_that_does_not_read_says_why() -> None:
    done = tools.run(["sh", "-c", "exec 0<&-; echo no >&2; exit 3"], data=b"x" * (1 << 20))
    assert (done.returncode, done.stderr) == (3, b"no\n")


def test_a_program_ends_with_the_work_beside_it() -> None:
    running = tools.start(["sleep", "1000"])

    def fail() -> None:
        raise ValueError("meanwhile")

    with pytest.raises(ValueError, match="meanwhile"):
        tools.finish(running, meanwhile=fail)
    assert running.returncode == -9


def test_a_program_that_takes_too_long_is_ended() -> None:
    running = tools.start(["sleep", "1000"])
    with pytest.raises(subprocess.TimeoutExpired):
        tools.finish(running, timeout=0.01)
    assert running.returncode == -9


def test_a_program_that_is_not_needed_is_ended() -> None:
    running = tools.start(["cat"])
    tools.end(running)
    assert running.returncode == -9
