# SPDX-License-Identifier: Apache-2.0
"""The pass split-shapes: the packet written by its shape; with and without it, packets leave the same."""

from __future__ import annotations

import zlib

import pytest
from p4_programs import source
from test_passes import insns, ir_of, load

from p4rt.compiler.midend import shapes, split_shapes
from p4rt.compiler.midend.moves import Move, in_order, words

# ---- Moves


def moved(data: bytes, moves: list[Move]) -> bytes:
    """What is left of `data` after the moves, one after the other in their order."""
    memory, read = bytearray(data), dict[Move, bytes]()
    for move, only_read in in_order(words(moves)):
        value = read.get(move) or bytes(memory[move.source : move.source + move.size])
        assert move.size in (1, 2, 4, 8)
        if only_read:
            read[move] = value
        else:
            memory[move.target : move.target + move.size] = value
    return bytes(memory)


@pytest.mark.parametrize("size", range(1, 41))
@pytest.mark.parametrize("shift", (-9, -8, -4, -3, -1, 1, 2, 4, 7, 8, 9))
def test_bytes_move_over_themselves(size: int, shift: int):
    data = bytes(range(64))
    expected = bytearray(data)
    expected[10 + shift : 10 + shift + size] = data[10 : 10 + size]
    assert moved(data, [Move(10 + shift, 10, size)]) == bytes(expected)


@pytest.mark.parametrize("first", (1, 4, 6, 11, 20))
@pytest.mark.parametrize("second", (1, 3, 8, 13))
def test_bytes_change_places(first: int, second: int):
    data = bytes(range(40))
    expected = data[first : first + second] + data[:first] + data[first + second :]
    assert moved(data, [Move(0, first, second), Move(second, 0, first)]) == expected


def test_move_forward_needs_nothing_kept():
    assert not any(only_read for _, only_read in in_order(words([Move(0, 4, 12)])))


def test_eleven_bytes_are_two_words():
    assert words([Move(0, 4, 11)]) == [Move(0, 4, 8), Move(3, 7, 8)]


# ---- Programs

A = "header a_t { bit<8> kind; bit<24> x; }"
B = "header b_t { bit<4> v; bit<4> w; bit<16> y; }"
PARSE = """
state start { pkt.extract(hdr.a); transition select(hdr.a.kind) { 1: two; default: accept; } }
state two { pkt.extract(hdr.b); transition accept; }
"""


def program(apply: str, emits: str = "pkt.emit(hdr.a); pkt.emit(hdr.new); pkt.emit(hdr.b);") -> str:
    """Two headers, the second there sometimes, and a new one between them."""
    headers = f"{A} {B} header n_t {{ bit<16> z; }} struct headers_t {{ a_t a; n_t new; b_t b; }}"
    return source(headers=headers, states=PARSE, apply=apply, emits=emits)


