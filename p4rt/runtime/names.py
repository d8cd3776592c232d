# SPDX-License-Identifier: Apache-2.0
"""Finding a table, field, action or program by the name that a user typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from p4rt.runtime.errors import InputError

_PROGRAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,63}\Z")


class Named(Protocol):
    """Anything with a P4 name."""

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def resolve(typed: str, items: Sequence[T], what: str, where: str) -> T:
    """Finds the one of `items` that `typed` names: its whole name, its alias, or a dotted suffix
    of its name that no other has.

    `h.isValid()` stands for `h.$valid$`.  InputError says which there are; `what` is what they
    are, `where` whose they are."""
    name = canonical(typed)
    for item in items:
        if item.name == name:
            return item
    found = [i for i in items if getattr(i, "alias", None) == name] or [
        i for i in items if i.name.endswith(f".{name}")
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{what} {typed} of {where} could be {' or '.join(i.name for i in found)}")
    known = ", ".join(i.name for i in items)
    raise InputError(f"{where} has no {what} {typed} ({plural(what)}: {known or 'none'})")


def plural(what: str) -> str:
    """The plural of the name of a kind of thing."""
    return what[:-1] + "ies" if what.endswith("y") and what[-2] not in "aeiou" else what + "s"


def canonical(typed: str) -> str:
    """The P4Info spelling of a name as typed."""
    name = typed.strip()
    if name.endswith("isValid()"):
        name = name.removesuffix("isValid()") + "$valid$"
    elif name.endswith("$valid"):
        name += "$"
    return name


def check_program_name(name: str) -> str:
    """Returns `name` if the switch accepts it for a program, raises InputError otherwise."""
    if not _PROGRAM_NAME.match(name):
        raise InputError(f"'{name}' cannot name a program: use 1 to 63 of A-Z a-z 0-9 _ . -")
    if name.isdigit():
        raise InputError(f"'{name}' cannot name a program: a number is an id")
    return name


def program_name(stem: str) -> str:
    """Makes a valid program name of the stem of a file name."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", stem)[:63] or "program"
    return f"prog{name}"[:63] if name.isdigit() else name
