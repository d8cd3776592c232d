# SPDX-License-Identifier: Apache-2.0
"""The programs that engine.py measures: those under examples/, and small ones that do one thing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Case:
    """A program (a file, or its text), what its tables and meters have, and a packet from port 1."""

    name: str
    program: Path | str
    packet: bytes
    entries: tuple[str, ...] = ()
    meters: tuple[tuple[str, str], ...] = ()
    """Meters and their rates."""


def packet(text: str) -> bytes:
    """A frame from hexadecimal digits, padded to 64 bytes."""
    return bytes.fromhex(text).ljust(64, b"\0")


UDP = packet("020000000002 020000000001 0800 4500001c 00070000 401163c3 0a000101 0a000207 03e807d0 00080000")

TEMPLATE = """
#include <core.p4>
#include <ubpf_model.p4>
#include <ubpf_externs.p4>

header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
header ipv4_t {
    bit<4> version; bit<4> ihl; bit<8> tos; bit<16> length; bit<16> id; bit<16> fragment; bit<8> ttl;
    bit<8> protocol; bit<16> checksum; bit<32> src; bit<32> dst;
}
header udp_t { bit<16> sport; bit<16> dport; bit<16> length; bit<16> checksum; }
struct headers_t { ethernet_t ethernet; ipv4_t ipv4; udp_t udp; }
struct metadata_t { bit<32> sum; }
struct record_t { bit<32> src; bit<32> dst; }

parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start {
        pkt.extract(hdr.ethernet);
        transition select(hdr.ethernet.type) { 0x0800: ipv4; default: accept; }
    }
    state ipv4 {
        pkt.extract(hdr.ipv4);
        transition select(hdr.ipv4.protocol) { 17: udp; default: accept; }
    }
    state udp { pkt.extract(hdr.udp); transition accept; }
}

control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    @LOCALS@
    apply { @APPLY@ std.output_port = meta.sum; std.output_action = ubpf_action.REDIRECT; }
}

@deparser
control dprs(packet_out pkt, in headers_t hdr) {
    apply { pkt.emit(hdr.ethernet); pkt.emit(hdr.ipv4); pkt.emit(hdr.udp); }
}

ubpf(prs(), pipe(), dprs()) main;
"""


def program(apply: str, declarations: str = "") -> str:
    """A program whose control does 'apply' with every IPv4 UDP packet."""
    return TEMPLATE.replace("@LOCALS@", declarations).replace(
        "@APPLY@", f"if (hdr.udp.isValid()) {{ {apply} }}"
    )


# A kind of match, and the entries among which the packet's destination, 10.0.2.7, is found.
KINDS = {
    "exact": [f"hdr.ipv4.dst=10.0.{i}.7" for i in range(100)],
    "lpm": [f"hdr.ipv4.dst=10.0.{i}.0/24" for i in range(100)],
    "ternary": [
        f"hdr.ipv4.dst=10.0.{i & ~(i % 4)}.7&&&255.255.{255 - i % 4}.255,priority={i + 1}" for i in range(100)
    ],
}


def lookups(kind: str, n: int) -> Case:
    """'n' tables with a key of the one kind, each with 100 entries."""
    tables = "".join(
        f"""
        action add{i}(bit<32> v) {{ meta.sum = meta.sum + v; }}
        table t{i} {{ key = {{ hdr.ipv4.dst: {kind}; }} actions = {{ add{i}; NoAction; }} size = 1024; }}"""
        for i in range(n)
    )
    entries = tuple(f"table=pipe.t{i},{key},actions=add{i}(v={i})" for i in range(n) for key in KINDS[kind])
    apply = " ".join(f"t{i}.apply();" for i in range(n))
    return Case(f"{n} {kind} lookup{'s' * (n > 1)}", program(apply, tables), UDP, entries)


def single_cases() -> list[Case]:
    """Programs that do one thing."""
    pairs = "{ hdr.ipv4.src, hdr.ipv4.dst, hdr.udp.sport, hdr.udp.dport }"
    pieces = {
        "parse Ethernet, IPv4, UDP": ("meta.sum = hdr.ipv4.dst;", ""),
        "rewrite three fields": (
            "hdr.ethernet.dst = 1; hdr.ipv4.ttl = hdr.ipv4.ttl - 1; hdr.udp.dport = 53;", ""),
        "register, read and written": (
            "bit<32> v = r.read(3); r.write(3, v + 1);", "Register<bit<32>, bit<32>>(16) r;"),
        "counter": (
            "c.count(3);", "Counter<bit<64>, bit<32>>(16, PSA_CounterType_t.PACKETS_AND_BYTES) c;"),
        "meter": (
            "if (m.execute(3) == PSA_MeterColor_t.RED) { meta.sum = 1; }",
            "Meter<bit<32>>(16, PSA_MeterType_t.BYTES) m;"),
        "Internet checksum of a header": (
            "sum.clear(); sum.add({ hdr.ipv4.src, hdr.ipv4.dst, hdr.ipv4.length, hdr.ipv4.id }); "
            "hdr.ipv4.checksum = sum.get();", "InternetChecksum() sum;"),
        "CRC-32 of 12 bytes": (
            f"meta.sum = h.get_hash({pairs});", "Hash<bit<32>>(PSA_HashAlgorithm_t.CRC32) h;"),
        "digest": ("d.pack({ hdr.ipv4.src, hdr.ipv4.dst });", "Digest<record_t>() d;"),
    }  # fmt: skip
    meters = {"meter": (("m[3]", "cir=1G,cbs=1G,pir=2G,pbs=2G"),)}
    return [
        Case(name, program(apply, declarations), UDP, meters=meters.get(name, ()))
        for name, (apply, declarations) in pieces.items()
    ]


def example_cases() -> list[Case]:
    """The programs under examples/, with their entries and the first packet of their scripts."""
    cases = []
    for script in sorted(CHECKOUT.glob("examples/*/*.stf")):
        entries = script.with_suffix(".entries")
        first = re.search(r"^packet \d+ ([0-9a-f ]+)$", script.read_text(), re.M)
        assert first is not None
        lines = tuple(entries.read_text().splitlines()) if entries.exists() else ()
        cases.append(
            Case(f"examples/{script.stem}", script.with_suffix(".p4"), packet(first[1]), lines)
        )  # fmt: skip
    return cases


def all_cases() -> list[Case]:
    """Every row, in order."""
    empty = Case("empty", CHECKOUT / "bench/programs/pass.p4", UDP)
    tables = [lookups(kind, n) for kind in KINDS for n in (1, 2, 4, 8)]
    return [*example_cases(), empty, *single_cases(), *tables]