PUSH = "hdr.new.setValid(); hdr.new.z = 0xfeed;"
POP = "hdr.a.setInvalid();"
CASES = {
    "a header between two": (
        PUSH,
        {"01aabbcc12345699": "01aabbccfeed12345699", "00aabbcc99": "00aabbccfeed99"},
    ),
    "the first goes": (POP, {"01aabbcc12345699": "12345699", "00aabbcc99": "99"}),
    "the first goes, another comes": (PUSH + POP, {"01aabbcc12345699": "feed12345699", "00aabbcc": "feed"}),
    "one that is longer by what it takes": (
        "if (hdr.b.isValid()) { hdr.a.x = 8w0 ++ hdr.b.y; hdr.b.setInvalid(); }",
        {"01aabbcc12345699": "0100345699", "00aabbcc99": "00aabbcc99"},
    ),
    "one way pushes": (
        f"if (hdr.a.x == 7) {{ {PUSH} }}",
        {"00000007": "00000007feed", "00000008": "00000008", "01000007123456": "01000007feed123456"},
    ),
    "one way pops, one pushes": (
        f"if (hdr.a.x == 7) {{ {PUSH} }} else {{ {POP} }} hdr.b.w = 0xd;",
        {"01000007123456": "01000007feed1d3456", "01000008123456": "1d3456", "00000008ff": "ff"},
    ),
    "pushed and popped again": (
        f"if (hdr.a.x == 7) {{ {PUSH} }} hdr.a.kind = 0x55; if (hdr.a.x == 7) {{ hdr.new.setInvalid(); }}",
        {"00000007": "55000007", "00000008": "55000008", "01000007123456": "55000007123456"},
    ),
    "bits that change places": (
        PUSH + "bit<4> t = hdr.b.v; hdr.b.v = hdr.b.w; hdr.b.w = t;",
        {"01aabbcc12345699": "01aabbccfeed21345699"},
    ),
    "bits at another place in the byte": (
        PUSH + "hdr.new.z = hdr.b.w ++ hdr.b.y[15:4];",
        {"01aabbcc12345699": "01aabbcc234512345699"},
    ),
    "a copy of a field of the same shape": (
        f"{PUSH} if (hdr.a.x == 7) {{ hdr.new.z = hdr.b.y; }}",
        {"01000007123456": "010000073456123456", "01000008123456": "01000008feed123456"},
    ),
    "validity by a value": (
        "if (hdr.a.x != 0) { hdr.new.setValid(); hdr.new.z = hdr.a.x[15:0]; } else { hdr.b.setInvalid(); }",
        {"01000007123456": "010000070007123456", "01000000123456": "01000000"},
    ),
    "a drop, by one way": (
        f"{PUSH} if (hdr.a.x == 7) {{ std.output_action = ubpf_action.DROP; }}",
        {"00000008": "00000008feed"},
    ),
    "a header valid again has its old fields": (
        "hdr.b.setInvalid(); if (hdr.a.x == 7) { hdr.b.setValid(); hdr.b = {1, 2, 3}; }",
        {"01000007123456": "01000007120003", "01000008123456": "01000008"},
    ),
}


@pytest.mark.parametrize(("apply", "packets"), CASES.values(), ids=CASES.keys())
def test_packets_leave_the_same(apply: str, packets: dict[str, str]):
    for disabled in ((), ("split-shapes",)):
        tried = load(program(apply), *disabled)
        for packet, expected in packets.items():
            assert tried.run(bytes.fromhex(packet)).packet.hex() == expected


ORDERS = {
    "other way round": ("pkt.emit(hdr.b); pkt.emit(hdr.a);", "12345601aabbcc99"),
    "twice": ("pkt.emit(hdr.b); pkt.emit(hdr.a); pkt.emit(hdr.b);", "12345601aabbcc12345699"),
    "by a condition": ("if (hdr.a.x == 0xaabbcc) { pkt.emit(hdr.b); } pkt.emit(hdr.a);", "12345601aabbcc99"),
    "none": ("", "99"),
}


@pytest.mark.parametrize(("emits", "expected"), ORDERS.values(), ids=ORDERS.keys())
def test_order_of_emission(emits: str, expected: str):
    for disabled in ((), ("split-shapes",)):
        tried = load(program("", emits), *disabled)
        assert tried.run(bytes.fromhex("01aabbcc12345699")).packet.hex() == expected


def test_nothing_is_written_where_nothing_moves():
    text = ir_of(program(f"if (hdr.a.x == 7) {{ {PUSH} }}"))
    cheap = insns(load(program(f"if (hdr.a.x == 7) {{ {PUSH} }}")), "01000008123456")
    assert "store.le head+0 4 = load.le:32(head+2)" in text
    assert (
        cheap < insns(load(program(f"if (hdr.a.x == 7) {{ {PUSH} }}"), "split-shapes"), "01000008123456") - 15
    )


def test_fields_that_stay_are_not_kept():
    assert "hdr_b_y" not in ir_of(program(PUSH))
    assert "hdr_b_y" in ir_of(program(PUSH), "split-shapes")


