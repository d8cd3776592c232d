# SPDX-License-Identifier: Apache-2.0
"""Externs of ubpf_externs.p4 on packets: counters, meters, registers, random numbers, digests, resubmit."""

from __future__ import annotations

import pytest
from p4_programs import compiled, source
from test_refused import first_error

import ubpf
from p4rt.runtime.entries import parse_entry
from p4rt.runtime.local import LocalProgram
from p4rt.runtime.meters import parse_rates

EXTERNS = "#include <ubpf_externs.p4>\n"


def load(**parts: str) -> LocalProgram:
    """A program that includes the externs."""
    return LocalProgram(compiled(EXTERNS + source(**parts)).object)


def run(program: LocalProgram, packet: str) -> str:
    """The packet that leaves."""
    return program.engine.run(bytes.fromhex(packet)).packet.hex()


def add(program: LocalProgram, text: str) -> None:
    """Add an entry."""
    program.tables.add([parse_entry(program.info, text)])


def counts(program: LocalProgram, name: str) -> list[str]:
    """What p4rt-ctl read-counter prints."""
    return [count.format() for count in program.counters.read(name)]


# ---- Counters


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("PACKETS", ["pipe.c[3]={packets=2}", "pipe.c[4]={packets=1}"]),
        ("BYTES", ["pipe.c[3]={bytes=5}", "pipe.c[4]={bytes=4}"]),
        ("PACKETS_AND_BYTES", ["pipe.c[3]={packets=2,bytes=5}", "pipe.c[4]={packets=1,bytes=4}"]),
    ],
)
def test_counter_counts(kind: str, expected: list[str]):
    program = load(
        locals=f"Counter<bit<32>, bit<8>>(8, PSA_CounterType_t.{kind}) c;", apply="c.count(hdr.h.a);"
    )
    for packet in ("0300", "030000", "04000000", "0800"):
        run(program, packet)
    assert counts(program, "c") == expected


def test_counter_of_one_element_by_index():
    program = load(
        locals="Counter<bit<32>, bit<16>>(256, PSA_CounterType_t.PACKETS) c;",
        apply="c.count(hdr.h.a ++ hdr.h.b);",
    )
    for packet in ("0003", "0103", "0003"):
        run(program, packet)
    assert counts(program, "pipe.c[3]") == ["pipe.c[3]={packets=2}"]
    assert counts(program, "pipe.c[4]") == ["pipe.c[4]={packets=0}"]


def test_counter_with_a_wide_index_counts_inside_only():
    program = load(
        locals="Counter<bit<32>, bit<80>>(256, PSA_CounterType_t.PACKETS) c;",
        apply="bit<80> i = 0; i[7:0] = hdr.h.a; i[79:72] = hdr.h.b; c.count(i);",
    )
    for packet in ("0300", "0301"):
        run(program, packet)
    assert counts(program, "c") == ["pipe.c[3]={packets=1}"]


def test_counter_with_a_constant_index_outside_counts_nothing():
    program = load(
        locals="Counter<bit<32>, bit<80>>(2, PSA_CounterType_t.PACKETS) c; "
        "Register<bit<32>, bit<80>>(2) r;",
        apply="c.count(80w2); c.count((80w0x7fffffffffffffffffff | (bit<80>) hdr.h.a) & 3); "
        "r.write(80w7, 1); hdr.h.a = (bit<8>) r.read(80w7);",
    )
    run(program, "0300")
    assert counts(program, "c") == []


def test_counter_is_reset():
    program = load(
        locals="Counter<bit<32>, bit<8>>(8, PSA_CounterType_t.PACKETS) c;", apply="c.count(hdr.h.a);"
    )
    for packet in ("0100", "0200", "0200"):
        run(program, packet)
    assert program.counters.reset("c[2]") == 1
    assert counts(program, "c") == ["pipe.c[1]={packets=1}"]


TABLE = """
DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) hits;
action mark(bit<8> v) { hits.count(); hdr.h.b = v; }
action pass() { hits.count(); }
action silent() { }
table t {
    key = { hdr.h.a: exact; }
    actions = { mark; pass; silent; }
    default_action = pass();
    psa_direct_counter = hits;
}
"""


