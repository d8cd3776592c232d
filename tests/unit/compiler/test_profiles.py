# SPDX-License-Identifier: Apache-2.0
"""Action profiles and selectors: members, groups, and the tables that refer to them."""

from __future__ import annotations

import json

import pytest
from p4_programs import compiled, source
from test_refused import first_error

from p4rt.runtime.entries import find_table, parse_entries, parse_entry
from p4rt.runtime.errors import InputError, RefusedError
from p4rt.runtime.local import LocalProgram

HEADERS = "header h_t { bit<8> a; bit<8> b; bit<16> c; } struct headers_t { h_t h; }"
ACTIONS = "action set_b(bit<8> v) { hdr.h.b = v; } action empty() { hdr.h.b = 0xee; }"
PROFILE = (
    ACTIONS
    + """ActionProfile(16) ap;
    table t {
        key = { hdr.h.a: exact; } actions = { set_b; @defaultonly NoAction; }
        psa_implementation = ap; default_action = set_b(9);
    }"""
)
SELECTOR = (
    ACTIONS
    + """@max_group_size(5) ActionSelector(PSA_HashAlgorithm_t.IDENTITY, 16, 8) sel;
    table t {
        key = { hdr.h.a: exact; hdr.h.c: selector; } actions = { set_b; empty; @defaultonly NoAction; }
        psa_implementation = sel; psa_empty_group_action = empty();
    }"""
)


def text_of(locals: str, apply: str = "t.apply();") -> str:
    return source(headers=HEADERS, locals=locals, apply=apply).replace("ubpf_model.p4", "ubpf_externs.p4")


def load(locals: str, *lines: str, apply: str = "t.apply();") -> LocalProgram:
    program = LocalProgram(compiled(text_of(locals, apply)).object)
    program.tables.add(parse_entries(program.info, lines, "f"))
    return program


def b_of(program: LocalProgram, a: int, c: int = 0) -> int:
    return program.process(bytes([a, 0]) + c.to_bytes(2, "big"), 1).outputs[0].data[1]


def test_entry_runs_the_action_of_its_member():
    program = load(
        PROFILE,
        "profile=ap,member=1,actions=set_b(0x11)", "profile=ap,member=70000,actions=set_b(0x22)",
        "table=t,a=1,actions=member(1)", "table=t,a=2,actions=member(70000)", "table=t,a=3,actions=member(1)",
    )  # fmt: skip
    assert [b_of(program, a) for a in (1, 2, 3, 4)] == [0x11, 0x22, 0x11, 9]
    program.tables.modify(parse_entry(program.info, "profile=ap,member=1,actions=set_b(0x33)"))
    assert [b_of(program, a) for a in (1, 2, 3)] == [0x33, 0x22, 0x33]


def test_group_picks_a_member_by_the_hash():
    program = load(
        SELECTOR,
        "profile=sel,member=1,actions=set_b(1)", "profile=sel,member=2,actions=set_b(2)",
        "profile=sel,member=3,actions=set_b(3)", "profile=sel,group=7,members=[3,1:2,2]",
        "table=t,a=1,actions=group(7)", "table=t,a=2,actions=member(2)",
    )  # fmt: skip
    # The identity hash of c, its last 8 bits, modulo the 4 places.
    assert [b_of(program, 1, c) for c in (0, 1, 2, 3, 4, 0x103)] == [3, 1, 1, 2, 3, 2]
    assert [b_of(program, 2, c) for c in (0, 1)] == [2, 2]


def test_group_and_members_are_in_the_maps_as_these_bytes():
    program = load(
        SELECTOR, "profile=sel,member=2,actions=set_b(0x44)", "profile=sel,group=258,members=[2:3]",
        "table=t,a=1,actions=group(258)",
    )  # fmt: skip
    maps = program.engine.maps
    assert {k.hex(): v.hex() for k, v in maps["pipe_sel_members"].items()} == {"02000000": "0100000044000000"}
    number = "02000000"
    assert {k.hex(): v.hex() for k, v in maps["pipe_sel_groups"].items()} == {
        "02010000": "03000000" + 3 * number + 5 * "00000000"
    }
    assert {k.hex(): v.hex() for k, v in maps["pipe_t"].items()} == {"01" + 7 * "00": "0000000002010000"}


