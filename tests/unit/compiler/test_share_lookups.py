# SPDX-License-Identifier: Apache-2.0
"""The pass that looks an element of a register up once: how often, and that packets see no difference."""

from __future__ import annotations

import pytest
from p4_programs import source
from test_passes import ir_of, load

HEADERS = "header h_t { bit<8> a; bit<8> b; bit<8> r; } struct headers_t { h_t h; }"
REGISTER = "Register<bit<8>, bit<8>>(4, 5) reg;"


def text(apply: str) -> str:
    """A program with a register."""
    return source(headers=HEADERS, locals=REGISTER, apply=apply)


@pytest.mark.parametrize(
    ("apply", "lookups", "packets", "expected"),
    [
        ("reg.write(hdr.h.a, reg.read(hdr.h.a) + 1); hdr.h.r = reg.read(hdr.h.a);", 1,
         ("010000", "010000", "040000"), ("010006", "010007", "040000")),
        ("bit<8> i = hdr.h.a; hdr.h.r = reg.read(i); if (hdr.h.r == 5) { reg.write(hdr.h.a, hdr.h.b); }", 1,
         ("010700", "010800"), ("010705", "010807")),
        ("bit<8> x = reg.read(hdr.h.a); hdr.h.a = hdr.h.b; reg.write(hdr.h.a, x + 1);"
         "hdr.h.r = reg.read(hdr.h.b);", 2, ("000100", "010200"), ("010106", "020207")),
        ("if (hdr.h.b == 1) { reg.write(hdr.h.a, 9); } hdr.h.r = reg.read(hdr.h.a);", 2,
         ("010000", "010100"), ("010005", "010109")),
        ("for (bit<8> i in 0 .. 3) { reg.write(i, reg.read(i) + i); } hdr.h.r = reg.read(3);", 2,
         ("000000", "000000"), ("000008", "00000b")),
        ("reg.write(1, 7); reg.write(2, 8); hdr.h.r = reg.read(1);", 2, ("000000",), ("000007",)),
        ("bit<8> i = hdr.h.a + 1; reg.write(i, 3); bit<8> j = hdr.h.a + 1; hdr.h.r = reg.read(j);", 1,
         ("000000",), ("000003",)),
    ],
    ids=["again", "copied index", "changed index", "in a branch", "in a loop", "two elements", "sums"],
)  # fmt: skip
def test_number_of_lookups(apply: str, lookups: int, packets: tuple[str, ...], expected: tuple[str, ...]):
    assert ir_of(text(apply)).count("= lookup") == lookups
    for disabled in ((), ("share-lookups",)):
        program = load(text(apply), *disabled)
        assert tuple(program.run(bytes.fromhex(packet)).packet.hex() for packet in packets) == expected


def test_thread_arrays_too():
    apply = "c.count(hdr.h.a); d.count(hdr.h.a); c.count(hdr.h.a);"
    counters = "".join(f"Counter<bit<8>, bit<8>>(4, PSA_CounterType_t.PACKETS) {name};" for name in "cd")
    program = "#include <ubpf_externs.p4>\n" + source(headers=HEADERS, locals=counters, apply=apply)
    assert ir_of(program).count("= lookup") == 2
    loaded = load(program)
    loaded.run(b"\1\0\0")
    assert loaded.maps["pipe_c"].lookup(b"\1\0\0\0") == b"\2" + bytes(7)
    assert loaded.maps["pipe_d"].lookup(b"\1\0\0\0") == b"\1" + bytes(7)
