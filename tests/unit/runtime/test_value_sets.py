# SPDX-License-Identifier: Apache-2.0
"""Members of value sets, as text and in the maps of the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4rt.compiler.driver import compile_file
from p4rt.runtime import stf
from p4rt.runtime.entries import Entry, find_table, parse_entries, parse_entry
from p4rt.runtime.errors import InputError, RefusedError
from p4rt.runtime.local import LocalProgram
from p4rt.runtime.upgrade import misread

SOURCE = """
#include <ubpf_model.p4>
header h_t { bit<8> kind; bit<16> port; }
struct headers_t { h_t h; }
struct metadata_t { }
struct flow_t { bit<8> kind; @format(IPV4_ADDRESS) bit<32> other; }
parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    value_set<bit<16>>(2) tunnels;
    value_set<flow_t>(4) flows;
    state start {
        pkt.extract(hdr.h);
        transition select(hdr.h.port) { tunnels: accept; default: more; }
    }
    state more {
        transition select(hdr.h.kind, 16w0 ++ hdr.h.port) { flows: accept; default: reject; }
    }
}
control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) { apply { } }
control dprs(packet_out pkt, in headers_t hdr) { apply { pkt.emit(hdr); } }
ubpf(prs(), pipe(), dprs()) main;
"""
TUNNEL = "value_set=prs.tunnels,value=4789"
FLOW = "value_set=prs.flows,kind=3,other=0.0.18.181"


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sets") / "sets.p4"
    path.write_text(SOURCE)
    return compile_file(path).object


@pytest.fixture
def program(elf: bytes) -> LocalProgram:
    return LocalProgram(elf)


def entries(program: LocalProgram, *texts: str) -> list[Entry]:
    return parse_entries(program.info, texts, "sets.txt")


def dumped(program: LocalProgram) -> list[str]:
    return [entry.format() for entry in program.tables.snapshot()]


def test_added_members_are_in_the_maps_as_these_bytes(program: LocalProgram) -> None:
    program.tables.add(entries(program, TUNNEL, FLOW))
    maps = program.engine.maps
    assert list(maps["prs_tunnels"].items()) == [(bytes.fromhex("b512000000000000"), bytes(8))]
    assert list(maps["prs_flows"].items()) == [(bytes.fromhex("b512000003000000"), bytes(8))]


def test_dump_can_be_added_again(program: LocalProgram, elf: bytes) -> None:
    program.tables.add(entries(program, TUNNEL, FLOW))
    assert dumped(program) == [TUNNEL, FLOW]
    other = LocalProgram(elf)
    other.tables.add(entries(other, *dumped(program)))
    assert dumped(other) == [TUNNEL, FLOW]


def test_parser_sees_members(program: LocalProgram) -> None:
    packets = [bytes.fromhex(packet) for packet in ("0012b5", "0312b6", "0412b6")]
    assert [program.process(packet, 1).verdict for packet in packets] == ["abort"] * 3
    program.tables.add(entries(program, TUNNEL, "value_set=flows,kind=3,other=4790"))
    assert [program.process(packet, 1).verdict for packet in packets] == ["pass", "pass", "abort"]


def test_delete_and_clear(program: LocalProgram) -> None:
    added = entries(program, TUNNEL, "value_set=tunnels,value=1")
    program.tables.add(added)
    assert added[0].key is not None
    program.tables.delete([added[0].key])
    assert dumped(program) == ["value_set=prs.tunnels,value=1"]
    assert program.tables.clear(find_table(program.info, "tunnels")) == 1
    assert dumped(program) == []


def test_member_that_exists_and_a_full_set(program: LocalProgram) -> None:
    program.tables.add(entries(program, TUNNEL))
    with pytest.raises(RefusedError, match=r"value set prs.tunnels already has an entry value=4789"):
        program.tables.add(entries(program, TUNNEL))
    with pytest.raises(RefusedError, match=r"value set prs.tunnels is full \(2 entries\)"):
        program.tables.add(entries(program, "value_set=tunnels,value=1", "value_set=tunnels,value=2"))
    assert dumped(program) == [TUNNEL]


def test_replace_makes_the_sets_have_these_members(program: LocalProgram) -> None:
    program.tables.add(entries(program, TUNNEL, FLOW))
    changes = program.tables.replace(entries(program, FLOW, "value_set=tunnels,value=5"))
    assert (changes.added, changes.deleted, changes.unchanged) == (1, 1, 1)
    assert dumped(program) == ["value_set=prs.tunnels,value=5", FLOW]


def test_json(program: LocalProgram) -> None:
    (flow,) = entries(program, FLOW)
    assert flow.to_json() == {"value_set": "prs.flows", "key": {"kind": 3, "other": "0.0.18.181"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TUNNEL + ",actions=drop()", "value set prs.tunnels has members, and no actions"),
        ("value_set=tunnels,default", "value set prs.tunnels has members, and no actions"),
        ("value_set=tunnels", "value set prs.tunnels: no value for key field value"),
        ("value_set=tunnels,port=1", "value set prs.tunnels has no key field port (key fields: value)"),
        ("value_set=nothing,value=1", "program sets has no table nothing (tables: prs.tunnels, prs.flows)"),
        ("value_set=tunnels,value=65536", "65536"),
    ],
)
def test_wrong_text(program: LocalProgram, text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_entry(program.info, text)
    assert message in str(caught.value)


def test_stf_adds_members(program: LocalProgram) -> None:
    script = "add prs.tunnels value:0x12b5\npacket 2 0012b5\nexpect 2 0012b5\nremove all\npacket 2 0012b5"
    assert stf.run(program, script.splitlines(), "t.stf").failures == ()


def test_replacement_that_would_misread_members(program: LocalProgram, tmp_path: Path) -> None:
    program.tables.add(entries(program, FLOW))
    path = tmp_path / "sets.p4"
    path.write_text(SOURCE.replace("bit<8> kind; @format(IPV4_ADDRESS) bit<32> other;",
                                   "bit<16> high; bit<32> low;")
                    .replace("select(hdr.h.kind,", "select(hdr.h.port,"))  # fmt: skip
    other = LocalProgram(compile_file(path).object)
    assert misread(program.info, program.maps, other.info) == [
        "value set prs.flows: its key is laid out differently"
    ]
