# SPDX-License-Identifier: Apache-2.0
"""The P4Info in full: types with names, annotations, documentation, defaults, entries as updates."""

from __future__ import annotations

import json
from pathlib import Path

from google.protobuf import text_format
from p4_programs import compiled, source

from p4rt.cli.compile import compile_command
from p4rt.compiler.backend.p4_messages import message_class

TEXT = source(
    headers="header h_t { bit<8> a; bit<8> b; bit<16> c; bit<32> ip; } struct headers_t { h_t h; }",
    top="""
    type bit<16> vrf_t;
    @p4runtime_translation("my.org/port", string) type bit<32> port_t;
    @p4runtime_translation("my.org/tunnel", 24) type bit<32> tunnel_t;
    enum bit<8> kind_t { LOW = 1, HIGH = 0xf0 }
    struct pair_t { kind_t kind; vrf_t vrf; }
    """,
    locals="""
    Register<pair_t, bit<32>>(4) pairs;
    @id(0x77) @brief("Sets b.") @description("To a value.") @fast(7, "x y") @owner[team="net", level=3]
    action set_b(@brief("The value.") bit<8> v, port_t port, tunnel_t tunnel) { hdr.h.b = v; }
    @hidden table secret { key = { hdr.h.b: exact; } actions = { NoAction; } }
    @id(0x42) @sum[1, "two", false] table t {
        key = {
            (vrf_t) hdr.h.c: exact @name("vrf") @refers_to(other, vrf);
            (kind_t) hdr.h.a: exact @name("kind");
            hdr.h.ip: ternary;
        }
        actions = { set_b; @tableonly NoAction; }
        default_action = set_b(0x102 [7:0], (port_t) 32w0, (tunnel_t) 32w0x10000);
        size = 7; support_timeout = true;
        entries = {
            const (1, kind_t.HIGH, 0x0a000000 &&& 0xff000000):
                set_b(300 [7:0], (port_t) 32w1, (tunnel_t) 32w2);
            (2, kind_t.LOW, _): NoAction();
        }
    }""",
    apply="t.apply(); secret.apply(); pair_t p = pairs.read(0); hdr.h.b = (bit<8>) p.kind;",
).replace("ubpf(prs(), pipe(), dprs()) main;",
          '@pkginfo[version="1.2", organization="us", url="http://x", name="acl"]\n'
          "ubpf(prs(), pipe(), dprs()) main;")  # fmt: skip


def expect(message: object, text: str) -> None:
    """The message is the one that the text format describes."""
    assert message == text_format.Parse(text, type(message)())


def test_package():
    expect(
        compiled(TEXT).p4info.pkg_info,
        'name: "acl" version: "1.2" organization: "us" url: "http://x" arch: "ubpf_model"',
    )


def test_table():
    (found,) = compiled(TEXT).p4info.tables
    expect(
        found,
        """
        preamble {
          id: 0x02000042 name: "pipe.t" alias: "t"
          structured_annotations { name: "sum" expression_list {
            expressions { int64_value: 1 } expressions { string_value: "two" }
            expressions { bool_value: false }
          } }
        }
        match_fields { id: 1 name: "vrf" bitwidth: 16 match_type: EXACT type_name { name: "vrf_t" }
                       annotations: "@refers_to(other,vrf)" }
        match_fields { id: 2 name: "kind" bitwidth: 8 match_type: EXACT }
        match_fields { id: 3 name: "hdr.h.ip" bitwidth: 32 match_type: TERNARY }
        action_refs { id: 0x01000077 }
        action_refs { id: 21257015 scope: TABLE_ONLY annotations: "@tableonly" }
        initial_default_action { action_id: 0x01000077
          arguments { param_id: 1 value: "\\002" } arguments { param_id: 2 value: "\\000" }
          arguments { param_id: 3 value: "\\001\\000\\000" } }
        size: 7 has_initial_entries: true idle_timeout_behavior: NOTIFY_CONTROL
        """,
    )


def test_action():
    (found,) = (item for item in compiled(TEXT).p4info.actions if item.preamble.name == "pipe.set_b")
    expect(
        found,
        """
        preamble {
          id: 0x01000077 name: "pipe.set_b" alias: "set_b" annotations: "@fast(7,\\"x y\\")"
          structured_annotations { name: "owner" kv_pair_list {
            kv_pairs { key: "team" value { string_value: "net" } }
            kv_pairs { key: "level" value { int64_value: 3 } }
          } }
          doc { brief: "Sets b." description: "To a value." }
        }
        params { id: 1 name: "v" bitwidth: 8 doc { brief: "The value." } }
        params { id: 2 name: "port" type_name { name: "port_t" } }
        params { id: 3 name: "tunnel" bitwidth: 24 type_name { name: "tunnel_t" } }
        """,
    )


