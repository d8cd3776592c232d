# SPDX-License-Identifier: Apache-2.0
"""Headers with a varbit: extracted, left alone, assigned, compared, emitted."""

from __future__ import annotations

import pytest
from p4_programs import compiled, load, loaded, source

from ubpf import Verdict

OPTIONS = """
header opt_t { bit<8> size; varbit<104> data; bit<8> end; }
header h_t { bit<8> v; }
struct headers_t { opt_t one; opt_t two; h_t h; }
"""
EXTRACT_ONE = """
state start {
    bit<8> size = pkt.lookahead<bit<8>>();
    pkt.extract(hdr.one, (bit<32>) size << 3);
    transition accept;
}
"""
EXTRACT_TWO = """
state start {
    pkt.extract(hdr.one, (bit<32>) pkt.lookahead<bit<8>>() << 3);
    pkt.extract(hdr.two, (bit<32>) pkt.lookahead<bit<8>>() << 3);
    transition accept;
}
"""
THIRTEEN = "0d" + "000102030405060708090a0b0c" + "ee"


def outcome(program, packet: str, **more) -> tuple[Verdict, str]:
    result = program.run(bytes.fromhex(packet), **more)
    return result.verdict, result.packet.hex()


def options(size: int, first: int) -> str:
    """An opt_t with that many bytes of data, counting from `first`."""
    return bytes([size, *range(first, first + size), 0xEE]).hex()


@pytest.mark.parametrize("size", range(14))
def test_untouched_options_stay(size: int):
    program = loaded(headers=OPTIONS, states=EXTRACT_ONE, apply="hdr.one.end = 0xaa;", emits="pkt.emit(hdr);")
    packet = options(size, 1)
    assert outcome(program, packet + "55") == (Verdict.PASS, packet[:-2] + "aa55")


@pytest.mark.parametrize("size", range(14))
def test_options_move_when_a_header_is_put_in_front(size: int):
    program = loaded(
        headers=OPTIONS, states=EXTRACT_ONE, apply="hdr.h.setValid(); hdr.h.v = 0x77;",
        emits="pkt.emit(hdr.h); pkt.emit(hdr.one);",
    )  # fmt: skip
    packet = options(size, 1)
    assert outcome(program, packet + "55") == (Verdict.PASS, "77" + packet + "55")


@pytest.mark.parametrize(("one", "two"), [(0, 13), (13, 0), (8, 5), (4, 4), (7, 9), (1, 2)])
def test_assignment_copies_size_and_bytes(one: int, two: int):
    program = loaded(
        headers=OPTIONS, states=EXTRACT_TWO, apply="hdr.one.data = hdr.two.data;", emits="pkt.emit(hdr);"
    )
    first, second = options(one, 1), options(two, 0x80)
    expected = f"{one:02x}" + second[2:] + second + "55"
    assert outcome(program, first + second + "55") == (Verdict.PASS, expected)


@pytest.mark.parametrize(("one", "two"), [(3, 11), (11, 3), (8, 8)])
def test_headers_change_places(one: int, two: int):
    program = loaded(
        headers=OPTIONS, states=EXTRACT_TWO, apply="opt_t t = hdr.one; hdr.one = hdr.two; hdr.two = t;",
        emits="pkt.emit(hdr);",
    )  # fmt: skip
    first, second = options(one, 1), options(two, 0x80)
    assert outcome(program, first + second + "55") == (Verdict.PASS, second + first + "55")


def test_dropping_options_shortens_the_packet():
    program = loaded(
        headers=OPTIONS, states=EXTRACT_ONE, apply="varbit<104> none; hdr.one.data = none; hdr.one.size = 0;",
        emits="pkt.emit(hdr.one);",
    )  # fmt: skip
    assert outcome(program, THIRTEEN + "55") == (Verdict.PASS, "00ee55")


def test_comparison_looks_at_size_and_bytes():
    program = loaded(
        headers=OPTIONS, states=EXTRACT_TWO, emits="pkt.emit(hdr);",
        apply="if (hdr.one.data == hdr.two.data) { hdr.one.end = 1; } else { hdr.one.end = 2; }",
    )  # fmt: skip
    assert outcome(program, "020a0bee" + "020a0bee") == (Verdict.PASS, "020a0b01020a0bee")
    assert outcome(program, "020a0bee" + "020a0cee") == (Verdict.PASS, "020a0b02020a0cee")
    assert outcome(program, "020a00ee" + "010aee") == (Verdict.PASS, "020a0002010aee")
    assert outcome(program, "00ee" + "00ee") == (Verdict.PASS, "000100ee")


