# SPDX-License-Identifier: Apache-2.0
"""From C to the object that the switch loads: clang, the line table, and the sections that abi.h names."""

from __future__ import annotations

import io
import os
import re
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from p4rt.compiler import tools
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.emit_c import templates_folder
from p4rt.compiler.records import record

ABI_VERSION = 2
_CLANG = ("clang-19", "clang")
_OBJCOPY = ("llvm-objcopy-19", "llvm-objcopy")
_FLAGS = (
    "-target", "bpf", "-mcpu=v3", "-O2", "-std=gnu11", "-Wall", "-Werror",
    "-Wno-tautological-compare",                        # P4 may compare what never differs.
    "-gdwarf-4", "-gline-tables-only",                  # For the line table; stripped afterwards.
    "-ffreestanding", "-fno-builtin", "-nostdlibinc",   # There is no C library.
    "-fno-jump-tables",                                 # Nor data that switches could become.
    "-fbracket-depth=8192",                             # Long sums nest deeply.
    "-mllvm", "-bpf-stack-size=4096",
)  # fmt: skip
_TOO_LARGE = {
    "BPF stack limit": "its variables do not fit the stack of 4096 bytes",
    "out of range": "a jump in it is longer than 32,767 instructions",
    "out of insn range": "a jump in it is longer than 32,767 instructions",
}
"""What clang says of programs that are beyond the target, and what that means to the user."""
_DEBUG_SECTIONS = (".BTF", ".BTF.ext", ".rel.BTF", ".rel.BTF.ext")


class ToolError(Exception):
    """A tool is missing or refused; the message is for the user.

    `expected`: this can happen to a correct compiler, for want of a tool or because of the program's size.
    """

    def __init__(self, message: str, *, expected: bool = False) -> None:
        super().__init__(message)
        self.expected = expected


class CError(ToolError):
    """The C that the user gives was refused; `problems` are file, line, column and message of each."""

    def __init__(self, problems: Sequence[tuple[str, int, int, str]]) -> None:
        super().__init__("; ".join(problem[3] for problem in problems), expected=True)
        self.problems = problems


@record
class Sections:
    """What goes into the object beside code and maps."""

    info: bytes
    p4info: bytes
    initial: Sequence[ir.InitialEntry]


def _tool(names: Sequence[str]) -> str:
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
    raise ToolError(
        f"{names[0]} was not found: install the Debian packages clang-19 and llvm-19", expected=True
    )