def test_types_with_names():
    expect(
        compiled(TEXT).p4info.type_info,
        """
        structs { key: "pair_t" value {
          members { name: "kind" type_spec { serializable_enum { name: "kind_t" } } }
          members { name: "vrf" type_spec { new_type { name: "vrf_t" } } } } }
        serializable_enums { key: "kind_t" value {
          underlying_type { bitwidth: 8 }
          members { name: "LOW" value: "\\001" } members { name: "HIGH" value: "\\360" } } }
        new_types { key: "vrf_t" value { original_type { bitstring { bit { bitwidth: 16 } } } } }
        new_types { key: "port_t" value { translated_type { uri: "my.org/port" sdn_string { } } } }
        new_types { key: "tunnel_t" value { translated_type { uri: "my.org/tunnel" sdn_bitwidth: 24 } } }
        """,
    )


def test_hidden_table_is_not_shown_to_anyone():
    assert [item["name"] for item in compiled(TEXT).info["tables"]] == ["pipe.t"]


def test_constant_default():
    text = source(
        locals="table t { key = { hdr.h.a: exact; } actions = { NoAction; } "
        "const default_action = NoAction; }",
        apply="t.apply();",
    )
    (found,) = compiled(text).p4info.tables
    assert (found.const_default_action_id, found.initial_default_action.action_id) == (21257015, 21257015)


def emitted(tmp_path: Path, *options: str, name: str) -> bytes:
    (tmp_path / "test.p4").write_text(TEXT)
    target = tmp_path / name
    arguments = [str(tmp_path / "test.p4"), "-o", str(target), *options]
    assert compile_command.main(arguments, standalone_mode=False) == 0
    return target.read_bytes()


def test_entries_as_updates(tmp_path: Path):
    request = message_class("WriteRequest", "p4.v1")()
    text_format.Parse(emitted(tmp_path, "--emit", "entries", name="entries.txt").decode(), request)
    first, second = (update.entity.table_entry for update in request.updates)
    assert [update.type for update in request.updates] == [1, 1]
    matches = [(m.field_id, m.WhichOneof("field_match_type")) for m in first.match]
    assert matches == [(1, "exact"), (2, "exact"), (3, "ternary")]
    assert (first.match[1].exact.value, first.match[2].ternary.value) == (b"\xf0", b"\x0a\0\0\0")
    assert (first.table_id, first.priority, first.is_const) == (0x02000042, 2, True)
    assert [p.value for p in first.action.action.params] == [b"\x2c", b"\1", b"\2"]
    assert [m.field_id for m in second.match] == [1, 2]
    assert (second.priority, second.is_const, second.action.action.action_id) == (1, False, 21257015)


def test_forms_of_messages(tmp_path: Path):
    as_json = json.loads(emitted(tmp_path, "--emit", "p4info", name="info.json"))
    assert as_json["tables"][0]["preamble"]["name"] == "pipe.t"
    binary = emitted(tmp_path, "--emit", "p4info", name="info.bin")
    assert message_class("P4Info").FromString(binary) == compiled(TEXT).p4info


def test_counter_of_a_hidden_table_is_hidden_with_it():
    text = source(
        locals="""DirectCounter<bit<32>>(PSA_CounterType_t.PACKETS) hits;
        action count() { hits.count(); }
        @hidden table t {
            key = { hdr.h.a: exact; } actions = { count; NoAction; } psa_direct_counter = hits;
            const entries = { 1: count(); }
        }""",
        apply="t.apply();",
    ).replace("ubpf_model.p4", "ubpf_externs.p4")
    message, info = compiled(text).p4info, compiled(text).info
    assert (len(message.tables), len(message.direct_counters)) == (0, 0)
    assert (info["tables"], info["direct_counters"]) == ([], [])


def test_package_information_in_parentheses():
    text = source().replace("ubpf(prs", '@pkginfo(version="2", contact = "a@b") ubpf(prs')
    expect(
        compiled(text).p4info.pkg_info,
        'name: "test" version: "2" contact: "a@b" arch: "ubpf_model"',
    )
