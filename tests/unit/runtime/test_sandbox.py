# SPDX-License-Identifier: Apache-2.0
"""A private Open vSwitch: the life of its daemons."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from p4rt.runtime.errors import InputError
from p4rt.runtime.sandbox import Sandbox, SandboxError, shell_exports


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    box = Sandbox(tmp_path / "box")
    yield box
    box.stop()


def kill(pid: int) -> None:
    """Ends a process as a crash would, and waits until it is gone."""
    gone = select.poll()
    fd = os.pidfd_open(pid)
    gone.register(fd, select.POLLIN)
    os.kill(pid, signal.SIGKILL)
    assert gone.poll(10000)
    os.close(fd)


def test_start_and_stop(sandbox: Sandbox) -> None:
    assert not sandbox.running()
    assert sandbox.start()
    assert sandbox.running()
    assert (sandbox.run_dir / "db.sock").is_socket()
    pid = sandbox.pid("ovs-vswitchd")
    assert not sandbox.start()
    assert sandbox.pid("ovs-vswitchd") == pid
    assert sandbox.stop()
    assert not sandbox.running()
    assert sandbox.pid("ovsdb-server") is None
    assert not sandbox.stop()


def test_tools_reach_it_and_its_database_is_kept(sandbox: Sandbox) -> None:
    sandbox.start()
    sandbox.run("ovs-vsctl", "--no-wait", "set", "Open_vSwitch", ".", "external_ids:mine=1")
    sandbox.stop()
    sandbox.start()
    assert sandbox.run("ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids:mine") == '"1"\n'


def test_switch_that_was_killed_is_started_again(sandbox: Sandbox) -> None:
    sandbox.start()
    database, switch = sandbox.pid("ovsdb-server"), sandbox.pid("ovs-vswitchd")
    assert switch is not None
    kill(switch)
    assert not sandbox.running()
    assert sandbox.start()
    assert sandbox.pid("ovsdb-server") == database
    assert sandbox.running()


@pytest.mark.parametrize(
    "content",
    [str(os.getpid()), "99999999", "no number", ""],
    ids=["another process", "no process", "no number", "empty"],
)
def test_stale_pid_file_is_not_believed(sandbox: Sandbox, content: str) -> None:
    sandbox.run_dir.mkdir(parents=True)
    (sandbox.run_dir / "ovsdb-server.pid").write_text(content)
    assert sandbox.pid("ovsdb-server") is None
    assert not sandbox.stop()
    assert sandbox.start()


def test_exports_are_taken_by_a_shell(sandbox: Sandbox) -> None:
    sandbox.start()
    script = f"{shell_exports(sandbox.environment())} ovs-appctl -t ovs-vswitchd version"
    env = os.environ | {"PATH": "/bin"}
    done = subprocess.run(["sh", "-c", script], env=env, capture_output=True, text=True)
    assert done.stdout.startswith("ovs-vswitchd (Open vSwitch) "), done.stderr


def test_delete_takes_the_folder_away(sandbox: Sandbox) -> None:
    sandbox.start()
    sandbox.delete()
    assert not sandbox.dir.exists()


def test_folder_with_files_of_others_is_not_deleted(sandbox: Sandbox) -> None:
    sandbox.dir.mkdir()
    (sandbox.dir / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds thesis\.txt, which is not a sandbox's; not deleted"):
        sandbox.delete()
    assert (sandbox.dir / "thesis.txt").exists()


def test_daemon_that_does_not_start_shows_why(tmp_path: Path) -> None:
    for name in ("ovs-vswitchd", "ovsdb-server", "ovsdb-tool"):
        path = tmp_path / "prefix/sbin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho '{name}: no space left' >&2\nexit 3\n")
        path.chmod(0o755)
    with pytest.raises(SandboxError, match=r"ovsdb-tool failed\n  ovsdb-tool: no space left\Z"):
        Sandbox(tmp_path / "box", prefix=tmp_path / "prefix").start()


def test_prefix_without_open_vswitch(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a prefix of Open vSwitch: it has no sbin/ovs-vswitchd"):
        Sandbox(tmp_path / "box", prefix=tmp_path).start()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot use .*/file/box for a sandbox: Not a directory"):
        Sandbox(tmp_path / "file/box").start()


def test_folder_without_a_name() -> None:
    with pytest.raises(InputError, match="the name of the sandbox's folder is empty"):
        Sandbox("")