def test_varbit_is_written_as_ever():
    headers = """header o_t { bit<8> n; varbit<64> bytes; } header n_t { bit<8> z; }
    struct headers_t { n_t new; o_t o; n_t last; }"""
    states = """state start { transition select(pkt.lookahead<bit<8>>()) { 0xff: last; default: option; } }
    state option { bit<8> n = pkt.lookahead<bit<8>>(); pkt.extract(hdr.o, (bit<32>) n * 8); transition last; }
    state last { pkt.extract(hdr.last); transition accept; }"""
    text = source(
        headers=headers,
        states=states,
        apply="hdr.new.setValid(); hdr.new.z = 0x77;",
        emits="pkt.emit(hdr.new); pkt.emit(hdr.o); pkt.emit(hdr.last);",
    )
    tried = load(text)
    assert tried.run(bytes.fromhex("03aabbcc5599")).packet.hex() == "7703aabbcc5599"
    assert tried.run(bytes.fromhex("005599")).packet.hex() == "77005599"
    assert tried.run(bytes.fromhex("ff99")).packet.hex() == "77ff99"


STACK = "header s_t { bit<7> label; bit<1> last; } struct headers_t { s_t[4] s; }"
PARSE_STACK = """state start { pkt.extract(hdr.s.next);
    transition select(hdr.s.last.last) { 1: accept; default: start; } }"""


@pytest.mark.parametrize(
    ("apply", "packets"),
    (
        ("hdr.s.push_front(1); hdr.s[0] = {0x33, 0};", {"0105": "660105", "02040607": "66020406"}),
        ("hdr.s.pop_front(1);", {"0105": "05", "02040607": "040607", "0204060907": "04060907"}),
        ("hdr.s.pop_front(2); hdr.s[0].label = 0x11;", {"0204060799": "220799"}),
        ("if (hdr.s[1].isValid()) { hdr.s.pop_front(1); hdr.s.push_front(2); hdr.s[0] = {1, 0};"
         " hdr.s[1] = {2, 0}; }",
         {"0399": "0399", "02050799": "0204050799"}),
        ("bit<7> t = hdr.s[0].label; hdr.s[0].label = hdr.s[1].label; hdr.s[1].label = t;",
         {"020799": "060399"}),
    ),
)  # fmt: skip
def test_stacks(apply: str, packets: dict[str, str]):
    text = source(headers=STACK, states=PARSE_STACK, apply=apply, emits="pkt.emit(hdr.s);")
    for disabled in ((), ("split-shapes",)):
        tried = load(text, *disabled)
        for packet, expected in packets.items():
            assert tried.run(bytes.fromhex(packet)).packet.hex() == expected


def test_loop_over_a_stack_is_unrolled():
    text = ir_of(
        source(headers=STACK, states=PARSE_STACK, apply="hdr.s.pop_front(1);", emits="pkt.emit(hdr.s);")
    )
    assert text.count("s_t_at") >= 4
    assert "index" not in text


def test_more_shapes_than_are_told_apart():
    names = [f"h{number}" for number in range(8)]
    fields = " ".join(f"h_t {name};" for name in names)
    headers = f"header h_t {{ bit<8> a; }} struct headers_t {{ h_t first; {fields} }}"
    apply = "".join(
        f"if (hdr.first.a[{i}:{i}] == 1) {{ hdr.{name}.setValid(); hdr.{name}.a = {i}; }}"
        for i, name in enumerate(names)
    )
    emits = "pkt.emit(hdr);"
    states = "state start { pkt.extract(hdr.first); transition accept; }"
    tried = load(source(headers=headers, states=states, apply=apply, emits=emits))
    assert tried.run(bytes.fromhex("a599")).packet.hex() == "a50002050799"
    assert tried.run(bytes.fromhex("0099")).packet.hex() == "0099"


