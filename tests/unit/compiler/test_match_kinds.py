# SPDX-License-Identifier: Apache-2.0
"""Ternary, range and optional keys, priorities, and the entries that the source gives such tables."""

from __future__ import annotations

import json
import time

import pytest
from p4_programs import compiled, source, table
from test_refused import first_error

from p4rt.compiler.diagnostics import Severity
from p4rt.runtime.entries import parse_entries, parse_entry
from p4rt.runtime.errors import InputError
from p4rt.runtime.local import LocalProgram

HEADERS = """header h_t { bit<8> a; bit<8> b; bit<16> c; int<8> s; bit<24> o; bit<32> ip; }
struct headers_t { h_t h; }"""
SET_B = "action set_b(bit<8> v) { hdr.h.b = v; }"


def program(key: str, more: str = "", **parts: str) -> LocalProgram:
    """A program with one table, `t`, that has this key."""
    text = text_of(key, more, **parts)
    return LocalProgram(compiled(text).object)


def text_of(key: str, more: str = "", actions: str = "set_b; @defaultonly NoAction;", **parts: str) -> str:
    table_text = f"table t {{ key = {{ {key} }} actions = {{ {actions} }} {more} }}"
    parts = {"headers": HEADERS, "apply": "t.apply();", **parts}
    return source(locals=parts.pop("locals", "") + SET_B + table_text, **parts)


def add(loaded: LocalProgram, *lines: str) -> None:
    loaded.tables.add(parse_entries(loaded.info, [f"table=t,{line}" for line in lines], "f"))


def b_of(loaded: LocalProgram, *, a: int = 0, c: int = 0, s: int = 0, o: int = 0, ip: int = 0) -> int:
    """What the program makes of field b, which is 0 before."""
    packet = (
        bytes([a, 0])
        + c.to_bytes(2, "big")
        + bytes([s & 0xFF])
        + o.to_bytes(3, "big")
        + ip.to_bytes(4, "big")
    )
    (output,) = loaded.process(packet, 1).outputs
    assert output.data[0] == a and output.data[2:] == packet[2:]
    return output.data[1]


def test_ternary_key_matches_under_its_mask():
    loaded = program("hdr.h.a: ternary;")
    add(loaded, "priority=5,hdr.h.a=0x21&&&0x3f,actions=set_b(1)")
    assert [b_of(loaded, a=a) for a in (0x21, 0xE1, 0x20, 0x01)] == [1, 1, 0, 0]


def test_highest_priority_wins_and_the_older_among_equals():
    loaded = program("hdr.h.a: ternary;")
    add(loaded, "priority=1,actions=set_b(1)", "priority=9,hdr.h.a=0&&&1,actions=set_b(9)",
        "priority=5,hdr.h.a=0&&&2,actions=set_b(5)", "priority=5,hdr.h.a=0&&&4,actions=set_b(6)")  # fmt: skip
    assert [b_of(loaded, a=a) for a in (0, 1, 3, 7, 5)] == [9, 5, 6, 1, 5]


def test_range_includes_both_ends():
    loaded = program("hdr.h.c: range;")
    add(loaded, "priority=1,hdr.h.c=80..90,actions=set_b(1)", "priority=2,hdr.h.c=65535,actions=set_b(2)")
    assert [b_of(loaded, c=c) for c in (79, 80, 85, 90, 91, 65535)] == [0, 1, 1, 1, 0, 2]


def test_range_of_signed_values():
    loaded = program("hdr.h.s: range;")
    add(loaded, "priority=1,hdr.h.s=-5..3,actions=set_b(1)", "priority=1,hdr.h.s=-128..-100,actions=set_b(2)")
    assert [b_of(loaded, s=s) for s in (-6, -5, -1, 0, 3, 4, -128, -100, 127)] == [0, 1, 1, 1, 1, 0, 2, 2, 0]
    assert loaded.tables.snapshot()[1].format() == "table=pipe.t,priority=1,hdr.h.s=-5..3,actions=set_b(v=1)"


