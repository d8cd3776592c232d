# SPDX-License-Identifier: Apache-2.0
"""Tables and registers by name, on the maps of the real engine."""

from __future__ import annotations

import pytest

from p4rt.runtime.entries import Entry, find_table, parse_entries, parse_entry
from p4rt.runtime.errors import ErrorCode, InputError, RefusedError
from p4rt.runtime.local import LocalProgram
from p4rt.runtime.tables import Changes


def route(subnet: int, port: int) -> str:
    key = f"meta.vrf=7,hdr.ipv4.dst=10.0.{subnet}.0/24"
    return f"table=pipe.route,{key},actions=forward(dmac=00:00:00:00:00:01,port={port})"


def lines(program: LocalProgram) -> list[str]:
    return [e.format() for e in program.tables.snapshot()]


def entries(program: LocalProgram, *texts: str) -> list[Entry]:
    return parse_entries(program.info, texts, "f")


def test_added_entry_is_in_the_map_as_these_bytes(program: LocalProgram) -> None:
    program.tables.add(entries(program, route(2, 3)))
    contents = dict(program.engine.maps["pipe_route"].items())
    assert {k.hex(): v.hex() for k, v in contents.items()} == {
        "38000000" "00000007" "0a000200": "01000000" "0300" "0000" "0100000000000000"
    }


def test_program_sees_the_entry(program: LocalProgram) -> None:
    program.tables.add(entries(program, route(2, 3)))
    assert program.process(b"\x07\x02", 1).outputs[0].port == 3
    assert program.process(b"\x07\x03", 1).verdict == "drop"


def test_dump_is_sorted_and_can_be_added_again(program: LocalProgram, info_text: str) -> None:
    texts = [route(9, 1), route(10, 2), "table=pipe.mark,default,actions=set_mark(value=9)"]
    program.tables.add(entries(program, *reversed(texts)))
    assert lines(program) == texts
    program.tables.replace([])
    assert lines(program) == []
    program.tables.add(entries(program, *texts))
    assert lines(program) == texts


def test_entry_that_exists_is_refused_and_nothing_added(program: LocalProgram) -> None:
    program.tables.add(entries(program, route(2, 3)))
    new = entries(program, route(1, 1), "table=mark,default,actions=NoAction()", route(2, 9))
    message = r"\Af:3: table pipe.route already has an entry meta.vrf=7,hdr.ipv4.dst=10.0.2.0/24\Z"
    with pytest.raises(RefusedError, match=message) as caught:
        program.tables.add(new)
    assert caught.value.code == ErrorCode.KEY_EXISTS
    assert lines(program) == [route(2, 3)]


def test_full_table_is_refused_and_nothing_added(program: LocalProgram) -> None:
    with pytest.raises(RefusedError, match=r"f:5: table pipe.route is full \(4 entries\)"):
        program.tables.add(entries(program, *(route(i, 1) for i in range(5))))
    assert lines(program) == []


def test_modify_needs_the_entry(program: LocalProgram) -> None:
    with pytest.raises(RefusedError, match=r"table pipe\.route has no entry meta\.vrf=7"):
        program.tables.modify(parse_entry(program.info, route(2, 3)))
    program.tables.add(entries(program, route(2, 3)))
    program.tables.modify(parse_entry(program.info, route(2, 4)))
    assert lines(program) == [route(2, 4)]


def test_delete_needs_the_entry(program: LocalProgram) -> None:
    [entry] = entries(program, route(2, 3))
    assert entry.key is not None
    message = r"table pipe\.route has no entry meta.vrf=7,hdr.ipv4.dst=10.0.2.0/24"
    with pytest.raises(RefusedError, match=message):
        program.tables.delete([entry.key])
    program.tables.add([entry])
    program.tables.delete([entry.key])
    assert lines(program) == []


def test_replace_changes_what_differs(program: LocalProgram) -> None:
    program.tables.add(entries(program, route(1, 1), route(2, 2), route(3, 3)))
    changes = program.tables.replace(entries(program, route(1, 1), route(2, 9), route(4, 4)))
    assert changes == Changes(added=1, modified=1, deleted=1, unchanged=1)
    assert lines(program) == [route(1, 1), route(2, 9), route(4, 4)]


