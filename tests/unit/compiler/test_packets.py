# SPDX-License-Identifier: Apache-2.0
"""What compiled programs do to packets: parsing, header changes, verdicts."""

from __future__ import annotations

import pytest
from p4_programs import load, loaded

from ubpf import Verdict

STACKED = """
header eth_t { bit<48> dst; bit<48> src; bit<16> type; }
header tag_t { bit<3> pcp; bit<1> dei; bit<12> vid; bit<16> type; }
struct headers_t { eth_t eth; tag_t tag; }
"""
PARSE_TAG = """
state start {
    pkt.extract(hdr.eth);
    transition select(hdr.eth.type) { 0x8100: tag; default: accept; }
}
state tag { pkt.extract(hdr.tag); transition accept; }
"""
EMIT_TAG = "pkt.emit(hdr.eth); pkt.emit(hdr.tag);"
MACS = "112233445566aabbccddeeff"


def run(program, packet: str, **more):
    return program.run(bytes.fromhex(packet), **more)


def outcome(program, packet: str, **more) -> tuple[Verdict, str]:
    result = run(program, packet, **more)
    return result.verdict, result.packet.hex()


# ---- Unchanged, changed, grown, shrunk


def test_nothing_done_passes_the_packet_unchanged():
    assert outcome(loaded(), "0102030405") == (Verdict.PASS, "0102030405")


def test_assigned_field_is_written_back():
    assert outcome(loaded(apply="hdr.h.b = hdr.h.a + 1;"), "ff020304") == (Verdict.PASS, "ff000304")


def test_packet_shorter_than_a_header_aborts():
    assert outcome(loaded(), "01") == (Verdict.ABORT, "01")


def test_packet_of_exactly_the_headers_is_accepted():
    assert outcome(loaded(apply="hdr.h.a = 7;"), "0102") == (Verdict.PASS, "0702")


def test_push_makes_the_packet_longer():
    apply = """
    hdr.tag.setValid();
    hdr.tag.pcp = 5; hdr.tag.dei = 1; hdr.tag.vid = 0x123;
    hdr.tag.type = hdr.eth.type; hdr.eth.type = 0x8100;"""
    program = loaded(headers=STACKED, states=PARSE_TAG, apply=apply, emits=EMIT_TAG)
    assert outcome(program, MACS + "08004500") == (Verdict.PASS, MACS + "8100b12308004500")


def test_pop_makes_the_packet_shorter():
    apply = "if (hdr.tag.isValid()) { hdr.eth.type = hdr.tag.type; hdr.tag.setInvalid(); }"
    program = loaded(headers=STACKED, states=PARSE_TAG, apply=apply, emits=EMIT_TAG)
    assert outcome(program, MACS + "8100b12308004500") == (Verdict.PASS, MACS + "08004500")
    assert outcome(program, MACS + "08004500") == (Verdict.PASS, MACS + "08004500")


def test_push_without_headroom_aborts():
    program = loaded(headers=STACKED, states=PARSE_TAG, apply="hdr.tag.setValid();", emits=EMIT_TAG)
    assert run(program, MACS + "0800", headroom=0).verdict is Verdict.ABORT
    assert run(program, MACS + "0800", headroom=4).verdict is Verdict.PASS


def test_header_that_is_not_emitted_is_removed():
    assert outcome(loaded(emits=""), "010203") == (Verdict.PASS, "03")


def test_headers_leave_in_the_order_of_the_deparser():
    program = loaded(
        headers="header h_t { bit<8> v; } struct headers_t { h_t a; h_t b; }",
        states="state start { pkt.extract(hdr.a); pkt.extract(hdr.b); transition accept; }",
        emits="pkt.emit(hdr.b); pkt.emit(hdr.a);",
    )
    assert outcome(program, "010203") == (Verdict.PASS, "020103")


def test_emit_of_the_struct_emits_each_header():
    program = loaded(headers=STACKED, states=PARSE_TAG, apply="hdr.tag.vid = 2;", emits="pkt.emit(hdr);")
    assert outcome(program, MACS + "8100a0010800") == (Verdict.PASS, MACS + "8100a0020800")


def test_conditional_emit():
    program = loaded(emits="if (hdr.h.a == 1) { pkt.emit(hdr.h); }")
    assert outcome(program, "010203") == (Verdict.PASS, "010203")
    assert outcome(program, "020203") == (Verdict.PASS, "03")


