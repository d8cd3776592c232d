# SPDX-License-Identifier: Apache-2.0
"""Table entries: typed, as text, and as the bytes of map keys and values.

Text is what `p4rt-ctl` reads and prints:

    table=pipe.route,hdr.ipv4.dst=10.0.0.0/8,actions=forward(port=2)
    table=pipe.acl,priority=10,hdr.ip.src=10.0.0.0/8,hdr.tcp.dst=80..90,idle_timeout=30s,actions=deny()
    table=pipe.route,default,actions=drop()
    value_set=prs.tunnels,value=4789
    profile=pipe.next_hops,member=3,actions=forward(port=2)
    profile=pipe.next_hops,group=7,members=[1,3:2]
    table=pipe.route,hdr.ipv4.dst=10.1.0.0/16,actions=group(7)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import MEMBER, TERNARY_HEAD, Action, Field, ProgramInfo, Table
from p4rt.runtime.matches import Match, anything, format_match, load, match_json, parse_match, store
from p4rt.runtime.names import resolve
from p4rt.runtime.profiles import Members, Reference, parse_members, parse_reference
from p4rt.runtime.values import (
    format_duration,
    format_value,
    parse_duration,
    parse_integer,
    parse_value,
    plain_value,
)

_WORDS = {"table": "table", "value set": "value_set", "member": "profile", "group": "profile"}
"""What stands in front of the name of what has the entry."""
MAX_PRIORITY = (1 << 31) - 1
"""P4Runtime's priorities are of 32 bits, with a sign."""

_TOKEN = re.compile(r"(?:[^\s,()\[\]]|\([^()]*\)|\[[^\[\]]*\])+")
_SEPARATOR = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Key:
    """The key of an entry of `table`: one Match for each field, in order, and a priority where the table has
    them; the highest wins."""

    table: Table
    matches: tuple[Match, ...]
    priority: int = 0

    def encode(self) -> bytes:
        """The map key, as the control plane writes it."""
        table = self.table
        data, mask = bytearray(table.key_size), bytearray(table.key_size)
        if table.is_ternary:
            for key_field, match in zip(table.key, self.matches, strict=True):
                store(match, key_field, data, mask)
            return self.priority.to_bytes(4, "little") + bytes(TERNARY_HEAD - 4) + bytes(data) + bytes(mask)
        for key_field, match in zip(table.key, self.matches, strict=True):
            key_field.store(data, match.value)
            if match.prefix_len is not None and table.prefix_len is not None:
                table.prefix_len.where.store(data, table.prefix_len.base_bits + match.prefix_len)
        return bytes(data)

    @classmethod
    def decode(cls, table: Table, data: bytes) -> Key:
        """Reads a map key back."""
        if table.is_ternary:
            middle = TERNARY_HEAD + table.key_size
            value, mask = data[TERNARY_HEAD:middle], data[middle:]
            found = tuple(load(key_field, value, mask) for key_field in table.key)
            return cls(table, found, int.from_bytes(data[:4], "little"))
        matches = []
        for key_field in table.key:
            prefix = None
            if key_field.match == "lpm" and table.prefix_len is not None:
                prefix = table.prefix_len.where.load(data) - table.prefix_len.base_bits
                if not 0 <= prefix <= key_field.width:
                    raise InputError(f"table {table.name} holds an entry with a prefix of {prefix} bits")
            matches.append(Match(key_field.load(data), prefix))
        return cls(table, tuple(matches))

    def format(self) -> str:
        """The key as text, such as `priority=5,hdr.ipv4.dst=10.0.0.0/8`, without what matches everything."""
        fields = zip(self.table.key, self.matches, strict=True)
        texts = [f"{f.name}={text}" for f, m in fields if (text := format_match(m, f)) is not None]
        if self.table.has_priorities:
            texts.insert(0, f"priority={self.priority}")
        return ",".join(texts or [f"{self.table.key[0].name}=*"])

    def sort_key(self) -> tuple[tuple[int, ...], ...]:
        """Orders the entries of a table: the highest priority first, then by value and prefix length."""
        return ((-self.priority,), *((m.value, m.prefix_len or m.mask or m.high or 0) for m in self.matches))


