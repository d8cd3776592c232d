# SPDX-License-Identifier: Apache-2.0
"""Takes an object with several programs apart: one object for each, with its own maps."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_REL = struct.Struct("<QQ")
_PROGBITS, _SYMTAB, _STRTAB, _REL_TYPE = 1, 2, 3, 9
_MAP_SIZE = 28


@dataclass(frozen=True)
class Symbol:
    """A global name: where it is in its section, and its ELF type and size."""

    name: str
    info: int
    value: int
    size: int


@dataclass(frozen=True)
class Part:
    """A program: code, relocations (place, type, index of a map), its function and its maps."""

    code: bytes
    relocations: tuple[tuple[int, int, int], ...]
    function: Symbol
    maps: bytes
    map_symbols: tuple[Symbol, ...]

    def object(self, more: dict[str, bytes]) -> bytes:
        """The ELF object, with `more` sections."""
        symbols = [Symbol("", 0, 0, 0), self.function, *self.map_symbols]
        places = [0, 1, *(2 for _ in self.map_symbols)]
        strings = [item.name.encode() + b"\0" for item in symbols]
        starts = [0, *accumulate(len(text) for text in strings)]
        table = b"".join(
            _SYMBOL.pack(start, item.info, 0, place, item.value, item.size)
            for start, item, place in zip(starts, symbols, places, strict=False)
        )
        relocations = b"".join(
            _REL.pack(at, (2 + index) << 32 | kind) for at, kind, index in self.relocations
        )
        sections: list[tuple[str, int, bytes, int, int, int]] = [
            ("prog", _PROGBITS, self.code, 0, 0, 0),
            ("maps", _PROGBITS, self.maps, 0, 0, 0),
            (".relprog", _REL_TYPE, relocations, 4, 1, _REL.size),
            (".symtab", _SYMTAB, table, 5, 1, _SYMBOL.size),
            (".strtab", _STRTAB, b"".join(strings), 0, 0, 0),
            *((name, _PROGBITS, data, 0, 0, 0) for name, data in more.items()),
        ]
        return _elf(sections)


def _elf(sections: list[tuple[str, int, bytes, int, int, int]]) -> bytes:
    """An object of sections: name, type, data, link, info, entry size."""
    names = ["", *(item[0] for item in sections), ".shstrtab"]
    texts = [name.encode() + b"\0" for name in names]
    starts = list(accumulate((len(text) for text in texts), initial=0))
    sections = [*sections, (".shstrtab", _STRTAB, b"".join(texts), 0, 0, 0)]
    data = bytearray(_HEADER.size)
    headers = [bytes(_SECTION.size)]
    for start, (name, kind, content, link, info, entry) in zip(starts[1:], sections, strict=False):
        data += bytes(-len(data) % 8)
        flags = {"prog": 6, "maps": 3}.get(name, 0)
        headers.append(_SECTION.pack(start, kind, flags, 0, len(data), len(content), link, info, 8, entry))
        data += content
    data += bytes(-len(data) % 8)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    count = len(headers)
    header = _HEADER.pack(ident, 1, 247, 1, 0, 0, len(data), 0, 64, 0, 0, 64, count, count - 1)
    data[: len(header)] = header
    return bytes(data) + b"".join(headers)


def split(elf: bytes, prefixes: Sequence[str]) -> list[Part]:
    """The programs of an object: sections and names of each begin with its prefix."""
    fields = _HEADER.unpack_from(elf)
    offset, number, names_at = fields[6], fields[12], fields[13]
    headers = [_SECTION.unpack_from(elf, offset + n * _SECTION.size) for n in range(number)]
    names = _content(elf, headers[names_at])
    sections = {_text(names, header[0]): (n, header) for n, header in enumerate(headers)}
    symtab = next(header for header in headers if header[1] == _SYMTAB)
    strings = _content(elf, headers[symtab[6]])
    symbols = [_SYMBOL.unpack_from(elf, at) for at in range(symtab[4], symtab[4] + symtab[5], _SYMBOL.size)]
    parts = []
    for prefix in prefixes:
        prog, code_header = sections[f"{prefix}prog"]
        code = _content(elf, code_header)
        place, header = sections.get(f"{prefix}maps", (-1, None))
        maps = _content(elf, header) if header is not None else b""
        mine = {
            n: Symbol(_text(strings, s[0]).removeprefix(prefix), s[1], s[4], s[5])
            for n, s in enumerate(symbols)
            if s[3] in (prog, place) and s[0]
        }
        functions = [item for n, item in mine.items() if symbols[n][3] == prog and symbols[n][1] & 0xF == 2]
        map_numbers = [n for n in mine if symbols[n][3] == place]
        relocations = []
        rel = sections.get(f".rel{prefix}prog")
        for at in range(0, rel[1][5] if rel is not None else 0, _REL.size):
            assert rel is not None
            where, info = _REL.unpack_from(elf, rel[1][4] + at)
            relocations.append((where, info & 0xFFFFFFFF, map_numbers.index(info >> 32)))
        maps_symbols = tuple(mine[n] for n in map_numbers)
        assert len(functions) == 1 and len(maps) == _MAP_SIZE * len(maps_symbols)
        parts.append(Part(code, tuple(relocations), functions[0], maps, maps_symbols))
    return parts


def _content(elf: bytes, header: tuple[int, ...]) -> bytes:
    return elf[header[4] : header[4] + header[5]]


def _text(strings: bytes, at: int) -> str:
    return strings[at : strings.index(b"\0", at)].decode()