def test_empty_group_has_an_action_of_its_own():
    program = load(SELECTOR, "profile=sel,group=7,members=[]", "table=t,a=1,actions=group(7)")
    assert [b_of(program, a) for a in (1, 2)] == [0xEE, 0]


def test_empty_group_runs_an_action_with_constants():
    text = SELECTOR.replace("= empty()", "= set_b(0x5a)")
    program = load(text, "profile=sel,group=3,members=[]", "table=t,a=1,actions=group(3)")
    assert b_of(program, 1) == 0x5A


def test_profile_that_the_property_makes_is_named_by_its_table():
    text = PROFILE.replace("ActionProfile(16) ap;", "").replace("= ap", "= ActionProfile(16)")
    program = load(text, "profile=implementation,member=1,actions=set_b(0x11)".replace("impl", "psa_impl"),
                   "table=t,a=1,actions=member(1)")  # fmt: skip
    assert [b_of(program, a) for a in (1, 2)] == [0x11, 9]
    (profile,) = compiled(text_of(text)).p4info.action_profiles
    assert (profile.preamble.name, profile.size) == ("pipe.t.psa_implementation", 16)
    named = compiled(text_of(text.replace("psa_impl", '@name("hops") psa_impl'))).p4info.action_profiles
    assert [item.preamble.name for item in named] == ["pipe.t.hops"]


COUNTED = "DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS_AND_BYTES) hits;" + PROFILE.replace(
    "hdr.h.b = v;", "hdr.h.b = v[7:0]; hits.count();"
).replace("bit<8> v", "bit<96> v").replace("psa_imp", "psa_direct_counter = hits; psa_imp")


def test_direct_counter_counts_entries_that_share_a_member():
    program = load(
        COUNTED, "profile=ap,member=1,actions=set_b(0x11)", "profile=ap,member=2,actions=set_b(0x22)",
        "table=t,a=1,actions=member(1)", "table=t,a=2,actions=member(1)",
    )  # fmt: skip
    assert [b_of(program, a) for a in (1, 1, 2, 3)] == [0x11, 0x11, 0x11, 9]
    program.tables.modify(parse_entry(program.info, "table=t,a=1,actions=member(2)"))
    program.tables.set_default(parse_entry(program.info, "table=t,default,actions=set_b(7)"))
    assert [b_of(program, a) for a in (1, 3)] == [0x22, 7]
    assert [count.format() for count in program.counters.read("hits")] == [
        "pipe.hits[hdr.h.a=1]={packets=3,bytes=12}",
        "pipe.hits[hdr.h.a=2]={packets=1,bytes=4}",
        "pipe.hits[default]={packets=2,bytes=8}",
    ]


def test_direct_counter_of_an_empty_group():
    text = SELECTOR.replace("= 0xee;", "= 0xee; hits.count();").replace("psa_imp", "counters = hits; psa_imp")
    text = "DirectCounter<bit<64>>(PSA_CounterType_t.PACKETS) hits;" + text
    program = load(text, "profile=sel,group=3,members=[]", "table=t,a=1,actions=group(3)")
    assert b_of(program, 1) == 0xEE
    assert program.counters.read("hits[hdr.h.a=1]")[0].format() == "pipe.hits[hdr.h.a=1]={packets=1}"


