# SPDX-License-Identifier: Apache-2.0
"""P4 values and variables as trees whose leaves are target IR expressions.

A struct of two fields is a `Record` of two expressions; a header has a validity bit beside its fields; a
stack has elements and the index of the next free one.  A tree whose leaves are all `ir.Var` is a place to
store to.  A varbit has its size beside its bits, which are in words from the first one on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.records import record
from p4rt.compiler.source import Span

ENUM_WIDTH = 32
"""Bits of an enum without representation, and of `error`."""
MAX_WIDTH = 4096
"""Bits of the widest integer; even that one needs an eighth of the program's stack."""
MAX_VARBIT = 16384
"""Bits of the longest varbit: an IPv6 extension header's, with as much to spare."""
INDEX_WIDTH = 32
"""Bits of a stack's indexes, as the language says."""


@record(eq=False)
class Record:
    """A struct, tuple (fields '0', '1', ...) or header; `valid` is one bit for a header, else None."""

    fields: dict[str, Tree]
    valid: ir.Expr | None = None


@record(eq=False)
class Stack:
    """A header stack; `next` is the language's `nextIndex`."""

    elements: tuple[Tree, ...]
    next: ir.Expr


@record(eq=False)
class Varbit:
    """A varbit: `size` in bytes (64 bits wide), at most `limit`, and its bytes, eight in each word.

    The first byte is the most significant one of the first word.  Bytes after the last one are zero.
    """

    size: ir.Expr
    words: tuple[ir.Expr, ...]
    limit: int


Tree = ir.Expr | Record | Stack | Varbit


class Unsupported(Exception):
    """A construct that this compiler does not implement; the message completes '... not supported'.

    `span` is the place, where it is another one than that of the statement at hand.
    """

    def __init__(self, message: str, span: Span | None = None) -> None:
        super().__init__(message)
        self.span = span


def scalar_width(type_: t.Type) -> int | None:
    """Bits of a type that one expression holds; None for composed types, and for bit<0>, an empty one."""
    match t.strip(type_):
        case t.BitType(0):
            return None
        case t.BitType(width) | t.IntType(width):
            if width > MAX_WIDTH:
                raise Unsupported(f"the type {type_} (more than {MAX_WIDTH} bits) is")
            return width
        case t.BoolType():
            return 1
        case t.EnumType() | t.ErrorType() | t.MatchKindType():
            return ENUM_WIDTH
    return None


def is_signed(type_: t.Type) -> bool:
    """Is it a two's complement integer?"""
    return isinstance(t.strip(type_), t.IntType)


def fields_of(type_: t.Type) -> list[tuple[str, t.Type]] | None:
    """Names and types of the parts of a struct, header or tuple (none of a bit<0>), else None."""
    match type_:
        case t.BitType(0):
            return []
        case t.RecordType() | t.AnonymousStructType():
            return [(item.name, item.type) for item in type_.fields]
        case t.TupleType(elements):
            return [(str(index), element) for index, element in enumerate(elements)]
    return None