def test_more_than_the_field_holds_is_rejected():
    program = loaded(headers=OPTIONS, states=EXTRACT_ONE, emits="pkt.emit(hdr);")
    assert outcome(program, "0e" + "00" * 20)[0] is Verdict.ABORT


def test_packet_that_ends_in_the_options_is_rejected():
    program = loaded(headers=OPTIONS, states=EXTRACT_ONE, emits="pkt.emit(hdr);")
    assert outcome(program, "030102")[0] is Verdict.ABORT
    assert outcome(program, "03010203")[0] is Verdict.ABORT
    assert outcome(program, "03010203ee") == (Verdict.PASS, "03010203ee")


def test_part_of_a_byte_is_rejected():
    states = "state start { pkt.extract(hdr.one, (bit<32>) pkt.lookahead<bit<8>>()); transition accept; }"
    program = loaded(headers=OPTIONS, states=states, emits="pkt.emit(hdr);")
    assert outcome(program, "08aaee") == (Verdict.PASS, "08aaee")
    assert outcome(program, "09aaeeee")[0] is Verdict.ABORT


def test_options_in_a_stack():
    program = loaded(
        headers="header opt_t { bit<8> size; varbit<32> data; } struct headers_t { opt_t[3] o; }",
        states="""
        state start {
            pkt.extract(hdr.o.next, (bit<32>) pkt.lookahead<bit<8>>() << 3);
            transition select(hdr.o.last.size) { 0: accept; default: start; }
        }""",
        apply="hdr.o.pop_front(1);",
        emits="pkt.emit(hdr.o);",
    )
    assert outcome(program, "02aabb" + "03ccddee" + "00" + "55") == (Verdict.PASS, "03ccddee0055")
    assert outcome(program, "01aa" * 3 + "0055")[0] is Verdict.ABORT


def test_emitted_in_a_branch_from_a_copy():
    program = loaded(
        headers=OPTIONS, states=EXTRACT_ONE,
        emits="opt_t copy = hdr.one; if (copy.size == 3) { pkt.emit(copy); pkt.emit(copy); }",
    )  # fmt: skip
    assert outcome(program, "03010203ee55") == (Verdict.PASS, "03010203ee03010203ee55")
    assert outcome(program, "020102ee55") == (Verdict.PASS, "55")


IP_TCP = """
header eth_t { bit<48> dst; bit<48> src; bit<16> type; }
header tag_t { bit<16> tci; bit<16> type; }
header ip_t {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<32> id; bit<8> ttl; bit<8> proto; bit<16> csum;
    bit<32> src; bit<32> dst; varbit<320> options;
}
header tcp_t {
    bit<16> src; bit<16> dst; bit<32> seq; bit<32> ack; bit<4> offset; bit<12> flags; bit<16> window;
    bit<16> csum; bit<16> urgent; varbit<320> options;
}
struct headers_t { eth_t eth; tag_t tag; ip_t ip; tcp_t tcp; }
"""
PARSE_IP_TCP = """
state start { pkt.extract(hdr.eth); transition select(hdr.eth.type) { 0x0800: ip; default: accept; } }
state ip {
    bit<8> first = pkt.lookahead<bit<8>>();
    verify(first[3:0] >= 5, error.HeaderTooShort);
    pkt.extract(hdr.ip, (bit<32>) (first[3:0] - 5) << 5);
    transition select(hdr.ip.proto) { 6: tcp; default: accept; }
}
state tcp {
    bit<4> offset = pkt.lookahead<bit<104>>()[7:4];
    verify(offset >= 5, error.HeaderTooShort);
    pkt.extract(hdr.tcp, (bit<32>) (offset - 5) << 5);
    transition accept;
}
"""
ETHERNET = "112233445566aabbccddeeff"


