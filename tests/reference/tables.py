# SPDX-License-Identifier: Apache-2.0
"""Tables (P4_16 section 14.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .expressions import ApplyResult
from .externs import Objects, hash_bits
from .matching import Match, number_of, wanted_by
from .parsers import Parsers
from .values import Val


@dataclass
class Action:
    """An action with the control plane's arguments; `choice` is its place in the table's list."""

    choice: int
    args: tuple[Val, ...]


@dataclass
class Reference:
    """What an entry of a table with an action profile refers to: a member, or a group if that is 0."""

    member: int
    group: int


@dataclass
class ProfileState:
    """Members of an action profile by number, and groups: numbers of members, as often as their weight."""

    instance: model.Instance
    members: dict[int, Action] = field(default_factory=dict)
    groups: dict[int, list[int]] = field(default_factory=dict)

    def pick(self, reference: Reference, data: tuple[int, int]) -> Action | None:
        """The member's action; of a group's members that which the hash of `data` picks, None for none."""
        if reference.member:
            return self.members[reference.member]
        members = self.groups[reference.group]
        if not members:
            return None
        algorithm, width = self.instance.args["algo"], self.instance.args["outputWidth"]
        assert isinstance(algorithm, model.EnumValue) and isinstance(width, int)
        number = hash_bits(algorithm.name, *data) & ((1 << width) - 1)
        return self.members[members[number % len(members)]]


@dataclass(eq=False)
class Entry:
    """An entry of a table."""

    keys: tuple[Match, ...]
    action: Action | Reference
    priority: int = 0


@dataclass
class TableState:
    """What the control plane put into a table; `default` None is NoAction."""

    info: model.TableInfo
    entries: list[Entry] = field(default_factory=list)
    default: Action | None = None
    profile: ProfileState | None = None


def initial_state(info: model.TableInfo) -> TableState:
    """A table with the entries and default action that the source gives."""
    state = TableState(info)
    if info.default is not None:
        state.default = _action(info, info.default)
    for entry in info.entries:
        keys = [_key(keyset, key) for keyset, key in zip(entry.keysets, info.keys, strict=True)]
        state.entries.append(Entry(tuple(keys), _action(info, entry.action), entry.priority or 0))
    return state


def _action(info: model.TableInfo, given: model.ActionValue) -> Action:
    choice = next(n for n, item in enumerate(info.actions) if item.decl is given.action.decl)
    return Action(choice, tuple(v.from_model(value, param.type) for param, value in given.args))


def _key(keyset: model.Keyset, key: model.TableKey) -> tuple[int, int]:
    width = t.width_of(key.type) or 32
    full = (1 << width) - 1
    match keyset:
        case model.ExactSet(value):
            number, _ = number_of(v.cast(v.from_model(value, key.type), key.type), key.type)
            return number, {"lpm": width, "range": number}.get(key.match_kind, full)
        case model.MaskSet(value, mask) if key.match_kind == "lpm":
            return value & mask & full, bin(mask & full).count("1")
        case model.MaskSet(value, mask):
            return value & mask & full, mask & full
        case model.RangeSet(low, high):
            return low & full, high & full
        case model.AnySet() if key.match_kind == "range":
            low = 1 << (width - 1) if isinstance(t.strip(key.type), t.IntType) else 0
            return low, low ^ full
        case model.AnySet():
            return 0, 0
    raise NotImplementedError(f"keyset {keyset} in an entry")


class Tables(Parsers):
    """Part of the interpreter: tables."""

    tables: dict[tuple[model.Instance | None, ast.TableDecl], TableState]
    objects: Objects

    def apply_table(self, decl: ast.TableDecl) -> ApplyResult:
        """Look up and run the action."""
        key = (self.instance, decl)
        state = self.tables.get(key)
        if state is None:
            state = self.tables[key] = initial_state(self.program.tables[decl])
        info = state.info
        values = [v.copy(self.value(item.expr)) for item in info.keys]
        entry = _lookup(state, values)
        action = entry.action if entry is not None else state.default
        if isinstance(action, Reference):
            action = self._picked(state, action, values)
        if action is None:
            return ApplyResult(False, "NoAction")
        self.trace.add((decl, action.choice, entry is None))
        chosen = info.actions[action.choice]
        self.objects.entry = entry
        self._run_action(chosen, action)
        return ApplyResult(entry is not None, chosen.decl.name)

    def _picked(self, state: TableState, reference: Reference, values: list[Val]) -> Action:
        """The action of a member, or that for groups without any."""
        assert state.profile is not None
        number = total = 0
        for value, key in zip(values, state.info.keys, strict=True):
            if key.match_kind == "selector":
                bits, width = number_of(value, key.type)
                number, total = number << width | bits, total + width
        picked = state.profile.pick(reference, (number, total))
        if picked is not None:
            return picked
        empty = state.info.properties["psa_empty_group_action"].value
        name = empty.target if isinstance(empty, ast.Call) else empty
        assert isinstance(name, ast.Name)
        names = [item.decl.name for item in state.info.actions]
        return Action(names.index(name.id), ())

    def _run_action(self, chosen: model.TableAction, action: Action) -> None:
        bound = self.bind(chosen.bound)
        supplied = zip(chosen.params, action.args, strict=True)
        bound += [(param, v.copy(value), None) for param, value in supplied]
        self.invoke(bound, lambda: self.run_block(chosen.decl.body))


def _lookup(state: TableState, values: list[Val]) -> Entry | None:
    """The entry with the highest priority, among equals the oldest; without priorities the longest prefix."""
    best: tuple[int, Entry] | None = None
    has_priority = any(key.match_kind in ("ternary", "range", "optional") for key in state.info.keys)
    for entry in state.entries if values else ():
        rank = entry.priority
        for value, key, wanted in zip(values, state.info.keys, entry.keys, strict=True):
            if not wanted_by(value, key.type, key.match_kind, wanted):
                break
            if key.match_kind == "lpm" and not has_priority:
                rank = wanted[1]
        else:
            if best is None or rank > best[0]:
                best = (rank, entry)
    return None if best is None else best[1]
