# SPDX-License-Identifier: Apache-2.0
"""What an object says of itself: its ELF sections and docs/program-info.md, as typed values.

The object may come from anywhere, so everything is checked: a reader of these dataclasses may
rely on offsets that lie inside keys and values, and on names that are unique.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from p4rt.runtime.errors import InputError
from p4rt.runtime.extern_info import Externs
from p4rt.runtime.read_externs import read_externs

SECTION_INFO = "p4rt.info"
SECTION_P4INFO = "p4rt.p4info"
INFO_VERSION = 1

REFERENCE_SIZE = 8
"""Bytes of a reference: the number of a member and that of a group."""
NUMBER_SIZE = 4
"""Bytes of the number of a member or group."""
TERNARY_HEAD = 8
"""Bytes of the priority, and of nothing, in front of data and mask in the key of a ternary map."""

_MAX_SIZE = 1 << 16
_MATCH_KINDS = ("exact", "lpm", "ternary", "range", "optional")
_AGING_SIZE = 16


@dataclass(frozen=True)
class Field:
    """Where a P4 value of `width` bits lies in a map's key or value (`offset`, `size` in bytes)."""

    name: str
    width: int
    offset: int
    size: int
    order: Literal["big", "little"]
    shift: int = 0
    id: int = 0
    signed: bool = False
    format: str = ""
    enum: Mapping[str, int] = field(default_factory=dict)

    def store(self, buffer: bytearray, value: int) -> None:
        """Writes `value`, 0 <= value < 2^width, into `buffer`, a whole key or value."""
        data = (value << self.shift).to_bytes(self.size, self.order)
        buffer[self.offset : self.offset + self.size] = data

    def load(self, buffer: bytes) -> int:
        """Reads the value from `buffer`; the unsigned pattern of `width` bits."""
        raw = int.from_bytes(buffer[self.offset : self.offset + self.size], self.order)
        return raw >> self.shift & (1 << self.width) - 1


@dataclass(frozen=True)
class KeyField(Field):
    """A field of a table's key."""

    match: str = "exact"


@dataclass(frozen=True)
class Action:
    """An action of one table."""

    name: str
    alias: str
    id: int
    code: int
    scope: Literal["any", "table_only", "default_only"]
    params: tuple[Field, ...]


@dataclass(frozen=True)
class PrefixLen:
    """Where an LPM key holds its prefix length, which counts `base_bits` in front."""

    where: Field
    base_bits: int


@dataclass(frozen=True)
class IdleTimeout:
    """How entries age: `timeout` and `idle` are places in a value, in nanoseconds; `deletes` says whether the
    switch deletes entries that were idle for longer."""

    timeout: Field
    idle: Field
    deletes: bool


MEMBER = Action("member", "member", 0, 0, "any", ())
"""Stands for the action that a member of a value set has not."""


@dataclass(frozen=True)
class DefaultAction:
    """A table's default action: what the program says, and the map that holds it when it can change."""

    map: str | None
    const: bool
    action: str
    args: Mapping[str, int]
    value_size: int


@dataclass(frozen=True)
class Table:
    """A table; `map` is None for one without keys."""

    name: str
    alias: str
    id: int
    map: str | None
    map_type: str
    size: int
    const_entries: bool
    key_size: int
    value_size: int
    key: tuple[KeyField, ...]
    prefix_len: PrefixLen | None
    action_code: Field
    actions: tuple[Action, ...]
    default: DefaultAction
    state_size: int = 0
    """Bytes at the end of a value that are not the action: counters, meters, idle times."""
    idle_timeout: IdleTimeout | None = None
    const_keys: frozenset[bytes] = frozenset()
    """Keys of entries that are part of the program, in a table that has others, too."""
    role: Literal["table", "value set", "member", "group"] = "table"
    """Other things that are like tables: a parser's value set, whose entries all have the action MEMBER; the
    members of an action profile, and its groups, which have no actions but lists of members."""
    profile: str | None = None
    """The action profile that the entries refer to, or whose members or groups these are."""
    max_members: int = 0
    """Members that a group can have."""

    @property
    def is_value_set(self) -> bool:
        """True for a parser's value set."""
        return self.role == "value set"

    @property
    def refers(self) -> bool:
        """True when the entries have no actions, but refer to members or groups of a profile."""
        return self.role == "table" and self.profile is not None

    @property
    def kind(self) -> str:
        """What it is, for messages."""
        return self.role

    @property
    def label(self) -> str:
        """What it is and its name; no two of a program have the same."""
        return f"{self.kind} {self.name}"

    @property
    def is_ternary(self) -> bool:
        """True when the map's keys have a priority and a mask."""
        return self.map_type == "ternary"

    @property
    def has_priorities(self) -> bool:
        """True when an entry has a priority."""
        return self.is_ternary and not self.is_value_set

    @property
    def entry_key_size(self) -> int:
        """Bytes of an entry's key in the map."""
        return TERNARY_HEAD + 2 * self.key_size if self.is_ternary else self.key_size