def test_wide_field_moves_by_half_a_byte():
    headers = """header w_t { bit<4> v; bit<128> w; bit<4> x; } header n_t { bit<8> z; }
    struct headers_t { n_t new; w_t w; }"""
    text = source(
        headers=headers,
        states="state start { pkt.extract(hdr.w); transition accept; }",
        apply="hdr.new.setValid(); hdr.new.z = 0x77; hdr.w.w = hdr.w.w[123:0] ++ hdr.w.x; hdr.w.v = 9;",
        emits="pkt.emit(hdr.new); pkt.emit(hdr.w);",
    )
    packet = bytes.fromhex("f00112233445566778899aabbccddeeffe")
    for disabled in ((), ("split-shapes",)):
        got = load(text, *disabled).run(packet).packet.hex()
        assert got == "779" + "0112233445566778899aabbccddeeffee"


def test_emit_in_both_halves_when_the_parser_gives_up():
    text = "#define UBPF_PARSER_ERRORS\n" + program(PUSH)
    for disabled in ((), ("split-shapes",)):
        tried = load(text, *disabled)
        assert tried.run(bytes.fromhex("01aabbcc12")).packet.hex() == "01aabbccfeed12"
        assert tried.run(bytes.fromhex("01")).packet.hex() == "feed01"


OPTIONS = """header i_t { bit<4> version; bit<4> n; bit<16> x; } header l_t { bit<8> y; bit<8> z; }
struct headers_t { i_t i; l_t l; }"""
PARSE_OPTIONS = """
state start { pkt.extract(hdr.i); pkt.advance((bit<32>) hdr.i.n * 8);
    transition select(hdr.i.version) { 1: more; default: accept; } }
state more { pkt.extract(hdr.l); transition accept; }"""


def options(apply: str) -> str:
    """A program that leaves out what is between two headers."""
    return source(
        headers=OPTIONS, states=PARSE_OPTIONS, apply=apply, emits="pkt.emit(hdr.i); pkt.emit(hdr.l);"
    )


@pytest.mark.parametrize(
    ("apply", "packets"),
    (
        ("", {"10aabb1122": "10aabb1122", "12aabbffee1122": "12aabb1122", "02aabbffee99": "02aabb99"}),
        ("hdr.l.z = 0x77;", {"10aabb112233": "10aabb117733", "12aabbffee112233": "12aabb117733"}),
        ("hdr.i.x = hdr.l.y ++ hdr.l.z; hdr.l.y = 0;",
         {"10aabb112233": "101122002233", "11aabbff1122": "1111220022"}),
        ("hdr.l.setInvalid();", {"12aabbffee112233": "12aabb33", "10aabb112233": "10aabb33"}),
        ("if (!hdr.l.isValid()) { hdr.l.setValid(); hdr.l = {5, 6}; }",
         {"00aabb99": "00aabb050699", "02aabbffee99": "02aabb050699", "12aabbffee112233": "12aabb112233"}),
    ),
)  # fmt: skip
def test_what_is_skipped_is_left_out(apply: str, packets: dict[str, str]):
    for disabled in ((), ("split-shapes",)):
        tried = load(options(apply), *disabled)
        for packet, expected in packets.items():
            assert tried.run(bytes.fromhex(packet)).packet.hex() == expected


def test_fields_are_not_kept_for_options():
    plain, options_there = "10aabb112233", "12aabbffee112233"
    with_pass, without = load(options("")), load(options(""), "split-shapes")
    assert insns(with_pass, plain) < insns(without, plain) - 10
    assert insns(with_pass, options_there) < insns(without, options_there) + 20


HASHED = """
Hash<bit<32>>(PSA_HashAlgorithm_t.CRC32) crc;
"""


def hashed(fields: str, before: str = "") -> str:
    """A program that puts a hash of fields in front of the packet."""
    return "#include <ubpf_externs.p4>\n" + source(
        headers=f"{A} {B} header n_t {{ bit<32> z; }} struct headers_t {{ a_t a; n_t new; b_t b; }}",
        states=PARSE,
        locals=HASHED,
        apply=f"{before} hdr.new.setValid(); hdr.new.z = crc.get_hash({{ {fields} }});",
        emits="pkt.emit(hdr.new); pkt.emit(hdr.a); pkt.emit(hdr.b);",
    )


