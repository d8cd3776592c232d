# SPDX-License-Identifier: Apache-2.0
"""Random entries of tables, profiles and value sets, put where docs/program-info.md says, on both sides."""

from __future__ import annotations

import random
import struct
from functools import cached_property
from typing import Any

import ubpf
from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .batch import Compiled
from .externs import Meter
from .interpreter import Interpreter
from .matching import Match, number_of
from .parsers import initial_set
from .tables import Action, Entry, ProfileState, Reference, TableState, initial_state
from .values import Val

Info = dict[str, Any]
METER = struct.Struct("<8Q")
"""A `struct ubpf_meter`: committed rate and burst, peak rate and burst, and what is the engine's."""


class ControlPlane:
    """A program on both sides, and what the control plane puts into it.

    The interpreter is there twice, with two meanings of what the language leaves undefined.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.program = compiled.program
        self.info = compiled.info
        self.compiled = ubpf.Program(compiled.object)
        self.references = [Interpreter(self.program, keep) for keep in (True, False)]
        self.profiles: dict[str, ProfileState] = {}

    def populate(self, rng: random.Random, count: int) -> None:
        """Random entries, up to `count` for each table that takes any, and random default actions."""
        for instance, decl, info in self.tables:
            state = self.references[0].tables.get((instance, decl))
            if state is None:
                state = initial_state(self.program.tables[decl])
            if info.get("profile") is not None:
                state.profile = self._profile(rng, state, instance, info["profile"])
            if not info["const_entries"] and info["map"] is not None:
                for _ in range(rng.randrange(count + 1)):
                    self._add(rng, state, instance, info)
            default = info["default"]
            if default["map"] is not None and not default["const"] and rng.random() < 0.5:
                self._set_default(rng, state, instance, info)
            for reference in self.references:
                reference.tables[instance, decl] = state
        self._populate_sets(rng)
        self._populate_meters(rng)

    # ---- Tables

    @cached_property
    def tables(self) -> list[tuple[model.Instance, ast.TableDecl, Info]]:
        """Every table with the control it is in and what the object says about it."""
        assert self.program.main is not None
        described = {item["name"]: item for item in self.info["tables"]}
        found = []
        for instance in _inside(self.program.main.args["p"], ast.ControlDecl) if described else ():
            for node in ast.walk(instance.decl):
                if isinstance(node, ast.TableDecl):
                    name = self.program.path_of(node, instance)
                    if name in described:
                        found.append((instance, node, described[name]))
        return found

    def _add(self, rng: random.Random, state: TableState, instance: model.Instance, info: Info) -> None:
        keys = tuple(random_match(rng, key.type, key.match_kind) for key in state.info.keys)
        priority = rng.randrange(1, 9) if info["map_type"] == "ternary" else 0
        if any((entry.keys, entry.priority) == (keys, priority) for entry in state.entries):
            return
        if len(state.entries) >= info["size"]:
            return
        made: tuple[Action | Reference, bytes] | None
        if state.profile is not None:
            made = _reference(rng, state.profile)
        else:
            made = self._action(rng, state, instance, info, info["value_size"], "default_only")
        if made is not None:
            entry = Entry(keys, made[0], priority)
            value = bytearray(made[1])
            self._fill_state(rng, info, entry, value)
            flags = ubpf.UpdateFlags.STATE if "state_size" in info else ubpf.UpdateFlags.ANY
            self.compiled.maps[info["map"]].update(key_bytes(state, entry, info), bytes(value), flags)
            state.entries.append(entry)

    def _fill_state(self, rng: random.Random, info: Info, entry: Entry, value: bytearray) -> None:
        """Put a timeout and rates into an entry's state."""
        aging = info.get("idle_timeout")
        if aging is not None and rng.random() < 0.5:
            place_word(value, aging["offset"], 10**15)
        for meter in self.info["direct_meters"]:
            if meter["table"] == info["name"] and rng.random() < 0.6:
                at = meter["offset"]
                value[at : at + METER.size] = self._meter(rng, (meter["name"], entry))

    def _set_default(
        self, rng: random.Random, state: TableState, instance: model.Instance, info: Info
    ) -> None:
        size = info["default"].get("value_size", info["value_size"])
        made = self._action(rng, state, instance, info, size, "table_only")
        if made is not None:
            action, value = made
            self.compiled.maps[info["default"]["map"]].update(bytes(4), value)
            state.default = action

    def _action(
        self,
        rng: random.Random,
        state: TableState,
        instance: model.Instance,
        info: Info,
        value_size: int,
        forbidden: str,
    ) -> tuple[Action, bytes] | None:
        """A random action with arguments, and its bytes in a value."""
        choices = [n for n, item in enumerate(state.info.actions) if item.scope != forbidden]
        if not choices:
            return None
        choice = rng.choice(choices)
        action = state.info.actions[choice]
        owned = action.decl in instance.decl.locals  # type: ignore[union-attr]
        name = self.program.path_of(action.decl, instance if owned else None)
        described = next(item for item in info["actions"] if item["name"] == name)
        value = bytearray(value_size)
        place(info["action_code"], described["code"], value)
        args = []
        for param, slot in zip(action.params, described["params"], strict=True):
            arg = random_value(rng, param.type)
            args.append(arg)
            place(slot, number_of(arg, param.type)[0], value)
        return Action(choice, tuple(args)), bytes(value)

    # ---- Action profiles

    def _profile(
        self, rng: random.Random, state: TableState, instance: model.Instance, name: str
    ) -> ProfileState:
        """A profile with members and groups, some of them new or changed."""
        info = next(item for item in self.info["profiles"] if item["name"] == name)
        if name not in self.profiles:
            assert self.program.main is not None
            places = _inside(self.program.main.args["p"], ast.ControlDecl)
            members = [member for place_ in places for member in place_.members.values()]
            self.profiles[name] = ProfileState(next(item for item in members if item.path == name))
        profile = self.profiles[name]
        for _ in range(rng.randrange(1, 4)):
            number = rng.randrange(1, 5)
            made = self._action(rng, state, instance, info, info["value_size"], "default_only")
            if made is not None:
                profile.members[number], value = made
                self.compiled.maps[info["map"]].update(number.to_bytes(4, "little"), value)
        groups = info.get("groups")
        if groups is not None and profile.members:
            number = rng.randrange(1, 4)
            names = sorted(profile.members)
            chosen = [rng.choice(names) for _ in range(rng.randrange(min(groups["max_size"], 9) + 1))]
            profile.groups[number] = chosen
            target = self.compiled.maps[groups["map"]]
            words = [len(chosen), *chosen]
            data = b"".join(word.to_bytes(4, "little") for word in words)
            target.update(number.to_bytes(4, "little"), data.ljust(target.value_size, b"\0"))
        return profile

    # ---- Meters

    def _populate_meters(self, rng: random.Random) -> None:
        """Set some elements of arrays of meters."""
        for info in self.info["meters"]:
            for index in range(info["size"]):
                if rng.random() < 0.6:
                    value = self._meter(rng, (info["name"], index))
                    self.compiled.maps[info["map"]].update(index.to_bytes(4, "little"), value)

    def _meter(self, rng: random.Random, key: tuple[str, Any]) -> bytes:
        """Rates of a meter, of which next to nothing comes back while the test runs."""
        committed, peak = (rng.choice([0, 1, 2, 60, 150, 1000]) for _ in range(2))
        for more, reference in enumerate(self.references):
            reference.objects.meters[key] = Meter(committed, peak, more)
        return METER.pack(0, committed, 1, peak, 0, 0, 0, 0)

    # ---- Value sets

    def _populate_sets(self, rng: random.Random) -> None:
        described = {item["name"]: item for item in self.info["value_sets"]}
        assert self.program.main is not None
        for instance in _inside(self.program.main.args["prs"], ast.ParserDecl) if described else ():
            for decl in ast.walk(instance.decl):
                info = described.get(self.program.path_of(decl, instance)) if _is_set(decl) else None
                if info is not None:
                    assert isinstance(decl, ast.ValueSetDecl)
                    self._fill_set(rng, instance, decl, info)

    def _fill_set(
        self, rng: random.Random, instance: model.Instance, decl: ast.ValueSetDecl, info: Info
    ) -> None:
        state = self.references[0].value_sets.get((instance, decl)) or initial_set(self.program, decl)
        for _ in range(rng.randrange(4)):
            member = tuple(random_match(rng, *key) for key in state.keys)
            if member not in state.members and len(state.members) < info["size"]:
                kinds = [kind for _, kind in state.keys]
                slots = list(zip(info["key"], member, kinds, strict=True))
                self.compiled.maps[info["map"]].update(packed_key(info, slots, 0), bytes(info["value_size"]))
                state.members.append(member)
        for reference in self.references:
            reference.value_sets[instance, decl] = state


