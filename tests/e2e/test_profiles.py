# SPDX-License-Identifier: Apache-2.0
"""An action selector in a running switch: members, groups, and the commands that manage them."""

from __future__ import annotations

import pytest

from e2e import packets
from e2e.switch import Bridge, Switch


@pytest.fixture
def balance(br0: Bridge) -> Bridge:
    """br0, where balance.p4 handles what h1 sends; two members, of ports 2 and 3."""
    br0.load("balance.p4")
    br0.add_flows("in_port=1,actions=prog:1")
    br0.add_entries(
        "balance",
        "profile=ports,member=2,actions=forward(port=2)",
        "profile=ports,member=3,actions=forward(port=3)",
    )
    return br0


def frames(ethertype: int) -> list[bytes]:
    """Eight frames, whose hashes are 0 to 7."""
    return [packets.ethernet(ethertype, bytes(46), src=f"02:00:00:00:00:{n:02x}") for n in range(8)]


def test_group_spreads_frames_by_weight(switch: Switch, balance: Bridge) -> None:
    sent = frames(0x1234)
    switch.run("p4rt-ctl", "add-group", "br0", "balance", "profile=ports,group=1,members=[2,3:3]")
    switch.run("p4rt-ctl", "add-entry", "br0", "balance", "table=balance,type=0x1234,actions=group(1)")
    assert switch.exchange(1, sent) == {2: [sent[0], sent[4]], 3: sent[1:4] + sent[5:8]}
    switch.run("p4rt-ctl", "mod-group", "br0", "balance", "profile=ports,group=1,members=[3,2]")
    assert switch.exchange(1, sent) == {3: sent[0::2], 2: sent[1::2]}
    switch.run("p4rt-ctl", "mod-member", "br0", "balance", "profile=ports,member=3,actions=drop()")
    assert switch.exchange(1, sent) == {2: sent[1::2]}
    switch.run("p4rt-ctl", "mod-group", "br0", "balance", "profile=ports,group=1,members=[]")
    assert switch.exchange(1, sent) == {}


def test_what_is_used_stays(switch: Switch, balance: Bridge) -> None:
    run = switch.run
    run("p4rt-ctl", "add-entry", "br0", "balance", "table=balance,type=0x1234,actions=member(2)")
    done = switch.call("p4rt-ctl", "del-member", "br0", "balance", "profile=ports,member=2")
    assert (done.returncode, done.stderr) == (
        1,
        "p4rt-ctl: member 2 of pipe.ports is used by table pipe.balance, entry hdr.ethernet.type=4660\n",
    )
    run("p4rt-ctl", "del-entry", "br0", "balance", "table=balance,type=0x1234")
    run("p4rt-ctl", "del-member", "br0", "balance", "profile=ports,member=2")
    assert run("p4rt-ctl", "dump-members", "br0", "balance") == (
        "profile=pipe.ports,member=3,actions=forward(port=3)\n"
    )
    run("p4rt-ctl", "replace-entries", "br0", "balance", "/dev/null")
    assert run("p4rt-ctl", "dump-entries", "br0", "balance") == ""
