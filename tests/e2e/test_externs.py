# SPDX-License-Identifier: Apache-2.0
"""Externs in a running switch: examples/learning, as packets meet it and as p4rt-ctl manages it."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest

from e2e import packets
from e2e.built import EXAMPLES
from e2e.switch import Bridge, Switch
from e2e.test_ports import packet_ins

H9 = "02:00:00:00:00:09"
TO_H2 = f"table=destination,hdr.ethernet.dst={packets.H2},actions=forward(port=2)"
SENT_TO_H2 = f"pipe.sent[hdr.ethernet.dst={packets.H2}]"
LLDP = packets.ethernet(0x88CC, bytes(46), src=packets.H3, dst="01:80:c2:00:00:0e")


@pytest.fixture
def learning(br0: Bridge) -> Bridge:
    """br0, all of whose packets learning.p4 handles."""
    br0.load("learning")
    br0.add_flows("actions=prog:1")
    return br0


def ctl(switch: Switch, *words: str) -> list[str]:
    """The lines that a verb of p4rt-ctl prints of br0's program."""
    return switch.run("p4rt-ctl", words[0], "br0", "learning", *words[1:]).splitlines()


def frame(dst: str, src: str = packets.H1, size: int = 100) -> bytes:
    return packets.ethernet(0x88BA, bytes(size - 14), src=src, dst=dst)


def test_counters_by_port_and_by_entry(switch: Switch, learning: Bridge) -> None:
    learning.add_entries("learning", TO_H2)
    to2, other = frame(packets.H2), frame(H9, size=60)
    assert switch.exchange(1, [to2, to2]) == {2: [to2, to2]}
    assert switch.exchange(1, [other]) == {2: [other], 3: [other]}
    assert ctl(switch, "read-counter", "received[1]") == ["pipe.received[1]={packets=3,bytes=260}"]
    assert ctl(switch, "read-counter", "sent") == [
        f"{SENT_TO_H2}={{packets=2,bytes=200}}",
        "pipe.sent[default]={packets=1,bytes=60}",
    ]
    as_json = json.loads("".join(ctl(switch, "read-counter", "--format", "json", SENT_TO_H2)))
    assert as_json == [
        {
            "counter": "pipe.sent",
            "table": "pipe.destination",
            "entry": f"hdr.ethernet.dst={packets.H2}",
            "packets": 2,
            "bytes": 200,
        }
    ]
    ctl(switch, "reset-counter", SENT_TO_H2)
    ctl(switch, "reset-counter", "received")
    assert switch.exchange(1, [to2]) == {2: [to2]}
    assert ctl(switch, "read-counter", SENT_TO_H2) == [f"{SENT_TO_H2}={{packets=1,bytes=100}}"]


def test_a_direct_meter_drops_what_is_too_much(switch: Switch, learning: Bridge) -> None:
    """A burst of two and a half frames, and a rate that gives no other in the time of this test."""
    learning.add_entries("learning", TO_H2)
    to2 = frame(packets.H2)
    key = f"pipe.limit[hdr.ethernet.dst={packets.H2}]"
    ctl(switch, "set-meter", key, "cir=1,cbs=250")
    assert switch.exchange(1, [to2] * 4) == {2: [to2, to2]}
    assert ctl(switch, "read-meter", key) == [f"{key}={{cir=1,cbs=250,pir=1,pbs=250}} bytes"]
    ctl(switch, "set-meter", key, "off")
    assert switch.exchange(1, [to2] * 4) == {2: [to2] * 4}


def test_digests_come_while_the_meter_lets_them(switch: Switch, learning: Bridge) -> None:
    ctl(switch, "set-meter", "attention[2]", "cir=0,cbs=2,pir=1,pbs=2")
    command = [
        "p4rt-ctl",
        "monitor",
        "br0",
        "learning",
        "stations",
        "--count",
        "3",
        "--interval",
        "0.05",
        "--all",
    ]
    frames = [frame(H9, f"02:00:00:00:01:{n:02x}") for n in range(4)]
    switch.exchange(2, frames)
    switch.exchange(3, [frame(H9, packets.H3)])
    lines = switch.run(*command).splitlines()
    assert [line for line in lines if "02:00:00:00:01" in line or "port=3" in line] == lines
    assert lines[0] == "pipe.stations[1]={mac=02:00:00:00:01:00,port=2}"
    assert lines[1] == "pipe.stations[2]={mac=02:00:00:00:01:01,port=2}"
    assert lines[2] == "pipe.stations[3]={mac=02:00:00:00:00:03,port=3}"


def test_monitor_tells_what_comes_later(switch: Switch, learning: Bridge) -> None:
    """The first record, which is there before, is not told of."""
    switch.exchange(1, [frame(H9)])
    command = ["p4rt-ctl", "monitor", "br0", "learning", "--count=1", "--interval=0.05", "--format=json"]
    numbers = itertools.count()
    with subprocess.Popen(command, env=switch.environment, stdout=subprocess.PIPE, text=True) as monitor:

        def ended() -> bool:
            switch.exchange(1, [frame(H9, f"02:00:00:00:02:{next(numbers) % 256:02x}")])
            return monitor.poll() is not None

        try:
            switch.wait_until(ended)
        finally:
            monitor.kill()
        assert monitor.stdout is not None
        record = json.loads(monitor.stdout.read())
    assert record["digest"] == "pipe.stations"
    assert record["value"]["mac"].startswith("02:00:00:00:02:")
    assert record["value"]["port"] == 1


def test_the_controller_of_the_example_learns(switch: Switch, learning: Bridge) -> None:
    """What h2 sends teaches where it is; then it moves to h3's port."""
    command = [sys.executable, str(EXAMPLES / "learning" / "controller.py"), "br0", "learning"]
    environment = switch.environment | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as controller:
        try:
            for port in (2, 3):
                switch.exchange(port, [frame(H9, packets.H2)])
                assert controller.stdout is not None
                told = next(line for line in controller.stdout if line.startswith("020000000002"))
                assert told == f"020000000002 is at port {port}\n"
                to2 = frame(packets.H2)
                switch.wait_until(lambda to2=to2, port=port: switch.exchange(1, [to2]) == {port: [to2]})
        finally:
            controller.kill()
    assert [entry for entry in learning.entries("learning") if packets.H2 in entry] == [
        "table=pipe.source,hdr.ethernet.src=02:00:00:00:00:02,port=3,actions=NoAction()",
        "table=pipe.destination,hdr.ethernet.dst=02:00:00:00:00:02,actions=forward(port=3)",
    ]


def test_packet_in_carries_a_header(switch: Switch, learning: Bridge) -> None:
    with packet_ins(switch, "br0") as monitor:
        assert switch.exchange(3, [LLDP]) == {}
        assert monitor.frame() == bytes.fromhex("000388cc") + LLDP


def test_packet_out_goes_where_its_header_says(switch: Switch, learning: Bridge) -> None:
    packet = (bytes.fromhex("0002") + LLDP).hex()
    switch.run("ovs-ofctl", "packet-out", "br0", f"in_port=CONTROLLER packet={packet} actions=prog:1")
    assert switch.collect(2, 1) == [LLDP]