def _is_set(node: ast.Node) -> bool:
    return isinstance(node, ast.ValueSetDecl)


def _inside(instance: Any, kind: type[ast.Node]) -> list[model.Instance]:
    """An instance and those in it, of parsers or of controls."""
    if not isinstance(instance, model.Instance):
        return []
    found = [instance] if isinstance(instance.decl, kind) else []
    for member in instance.members.values():
        found += _inside(member, kind)
    return found


def _reference(rng: random.Random, profile: ProfileState) -> tuple[Reference, bytes] | None:
    """A member, or a group, and its bytes in an entry's value."""
    choices = [Reference(number, 0) for number in profile.members]
    choices += 2 * [Reference(0, number) for number in profile.groups]
    if not choices:
        return None
    chosen = rng.choice(choices)
    return chosen, chosen.member.to_bytes(4, "little") + chosen.group.to_bytes(4, "little")


# ---- Bytes


def key_bytes(state: TableState, entry: Entry, info: Info) -> bytes:
    """The key of an entry for the control plane."""
    slots = []
    for declared, match in zip(state.info.keys, entry.keys, strict=True):
        if declared.match_kind != "selector":
            slot = next(item for item in info["key"] if item["name"] == declared.name)
            slots.append((slot, match, declared.match_kind))
    return packed_key(info, slots, entry.priority)


