# SPDX-License-Identifier: Apache-2.0
"""The finished object: sections, P4Info, identifiers, line table."""

from __future__ import annotations

import io
import json
import struct

from elftools.elf.elffile import ELFFile
from p4_programs import compiled, source

from p4rt.compiler.backend.identifiers import one_at_a_time
from p4rt.compiler.backend.ir import InitialEntry
from p4rt.compiler.backend.object_file import init_record

TEXT = source(
    headers="header h_t { bit<8> a; bit<8> b; bit<32> ip; } struct headers_t { h_t h; }",
    top="struct s_t { bit<8> x; int<16> y; }",
    locals="""
    Register<bit<32>, bit<32>>(16) plain;
    Register<s_t, bit<32>>(8) pairs;
    action set_b(bit<8> v) { hdr.h.b = v; }
    @name("stop") action drop() { mark_to_drop(); }
    @id(0x02000777) table route {
        key = { hdr.h.ip: lpm @name("dst"); hdr.h.a: exact; }
        actions = { set_b; @defaultonly drop; @tableonly NoAction; }
        default_action = drop();
        size = 64;
    }""",
    apply="route.apply();",
)


def sections(elf: bytes) -> dict[str, bytes]:
    return {item.name: item.data() for item in ELFFile(io.BytesIO(elf)).iter_sections()}


def test_object_has_the_sections_of_the_abi_and_no_debug_information():
    names = sections(compiled(TEXT).object)
    assert names["ubpf.abi"] == b"\2\0\0\0"
    assert json.loads(names["p4rt.info"]) == compiled(TEXT).info
    assert not [name for name in names if name.startswith((".debug", ".BTF", ".rel.debug"))]


def test_same_source_gives_the_same_object():
    first = compiled(TEXT).object
    assert compiled.__wrapped__(TEXT).object == first


def test_p4info():
    message = compiled(TEXT).p4info
    assert (message.pkg_info.name, message.pkg_info.arch) == ("test", "ubpf_model")
    (table,) = message.tables
    assert (table.preamble.id, table.preamble.name, table.preamble.alias) == (
        0x02000777,
        "pipe.route",
        "route",
    )
    fields = [(f.id, f.name, f.bitwidth, f.match_type) for f in table.match_fields]
    assert fields == [(1, "dst", 32, 3), (2, "hdr.h.a", 8, 2)]
    actions = {item.preamble.id: item for item in message.actions}
    assert [(actions[r.id].preamble.name, r.scope) for r in table.action_refs] == [
        ("pipe.set_b", 0), ("pipe.stop", 2), ("NoAction", 1)
    ]  # fmt: skip
    assert (table.size, table.const_default_action_id) == (64, 0)
    set_b = next(item for item in message.actions if item.preamble.alias == "set_b")
    assert [(p.id, p.name, p.bitwidth) for p in set_b.params] == [(1, "v", 8)]
    plain, pairs = message.registers
    assert (plain.preamble.name, plain.size, plain.type_spec.bitstring.bit.bitwidth) == ("pipe.plain", 16, 32)
    assert pairs.type_spec.struct.name == "s_t"
    members = message.type_info.structs["s_t"].members
    assert [(m.name, m.type_spec.bitstring.WhichOneof("type_spec")) for m in members] == [
        ("x", "bit"),
        ("y", "int"),
    ]


def test_ids_are_those_of_p4runtime():
    """The id of NoAction is known from other compilers' output."""
    assert 0x01000000 | one_at_a_time("NoAction") & 0xFFFFFF == 21257015
    ids = {item.preamble.name: item.preamble.id for item in compiled(TEXT).p4info.actions}
    assert ids["NoAction"] == 21257015
    assert {number >> 24 for number in ids.values()} == {1}


def test_info_and_p4info_agree():
    info, message = compiled(TEXT).info, compiled(TEXT).p4info
    assert [item["id"] for item in info["tables"]] == [item.preamble.id for item in message.tables]
    assert [item["id"] for item in info["registers"]] == [item.preamble.id for item in message.registers]
    assert {a["id"] for a in info["tables"][0]["actions"]} == {item.preamble.id for item in message.actions}


def test_init_record_is_padded():
    record = init_record(InitialEntry("map", b"\1\2\3\4", b"\5\6"))
    assert record == struct.pack("<IIII", 3, 4, 2, 0) + b"map\1\2\3\4\5\6" + bytes(7)


def test_lines_point_into_the_source():
    data = sections(compiled(TEXT).object)["p4rt.lines"]
    records = [struct.unpack_from("<II", data, at) for at in range(0, len(data), 8)]
    code = len(sections(compiled(TEXT).object)["prog"]) // 8
    assert [insn for insn, _ in records] == sorted({insn for insn, _ in records})
    assert records[0][0] == 0 and records[-1][0] < code
    text = TEXT.split("\n")
    lines = {line for _, line in records}
    assert text.index("state start { pkt.extract(hdr.h); transition accept; }") + 1 in lines
    assert text.index("route.apply();") + 1 in lines
    assert max(lines) <= len(text)
