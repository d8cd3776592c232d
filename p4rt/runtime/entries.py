# SPDX-License-Identifier: Apache-2.0
"""Table entries: typed, as text, and as the bytes of map keys and values.

Text is what `p4rt-ctl` reads and prints:

    table=pipe.route,hdr.ipv4.dst=10.0.0.0/8,actions=forward(port=2)
    table=pipe.route,default,actions=drop()
    value_set=prs.tunnels,value=4789
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from p4rt.runtime.errors import InputError
from p4rt.runtime.info import MEMBER, Action, Field, KeyField, ProgramInfo, Table
from p4rt.runtime.names import resolve
from p4rt.runtime.values import format_value, parse_value, plain_value

_TOKEN = re.compile(r"(?:[^\s,()\[\]]|\([^()]*\)|\[[^\[\]]*\])+")
_SEPARATOR = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Match:
    """What an entry asks of one key field; `prefix_len` (bits) for LPM fields only."""

    value: int
    prefix_len: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """The key of an entry of `table`: one Match for each field, in order."""

    table: Table
    matches: tuple[Match, ...]

    def encode(self) -> bytes:
        """The map key."""
        buffer = bytearray(self.table.key_size)
        for key_field, match in zip(self.table.key, self.matches, strict=True):
            key_field.store(buffer, match.value)
            if match.prefix_len is not None and self.table.prefix_len is not None:
                length = self.table.prefix_len.base_bits + match.prefix_len
                self.table.prefix_len.where.store(buffer, length)
        return bytes(buffer)

    @classmethod
    def decode(cls, table: Table, data: bytes) -> Key:
        """Reads a map key back."""
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
        """The key as text, such as `hdr.ipv4.dst=10.0.0.0/8`."""
        return ",".join(
            f"{f.name}={_format_match(m, f)}" for f, m in zip(self.table.key, self.matches, strict=True)
        )

    def sort_key(self) -> tuple[tuple[int, int], ...]:
        """Orders the entries of a table by value, then by prefix length."""
        return tuple((m.value, m.prefix_len or 0) for m in self.matches)


@dataclass(frozen=True, slots=True)
class Call:
    """An action of `table` with its arguments, unsigned patterns in the order of its parameters."""

    table: Table
    action: Action
    args: tuple[int, ...]

    def encode(self) -> bytes:
        """The map value."""
        buffer = bytearray(self.table.value_size)
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
    call: Call
    origin: str = field(default="", compare=False)

    def format(self) -> str:
        """The entry as a line of text that parse_entry() reads back."""
        key = "default" if self.key is None else self.key.format()
        if self.table.is_value_set:
            return f"value_set={self.table.name},{key}"
        return f"table={self.table.name},{key},actions={self.call.format()}"

    def to_json(self) -> dict[str, Any]:
        """The entry as plain values."""
        result: dict[str, Any] = {"value_set" if self.table.is_value_set else "table": self.table.name}
        if self.key is None:
            result["default"] = True
        else:
            fields = zip(self.table.key, self.key.matches, strict=True)
            result["key"] = {f.name: _match_json(m, f) for f, m in fields}
        if self.table.is_value_set:
            return result
        args = zip(self.call.action.params, self.call.args, strict=True)
        result["action"] = self.call.action.name
        result["params"] = {p.name: plain_value(v, p) for p, v in args}
        return result


def _format_match(match: Match, key_field: KeyField) -> str:
    text = format_value(match.value, key_field)
    return text if match.prefix_len is None else f"{text}/{match.prefix_len}"


def _match_json(match: Match, key_field: KeyField) -> Any:
    value = plain_value(match.value, key_field)
    return value if match.prefix_len is None else {"value": value, "prefix_len": match.prefix_len}


@dataclass(frozen=True, slots=True)
class ParsedText:
    """The parts of an entry's text, before anything is looked up."""

    table: str
    key: tuple[tuple[str, str], ...]
    default: bool
    actions: str | None


def split_text(text: str) -> ParsedText:
    """Cuts the text of an entry at commas and blanks outside of parentheses and brackets."""
    table = actions = None
    default = False
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
        if name in ("table", "value_set"):
            table = _once(table, name, value)
        elif name in ("actions", "action"):
            actions = _once(actions, name, value)
        elif any(name == n for n, _ in key):
            raise InputError(f"{name} is given twice")
        else:
            key.append((name, value))
    if table is None:
        raise InputError(f"'{text.strip()}' names no table (table=NAME,...)")
    return ParsedText(table, tuple(key), default, actions)


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
    return resolve(name, info.all_tables, "table", where)


