# SPDX-License-Identifier: Apache-2.0
"""Counters, meters and digests by name: what users type, what programs say of themselves, upgrades."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from p4_programs import compiled, source

from p4rt.runtime import stf
from p4rt.runtime.entries import parse_entry
from p4rt.runtime.errors import InputError
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.local import LocalProgram
from p4rt.runtime.meters import Rates, parse_rates
from p4rt.runtime.upgrade import misread

TEXT = "#include <ubpf_externs.p4>\n" + source(
    top="struct seen_t { bit<8> a; bit<8> b; }",
    locals="""
    Counter<bit<32>, bit<8>>(8, PSA_CounterType_t.PACKETS) ports;
    Meter<bit<8>>(8, PSA_MeterType_t.BYTES) users;
    DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS) hits;
    DirectMeter(PSA_MeterType_t.PACKETS) police;
    Digest<seen_t>() seen;
    action mark() {
        hits.count();
        if (police.execute() == PSA_MeterColor_t.RED) { hdr.h.b = 9; }
    }
    table t {
        key = { hdr.h.a: lpm; }
        actions = { mark; NoAction; }
        psa_direct_counter = hits;
        psa_direct_meter = police;
    }
    """,
    apply="""
    ports.count(hdr.h.a);
    if (users.execute(hdr.h.a) == PSA_MeterColor_t.RED) { mark_to_drop(); }
    seen.pack({hdr.h.a, hdr.h.b});
    t.apply();
    """,
)


@pytest.fixture
def program() -> LocalProgram:
    """The program with an entry, after one packet."""
    loaded = LocalProgram(compiled(TEXT).object)
    loaded.tables.add([parse_entry(loaded.info, "table=t,hdr.h.a=0x10/4,actions=mark()")])
    loaded.engine.run(b"\x01\x00")
    return loaded


# ---- Rates


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("cir=1000,cbs=2000,pir=3000,pbs=4000", Rates(1000, 2000, 3000, 4000)),
        ("pbs=4k, cir=1M ,pir=2G,cbs=0x10", Rates(1_000_000, 16, 2_000_000_000, 4000)),
        ("cir=5,cbs=6", Rates(5, 6, 5, 6)),
        ("off", Rates()),
    ],
)
def test_rates(text: str, rates: Rates):
    assert parse_rates(text) == rates


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cir=1", "a meter needs cbs"),
        ("pir=1,pbs=1", "a meter needs cir and cbs"),
        ("cir=1,cbs=1,pir=2", "a meter needs pbs"),
        ("cir=2,cbs=1,pir=1,pbs=1", "the peak rate 1 is less than the committed rate 2"),
        ("cir=0,cbs=1", "a peak rate of 0: 'off' takes the rates away"),
        ("cir=1,cir=2,cbs=1", "cir is given twice"),
        ("cir=fast,cbs=1", "cir: 'fast' is not a number such as 1500, 10k, 5M or 1G"),
        ("cir=-1,cbs=1", "cir: '-1' is not a number such as 1500, 10k, 5M or 1G"),
        ("cir=99999999999999999999,cbs=1", "cir: 99999999999999999999 does not fit 64 bits"),
        ("rate=1", "'rate=1' is not one of cir=RATE, cbs=BURST, pir=RATE, pbs=BURST (or 'off')"),
    ],
)
def test_wrong_rates(text: str, message: str):
    with pytest.raises(InputError) as caught:
        parse_rates(text)
    assert str(caught.value) == message


# ---- Names


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ports[8]", "counter pipe.ports has 8 elements, from 0 on; no 8"),
        ("ports[x]", "'x' is not an index of counter pipe.ports"),
        ("port", "program test has no counter port (counters: pipe.ports, pipe.hits)"),
        ("hits[hdr.h.a=0x20/4]", "table pipe.t has no entry hdr.h.a=32/4"),
        ("hits[hdr.h.b=1]", "table pipe.t has no key field hdr.h.b (key fields: hdr.h.a)"),
        ("hits[default,hdr.h.a=1]",
         "'default,hdr.h.a=1' is neither the key of an entry of table pipe.t nor 'default'"),
        ("[1]", "'[1]' is not NAME[INDEX]"),
    ],
)  # fmt: skip
def test_wrong_counter(program: LocalProgram, name: str, message: str):
    with pytest.raises(InputError) as caught:
        program.counters.read(name)
    assert str(caught.value) == message


def test_a_shorter_prefix_is_another_entry(program: LocalProgram):
    """A lookup in an LPM map would find it; its counter is not the one that was asked for."""
    with pytest.raises(InputError, match=r"no entry hdr\.h\.a=16/6"):
        program.counters.read("hits[hdr.h.a=0x10/6]")


def test_a_meter_is_set_by_element(program: LocalProgram):
    with pytest.raises(InputError, match=r"which element\? Give pipe.users\[INDEX\]"):
        program.meters.set("users", Rates(1, 1, 1, 1))
    with pytest.raises(InputError, match=r"which element\? Give pipe.police\[KEY\]"):
        program.meters.set("police", Rates(1, 1, 1, 1))


@pytest.mark.parametrize(
    ("setting", "second"),
    [
        ("set_meter users[1] cir=1,cbs=2", ""),
        ("SET_METER pipe.users[1]  cir=1,cbs=4", "expect 7 0100$"),
        ("add t hdr.h.a:0/4 mark()\nset_meter police[hdr.h.a=0/4] cir=1,cbs=1", "expect 7 0109$"),
    ],
)
def test_a_script_sets_meters(setting: str, second: str):
    script = [*setting.split("\n"), "packet 7 0100", "expect 7 0100$", "packet 7 0100", second]
    result = stf.run(LocalProgram(compiled(TEXT).object), script, "t.stf")
    assert (result.packets, result.failures) == (2, ())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("set_meter", "not: set_meter NAME[INDEX or KEY] cir=RATE,cbs=BURST,pir=RATE,pbs=BURST"),
        ("set_meter users[1]", "not: set_meter NAME[INDEX or KEY] cir=RATE,cbs=BURST,pir=RATE,pbs=BURST"),
        ("set_meter users cir=1,cbs=2", "which element? Give pipe.users[INDEX]"),
        ("set_meter users[8] cir=1,cbs=2", "meter pipe.users has 8 elements, from 0 on; no 8"),
        ("set_meter users[1] cir=1", "a meter needs cbs"),
        ("set_meter a[1] cir=1,cbs=1", "program test has no meter a (meters: pipe.users, pipe.police)"),
    ],
)
def test_a_wrong_setting_is_refused(statement: str, message: str):
    with pytest.raises(InputError) as error:
        stf.run(LocalProgram(compiled(TEXT).object), [statement], "t.stf")
    assert str(error.value) == f"t.stf:1: {message}"


def test_json(program: LocalProgram):
    program.meters.set("users[3]", Rates(1, 2, 3, 4))
    assert program.counters.read("ports[1]")[0].to_json() == {
        "counter": "pipe.ports", "index": 1, "packets": 1,
    }  # fmt: skip
    assert program.meters.read("users")[0].to_json() == {
        "meter": "pipe.users", "index": 3, "unit": "bytes",
        "rates": {"cir": 1, "cbs": 2, "pir": 3, "pbs": 4},
    }  # fmt: skip
    assert program.meters.read("police[default]")[0].to_json() == {
        "meter": "pipe.police", "table": "pipe.t", "entry": "default", "unit": "packets", "rates": None,
    }  # fmt: skip
    (digest,) = program.digests.find("seen")
    assert program.digests.read(digest)[0].to_json() == {
        "digest": "pipe.seen", "number": 1, "value": {"a": 1, "b": 0},
    }  # fmt: skip


def test_program_without_digests():
    loaded = LocalProgram(compiled(source()).object)
    with pytest.raises(InputError, match="program test has no digests"):
        loaded.digests.find(None)


# ---- Scripts


def test_script_checks_counters(program: LocalProgram):
    """The fixture has sent one packet already."""
    script = """
    packet 1 0100
    expect 1 0100
    check_counter pipe.ports(1) packets == 2
    check_counter pipe_ports (1) >= 2
    check_counter ports == 2
    check_counter pipe.ports(2) packets != 0
    packet 1 1000
    check_counter hits == 1
    """
    result = stf.run(program, script.splitlines(), "test.stf")
    assert (result.packets, result.expectations) == (2, 6)
    assert result.failures == ("test.stf:7: counter pipe.ports[2] has counted 0 packets",)


# ---- What a program says of itself

Change = Callable[[dict[str, Any]], Any]


def changed(change: Change) -> ProgramInfo:
    """The program's information after a change."""
    top = json.loads(json.dumps(compiled(TEXT).info))
    change(top)
    return ProgramInfo.from_json(json.dumps(top))