def test_hit_and_action_run():
    apply = "switch (t.apply().action_run) { set_b: { hdr.h.c = 1; } empty: { hdr.h.c = 2; } default: {} }"
    program = load(
        SELECTOR, "profile=sel,member=1,actions=set_b(1)", "profile=sel,group=1,members=[1]",
        "profile=sel,group=2,members=[]", "table=t,a=1,actions=group(1)", "table=t,a=2,actions=group(2)",
        apply=apply,
    )  # fmt: skip
    found = [program.process(bytes([a, 0, 9, 9]), 1).outputs[0].data[2:].hex() for a in (1, 2, 3)]
    assert found == ["0001", "0002", "0909"]


def test_two_tables_share_a_profile():
    second = """table u { key = { hdr.h.c: exact; } actions = { set_b; @defaultonly NoAction; }
                psa_implementation = ap; }"""
    program = load(
        PROFILE + second, "profile=ap,member=1,actions=set_b(5)", "table=u,c=7,actions=member(1)",
        apply="t.apply(); u.apply();",
    )  # fmt: skip
    assert [b_of(program, 0, c) for c in (7, 8)] == [5, 9]
    message = compiled(text_of(PROFILE + second, "t.apply(); u.apply();")).p4info
    (profile,) = message.action_profiles
    assert [table.implementation_id for table in message.tables] == [profile.preamble.id] * 2
    assert list(profile.table_ids) == [table.preamble.id for table in message.tables]
    assert (profile.preamble.id >> 24, profile.size, profile.with_selector) == (0x11, 16, False)


def test_p4info_of_a_selector():
    message = compiled(text_of(SELECTOR)).p4info
    (profile,) = message.action_profiles
    assert (profile.with_selector, profile.max_group_size) == (True, 5)
    assert [field.name for field in message.tables[0].match_fields] == ["hdr.h.a"]


LINES = [
    "profile=pipe.sel,member=1,actions=set_b(v=1)",
    "profile=pipe.sel,member=2,actions=set_b(v=2)",
    "profile=pipe.sel,group=7,members=[1,2:3]",
    "table=pipe.t,hdr.h.a=1,actions=group(7)",
    "table=pipe.t,hdr.h.a=2,actions=member(2)",
]


def test_what_is_dumped_can_be_added_again():
    program = load(SELECTOR, *LINES)
    assert [entry.format() for entry in program.tables.snapshot()] == LINES
    assert [b_of(program, a) for a in (1, 2)] == [1, 2]
    program.tables.replace([])
    assert program.tables.snapshot() == []
    program.tables.add(parse_entries(program.info, list(reversed(LINES)), "f"))
    assert [entry.format() for entry in program.tables.snapshot()] == LINES


def test_json_of_members_and_groups():
    program = load(SELECTOR, *LINES)
    found = [entry.to_json() for entry in program.tables.snapshot()]
    assert found[0] == {
        "profile": "pipe.sel", "key": {"member": 1}, "action": "pipe.set_b", "params": {"v": 1}
    }  # fmt: skip
    assert found[2] == {
        "profile": "pipe.sel", "key": {"group": 7},
        "members": [{"member": 1, "weight": 1}, {"member": 2, "weight": 3}],
    }  # fmt: skip
    assert found[3] == {"table": "pipe.t", "key": {"hdr.h.a": 1}, "group": 7}
    assert [e.format() for e in parse_entries(program.info, [json.dumps(found)], "f")] == LINES


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("profile=sel,member=2", "member 2 of pipe.sel is used by group pipe.sel, entry group=7"),
        ("profile=sel,group=7", "group 7 of pipe.sel is used by table pipe.t, entry hdr.h.a=1"),
    ],
)
def test_what_is_used_cannot_be_deleted(line: str, message: str):
    program = load(SELECTOR, *LINES)
    text = f"{line},{'members=[]' if 'group' in line else 'actions=empty()'}"
    entry = parse_entry(program.info, text)
    assert entry.key is not None
    with pytest.raises(InputError, match=message):
        program.tables.delete([entry.key])
    assert [entry.format() for entry in program.tables.snapshot()] == LINES


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("table=t,a=1,actions=member(5)", "f:1: profile pipe.sel has no member 5"),
        ("table=t,a=1,actions=group(5)", "f:1: profile pipe.sel has no group 5"),
        ("profile=sel,group=1,members=[4]", "f:1: profile pipe.sel has no member 4"),
        ("profile=sel,group=1,members=[1:6]", "add up to 5 at most, not 6"),
        ("profile=sel,group=1,members=[1,1]", "member 1 is given twice"),
        ("profile=sel,group=1,members=[1:0]", "'1:0' is not MEMBER:WEIGHT"),
        ("profile=sel,group=1,members=[0]", "'0' is not the number of a member"),
        ("profile=sel,group=1,actions=empty()", "a group of pipe.sel has members"),
        ("profile=sel,member=0,actions=empty()", "the number of a member is not 0"),
        ("table=t,a=1,actions=set_b(1)", "have no actions, but member"),
        ("profile=nope,member=1,actions=empty()", "has no profile nope"),
    ],
)
def test_wrong_entry(line: str, message: str):
    program = load(SELECTOR)
    with pytest.raises((InputError, RefusedError), match=message):
        program.tables.add(parse_entries(program.info, [line], "f"))


