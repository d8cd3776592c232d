# SPDX-License-Identifier: Apache-2.0
"""Reading and finishing objects of clang's."""

from __future__ import annotations

import io
import struct

import pytest
from elftools.elf.elffile import ELFFile

from p4rt.compiler.backend import dwarf_lines, elf
from p4rt.compiler.backend.clang import Clang
from p4rt.compiler.backend.object_file import OBJECT, line_table

SOURCE = """
int table __attribute__((section("maps")));
static __attribute__((noinline, section("prog"))) int inner(int a) { return a * 3; }
__attribute__((section("prog"))) int outer(volatile int *p)
{
#line 7 "a.p4"
    p[0] = inner(p[3]);
#line 3 "b.p4"
    p[1] = table;
#line 9 "a.p4"
    p[2] = 5;
    return 0;
}
"""


@pytest.fixture(scope="module")
def made() -> bytes:
    with Clang(OBJECT) as clang:
        return clang.compile(SOURCE)


def test_sections_are_those_that_other_readers_see(made: bytes) -> None:
    expected = [(item.name, item.data()) for item in ELFFile(io.BytesIO(made)).iter_sections()]
    assert [(item.name, item.data) for item in elf.sections(made)] == expected


def test_a_finished_object_keeps_code_symbols_and_relocations(made: bytes) -> None:
    before, after = (ELFFile(io.BytesIO(data)) for data in (made, elf.finish(made, {"p4rt.info": b"{}"})))
    for name in ("prog", "maps"):
        assert after.get_section_by_name(name).data() == before.get_section_by_name(name).data()
    names = [item.name for item in after.iter_sections()]
    assert names[-1] == "p4rt.info" and ".symtab" in names
    assert not [name for name in names if ".debug" in name or ".BTF" in name or "addrsig" in name]
    assert after.get_section_by_name("p4rt.info").data() == b"{}"
    assert _relocations(after) == _relocations(before)
    symbols = after.get_section_by_name(".symtab")
    outer = symbols.get_symbol_by_name("outer")[0]
    assert names[outer["st_shndx"]] == "prog"
    local = [symbol["st_info"]["bind"] == "STB_LOCAL" for symbol in symbols.iter_symbols()]
    assert local == [index < symbols["sh_info"] for index in range(len(local))]


def _relocations(read: ELFFile) -> list[tuple[int, int, str, int]]:
    """Place and type of each relocation of the code, and of its symbol section and value."""
    symbols = read.get_section_by_name(".symtab")
    found = []
    for item in read.get_section_by_name(".relprog").iter_relocations():
        symbol = symbols.get_symbol(item["r_info_sym"])
        section = read.get_section(symbol["st_shndx"]).name
        found.append((item["r_offset"], item["r_info_type"], section, symbol["st_value"]))
    assert found
    return found


def test_lines_of_other_files_are_line_0(made: bytes) -> None:
    lines = [line for _, line in line_table(made, "folder/a.p4")]
    assert lines[:4] == [0, 7, 0, 9] and 3 not in lines


def test_every_instruction_of_a_line_program() -> None:
    header = b"dir\0\0" + b"x/first.c\0\1\0\0" + b"second.c\0\0\0\0" + b"\0"
    opcodes = bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    fixed = struct.pack("<BBBbBB", 8, 1, 1, -5, 14, 13) + opcodes
    program = bytes([
        0, 9, 2, *struct.pack("<Q", 0x100),  # the address
        3, 0xE4, 0x00, 1,                    # 100 lines on; a row
        13 + 14 * 2 + 5 + 3,                 # 2 units on, 3 lines on; a row
        3, 0x7F, 5, 17, 4, 2, 1,             # a line back, a column, file 2; a row
        2, 0x81, 0x01, 1,                    # 129 units on; a row
        8, 9, 0x34, 0x12, 1,                 # 17 units and 0x1234 bytes on; a row
        6, 7, 10, 12, 3,                     # what changes nothing here
        0, 2, 4, 9,                          # nor a discriminator
        0, 1, 1,                             # the end
        1,                                   # a row of the next sequence
    ])  # fmt: skip
    rest = struct.pack("<HI", 4, len(fixed + header)) + fixed + header + program
    unit = struct.pack("<I", len(rest)) + rest
    assert list(dwarf_lines.rows(unit * 2)) == 2 * [
        (0x100, "first.c", 101),
        (0x110, "first.c", 104),
        (0x110, "second.c", 103),
        (0x110 + 8 * 129, "second.c", 103),
        (0x110 + 8 * 129 + 8 * 17 + 0x1234, "second.c", 103),
        (0, "first.c", 1),
    ]
