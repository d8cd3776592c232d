# SPDX-License-Identifier: Apache-2.0
"""Section p4rt.info, good and damaged."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import Field, ProgramInfo, from_object, read_section


def test_members_are_read(info: ProgramInfo) -> None:
    assert (info.program, info.source, info.model_version) == ("example", "example.p4", 20200515)
    assert [t.name for t in info.tables] == ["pipe.route", "pipe.acl", "pipe.label", "pipe.mark"]
    route = info.tables[0]
    assert route.key[1].match == "lpm"
    assert route.key[1].format == "ipv4"
    assert route.prefix_len is not None and route.prefix_len.base_bits == 32
    assert [a.scope for a in route.actions] == ["any", "table_only", "default_only"]
    assert info.tables[1].key[4].enum == {"Red": 1, "Blue": 5}
    assert info.tables[3].map is None
    assert info.registers[1].value[1].name == "peer.address"


def test_field_in_big_endian_with_shift() -> None:
    label = Field("label", width=20, offset=1, size=3, order="big", shift=4)
    buffer = bytearray(5)
    label.store(buffer, 0x12345)
    assert buffer.hex() == "0012345000"
    assert label.load(bytes(buffer)) == 0x12345


def test_field_in_little_endian() -> None:
    port = Field("port", width=9, offset=2, size=2, order="little")
    buffer = bytearray(4)
    port.store(buffer, 0x1FE)
    assert buffer.hex() == "0000fe01"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["version"], 2, "has version 2; this command reads version 1"),
        (["tables", 0, "key", 1, "offset"], 9, r"tables\[0\], key\[1\]: bad or missing 'offset'"),
        (["tables", 0, "key", 1, "width"], 33, r"tables\[0\], key\[1\]: bad or missing 'width'"),
        (["tables", 0, "key", 1, "order"], "pdp", "bad or missing 'order'"),
        (["tables", 0, "key", 1, "offset"], -1, "bad or missing 'offset'"),
        (["tables", 0, "key", 1, "offset"], True, "bad or missing 'offset'"),
        (["tables", 0, "name"], 5, r"tables\[0\]: bad or missing 'name'"),
        (["tables", 0, "value_size"], 1 << 40, "bad or missing 'value_size'"),
        (["tables", 0, "prefix_len"], None, "bad or missing 'prefix_len'"),
        (["tables", 1, "name"], "pipe.route", "two tables are called 'pipe.route'"),
        (["tables", 0, "key"], [5], r"key\[0\] is not an object"),
        (["registers", 0, "value"], [], "bad or missing 'value'"),
        (["registers", 0, "value_size"], 4, "bad or missing 'offset'"),
    ],
)
def test_damage_is_named(info_text: str, path: list[Any], value: Any, message: str) -> None:
    top = json.loads(info_text)
    node = top
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    with pytest.raises(InputError, match=message):
        ProgramInfo.from_json(json.dumps(top))


_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)


@given(st.recursive(_LEAVES, lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=5), c)))
def test_any_json_is_refused_in_words(value: Any) -> None:
    with pytest.raises(InputError):
        ProgramInfo.from_json(json.dumps(value))


def test_text_that_is_no_json() -> None:
    with pytest.raises(InputError, match="not JSON"):
        ProgramInfo.from_json(b"\xff{")


@given(st.binary(max_size=300))
def test_any_bytes_after_elf_magic_are_refused_in_words(data: bytes) -> None:
    with pytest.raises(InputError):
        from_object(b"\x7fELF\x02\x01\x01" + data)


def test_empty_object() -> None:
    with pytest.raises(InputError, match="not a valid ELF object"):
        read_section(b"", "p4rt.info")