def test_extracted_twice_keeps_the_second():
    states = "state start { pkt.extract(hdr.h); pkt.extract(hdr.h); transition accept; }"
    assert outcome(loaded(states=states), "0102030405") == (Verdict.PASS, "030405")


def test_copied_header_takes_validity_along():
    program = loaded(
        headers="header h_t { bit<8> v; } struct headers_t { h_t a; h_t b; }",
        states="state start { pkt.extract(hdr.a); transition accept; }",
        apply="hdr.b = hdr.a; hdr.b.v = 9;",
        emits="pkt.emit(hdr.a); pkt.emit(hdr.b);",
    )
    assert outcome(program, "01ff") == (Verdict.PASS, "0109ff")


def test_fields_that_cross_bytes():
    program = loaded(
        headers="header h_t { bit<3> a; bit<13> b; bit<20> c; bit<4> d; } struct headers_t { h_t h; }",
        apply="bit<20> c = hdr.h.c; hdr.h.c = (bit<20>)hdr.h.b; hdr.h.b = c[12:0]; hdr.h.d = 1w0 ++ hdr.h.a;",
    )
    # a=5 b=0x0abc c=0x12345 d=0xf
    assert outcome(program, "aabc12345f") == (Verdict.PASS, "a34500abc5")


def test_ipv6_address_of_128_bits():
    program = loaded(
        headers="header h_t { bit<128> a; bit<128> b; } struct headers_t { h_t h; }",
        apply="bit<128> t = hdr.h.a; hdr.h.a = hdr.h.b + 1; hdr.h.b = t;",
    )
    packet = "20010db80000000000000000000000012001ffffffffffffffffffffffffffff"
    expected = "2002000000000000000000000000000020010db8000000000000000000000001"
    assert outcome(program, packet) == (Verdict.PASS, expected)


# ---- The parser


@pytest.mark.parametrize(
    ("packet", "verdict"),
    [
        ("0101", Verdict.PASS),
        ("0201", Verdict.DROP),
        ("0f01", Verdict.DROP),
        ("1501", Verdict.REDIRECT),
        ("1f01", Verdict.REDIRECT),
        ("2001", Verdict.ABORT),
    ],
)
def test_select_by_value_mask_and_range(packet: str, verdict: Verdict):
    states = """
    state start {
        pkt.extract(hdr.h);
        transition select(hdr.h.a) { 1: accept; 0x10 .. 0x1f: send; 0 &&& 0xf0: drop; }
    }
    state drop { std.output_action = ubpf_action.DROP; transition accept; }
    state send { std.output_action = ubpf_action.REDIRECT; transition accept; }
    """
    assert run(loaded(states=states), packet).verdict is verdict


def test_select_on_a_tuple():
    states = """
    state start {
        pkt.extract(hdr.h);
        transition select(hdr.h.a, hdr.h.b) {
            (1, 2): accept; (1, _): drop; (_, 0 &&& 1): reject; default: accept;
        }
    }
    state drop { std.output_action = ubpf_action.DROP; transition accept; }
    """
    program = loaded(states=states)
    verdicts = [run(program, packet).verdict for packet in ("0102", "0103", "0504", "0505")]
    assert verdicts == [Verdict.PASS, Verdict.DROP, Verdict.ABORT, Verdict.PASS]


def test_verify():
    states = "state start { pkt.extract(hdr.h); verify(hdr.h.a == 4, error.NoMatch); transition accept; }"
    program = loaded(states=states)
    assert run(program, "0400").verdict is Verdict.PASS
    assert run(program, "0500").verdict is Verdict.ABORT


def test_lookahead_reads_without_moving():
    states = """
    state start {
        bit<4> top = pkt.lookahead<bit<4>>();
        transition select(top) { 4: four; default: accept; }
    }
    state four { pkt.extract(hdr.h); transition accept; }
    """
    program = loaded(states=states, apply="hdr.h.a = 0xff;")
    assert outcome(program, "4102") == (Verdict.PASS, "ff02")
    assert outcome(program, "5102") == (Verdict.PASS, "5102")
    assert run(program, "").verdict is Verdict.ABORT


def test_advance_skips_bytes_that_are_then_gone():
    states = "state start { pkt.advance(16); pkt.extract(hdr.h); transition accept; }"
    program = loaded(states=states)
    assert outcome(program, "aabb010203") == (Verdict.PASS, "010203")
    assert run(program, "aa").verdict is Verdict.ABORT


