# SPDX-License-Identifier: Apache-2.0
"""Which line each instruction comes from: the line programs of DWARF 4, section 6.2."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_LENGTH, _HEADER = struct.Struct("<I"), struct.Struct("<HI")
_FIXED = struct.Struct("<BBBbBB")
_VERSION = 4
_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE_PC = 1, 2, 3, 4, 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2


def rows(section: bytes) -> Iterator[tuple[int, str, int]]:
    """Address, name of the file without folders, and line, from `.debug_line`; line 0 where there is none."""
    at = 0
    while at < len(section):
        (length,) = _LENGTH.unpack_from(section, at)
        at += _LENGTH.size
        yield from _Unit(section[at : at + length]).rows()
        at += length


class _Unit:
    """The lines of one compilation unit."""

    def __init__(self, data: bytes) -> None:
        version, length = _HEADER.unpack_from(data)
        assert version == _VERSION, version
        self._data = data
        self._at = _HEADER.size
        self._end_of_header = self._at + length
        fixed = _FIXED.unpack_from(data, self._at)
        self._unit, _, _, self._line_base, self._line_range, self._opcode_base = fixed
        self._at += _FIXED.size
        self._operands = data[self._at : self._at + self._opcode_base - 1]
        self._at += len(self._operands)
        while self._text():
            pass  # Folders.
        self._files = [""]
        while name := self._text():
            self._files.append(name.rpartition("/")[2])
            for _ in range(3):  # Folder, time and size.
                self._number()

    def rows(self) -> Iterator[tuple[int, str, int]]:
        """What the program says, row by row."""
        self._at = self._end_of_header
        address, file, line = 0, 1, 1
        while self._at < len(self._data):
            opcode = self._byte()
            if opcode >= self._opcode_base:
                advance, step = divmod(opcode - self._opcode_base, self._line_range)
                address += advance * self._unit
                line += self._line_base + step
                yield address, self._files[file], line
            elif opcode == 0:
                size = self._number()
                kind, operand = self._data[self._at], self._data[self._at + 1 : self._at + size]
                self._at += size
                if kind == _END_SEQUENCE:
                    address, file, line = 0, 1, 1
                elif kind == _SET_ADDRESS:
                    address = int.from_bytes(operand, "little")
            elif opcode == _COPY:
                yield address, self._files[file], line
            elif opcode == _ADVANCE_PC:
                address += self._number() * self._unit
            elif opcode == _ADVANCE_LINE:
                line += self._signed()
            elif opcode == _SET_FILE:
                file = self._number()
            elif opcode == _CONST_ADD_PC:
                address += (255 - self._opcode_base) // self._line_range * self._unit
            elif opcode == _FIXED_ADVANCE_PC:
                address += self._byte() | self._byte() << 8
            else:
                for _ in range(self._operands[opcode - 1]):  # Columns and other things not asked for.
                    self._number()

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _text(self) -> str:
        end = self._data.index(0, self._at)
        text = self._data[self._at : end].decode(errors="replace")
        self._at = end + 1
        return text

    def _number(self) -> int:
        """LEB128, unsigned."""
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    def _signed(self) -> int:
        """LEB128, signed."""
        start = self._at
        number = self._number()
        bits = 7 * (self._at - start)
        return number - (1 << bits) if number >> (bits - 1) else number
