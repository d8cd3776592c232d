# SPDX-License-Identifier: Apache-2.0
"""Tables, actions and registers of compiled programs."""

from __future__ import annotations

import struct

from p4_programs import add, compiled, load, source, table, value_bytes

from ubpf import Program, Verdict


def out(program: Program, packet: str) -> str:
    result = program.run(bytes.fromhex(packet))
    assert result.verdict is Verdict.PASS
    return result.packet.hex()


SET_B = "action set_b(bit<8> v) { hdr.h.b = v; } action count() { hdr.h.b = hdr.h.b + 1; }"


def test_exact_table_hit_and_miss():
    text = source(
        locals=SET_B
        + "table t { key = { hdr.h.a: exact; } actions = { set_b; count; } default_action = count(); }",
        apply="t.apply();",
    )
    program = load(text)
    add(program, table(text, "pipe.t"), {"hdr.h.a": 5}, "set_b", v=0x77)
    add(program, table(text, "pipe.t"), {"hdr.h.a": 6}, "count")
    assert out(program, "0500") == "0577"
    assert out(program, "0610") == "0611"
    assert out(program, "0710") == "0711"


def test_default_action_can_be_set():
    text = source(
        locals=SET_B + "table t { key = { hdr.h.a: exact; } actions = { set_b; } }", apply="t.apply();"
    )
    program = load(text)
    assert out(program, "0500") == "0500"
    info = table(text, "pipe.t")
    assert info["default"] == {"map": "pipe_t_default", "const": False, "action": "NoAction", "args": {}}
    program.maps["pipe_t_default"].update(bytes(4), value_bytes(info, "set_b", {"v": 0x42}))
    assert out(program, "0500") == "0542"


def test_const_default_action_with_argument_needs_no_map():
    text = source(
        locals=SET_B
        + "table t { key = { hdr.h.a: exact; } actions = { set_b; } const default_action = set_b(9); }",
        apply="t.apply();",
    )
    assert out(load(text), "0500") == "0509"
    assert table(text, "pipe.t")["default"] == {
        "map": None, "const": True, "action": "pipe.set_b", "args": {"v": 9}
    }  # fmt: skip
    assert [item for item in load(text).maps] == ["pipe_t"]


def test_initial_default_action_with_argument():
    text = source(
        locals=SET_B + "table t { actions = { set_b; } default_action = set_b(0x31); }", apply="t.apply();"
    )
    assert out(load(text), "0500") == "0531"
    assert table(text, "pipe.t")["map"] is None


def test_const_entries():
    text = source(
        locals=SET_B
        + """table t { key = { hdr.h.a: exact; } actions = { set_b; NoAction; }
              const entries = { 1: set_b(0x11); 2: set_b(0x22); } default_action = NoAction(); }""",
        apply="t.apply();",
    )
    program = load(text)
    assert [out(program, packet) for packet in ("0100", "0200", "0300")] == ["0111", "0222", "0300"]
    info = table(text, "pipe.t")
    assert (info["const_entries"], info["size"]) == (True, 2)


def test_entries_that_are_not_const_can_be_changed():
    text = source(
        locals=SET_B
        + "table t { key = { hdr.h.a: exact; } actions = { set_b; } entries = { 1: set_b(0x11); } }",
        apply="t.apply();",
    )
    program = load(text)
    add(program, table(text, "pipe.t"), {"hdr.h.a": 1}, "set_b", v=0x12)
    assert out(program, "0100") == "0112"


IP = """header h_t { bit<8> a; bit<8> b; bit<32> ip; } struct headers_t { h_t h; }"""


def test_lpm_prefers_the_longest_prefix():
    text = source(
        headers=IP,
        locals=SET_B + "table t { key = { hdr.h.ip: lpm; } actions = { set_b; } }",
        apply="t.apply();",
    )
    program = load(text)
    info = table(text, "pipe.t")
    add(program, info, {"hdr.h.ip": 0x0A000000}, "set_b", prefix=8, v=8)
    add(program, info, {"hdr.h.ip": 0x0A010000}, "set_b", prefix=16, v=16)
    add(program, info, {"hdr.h.ip": 0x0A010203}, "set_b", prefix=32, v=32)
    cases = {"0a020304": "08", "0a010304": "10", "0a010203": "20", "0b000000": "00"}
    assert {ip: out(program, "ff00" + ip)[2:4] for ip in cases} == cases


