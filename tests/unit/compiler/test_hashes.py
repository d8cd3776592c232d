# SPDX-License-Identifier: Apache-2.0
"""Hashes and checksums against published values, RFC examples and scapy."""

from __future__ import annotations

import zlib

import pytest
from p4_programs import compiled, source
from scapy.layers.inet import IP, TCP, IPOption_NOP
from scapy.layers.l2 import Ether
from test_refused import first_error

import ubpf

EXTERNS = "#include <ubpf_externs.p4>\n"
DIGITS = "header h_t { bit<72> d; bit<64> r; } struct headers_t { h_t h; }"
CHECK = b"123456789".hex()
"""The data of the published check values."""


def run(packet: str, **parts: str) -> str:
    """The packet that leaves."""
    return ubpf.Program(compiled(EXTERNS + source(**parts)).object).run(bytes.fromhex(packet)).packet.hex()


def hashed(algorithm: str, width: int, data: str = "hdr.h.d") -> str:
    """The 64 bits behind the digits: a hash, zero extended."""
    locals_ = f"Hash<bit<{width}>>(PSA_HashAlgorithm_t.{algorithm}) h;"
    apply = f"bit<{width}> x = h.get_hash({data}); hdr.h.r = {'(bit<64>) x' if width < 64 else 'x[63:0]'};"
    return run(CHECK + "00" * 8, headers=DIGITS, locals=locals_, apply=apply)[18:]


@pytest.mark.parametrize(
    ("algorithm", "width", "expected"),
    [
        ("CRC16", 16, "000000000000bb3d"),
        ("CRC16", 8, "000000000000003d"),
        ("CRC32", 32, "00000000cbf43926"),
        ("CRC32", 12, "0000000000000926"),
        ("CRC32", 48, "00000000cbf43926"),
        ("CRC32C", 32, "00000000e3069283"),
        ("XXHASH", 64, "8cb841db40e6ae83"),
        ("XXHASH", 80, "8cb841db40e6ae83"),
        ("IDENTITY", 16, "0000000000003839"),
        ("IDENTITY", 64, "3233343536373839"),
        ("IDENTITY", 128, "3233343536373839"),
    ],
)
def test_check_value(algorithm: str, width: int, expected: str):
    assert hashed(algorithm, width) == expected


def test_fields_are_packed_in_order():
    pieces = "{hdr.h.d[71:64], {hdr.h.d[63:40], 4w3}, hdr.h.d[35:0]}"
    assert hashed("CRC32", 32, pieces) == "00000000cbf43926"


def test_last_byte_is_filled_with_zeros():
    assert hashed("CRC32", 32, "hdr.h.d[71:68]") == f"{zlib.crc32(bytes([0x30])):016x}"


def test_internet_checksum_as_a_hash_fills_the_last_word():
    """0x3132 + 0x3334 + 0x3536 + 0x3738 + 0x3900, folded and inverted."""
    assert hashed("ONES_COMPLEMENT16", 16) == "000000000000f62a"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [("crc16", "0000bb3d"), ("crc32", "cbf43926"), ("crc32c", "e3069283"), ("xxhash", "40e6ae83"),
     ("ones_complement16", "0000f62a"), ("identity", "36373839")],
)  # fmt: skip
def test_function_of_the_model(algorithm: str, expected: str):
    apply = f"bit<32> x; hash(x, HashAlgorithm.{algorithm}, hdr.h.d); hdr.h.r = (bit<64>) x;"
    assert run(CHECK + "00" * 8, headers=DIGITS, apply=apply)[26:] == expected


@pytest.mark.parametrize(("limit", "expected"), [(10, 100 + 0xCBF43926 % 10), (16, 100 + 6), (1, 100)])
def test_base_and_maximum(limit: int, expected: int):
    locals_ = "Hash<bit<32>>(PSA_HashAlgorithm_t.CRC32) h;"
    apply = f"hdr.h.r = (bit<64>) h.get_hash(32w100, hdr.h.d, 32w{limit});"
    packet = run(CHECK + "00" * 8, headers=DIGITS, locals=locals_, apply=apply)
    assert int(packet[18:], 16) == expected


def test_maximum_known_at_run_time():
    locals_ = "Hash<bit<32>>(PSA_HashAlgorithm_t.CRC32) h;"
    apply = "hdr.h.r = (bit<64>) h.get_hash(32w100, hdr.h.d, hdr.h.r[31:0]);"
    packet = run(CHECK + "000000000000000a", headers=DIGITS, locals=locals_, apply=apply)
    assert int(packet[18:], 16) == 100 + 0xCBF43926 % 10


