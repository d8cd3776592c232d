# SPDX-License-Identifier: Apache-2.0
"""Tables of every kind, as packets meet them and as p4rt-ctl manages them."""

from __future__ import annotations

import pytest

from e2e import packets
from e2e.switch import Bridge, Switch


@pytest.fixture
def tables(br0: Bridge) -> Bridge:
    """br0, where tables.p4 handles what h1 sends to h2."""
    br0.load("tables.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    return br0


def answers(switch: Switch, frame: bytes) -> str:
    """What tables.p4 says of a frame: port_type, net6, tenant, ethertype, outcome; in hex."""
    ((got,),) = switch.exchange(1, [frame]).values()
    assert got[6:] == frame[6:]
    assert got[0] == 2
    return got[1:6].hex()


def test_defaults_and_const_entries(switch: Switch, tables: Bridge) -> None:
    assert answers(switch, packets.udp()) == "ee00000403"
    assert answers(switch, packets.udp6()) == "ee00000600"
    assert answers(switch, packets.arp()) == "ee0000ff00"


def test_two_exact_fields(switch: Switch, tables: Bridge) -> None:
    tables.add_entries(
        "tables",
        "table=port_type,port=1,hdr.ethernet.type=0x0806,actions=set_port_type(value=0x11)",
        "table=port_type,port=2,hdr.ethernet.type=0x0800,actions=set_port_type(value=0x22)",
        "table=port_type,port=511,hdr.ethernet.type=0x0800,actions=other()",
    )
    assert answers(switch, packets.arp()) == "110000ff00"
    assert answers(switch, packets.udp()) == "ee00000403"


def test_longest_prefix_of_128_bits(switch: Switch, tables: Bridge) -> None:
    tables.add_entries(
        "tables",
        "table=net6,hdr.ipv6.dst=::/0,actions=set_net6(value=1)",
        "table=net6,hdr.ipv6.dst=2001:db8::/32,actions=set_net6(value=2)",
        "table=net6,hdr.ipv6.dst=2001:db8::8000/113,actions=set_net6(value=3)",
        "table=net6,hdr.ipv6.dst=2001:db8::2/128,actions=set_net6(value=4)",
    )
    assert answers(switch, packets.udp6("2a00::1")) == "ee01000601"
    assert answers(switch, packets.udp6("2001:db8:ffff::1")) == "ee02000601"
    assert answers(switch, packets.udp6("2001:db8::9abc")) == "ee03000601"
    assert answers(switch, packets.udp6("2001:db8::2")) == "ee04000601"


def test_an_exact_field_before_a_prefix(switch: Switch, tables: Bridge) -> None:
    tables.add_entries(
        "tables",
        "table=tenant,port=1,hdr.ipv4.dst=10.0.0.0/8,actions=set_tenant(value=1)",
        "table=tenant,port=1,hdr.ipv4.dst=10.0.2.0/24,actions=other()",
        "table=tenant,port=2,hdr.ipv4.dst=10.0.2.2/32,actions=set_tenant(value=9)",
    )
    assert answers(switch, packets.udp(dst="10.0.1.1")) == "ee00010402"
    assert answers(switch, packets.udp(dst="10.0.2.2")) == "ee00000403"
    assert answers(switch, packets.udp(dst="11.0.0.1")) == "ee00000403"


def test_an_entry_is_modified_and_deleted(switch: Switch, tables: Bridge) -> None:
    key = "table=pipe.port_type,port=1,hdr.ethernet.type=0x0806"
    switch.run("p4rt-ctl", "add-entry", "br0", "tables", f"{key},actions=set_port_type(value=1)")
    assert answers(switch, packets.arp()) == "010000ff00"
    switch.run("p4rt-ctl", "mod-entry", "br0", "tables", f"{key},actions=set_port_type(value=2)")
    assert answers(switch, packets.arp()) == "020000ff00"
    switch.run("p4rt-ctl", "del-entry", "br0", "tables", key)
    assert answers(switch, packets.arp()) == "ee0000ff00"


def test_the_default_action_is_changed(switch: Switch, tables: Bridge) -> None:
    switch.run("p4rt-ctl", "set-default", "br0", "tables",
               "table=pipe.port_type,actions=set_port_type(value=0x77)")  # fmt: skip
    assert answers(switch, packets.udp()) == "7700000403"


def test_what_is_dumped_can_be_added_again(switch: Switch, tables: Bridge) -> None:
    tables.add_entries(
        "tables",
        "table=port_type,port=1,hdr.ethernet.type=0x0806,actions=set_port_type(value=0x11)",
        "table=net6,hdr.ipv6.dst=2001:db8::/32,actions=set_net6(value=2)",
        "table=tenant,port=1,hdr.ipv4.dst=10.0.0.0/8,actions=set_tenant(value=1)",
    )
    dump = switch.run("p4rt-ctl", "dump-entries", "br0", "tables")
    assert len(dump.splitlines()) == 3
    for table in ("port_type", "net6", "tenant"):
        switch.run("p4rt-ctl", "del-entry", "br0", "tables", f"table={table}", "--all")
    assert switch.run("p4rt-ctl", "dump-entries", "br0", "tables") == ""
    (switch.folder / "dump").write_text(dump, encoding="utf-8")
    switch.run("p4rt-ctl", "add-entries", "br0", "tables", "dump")
    assert switch.run("p4rt-ctl", "dump-entries", "br0", "tables") == dump
    assert answers(switch, packets.arp()) == "110000ff00"


def test_const_entries_cannot_be_changed(switch: Switch, tables: Bridge) -> None:
    done = switch.call("p4rt-ctl", "add-entry", "br0", "tables",
                       "table=ethertype,hdr.ethernet.type=0x0806,actions=set_ethertype(value=1)")  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "const" in done.stderr


def test_ten_thousand_entries(switch: Switch, br0: Bridge) -> None:
    br0.load("router")
    lines = [
        f"table=route,hdr.ipv4.dst=10.{i >> 8}.{i & 255}.0/24,actions=forward(port={2 + i % 2})"
        for i in range(10000)
    ]
    (switch.folder / "routes").write_text("\n".join(lines) + "\n", encoding="ascii")
    switch.run("p4rt-ctl", "add-entries", "br0", "router", "routes")
    assert len(switch.run("p4rt-ctl", "dump-entries", "br0", "router", "route").splitlines()) == 10000
    br0.add_entries("router", *(f"table=next_hop,port={p},actions=set_mac(dst={packets.H2},src={packets.H3})"
                                for p in (2, 3)))  # fmt: skip
    br0.add_flows("in_port=1,actions=prog:1")
    picked = [0, 1, 4999, 9998, 9999]
    frames = [packets.udp(dst=f"10.{i >> 8}.{i & 255}.{i % 7}") for i in picked]
    expected = [packets.routed(frame, dst=packets.H2, src=packets.H3) for frame in frames]
    arrived = switch.exchange(1, [*frames, packets.udp(dst="10.200.0.1")])
    assert arrived == {2: [expected[0], expected[3]], 3: [expected[1], expected[2], expected[4]]}


def test_a_full_table_takes_no_more(switch: Switch, tables: Bridge) -> None:
    def entry(port: int) -> str:
        return f"table=port_type,port={port},hdr.ethernet.type=0x0806,actions=other()"

    tables.add_entries("tables", *(entry(port) for port in range(64)))
    done = switch.call("p4rt-ctl", "add-entry", "br0", "tables", entry(64))
    assert done.returncode == 1
    assert "full" in done.stderr
    switch.run("p4rt-ctl", "del-entry", "br0", "tables", "table=port_type,port=5,hdr.ethernet.type=0x0806")
    switch.run("p4rt-ctl", "add-entry", "br0", "tables", entry(64))


def test_registers_are_written_and_read(switch: Switch, br0: Bridge) -> None:
    br0.load("old_model.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    switch.run("p4rt-ctl", "write-register", "br0", "old_model", "pipe.seen[1]", "41")
    switch.exchange(1, [packets.udp()])
    assert switch.run("p4rt-ctl", "read-register", "br0", "old_model", "pipe.seen[1]") == "pipe.seen[1]=42\n"
    assert switch.run("p4rt-ctl", "read-register", "br0", "old_model", "seen") == "pipe.seen[1]=42\n"


def test_members_of_a_value_set_come_and_go(switch: Switch, br0: Bridge) -> None:
    br0.load("types.p4")
    br0.add_flows("in_port=1,actions=prog:1,output:2")
    frames = [packets.arp(), packets.udp()]
    assert switch.exchange(1, frames) == {}
    switch.run("p4rt-ctl", "add-entry", "br0", "types", "value_set=prs.allowed,value=0x0806")
    assert switch.exchange(1, frames) == {2: [packets.arp()]}
    assert switch.run("p4rt-ctl", "dump-entries", "br0", "types") == "value_set=prs.allowed,value=2054\n"
    switch.run("p4rt-ctl", "del-entry", "br0", "types", "value_set=prs.allowed,value=0x0806")
    assert switch.exchange(1, frames) == {}