def test_advance_by_a_number_from_the_packet():
    states = """
    state start {
        pkt.extract(hdr.h); pkt.advance(((bit<32>) hdr.h.a) << 3); pkt.extract(hdr.h); transition accept;
    }
    """
    program = loaded(states=states)
    assert outcome(program, "0200eeee050677") == (Verdict.PASS, "050677")
    assert run(program, "0900eeee").verdict is Verdict.ABORT


def test_header_stack_in_a_parser_loop():
    program = loaded(
        headers="header m_t { bit<7> v; bit<1> s; } struct headers_t { m_t[3] m; }",
        states="""
        state start { pkt.extract(hdr.m.next); transition select(hdr.m.last.s) { 1: accept; 0: start; } }
        """,
        apply="hdr.m[0].v = 0x7f; hdr.m.push_front(1); hdr.m[0].setValid(); hdr.m[0].v = 1; hdr.m[0].s = 0;",
        emits="pkt.emit(hdr.m);",
    )
    assert outcome(program, "0203aa") == (Verdict.PASS, "02fe03aa")
    assert outcome(program, "03aa") == (Verdict.PASS, "02ffaa")
    assert run(program, "02020202").verdict is Verdict.ABORT


def test_stack_at_a_run_time_index():
    program = loaded(
        headers="header m_t { bit<8> v; } struct headers_t { m_t[3] m; }",
        states="""state start {
            pkt.extract(hdr.m[0]); pkt.extract(hdr.m[1]); pkt.extract(hdr.m[2]); transition accept;
        }""",
        apply="bit<32> i = (bit<32>) hdr.m[0].v; hdr.m[i].v = hdr.m[i].v + 0x10;",
        emits="pkt.emit(hdr.m);",
    )
    assert outcome(program, "010203") == (Verdict.PASS, "011203")
    assert outcome(program, "020203") == (Verdict.PASS, "020213")
    assert outcome(program, "090203") == (Verdict.PASS, "090203")


def test_parser_loop_without_end_aborts():
    states = "state start { transition again; } state again { transition again; }"
    assert run(loaded(states=states), "0102").verdict is Verdict.ABORT


def test_sub_parser():
    program = loaded(
        headers="header h_t { bit<8> v; } struct headers_t { h_t a; h_t b; }",
        top="""parser sub(packet_in p, out h_t h) {
            state start { p.extract(h); transition select(h.v) { 7: accept; } }
        }""",
        states="sub() s; state start { s.apply(pkt, hdr.a); s.apply(pkt, hdr.b); transition accept; }",
        apply="hdr.b.v = 9;",
        emits="pkt.emit(hdr);",
    )
    assert outcome(program, "0707aa") == (Verdict.PASS, "0709aa")
    assert run(program, "0708aa").verdict is Verdict.ABORT


# ---- Verdicts and metadata


def test_redirect_to_the_input_port_plus_one():
    apply = "std.output_action = ubpf_action.REDIRECT; std.output_port = std.input_port + 1;"
    result = run(loaded(apply=apply), "0102", input_port=6)
    assert (result.verdict, result.output_port) == (Verdict.REDIRECT, 7)


def test_packet_length():
    apply = "hdr.h.b = std.packet_length[7:0];"
    assert outcome(loaded(apply=apply), "0102030405") == (Verdict.PASS, "0105030405")


def test_drop_and_abort():
    program = loaded(apply="std.output_action = hdr.h.a == 0 ? ubpf_action.DROP : ubpf_action.ABORT;")
    assert run(program, "0002").verdict is Verdict.DROP
    assert run(program, "0102").verdict is Verdict.ABORT


def test_clone_carries_the_changes_even_of_a_dropped_packet():
    apply = "std.clone = true; std.clone_port = 9; hdr.h.a = 0xcc; mark_to_drop();"
    result = run(loaded(apply=apply), "0102")
    assert (result.verdict, result.clone_port, result.packet.hex()) == (Verdict.DROP, 9, "cc02")
    assert run(loaded(), "0102").clone_port is None


def test_context_fields_side_by_side_are_written_one_by_one():
    apply = """
    std.output_action = ubpf_action.REDIRECT; std.output_port = 3; std.clone_port = 4; std.clone = true;
    truncate(1);"""
    result = run(loaded(apply=apply), "0102")
    assert (result.verdict, result.output_port, result.clone_port) == (Verdict.REDIRECT, 3, 4)
    assert result.packet == b"\x01"


