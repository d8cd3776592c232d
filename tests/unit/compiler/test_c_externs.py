# SPDX-License-Identifier: Apache-2.0
"""Externs declared in P4 and given in C: what C gets, what comes back, what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from p4_programs import source

import ubpf
from p4rt.cli.command import read_program
from p4rt.compiler.diagnostics import CompileError
from p4rt.compiler.driver import Options, compile_file


def build(folder: Path, c_text: str, **parts: str) -> bytes:
    """The object of a program and its C."""
    (folder / "test.p4").write_text(source(**parts))
    (folder / "given.c").write_text(c_text)
    options = Options(extern=(str(folder / "given.c"),))
    return compile_file(folder / "test.p4", options).object


def run(folder: Path, c_text: str, packet: str, **parts: str) -> str:
    """The packet that leaves."""
    return ubpf.Program(build(folder, c_text, **parts)).run(bytes.fromhex(packet)).packet.hex()


def refused(folder: Path, c_text: str, **parts: str) -> tuple[str, str]:
    """The first message, and the file that it is about."""
    with pytest.raises(CompileError) as caught:
        build(folder, c_text, **parts)
    found = caught.value.diagnostics[0]
    return found.message, Path(found.span.file).name


def test_scalar_by_value(tmp_path: Path):
    given = "uint8_t twice(uint8_t x) { return 2 * x; }"
    parts = {"top": "extern bit<8> twice(in bit<8> x);", "apply": "hdr.h.b = twice(hdr.h.a);"}
    assert run(tmp_path, given, "8100ff", **parts) == "8102ff"


def test_result_is_cut_to_its_width(tmp_path: Path):
    given = "uint16_t all(void) { return 0xffff; }"
    parts = {
        "top": "extern bit<12> all();",
        "apply": "bit<16> x = (bit<16>) all(); hdr.h = {x[15:8], x[7:0]};",
    }
    assert run(tmp_path, given, "0000", **parts) == "0fff"


def test_signed_value_is_extended(tmp_path: Path):
    given = "int16_t negate(int16_t x) { return -x; }"
    parts = {
        "top": "extern int<12> negate(in int<12> x);",
        "apply": "int<12> x = negate(-5); hdr.h.a = (bit<8>) ((bit<12>) x)[7:0]; x = negate(100);"
                 "hdr.h.b = ((bit<12>) x)[11:4];",
    }  # fmt: skip
    assert run(tmp_path, given, "0000", **parts) == "05f9"


def test_bool_is_bool(tmp_path: Path):
    given = "_Bool not(_Bool x) { return !x; }"
    parts = {"top": "extern bool not(in bool x);",
             "apply": "if (not(hdr.h.a == 1)) { hdr.h.b = 0xee; }"}  # fmt: skip
    assert run(tmp_path, given, "0100", **parts) == "0100"
    assert run(tmp_path, given, "0200", **parts) == "02ee"


HEADER = "header h_t { bit<8> a; bit<24> b; bit<80> w; } struct headers_t { h_t h; }"


def test_header_by_pointer(tmp_path: Path):
    """`b` is at 4, `w` at 8 in two words, least significant first, the validity behind."""
    given = """
    void work(struct h_t *h)
    {
        _Static_assert(__builtin_offsetof(struct h_t, b) == 4, "");
        _Static_assert(__builtin_offsetof(struct h_t, w) == 8, "");
        _Static_assert(__builtin_offsetof(struct h_t, is_valid) == 24, "");
        h->a += h->is_valid;
        h->b ^= 0x010203;
        uint64_t low = h->w[0];
        h->w[0] = h->w[1];
        h->w[1] = low;
    }
    """
    parts = {"headers": HEADER, "top": "extern void work(inout h_t h);", "apply": "work(hdr.h);"}
    packet = "10 aabbcc 1111 2222222222223333"
    assert run(tmp_path, given, packet, **parts) == "11" + "abb9cf" + "3333" + "0000000000001111"


def test_header_made_invalid_in_c(tmp_path: Path):
    given = "void drop(struct h_t *h) { h->is_valid = 0; }"
    parts = {"top": "extern void drop(inout h_t h);", "apply": "drop(hdr.h);"}
    assert run(tmp_path, given, "0102ff", **parts) == "ff"


def test_out_begins_as_zero(tmp_path: Path):
    given = "void get(uint8_t *x) { *x += 7; }"
    parts = {"top": "extern void get(out bit<8> x);", "apply": "get(hdr.h.a);"}
    assert run(tmp_path, given, "5500", **parts) == "0700"


def test_outputs_into_slices_and_elements(tmp_path: Path):
    given = "void put(uint8_t *x, uint8_t *y) { *x = 0xff; *y = 0x33; }"
    parts = {"top": "extern void put(out bit<4> x, out bit<8> y);", "apply": "put(hdr.h.a[5:2], hdr.h.b);"}
    assert run(tmp_path, given, "8100", **parts) == "bd33"


def test_struct_in_struct(tmp_path: Path):
    given = "uint8_t sum(const struct outer_t *o) { return o->x.p + o->x.q + o->y; }"
    parts = {
        "meta": "outer_t o;",
        "headers": "struct inner_t { bit<8> p; bit<16> q; } struct outer_t { inner_t x; bit<8> y; }"
                   "header h_t { bit<8> a; bit<8> b; } struct headers_t { h_t h; }",
        "top": "extern bit<8> sum(in outer_t o);",
        "apply": "meta.o = {{1, 2}, 4}; hdr.h.a = sum(meta.o);",
    }  # fmt: skip
    assert run(tmp_path, given, "0000", **parts) == "0700"


def test_object_gets_number_and_constructor_arguments(tmp_path: Path):
    given = """
    uint8_t Wheel_turn(uint32_t instance, uint8_t spokes, uint8_t by) { return 16 * instance + by % spokes; }
    """
    parts = {
        "top": "extern Wheel { Wheel(bit<8> spokes); bit<8> turn(in bit<8> by); }",
        "locals": "Wheel(5) one; Wheel(9) two;",
        "apply": "hdr.h = {one.turn(hdr.h.a), two.turn(hdr.h.a)};",
    }
    assert run(tmp_path, given, "0700", **parts) == "0217"


def test_map_and_helpers_of_its_own(tmp_path: Path):
    given = """
    struct ubpf_map_def seen SECTION(UBPF_SEC_MAPS) = {
        .type = UBPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 2,
    };
    uint64_t count(uint32_t index)
    {
        uint64_t *n = map_lookup(&seen, &index);
        return n ? ++*n : 0;
    }
    """
    parts = {"top": "extern bit<64> count(in bit<32> index);", "apply": "hdr.h.a = count(1)[7:0];"}
    program = ubpf.Program(build(tmp_path, given, **parts))
    assert [program.run(b"\0\0").packet.hex() for _ in range(2)] == ["0100", "0200"]
    assert program.maps["seen"].lookup(b"\1\0\0\0") == b"\2" + bytes(7)


def test_header_file_from_include_folder(tmp_path: Path):
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "seven.h").write_text("#define SEVEN 7\n")
    (tmp_path / "given.c").write_text("#include <seven.h>\nuint8_t seven(void) { return SEVEN; }")
    (tmp_path / "test.p4").write_text(source(top="extern bit<8> seven();", apply="hdr.h.a = seven();"))
    elf = read_program(str(tmp_path / "test.p4"), [str(tmp_path / "inc")], [], [str(tmp_path / "given.c")])
    assert ubpf.Program(elf).run(b"\0\0").packet.hex() == "0700"


TWICE = {"top": "extern bit<8> twice(in bit<8> x);", "apply": "hdr.h.b = twice(hdr.h.a);"}


@pytest.mark.parametrize(
    ("given", "message", "file"),
    [
        ("uint16_t twice(uint8_t x) { return x; }", "conflicting types for 'twice'", "given.c"),
        ("uint8_t thrice(uint8_t x) { return x; }", "no C file defines the function 'twice'", "test.p4"),
        ("uint8_t twice(uint8_t x) { return y; }", "use of undeclared identifier 'y'", "given.c"),
        ("uint8_t twice(uint8_t x) { return 2 * x;",
         "the program cannot be compiled behind this C: function definition is not allowed here", "given.c"),
        ('#include "nowhere.h"\n', "'nowhere.h' file not found", "given.c"),
    ],
    ids=["signature", "missing", "wrong", "not closed", "include"],
)  # fmt: skip
def test_wrong_c(tmp_path: Path, given: str, message: str, file: str):
    assert refused(tmp_path, given, **TWICE) == (message, file)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"top": "extern T id<T>(in T x);", "apply": "hdr.h.a = id(hdr.h.a);"},
         "the generic extern function 'id' in C is not supported"),
        ({"top": "extern h_t make();", "apply": "hdr.h = make();"},
         "returning a h_t from a function in C (pass it as 'out') is not supported"),
        ({"headers": "header h_t { bit<8> a; bit<8> b; } struct headers_t { h_t h; h_t[2] s; }",
          "top": "extern void take(in headers_t h);", "apply": "take(hdr);"},
         "passing a h_t[2] to a function in C is not supported"),
        ({"top": "extern void map_lookup(in bit<8> x);", "apply": "map_lookup(hdr.h.a);"},
         "the name 'map_lookup' is taken: no C function can be called so"),
    ],
    ids=["generic", "struct result", "stack", "reserved name"],
)  # fmt: skip
def test_what_c_cannot_have(tmp_path: Path, parts: dict[str, str], message: str):
    assert refused(tmp_path, "", **parts) == (message, "test.p4")


def test_file_that_is_not_there(tmp_path: Path):
    (tmp_path / "test.p4").write_text(source())
    with pytest.raises(CompileError) as caught:
        compile_file(tmp_path / "test.p4", Options(extern=("nowhere.c",)))
    assert str(caught.value) == "nowhere.c: error: no such file [input]"


def test_verifier_judges_the_c(tmp_path: Path):
    given = """
    struct ubpf_map_def seen SECTION(UBPF_SEC_MAPS) = {
        .type = UBPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 2,
    };
    uint8_t twice(uint8_t x) { uint32_t key = x; return *(uint64_t *) map_lookup(&seen, &key); }
    """
    with pytest.raises(ubpf.LoadError) as caught:
        ubpf.Program(build(tmp_path, given, **TWICE))
    assert "null" in str(caught.value).lower()
