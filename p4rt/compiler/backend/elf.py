# SPDX-License-Identifier: Apache-2.0
"""The object that clang makes, as far as the compiler reads and changes it: ELF, 64 bits, little endian."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

from p4rt.compiler.records import record, replace

_HEADER = struct.Struct("<40sQIHHHHHH")
"""What the compiler leaves alone, the place of the section headers, more, and their number."""
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QII")
_PROGBITS, _SYMTAB, _STRTAB, _NOBITS, _REL = 1, 2, 3, 8, 9
_FILE = 4
_RESERVED = 0xFF00
"""Section numbers from here on are no numbers of sections."""
_FOR_TOOLS = (".debug_", ".BTF", ".llvm_addrsig")
"""What names of sections begin with that only debuggers and linkers read."""


@record
class Section:
    """A section; `link` and `info` are numbers of sections or of a symbol, as its type says."""

    name: str
    type: int
    flags: int
    data: bytes
    size: int
    link: int
    info: int
    align: int
    entry_size: int


def sections(elf: bytes) -> list[Section]:
    """The sections of an object of clang's."""
    _, place, _, _, _, _, _, number, names = _HEADER.unpack_from(elf)
    headers = [_SECTION.unpack_from(elf, place + index * _SECTION.size) for index in range(number)]
    name_place = headers[names][4]
    found = []
    for name, kind, flags, _, at, size, link, info, align, entry_size in headers:
        data = b"" if kind == _NOBITS else elf[at : at + size]
        text = _string(elf, name_place + name)
        found.append(Section(text, kind, flags, data, size, link, info, align, entry_size))
    return found


def finish(elf: bytes, added: Mapping[str, bytes]) -> bytes:
    """`elf` without what only debuggers and linkers read, and with the sections `added`."""
    before = sections(elf)
    kept = [number for number, section in enumerate(before) if not _is_for_tools(section, before)]
    section_numbers = {old: new for new, old in enumerate(kept)}
    strings = _Strings()
    symbol_numbers: dict[int, int] = {}
    after = [before[number] for number in kept]
    for number, section in enumerate(after):  # Symbols first: relocations name them by number.
        if section.type == _SYMTAB:
            names = before[section.link].data
            after[number] = _symbols(section, names, section_numbers, symbol_numbers, strings)
    for number, section in enumerate(after):
        if section.type == _REL:
            data = b"".join(_relocations(section, symbol_numbers))
            link, info = section_numbers[section.link], section_numbers[section.info]
            after[number] = replace(section, data=data, link=link, info=info)
    after += [Section(name, _PROGBITS, 0, data, len(data), 0, 0, 1, 0) for name, data in added.items()]
    named = [strings.add(section.name) for section in after]
    table = next(number for number, section in enumerate(after) if section.type == _STRTAB)
    after[table] = replace(after[table], data=bytes(strings.data), size=len(strings.data))
    return _written(elf, after, named, table)


def _is_for_tools(section: Section, all_sections: list[Section]) -> bool:
    about = all_sections[section.info] if section.type == _REL else section
    return about.name.startswith(_FOR_TOOLS)


class _Strings:
    """A table of strings."""

    def __init__(self) -> None:
        self.data = bytearray(b"\0")
        self._places = {"": 0}

    def add(self, text: str) -> int:
        """The place of a string."""
        place = self._places.setdefault(text, len(self.data))
        if place == len(self.data):
            self.data += text.encode() + b"\0"
        return place


def _symbols(
    table: Section, names: bytes, section_numbers: dict[int, int], numbers: dict[int, int], strings: _Strings
) -> Section:
    """The symbol table without files and what was in sections that are gone; fills `numbers`, new by old."""
    kept: list[bytes] = []
    local = 0
    for number, (name, info, other, section, value, size) in enumerate(_SYMBOL.iter_unpack(table.data)):
        if (section < _RESERVED and section not in section_numbers) or info & 0xF == _FILE:
            continue
        numbers[number] = len(kept)
        local += number < table.info
        if section < _RESERVED:
            section = section_numbers[section]
        kept.append(_SYMBOL.pack(strings.add(_string(names, name)), info, other, section, value, size))
    data = b"".join(kept)
    return replace(table, data=data, size=len(data), link=section_numbers[table.link], info=local)


def _relocations(section: Section, symbol_numbers: dict[int, int]) -> Iterator[bytes]:
    for place, kind, symbol in _RELOCATION.iter_unpack(section.data):
        yield _RELOCATION.pack(place, kind, symbol_numbers[symbol])


def _written(elf: bytes, all_sections: list[Section], names: list[int], table: int) -> bytes:
    """The object; `names` are places in the string table, which is the section `table`."""
    written = bytearray(_HEADER.size)
    headers = []
    for name, section in zip(names, all_sections, strict=True):
        written += bytes(-len(written) % max(section.align, 1))
        place = len(written) if section.type else 0
        headers.append(
            _SECTION.pack(
                name, section.type, section.flags, 0, place, section.size,
                section.link, section.info, section.align, section.entry_size,
            )
        )  # fmt: skip
        written += section.data
    written += bytes(-len(written) % 8)
    first, _, flags, *sizes, _, _ = _HEADER.unpack_from(elf)
    written[: _HEADER.size] = _HEADER.pack(first, len(written), flags, *sizes, len(headers), table)
    return bytes(written + b"".join(headers))


def _string(table: bytes, place: int) -> str:
    return table[place : table.index(0, place)].decode()