def test_range_of_64_bits():
    loaded = program(
        "hdr.h.w: range;",
        headers="header h_t { bit<8> a; bit<8> b; bit<64> w; } struct headers_t { h_t h; }",
    )
    add(loaded, "priority=1,hdr.h.w=0x7fffffffffffffff..0xfffffffffffffffe,actions=set_b(1)")
    found = [
        loaded.process(bytes(2) + w.to_bytes(8, "big"), 1).outputs[0].data[1]
        for w in (0x7FFFFFFFFFFFFFFE, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFE, 0xFFFFFFFFFFFFFFFF)
    ]
    assert found == [0, 1, 1, 0]


def test_optional_key_is_one_value_or_any():
    loaded = program("hdr.h.a: optional; hdr.h.o: optional;")
    add(loaded, "priority=2,hdr.h.a=7,actions=set_b(1)", "priority=1,hdr.h.o=0x123456,actions=set_b(2)")
    assert b_of(loaded, a=7, o=1) == 1
    assert b_of(loaded, a=6, o=0x123456) == 2
    assert b_of(loaded, a=6, o=0x123457) == 0


def test_every_match_kind_in_one_key():
    loaded = program(
        "hdr.h.ip: lpm; hdr.h.a: ternary; hdr.h.c: range; hdr.h.o: optional; hdr.h.isValid(): exact;"
    )
    line = "priority=3,hdr.h.ip=10.0.0.0/8,hdr.h.a=1&&&1,hdr.h.c=5..6,hdr.h.o=9,hdr.h.isValid()=true"
    add(loaded, f"{line},actions=set_b(1)")
    good = {"ip": 0x0A010203, "a": 3, "c": 6, "o": 9}
    assert b_of(loaded, **good) == 1
    for name, bad in {"ip": 0x0B010203, "a": 2, "c": 7, "o": 8}.items():
        assert b_of(loaded, **{**good, name: bad}) == 0
    assert loaded.tables.snapshot()[0].format() == (
        "table=pipe.t,priority=3,hdr.h.ip=10.0.0.0/8,hdr.h.a=1&&&0x1,hdr.h.c=5..6,hdr.h.o=9,"
        "hdr.h.$valid$=true,actions=set_b(v=1)"
    )


def test_entry_is_in_the_map_as_these_bytes():
    loaded = program("hdr.h.a: ternary; hdr.h.s: range; hdr.h.c: exact;")
    add(loaded, "priority=258,hdr.h.a=0x20&&&0xf0,hdr.h.s=-1..2,hdr.h.c=0x1234,actions=set_b(7)")
    ((key, value),) = loaded.engine.maps["pipe_t"].items()
    assert key.hex() == (
        "0201000000000000"
        "3412200000000000" "7f00000000000000"
        "fffff00000000000" "8200000000000000"
    )  # fmt: skip
    assert value.hex() == "0100000007000000"


def test_priorities_of_entries_count_down_in_the_order_of_the_source():
    text = text_of(
        "hdr.h.a: ternary;",
        "priority_delta = 10; const entries = { 1 &&& 1: set_b(1); 2 &&& 2: set_b(2); _: set_b(3); }",
    )
    loaded = LocalProgram(compiled(text).object)
    (found,) = loaded.info.tables
    assert [e.key.priority for e in loaded.tables.entries(found) if e.key] == [21, 11, 1]
    assert [b_of(loaded, a=a) for a in (3, 2, 4)] == [1, 2, 3]


def test_smallest_priority_wins_is_turned_round_for_the_control_plane():
    text = text_of(
        "hdr.h.a: ternary;",
        """largest_priority_wins = false;
        entries = { priority=10: 1 &&& 1: set_b(1); 2 &&& 2: set_b(2); priority=30: _: set_b(3); }""",
    )
    loaded = LocalProgram(compiled(text).object)
    assert [b_of(loaded, a=a) for a in (3, 2, 4)] == [1, 2, 3]
    (found,) = loaded.info.tables
    assert [e.key.priority for e in loaded.tables.entries(found) if e.key] == [30, 29, 10]


