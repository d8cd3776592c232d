# SPDX-License-Identifier: Apache-2.0
"""What P4Info and the program's own information say of counters, meters, digests and controller headers."""

from __future__ import annotations

from google.protobuf import text_format
from p4_programs import compiled, source
from test_refused import first_error

INCLUDE = "#include <ubpf_externs.p4>\n"
TEXT = INCLUDE + source(
    top="""
    type bit<8> port_t;
    struct seen_t { bit<48> mac; bit<9> port; }
    @controller_header("packet_in") header in_t { bit<16> ingress; @padding bit<7> pad; @id(9) bit<9> why; }
    """,
    locals="""
    @id(0x11) Counter<bit<32>, port_t>(8, PSA_CounterType_t.PACKETS_AND_BYTES) ports;
    @name("limits") Meter<bit<8>>(16, PSA_MeterType_t.BYTES) users;
    DirectCounter<bit<32>>(PSA_CounterType_t.BYTES) hits;
    DirectMeter(PSA_MeterType_t.PACKETS) police;
    @size(64) Digest<seen_t>() seen;
    action mark() { hits.count(); if (police.execute() == PSA_MeterColor_t.RED) { hdr.h.b = 9; } }
    table t {
        key = { hdr.h.a: exact; }
        actions = { mark; NoAction; }
        psa_direct_counter = hits;
        psa_direct_meter = police;
    }
    """,
    apply="""
    ports.count((port_t) hdr.h.a);
    if (users.execute(hdr.h.a) == PSA_MeterColor_t.RED) { mark_to_drop(); }
    seen.pack({48w5, 9w3});
    t.apply();
    """,
)


def expect(message: object, text: str) -> None:
    """The message is the one that the text format describes."""
    assert message == text_format.Parse(text, type(message)())


def test_p4info_of_a_counter():
    (counter,) = compiled(TEXT).p4info.counters
    expect(
        counter,
        'preamble { id: 0x12000011 name: "pipe.ports" alias: "ports" }'
        'spec { unit: BOTH } size: 8 index_type_name { name: "port_t" }',
    )


def test_p4info_of_a_meter():
    (meter,) = compiled(TEXT).p4info.meters
    assert (meter.preamble.id >> 24, meter.preamble.name) == (0x14, "pipe.limits")
    expect(meter.spec, "unit: BYTES")
    assert meter.size == 16


def test_p4info_of_direct_objects_and_their_table():
    info = compiled(TEXT).p4info
    (table,), (counter,), (meter,) = info.tables, info.direct_counters, info.direct_meters
    assert (counter.preamble.id >> 24, meter.preamble.id >> 24) == (0x13, 0x15)
    assert list(table.direct_resource_ids) == [counter.preamble.id, meter.preamble.id]
    assert counter.direct_table_id == meter.direct_table_id == table.preamble.id
    expect(counter.spec, "unit: BYTES")
    expect(meter.spec, "unit: PACKETS")


def test_p4info_of_a_digest():
    info = compiled(TEXT).p4info
    (digest,) = info.digests
    assert (digest.preamble.id >> 24, digest.preamble.name) == (0x17, "pipe.seen")
    expect(digest.type_spec, 'struct { name: "seen_t" }')
    assert [member.name for member in info.type_info.structs["seen_t"].members] == ["mac", "port"]


def test_p4info_of_a_controller_header():
    """Padding is left out, and takes no number."""
    (header,) = compiled(TEXT).p4info.controller_packet_metadata
    assert (header.preamble.id >> 24, header.preamble.name) == (0x04, "packet_in")
    assert [(item.id, item.name, item.bitwidth) for item in header.metadata] == [
        (1, "ingress", 16), (9, "why", 9),
    ]  # fmt: skip


def test_program_information():
    info = compiled(TEXT).info
    word = {"width": 64, "size": 8, "order": "little", "shift": 0}
    (counter,), (direct,), (meter,) = info["counters"], info["direct_counters"], info["meters"]
    assert counter == {
        "name": "pipe.ports", "alias": "ports", "id": 0x12000011, "map": "pipe_ports", "size": 8,
        "value_size": 16,
        "value": [{"name": "packets", "offset": 0, **word}, {"name": "bytes", "offset": 8, **word}],
    }  # fmt: skip
    assert direct["table"] == "pipe.t"
    assert direct["value"] == [{"name": "bytes", "offset": 8, **word}]
    assert {key: meter[key] for key in ("name", "map", "size", "value_size", "unit")} == {
        "name": "pipe.limits", "map": "pipe_limits", "size": 16, "value_size": 64, "unit": "bytes",
    }  # fmt: skip
    (police,) = info["direct_meters"]
    assert (police["table"], police["unit"], police["offset"]) == ("pipe.t", "packets", 16)
    (digest,) = info["digests"]
    assert (digest["map"], digest["size"], digest["value_size"]) == ("pipe_seen", 64, 16)
    assert [(item["name"], item["offset"], item["size"]) for item in digest["value"]] == [
        ("mac", 0, 8), ("port", 8, 2),
    ]  # fmt: skip


def test_controller_headers_are_unique():
    twice = '@controller_header("packet_in") header {0} {{ bit<8> x; }}'
    top = twice.format("one_t") + twice.format("two_t")
    assert first_error(source(top=top))[1] == "two headers are the controller header 'packet_in'"


def test_controller_header_has_numbers_only():
    top = '@controller_header("packet_in") header one_t { varbit<8> x; }'
    assert first_error(source(top=top))[1] == "the field 'x' of a controller header is not a number"