@dataclass(frozen=True, slots=True)
class Call:
    """An action of `table` with its arguments, unsigned patterns in the order of its parameters."""

    table: Table
    action: Action
    args: tuple[int, ...]

    def encode(self) -> bytes:
        """The map value."""
        table = self.table
        buffer = bytearray(table.default.value_size if table.refers else table.value_size)
        self.table.action_code.store(buffer, self.action.code)
        for param, arg in zip(self.action.params, self.args, strict=True):
            param.store(buffer, arg)
        return bytes(buffer)

    @classmethod
    def decode(cls, table: Table, data: bytes) -> Call:
        """Reads a map value back."""
        code = table.action_code.load(data)
        for action in table.actions:
            if action.code == code:
                return cls(table, action, tuple(p.load(data) for p in action.params))
        raise InputError(f"table {table.name} holds an entry with the unknown action {code}")

    def format(self) -> str:
        """The call as text, such as `forward(port=2)`."""
        args = zip(self.action.params, self.args, strict=True)
        same = [a for a in self.table.actions if a.alias == self.action.alias]
        name = self.action.alias if len(same) == 1 else self.action.name
        return f"{name}({','.join(f'{p.name}={format_value(v, p)}' for p, v in args)})"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a table, or (`key` is None) its default action.

    `origin` says where it was read, such as `routes.txt:3`, for messages."""

    table: Table
    key: Key | None
    call: Call | Reference | Members
    origin: str = field(default="", compare=False)
    timeout_ns: int = 0
    idle_ns: int = field(default=0, compare=False)

    def value(self) -> bytes:
        """The map value: the action, and the timeout that the entry may be idle for."""
        aging = self.table.idle_timeout
        if aging is None or self.key is None:
            return self.call.encode()
        buffer = bytearray(self.call.encode())
        aging.timeout.store(buffer, self.timeout_ns)
        return bytes(buffer)

    @classmethod
    def decode(cls, table: Table, key: bytes, value: bytes) -> Entry:
        """Reads an entry of a map."""
        kind = Members if table.role == "group" else Reference if table.refers else Call
        entry = cls(table, Key.decode(table, key), kind.decode(table, value))
        aging = table.idle_timeout
        if aging is None:
            return entry
        return replace(entry, timeout_ns=aging.timeout.load(value), idle_ns=aging.idle.load(value))

    def format(self) -> str:
        """The entry as a line of text that parse_entry() reads back."""
        key = "default" if self.key is None else self.key.format()
        if self.table.is_value_set:
            return f"value_set={self.table.name},{key}"
        if self.table.role == "group":
            return f"profile={self.table.name},{key},members={self.call.format()}"
        if self.table.role == "member":
            return f"profile={self.table.name},{key},actions={self.call.format()}"
        timeout = f"idle_timeout={format_duration(self.timeout_ns)}," if self.timeout_ns else ""
        return f"table={self.table.name},{key},{timeout}actions={self.call.format()}"

    def to_json(self) -> dict[str, Any]:
        """The entry as plain values."""
        result: dict[str, Any] = {_WORDS[self.table.role]: self.table.name}
        if self.key is None:
            result["default"] = True
        else:
            if self.table.has_priorities:
                result["priority"] = self.key.priority
            fields = zip(self.table.key, self.key.matches, strict=True)
            found = {f.name: match_json(m, f) for f, m in fields}
            result["key"] = {name: value for name, value in found.items() if value is not None}
        if self.table.idle_timeout is not None and self.key is not None:
            result["idle_timeout_ns"], result["idle_ns"] = self.timeout_ns, self.idle_ns
        if self.table.is_value_set:
            return result
        if isinstance(self.call, Reference):
            word, number = ("group", self.call.group) if self.call.group else ("member", self.call.member)
            return result | {word: number}
        if isinstance(self.call, Members):
            return result | {"members": [{"member": n, "weight": w} for n, w in self.call.members]}
        args = zip(self.call.action.params, self.call.args, strict=True)
        result["action"] = self.call.action.name
        result["params"] = {p.name: plain_value(v, p) for p, v in args}
        return result


@dataclass(frozen=True, slots=True)
class ParsedText:
    """The parts of an entry's text, before anything is looked up."""

    table: str
    key: tuple[tuple[str, str], ...]
    default: bool
    actions: str | None
    timeout: str | None = None
    members: str | None = None
    is_profile: bool = False


def split_text(text: str) -> ParsedText:
    """Cuts the text of an entry at commas and blanks outside of parentheses and brackets."""
    table = actions = timeout = members = None
    default = is_profile = False
    key: list[tuple[str, str]] = []
    for token in split_tokens(text):
        name, equals, value = _partition(token)
        if not equals:
            if name == "default":
                default = True
                continue
            if actions is not None:
                raise InputError(f"an entry has one action; '{token}' is too much")
            raise InputError(f"'{token}' is not NAME=VALUE")
        if name in ("table", "value_set", "profile"):
            table = _once(table, name, value)
            is_profile = name == "profile"
        elif name == "members":
            members = _once(members, name, value)
        elif name in ("actions", "action"):
            actions = _once(actions, name, value)
        elif name == "idle_timeout":
            timeout = _once(timeout, name, value)
        elif any(name == n for n, _ in key):
            raise InputError(f"{name} is given twice")
        else:
            key.append((name, value))
    if members is not None and not is_profile:
        key.append(("members", members))
        members = None
    if table is None:
        raise InputError(f"'{text.strip()}' names no table (table=NAME,...)")
    return ParsedText(table, tuple(key), default, actions, timeout, members, is_profile)