def test_single_const_entry_stays_and_the_others_can_go():
    text = text_of(
        "hdr.h.a: ternary;",
        "entries = { const priority=20: 1 &&& 1: set_b(1); priority=10: 2 &&& 2: set_b(2); }",
    )
    loaded = LocalProgram(compiled(text).object)
    (found,) = loaded.info.tables
    const, other = loaded.tables.entries(found)
    assert const.key is not None and other.key is not None
    with pytest.raises(InputError, match=r"the entry priority=20,hdr\.h\.a=1&&&0x1 of table pipe\.t is c"):
        loaded.tables.delete([const.key])
    with pytest.raises(InputError, match="is const and cannot be changed"):
        loaded.tables.modify(parse_entry(loaded.info, const.format()))
    loaded.tables.replace([])
    assert [e.format() for e in loaded.tables.entries(found)] == [const.format()]
    assert loaded.tables.snapshot() == []


def test_exact_lpm_and_ternary_entries_of_the_source_are_those_of_p4info():
    text = text_of("hdr.h.a: ternary;", "entries = { 1: set_b(1); }")
    (found,) = compiled(text).p4info.tables
    assert found.has_initial_entries and not found.is_const_table
    assert [field.match_type for field in found.match_fields] == [4]


def messages(text: str) -> list[str]:
    return [f"{d.code}: {d.message}" for d in compiled(text).diagnostics if d.severity is Severity.WARNING]


def test_warnings_about_priorities():
    text = text_of(
        "hdr.h.a: ternary;",
        "entries = { priority=5: 1: set_b(1); priority=7: 2: set_b(2); priority=7: 3: set_b(3); }",
    )
    assert messages(text) == [
        "entries-out-of-priority-order: this entry, of priority 7, wins over the one before it, of 5",
        "duplicate-priorities: another entry before this one has priority 7, too",
    ]
    silent = '@noWarn("duplicate_priorities") @noWarn("entries_out_of_priority_order") entries'
    assert messages(text.replace("entries", silent)) == []


def test_priority_without_use_is_ignored():
    text = text_of("hdr.h.a: exact;", "entries = { priority=5: 1: set_b(1); }")
    assert messages(text) == ["ignored: the key of table 't' has no use for priorities"]


@pytest.mark.parametrize(
    ("key", "more", "code", "message"),
    [
        ("hdr.h.a: ternary;", "entries = { 1: set_b(1); priority=3: 2: set_b(2); }",
         "table", "the first entry must have a priority, since others have"),
        ("hdr.h.a: ternary;", "entries = { priority=0: 1: set_b(1); }",
         "table", "priority 0 is not from 1 to 2147483647"),
        ("hdr.h.a: ternary;", "entries = { priority=3: 1: set_b(1); 2: set_b(1); 3: set_b(1); 4: set_b(1); }",
         "table", "priority 0 is not from 1 to 2147483647"),
        ("hdr.h.a: ternary;", "priority_delta = 0;", "table", "'priority_delta' must be positive, not 0"),
        ("hdr.h.a: exact;", "entries = { 1: set_b(1); 1: set_b(2); }",
         "duplicate", "an entry before this one has the same key"),
        ("hdr.h.a: optional;", "entries = { 1 &&& 1: set_b(1); }",
         "table", "key 'hdr.h.a' is optional: the entry needs one value or '_'"),
        ("hdr.h.c: range;", "entries = { 9 .. 8: set_b(1); }", "type-error", "range 9..8 is empty"),
        ("hdr.h.s ++ hdr.h.ip ++ hdr.h.ip: range @name(\"k\");", "",
         "unsupported", "a range of 72 bits (more than 64) is not supported"),
        ("hdr.h.a: ternary;", "support_timeout = 1;", "type-error",
         "'support_timeout': an integer where bool is expected"),
        ("hdr.h.a: ternary;", "largest_priority_wins = std.clone;",
         "not-constant", "'largest_priority_wins' must be known at compile time"),
    ],
)  # fmt: skip
def test_refused(key: str, more: str, code: str, message: str):
    key = key.replace("hdr.h.s ++", "(bit<8>) hdr.h.s ++")
    assert first_error(text_of(key, more))[:2] == (code, message)


def test_same_match_and_priority_twice_is_warned_of():
    text = text_of(
        "hdr.h.a: ternary;", '@noWarn("duplicate_priorities") entries = { priority=5: 1: set_b(1); '
        "priority=5: 1: set_b(2); }"
    )  # fmt: skip
    assert messages(text) == ["duplicate-entry: an entry before this one has the same key and priority"]
    assert b_of(LocalProgram(compiled(text).object), a=1) == 1