def test_truncate():
    assert outcome(loaded(apply="truncate(3);"), "0102030405") == (Verdict.PASS, "010203")


def test_mark_to_pass_undoes_mark_to_drop():
    assert run(loaded(apply="mark_to_drop(); mark_to_pass();"), "0102").verdict is Verdict.PASS


def test_clock_is_monotonic():
    program = loaded(
        headers="header h_t { bit<48> t; } struct headers_t { h_t h; }", apply="hdr.h.t = ubpf_time_get_ns();"
    )
    first, second = (int(run(program, "00" * 6).packet.hex(), 16) for _ in range(2))
    assert 0 < first <= second


def test_older_model_has_no_standard_metadata():
    text = """
    #define UBPF_MODEL_VERSION 20200304
    #include <ubpf_model.p4>
    header h_t { bit<8> a; }
    struct headers_t { h_t h; }
    struct metadata_t { bit<8> m; }
    parser prs(packet_in p, out headers_t hdr, inout metadata_t meta) {
        state start { p.extract(hdr.h); transition accept; }
    }
    control pipe(inout headers_t hdr, inout metadata_t meta) {
        apply { if (hdr.h.a == 1) { mark_to_drop(); } else { meta.m = hdr.h.a; hdr.h.a = meta.m + 1; } }
    }
    control dprs(packet_out p, in headers_t hdr) { apply { p.emit(hdr.h); } }
    ubpf(prs(), pipe(), dprs()) main;
    """
    program = load(text)
    assert outcome(program, "0100") == (Verdict.DROP, "0100")
    assert outcome(program, "0500") == (Verdict.PASS, "0600")


def test_metadata_and_locals_start_as_zero():
    program = loaded(
        meta="bit<8> m; bool b;", apply="bit<8> x; if (!meta.b) { hdr.h.a = x + meta.m; hdr.h.b = x; }"
    )
    assert outcome(program, "ffff") == (Verdict.PASS, "0000")


UNION = """
header four_t { bit<8> kind; bit<8> x; } header six_t { bit<8> kind; bit<24> y; }
header_union either_t { four_t four; six_t six; } struct headers_t { either_t u; }
"""
PARSE_UNION = """
state start { transition select(pkt.lookahead<bit<8>>()) { 4: four; 6: six; default: accept; } }
state four { pkt.extract(hdr.u.four); transition accept; }
state six { pkt.extract(hdr.u.six); transition accept; }
"""


@pytest.mark.parametrize(("packet", "expected"), [("0466ff", "06abcdefff"), ("0499ff", "0499ff")])
def test_header_that_a_call_makes_valid_replaces_the_other_in_its_union(packet: str, expected: str):
    program = loaded(
        headers=UNION,
        states=PARSE_UNION,
        top="void make(in bit<8> x, out six_t h) { if (x == 0x66) { h.setValid(); h = { 6, 0xabcdef }; } }",
        apply="make(hdr.u.four.x, hdr.u.six);",
        emits="pkt.emit(hdr.u);",
    )
    assert outcome(program, packet) == (Verdict.PASS, expected)


def test_index_of_a_union_is_evaluated_once_before_the_value():
    program = loaded(
        headers=UNION.replace("either_t u;", "either_t[2] u;"),
        states="state start { pkt.extract(hdr.u[0].four); pkt.extract(hdr.u[1].four); transition accept; }",
        top="bit<8> count(inout bit<8> x) { x = x + 1; return x; }",
        apply="""
        bit<8> i = 0;
        if (hdr.u[0].four.kind == 4) { hdr.u[i].six = { 6, 16w0 ++ count(i) }; }
        else { hdr.u[count(i)].six = { i, 0 }; }""",
        emits="pkt.emit(hdr.u);",
    )
    assert outcome(program, "04110422ff") == (Verdict.PASS, "060000010422ff")
    assert outcome(program, "05110422ff") == (Verdict.PASS, "051101000000ff")


