# SPDX-License-Identifier: Apache-2.0
"""Entries as JSON: an array of what `Entry.to_json()` gives, which is what `--format json` prints."""

from __future__ import annotations

import json
from typing import Any

from p4rt.runtime.entries import Entry, ParsedText, read_entry
from p4rt.runtime.errors import InputError
from p4rt.runtime.info import ProgramInfo

_NAMES = ("table", "value_set", "profile")
_READ_ONLY = {"idle_ns"}
_KNOWN = {
    *_NAMES, *_READ_ONLY, "key", "priority", "default", "action", "params", "member", "group", "members",
    "idle_timeout_ns",
}  # fmt: skip


def parse_json(info: ProgramInfo, text: str, origin: str) -> list[Entry]:
    """Reads an array of entries; `origin` is the file's name.  Raises InputError."""
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as e:
        where = f":{e.lineno}" if isinstance(e, json.JSONDecodeError) else ""
        raise InputError(f"{origin}{where}: not JSON") from None
    if not isinstance(items, list):
        raise InputError(f"{origin}: not an array of entries")
    found = []
    for number, item in enumerate(items):
        where = f"{origin}[{number}]"
        try:
            parts = _parts(item)
        except InputError as e:
            raise InputError(f"{where}: {e}") from None
        found.append(read_entry(info, parts, where))
    return found


def _parts(item: Any) -> ParsedText:
    """An entry's parts as texts, before anything is looked up."""
    if not isinstance(item, dict):
        raise InputError("an entry is an object")
    unknown = sorted(set(item) - _KNOWN)
    if unknown:
        raise InputError(f"an entry has no '{unknown[0]}'")
    names = [name for name in _NAMES if name in item]
    if len(names) != 1 or not isinstance(item[names[0]], str):
        raise InputError("an entry names one table, value_set or profile")
    key = _object(item, "key")
    pairs = [(name, _match(name, value)) for name, value in key.items()]
    if "priority" in item:
        pairs.append(("priority", _scalar("priority", item["priority"])))
    timeout = f"{item['idle_timeout_ns']}ns" if item.get("idle_timeout_ns") else None
    members = item.get("members")
    return ParsedText(
        item[names[0]], tuple(pairs), item.get("default") is True, _call(item), timeout,
        None if members is None else _members(members), names[0] == "profile",
    )  # fmt: skip


def _call(item: dict[str, Any]) -> str | None:
    """The action, or the member or group referred to, as text."""
    given = [name for name in ("action", "member", "group") if name in item]
    if not given:
        return None
    if len(given) > 1:
        raise InputError(f"an entry has one of {' and '.join(given)}")
    if given[0] != "action":
        return f"{given[0]}({_scalar(given[0], item[given[0]])})"
    if not isinstance(item["action"], str):
        raise InputError("'action' is a name")
    params = (f"{name}={_scalar(name, value)}" for name, value in _object(item, "params").items())
    return f"{item['action']}({','.join(params)})"


def _match(name: str, value: Any) -> str:
    """What is asked of a field, as text."""
    if not isinstance(value, dict):
        return _scalar(name, value)
    for names, sign in (("value", "prefix_len"), "/"), (("value", "mask"), "&&&"), (("low", "high"), ".."):
        if set(value) == set(names):
            return sign.join(_scalar(name, value[part]) for part in names)
    raise InputError(f"'{name}' is a value, or value and prefix_len, value and mask, low and high")


def _members(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError("'members' is an array of objects with 'member' and 'weight'")
    texts = (f"{_scalar('member', m.get('member'))}:{_scalar('weight', m.get('weight', 1))}" for m in value)
    return f"[{','.join(texts)}]"


def _object(item: dict[str, Any], name: str) -> dict[str, Any]:
    value = item.get(name, {})
    if not isinstance(value, dict):
        raise InputError(f"'{name}' is an object")
    return value


def _scalar(name: str, value: Any) -> str:
    """A number or text as text, which may not hold what separates values."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and not set(value) & set(",()[]="):
        return value
    raise InputError(f"'{name}' is a number or a text")
