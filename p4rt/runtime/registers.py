# SPDX-License-Identifier: Apache-2.0
"""Reading and writing register arrays by name."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import ProgramInfo, Register
from p4rt.runtime.maps import MapInfo, MapStore, find_map
from p4rt.runtime.names import resolve
from p4rt.runtime.references import parse_index, split_reference
from p4rt.runtime.values import format_value, parse_value, plain_value

_KEY = struct.Struct("<I")


@dataclass(frozen=True)
class Element:
    """One element of a register: unsigned patterns in the order of its members."""

    register: Register
    index: int
    values: tuple[int, ...]

    def format(self) -> str:
        """`pipe.seen[3]=17`, or `pipe.seen[3]={a=1,b=2}` for a struct."""
        fields = list(zip(self.register.value, self.values, strict=True))
        if len(fields) == 1 and not fields[0][0].name:
            text = format_value(self.values[0], fields[0][0])
        else:
            text = "{" + ",".join(f"{f.name}={format_value(v, f)}" for f, v in fields) + "}"
        return f"{self.register.name}[{self.index}]={text}"

    def to_json(self) -> dict[str, Any]:
        """The element as plain values."""
        fields = list(zip(self.register.value, self.values, strict=True))
        value: Any = {f.name: plain_value(v, f) for f, v in fields}
        if list(value) == [""]:
            value = value[""]
        return {"register": self.register.name, "index": self.index, "value": value}

    def encode(self) -> bytes:
        """The map value."""
        buffer = bytearray(self.register.value_size)
        for field, value in zip(self.register.value, self.values, strict=True):
            field.store(buffer, value)
        return bytes(buffer)

    @classmethod
    def decode(cls, register: Register, index: int, data: bytes) -> Element:
        """Reads a map value back."""
        return cls(register, index, tuple(f.load(data) for f in register.value))


class Registers:
    """The registers that `info` describes, whose maps are in `store`."""

    def __init__(self, info: ProgramInfo, store: MapStore) -> None:
        self._info = info
        self._store = store

    def find(self, text: str) -> tuple[Register, int | None]:
        """The register, and the index if one is given, that `NAME[INDEX]` or `NAME` names."""
        name, inside = split_reference(text)
        program = f"program {self._info.program}" if self._info.program else "the program"
        register = resolve(name, self._info.registers, "register", program)
        if inside is None:
            return register, None
        return register, parse_index(inside, register.size, f"register {register.name}")

    def _map(self, register: Register) -> MapInfo:
        info = find_map(self._store, register.map)
        if (info.key_size, info.value_size) != (_KEY.size, register.value_size):
            raise InputError(f"register {register.name}: the program's information does not fit its map")
        return info

    def read(self, register: Register, index: int) -> Element:
        """Reads one element."""
        value = self._store.lookup(self._map(register), _KEY.pack(index))
        if value is None:
            raise InputError(f"register {register.name} has no element {index}")
        return Element.decode(register, index, value)

    def read_nonzero(self, register: Register) -> Iterator[Element]:
        """Reads all elements that are not zero, by index."""
        entries = [(k, v) for k, v in self._store.dump(self._map(register)) if any(v)]
        for key, value in sorted(entries, key=lambda e: int.from_bytes(e[0], "little")):
            yield Element.decode(register, int.from_bytes(key, "little"), value)

    def parse(self, register: Register, index: int, text: str) -> Element:
        """Reads the text of a value: `17`, or `{a=1,b=2}` for a struct, of which all members must
        be given."""
        fields = register.value
        if len(fields) == 1 and not fields[0].name:
            named = type(fields[0])(**{**vars(fields[0]), "name": register.name})
            return Element(register, index, (parse_value(text, named),))
        found: dict[str, int] = {}
        for part in text.strip().strip("{}").split(","):
            name, equals, value = part.partition("=")
            if not equals:
                members = ", ".join(f.name for f in fields)
                raise InputError(f"'{part}' is not MEMBER=VALUE (members: {members})")
            field = resolve(name, fields, "member", f"register {register.name}")
            found[field.name] = parse_value(value, field)
        missing = [f.name for f in fields if f.name not in found]
        if missing:
            raise InputError(f"register {register.name}: no value for {', '.join(missing)}")
        return Element(register, index, tuple(found[f.name] for f in fields))

    def write(self, element: Element) -> None:
        """Writes one element whole."""
        info = self._map(element.register)
        self._store.update(info, [(_KEY.pack(element.index), element.encode())])