def test_direct_counter_counts_each_entry_and_the_default_action():
    program = load(locals=TABLE, apply="t.apply();")
    add(program, "table=t,hdr.h.a=1,actions=mark(9)")
    add(program, "table=t,hdr.h.a=2,actions=silent()")
    for packet in ("0100", "010000", "0200", "0300"):
        run(program, packet)
    assert counts(program, "hits") == [
        "pipe.hits[hdr.h.a=1]={packets=2,bytes=5}",
        "pipe.hits[hdr.h.a=2]={packets=0,bytes=0}",
        "pipe.hits[default]={packets=1,bytes=2}",
    ]


def test_direct_counter_of_a_const_default_action():
    program = load(locals=TABLE.replace("default_action", "const default_action"), apply="t.apply();")
    run(program, "0300")
    assert counts(program, "hits[default]") == ["pipe.hits[default]={packets=1,bytes=2}"]


def test_direct_counter_stays_when_the_action_changes():
    program = load(locals=TABLE, apply="t.apply();")
    add(program, "table=t,hdr.h.a=1,actions=mark(9)")
    run(program, "0100")
    program.tables.modify(parse_entry(program.info, "table=t,hdr.h.a=1,actions=mark(7)"))
    assert run(program, "0100") == "0107"
    assert counts(program, "hits[hdr.h.a=1]") == ["pipe.hits[hdr.h.a=1]={packets=2,bytes=4}"]


def test_direct_counter_is_reset_for_one_entry():
    program = load(locals=TABLE, apply="t.apply();")
    for entry in ("table=t,hdr.h.a=1,actions=mark(9)", "table=t,hdr.h.a=2,actions=pass()"):
        add(program, entry)
    for packet in ("0100", "0200"):
        run(program, packet)
    program.counters.reset("hits[hdr.h.a=1]")
    assert counts(program, "hits[hdr.h.a=1]") == ["pipe.hits[hdr.h.a=1]={packets=0,bytes=0}"]
    assert counts(program, "hits[hdr.h.a=2]") == ["pipe.hits[hdr.h.a=2]={packets=1,bytes=2}"]
    assert run(program, "0100") == "0109"


def test_direct_counter_of_const_entries_is_reset():
    entries = "const entries = { 1: mark(9); 2: pass(); } default_action"
    program = load(locals=TABLE.replace("default_action", entries), apply="t.apply();")
    for packet in ("0100", "0200"):
        run(program, packet)
    program.counters.reset("hits[hdr.h.a=1]")
    assert counts(program, "hits")[:2] == [
        "pipe.hits[hdr.h.a=1]={packets=0,bytes=0}",
        "pipe.hits[hdr.h.a=2]={packets=1,bytes=2}",
    ]
    assert run(program, "0100") == "0109"


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        ("lpm", "hdr.h.a=16/4"),
        ("ternary", "priority=3,hdr.h.a=16&&&0xf0"),
        ("range", "priority=3,hdr.h.a=16..31"),
    ],
)
def test_direct_counter_of_other_match_kinds(kind: str, entry: str):
    """Beside the time of the last use, which is in the state, too."""
    table = TABLE.replace("exact", kind).replace("default_action", "support_timeout = true; default_action")
    program = load(locals=table, apply="t.apply();")
    add(program, f"table=t,{entry},idle_timeout=9s,actions=mark(9)")
    for packet in ("1000", "1f00", "2000"):
        run(program, packet)
    assert counts(program, f"hits[{entry}]") == [f"pipe.hits[{entry}]={{packets=2,bytes=4}}"]
    program.counters.reset(f"hits[{entry}]")
    assert counts(program, f"hits[{entry}]") == [f"pipe.hits[{entry}]={{packets=0,bytes=0}}"]
    assert [found.format() for found in program.tables.entries(program.info.tables[0])] == [
        f"table=pipe.t,{entry},idle_timeout=9s,actions=mark(v=9)"
    ]