def test_header_union_holds_one_header():
    program = loaded(
        headers=UNION,
        states=PARSE_UNION,
        apply="""
        if (hdr.u.four.isValid()) { hdr.u.six.setValid(); hdr.u.six.kind = 6; hdr.u.six.y = 0x010203; }
        else if (hdr.u.isValid()) { hdr.u.four = { 4, hdr.u.six.y[7:0] }; }""",
        emits="pkt.emit(hdr.u);",
    )
    assert outcome(program, "0499ff") == (Verdict.PASS, "06010203ff")
    assert outcome(program, "06aabbccff") == (Verdict.PASS, "04ccff")
    assert outcome(program, "07aa") == (Verdict.PASS, "07aa")


THREE = """
header a_t { bit<16> x; } header b_t { bit<8> y; bit<8> z; } header c_t { bit<32> w; }
struct headers_t { a_t a; b_t b; c_t c; }
"""
PARSE_THREE = """
state start { pkt.extract(hdr.a); transition select(hdr.a.x[0:0]) { 1: b; 0: c; } }
state b { pkt.extract(hdr.b); transition c; }
state c { pkt.extract(hdr.c); transition accept; }
"""


@pytest.mark.parametrize(
    ("apply", "packet", "expected"),
    [
        # Push in the middle: the first header moves, the last stays, the field that was assigned to changes.
        ("hdr.b.setValid(); hdr.b = {1, 2}; hdr.c.w = hdr.c.w + 1;",
         "aaa0" "00000009" "ee", "aaa0" "0102" "0000000a" "ee"),
        # Pop in the middle.
        ("hdr.b.setInvalid();", "aaa1" "0102" "00000009" "ee", "aaa1" "00000009" "ee"),
        ("hdr.b.setInvalid(); hdr.a.x = 0;", "aaa1" "0102" "00000009" "ee", "0000" "00000009" "ee"),
        # One field of two, with and without a change of layout.
        ("hdr.b.z = 7;", "aaa1" "0102" "00000009" "ee", "aaa1" "0107" "00000009" "ee"),
        ("hdr.b.z = 7; hdr.a.setInvalid();", "aaa1" "0102" "00000009" "ee", "0107" "00000009" "ee"),
        ("hdr.b.z = 7; hdr.c.setInvalid();", "aaa1" "0102" "00000009" "ee", "aaa1" "0107" "ee"),
        # Nothing but the payload, and nothing at all.
        ("hdr.a.setInvalid(); hdr.b.setInvalid(); hdr.c.setInvalid();", "aaa1" "0102" "00000009" "ee", "ee"),
        ("", "aaa0" "00000009" "ee", "aaa0" "00000009" "ee"),
    ],
)  # fmt: skip
def test_headers_move_and_fields_change(apply: str, packet: str, expected: str):
    program = loaded(headers=THREE, states=PARSE_THREE, apply=apply, emits="pkt.emit(hdr);")
    assert outcome(program, packet) == (Verdict.PASS, expected)


def test_header_set_valid_again_where_the_packet_did_not_have_it():
    """Its fields are zero, not what lies in the packet."""
    program = loaded(headers=THREE, states=PARSE_THREE, apply="hdr.b.setValid();", emits="pkt.emit(hdr);")
    assert outcome(program, "aaa000000009") == (Verdict.PASS, "aaa0000000000009")


def test_options_of_type_and_length_are_skipped():
    program = loaded(
        headers="header o_t { bit<8> type; bit<8> length; } struct headers_t { o_t o; }",
        states="""
        state start { pkt.extract(hdr.o); transition select(hdr.o.type) { 0: accept; default: skip; } }
        state skip { pkt.advance(((bit<32>) hdr.o.length) << 3); transition start; }
        """,
        emits="pkt.emit(hdr.o);",
    )
    assert outcome(program, "0102aabb0101cc0000eeff") == (Verdict.PASS, "0000eeff")
    assert run(program, "0102aabb0109cc0000").verdict is Verdict.ABORT
    assert run(program, "0100" * 70 + "0000").verdict is Verdict.ABORT
    assert run(program, "0100" * 60 + "0000").verdict is Verdict.PASS


def test_exit_in_an_action_that_a_table_chose():
    program = loaded(
        locals="""action stop() { if (hdr.h.a == 1) { exit; } hdr.h.b = 9; }
        table t { actions = { stop; } const default_action = stop(); }""",
        apply="t.apply(); hdr.h.a = 0x77;",
    )
    assert outcome(program, "0102") == (Verdict.PASS, "0102")
    assert outcome(program, "0202") == (Verdict.PASS, "7709")
