# SPDX-License-Identifier: Apache-2.0
"""Messages of a P4Info with some of each kind, by the rules of section 6 of the P4Runtime specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf import text_format
from p4_programs import compiled, source

TEXT = source(
    include="ubpf_externs.p4",
    headers="""
    header h_t { bit<8> a; bit<8> b; bit<16> c; bit<32> ip; }
    struct headers_t { h_t h; }
    """,
    states="""
    @id(0x31) value_set<bit<8>>(4) kinds;
    value_set<pair_t>(2) pairs;
    state start {
        pkt.extract(hdr.h);
        transition select(hdr.h.a) { kinds: other; _: accept; }
    }
    state other { transition select(hdr.h.b, hdr.h.c) { pairs: accept; _: reject; } }
    """,
    top="""
    struct pair_t { @match(exact) bit<8> x; @match(ternary) bit<16> y; }
    type bit<16> vrf_t;
    @p4runtime_translation("my.org/port", string) type bit<32> port_t;
    @p4runtime_translation("my.org/slot", 9) type bit<16> slot_t;
    @p4runtime_translation("my.org/cell", 5) type bit<8> cell_t;
    enum bit<8> kind_t { LOW = 1, HIGH = 0xf0 }
    enum colour_t { RED, GREEN }
    struct inner_t { slot_t slot; kind_t kind; }
    struct seen_t { inner_t inner; port_t port; tuple<bit<8>, bool> both; }
    @controller_header("packet_in")
    header in_t { port_t ingress; slot_t slot; @padding bit<7> pad; @id(9) bit<9> why; }
    @controller_header("packet_out") header out_t { vrf_t vrf; }
    """,
    locals="""
    @id(0x61) Register<inner_t, vrf_t>(4) state;
    @id(0x21) Counter<bit<64>, kind_t>(8, PSA_CounterType_t.PACKETS_AND_BYTES) kinds;
    @id(0x22) Counter<bit<64>, bit<32>>(8, PSA_CounterType_t.BYTES) plain;
    @id(0x41) Meter<cell_t>(16, PSA_MeterType_t.BYTES) cells;
    @id(0x51) DirectMeter(PSA_MeterType_t.PACKETS) police;
    @id(0x32) DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS) hits;
    @id(0x71) Digest<seen_t>() seen;
    @id(0x11) ActionProfile(64) members;
    @id(0x12) @max_group_size(8) ActionSelector(PSA_HashAlgorithm_t.CRC32, 128, 16) groups;
    @id(0x01) action set_b(bit<8> v, port_t port, slot_t slot, kind_t kind) { hdr.h.b = v; }
    @id(0x02) action count() { hits.count(); if (police.execute() == PSA_MeterColor_t.RED) { hdr.h.b = 9; } }
    @id(0x03) action stop() { mark_to_drop(); }
    @id(0x01) table direct {
        key = { hdr.h.a: exact; hdr.h.ip: lpm; }
        actions = { count; @defaultonly stop; }
        default_action = stop();
        psa_direct_counter = hits; psa_direct_meter = police;
        psa_idle_timeout = PSA_IdleTimeout_t.NOTIFY_CONTROL;
        size = 100;
    }
    @id(0x02) table ranges {
        key = { hdr.h.a: range; hdr.h.b: optional; hdr.h.c: ternary; }
        actions = { @tableonly stop; set_b; }
        const default_action = set_b(1, (port_t) 32w2, (slot_t) 16w3, kind_t.HIGH);
        const entries = { (1 .. 2, _, 5 &&& 0xff): stop(); }
    }
    @id(0x03) table profiled { key = { hdr.h.a: exact; } actions = { stop; } psa_implementation = members; }
    @id(0x04) table selected {
        key = { hdr.h.a: exact; hdr.h.ip: selector; } actions = { stop; } psa_implementation = groups;
    }
    """,
    apply="""
    direct.apply(); ranges.apply(); profiled.apply(); selected.apply();
    inner_t at = state.read((vrf_t) 16w0); hdr.h.c = (bit<16>) at.slot;
    kinds.count(kind_t.LOW); plain.count(1);
    if (cells.execute((cell_t) 8w1) == PSA_MeterColor_t.RED) { mark_to_drop(); }
    seen.pack({ { at.slot, at.kind }, (port_t) 32w1, { hdr.h.a, true } });
    """,
)
PREFIXES = {
    "actions": 0x01, "tables": 0x02, "value_sets": 0x03, "controller_packet_metadata": 0x04,
    "action_profiles": 0x11, "counters": 0x12, "direct_counters": 0x13, "meters": 0x14, "direct_meters": 0x15,
    "registers": 0x16, "digests": 0x17,
}  # fmt: skip
"""The first byte of the ids of each kind of object (section 6.3)."""


def info() -> Any:
    return compiled(TEXT).p4info


def every(message: Any) -> Iterator[Any]:
    """`message` and all messages in it."""
    yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            for item in value.values():
                yield from every(item) if hasattr(item, "ListFields") else ()
        else:
            for item in value if field.is_repeated else [value]:
                yield from every(item)


def ids(kind: str) -> list[int]:
    return [item.preamble.id for item in getattr(info(), kind)]


@pytest.mark.parametrize("kind", PREFIXES)
def test_ids_begin_with_the_byte_of_their_kind(kind: str) -> None:
    assert ids(kind) and {number >> 24 for number in ids(kind)} == {PREFIXES[kind]}


def test_no_two_objects_share_an_id() -> None:
    numbers = [number for kind in PREFIXES for number in ids(kind)]
    assert len(numbers) == len(set(numbers)) == 21


@pytest.mark.parametrize("kind", PREFIXES)
def test_aliases_are_the_shortest_ends_of_names(kind: str) -> None:
    preambles = [item.preamble for item in getattr(info(), kind)]
    assert [item.alias for item in preambles] == [item.name.rpartition(".")[2] for item in preambles]


def test_fields_and_parameters_are_numbered_from_1() -> None:
    lists = [item.match_fields for item in info().tables] + [item.params for item in info().actions]
    for items in lists + [item.match for item in info().value_sets]:
        assert [item.id for item in items] == list(range(1, len(items) + 1))


def test_every_type_that_is_named_is_described() -> None:
    types = info().type_info
    known = {
        "new_type": types.new_types,
        "serializable_enum": types.serializable_enums,
        "struct": types.structs,
        "header": types.headers,
        "enum": types.enums,
    }
    used: dict[str, set[str]] = {kind: set() for kind in known}
    for message in every(info()):
        for field, value in message.ListFields():
            if field.name in known:
                used[field.name].add(value.name)
            if field.name in ("type_name", "index_type_name"):
                used["serializable_enum" if value.name == "kind_t" else "new_type"].add(value.name)
    assert used == {kind: set(names) for kind, names in known.items()}
    assert used["new_type"] == {"vrf_t", "port_t", "slot_t", "cell_t"}
    assert used["struct"] == {"seen_t", "inner_t"} and used["serializable_enum"] == {"kind_t"}


def test_references_are_mutual() -> None:
    tables = {item.preamble.id: item for item in info().tables}
    direct = [*info().direct_counters, *info().direct_meters]
    assert {(item.direct_table_id, item.preamble.id) for item in direct} == {
        (number, resource) for number, table in tables.items() for resource in table.direct_resource_ids
    } == {(0x02000001, 0x13000032), (0x02000001, 0x15000051)}  # fmt: skip
    assert {(number, item.preamble.id) for item in info().action_profiles for number in item.table_ids} == {
        (number, table.implementation_id) for number, table in tables.items() if table.implementation_id
    } == {(0x02000003, 0x11000011), (0x02000004, 0x11000012)}  # fmt: skip
    for table in tables.values():
        references = {item.id for item in table.action_refs}
        assert references <= set(ids("actions"))
        assert table.initial_default_action.action_id in references
        assert table.const_default_action_id in (0, table.initial_default_action.action_id)


def test_translated_types_have_the_width_that_controllers_see() -> None:
    """None where it is text (6.4.5)."""
    parameters = next(item.params for item in info().actions if item.preamble.alias == "set_b")
    assert [(item.name, item.bitwidth) for item in parameters] == [
        ("v", 8), ("port", 0), ("slot", 9), ("kind", 8),
    ]  # fmt: skip
    packet_in, packet_out = info().controller_packet_metadata
    assert [(item.name, item.bitwidth, item.type_name.name) for item in packet_in.metadata] == [
        ("ingress", 0, "port_t"), ("slot", 9, "slot_t"), ("why", 9, ""),
    ]  # fmt: skip
    (vrf,) = packet_out.metadata
    assert (vrf.name, vrf.bitwidth, vrf.type_name.name) == ("vrf", 16, "vrf_t")


@pytest.mark.parametrize(
    ("kind", "index", "expected"),
    [
        ("counters", 0, 'preamble { id: 0x12000021 name: "pipe.kinds" alias: "kinds" } spec { unit: BOTH } '
                        'size: 8 index_type_name { name: "kind_t" }'),
        ("counters", 1, 'preamble { id: 0x12000022 name: "pipe.plain" alias: "plain" } spec { unit: BYTES } '
                        "size: 8"),
        ("meters", 0, 'preamble { id: 0x14000041 name: "pipe.cells" alias: "cells" } spec { unit: BYTES } '
                      'size: 16 index_type_name { name: "cell_t" }'),
        ("direct_meters", 0, 'preamble { id: 0x15000051 name: "pipe.police" alias: "police" } '
                             "spec { unit: PACKETS } direct_table_id: 0x02000001"),
        ("direct_counters", 0, 'preamble { id: 0x13000032 name: "pipe.hits" alias: "hits" } '
                               "spec { unit: PACKETS } direct_table_id: 0x02000001"),
        ("registers", 0, 'preamble { id: 0x16000061 name: "pipe.state" alias: "state" } size: 4 '
                         'type_spec { struct { name: "inner_t" } } index_type_name { name: "vrf_t" }'),
        ("digests", 0, 'preamble { id: 0x17000071 name: "pipe.seen" alias: "seen" } '
                       'type_spec { struct { name: "seen_t" } }'),
        ("value_sets", 0, 'preamble { id: 0x03000031 name: "prs.kinds" alias: "kinds" } size: 4 '
                          "match { id: 1 bitwidth: 8 match_type: EXACT }"),
        ("action_profiles", 0, 'preamble { id: 0x11000011 name: "pipe.members" alias: "members" } '
                               "table_ids: 0x02000003 size: 64"),
        ("action_profiles", 1, 'preamble { id: 0x11000012 name: "pipe.groups" alias: "groups" '
                               'annotations: "@max_group_size(8)" } '
                               "table_ids: 0x02000004 with_selector: true size: 128 max_group_size: 8"),
        ("tables", 1, 'preamble { id: 0x02000002 name: "pipe.ranges" alias: "ranges" } '
                      'match_fields { id: 1 name: "hdr.h.a" bitwidth: 8 match_type: RANGE } '
                      'match_fields { id: 2 name: "hdr.h.b" bitwidth: 8 match_type: OPTIONAL } '
                      'match_fields { id: 3 name: "hdr.h.c" bitwidth: 16 match_type: TERNARY } '
                      'action_refs { id: 0x01000003 scope: TABLE_ONLY annotations: "@tableonly" } '
                      "action_refs { id: 0x01000001 } const_default_action_id: 0x01000001 "
                      "initial_default_action { action_id: 0x01000001 "
                      "arguments { param_id: 1 value: '\\001' } arguments { param_id: 2 value: '\\002' } "
                      "arguments { param_id: 3 value: '\\003' } "
                      "arguments { param_id: 4 value: '\\360' } } "
                      "size: 1 is_const_table: true has_initial_entries: true"),
    ],
)  # fmt: skip
def test_message(kind: str, index: int, expected: str) -> None:
    found = getattr(info(), kind)[index]
    assert found == text_format.Parse(expected, type(found)())


def test_nested_types_are_seen_as_controllers_see_them() -> None:
    types = info().type_info
    assert types.new_types["slot_t"].translated_type.sdn_bitwidth == 9
    assert types.new_types["port_t"].translated_type.HasField("sdn_string")
    assert types.new_types["vrf_t"].original_type.bitstring.bit.bitwidth == 16
    members = types.structs["seen_t"].members
    assert [(item.name, item.type_spec.WhichOneof("type_spec")) for item in members] == [
        ("inner", "struct"), ("port", "new_type"), ("both", "tuple"),
    ]  # fmt: skip