# ---- Meters

METER = "Meter<bit<8>>(4, PSA_MeterType_t.{unit}) m;"
MARK = """
hdr.h.b = 0;
if (c == PSA_MeterColor_t.YELLOW) { hdr.h.b = 1; }
if (c == PSA_MeterColor_t.RED) { hdr.h.b = 2; }
"""

EXECUTE = f"PSA_MeterColor_t c = m.execute(hdr.h.a); {MARK}"


def colours(program: LocalProgram, packet: str, number: int) -> list[int]:
    """The colours of `number` packets: 0 green, 1 yellow, 2 red."""
    return [bytes.fromhex(run(program, packet))[1] for _ in range(number)]


def test_meter_that_is_not_set_is_green():
    program = load(locals=METER.format(unit="PACKETS"), apply=EXECUTE)
    assert colours(program, "0100", 3) == [0, 0, 0]


def test_meter_of_packets():
    """Bursts of 2 and 3 packets, and hours until there is room for another."""
    program = load(locals=METER.format(unit="PACKETS"), apply=EXECUTE)
    program.meters.set("m[1]", parse_rates("cir=0,cbs=2,pir=1,pbs=3"))
    assert colours(program, "0100", 4)[:3] == [0, 0, 1]
    program.meters.set("m[2]", parse_rates("cir=0,cbs=0,pir=1,pbs=0"))
    assert colours(program, "0200", 2) == [2, 2]
    assert colours(program, "0300", 2) == [0, 0]


def test_meter_of_bytes():
    program = load(locals=METER.format(unit="BYTES"), apply=EXECUTE)
    program.meters.set("m[1]", parse_rates("cir=0,cbs=5,pir=1,pbs=8"))
    assert colours(program, "0100", 1) == [0]
    assert colours(program, "01000000", 2) == [1, 2]


def test_meter_beyond_the_end_is_red():
    program = load(locals=METER.format(unit="PACKETS"), apply=EXECUTE)
    assert colours(program, "0400", 1) == [2]


def test_meter_never_improves_a_colour():
    program = load(
        locals=METER.format(unit="PACKETS"),
        apply=f"PSA_MeterColor_t c = m.execute(hdr.h.a, PSA_MeterColor_t.YELLOW); {MARK}",
    )
    program.meters.set("m[1]", parse_rates("cir=0,cbs=9,pir=1,pbs=1"))
    assert colours(program, "0100", 2) == [1, 2]


def test_rates_are_read_back():
    program = load(locals=METER.format(unit="BYTES"), apply=EXECUTE)
    program.meters.set("m[1]", parse_rates("cir=1k,cbs=2000,pir=3M,pbs=4000"))
    assert [found.format() for found in program.meters.read("m")] == [
        "pipe.m[1]={cir=1000,cbs=2000,pir=3000000,pbs=4000} bytes"
    ]


DIRECT_METER = """
DirectMeter(PSA_MeterType_t.PACKETS) police;
DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS) hits;
action mark() { hits.count(); PSA_MeterColor_t c = police.execute(); MARK }
table t {
    key = { hdr.h.a: exact; }
    actions = { mark; NoAction; }
    psa_direct_meter = police;
    psa_direct_counter = hits;
}
""".replace("MARK", MARK)


def test_direct_meter_of_an_entry():
    program = load(locals=DIRECT_METER, apply="t.apply();")
    for entry in ("table=t,hdr.h.a=1,actions=mark()", "table=t,hdr.h.a=2,actions=mark()"):
        add(program, entry)
    program.meters.set("police[hdr.h.a=1]", parse_rates("cir=0,cbs=1,pir=1,pbs=2"))
    assert colours(program, "0100", 3) == [0, 1, 2]
    assert colours(program, "0200", 3) == [0, 0, 0]
    assert [found.format() for found in program.meters.read("police[hdr.h.a=1]")] == [
        "pipe.police[hdr.h.a=1]={cir=0,cbs=1,pir=1,pbs=2} packets"
    ]


