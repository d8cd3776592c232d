# SPDX-License-Identifier: Apache-2.0
"""Entries as text and as the bytes of keys and values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4rt.runtime.entries import Call, Entry, Key, Match, find_table, parse_entries, parse_entry
from p4rt.runtime.errors import InputError
from p4rt.runtime.info import ProgramInfo

ROUTE = ("table=pipe.route,meta.vrf=7,hdr.ipv4.dst=10.1.0.0/16,"
         "actions=forward(dmac=02:00:00:00:00:09,port=258)")  # fmt: skip
ACL = ("table=pipe.acl,hdr.outer.ipv6.src=2001:db8::1,hdr.inner.$valid$=true,hdr.outer.$valid$=false,"
       "meta.delta=-2,meta.kind=Blue,actions=permit()")  # fmt: skip


def encoded(info: ProgramInfo, text: str) -> tuple[str, str]:
    entry = parse_entry(info, text)
    assert entry.key is not None
    return entry.key.encode().hex(), entry.call.encode().hex()


def test_lpm_entry_is_these_bytes(info: ProgramInfo) -> None:
    key, value = "30000000" "00000007" "0a010000", "01000000" "0201" "0000" "0900000000020000"
    assert encoded(info, ROUTE) == (key, value)


def test_exact_entry_is_these_bytes(info: ProgramInfo) -> None:
    key = "20010db8000000000000000000000001" "01" "00" "feff" "05000000"
    assert encoded(info, ACL) == (key, "0700000000000000")


@pytest.mark.parametrize("text", [ROUTE, ACL, "table=pipe.mark,default,actions=set_mark(value=9)"])
def test_what_is_printed_is_read_back(info: ProgramInfo, text: str) -> None:
    entry = parse_entry(info, text)
    assert entry.format() == text
    key = None if entry.key is None else Key.decode(entry.table, entry.key.encode())
    assert Entry(entry.table, key, Call.decode(entry.table, entry.call.encode())) == entry


@pytest.mark.parametrize(
    "text",
    [
        "table=route,vrf=7,dst=10.1.0.0/16,actions=forward(02:00:00:00:00:09,258)",
        "table=route vrf=7 dst=10.1.0.0/16 actions=pipe.forward( port = 0x102 , dmac=0x020000000009 )",
        "actions=forward(port=0b100000010,dmac=02:00:00:00:00:09),dst=167837696/16,vrf=0x7,table=pipe.route",
        "table=route,meta.vrf=7,ipv4.dst=10.1.0.0/16,action=forward(dmac=2:0:0:0:0:9,port=258)",
    ],
)
def test_other_ways_to_write_the_same(info: ProgramInfo, text: str) -> None:
    assert parse_entry(info, text) == parse_entry(info, ROUTE)


def test_validity_by_method_call(info: ProgramInfo) -> None:
    text = ACL.replace("hdr.inner.$valid$=true", "inner.isValid()=1")
    assert parse_entry(info, text) == parse_entry(info, ACL)


def test_no_prefix_length_means_all_bits(info: ProgramInfo) -> None:
    assert encoded(info, ROUTE.replace("10.1.0.0/16", "10.1.2.3"))[0] == "40000000" "00000007" "0a010203"


def test_prefix_of_no_bits(info: ProgramInfo) -> None:
    assert encoded(info, ROUTE.replace("10.1.0.0/16", "0.0.0.0/0"))[0] == "20000000" "00000007" "00000000"


def test_prefix_left_out_matches_everything(info: ProgramInfo) -> None:
    text = "table=route,vrf=7,actions=drop"
    assert encoded(info, text)[0] == "20000000" "00000007" "00000000"
    assert parse_entry(info, text) == parse_entry(info, "table=route,vrf=7,dst=*,actions=drop")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hdr.ipv4.dst=1", "names no table"),
        ("table=nope,x=1,actions=a()",
         r"program example has no table nope \(tables: pipe.route, pipe.acl, pipe.label, pipe.mark\)"),
        ("table=route,vrf=1,dst=10.0.0.0/8", "the entry has no action"),
        ("table=route,vrf=1,dst=10.0.0.0/8,actions=go()",
         r"table pipe.route has no action go \(actions: pipe.forward, pipe.drop, NoAction\)"),
        ("table=route,vrf=1,src=1,actions=drop",
         r"table pipe.route has no key field src \(key fields: meta.vrf"),
        ("table=route,dst=1,actions=drop", "table pipe.route: no value for key field meta.vrf"),
        ("table=route,actions=drop", "table pipe.route: no value for key field meta.vrf, hdr.ipv4.dst"),
        ("table=route,vrf=1,vrf=2,dst=1,actions=drop", "vrf is given twice"),
        ("table=route,vrf=1,meta.vrf=2,dst=1,actions=drop", "meta.vrf is given twice"),
        ("table=route,table=acl,actions=drop", "table is given twice"),
        ("table=route,vrf=4096,dst=1,actions=drop", r"4096 does not fit meta.vrf, which is bit<12>"),
        ("table=route,vrf=1/3,dst=1,actions=drop", "meta.vrf is matched exact and takes no prefix length"),
        ("table=route,vrf=1&&&3,dst=1,actions=drop", "meta.vrf is matched exact, not ternary"),
        ("table=route,vrf=1..3,dst=1,actions=drop", "meta.vrf is matched exact, not range"),
        ("table=route,vrf=1,dst=10.0.0.0/33,actions=drop",
         "/33 is longer than hdr.ipv4.dst, which has 32 bits"),
        ("table=route,vrf=1,dst=10.0.0.0/-1,actions=drop", "'-1' is not a prefix length"),
        ("table=route,vrf=1,dst=10.0.0.1/8,actions=drop",
         "10.0.0.1/8 has bits set beyond its prefix; 10.0.0.0/8"),
        ("table=route,vrf=1,dst=1,priority=5,actions=drop",
         "has no ternary or range field, so no priorities"),
        ("table=route,vrf=1,dst=1,actions=NoAction",
         "NoAction can only be the default action of table pipe.route"),
        ("table=route,default,actions=drop", "pipe.drop cannot be the default action of table pipe.route"),
        ("table=route,default,vrf=1,actions=NoAction", "a default action has no key"),
        ("table=route,vrf=1,dst=1,actions=forward(port=512,dmac=0)",
         "512 does not fit port, which is bit<9>"),
        ("table=route,vrf=1,dst=1,actions=forward(port=1)",
         "action pipe.forward: no value for parameter dmac"),
        ("table=route,vrf=1,dst=1,actions=forward(0,1,2)", "has 2 parameters; more are given"),
        ("table=route,vrf=1,dst=1,actions=forward(0,1,dmac=2)", "more are given|given twice"),
        ("table=route,vrf=1,dst=1,actions=forward(prt=1)",
         r"action pipe.forward has no parameter prt \(parameters: dmac, port\)"),
        ("table=route,vrf=1,dst=1,actions=drop(),drop()",
         "an entry has one action; 'drop\\(\\)' is too much"),
        ("table=route,vrf=1,dst=1,actions=drop(", "is not closed"),
        ("table=route,vrf=1,dst=1,actions=drop)", "without its opening"),
        ("table=acl,$valid$=1,actions=permit", r"could be hdr.inner.\$valid\$ or hdr.outer.\$valid\$"),
        ("table=label,label=1/20,actions=NoAction", "entries of table pipe.label are const"),
        ("table=mark,x=1,actions=NoAction", "table pipe.mark has no key, only a default action"),
        ("route", "'route' is not NAME=VALUE"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(info: ProgramInfo, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_entry(info, text)


def test_shifted_key(info: ProgramInfo) -> None:
    table = find_table(info, "label")
    key = Key(table, (Match(0x12300, 12),))
    assert key.encode().hex() == "0c000000" "12300000"
    assert Key.decode(table, key.encode()) == key
    assert key.format() == "hdr.mpls.label=74496/12"


def test_json_form(info: ProgramInfo) -> None:
    assert parse_entry(info, ROUTE).to_json() == {
        "table": "pipe.route",
        "key": {"meta.vrf": 7, "hdr.ipv4.dst": {"value": "10.1.0.0", "prefix_len": 16}},
        "action": "pipe.forward",
        "params": {"dmac": "02:00:00:00:00:09", "port": 258},
    }


def test_file_with_comments_and_blank_lines(info: ProgramInfo) -> None:
    lines = ["# routes", "", f"{ROUTE}  # the first", "  table=mark,default,actions=NoAction"]
    entries = parse_entries(info, lines, "routes.txt")
    assert [e.origin for e in entries] == ["routes.txt:3", "routes.txt:4"]


def test_duplicate_in_a_file_names_both_lines(info: ProgramInfo) -> None:
    lines = [ROUTE, "", ROUTE.replace("port=258", "port=3")]
    with pytest.raises(InputError, match=r"\Aroutes.txt:3: the same key as routes.txt:1\Z"):
        parse_entries(info, lines, "routes.txt")


def test_error_in_a_file_names_the_line(info: ProgramInfo) -> None:
    with pytest.raises(InputError, match=r"\Ar:2: 'x' is not NAME=VALUE"):
        parse_entries(info, ["", "x"], "r")


def test_unknown_action_code_in_the_switch(info: ProgramInfo) -> None:
    with pytest.raises(InputError, match=r"table pipe\.acl holds an entry with the unknown action 99"):
        Call.decode(find_table(info, "acl"), bytes([99, 0, 0, 0, 0, 0, 0, 0]))


def test_prefix_length_in_the_switch_that_cannot_be(info: ProgramInfo) -> None:
    with pytest.raises(InputError, match="a prefix of 33 bits"):
        Key.decode(find_table(info, "route"), bytes.fromhex("41000000" "00000007" "0a010203"))


@given(st.text("table=route,vrf17dst./()[]&# \t$acl", max_size=60))
def test_any_text_is_an_entry_or_an_input_error(info: ProgramInfo, text: str) -> None:
    try:
        entry = parse_entry(info, text)
    except InputError as e:
        assert "\n" not in str(e)
        return
    assert parse_entry(info, entry.format()) == entry