def test_more_entries_than_the_size_says():
    text = text_of("hdr.h.a: exact;", "size = 1; entries = { 1: set_b(1); 2: set_b(2); }")
    assert messages(text) == ["table-size: table 't' has more entries from the start: 2"]
    assert table(text, "pipe.t")["size"] == 2


def test_enum_and_bool_as_ternary_keys():
    loaded = program(
        'std.output_action: ternary; hdr.h.a == 1: ternary @name("one");',
    )
    add(loaded, "priority=2,one=true,actions=set_b(1)", "priority=1,output_action=PASS,actions=set_b(2)")
    assert [b_of(loaded, a=a) for a in (1, 2)] == [1, 2]


def test_key_expressions_are_evaluated_once_and_in_order():
    loaded = program(
        'next(hdr.h.c): exact @name("first"); next(hdr.h.c): ternary @name("second");',
        top="bit<16> next(inout bit<16> x) { x = x + 1; return x; }",
    )
    add(loaded, "priority=1,first=6,second=7,actions=set_b(1)")
    (output,) = loaded.process(bytes.fromhex("000000050000000000000000"), 1).outputs
    assert output.data.hex() == "000100070000000000000000"


def test_wide_ternary_key():
    loaded = program(
        "hdr.h.src: ternary; hdr.h.dst: ternary;",
        headers="header h_t { bit<8> a; bit<8> b; bit<128> src; bit<128> dst; } struct headers_t { h_t h; }",
    )
    add(loaded, "priority=1,hdr.h.src=2001:db8::/32,actions=set_b(1)",
        "priority=2,hdr.h.dst=ff02::1,hdr.h.src=fe80::1&&&ff80::f,actions=set_b(2)")  # fmt: skip

    def result(src: str, dst: str) -> int:
        import ipaddress

        packet = bytes(2) + ipaddress.IPv6Address(src).packed + ipaddress.IPv6Address(dst).packed
        return loaded.process(packet, 1).outputs[0].data[1]

    assert result("2001:db8:1::9", "::") == 1
    assert result("fe81::ff1", "ff02::1") == 2
    assert result("fe81::ff1", "ff02::2") == 0


def test_value_set_with_masks_and_ranges():
    text = source(
        headers=HEADERS,
        top="struct flow_t { @match(ternary) bit<8> a; @match(range) bit<16> c; }",
        states="""value_set<flow_t>(4) flows;
        state start { pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.c) { flows: one; _: accept; } }
        state one { hdr.h.b = 1; transition accept; }""",
    )
    loaded = LocalProgram(compiled(text).object)
    loaded.tables.add(parse_entries(loaded.info, ["value_set=flows,a=0x10&&&0xf0,c=5..7"], "f"))
    assert [b_of(loaded, a=a, c=c) for a, c in ((0x15, 5), (0x15, 8), (0x25, 5))] == [1, 0, 0]
    assert loaded.tables.snapshot()[0].format() == "value_set=prs.flows,a=16&&&0xf0,c=5..7"
    assert [m.match_type for m in compiled(text).p4info.value_sets[0].match] == [4, 5]


def test_value_set_of_prefixes():
    text = source(
        headers=HEADERS,
        states="""@match(lpm) value_set<bit<32>>(4) nets;
        state start { pkt.extract(hdr.h); transition select(hdr.h.ip) { nets: one; _: accept; } }
        state one { hdr.h.b = 1; transition accept; }""",
    )
    loaded = LocalProgram(compiled(text).object)
    loaded.tables.add(parse_entries(loaded.info, ["value_set=nets,value=10.0.0.0/8"], "f"))
    assert [b_of(loaded, ip=ip) for ip in (0x0A000001, 0x0B000001)] == [1, 0]


def test_a_thousand_entries_are_all_there():
    entries = " ".join(
        f"({n * 2654435761 % 2**32}, {n % 256} &&& 0xff): set_b({n % 256});" for n in range(1000)
    )
    loaded = program("hdr.h.ip: exact; hdr.h.a: ternary;", f"const entries = {{ {entries} }}")
    found = [b_of(loaded, a=n % 256, ip=n * 2654435761 % 2**32) for n in range(1000)]
    assert found == [n % 256 for n in range(1000)]