def test_setting_a_direct_meter_keeps_the_counter():
    program = load(locals=DIRECT_METER, apply="t.apply();")
    add(program, "table=t,hdr.h.a=1,actions=mark()")
    run(program, "0100")
    program.meters.set("police[hdr.h.a=1]", parse_rates("cir=1,cbs=1"))
    assert counts(program, "hits[hdr.h.a=1]") == ["pipe.hits[hdr.h.a=1]={packets=1}"]


# ---- Registers and random numbers


def test_register_begins_with_its_initial_value():
    program = load(
        locals="Register<bit<8>, bit<8>>(4, 7) r;",
        apply="hdr.h.b = r.read(hdr.h.a); r.write(hdr.h.a, hdr.h.b + 1);",
    )
    assert [run(program, packet) for packet in ("0000", "0000", "0300", "0400")] == [
        "0007",
        "0008",
        "0307",
        "0400",
    ]


def test_register_of_a_struct_begins_with_its_initial_value():
    program = load(
        top="struct pair_t { bit<8> x; bit<16> y; }",
        locals="Register<pair_t, bit<8>>(4, {1, 0x203}) r;",
        apply="pair_t p = r.read(hdr.h.a); hdr.h.a = p.x; hdr.h.b = p.y[15:8];",
    )
    assert run(program, "0300") == "0102"


@pytest.mark.parametrize(
    ("low", "high"), [(3, 9), (0, 255), (16, 31), (7, 7)], ids=["odd", "all", "power of two", "one"]
)
def test_random_numbers_lie_between_both_ends(low: int, high: int):
    program = load(locals=f"Random<bit<8>>({low}, {high}) r;", apply="hdr.h.a = r.read();")
    found = {bytes.fromhex(run(program, "0000"))[0] for _ in range(200)}
    assert found <= set(range(low, high + 1))
    assert len(found) >= min(4, high - low + 1)


def test_random_numbers_below_zero():
    program = load(locals="Random<int<8>>(-2, 1) r;", apply="hdr.h.a = (bit<8>) r.read();")
    assert {run(program, "0000")[:2] for _ in range(100)} == {"fe", "ff", "00", "01"}


# ---- Digests

RECORD = "struct rec_t { bit<8> a; bit<32> port; bit<80> wide; bool seen; }"


def test_digest_carries_the_fields():
    program = load(
        top=RECORD,
        locals="Digest<rec_t>() learn;",
        apply="learn.pack({hdr.h.a, std.input_port, 80w0x112233445566778899aa, true});",
    )
    for packet, port in ((b"\1\0", 5), (b"\2\0", 6)):
        program.engine.run(packet, input_port=port)
    (digest,) = program.digests.find("learn")
    assert [record.format() for record in program.digests.read(digest)] == [
        "pipe.learn[1]={a=1,port=5,wide=0x112233445566778899aa,seen=1}",
        "pipe.learn[2]={a=2,port=6,wide=0x112233445566778899aa,seen=1}",
    ]
    assert [record.number for record in program.digests.read(digest, after=1)] == [2]


def test_records_that_are_lost_leave_a_gap():
    program = load(locals="@size(4) Digest<bit<8>>() learn;", apply="learn.pack(hdr.h.a);")
    for value in range(1, 8):
        program.engine.run(bytes([value, 0]))
    (digest,) = program.digests.find(None)
    assert [record.format() for record in program.digests.read(digest, after=1)] == [
        "pipe.learn[4]=4", "pipe.learn[5]=5", "pipe.learn[6]=6", "pipe.learn[7]=7",
    ]  # fmt: skip


# ---- The switch


def test_resubmit_to_a_table():
    program = load(apply="if (hdr.h.a == 1) { resubmit(hdr.h.b); }")
    result = program.engine.run(b"\1\7")
    assert (result.verdict, result.output_port) == (ubpf.Verdict.RESUBMIT, 7)
    assert program.engine.run(b"\2\7").verdict is ubpf.Verdict.PASS


