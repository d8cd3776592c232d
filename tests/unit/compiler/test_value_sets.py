# SPDX-License-Identifier: Apache-2.0
"""Value sets in a parser's select: members come from the control plane."""

from __future__ import annotations

import pytest
from p4_programs import compiled, load, loaded, place, source
from test_refused import first_error

from p4rt.compiler.backend.p4info import p4info_text
from ubpf import Verdict

DROP = "state drop { std.output_action = ubpf_action.DROP; transition accept; }"
SCALAR = f"""
value_set<bit<8>>(4) known;
state start {{ pkt.extract(hdr.h); transition select(hdr.h.a) {{ 1: accept; known: drop; _: reject; }} }}
{DROP}
"""
PAIR = f"""
value_set<pair_t>(4) pairs;
state start {{
    pkt.extract(hdr.h);
    transition select(hdr.h.a, hdr.h.b) {{ (9, _): accept; pairs: drop; default: accept; }}
}}
{DROP}
"""
PAIR_T = "struct pair_t { bit<8> first; @id(7) bit<8> second; }"


def info_of(text: str) -> dict:
    """What the object says of its one value set."""
    (found,) = compiled(text).info["value_sets"]
    return found


def add_member(program, info: dict, **values: int) -> None:
    """What p4rt-ctl add-entry does."""
    key = bytearray(info["key_size"])
    for item in info["key"]:
        place(item, values[item["name"]], key)
    program.maps[info["map"]].update(bytes(key), bytes(info["value_size"]))


def verdict(program, packet: str) -> Verdict:
    return program.run(bytes.fromhex(packet)).verdict


def test_member_is_selected_only_while_it_is_there():
    text = source(states=SCALAR)
    program = load(text)
    info = info_of(text)
    assert [verdict(program, packet) for packet in ("0100", "0200")] == [Verdict.PASS, Verdict.ABORT]
    add_member(program, info, value=2)
    assert [verdict(program, packet) for packet in ("0200", "0300")] == [Verdict.DROP, Verdict.ABORT]
    program.maps[info["map"]].delete(b"\x02" + bytes(7))
    assert verdict(program, "0200") is Verdict.ABORT


def test_labels_before_the_set_come_first():
    text = source(states=SCALAR)
    program = load(text)
    add_member(program, info_of(text), value=1)
    assert verdict(program, "0100") is Verdict.PASS


def test_set_of_structs_stands_for_all_keys():
    text = source(top=PAIR_T, states=PAIR)
    program = load(text)
    add_member(program, info_of(text), first=3, second=4)
    add_member(program, info_of(text), first=9, second=4)
    packets = ("0304", "0403", "0305", "0904")
    assert [verdict(program, packet) for packet in packets] == [
        Verdict.DROP, Verdict.PASS, Verdict.PASS, Verdict.PASS,
    ]  # fmt: skip


def test_set_in_one_place_of_a_tuple():
    states = f"""
    value_set<bit<8>>(2) low; value_set<bit<8>>(2) high;
    state start {{
        pkt.extract(hdr.h);
        transition select(hdr.h.a, hdr.h.b) {{ (low, 5): drop; (high, high): drop; _: accept; }}
    }}
    {DROP}"""
    text = source(states=states)
    program = load(text)
    low, high = compiled(text).info["value_sets"]
    add_member(program, low, value=1)
    add_member(program, high, value=0x80)
    add_member(program, high, value=0x81)
    packets = ("0105", "0106", "8005", "8081", "8101")
    assert [verdict(program, packet) for packet in packets] == [
        Verdict.DROP, Verdict.PASS, Verdict.PASS, Verdict.DROP, Verdict.PASS,
    ]  # fmt: skip


def test_struct_of_one_field_for_one_key():
    states = f"""
    value_set<only_t>(2) only;
    state start {{ pkt.extract(hdr.h); transition select(hdr.h.a) {{ only: drop; _: accept; }} }}
    {DROP}"""
    text = source(top="struct only_t { @match(exact) bit<8> v; }", states=states)
    program = load(text)
    add_member(program, info_of(text), v=7)
    assert [verdict(program, packet) for packet in ("0700", "0800")] == [Verdict.DROP, Verdict.PASS]


def test_what_the_object_says_of_a_set():
    info = info_of(source(top=PAIR_T, states=PAIR))
    assert info == {
        "name": "prs.pairs", "alias": "pairs", "id": info["id"], "map": "prs_pairs",
        "map_type": "hash", "size": 4, "key_size": 8, "value_size": 8,
        "key": [
            {"name": "first", "id": 1, "match": "exact",
             "width": 8, "offset": 0, "size": 1, "order": "little", "shift": 0},
            {"name": "second", "id": 7, "match": "exact",
             "width": 8, "offset": 1, "size": 1, "order": "little", "shift": 0},
        ],
    }  # fmt: skip
    assert info["id"] >> 24 == 3


def test_p4info_of_a_set_of_scalars():
    result = compiled(source(states=SCALAR))
    (value_set,) = result.p4info.value_sets
    assert (value_set.preamble.name, value_set.preamble.alias, value_set.size) == ("prs.known", "known", 4)
    (match,) = value_set.match
    assert (match.id, match.name, match.bitwidth) == (1, "", 8)
    assert "match_type: EXACT" in p4info_text(result.p4info)


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        ("value_set<bit<16>>(4) v;", "value set 'v' of bit<16> for bit<8>"),
        ("value_set<pair_t>(4) v;", "value set 'v' of struct pair_t for bit<8>"),
        ("value_set<bit<8>>(0) v;", "the size of a value set must be from 1 to 2147483648, not 0"),
        ("value_set<fuzzy_t>(4) v;", "the match kind 'fuzzy' is not supported"),
    ],
)
def test_refused(declaration: str, message: str):
    states = f"{declaration} state start {{ transition select(8w1) {{ v: accept; _: reject; }} }}"
    top = PAIR_T + "struct fuzzy_t { @match(fuzzy) bit<8> a; }"
    assert first_error(source(top=top, states=states))[1] == message


def test_set_without_members_matches_nothing():
    assert verdict(loaded(states=SCALAR), "0200") is Verdict.ABORT
