# SPDX-License-Identifier: Apache-2.0
"""From C to the object that the switch loads: clang, the line table, and the sections that abi.h names."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence

from p4rt.compiler.backend import dwarf_lines, elf, ir
from p4rt.compiler.backend.clang import Clang
from p4rt.compiler.records import record

ABI_VERSION = 2
OBJECT = ("-c",)
"""Options of clang that `build_object` needs."""

_INSTRUCTION_BYTES = 8


@record
class Sections:
    """What goes into the object beside code and maps."""

    info: bytes
    p4info: bytes
    initial: Sequence[ir.InitialEntry]


def assemble(c_source: str, given: ir.GivenInC | None = None) -> str:
    """The BPF assembly that clang makes of the C."""
    with Clang(["-S", "-g0"], given) as clang:
        return clang.compile(c_source).decode()


def build_object(c_source: str, main_file: str, describe: Callable[[], Sections], clang: Clang) -> bytes:
    """The finished ELF object.  `main_file` is the P4 file that line numbers are of.

    `describe` makes the sections beside code and maps, while `clang`, started with OBJECT, runs.  Raises what
    that does.
    """
    described: list[Sections] = []
    made = clang.compile(c_source, lambda: described.append(describe()))
    sections = described[0]
    lines = line_table(made, main_file)
    added = {
        "ubpf.abi": struct.pack("<I", ABI_VERSION),
        "p4rt.info": sections.info,
        "p4rt.p4info": sections.p4info,
    }
    if sections.initial:
        added["ubpf.init"] = b"".join(init_record(entry) for entry in sections.initial)
    if lines:
        added["p4rt.lines"] = b"".join(struct.pack("<II", insn, line) for insn, line in lines)
    return elf.finish(made, added)


def init_record(entry: ir.InitialEntry) -> bytes:
    """An entry as `struct ubpf_init_record` in abi.h says, padded to 8 bytes."""
    name = entry.map.encode()
    record = (
        struct.pack("<IIII", len(name), len(entry.key), len(entry.value), 0) + name + entry.key + entry.value
    )
    return record + bytes(-len(record) % 8)


def line_table(made: bytes, main_file: str) -> list[tuple[int, int]]:
    """(instruction, line) of an object of clang's; line 0 for what comes from no line of `main_file`.

    Code that clang made of several lines, which it gives no line either, counts as the line before it.
    """
    main = os.path.basename(main_file)
    table: dict[int, int | None] = {}
    for section in elf.sections(made):
        if section.name == ".debug_line":
            for address, file, line in dwarf_lines.rows(section.data):
                table[address // _INSTRUCTION_BYTES] = line if file == main else None
    result: list[tuple[int, int]] = []
    for insn, found in sorted(table.items()):
        line = 0 if found is None else found or (result[-1][1] if result else 0)
        if not result or result[-1][1] != line:
            result.append((insn, line))
    return result