def packed_key(info: Info, slots: list[tuple[Info, Match, str]], priority: int) -> bytes:
    """The key of a map of type `info["map_type"]`."""
    data, mask = bytearray(info["key_size"]), bytearray(info["key_size"])
    for slot, (first, second), kind in slots:
        place(slot, first, data)
        if kind == "lpm":
            width = slot["width"]
            place(slot, ((1 << second) - 1) << (width - second), mask)
            if "prefix_len" in info:
                place(info["prefix_len"], info["prefix_len"]["base_bits"] + second, data)
        else:
            place(slot, second, mask)
    if info["map_type"] == "ternary":
        return priority.to_bytes(8, "little") + bytes(data) + bytes(mask)
    return bytes(data)


def place(slot: dict[str, Any], value: int, into: bytearray) -> None:
    """Write a field as docs/program-info.md says."""
    if slot.get("match") == "range" and slot.get("signed"):
        value ^= 1 << (slot["width"] - 1)
    data = (value << slot.get("shift", 0)).to_bytes(slot["size"], slot["order"])
    into[slot["offset"] : slot["offset"] + slot["size"]] = data


def place_word(into: bytearray, offset: int, value: int) -> None:
    """Write a word of 64 bits."""
    into[offset : offset + 8] = value.to_bytes(8, "little")


def number_at(slot: dict[str, Any], data: bytes) -> int:
    """Read a field."""
    part = data[slot["offset"] : slot["offset"] + slot["size"]]
    return int.from_bytes(part, slot["order"]) >> slot.get("shift", 0)


def random_value(rng: random.Random, type_: t.Type) -> Val:
    """Any value of a scalar type, small and extreme ones more often."""
    opened = t.strip(type_)
    if isinstance(opened, t.BoolType):
        return rng.random() < 0.5
    if isinstance(opened, t.EnumType):
        return rng.choice(opened.members)
    width = t.width_of(opened)
    assert width is not None
    return v.from_bits(random_bits(rng, width), opened)


def random_match(rng: random.Random, type_: t.Type, kind: str) -> Match:
    """What an entry may ask of a key element."""
    number, width = number_of(random_value(rng, type_), type_)
    full = (1 << width) - 1
    match kind:
        case "selector":
            return 0, 0
        case "lpm":
            length = rng.randrange(width + 1)
            return number >> (width - length) << (width - length), length
        case "ternary":
            mask = rng.choice([0, full, random_bits(rng, width)])
            return number & mask, mask
        case "optional" if rng.random() < 0.4:
            return 0, 0
        case "range":
            other, _ = number_of(random_value(rng, type_), type_)
            sign = 1 << (width - 1) if isinstance(t.strip(type_), t.IntType) else 0
            low, high = sorted((number, other), key=lambda item: item ^ sign)
            return low, high
    return number, full


def random_bits(rng: random.Random, width: int) -> int:
    """A number of `width` bits."""
    full = (1 << width) - 1
    choice = rng.randrange(8)
    if choice < 3:
        return rng.randrange(8) & full
    if choice == 3:
        return full
    if choice == 4:
        return 1 << (width - 1)
    return rng.getrandbits(width)