def test_lpm_after_exact_fields():
    text = source(
        headers="header h_t { bit<8> a; bit<8> b; bit<12> c; bit<20> p; } struct headers_t { h_t h; }",
        locals=SET_B + "table t { key = { hdr.h.p: lpm; hdr.h.c: exact; } actions = { set_b; } }",
        apply="t.apply();",
    )
    program = load(text)
    info = table(text, "pipe.t")
    assert info["prefix_len"]["base_bits"] == 16
    assert [(item["name"], item["offset"], item["size"], item["shift"]) for item in info["key"]] == [
        ("hdr.h.p", 6, 3, 4),
        ("hdr.h.c", 4, 2, 0),
    ]
    add(program, info, {"hdr.h.c": 0x123, "hdr.h.p": 0xABC00}, "set_b", prefix=12, v=1)
    assert out(program, "0000123abcff") == "0001123abcff"
    assert out(program, "0000124abcff") == "0000124abcff"
    assert out(program, "0000123abdff") == "0000123abdff"


def test_const_lpm_entries():
    text = source(
        headers=IP,
        locals=SET_B
        + """table t { key = { hdr.h.ip: lpm; } actions = { set_b; }
             const entries = { 0x0a000000 &&& 0xff000000: set_b(1); 0x0a0a0a0a: set_b(2); _: set_b(3); } }""",
        apply="t.apply();",
    )
    program = load(text)
    cases = {"0a000001": "01", "0a0a0a0a": "02", "c0000001": "03"}
    assert {ip: out(program, "ff00" + ip)[2:4] for ip in cases} == cases


def test_key_of_several_fields_expressions_and_validity():
    text = source(
        locals=SET_B
        + """table t {
             key = { hdr.h.isValid(): exact; hdr.h.a[3:0]: exact @name("low"); std.input_port: exact; }
             actions = { set_b; } }""",
        apply="t.apply();",
    )
    program = load(text)
    info = table(text, "pipe.t")
    assert [item["name"] for item in info["key"]] == ["hdr.h.$valid$", "low", "std.input_port"]
    add(program, info, {"hdr.h.$valid$": 1, "low": 7, "std.input_port": 3}, "set_b", v=0x99)
    assert program.run(bytes.fromhex("f700"), input_port=3).packet.hex() == "f799"
    assert program.run(bytes.fromhex("f700"), input_port=4).packet.hex() == "f700"
    assert program.run(bytes.fromhex("f800"), input_port=3).packet.hex() == "f800"


def test_key_of_128_bits():
    text = source(
        headers="header h_t { bit<8> a; bit<8> b; bit<128> ip; } struct headers_t { h_t h; }",
        locals=SET_B + "table t { key = { hdr.h.ip: exact; hdr.h.a: exact; } actions = { set_b; } }",
        apply="t.apply();",
    )
    program = load(text)
    address = 0x20010DB8_00000000_00000000_00000001
    add(program, table(text, "pipe.t"), {"hdr.h.ip": address, "hdr.h.a": 1}, "set_b", v=6)
    assert out(program, "0100" + f"{address:032x}")[2:4] == "06"
    assert out(program, "0100" + f"{address + 1:032x}")[2:4] == "00"


def test_hit_miss_and_action_run():
    text = source(
        locals=SET_B + "table t { key = { hdr.h.a: exact; } actions = { set_b; count; NoAction; } }",
        apply="""
        switch (t.apply().action_run) { set_b: { hdr.h.a = 0xaa; } count: { hdr.h.a = 0xbb; } default: { } }
        """,
    )
    program = load(text)
    add(program, table(text, "pipe.t"), {"hdr.h.a": 1}, "set_b", v=1)
    add(program, table(text, "pipe.t"), {"hdr.h.a": 2}, "count")
    assert [out(program, p) for p in ("0100", "0200", "0300")] == ["aa01", "bb01", "0300"]
    text = source(
        locals="table t { key = { hdr.h.a: exact; } actions = { NoAction; } }",
        apply="if (t.apply().hit) { hdr.h.b = 1; } else { hdr.h.b = 2; }",
    )
    program = load(text)
    add(program, table(text, "pipe.t"), {"hdr.h.a": 1}, "NoAction")
    assert [out(program, p) for p in ("0100", "0200")] == ["0101", "0202"]