def test_entries_as_json():
    loaded = program("hdr.h.ip: lpm; hdr.h.a: ternary; hdr.h.c: range; hdr.h.o: optional; hdr.h.s: ternary;")
    add(loaded, "priority=3,hdr.h.ip=10.0.0.0/8,hdr.h.a=1&&&3,hdr.h.c=5..6,hdr.h.o=9,actions=set_b(1)",
        "priority=2,hdr.h.s=-1,actions=set_b(2)")  # fmt: skip
    found = [entry.to_json() for entry in loaded.tables.snapshot()]
    assert found[0] == {
        "table": "pipe.t", "priority": 3,
        "key": {"hdr.h.ip": {"value": "10.0.0.0", "prefix_len": 8}, "hdr.h.a": {"value": 1, "mask": "0x3"},
                "hdr.h.c": {"low": 5, "high": 6}, "hdr.h.o": 9},
        "action": "pipe.set_b", "params": {"v": 1},
    }  # fmt: skip
    assert found[1]["key"] == {
        "hdr.h.ip": {"value": "0.0.0.0", "prefix_len": 0}, "hdr.h.s": {"value": -1, "mask": "0xff"}
    }  # fmt: skip
    assert parse_entries(loaded.info, [json.dumps(found)], "f") == loaded.tables.snapshot()


# ---- Entries that age


def test_idle_timeout_is_part_of_an_entry():
    loaded = program("hdr.h.a: exact;", "support_timeout = true;")
    add(loaded, "hdr.h.a=1,idle_timeout=1h,actions=set_b(1)", "hdr.h.a=2,actions=set_b(2)")
    first, second = loaded.tables.snapshot()
    assert (first.timeout_ns, second.timeout_ns) == (3600 * 10**9, 0)
    assert first.format() == "table=pipe.t,hdr.h.a=1,idle_timeout=3600s,actions=set_b(v=1)"
    assert b_of(loaded, a=1) == 1
    loaded.tables.modify(parse_entry(loaded.info, "table=t,a=1,idle_timeout=500ms,actions=set_b(3)"))
    assert (b_of(loaded, a=1), loaded.tables.snapshot()[0].timeout_ns) == (3, 500 * 10**6)
    assert loaded.tables.replace(loaded.tables.snapshot()).unchanged == 2
    (found,) = compiled(text_of("hdr.h.a: exact;", "support_timeout = true;")).p4info.tables
    assert found.idle_timeout_behavior == 1


def test_idle_time_begins_anew_with_each_packet():
    loaded = program("hdr.h.a: ternary;", "support_timeout = true;")
    add(loaded, "priority=1,hdr.h.a=1&&&1,idle_timeout=10s,actions=set_b(1)")
    while loaded.tables.snapshot()[0].idle_ns < 50_000_000:
        pass
    start = time.monotonic_ns()
    assert b_of(loaded, a=1) == 1
    idle = loaded.tables.snapshot()[0].idle_ns
    assert idle <= time.monotonic_ns() - start


def test_table_without_timeouts_refuses_them():
    loaded = program("hdr.h.a: exact;")
    with pytest.raises(InputError, match=r"the entries of table pipe\.t have no idle timeout"):
        add(loaded, "hdr.h.a=1,idle_timeout=1s,actions=set_b(1)")


def test_kinds_of_idle_timeouts():
    for member, expected in {"NO_TIMEOUT": None, "NOTIFY_CONTROL": "notify", "AUTO_DELETE": "delete"}.items():
        more = f"psa_idle_timeout = PSA_IdleTimeout_t.{member};"
        text = text_of("hdr.h.a: exact;", more).replace("ubpf_model.p4", "ubpf_externs.p4")
        found = table(text, "pipe.t").get("idle_timeout")
        assert (found and found["action"]) == expected
        LocalProgram(compiled(text).object)


def test_timeout_of_a_table_without_a_key():
    text = text_of("", "support_timeout = true;").replace("key = {  }", "")
    assert first_error(text)[:2] == ("target", "table 't' has no key, so no entries that could age")