@dataclass(frozen=True)
class Register:
    """A register array of `size` elements."""

    name: str
    alias: str
    id: int
    map: str
    size: int
    value_size: int
    value: tuple[Field, ...]


@dataclass(frozen=True)
class ProgramInfo:
    """Section p4rt.info."""

    program: str
    source: str
    arch: str
    model_version: int
    compiler: str
    tables: tuple[Table, ...]
    registers: tuple[Register, ...]
    value_sets: tuple[Table, ...] = ()
    externs: Externs = field(default_factory=Externs)
    members: tuple[Table, ...] = ()
    """The members of each action profile."""
    groups: tuple[Table, ...] = ()
    """The groups of each action selector."""

    @property
    def all_tables(self) -> tuple[Table, ...]:
        """Everything that has entries, in an order where nothing refers to what comes later."""
        return self.members + self.groups + self.tables + self.value_sets

    @classmethod
    def from_json(cls, text: str | bytes) -> ProgramInfo:
        """Reads the JSON text; InputError says what is wrong with it."""
        try:
            top = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError("the program's information is not JSON") from None
        node = _Node(top, "program information")
        version = node.number("version")
        if version != INFO_VERSION:
            raise InputError(
                f"the program's information has version {version}; this command reads version {INFO_VERSION}"
            )
        value_sizes = {n.text("name"): _size(n, "value_size") for n in node.nodes("tables")}
        return cls(
            node.text("program", ""),
            node.text("source", ""),
            node.text("arch", ""),
            node.number("model_version", 0),
            node.text("compiler", ""),
            _unique("table", tuple(_table(n) for n in node.nodes("tables"))),
            _unique("register", tuple(_register(n) for n in node.nodes("registers"))),
            _unique("value set", tuple(_value_set(n) for n in node.nodes("value_sets"))),
            read_externs(node, _value_fields, value_sizes),
            _unique("profile", tuple(_members(n) for n in node.nodes("profiles"))),
            tuple(_groups(n) for n in node.nodes("profiles") if n.has("groups")),
        )


def read_section(elf: bytes, name: str) -> bytes | None:
    """The contents of section `name` of the ELF object `elf`, or None when it has none."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        section = ELFFile(io.BytesIO(elf)).get_section_by_name(name)
        if section is None:
            return None
        if section.compressed:  # No compiler does that; a few bytes could become gigabytes.
            raise InputError(f"section {name} of the object is compressed")
        return bytes(section.data())
    except (ELFError, ValueError, KeyError, AttributeError, TypeError, IndexError, OverflowError,
            MemoryError, UnicodeDecodeError, AssertionError):  # fmt: skip
        raise InputError("not a valid ELF object") from None


def from_object(elf: bytes) -> ProgramInfo:
    """The information in the object `elf`."""
    text = read_section(elf, SECTION_INFO)
    if text is None:
        raise InputError(
            "the program carries no information about its tables (no section p4rt.info);"
            " only its maps can be used"
        )
    return ProgramInfo.from_json(text)


_Named = TypeVar("_Named", Table, Register, Action, KeyField, Field)


class _Node:
    """A JSON object, read member by member, that says where it is when something is wrong."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise InputError(f"the program's information is damaged: {where} is not an object")
        self._value = value
        self._where = where

    def _get(self, name: str, kind: type, default: Any) -> Any:
        value = self._value.get(name, default)
        if value is None or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(name)
        return value

    def error(self, name: str) -> InputError:
        return InputError(f"the program's information is damaged: {self._where}: bad or missing '{name}'")

    def number(self, name: str, default: int | None = None) -> int:
        value: int = self._get(name, int, default)
        if value < 0:
            raise self.error(name)
        return value

    def text(self, name: str, default: str | None = None) -> str:
        value: str = self._get(name, str, default)
        return value

    def flag(self, name: str, default: bool | None = None) -> bool:
        value: bool = self._get(name, bool, default)
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._value.get(name) is None else self.text(name)

    def node(self, name: str) -> _Node:
        return _Node(self._value.get(name), f"{self._where}, '{name}'")

    def nodes(self, name: str) -> Iterator[_Node]:
        items = self._get(name, list, [])
        for i, item in enumerate(items):
            yield _Node(item, f"{name}[{i}]" if not self._where else f"{self._where}, {name}[{i}]")

    def numbers(self, name: str) -> Mapping[str, int]:
        value: dict[str, int] = self._get(name, dict, {})
        if not all(isinstance(v, int) for v in value.values()):
            raise self.error(name)
        return value

    def hexadecimal(self, name: str) -> list[bytes]:
        """A list of bytes, written as hexadecimal digits."""
        try:
            return [bytes.fromhex(item) for item in self._get(name, list, [])]
        except (ValueError, TypeError):
            raise self.error(name) from None

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None