@pytest.mark.parametrize(
    "change",
    [
        lambda top: top["counters"][0].update(value=[]),
        lambda top: top["counters"][0]["value"][0].update(offset=8),
        lambda top: top["counters"][0]["value"][0].update(name="drops"),
        lambda top: top["direct_counters"][0].update(table="pipe.u"),
        lambda top: top["direct_counters"][0]["value"][0].update(offset=1 << 40),
        lambda top: top["meters"][0].update(unit="cells"),
        lambda top: top["meters"][0].update(value_size=8),
        lambda top: top["direct_meters"][0].update(offset=4),
        lambda top: top["direct_meters"][0].update(offset=1 << 20),
        lambda top: top["digests"][0].update(value=[]),
        lambda top: top["digests"][0].pop("map"),
        lambda top: top["digests"].append(top["digests"][0]),
        lambda top: top.update(counters=7),
    ],
)
def test_damaged_information(change: Change):
    with pytest.raises(InputError, match="the program's information is damaged"):
        changed(change)


# ---- Upgrades


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda top: top["counters"][0]["value"][0].update(name="bytes"),
         "counter pipe.ports: it counts something else"),
        (lambda top: top["meters"][0].update(unit="packets"), "meter pipe.users: its unit is another one"),
        (lambda top: top["digests"][0]["value"][0].update(width=4),
         "digest pipe.seen: its records are laid out differently"),
        (lambda top: top["direct_counters"][0]["value"][0].update(name="bytes"),
         "table pipe.t: its entries count or meter something else"),
        (lambda top: top["direct_meters"][0].update(unit="bytes"),
         "table pipe.t: its entries count or meter something else"),
    ],
    ids=["counter", "meter", "digest", "direct counter", "direct meter"],
)  # fmt: skip
def test_misread_upgrade(program: LocalProgram, change: Change, message: str):
    program.meters.set("users[3]", Rates(1, 2, 3, 4))
    assert misread(program.info, program.maps, changed(change)) == [message]
    assert misread(program.info, program.maps, changed(lambda top: None)) == []
    fresh = LocalProgram(compiled(TEXT).object)
    assert misread(fresh.info, fresh.maps, changed(change)) == []
