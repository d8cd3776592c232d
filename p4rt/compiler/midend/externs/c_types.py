# SPDX-License-Identifier: Apache-2.0
"""How P4 types look in the C that a user writes for an extern: docs/externs.md says it for people."""

from __future__ import annotations

import re
from collections.abc import Iterator

from p4rt.compiler.analysis import types as t
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.layout import natural_size
from p4rt.compiler.records import record

_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int
    long register restrict return short signed sizeof static struct switch typedef union unsigned void
    volatile while asm typeof
"""
_KEYWORDS = frozenset(_WORDS.split())
VALID = "is_valid"
"""The member that says whether a header is valid."""


@record
class CType:
    """A type in C: `text` names it; `leaves` are offset, bytes, bits and sign of the scalars in it."""

    text: str
    size: int
    alignment: int
    leaves: tuple[Leaf, ...]
    count: int = 0
    """Elements of an array of words, 0 for what is none."""

    @property
    def by_value(self) -> bool:
        """Is it passed by value?  Composed and wide values are passed by pointer."""
        return not self.count and not self.text.startswith("struct ")

    def member(self, name: str) -> str:
        """A declaration of a member of this type."""
        return f"{self.text} {name}[{self.count}]" if self.count else f"{self.text} {name}"


@record
class Leaf:
    """A scalar inside a C object."""

    offset: int
    size: int
    width: int
    signed: bool


class CTypes:
    """The C types of one program; `definitions` are those of its structs, in the order of need."""

    def __init__(self) -> None:
        self.definitions: list[str] = []
        self._structs: dict[str, CType] = {}

    def of(self, type_: t.Type) -> CType:
        """The C type of a P4 type.

        Raises:
            Unsupported: there is none.
        """
        plain = t.strip(type_)
        if isinstance(plain, t.BoolType):
            return CType("_Bool", 1, 1, (Leaf(0, 1, 1, False),))
        width = storage.scalar_width(plain)
        if width is not None:
            return _number(width, storage.is_signed(plain))
        if isinstance(plain, t.StructType | t.HeaderType):
            return self._struct(plain)
        raise storage.Unsupported(f"passing a {type_} to a function in C is")

    def _struct(self, type_: t.StructType | t.HeaderType) -> CType:
        tag = re.sub(r"\W+", "_", str(type_)).strip("_")
        known = self._structs.get(tag)
        if known is not None:
            return known
        members: list[str] = []
        leaves: list[Leaf] = []
        end, alignment = 0, 1
        for name, item in self._members(type_):
            end = -(-end // item.alignment) * item.alignment
            leaves += shifted(item.leaves, end)
            end += item.size
            alignment = max(alignment, item.alignment)
            members.append(f"    {item.member(name)};")
        if not members:
            raise storage.Unsupported(f"passing a {type_} without fields to a function in C is")
        size = -(-end // alignment) * alignment
        made = CType(f"struct {tag}", size, alignment, tuple(leaves))
        text = "\n".join([f"struct {tag} {{", *members, "};"])
        self.definitions.append(f"{text}\n_Static_assert(sizeof(struct {tag}) == {size}, \"\");")
        self._structs[tag] = made
        return made

    def _members(self, type_: t.StructType | t.HeaderType) -> Iterator[tuple[str, CType]]:
        for field in type_.fields:
            clash = field.name in _KEYWORDS or (field.name == VALID and isinstance(type_, t.HeaderType))
            yield f"{field.name}_" if clash else field.name, self.of(field.type)
        if isinstance(type_, t.HeaderType):
            yield VALID, self.of(t.BoolType())


def shifted(leaves: tuple[Leaf, ...], by: int) -> list[Leaf]:
    """The leaves `by` bytes later."""
    return [Leaf(leaf.offset + by, leaf.size, leaf.width, leaf.signed) for leaf in leaves]


def _number(width: int, signed: bool) -> CType:
    size = natural_size(width)
    leaf = (Leaf(0, size, width, signed),)
    if size > 8:
        return CType("uint64_t", size, 8, leaf, size // 8)
    return CType(f"{'' if signed else 'u'}int{8 * size}_t", size, size, leaf)