def _once(before: str | None, name: str, value: str) -> str:
    if before is not None:
        raise InputError(f"{name} is given twice")
    return value


def split_tokens(text: str) -> Iterator[str]:
    """Cuts `text` at commas and blanks outside of parentheses and brackets."""
    position = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is not None:
            yield token[0]
            position = token.end()
            continue
        separator = _SEPARATOR.match(text, position)
        if separator is None:
            if text[position] in ")]":
                raise InputError(f"'{text[position]}' without its opening in '{text.strip()}'")
            raise InputError(f"a parenthesis or bracket is not closed in '{text.strip()}'")
        position = separator.end()


def _partition(token: str) -> tuple[str, str, str]:
    """Cuts `token` at its first '=' if that is outside of parentheses."""
    name, equals, value = token.partition("=")
    if name.count("(") != name.count(")"):
        return token.strip(), "", ""
    return name.strip(), equals, value.strip()


def find_table(info: ProgramInfo, name: str) -> Table:
    """The table or value set called `name`; InputError says which there are."""
    where = f"program {info.program}" if info.program else "the program"
    return resolve(name, info.tables + info.value_sets, "table", where)


def table_of(info: ProgramInfo, parts: ParsedText) -> Table:
    """The table that the text of an entry names; of a profile, its members, or its groups if it names one."""
    if not parts.is_profile:
        return find_table(info, parts.table)
    grouped = any(name == "group" for name, _ in parts.key)
    where = f"program {info.program}" if info.program else "the program"
    return resolve(parts.table, info.groups if grouped else info.members, "profile", where)


def parse_key(table: Table, pairs: Sequence[tuple[str, str]]) -> Key:
    """Reads the key of an entry of `table` from pairs of name and text.

    Fields that are left out match everything, but for exact ones, which must be there; something must be."""
    if not table.key:
        raise InputError(f"table {table.name} has no key, only a default action")
    found: dict[str, Match] = {}
    priority: int | None = None
    for name, text in pairs:
        if name == "priority" and not any(f.name.endswith("priority") for f in table.key):
            priority = parse_priority(table, text)
            continue
        key_field = resolve(name, table.key, "key field", f"{table.kind} {table.name}")
        if key_field.name in found:
            raise InputError(f"{key_field.name} is given twice")
        found[key_field.name] = parse_match(text, key_field)
    nothing = not found and priority is None  # More likely forgotten than meant; `*` says it.
    missing = [f.name for f in table.key if f.name not in found and (f.match == "exact" or nothing)]
    if missing:
        raise InputError(f"{table.kind} {table.name}: no value for key field {', '.join(missing)}")
    if table.has_priorities and priority is None:
        raise InputError(f"an entry of table {table.name} needs a priority (priority=N, the highest wins)")
    if table.role in ("member", "group") and not all(match.value for match in found.values()):
        raise InputError(f"the number of a {table.role} is not 0")
    matches = tuple(found.get(f.name) or anything(f) or Match(0) for f in table.key)
    return Key(table, matches, priority or 0)


def parse_priority(table: Table, text: str) -> int:
    """Reads a priority; InputError for a table that has none."""
    if not table.has_priorities:
        raise InputError(f"{table.kind} {table.name} has no ternary or range field, so no priorities")
    number = parse_integer(text)
    if number is None or not 1 <= number <= MAX_PRIORITY:
        raise InputError(f"'{text}' is not a priority (1 to {MAX_PRIORITY})")
    return number


def parse_call(table: Table, text: str, *, default: bool) -> Call | Reference:
    """Reads an action of `table` with its arguments, `forward(port=2)`, `forward(2)` or `drop`."""
    name, paren, rest = text.strip().partition("(")
    if paren and not rest.endswith(")"):
        raise InputError(f"'{text}' is not ACTION(PARAM=VALUE,...)")
    arguments = [a.strip() for a in rest[:-1].split(",") if a.strip()]
    return make_call(table, name, [_partition(a)[::2] if "=" in a else ("", a) for a in arguments],
                     default=default)  # fmt: skip


