# SPDX-License-Identifier: Apache-2.0
"""Numbers and short names of what the control plane sees, as P4Runtime wants them.

An id is a byte for the kind of object and 24 bits that are, unless `@id` gives them, Jenkins' one-at-a-time
hash of the full name, or where that is taken, the next free number.  So an id stays when the program around
it changes, and agrees with that of other compilers that do the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from enum import IntEnum

from p4rt.compiler.backend.catalog import Catalog
from p4rt.compiler.frontend import ast


class Prefix(IntEnum):
    """The top byte of an id (P4Runtime specification, P4Ids.Prefix)."""

    ACTION = 0x01
    TABLE = 0x02
    VALUE_SET = 0x03
    CONTROLLER_HEADER = 0x04
    ACTION_PROFILE = 0x11
    COUNTER = 0x12
    DIRECT_COUNTER = 0x13
    METER = 0x14
    DIRECT_METER = 0x15
    REGISTER = 0x16
    DIGEST = 0x17


_BASE = (1 << 24) - 1


def one_at_a_time(text: str) -> int:
    """Bob Jenkins' one-at-a-time hash of the UTF-8 bytes, 32 bits."""
    value = 0
    for byte in text.encode():
        value = (value + byte) & 0xFFFFFFFF
        value = (value + (value << 10)) & 0xFFFFFFFF
        value ^= value >> 6
    value = (value + (value << 3)) & 0xFFFFFFFF
    value ^= value >> 11
    return (value + (value << 15)) & 0xFFFFFFFF


class Identifiers:
    """Ids and aliases of what a program shows to the control plane, by kind and full name."""

    def __init__(self, catalog: Catalog) -> None:
        self._ids: dict[tuple[Prefix, str], int] = {}
        self._aliases: dict[tuple[Prefix, str], str] = {}
        self.repeated: list[tuple[ast.Annotation, str]] = []
        """Each `@id` that another object of its kind has, and what that is called."""
        self._add(Prefix.TABLE, [(table.name, table.decl) for table in catalog.tables])
        self._add(Prefix.ACTION, [(action.name, action.decl) for action in catalog.actions.values()])
        self._add(Prefix.VALUE_SET, [(item.name, item.decl) for item in catalog.value_sets])
        self._add(Prefix.ACTION_PROFILE, [(item.name, item.decl) for item in catalog.profiles])
        self._add(Prefix.REGISTER, [(register.name, register.decl) for register in catalog.registers])
        self._add(Prefix.COUNTER, [(item.name, item.decl) for item in catalog.counters])
        self._add(Prefix.METER, [(item.name, item.decl) for item in catalog.meters])
        self._add(Prefix.DIGEST, [(item.name, item.decl) for item in catalog.digests])
        for prefix, meters in ((Prefix.DIRECT_COUNTER, False), (Prefix.DIRECT_METER, True)):
            same = [item for item in catalog.direct if item.is_meter == meters]
            self._add(prefix, [(item.name, item.decl) for item in same])
        self._add(Prefix.CONTROLLER_HEADER, [(item.name, item.decl) for item in catalog.controller_headers])

    def id_of(self, prefix: Prefix, name: str) -> int:
        """The id of an object."""
        return self._ids[prefix, name]

    def alias_of(self, prefix: Prefix, name: str) -> str:
        """The shortest end of the name, cut at dots, that no other object of the kind has."""
        return self._aliases[prefix, name]

    def _add(self, prefix: Prefix, objects: list[tuple[str, ast.Node | None]]) -> None:
        taken: dict[int, str] = {}
        rest: list[str] = []
        for name, node in objects:
            given = _given_id(node)
            if given is None:
                rest.append(name)
            elif given in taken:
                note = ast.annotation(node, "id") if node is not None else None
                assert note is not None
                self.repeated.append((note, taken[given]))
            else:
                taken[given] = name
                self._ids[prefix, name] = prefix << 24 | given
        for name in sorted(rest):
            number = one_at_a_time(name) & _BASE
            while number == 0 or number in taken:
                number = (number + 1) & _BASE
            taken[number] = name
            self._ids[prefix, name] = prefix << 24 | number
        users = Counter(end for name, _ in objects for end in _ends(name))
        for name, _ in objects:
            self._aliases[prefix, name] = next((end for end in _ends(name) if users[end] == 1), name)


def _given_id(node: ast.Node | None) -> int | None:
    note = ast.annotation(node, "id") if node is not None else None
    if note is not None and note.exprs and isinstance(note.exprs[0], ast.IntLit):
        return note.exprs[0].value & _BASE
    return None


def _ends(name: str) -> Iterator[str]:
    """What a name may be shortened to, from its last part to all of it."""
    parts = name.split(".")
    return (".".join(parts[at:]) for at in reversed(range(len(parts))))
