# SPDX-License-Identifier: Apache-2.0
"""The passes over the target IR: what they make of programs, and that packets see no difference."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from p4_programs import add, source

import ubpf
from p4rt.compiler import driver
from p4rt.compiler.backend.show_ir import show_ir
from p4rt.compiler.diagnostics import Diagnostics
from ubpf import Verdict

ROOT = Path(__file__).parents[3]
OPTIONAL = sorted({item.name for item in driver.passes() if not item.needed})
TWO = """
header a_t { bit<8> kind; bit<4> x; bit<4> y; bit<48> mac; } header b_t { bit<16> v; bit<8> w; }
struct headers_t { a_t a; b_t b; }
"""
PARSE_TWO = """
state start { pkt.extract(hdr.a); transition select(hdr.a.kind) { 1: two; default: accept; } }
state two { pkt.extract(hdr.b); transition accept; }
"""
EMIT_TWO = "pkt.emit(hdr.a); pkt.emit(hdr.b);"
TABLE = """
action set(bit<8> w) { hdr.b.w = w; }
table t { key = { hdr.b.v: exact; } actions = { set; NoAction; } default_action = NoAction(); }
"""


@cache
def _translated(text: str, disabled: frozenset[str]) -> tuple[driver.Translation, bytes]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.p4"
        path.write_text(text)
        diagnostics = Diagnostics()
        options = driver.Options(disabled_passes=disabled)
        translation = driver.translate(driver.check(str(path), options, diagnostics), options)
        return translation, driver.build(translation, diagnostics)


def ir_of(text: str, *disabled: str) -> str:
    """The IR after all passes but some."""
    return show_ir(_translated(text, frozenset(disabled))[0].program)


def load(text: str, *disabled: str) -> ubpf.Program:
    """The program, without some passes."""
    return ubpf.Program(_translated(text, frozenset(disabled))[1])


def two(apply: str, locals: str = "") -> str:
    """A program with one header always and another sometimes."""
    return source(headers=TWO, states=PARSE_TWO, emits=EMIT_TWO, apply=apply, locals=locals)


def insns(program: ubpf.Program, packet: str) -> int:
    """Instructions that a packet costs."""
    count = program.run(bytes.fromhex(packet), count=True).n_insns
    assert count is not None
    return count


# ---- fold


def test_test_of_a_header_that_is_always_there_goes():
    text = source(apply="if (!hdr.h.isValid()) { hdr.h.a = 99; }")
    assert "0x63" not in ir_of(text)
    assert "0x63" in ir_of(text, "fold")


def test_second_test_of_a_header_goes():
    text = two("if (hdr.b.isValid()) { if (!hdr.b.isValid()) { hdr.b.w = 99; } }")
    assert "0x63" not in ir_of(text)


def test_test_of_a_header_that_may_be_there_stays():
    program = load(two("if (!hdr.b.isValid()) { hdr.a.x = 0xf; }"))
    assert program.run(bytes.fromhex("0000010203040506")).packet.hex() == "00f0010203040506"
    assert program.run(bytes.fromhex("0100010203040506aabbcc")).packet.hex() == "0100010203040506aabbcc"


def test_place_behind_a_header_is_a_number():
    assert "b_t_at = packet + 8:64" in ir_of(two(""))


def test_variable_that_changes_in_a_loop_is_not_a_number():
    program = load(source(apply="bit<8> n = 0; for (bit<8> i in 1..3) { n = n + i; } hdr.h.b = n;"))
    assert program.run(bytes.fromhex("0000")).packet.hex() == "0006"


def test_value_that_only_one_way_gives_is_not_a_number():
    program = load(source(apply="bit<8> n = 1; if (hdr.h.a == 5) { n = 2; } hdr.h.b = n;"))
    assert program.run(bytes.fromhex("0500")).packet.hex() == "0502"
    assert program.run(bytes.fromhex("0400")).packet.hex() == "0401"


# ---- write-through


def test_way_that_assigns_nothing_stores_nothing():
    text = two("if (hdr.a.kind == 7) { hdr.a.mac = 0x112233445566; }")
    with_pass, without = load(text), load(text, "write-through")
    assert with_pass.run(bytes.fromhex("0700010203040506")).packet.hex() == "0700112233445566"
    assert insns(with_pass, "0800010203040506") < insns(without, "0800010203040506") - 4


def test_field_is_stored_with_its_neighbour_in_the_byte():
    program = load(two("hdr.a.x = 0xc;"))
    assert program.run(bytes.fromhex("0012010203040506")).packet.hex() == "00c2010203040506"


def test_neighbours_assigned_one_after_the_other_are_both_stored():
    program = load(two("hdr.a.x = hdr.a.y; hdr.a.y = 0xd;"))
    assert program.run(bytes.fromhex("0012010203040506")).packet.hex() == "002d010203040506"


def test_field_of_a_header_that_is_not_there_is_not_stored():
    program = load(two("hdr.b.w = 0xee;"))
    assert program.run(bytes.fromhex("0000010203040506aabbcc")).packet.hex() == "0000010203040506aabbcc"
    assert program.run(bytes.fromhex("0100010203040506aabbcc")).packet.hex() == "0100010203040506aabbee"


def test_field_of_a_header_with_two_places_is_stored_where_it_is():
    headers = """header k_t { bit<8> kind; } header tag_t { bit<16> v; } header h_t { bit<8> a; bit<16> b; }
    struct headers_t { k_t k; tag_t tag; h_t h; }"""
    states = """
    state start { pkt.extract(hdr.k); transition select(hdr.k.kind) { 1: tag; 2: last; default: accept; } }
    state tag { pkt.extract(hdr.tag); transition last; }
    state last { pkt.extract(hdr.h); transition accept; }
    """
    emits = "pkt.emit(hdr.k); pkt.emit(hdr.tag); pkt.emit(hdr.h);"
    apply = "if (hdr.h.a == 9) { hdr.h.b = 0xbeef; }"
    text = source(headers=headers, states=states, emits=emits, apply=apply)
    program = load(text)
    assert program.run(bytes.fromhex("01777709000055")).packet.hex() == "01777709beef55"
    assert program.run(bytes.fromhex("0209000055")).packet.hex() == "0209beef55"
    assert program.run(bytes.fromhex("0208000055")).packet.hex() == "0208000055"
    assert program.run(bytes.fromhex("0309000055")).packet.hex() == "0309000055"
    assert insns(program, "02080000") <= insns(load(text, "write-through"), "02080000")


def test_field_behind_a_varbit_is_stored_where_it_is():
    headers = """header v_t { bit<8> n; varbit<64> data; } header h_t { bit<8> a; bit<16> b; }
    struct headers_t { v_t v; h_t h; }"""
    states = """state start {
        pkt.extract(hdr.v, (bit<32>) (pkt.lookahead<bit<8>>() & 7) * 8);
        pkt.extract(hdr.h);
        transition accept;
    }"""
    apply = "if (hdr.h.a == 9) { hdr.h.b = 0xbeef; }"
    program = load(
        source(headers=headers, states=states, emits="pkt.emit(hdr.v); pkt.emit(hdr.h);", apply=apply)
    )
    assert program.run(bytes.fromhex("00090000")).packet.hex() == "0009beef"
    assert program.run(bytes.fromhex("03aabbcc090000")).packet.hex() == "03aabbcc09beef"
    assert program.run(bytes.fromhex("03aabbcc080000")).packet.hex() == "03aabbcc080000"


def test_field_assigned_in_the_parser_is_stored():
    states = "state start { pkt.extract(hdr.h); hdr.h.b = hdr.h.a; transition accept; }"
    assert load(source(states=states)).run(bytes.fromhex("0507")).packet.hex() == "0505"


# ---- reload


def test_field_is_read_again_after_a_lookup():
    text = two("if (hdr.b.isValid()) { t.apply(); hdr.a.y = hdr.b.w[3:0]; }", TABLE)
    assert ir_of(text).count("load.be:8(home") > ir_of(text, "reload").count("load.be:8(home")


@pytest.mark.parametrize("disabled", [None, *OPTIONAL])
def test_field_that_a_table_may_have_set_is_right_without_any_pass(disabled: str | None):
    text = two("if (hdr.b.isValid()) { hdr.b.v = hdr.b.v + 1; t.apply(); hdr.a.y = hdr.b.w[3:0]; }", TABLE)
    gone = [] if disabled is None else [disabled]
    program = load(text, *gone)
    info = _translated(text, frozenset(gone))[0].info["tables"][0]
    add(program, info, {"hdr.b.v": 0x1235}, "set", w=0x9A)
    assert program.run(bytes.fromhex("0100010203040506123407")).packet.hex() == "010a01020304050612359a"
    assert program.run(bytes.fromhex("0100010203040506666607")).packet.hex() == "0107010203040506666707"
    assert program.run(bytes.fromhex("00000102030405")).verdict == Verdict.ABORT


# ---- split-access


def test_six_bytes_are_read_by_one_load_where_eight_are_there():
    headers = """header h_t { bit<48> a; bit<48> b; bit<24> c; bit<8> d; } struct headers_t { h_t h; }"""
    apply = "hdr.h.d = hdr.h.b[7:0] ^ hdr.h.a[47:40] ^ hdr.h.c[15:8]; hdr.h.b = hdr.h.a; hdr.h.a = hdr.h.b;"
    text = source(headers=headers, apply=apply)
    assert "load.be:64(" in ir_of(text)
    assert "load.be:16(" not in ir_of(text)
    packet = "01020304050611121314151621222300"
    assert load(text).run(bytes.fromhex(packet)).packet.hex() == "01020304050601020304050621222335"


def test_header_of_six_bytes_is_read_by_two_loads():
    headers = "header h_t { bit<48> a; } struct headers_t { h_t h; }"
    text = source(headers=headers, apply="hdr.h.a = hdr.h.a + 1;")
    assert load(text).run(bytes.fromhex("0000000000ff")).packet.hex() == "000000000100"
    assert load(text).run(bytes.fromhex("0000000000")).verdict == Verdict.ABORT


# ---- join-stores


@pytest.mark.parametrize("disabled", [(), ("join-stores",)])
def test_key_of_fields_is_right_in_words_and_in_pieces(disabled: tuple[str, ...]):
    headers = "header h_t { bit<16> a; bit<8> b; bit<32> c; bit<48> d; } struct headers_t { h_t h; }"
    locals = """
    action set(bit<8> v) { hdr.h.b = v; }
    table t {
        key = { hdr.h.a: exact; hdr.h.b: exact; hdr.h.c: exact; hdr.h.d: exact; }
        actions = { set; NoAction; }
        default_action = NoAction();
    }"""
    text = source(headers=headers, locals=locals, apply="t.apply();")
    program = load(text, *disabled)
    info = _translated(text, frozenset(disabled))[0].info["tables"][0]
    key = {"hdr.h.a": 0x0102, "hdr.h.b": 3, "hdr.h.c": 0x04050607, "hdr.h.d": 0x08090A0B0C0D}
    add(program, info, key, "set", v=0x77)
    assert program.run(bytes.fromhex("0102030405060708090a0b0c0d")).packet.hex()[4:6] == "77"
    assert program.run(bytes.fromhex("0102030405060708090a0b0c0e")).packet.hex()[4:6] == "03"


def test_key_of_one_field_and_zeros_is_one_store():
    locals = "table t { key = { hdr.h.a: exact; } actions = { NoAction; } }"
    text = source(locals=locals, apply="t.apply();")
    assert [line.split("#")[0].strip() for line in ir_of(text).splitlines() if "store.le key" in line] == [
        "store.le key+0 8 = zeroextend:64(hdr_h_a)"
    ]


# ---- All of them


def test_routers_way_of_a_routed_packet_costs_at_most_120_instructions():
    import sys

    sys.path.insert(0, str(ROOT / "bench"))
    from instructions import count

    _, packets = count(ROOT / "examples/router/router.p4", ROOT / "examples/router/router.stf", frozenset())
    assert packets[0].verdict == "redirect"
    assert packets[0].n_insns <= 120


# ---- Loads


@pytest.mark.parametrize(
    ("fields", "apply", "packet", "left", "load_of"),
    (
        ("bit<3> a; bit<13> b;", "hdr.h.a = hdr.h.b[2:0];", "2abc99", "8abc99", "load.be:16(h_t_at+0)"),
        ("bit<4> a; bit<4> b; bit<8> c;", "hdr.h.a = hdr.h.b;", "2a1c99", "aa1c99", "load.be:8(h_t_at+0)"),
        ("bit<4> a; bit<64> b; bit<4> c;", "hdr.h.a = hdr.h.c;",
         "1" + "0" * 15 + "2399", "3" + "0" * 15 + "2399", "load.be:8(h_t_at+0)"),
        ("bit<20> a; bit<12> b;", "hdr.h.b = hdr.h.a[19:8];",
         "1234567899", "1234512399", "load.be:32(h_t_at+0)"),
    ),
)  # fmt: skip
def test_fields_that_share_bytes_are_loaded_together(
    fields: str, apply: str, packet: str, left: str, load_of: str
):
    text = source(headers=f"header h_t {{ {fields} }} struct headers_t {{ h_t h; }}", apply=apply)
    assert load_of in ir_of(text)
    assert load(text).run(bytes.fromhex(packet)).packet.hex() == left


# ---- Selects of several keys

THREE = """header h_t { bit<4> a; bit<12> b; bit<8> c; } header n_t { bit<8> z; }
struct headers_t { h_t h; n_t n; }"""


@pytest.mark.parametrize(
    ("cases", "one_number", "packets"),
    (
        ("(1, 2, 3): more; (1, 2, 4): more; default: accept;", True,
         {"1002037755": "1002030055", "1003037755": "1003037755"}),
        ("(1, 2, 3): more; (1, 2, 3): accept; (0xf, 0xfff, 0xff): more; (_, _, _): accept;", True,
         {"1002037755": "1002030055", "ffffff7755": "ffffff0055", "ffffef7755": "ffffef7755"}),
        ("(1, 2, 3): more; (1, _, 4): more; default: accept;", False,
         {"1002037755": "1002030055", "1003047755": "1003040055", "2003047755": "2003047755"}),
        ("(1, 2, 3): more; default: accept;", False,
         {"1002037755": "1002030055", "1002047755": "1002047755"}),
    ),
)  # fmt: skip
def test_select_of_three_numbers(cases: str, one_number: bool, packets: dict[str, str]):
    states = f"""
    state start {{ pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.b, hdr.h.c) {{ {cases} }} }}
    state more {{ pkt.extract(hdr.n); transition accept; }}"""
    apply = "if (hdr.n.isValid()) { hdr.n.z = 0; }"
    text = source(headers=THREE, states=states, apply=apply, emits="pkt.emit(hdr.h); pkt.emit(hdr.n);")
    assert ("case 0x100203:" in ir_of(text)) == one_number
    for packet, expected in packets.items():
        assert load(text).run(bytes.fromhex(packet)).packet.hex() == expected


def test_select_of_three_numbers_without_a_match():
    states = """state start { pkt.extract(hdr.h); transition select(hdr.h.a, hdr.h.b, hdr.h.c) {
        (1, 2, 3): accept; (1, 2, 4): accept; } }"""
    tried = load(source(headers=THREE, states=states, emits="pkt.emit(hdr.h);"))
    assert tried.run(bytes.fromhex("100203")).verdict is Verdict.PASS
    assert tried.run(bytes.fromhex("100205")).verdict is Verdict.ABORT