def test_replace_all_entries_of_a_full_table(program: LocalProgram) -> None:
    program.tables.add(entries(program, *(route(i, 1) for i in range(4))))
    program.tables.replace(entries(program, *(route(i, 1) for i in range(4, 8))))
    assert lines(program) == [route(i, 1) for i in range(4, 8)]


def test_replace_that_does_not_fit_leaves_all_as_it_was(program: LocalProgram) -> None:
    before = [route(1, 1), "table=pipe.mark,default,actions=set_mark(value=9)"]
    program.tables.add(entries(program, *before))
    with pytest.raises(RefusedError, match="is full"):
        program.tables.replace(entries(program, *(route(i, 1) for i in range(5))))
    assert lines(program) == before


def test_replace_puts_the_initial_default_back(program: LocalProgram) -> None:
    mark = find_table(program.info, "mark")
    program.tables.add(entries(program, "table=mark,default,actions=NoAction()"))
    assert program.tables.default(mark).call.format() == "NoAction()"
    program.tables.replace([])
    assert program.tables.default(mark).call.format() == "set_mark(value=5)"


def test_default_is_in_the_map_as_these_bytes(program: LocalProgram) -> None:
    program.tables.set_default(parse_entry(program.info, "table=mark,default,actions=set_mark(0x1234)"))
    value = program.engine.maps["pipe_mark_default"].lookup(bytes(4))
    assert value == bytes.fromhex("01000000" "3412" "0000")


def test_const_default_cannot_be_set(program: LocalProgram) -> None:
    with pytest.raises(InputError, match=r"the default action of table pipe\.acl is const"):
        program.tables.set_default(parse_entry(program.info, "table=acl,default,actions=permit"))


def test_register_is_written_and_read(program: LocalProgram) -> None:
    registers = program.registers
    register, index = registers.find("last_seen[3]")
    assert index == 3
    registers.write(registers.parse(register, 3, "0x112233445566"))
    assert program.engine.maps["pipe_last_seen"].lookup(b"\3\0\0\0") == bytes.fromhex("6655443322110000")
    assert registers.read(register, 3).format() == "pipe.last_seen[3]=18838586676582"


def test_nonzero_elements_are_what_the_program_wrote(program: LocalProgram) -> None:
    for packet in (b"\x06\x05", b"\x06\x02", b"\x06\x05"):
        program.process(packet, 1)
    register, index = program.registers.find("pipe.last_seen")
    assert index is None
    found = [e.format() for e in program.registers.read_nonzero(register)]
    assert found == ["pipe.last_seen[2]=1", "pipe.last_seen[5]=2"]


def test_register_of_a_struct(program: LocalProgram) -> None:
    registers = program.registers
    register, _ = registers.find("flow[1]")
    registers.write(registers.parse(register, 1, "{bytes=5, address=10.0.0.1}"))
    element = registers.read(register, 1)
    assert element.format() == "pipe.flow[1]={bytes=5,peer.address=10.0.0.1}"
    assert element.to_json()["value"] == {"bytes": 5, "peer.address": "10.0.0.1"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope[1]", r"has no register nope \(registers: pipe.last_seen, pipe.flow\)"),
        ("last_seen[8]", "has 8 elements, from 0 on; no 8"),
        ("last_seen[-1]", "'-1' is not an index"),
        ("last_seen[1", r"'last_seen\[1' is not NAME\[INDEX\]"),
    ],
)
def test_register_that_does_not_exist(program: LocalProgram, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        program.registers.find(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bytes=1", "no value for peer.address"),
        ("5", r"'5' is not MEMBER=VALUE \(members: bytes, peer.address\)"),
        ("bytes=1,address=1,x=2", "has no member x"),
        (f"bytes={1 << 64},address=1", "does not fit bytes"),
    ],
)
def test_value_that_is_no_struct(program: LocalProgram, text: str, message: str) -> None:
    register, _ = program.registers.find("flow[1]")
    with pytest.raises(InputError, match=message):
        program.registers.parse(register, 1, text)
