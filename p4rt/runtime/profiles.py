# SPDX-License-Identifier: Apache-2.0
"""What entries have in the place of an action: a member or group of a profile; and what is in a group."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import NUMBER_SIZE, Table
from p4rt.runtime.values import parse_integer

MAX_NUMBER = (1 << 32) - 1
_MEMBER = re.compile(r"([^:\s]+)(?::([^:\s]+))?\Z")


@dataclass(frozen=True, slots=True)
class Reference:
    """A member of the profile of `table`, or where that is 0, a group of it."""

    table: Table
    member: int
    group: int

    def encode(self) -> bytes:
        """The map value."""
        numbers = self.member.to_bytes(NUMBER_SIZE, "little") + self.group.to_bytes(NUMBER_SIZE, "little")
        return numbers.ljust(self.table.value_size, b"\0")

    @classmethod
    def decode(cls, table: Table, data: bytes) -> Reference:
        """Reads a map value back."""
        member, group = (int.from_bytes(data[n : n + NUMBER_SIZE], "little") for n in (0, NUMBER_SIZE))
        return cls(table, 0 if group else member, group)

    def format(self) -> str:
        """The reference as text, `member(3)` or `group(7)`."""
        return f"group({self.group})" if self.group else f"member({self.member})"


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a group with their weights, in order."""

    table: Table
    members: tuple[tuple[int, int], ...]

    def encode(self) -> bytes:
        """The map value: how many places are taken, and whose they are; a member has its weight of them."""
        places = [member for member, weight in self.members for _ in range(weight)]
        data = b"".join(number.to_bytes(NUMBER_SIZE, "little") for number in (len(places), *places))
        return data.ljust(self.table.value_size, b"\0")

    @classmethod
    def decode(cls, table: Table, data: bytes) -> Members:
        """Reads a map value back."""
        numbers = [
            int.from_bytes(data[at : at + NUMBER_SIZE], "little") for at in range(0, len(data), NUMBER_SIZE)
        ]
        places = numbers[1 : 1 + min(numbers[0], table.max_members)]
        return cls(table, tuple((member, len(list(same))) for member, same in itertools.groupby(places)))

    def format(self) -> str:
        """The members as text, such as `[1,2:3]`; member 2 has weight 3."""
        texts = (str(member) if weight == 1 else f"{member}:{weight}" for member, weight in self.members)
        return f"[{','.join(texts)}]"


def parse_reference(table: Table, name: str, arguments: list[tuple[str, str]]) -> Reference:
    """Reads `member(3)` or `group(7)`, cut into name and arguments."""
    if name not in ("member", "group") or len(arguments) != 1:
        raise InputError(
            f"the entries of table {table.name} have no actions, but member(N) or group(N) of profile"
            f" {table.profile}"
        )
    number = parse_number(arguments[0][1], name)
    return Reference(table, number, 0) if name == "member" else Reference(table, 0, number)


def parse_number(text: str, what: str) -> int:
    """Reads the number of a member or group; 0 is none."""
    number = parse_integer(text.strip())
    if number is None or not 1 <= number <= MAX_NUMBER:
        raise InputError(f"'{text}' is not the number of a {what} (1 to {MAX_NUMBER})")
    return number


def parse_members(table: Table, text: str) -> Members:
    """Reads `[1,2:3]`: members with their weights."""
    if not text.startswith("[") or not text.endswith("]"):
        raise InputError(f"'{text}' is not [MEMBER:WEIGHT,...]")
    found: list[tuple[int, int]] = []
    for part in text[1:-1].replace(",", " ").split():
        match = _MEMBER.match(part)
        weight = parse_integer(match[2] or "1") if match else None
        if match is None or weight is None or weight < 1:
            raise InputError(f"'{part}' is not MEMBER:WEIGHT, with a weight from 1 on")
        number = parse_number(match[1], "member")
        if any(number == other for other, _ in found):
            raise InputError(f"member {number} is given twice")
        found.append((number, weight))
    total = sum(weight for _, weight in found)
    if total > table.max_members:
        raise InputError(
            f"the weights of a group of {table.name} add up to {table.max_members} at most, not {total}"
        )
    return Members(table, tuple(found))