def test_action_with_arguments_bound_in_the_table():
    text = source(
        locals="""action sum(in bit<8> x, bit<8> y) { hdr.h.b = x + y; }
        table t {
            key = { hdr.h.a: exact; } actions = { sum(hdr.h.a); } default_action = sum(hdr.h.a, 1);
        }""",
        apply="t.apply();",
    )
    program = load(text)
    add(program, table(text, "pipe.t"), {"hdr.h.a": 5}, "sum", y=0x10)
    assert [out(program, p) for p in ("0500", "0700")] == ["0515", "0708"]


def test_same_table_in_two_instances_of_a_control():
    text = source(
        top="""control c(inout bit<8> x) {
            action set(bit<8> v) { x = v; }
            table t { key = { x: exact; } actions = { set; } }
            apply { t.apply(); }
        }""",
        locals="c() one; c() two;",
        apply="one.apply(hdr.h.a); two.apply(hdr.h.b);",
    )
    program = load(text)
    assert [item["name"] for item in compiled(text).info["tables"]] == ["pipe.one.t", "pipe.two.t"]
    info = table(text, "pipe.one.t")
    assert info["actions"][0]["alias"] == "one.set"
    add(program, info, {"x": 1}, "one.set", v=0x10)
    add(program, table(text, "pipe.two.t"), {"x": 1}, "two.set", v=0x20)
    assert out(program, "0101") == "1020"


# ---- Registers


def element(program: Program, index: int, name: str = "pipe_r") -> bytes | None:
    return program.maps[name].lookup(struct.pack("<I", index))


def test_register_counts():
    text = source(
        locals="Register<bit<32>, bit<32>>(4) r;",
        apply="r.write((bit<32>) hdr.h.a, r.read((bit<32>) hdr.h.a) + 1);",
    )
    program = load(text)
    for packet in ("0200", "0200", "0300", "0400", "ff00"):
        out(program, packet)
    assert [element(program, i)[:4] for i in range(4)] == [
        bytes(4), bytes(4), b"\2\0\0\0", b"\1\0\0\0"
    ]  # fmt: skip
    assert compiled(text).info["registers"][0]["value"] == [
        {"name": "", "width": 32, "offset": 0, "size": 4, "order": "little", "shift": 0}
    ]


def test_register_of_structs_and_an_index_out_of_range():
    text = source(
        top="struct s_t { bit<8> x; bit<48> y; bool z; }",
        locals="Register<s_t, bit<64>>(2) r;",
        apply="""
        s_t s = r.read((bit<64>) hdr.h.a);
        hdr.h.b = s.x;
        s.x = s.x + 1; s.y = 0x112233445566; s.z = true;
        r.write(64w0x100000000 * (bit<64>) hdr.h.b + (bit<64>) hdr.h.a, s);
        """,
    )
    program = load(text)
    assert [out(program, "0100") for _ in range(3)] == ["0100", "0101", "0101"]
    assert element(program, 1) == bytes.fromhex("010000000000000066554433221100000100000000000000")
    assert out(program, "0900") == "0900"
    assert [item["name"] for item in compiled(text).info["registers"][0]["value"]] == ["x", "y", "z"]


def test_register_that_nothing_uses_is_there_all_the_same():
    text = source(locals="Register<bit<8>, bit<8>>(3) r;")
    assert [item["name"] for item in compiled(text).info["registers"]] == ["pipe.r"]
    assert element(load(text), 2) == bytes(8)


def test_register_with_a_struct_as_index():
    text = source(
        top="struct i_t { bit<4> high; bit<4> low; }",
        locals="Register<bit<8>, i_t>(32) r;",
        apply="i_t i = { 1, hdr.h.a[3:0] }; r.write(i, hdr.h.b);",
    )
    program = load(text)
    out(program, "0277")
    assert element(program, 0x12) == b"\x77" + bytes(7)


def test_table_that_does_nothing_is_left_out_of_the_code():
    text = source(
        locals="table t { "
        "key = { hdr.h.a: exact; } actions = { NoAction; } const default_action = NoAction; }\n",
        apply="t.apply();",
    )
    assert out(load(text), "0102") == "0102"
    assert "map_lookup(&" not in compiled(text).c_source
    assert [item["name"] for item in compiled(text).info["tables"]] == ["pipe.t"]