def _field_members(node: _Node, within: int) -> dict[str, Any]:
    """The members that every field has, checked to lie inside `within` bytes."""
    order = node.text("order", "big")
    offset, size = node.number("offset"), node.number("size")
    width, shift = node.number("width", 0), node.number("shift", 0)
    if order not in ("big", "little"):
        raise node.error("order")
    if offset + size > within:
        raise node.error("offset")
    if width + shift > 8 * size:
        raise node.error("width")
    return {
        "name": node.text("name", ""), "width": width, "offset": offset, "size": size, "order": order,
        "shift": shift, "id": node.number("id", 0), "signed": node.flag("signed", False),
        "format": node.text("format", ""), "enum": node.numbers("enum"),
    }  # fmt: skip


def _value_fields(node: _Node, within: int) -> tuple[Field, ...]:
    """The fields of the member `value`, in `within` bytes."""
    return _unique("member", tuple(Field(**_field_members(n, within)) for n in node.nodes("value")))


def _number_field(node: _Node, name: str, within: int) -> Field:
    """A field that is a number of the layout's own: all bits of its bytes."""
    members = _field_members(node, within)
    members.update(name=name, width=8 * members["size"])
    return Field(**members)


def _size(node: _Node, name: str) -> int:
    size = node.number(name)
    if size > _MAX_SIZE:
        raise node.error(name)
    return size


def _key(node: _Node, key_size: int) -> tuple[tuple[KeyField, ...], str, PrefixLen | None]:
    """The fields of a key, the type of the map, and where an LPM key holds its prefix length."""
    key = tuple(KeyField(**_field_members(n, key_size), match=n.text("match")) for n in node.nodes("key"))
    map_type = node.text("map_type", "hash")
    kinds = {k.match for k in key}
    if not kinds <= set(_MATCH_KINDS):
        raise node.error("match")
    if map_type not in ("hash", "lpm", "ternary"):
        raise node.error("map_type")
    if map_type != "ternary" and not kinds <= {"exact", map_type}:
        raise node.error("match")
    prefix = None
    if map_type == "lpm":
        if not node.has("prefix_len"):
            raise node.error("prefix_len")
        p = node.node("prefix_len")
        prefix = PrefixLen(_number_field(p, "prefix_len", key_size), p.number("base_bits", 0))
        if [k.match for k in key].count("lpm") != 1:
            raise node.error("match")
    return _unique("key field", key), map_type, prefix


def _table(node: _Node) -> Table:
    value_size = _size(node, "value_size")
    key_size = _size(node, "key_size") if node.has("key_size") else 0
    key, map_type, prefix = _key(node, key_size)
    name = node.text("name")
    state_size = node.number("state_size", 0)
    if state_size > value_size:
        raise node.error("state_size")
    default = _default(node.node("default"), value_size)
    profile = node.optional_text("profile")
    if profile is not None and value_size - state_size < REFERENCE_SIZE:
        raise node.error("value_size")
    action_size = default.value_size if profile is not None else value_size - state_size
    actions = tuple(_action(n, action_size) for n in node.nodes("actions"))
    table_map = node.optional_text("map")
    if key and table_map is None:
        raise node.error("map")
    return Table(
        name, node.text("alias", name), node.number("id", 0), table_map, map_type,
        node.number("size", 0), node.flag("const_entries", False), key_size, value_size, key, prefix,
        _number_field(node.node("action_code"), "action", action_size),
        _unique("action", actions), default, state_size, _idle_timeout(node, value_size, state_size),
        frozenset(node.hexadecimal("const_keys")), profile=profile,
    )  # fmt: skip


