# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the end-to-end tests: one switch for the whole run, a new bridge for each test.

`P4RT_TEST_FLAVOUR` chooses the build of Open vSwitch: `release` (default) or `asan`.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from types import FrameType

import pytest

from e2e import built
from e2e.hosts import make_folder, remove_stale
from e2e.switch import Bridge, Switch

HOSTS = 4


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def running_switch() -> Iterator[Switch]:
    """The switch of the run; at the end its log and the sanitizers' reports must be clean."""
    if os.geteuid():
        pytest.exit("the end-to-end tests make network namespaces: run them as root", 1)
    signal.signal(signal.SIGTERM, _interrupt)
    remove_stale()
    folder = make_folder()
    built.folder = folder / "objects"
    built.folder.mkdir()
    switch = Switch(os.environ.get("P4RT_TEST_FLAVOUR", "release"), folder, HOSTS)
    try:
        try:
            switch.start()
            yield switch
        finally:
            switch.stop()
        complaints = switch.complaints()
        assert not complaints, "\n".join(complaints)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def switch(running_switch: Switch) -> Iterator[Switch]:
    """The switch, without bridges before and after the test, and alive all the time."""
    yield running_switch
    try:
        running_switch.assert_alive()
    finally:
        running_switch.clear()


@pytest.fixture
def br0(switch: Switch) -> Bridge:
    """Bridge br0 with hosts h1, h2 and h3 at ports 1, 2 and 3; it has no flows."""
    return switch.add_bridge("br0", [1, 2, 3])