def test_set_default_of_a_table_with_a_profile():
    program = load(PROFILE)
    program.tables.set_default(parse_entry(program.info, "table=t,default,actions=set_b(0x77)"))
    assert b_of(program, 1) == 0x77
    assert program.tables.default(find_table(program.info, "t")).call.format() == "set_b(v=119)"


@pytest.mark.parametrize(
    ("locals", "message"),
    [
        (ACTIONS + "table t { key = { hdr.h.a: exact; hdr.h.c: selector; } actions = { set_b; } }",
         "a 'selector' key needs an ActionSelector"),
        (PROFILE.replace("exact;", "exact; hdr.h.c: selector;"),
         "an ActionProfile has no use for 'selector' keys"),
        (SELECTOR.replace("hdr.h.c: selector;", ""), "table 't' has no 'selector' key to choose by"),
        (SELECTOR.replace("hdr.h.a: exact;", ""), "table 't' has no key to match"),
        (PROFILE.replace("psa_implementation = ap", "psa_implementation = 3"),
         "the property 'psa_implementation' names an ActionProfile or ActionSelector"),
        (PROFILE.replace("psa_implementation", "entries = { 1: set_b(1); } psa_implementation"),
         "table 't' has a profile, so no entries here"),
        (PROFILE.replace("(16)", "(0)"), "the size of a profile must be from 1 to 2147483648"),
        (SELECTOR.replace("@max_group_size(5)", "@max_group_size(0)"),
         "'@max_group_size' is a number from 1 to 8192"),
        (PROFILE + "table u { key = { hdr.h.c: exact; } actions = { empty; } psa_implementation = ap; }",
         "'ap' belongs to a table with other actions, or in another order"),
        (SELECTOR.replace("= empty()", "= set_b(hdr.h.b)"),
         "'psa_empty_group_action' must have a constant for the parameter 'v'"),
        (SELECTOR.replace("= empty()", "= set_b"),
         "'psa_empty_group_action' must have a constant for the parameter 'v'"),
        (PROFILE.replace("= ap", "= Register<bit<8>, bit<8>>(4)"),
         "the property 'psa_implementation' names an ActionProfile or ActionSelector"),
        (PROFILE.replace("= ap", "= ActionProfile()"),
         "the constructor of ActionProfile takes 1 argument, not 0"),
        (PROFILE.replace("= ap", "= ap; counters = DirectCounter<bit<8>>(PSA_CounterType_t.BYTES)"),
         "a DirectCounter without a name is of no use: no action could call it"),
    ],
)  # fmt: skip
def test_refused(locals: str, message: str):
    apply = "t.apply(); u.apply();" if "table u" in locals else "t.apply();"
    assert first_error(text_of(locals, apply))[1] == message