def ip(options_: str, proto: str = "06") -> str:
    """An IPv4 header."""
    return f"{0x45 + len(options_) // 8:02x}00002800000000" + f"40{proto}0000" + "0a0000010a000002" + options_


def tcp(options_: str) -> str:
    """A TCP header."""
    offset = f"{(5 + len(options_) // 8) << 4:02x}"
    return "00500051" + "00000001" + "00000002" + offset + "10ffff" + "00000000" + options_


@pytest.mark.parametrize("words", [(0, 0), (1, 3), (10, 10), (3, 0), (0, 7)])
def test_ip_and_tcp_options_under_a_new_tag(words: tuple[int, int]):
    program = loaded(
        headers=IP_TCP, states=PARSE_IP_TCP, emits="pkt.emit(hdr);",
        apply="""if (hdr.tcp.isValid()) {
            hdr.tag.setValid(); hdr.tag.tci = 5; hdr.tag.type = hdr.eth.type; hdr.eth.type = 0x8100;
            hdr.ip.ttl = hdr.ip.ttl - 1; hdr.tcp.urgent = 0x1234;
        }""",
    )  # fmt: skip
    headers = ip(bytes(range(1, 1 + 4 * words[0])).hex()), tcp(bytes(range(101, 101 + 4 * words[1])).hex())
    packet = ETHERNET + "0800" + headers[0] + headers[1] + "deadbeef"
    new_ip = headers[0].replace("4006", "3f06", 1)
    new_tcp = headers[1][:36] + "1234" + headers[1][40:]
    expected = ETHERNET + "8100" + "00050800" + new_ip + new_tcp + "deadbeef"
    assert outcome(program, packet) == (Verdict.PASS, expected)


def test_options_left_in_place_are_not_copied():
    text = source(
        headers=IP_TCP, states=PARSE_IP_TCP, apply="hdr.ip.ttl = hdr.ip.ttl - 1;", emits="pkt.emit(hdr);"
    )
    packet = ETHERNET + "0800" + ip("01020304") + tcp("05060708") + "deadbeef"
    assert outcome(load(text), packet) == (Verdict.PASS, packet.replace("4006", "3f06", 1))
    assert "varbit_word" not in compiled(text).c_source


def test_what_follows_options_is_read_where_a_branch_knows_their_size():
    program = loaded(
        headers=IP_TCP, states=PARSE_IP_TCP, emits="pkt.emit(hdr);",
        apply="if (hdr.ip.ihl == 6 && hdr.tcp.isValid()) { hdr.tcp.dst = hdr.tcp.src; }",
    )  # fmt: skip
    front = ETHERNET + "0800" + ip("01020304")
    assert outcome(program, front + tcp("")) == (Verdict.PASS, front + tcp("").replace("0051", "0050", 1))


def test_what_follows_a_skip_is_read_where_a_branch_knows_its_size():
    states = """
    state start {
        pkt.extract(hdr.a); pkt.advance((bit<32>) hdr.a.v << 3); pkt.extract(hdr.b); transition accept;
    }"""
    program = loaded(
        headers="header h_t { bit<8> v; } struct headers_t { h_t a; h_t b; }", states=states,
        apply="if (hdr.a.v == 3) { hdr.a.v = hdr.b.v; }", emits="pkt.emit(hdr);",
    )  # fmt: skip
    assert outcome(program, "0311223344") == (Verdict.PASS, "4444")
    assert outcome(program, "01112244") == (Verdict.PASS, "012244")


@pytest.mark.parametrize("size", range(8))
def test_field_after_a_size_of_three_bits_is_used_in_a_branch(size: int):
    states = """
    state start {
        pkt.extract(hdr.h);
        pkt.extract(hdr.one, ((bit<32>) pkt.lookahead<bit<8>>() & 7) << 3);
        transition accept;
    }"""
    program = loaded(
        headers=OPTIONS, states=states, apply="if (hdr.h.v == 9) { hdr.h.v = hdr.one.end; }",
        emits="pkt.emit(hdr.h); pkt.emit(hdr.one);",
    )  # fmt: skip
    packet = options(size, 1)
    assert outcome(program, "09" + packet) == (Verdict.PASS, "ee" + packet)
    assert outcome(program, "08" + packet) == (Verdict.PASS, "08" + packet)
