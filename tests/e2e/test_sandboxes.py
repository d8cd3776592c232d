# SPDX-License-Identifier: Apache-2.0
"""Sandboxes in one network namespace, and what a killed switch leaves there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


class Sandboxes:
    """Sandboxes below a folder, all in one network namespace of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # It says a word once it has left this namespace; until then, nobody could follow it.
        command = ["unshare", "--net", "sh", "-c", "echo there; exec sleep 600"]
        self._holder = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"there\n"
        self._started: set[str] = set()

    def sandbox(self, *arguments: str) -> str:
        """Runs p4rt-sandbox; returns its messages."""
        program = "from p4rt.cli.sandbox import main; main()"
        return self.run(sys.executable, "-P", "-c", program, *arguments).stderr

    def start(self, name: str) -> str:
        """Starts a sandbox with a bridge br0; returns the messages of `p4rt-sandbox start`."""
        self._started.add(name)
        messages = self.sandbox("start", "--dir", str(self.folder / name))
        line = f'eval "$({sys.executable} -P -c "from p4rt.cli.sandbox import main; main()" '
        line += f'env --dir {self.folder / name})"; ovs-vsctl --may-exist add-br br0 -- '
        self.run("sh", "-c", f"{line} set bridge br0 datapath_type=netdev")
        return messages

    def kill_switch(self, name: str) -> None:
        """Ends a switch as a crash would."""
        pid = (self.folder / name / "run/ovs-vswitchd.pid").read_text().strip()
        self.run("sh", "-c", f"kill -9 {pid}; while kill -0 {pid} 2>/dev/null; do sleep 0.05; done")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command in the namespace; it must succeed."""
        inside = ["nsenter", f"--net=/proc/{self._holder.pid}/ns/net", *command]
        return subprocess.run(inside, capture_output=True, text=True, check=True, timeout=120)

    def close(self) -> None:
        """Stops and removes all."""
        for name in self._started:
            self.sandbox("stop", "--delete", "--dir", str(self.folder / name))
        self._holder.kill()
        self._holder.communicate()


@pytest.fixture
def sandboxes(tmp_path: Path) -> Iterator[Sandboxes]:
    if os.geteuid():
        pytest.skip("needs root")
    boxes = Sandboxes(tmp_path)
    yield boxes
    boxes.close()


def test_second_sandbox_of_a_namespace_is_warned(sandboxes: Sandboxes) -> None:
    assert "another Open vSwitch" not in sandboxes.start("one")
    messages = sandboxes.sandbox("start", "--dir", str(sandboxes.folder / "two"))
    sandboxes.sandbox("stop", "--delete", "--dir", str(sandboxes.folder / "two"))
    assert "another Open vSwitch has a userspace datapath in this network namespace" in messages


def test_interface_that_a_killed_switch_left_is_no_rival(sandboxes: Sandboxes) -> None:
    sandboxes.start("one")
    sandboxes.kill_switch("one")
    # As a rule the killed switch leaves it; the test is about what comes after.
    sandboxes.run("sh", "-c", "ip link show ovs-netdev || ip tuntap add dev ovs-netdev mode tap")
    assert sandboxes.start("one") == f"sandbox started in {sandboxes.folder / 'one'}\n"