def test_base_and_maximum_in_a_wide_result():
    locals_ = "Hash<bit<80>>(PSA_HashAlgorithm_t.CRC32) h;"
    apply = "hdr.h.r = h.get_hash(64w0xffffffffffffffff, hdr.h.d, 64w10)[79:16];"
    packet = run(CHECK + "00" * 8, headers=DIGITS, locals=locals_, apply=apply)
    assert packet[18:] == f"{1 << 48:016x}"  # 2^64 - 1 + 0xcbf43926 % 10, without its lower 16 bits.


# ---- Checksum


def checksum(algorithm: str, updates: str) -> str:
    locals_ = f"Checksum<bit<64>>(PSA_HashAlgorithm_t.{algorithm}) c;"
    packet = CHECK + "00" * 8
    return run(packet, headers=DIGITS, locals=locals_, apply=f"{updates} hdr.h.r = c.get();")[18:]


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [("CRC16", "000000000000bb3d"), ("CRC32", "00000000cbf43926"), ("CRC32C", "00000000e3069283")],
)
def test_pieces_make_the_checksum_of_the_whole(algorithm: str, expected: str):
    whole = "c.update(hdr.h.d);"
    pieces = "c.update(hdr.h.d[71:64]); c.update({hdr.h.d[63:40], hdr.h.d[39:24]}); c.update(hdr.h.d[23:0]);"
    some = f"c.update(hdr.h); c.clear(); if (hdr.h.r == 0) {{ {pieces} }}"
    assert {checksum(algorithm, updates) for updates in (whole, pieces, some)} == {expected}


def test_checksum_of_nothing():
    assert checksum("CRC32", "c.clear();") == "0000000000000000"
    assert checksum("ONES_COMPLEMENT16", "c.clear();") == "000000000000ffff"


# ---- InternetChecksum

WORDS = "header h_t { bit<16> a; bit<16> b; bit<32> c; bit<16> r; } struct headers_t { h_t h; }"


def internet(packet: str, statements: str) -> str:
    """The last 16 bits after the statements."""
    return run(packet, headers=WORDS, locals="InternetChecksum() ck;", apply=statements)[-4:]


def test_example_of_rfc_1071():
    """The words 0001 f203 f4f5 f6f7 sum up to ddf2 (section 3)."""
    assert (
        internet("0001f203f4f5f6f70000", "ck.add({hdr.h.a, hdr.h.b, hdr.h.c}); hdr.h.r = ck.get_state();")
        == "ddf2"
    )
    assert (
        internet("0001f203f4f5f6f70000", "ck.add({hdr.h.a, hdr.h.b, hdr.h.c}); hdr.h.r = ck.get();") == "220d"
    )


def test_example_of_rfc_1624():
    """A word 5555 becomes 3285 under the checksum dd2f; the result is 0000, and not ffff (section 4)."""
    update = "ck.set_state(~hdr.h.r); ck.subtract(hdr.h.a); ck.add(hdr.h.b); hdr.h.r = ck.get();"
    assert internet("5555328500000000dd2f", update) == "0000"
    model = "hdr.h.r = csum_replace2(hdr.h.r, hdr.h.a, hdr.h.b);"
    assert internet("5555328500000000dd2f", model) == "0000"


def test_replacing_two_words_at_once():
    header = bytes(IP(src="10.0.0.1", dst="10.0.0.2", ttl=64, len=20))
    other = bytes(IP(src="192.168.7.9", dst="10.0.0.2", ttl=64, len=20))
    packet = header[12:14] + header[14:16] + other[12:16] + header[10:12]
    apply = "hdr.h.r = csum_replace4(hdr.h.r, hdr.h.a ++ hdr.h.b, hdr.h.c);"
    assert internet(packet.hex(), apply) == other[10:12].hex()


def test_sum_of_many_carries():
    data = "ffff" * 4
    assert internet(data + "0000", "ck.add({hdr.h.a, hdr.h.b, hdr.h.c}); hdr.h.r = ck.get_state();") == "ffff"


def test_state_goes_from_one_object_to_another():
    locals_ = "InternetChecksum() one; InternetChecksum() two;"
    apply = """
    one.add(hdr.h.a);
    two.set_state(one.get_state());
    one.clear();
    two.add(hdr.h.b);
    hdr.h.r = two.get();
    """
    assert run("0001f20300000000beef", headers=WORDS, locals=locals_, apply=apply)[-4:] == "0dfb"


