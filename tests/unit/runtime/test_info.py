# SPDX-License-Identifier: Apache-2.0
"""Section p4rt.info, good and damaged."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
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
        (["tables", 0, "map_type"], "hash", r"tables\[0\]: bad or missing 'match'"),
        (["tables", 0, "map_type"], "trie", r"tables\[0\]: bad or missing 'map_type'"),
        (["tables", 0, "key", 1, "match"], "fuzzy", r"tables\[0\]: bad or missing 'match'"),
        (["tables", 0, "key", 1, "match"], "exact", r"tables\[0\]: bad or missing 'match'"),
        (["tables", 0, "state_size"], 17, "bad or missing 'state_size'"),
        (["tables", 0, "state_size"], 8, r"action_code|param|bad or missing 'offset'"),
        (["tables", 0, "idle_timeout"], {"offset": 0}, r"'idle_timeout': bad or missing 'offset'"),
        (["tables", 0, "const_keys"], ["0"], "bad or missing 'const_keys'"),
        (["tables", 0, "const_keys"], [5], "bad or missing 'const_keys'"),
        (["tables", 3, "profile"], 7, "bad or missing 'profile'"),
        (["profiles"], [{"name": "p"}], r"profiles\[0\]: bad or missing 'value_size'"),
        (
            ["profiles"],
            [
                {
                    "name": "p",
                    "value_size": 8,
                    "size": 1,
                    "map": "m",
                    "action_code": {"offset": 0, "size": 4},
                    "groups": {"map": "g", "max_size": 0},
                }
            ],
            r"'groups': bad or missing 'max_size'",
        ),
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


_CHANGE = st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255))


@given(changes=st.lists(_CHANGE, min_size=1, max_size=4), length=st.floats(0, 1))
def test_any_damage_to_an_object_is_refused_in_words(
    object_file: Path, changes: list[tuple[float, int]], length: float
) -> None:
    data = bytearray(object_file.read_bytes())
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        from_object(bytes(data[: int(length * len(data))] if length < 0.2 else data))
    except InputError as e:
        assert "\n" not in str(e)


def test_compressed_section_is_refused(object_file: Path) -> None:
    data = bytearray(object_file.read_bytes())
    # SHF_COMPRESSED, in the header of the section of that name.
    elf = ELFFile(io.BytesIO(bytes(data)))
    index = elf.get_section_index("p4rt.info")
    data[elf["e_shoff"] + 64 * index + 9] |= 0x08
    with pytest.raises(InputError, match=r"section p4rt\.info of the object is compressed"):
        from_object(bytes(data))