def make(type_: t.Type, name: str, leaf: Callable[[str, int], ir.Expr]) -> Tree:
    """The tree for `type_`, its leaves made by `leaf(name, width)`."""
    type_ = t.strip(type_)
    width = scalar_width(type_)
    if width is not None:
        return leaf(name, width)
    parts = fields_of(type_)
    if parts is not None:
        fields: dict[str, Tree] = {}
        for field, part in parts:
            try:
                fields[field] = make(part, f"{name}_{field}", leaf)
            except Unsupported as problem:
                raise Unsupported(str(problem), problem.span or _field_span(type_, field)) from None
        valid = leaf(f"{name}_valid", 1) if isinstance(type_, t.HeaderType) else None
        return Record(fields, valid)
    if isinstance(type_, t.StackType):
        elements = tuple(make(type_.element, f"{name}_{i}", leaf) for i in range(type_.size))
        return Stack(elements, leaf(f"{name}_next", INDEX_WIDTH))
    if isinstance(type_, t.VarbitType):
        if type_.width > MAX_VARBIT:
            raise Unsupported(f"the type {type_} (more than {MAX_VARBIT} bits) is")
        words = tuple(leaf(f"{name}_word{i}", ir.WORD) for i in range((type_.width + ir.WORD - 1) // ir.WORD))
        return Varbit(leaf(f"{name}_size", ir.WORD), words, type_.width // 8)
    raise Unsupported(f"values of type {type_} are")


def _field_span(type_: t.Type, name: str) -> Span | None:
    for item in getattr(type_, "fields", ()):
        if item.name == name and item.decl is not None:
            span: Span = item.decl.span
            return span
    return None


def zero(type_: t.Type) -> Tree:
    """Zeros; headers invalid."""
    return make(type_, "", lambda _, width: build.const(0, width))


def stacks(tree: Tree) -> Iterator[Stack]:
    """All header stacks in it."""
    match tree:
        case Record(fields):
            for item in fields.values():
                yield from stacks(item)
        case Stack(elements):
            yield tree
            for element in elements:
                yield from stacks(element)


def leaves(tree: Tree) -> Iterator[ir.Expr]:
    """All leaves in order, validity bits after the fields."""
    match tree:
        case Record(fields, valid):
            for item in fields.values():
                yield from leaves(item)
            if valid is not None:
                yield valid
        case Stack(elements, next_):
            for element in elements:
                yield from leaves(element)
            yield next_
        case Varbit(size, words):
            yield from words
            yield size
        case _:
            yield tree


def validities(tree: Tree) -> Iterator[ir.Var]:
    """The validity of all headers in order."""
    match tree:
        case Record(fields, valid):
            for item in fields.values():
                yield from validities(item)
            if isinstance(valid, ir.Var):
                yield valid
        case Stack(elements, _):
            for element in elements:
                yield from validities(element)


def data_leaves(tree: Tree) -> Iterator[ir.Expr]:
    """The leaves that are data: fields, without validity bits and indexes.

    Raises:
        Unsupported: there is a varbit among them, which has no fixed place; see `packet_parts`.
    """
    match tree:
        case Record(fields):
            for item in fields.values():
                yield from data_leaves(item)
        case Stack(elements):
            for element in elements:
                yield from data_leaves(element)
        case Varbit():
            raise Unsupported("a varbit among the data is")
        case _:
            yield tree


@record(eq=False)
class PacketParts:
    """A header as it is in a packet: the fields in front of its varbit, that, and the fields after it."""

    before: list[ir.Expr]
    varbit: Varbit | None
    after: list[ir.Expr]

    @property
    def fixed_size(self) -> int:
        """Bytes without the varbit."""
        return bytes_of(self.before) + bytes_of(self.after)


def bytes_of(leaves_: list[ir.Expr]) -> int:
    """Bytes that values fill; their bits must be a multiple of 8."""
    width = sum(leaf.width for leaf in leaves_)
    assert width % 8 == 0, width
    return width // 8


def packet_parts(header: Record, name: str) -> PacketParts:
    """The parts of a header called `name`.

    Raises:
        Unsupported: the parts do not fill bytes.
    """
    parts: list[list[ir.Expr]] = [[], []]
    varbit: Varbit | None = None
    for item in header.fields.values():
        if isinstance(item, Varbit):
            varbit = item
        else:
            parts[varbit is not None] += data_leaves(item)
    before, after = (sum(leaf.width for leaf in part) for part in parts)
    if varbit is not None and before % 8:
        raise Unsupported(f"{name}, whose varbit does not start at a byte, is")
    if (before + after) % 8:
        raise Unsupported(f"{name} of {before + after} bits, not a number of bytes, is")
    return PacketParts(parts[0], varbit, parts[1])


def combine(function: Callable[[list[ir.Expr]], ir.Expr], *trees: Tree) -> Tree:
    """The tree of the same shape as all `trees`, each leaf made of the leaves at its place."""
    first = trees[0]
    match first:
        case Record(fields, valid):
            records = [tree for tree in trees if isinstance(tree, Record)]
            parts = {name: combine(function, *(record.fields[name] for record in records)) for name in fields}
            if valid is None:
                return Record(parts)
            return Record(parts, function([r.valid if r.valid is not None else build.TRUE for r in records]))
        case Stack(elements):
            stacks = [tree for tree in trees if isinstance(tree, Stack)]
            each = tuple(combine(function, *(s.elements[i] for s in stacks)) for i in range(len(elements)))
            return Stack(each, function([stack.next for stack in stacks]))
        case Varbit(words=words):
            varbits = [tree for tree in trees if isinstance(tree, Varbit)]
            joined = tuple(function([v.words[i] for v in varbits]) for i in range(len(words)))
            return Varbit(function([v.size for v in varbits]), joined, first.limit)
    return function([tree for tree in trees if isinstance(tree, ir.Expr)])


def pack(tree: Tree) -> ir.Expr:
    """All data bits, the first field in the most significant ones."""
    return build.concat_all(list(data_leaves(tree)))


def unpack(type_: t.Type, value: ir.Expr) -> Tree:
    """The tree of `type_` from its data bits; a header is valid."""
    position = value.width

    def leaf(name: str, width: int) -> ir.Expr:
        nonlocal position
        position -= width
        return build.bits(value, position, width)

    return make_data(type_, leaf)


def make_data(
    type_: t.Type,
    leaf: Callable[[str, int], ir.Expr],
    varbit: Callable[[t.VarbitType], Varbit] | None = None,
) -> Tree:
    """Like `make` with data leaves only: headers are valid.  `varbit` makes a varbit, where one can be."""
    type_ = t.strip(type_)
    width = scalar_width(type_)
    if width is not None:
        return leaf("", width)
    if isinstance(type_, t.VarbitType) and varbit is not None:
        return varbit(type_)
    if isinstance(type_, t.StackType):
        elements = tuple(make_data(type_.element, leaf, varbit) for _ in range(type_.size))
        return Stack(elements, build.const(type_.size, INDEX_WIDTH))
    parts = fields_of(type_)
    if parts is None:
        raise Unsupported(f"reading a {type_} from a packet is")
    fields = {field: make_data(part, leaf, varbit) for field, part in parts}
    return Record(fields, build.TRUE if isinstance(type_, t.HeaderType) else None)
