# SPDX-License-Identifier: Apache-2.0
"""The scripts of the examples, and of programs in the style of others', packet by packet through a switch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e import built
from e2e.replay import STYLES, replay
from e2e.switch import Switch

OTHERWISE_TESTED = {"learning"}
"""Its script has packets of the controller."""

SOURCES = [
    path
    for path in sorted([*built.EXAMPLES.glob("*/*.p4"), *STYLES.glob("*.p4")])
    if path.stem not in OTHERWISE_TESTED
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_script_holds_in_the_switch(switch: Switch, path: Path) -> None:
    result, program = replay(switch, path)
    assert result.failures == ()
    assert (program.packets, program.is_native) == (result.packets, True)


@pytest.fixture
def interpreting(switch: Switch, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switch]:
    """The switch, whose ovs-vswitchd is started anew for this test and has no compiler to native code."""
    switch.stop_vswitchd()
    with monkeypatch.context() as patch:
        patch.setenv("UBPF_JIT", "")
        switch.start_daemons()
    yield switch
    switch.remove_bridges()
    switch.stop_vswitchd()
    switch.start_daemons()


def test_without_a_compiler_programs_are_interpreted_and_the_log_says_so_once(interpreting: Switch) -> None:
    log = interpreting.sandbox.log_dir / "ovs-vswitchd.log"
    before = log.stat().st_size
    for path in (STYLES / "track.p4", STYLES / "addresses.p4", built.source("policer"), built.source("mpls")):
        result, program = replay(interpreting, path)
        assert result.failures == ()
        assert (program.packets, program.is_native) == (result.packets, False)
        interpreting.remove_bridges()
    said = log.read_text(encoding="utf-8")[before:]
    assert re.findall("programs are interpreted: .*", said) == [
        "programs are interpreted: there is no compiler to native code (UBPF_JIT is empty)"
    ]