def _idle_timeout(node: _Node, value_size: int, state_size: int) -> IdleTimeout | None:
    if not node.has("idle_timeout"):
        return None
    inner = node.node("idle_timeout")
    offset = inner.number("offset")
    if offset + _AGING_SIZE > value_size or state_size < _AGING_SIZE:
        raise inner.error("offset")
    timeout = Field("idle_timeout", 64, offset, 8, "little")
    idle = Field("idle", 64, offset + 8, 8, "little")
    return IdleTimeout(timeout, idle, inner.text("action", "notify") == "delete")


def _value_set(node: _Node) -> Table:
    name, key_size, value_size = node.text("name"), _size(node, "key_size"), _size(node, "value_size")
    key, map_type, prefix = _key(node, key_size)
    if not key:
        raise node.error("key")
    code = Field("action", 0, 0, 0, "little")
    return Table(
        name, node.text("alias", name), node.number("id", 0), node.text("map"), map_type,
        node.number("size", 0), False, key_size, value_size, key, prefix, code, (MEMBER,),
        DefaultAction(None, True, MEMBER.name, {}, value_size), role="value set",
    )  # fmt: skip


def _members(node: _Node) -> Table:
    """The members of an action profile: a table from number to action."""
    name, value_size = node.text("name"), _size(node, "value_size")
    return Table(
        name, node.text("alias", name), node.number("id", 0), node.text("map"), "hash", node.number("size"),
        False, NUMBER_SIZE, value_size, (KeyField("member", 32, 0, NUMBER_SIZE, "little"),), None,
        _number_field(node.node("action_code"), "action", value_size),
        _unique("action", tuple(_action(n, value_size) for n in node.nodes("actions"))),
        DefaultAction(None, True, "", {}, value_size), role="member", profile=name,
    )  # fmt: skip


def _groups(node: _Node) -> Table:
    """The groups of an action selector: a table from number to a count and numbers of members."""
    name, inner = node.text("name"), node.node("groups")
    most = inner.number("max_size")
    if not 0 < most < _MAX_SIZE // NUMBER_SIZE:
        raise inner.error("max_size")
    value_size = NUMBER_SIZE * (1 + (1 << (most - 1).bit_length()))
    return Table(
        name, node.text("alias", name), node.number("id", 0), inner.text("map"), "hash", node.number("size"),
        False, NUMBER_SIZE, value_size, (KeyField("group", 32, 0, NUMBER_SIZE, "little"),), None,
        Field("action", 0, 0, 0, "little"), (), DefaultAction(None, True, "", {}, value_size), role="group",
        profile=name, max_members=most,
    )  # fmt: skip


def _action(node: _Node, value_size: int) -> Action:
    name = node.text("name")
    scope = node.text("scope", "any")
    if scope not in ("any", "table_only", "default_only"):
        raise node.error("scope")
    params = tuple(Field(**_field_members(n, value_size)) for n in node.nodes("params"))
    return Action(
        name, node.text("alias", name), node.number("id", 0), node.number("code"),
        scope, _unique("parameter", params),  # type: ignore[arg-type]
    )  # fmt: skip


def _default(node: _Node, value_size: int) -> DefaultAction:
    size = _size(node, "value_size") if node.has("value_size") else value_size
    return DefaultAction(
        node.optional_text("map"), node.flag("const", False), node.text("action"), node.numbers("args"), size
    )


def _register(node: _Node) -> Register:
    value_size = _size(node, "value_size")
    name = node.text("name")
    value = tuple(Field(**_field_members(n, value_size)) for n in node.nodes("value"))
    if not value:
        raise node.error("value")
    return Register(
        name, node.text("alias", name), node.number("id", 0), node.text("map"), node.number("size"),
        value_size, _unique("member", value),
    )  # fmt: skip


def _unique(what: str, items: tuple[_Named, ...]) -> tuple[_Named, ...]:
    names = [item.name for item in items]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"the program's information is damaged: two {what}s are called '{name}'")
    return items