def test_verdict_after_resubmit_takes_its_place():
    program = load(apply="resubmit(3); mark_to_drop();")
    assert program.engine.run(b"\1\7").verdict is ubpf.Verdict.DROP


# ---- Refused

DIRECT = "DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS) hits; action mark() { hits.count(); } "
KEY = "key = { hdr.h.a: exact; } actions = { mark; NoAction; }"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"locals": "Counter<bool, bit<8>>(8, PSA_CounterType_t.PACKETS) c;"},
         "the type of a counter is bit<W>, not bool"),
        ({"locals": "Counter<bit<8>>(8, PSA_CounterType_t.PACKETS) c;"},
         "'Counter' has 2 type parameters, not 1"),
        ({"locals": "Counter<bit<32>, bit<8>>(0, PSA_CounterType_t.PACKETS) c;"},
         "the size of a counter must be from 1 to 2147483648"),
        ({"locals": "Meter<bit<8>>(0, PSA_MeterType_t.PACKETS) c;"},
         "the size of a meter must be from 1 to 2147483648"),
        ({"locals": "Counter<bit<32>, bit<8>>(8, PSA_MeterType_t.PACKETS) c;"},
         "argument 'type': enum PSA_MeterType_t where enum PSA_CounterType_t is expected"),
        ({"locals": DIRECT + f"table t {{ {KEY} }}", "apply": "t.apply();"},
         "'hits' can be used only in actions of the table that names it in a property"),
        ({"locals": "DirectMeter(PSA_MeterType_t.BYTES) m;"}, "no table names the DirectMeter 'm'"),
        ({"locals": DIRECT + f"table t {{ {KEY} psa_direct_counter = hits; }}"
                             f"table u {{ {KEY} psa_direct_counter = hits; }}"},
         "'hits' belongs to the table 'pipe.t' already"),
        ({"locals": DIRECT + f"table t {{ {KEY} psa_direct_counter = hits; counters = hits; }}"},
         "the table 't' has a DirectCounter already"),
        ({"locals": DIRECT + f"table t {{ {KEY} psa_direct_counter = hits; }}",
          "apply": "t.apply(); hits.count();"},
         "'hits' can be used only in actions of the table 'pipe.t'"),
        ({"locals": DIRECT + f"table t {{ {KEY} psa_direct_counter = hits; }}",
          "apply": "mark(); t.apply();"},
         "'hits' can be used only in actions of the table 'pipe.t'"),
        ({"locals": DIRECT + f"table t {{ {KEY} psa_direct_meter = hits; }}"},
         "the property 'psa_direct_meter' names a DirectMeter of the same control"),
        ({"locals": "Random<bit<8>>(9, 3) r;", "apply": "hdr.h.a = r.read();"},
         "there is no number from 9 to 3"),
        ({"locals": "Random<bit<65>>(3, 9) r;"}, "random numbers are of 1 to 64 bits, not bit<65>"),
        ({"locals": "@size(3) Digest<bit<8>>() d;"}, "the size of a digest is a power of two up to 1048576"),
        ({"top": "struct wide_t { bit<4096> a; bit<4096> b; bit<4096> c; bit<4096> d; bit<8> e; }",
          "locals": "Digest<wide_t>() d;"}, "a digest of 2056 bytes; the most is 2048"),
        ({"locals": "Digest<h_t>() d;"}, "storing a value of type h_t is not supported"),
        ({"apply": "resubmit(254);"}, "OpenFlow tables are 0 to 253; there is no 254"),
        ({"apply": "Random<bit<8>>(1, 2) r; hdr.h.a = r.read();"},
         "instance 'r' must be declared outside of statements"),
    ],
    ids=["counter type", "type arguments", "counter size", "meter size", "wrong enum", "not attached",
         "no table", "two tables", "two counters", "outside", "direct call", "wrong property", "empty range",
         "wide range", "digest size", "digest length", "digest of header", "no such table", "in apply"],
)  # fmt: skip
def test_refused(parts: dict[str, str], message: str):
    assert first_error(EXTERNS + source(**parts))[1] == message