def parse_key(table: Table, pairs: Sequence[tuple[str, str]]) -> Key:
    """Reads the key of an entry of `table` from pairs of name and text."""
    if not table.key:
        raise InputError(f"table {table.name} has no key, only a default action")
    found: dict[str, Match] = {}
    for name, text in pairs:
        if name == "priority" and not any(f.name.endswith("priority") for f in table.key):
            raise InputError(f"table {table.name} has no ternary or range field, so no priorities")
        key_field = resolve(name, table.key, "key field", f"{table.kind} {table.name}")
        if key_field.name in found:
            raise InputError(f"{key_field.name} is given twice")
        found[key_field.name] = _parse_match(text, key_field)
    missing = [f.name for f in table.key if f.name not in found]
    if missing:
        raise InputError(f"{table.kind} {table.name}: no value for key field {', '.join(missing)}")
    return Key(table, tuple(found[f.name] for f in table.key))


def _parse_match(text: str, key_field: KeyField) -> Match:
    for sign, kind in (("&&&", "ternary"), ("..", "range")):
        if sign in text and key_field.match != kind:
            what = f"{key_field.name} is matched {key_field.match}, not {kind}"
            raise InputError(f"{what}: '{text}' cannot be used")
    value_text, slash, length_text = text.partition("/")
    if key_field.match == "exact":
        if slash:
            raise InputError(f"{key_field.name} is matched exact and takes no prefix length: '{text}'")
        return Match(parse_value(text, key_field))
    if key_field.match != "lpm":
        raise InputError(f"{key_field.name} is matched {key_field.match}, which this command cannot write")
    value = parse_value(value_text, key_field)
    length = _parse_prefix_len(length_text, key_field) if slash else key_field.width
    host = (1 << key_field.width - length) - 1
    if value & host:
        meant = format_value(value & ~host, key_field)
        raise InputError(f"{text} has bits set beyond its prefix; {meant}/{length} is meant?")
    return Match(value, length)


def _parse_prefix_len(text: str, key_field: KeyField) -> int:
    if not (text.isascii() and text.isdigit()):
        raise InputError(f"'{text}' is not a prefix length for {key_field.name}")
    if len(text) > 5 or int(text) > key_field.width:
        raise InputError(f"/{text} is longer than {key_field.name}, which has {key_field.width} bits")
    return int(text)


def parse_call(table: Table, text: str, *, default: bool) -> Call:
    """Reads an action of `table` with its arguments, `forward(port=2)`, `forward(2)` or `drop`."""
    name, paren, rest = text.strip().partition("(")
    if paren and not rest.endswith(")"):
        raise InputError(f"'{text}' is not ACTION(PARAM=VALUE,...)")
    arguments = [a.strip() for a in rest[:-1].split(",") if a.strip()]
    return make_call(table, name, [_partition(a)[::2] if "=" in a else ("", a) for a in arguments],
                     default=default)  # fmt: skip


def make_call(table: Table, name: str, arguments: Sequence[tuple[str, str]], *, default: bool) -> Call:
    """The call of action `name` with `arguments`, pairs of parameter name (empty: by position)
    and text.  `default` tells a default action from that of an entry."""
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
        table = find_table(info, parts.table)
        if table.is_value_set:
            if parts.default or parts.actions is not None:
                raise InputError(f"value set {table.name} has members, and no actions")
            return member(table, parts.key, origin)
        if parts.actions is None:
            raise InputError("the entry has no action (actions=NAME(PARAM=VALUE,...))")
        if parts.default:
            if parts.key:
                raise InputError("a default action has no key")
            return Entry(table, None, parse_call(table, parts.actions, default=True), origin)
        if table.const_entries:
            raise InputError(f"the entries of table {table.name} are const and cannot be changed")
        key = parse_key(table, parts.key)
        return Entry(table, key, parse_call(table, parts.actions, default=False), origin)
    except InputError as e:
        raise InputError(f"{origin}: {e}" if origin else str(e)) from None


def member(value_set: Table, pairs: Sequence[tuple[str, str]], origin: str = "") -> Entry:
    """A member of a value set, read from pairs of field name and text."""
    return Entry(value_set, parse_key(value_set, pairs), Call(value_set, MEMBER, ()), origin)


def parse_entries(info: ProgramInfo, lines: Sequence[str], origin: str) -> list[Entry]:
    """Reads a file of entries, one a line; `#` starts a comment.  `origin` is the file's name.

    Two entries with the same key are an error, found before anything is sent."""
    entries: list[Entry] = []
    seen: dict[tuple[str, bytes | None], str] = {}
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        entry = parse_entry(info, text, f"{origin}:{number}")
        identity = (entry.table.name, entry.key.encode() if entry.key else None)
        if identity in seen:
            raise InputError(f"{entry.origin}: the same key as {seen[identity]}")
        seen[identity] = entry.origin
        entries.append(entry)
    return entries