def _run(
    command: list[str],
    folder: Path,
    given: ir.GivenInC | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> None:
    done = tools.run(command, folder=folder, meanwhile=meanwhile)
    if not done.returncode:
        return
    output = done.stderr.decode(errors="replace")
    problems = list(_problems(output, given)) if given is not None and given.files else []
    if problems:
        raise CError(problems)
    for sign, meaning in _TOO_LARGE.items():
        if sign in output:
            raise ToolError(f"the program is too large: {meaning}", expected=True)
    raise ToolError(f"{Path(command[0]).name} failed: {output.strip()}")


_OWN = ("program.c", "generated")
"""What clang calls the C that is not the user's."""
_PLACE = re.compile(r"^(?P<file>[^\n:]+):(?P<line>\d+):(?P<column>\d+): (fatal )?error: (?P<text>.*)$", re.M)
_UNDEFINED = re.compile(r"function '(\w+)' has internal linkage but is not defined")
_OPTION = re.compile(r" \[-W[^]]*\]$")


def _problems(output: str, given: ir.GivenInC) -> Iterator[tuple[str, int, int, str]]:
    """What clang says of the C that the user gives, files named as the user did.

    What it says of the compiler's own C behind that is most likely for something that is not closed.
    """
    if any(sign in output for sign in _TOO_LARGE):
        return
    names = {str(Path(file).resolve()): file for file in given.files}
    own: str | None = None
    count = 0
    for match in _PLACE.finditer(output):
        text = _OPTION.sub("", match["text"])
        undefined = _UNDEFINED.search(text)
        if undefined is not None:
            text = f"no C file defines the function '{undefined[1]}'"
        if match["file"] in _OWN:
            own = own or text
        else:
            count += 1
            yield names.get(match["file"], match["file"]), int(match["line"]), int(match["column"]), text
    if not count and own is not None:
        yield given.files[-1], 0, 0, f"the program cannot be compiled behind this C: {own}"


def assemble(c_source: str, given: ir.GivenInC | None = None) -> str:
    """The BPF assembly that clang makes of the C."""
    with tempfile.TemporaryDirectory(prefix="p4rt-") as name:
        folder = Path(name)
        compile_c(c_source, folder, "program.s", ["-S", "-g0"], given)
        return (folder / "program.s").read_text(encoding="utf-8")


def build_object(
    c_source: str, main_file: str, describe: Callable[[], Sections], given: ir.GivenInC | None = None
) -> bytes:
    """The finished ELF object.  `main_file` is the P4 file that line numbers are of.

    `describe` makes the sections beside code and maps, while clang runs.

    Raises:
        ToolError: clang or objcopy is missing or failed.
        CError: the C of `given` is wrong.
    """
    with tempfile.TemporaryDirectory(prefix="p4rt-") as name:
        folder = Path(name)
        described: list[Sections] = []

        def meanwhile() -> None:
            import elftools.elf.elffile  # noqa: F401

            described.append(describe())

        compile_c(c_source, folder, "program.o", ["-c"], given, meanwhile)
        sections = described[0]
        lines = line_table((folder / "program.o").read_bytes(), main_file)
        contents = {
            "ubpf.abi": struct.pack("<I", ABI_VERSION),
            "p4rt.info": sections.info,
            "p4rt.p4info": sections.p4info,
        }
        if sections.initial:
            contents["ubpf.init"] = b"".join(init_record(entry) for entry in sections.initial)
        if lines:
            contents["p4rt.lines"] = b"".join(struct.pack("<II", insn, line) for insn, line in lines)
        command = [_tool(_OBJCOPY), "--strip-debug"]
        for section in _DEBUG_SECTIONS:
            command += ["--remove-section", section]
        for section, data in contents.items():
            (folder / section).write_bytes(data)
            command += ["--add-section", f"{section}={folder / section}"]
        _run([*command, "program.o", "finished.o"], folder)
        return (folder / "finished.o").read_bytes()


def compile_c(
    c_source: str,
    folder: Path,
    output: str,
    options: list[str],
    given: ir.GivenInC | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> None:
    """Compile C to `output` in `folder`; raises as `build_object` does."""
    (folder / "program.c").write_text(c_source, encoding="utf-8")
    includes = ["-I", str(templates_folder())]
    for other in given.folders if given is not None and given.files else ():
        includes += ["-I", str(Path(other).resolve())]
    command = [_tool(_CLANG), *_FLAGS, *options, *includes, "-o", output, "program.c"]
    _run(command, folder, given, meanwhile)


def init_record(entry: ir.InitialEntry) -> bytes:
    """An entry as `struct ubpf_init_record` in abi.h says, padded to 8 bytes."""
    name = entry.map.encode()
    record = (
        struct.pack("<IIII", len(name), len(entry.key), len(entry.value), 0) + name + entry.key + entry.value
    )
    return record + bytes(-len(record) % 8)


def line_table(elf: bytes, main_file: str) -> list[tuple[int, int]]:
    """(instruction, line) from the DWARF of `elf`; line 0 for what comes from no line of `main_file`.

    Code that clang made of several lines, which DWARF gives no line either, counts as the line before it.
    """
    from elftools.elf.elffile import ELFFile

    dwarf = ELFFile(io.BytesIO(elf)).get_dwarf_info(relocate_dwarf_sections=False)
    table: dict[int, int | None] = {}
    for unit in dwarf.iter_CUs():
        program = dwarf.line_program_for_CU(unit)
        if program is None:
            continue
        first = 0 if program.header.version >= 5 else 1
        names = [_file_name(dwarf, entry) for entry in program.header.file_entry]
        for entry in program.get_entries():
            state = entry.state
            if state is None or state.end_sequence:
                continue
            index = state.file - first
            known = 0 <= index < len(names) and names[index] == os.path.basename(main_file)
            table[state.address // 8] = state.line if known else None
    result: list[tuple[int, int]] = []
    for insn, found in sorted(table.items()):
        line = 0 if found is None else found or (result[-1][1] if result else 0)
        if not result or result[-1][1] != line:
            result.append((insn, line))
    return result


def _file_name(dwarf: object, entry: object) -> str:
    name = getattr(entry, "name", b"")
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return os.path.basename(text)
