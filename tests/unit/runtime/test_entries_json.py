# SPDX-License-Identifier: Apache-2.0
"""Entries as JSON, in and out."""

from __future__ import annotations

import json

import pytest

from p4rt.runtime.entries import parse_entries
from p4rt.runtime.errors import InputError
from p4rt.runtime.info import ProgramInfo

LINES = [
    "table=pipe.route,meta.vrf=7,hdr.ipv4.dst=10.1.0.0/16,actions=forward(dmac=02:00:00:00:00:09,port=258)",
    "table=pipe.acl,hdr.outer.ipv6.src=2001:db8::1,hdr.inner.$valid$=true,hdr.outer.$valid$=false,"
    "meta.delta=-2,meta.kind=Blue,actions=permit()",
    "table=pipe.mark,default,actions=set_mark(value=9)",
]


def test_what_is_printed_is_read_back(info: ProgramInfo) -> None:
    entries = parse_entries(info, LINES, "f")
    text = json.dumps([entry.to_json() for entry in entries], indent=2)
    again = parse_entries(info, ["", *text.splitlines()], "f.json")
    assert again == entries
    assert [entry.origin for entry in again] == ["f.json[0]", "f.json[1]", "f.json[2]"]


def test_same_key_twice_is_named(info: ProgramInfo) -> None:
    entry = parse_entries(info, LINES[:1], "f")[0].to_json()
    with pytest.raises(InputError, match=r"\Ae\[1\]: the same key as e\[0\]\Z"):
        parse_entries(info, [json.dumps([entry, entry])], "e")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "e:1: not JSON"),
        ("[" * 100000, "e: not JSON|e:1: not JSON"),
        ("[1]", r"e\[0\]: an entry is an object"),
        ("[{}]", r"e\[0\]: an entry names one table, value_set or profile"),
        ('[{"table": "route", "value_set": "x"}]', "an entry names one"),
        ('[{"table": "route", "colour": 1}]', "an entry has no 'colour'"),
        ('[{"table": "route", "key": []}]', "'key' is an object"),
        ('[{"table": "route", "key": {"meta.vrf": [1]}}]', "'meta.vrf' is a number or a text"),
        ('[{"table": "route", "key": {"meta.vrf": {"low": 1}}}]', "'meta.vrf' is a value, or value and"),
        ('[{"table": "route", "key": {"meta.vrf": "1,2"}}]', "'meta.vrf' is a number or a text"),
        (
            '[{"table": "route", "key": {"meta.vrf": 1}, "action": "a", "group": 1}]',
            "one of action and group",
        ),
        ('[{"table": "route", "key": {"meta.vrf": 4096}, "action": "drop"}]', r"e\[0\]: 4096 does not fit"),
        ('[{"table": "nope", "action": "drop"}]', r"e\[0\]: program example has no table nope"),
    ],
)
def test_what_is_wrong_is_said(info: ProgramInfo, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_entries(info, [text], "e")
