# SPDX-License-Identifier: Apache-2.0
"""What the compiler refuses although it is P4: the message, and where it points."""

from __future__ import annotations

import pytest
from p4_programs import INCLUDES, compiled, source

from p4rt.compiler.diagnostics import CompileError, Severity

SET = "action set(bit<8> v) { hdr.h.b = v; } "


def first_error(text: str) -> tuple[str, str, str]:
    """Code and message of the first error, and the source text that it points to."""
    with pytest.raises(CompileError) as caught:
        compiled(text)
    found = next(item for item in caught.value.diagnostics if item.severity is Severity.ERROR)
    line = [*text.split("\n"), ""][found.span.line - 1]
    end = found.span.end_column - 1 if found.span.end_line == found.span.line else len(line)
    return found.code, found.message, line[found.span.column - 1 : end]


@pytest.mark.parametrize(
    ("parts", "code", "message", "where"),
    [
        (
            {"top": "match_kind { fuzzy }",
             "locals": SET + "table t { key = { hdr.h.a: fuzzy; } actions = { set; } }"},
            "unsupported", "the match kind 'fuzzy' is not supported", "fuzzy",
        ),
        (
            {"headers": "header h_t { bit<8> a; } header o_t { varbit<16392> o; }"
                        "struct headers_t { h_t h; o_t o; }"},
            "unsupported", "the type varbit<16392> (more than 16384 bits) is not supported",
            "varbit<16392> o;",
        ),
        (
            {"headers": "header h_t { bit<4> a; varbit<32> o; bit<4> b; } struct headers_t { h_t h; }",
             "states": "state start { pkt.extract(hdr.h, 8); transition accept; }"},
            "unsupported", "the header h_t, whose varbit does not start at a byte, is not supported",
            "pkt.extract(hdr.h, 8)",
        ),
        (
            {"headers": "header h_t { bit<8> a; varbit<32> o; } struct headers_t { h_t h; }",
             "states": "state start { pkt.extract(hdr.h, 8); transition accept; }",
             "apply": "bit<32> x; hash(x, HashAlgorithm.lookup3, { hdr.h.o });"},
            "unsupported", "a varbit among the data is not supported",
            "hash(x, HashAlgorithm.lookup3, { hdr.h.o })",
        ),
        (
            {"headers": "header h_t { bit<7> a; } struct headers_t { h_t h; }"},
            "unsupported", "the header h_t of 7 bits, not a number of bytes, is not supported",
            "pkt.extract(hdr.h)",
        ),
        (
            {"states": "state start { pkt.advance(4); transition accept; }"},
            "unsupported", "advancing by a part of a byte is not supported", "4",
        ),
        (
            {"top": "extern void frobnicate(in bit<8> x);", "apply": "frobnicate(hdr.h.a);"},
            "target", "the extern function 'frobnicate' is not defined", "frobnicate(hdr.h.a)",
        ),
        (
            {"top": "extern Wheel { Wheel(); void turn(); }", "locals": "Wheel() w;", "apply": "w.turn();"},
            "target", "the extern 'Wheel' is not defined", "Wheel() w;",
        ),
        (
            {"locals": "Register<bit<8>, bit<8>>(0) r;"},
            "target", "the size of a register must be from 1 to 2147483648", "r",
        ),
    ],
)  # fmt: skip
def test_refused_with_place(parts: dict[str, str], code: str, message: str, where: str):
    got = first_error(source(**parts))
    assert got[:2] == (code, message)
    assert where in got[2] or got[2] in where


def test_program_without_main():
    code, message, _ = first_error(INCLUDES + "const bit<8> x = 1;\n")
    assert (code, message) == ("no-main", "the program has no package instance 'main'")


def test_program_of_another_architecture():
    text = INCLUDES + "control c(); package Switch(c x);\ncontrol one() { apply { } }\nSwitch(one()) main;\n"
    code, message, _ = first_error(text)
    assert (code, message) == ("architecture", "the package 'Switch' is not one that this compiler knows")


def test_calls_that_double_at_each_level():
    top = "void f0(inout bit<8> x) { x = x + 1; }\n" + "\n".join(
        f"void f{i}(inout bit<8> x) {{ f{i - 1}(x); f{i - 1}(x); }}" for i in range(1, 40)
    )
    code, message, _ = first_error(source(top=top, apply="f39(hdr.h.a);"))
    assert (code, message) == (
        "too-complex",
        "the program is too large once all that it calls is put in place",
    )


def test_deparser_that_emits_without_measure():
    emits = "for (bit<8> i in 0 .. 99) { for (bit<8> j in 0 .. 99) { pkt.emit(hdr.h); } }"
    code, message, where = first_error(source(emits=emits))
    assert (code, message) == ("too-complex", "the deparser emits more than 512 headers")
    assert where == "pkt.emit(hdr.h)"