@pytest.mark.parametrize(
    ("fields", "before", "covered"),
    (
        ("hdr.a.kind, hdr.a.x", "", "00aabbcc"),
        ("hdr.a.x, hdr.a.kind", "", "aabbcc00"),
        ("hdr.a.x, hdr.a.x[15:8], hdr.a.kind", "", "aabbccbb00"),
        ("hdr.a.kind, hdr.a.x", "hdr.a.kind = 0x55;", "55aabbcc"),
        ("8w7, hdr.a.kind, hdr.a.x", "", "0700aabbcc"),
    ),
)
def test_hash_of_bytes_of_the_packet(fields: str, before: str, covered: str):
    expected = zlib.crc32(bytes.fromhex(covered)).to_bytes(4, "big")
    for disabled in ((), ("split-shapes",)):
        got = load(hashed(fields, before), *disabled).run(bytes.fromhex("00aabbcc99")).packet
        assert got[:4] == expected


def test_bytes_of_the_packet_are_copied():
    text = ir_of(hashed("hdr.a.kind, hdr.a.x"))
    assert "store.le hash_input+0 4 = load.le:32(copied+0)" in text
    assert "copied" not in ir_of(hashed("hdr.b.y"))


def test_field_assigned_behind_the_change_of_validity():
    apply = (
        "if (hdr.a.x == 7) { hdr.new.setValid(); hdr.new.z = 1; } hdr.new.z = hdr.new.z + 1; hdr.a.kind = 3;"
    )
    for disabled in ((), ("split-shapes",)):
        tried = load(program(apply), *disabled)
        assert tried.run(bytes.fromhex("0000000799")).packet.hex() == "03000007000299"
        assert tried.run(bytes.fromhex("0000000899")).packet.hex() == "0300000899"


def test_validity_changed_in_a_loop():
    apply = """for (bit<8> i in 1..3) {
        if (hdr.a.kind == i) { hdr.new.setValid(); hdr.new.z = 8w0 ++ i; } else { hdr.new.z = 9; } }"""
    for disabled in ((), ("split-shapes",)):
        tried = load(program(apply), *disabled)
        assert tried.run(bytes.fromhex("0300000799")).packet.hex() == "03000007000399"
        assert tried.run(bytes.fromhex("0200000799")).packet.hex() == "02000007000999"
        assert tried.run(bytes.fromhex("0700000799")).packet.hex() == "0700000799"


def test_branch_that_leaves_after_a_change_of_validity():
    apply = "if (hdr.a.x == 7) { hdr.new.setValid(); hdr.new.z = 5; return; } hdr.a.kind = 3;"
    for disabled in ((), ("split-shapes",)):
        tried = load(program(apply), *disabled)
        assert tried.run(bytes.fromhex("0000000799")).packet.hex() == "00000007000599"
        assert tried.run(bytes.fromhex("0000000899")).packet.hex() == "0300000899"


@pytest.mark.parametrize(("limit", "value"), (("MAX_WORK", 3), ("MAX_SHAPES", 1), ("MAX_ROUNDS", 0)))
def test_walk_is_given_up(monkeypatch: pytest.MonkeyPatch, limit: str, value: int):
    monkeypatch.setattr(shapes, limit, value)
    apply = f"{PUSH} if (hdr.a.x == 7) {{ hdr.new.z = {value}; }}  // {limit}"
    text = program(apply)
    assert "site" not in ir_of(text)
    assert load(text).run(bytes.fromhex("00aabbcc99")).packet.hex() == "00aabbccfeed99"


def test_more_codes_than_are_worth_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(split_shapes, "MAX_STATEMENTS", 4)
    text = program(PUSH + " // Few statements.")
    assert "site" not in ir_of(text)
    assert load(text).run(bytes.fromhex("00aabbcc99")).packet.hex() == "00aabbccfeed99"