IP_HEADERS = """
header eth_t { bit<48> dst; bit<48> src; bit<16> type; }
header ip_t {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> len; bit<16> id; bit<3> flags; bit<13> frag;
    bit<8> ttl; bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst; varbit<320> options;
}
header tcp_t { bit<16> src; bit<16> dst; bit<64> numbers; bit<32> window; bit<16> checksum; bit<16> urgent; }
struct headers_t { eth_t eth; ip_t ip; tcp_t tcp; }
"""
IP_STATES = """
state start {
    pkt.extract(hdr.eth);
    bit<8> first = pkt.lookahead<bit<8>>();
    pkt.extract(hdr.ip, (bit<32>) (first[3:0] - 5) * 32);
    pkt.extract(hdr.tcp);
    transition accept;
}
"""


@pytest.mark.parametrize("number", [0, 4, 12])
def test_ipv4_header_with_options_against_scapy(number: int):
    """The whole header is summed up, its checksum left out; the varbit counts with what it has."""
    nops = [IPOption_NOP() for _ in range(number)]
    right = Ether() / IP(src="10.1.2.3", dst="192.168.255.254", ttl=7, options=nops) / TCP()
    packet = bytes(right)
    wrong = packet[:24] + b"\xaa\xbb" + packet[26:]
    apply = """
    ck.add({hdr.ip.version, hdr.ip.ihl, hdr.ip.tos, hdr.ip.len, hdr.ip.id, hdr.ip.flags, hdr.ip.frag,
            hdr.ip.ttl, hdr.ip.protocol, hdr.ip.src, hdr.ip.dst, hdr.ip.options});
    hdr.ip.checksum = ck.get();
    """
    locals_ = "InternetChecksum() ck;"
    got = run(
        wrong.hex(), headers=IP_HEADERS, states=IP_STATES, locals=locals_, apply=apply, emits="pkt.emit(hdr);"
    )
    assert got == packet.hex()


def test_tcp_checksum_follows_a_new_address():
    """As a NAT does: subtract what was there, add what is there now."""
    before = Ether() / IP(src="10.1.2.3", dst="9.9.9.9") / TCP(sport=1000, dport=80) / b"payload"
    after = Ether() / IP(src="172.16.0.77", dst="9.9.9.9", id=1) / TCP(sport=61234, dport=80) / b"payload"
    apply = """
    ck.set_state(~hdr.tcp.checksum);
    ck.subtract({hdr.ip.src, hdr.tcp.src});
    hdr.ip.src = 0xac10004d;
    hdr.tcp.src = 61234;
    ck.add({hdr.ip.src, hdr.tcp.src});
    hdr.tcp.checksum = ck.get();
    """
    got = run(bytes(before).hex(), headers=IP_HEADERS, states=IP_STATES, locals="InternetChecksum() ck;",
              apply=apply, emits="pkt.emit(hdr);")  # fmt: skip
    assert got[2 * 50 : 2 * 52] == bytes(after)[50:52].hex()


# ---- Refused


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"locals": "Hash<bool>(PSA_HashAlgorithm_t.CRC32) h;"}, "the result of a hash is bit<W>, not bool"),
        ({"locals": "Checksum<bit<32>>(PSA_HashAlgorithm_t.XXHASH) c;"},
         "XXHASH is no checksum of data that comes in pieces"),
        ({"locals": "Checksum<bit<32>>(PSA_HashAlgorithm_t.CRC32) c;", "apply": "c.update(hdr.h.a[3:0]);"},
         "a checksum of 4 bits, not a number of bytes, is not supported"),
        ({"locals": "InternetChecksum() c;", "apply": "c.add(hdr.h.a);"},
         "a checksum of 8 bits, which are no words of 16, is not supported"),
        ({"locals": "Hash<bit<32>>(PSA_HashAlgorithm_t.CRC32) h;",
          "apply": "hdr.h.a = h.get_hash(32w0, hdr.h.b, 32w0)[7:0];"}, "the maximum of a hash must not be 0"),
        ({"locals": "Hash<bit<32>>(PSA_HashAlgorithm_t.CRC64) h;"},
         "PSA_HashAlgorithm_t has no member 'CRC64'"),
    ],
    ids=["bool", "no checksum", "part of a byte", "part of a word", "zero", "unknown"],
)  # fmt: skip
def test_refused(parts: dict[str, str], message: str):
    assert first_error(EXTERNS + source(**parts))[1] == message