def make_call(
    table: Table, name: str, arguments: Sequence[tuple[str, str]], *, default: bool
) -> Call | Reference:
    """The call of action `name` with `arguments`, pairs of parameter name (empty: by position)
    and text.  `default` tells a default action from that of an entry."""
    if table.refers and not default:
        return parse_reference(table, name.strip(), list(arguments))
    action = resolve(name, table.actions, "action", f"table {table.name}")
    if action.scope == "default_only" and not default:
        raise InputError(f"action {action.name} can only be the default action of table {table.name}")
    if action.scope == "table_only" and default:
        raise InputError(f"action {action.name} cannot be the default action of table {table.name}")
    found: dict[str, int] = {}
    for position, (param_name, text) in enumerate(arguments):
        param = _parameter(action, param_name, position)
        if param.name in found:
            raise InputError(f"parameter {param.name} of action {action.name} is given twice")
        found[param.name] = parse_value(text, param)
    missing = [p.name for p in action.params if p.name not in found]
    if missing:
        raise InputError(f"action {action.name}: no value for parameter {', '.join(missing)}")
    return Call(table, action, tuple(found[p.name] for p in action.params))


def _parameter(action: Action, name: str, position: int) -> Field:
    if name:
        return resolve(name, action.params, "parameter", f"action {action.name}")
    if position >= len(action.params):
        raise InputError(f"action {action.name} has {len(action.params)} parameters; more are given")
    return action.params[position]


def parse_entry(info: ProgramInfo, text: str, origin: str = "") -> Entry:
    """Reads an entry, or a default action, with its action.  Raises InputError."""
    try:
        parts = split_text(text)
    except InputError as e:
        raise InputError(f"{origin}: {e}" if origin else str(e)) from None
    return read_entry(info, parts, origin)


def read_entry(info: ProgramInfo, parts: ParsedText, origin: str = "") -> Entry:
    """Makes an entry of its parts.  Raises InputError."""
    try:
        table = table_of(info, parts)
        if table.role == "group":
            if parts.members is None or parts.default or parts.actions is not None or parts.timeout:
                raise InputError(
                    f"a group of {table.name} has members and nothing else (members=[N:WEIGHT,...])"
                )
            return Entry(table, parse_key(table, parts.key), parse_members(table, parts.members), origin)
        if table.is_value_set:
            if parts.default or parts.actions is not None or parts.timeout is not None:
                raise InputError(f"value set {table.name} has members, and no actions")
            return member(table, parts.key, origin)
        if parts.actions is None:
            raise InputError("the entry has no action (actions=NAME(PARAM=VALUE,...))")
        if parts.default:
            if parts.key or parts.timeout is not None:
                raise InputError("a default action has no key" + ("" if parts.key else " and no timeout"))
            return Entry(table, None, parse_call(table, parts.actions, default=True), origin)
        if table.const_entries:
            raise InputError(f"the entries of table {table.name} are const and cannot be changed")
        key = parse_key(table, parts.key)
        call = parse_call(table, parts.actions, default=False)
        return Entry(table, key, call, origin, parse_timeout(table, parts.timeout))
    except InputError as e:
        raise InputError(f"{origin}: {e}" if origin else str(e)) from None


def parse_timeout(table: Table, text: str | None) -> int:
    """Reads an idle timeout, in nanoseconds; None is no timeout."""
    if text is None:
        return 0
    if table.idle_timeout is None:
        raise InputError(f"the entries of table {table.name} have no idle timeout")
    return parse_duration(text)


def member(value_set: Table, pairs: Sequence[tuple[str, str]], origin: str = "") -> Entry:
    """A member of a value set, read from pairs of field name and text."""
    return Entry(value_set, parse_key(value_set, pairs), Call(value_set, MEMBER, ()), origin)


def parse_entries(info: ProgramInfo, lines: Sequence[str], origin: str) -> list[Entry]:
    """Reads a file of entries, one a line, `#` starts a comment; or, if it begins with `[`, as JSON.

    `origin` is the file's name.  Two entries with the same key are an error, before anything is sent."""
    entries: list[Entry] = []
    seen: dict[tuple[str, bytes | None], str] = {}
    for entry in _read(info, lines, origin):
        identity = (entry.table.label, entry.key.encode() if entry.key else None)
        if identity in seen:
            raise InputError(f"{entry.origin}: the same key as {seen[identity]}")
        seen[identity] = entry.origin
        entries.append(entry)
    return entries


def _read(info: ProgramInfo, lines: Sequence[str], origin: str) -> Iterator[Entry]:
    first = next((line.strip() for line in lines if line.strip()), "")
    if first.startswith("["):
        from p4rt.runtime.entries_json import parse_json

        yield from parse_json(info, "\n".join(lines), origin)
        return
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if text:
            yield parse_entry(info, text, f"{origin}:{number}")
