# SPDX-License-Identifier: Apache-2.0
"""A program compiled and interpreted, with the same tables, registers and packets."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from functools import cached_property
from typing import Any

import ubpf
from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .batch import Compiled
from .interpreter import Interpreter, Outcome
from .packets import Packets
from .tables import Action, Entry, TableState, initial_state, number_of
from .values import Record, Val


class Disagreement(AssertionError):
    """The compiled program and the interpreter differ."""


class Pair:
    """A program on both sides.

    The interpreter runs twice, with two meanings of what the language leaves undefined, and at two times:
    where the results differ, nothing is compared (`undefined` counts such packets).
    """

    def __init__(self, compiled: Compiled) -> None:
        self.program = compiled.program
        self.info = compiled.info
        self.compiled = ubpf.Program(compiled.object)
        self.references = [Interpreter(self.program, keep) for keep in (True, False)]
        self._first = {
            item["map"]: dict(self.compiled.maps[item["map"]].items()) for item in self.info["registers"]
        }
        self.compared = 0
        self.undefined = 0
        self.verdicts: Counter[str] = Counter()
        self.covered: set[Any] = set()
        """What has run, as in the interpreter's trace."""

    # ---- Tables

    @cached_property
    def tables(self) -> list[tuple[model.Instance, ast.TableDecl, dict[str, Any]]]:
        """Every table with the control it is in and what the object says about it."""
        assert self.program.main is not None
        described = {item["name"]: item for item in self.info["tables"]}
        found = []
        pipeline = self.program.main.args["p"]
        assert isinstance(pipeline, model.Instance)
        for instance in _controls(pipeline):
            for node in ast.walk(instance.decl):
                if isinstance(node, ast.TableDecl):
                    name = self.program.path_of(node, instance)
                    if name in described:
                        found.append((instance, node, described[name]))
        return found

    def populate(self, rng: random.Random, count: int) -> None:
        """Random entries, up to `count` for each table that takes any, and random default actions."""
        for instance, decl, info in self.tables:
            state = self.references[0].tables.get((instance, decl))
            if state is None:
                state = initial_state(self.program.tables[decl])
            if not info["const_entries"] and info["map"] is not None:
                for _ in range(rng.randrange(count + 1)):
                    self._add(rng, state, instance, info)
            if info["default"]["map"] is not None and rng.random() < 0.5:
                self._set_default(rng, state, instance, info)
            for reference in self.references:
                reference.tables[instance, decl] = state

    def _add(
        self, rng: random.Random, state: TableState, instance: model.Instance, info: dict[str, Any]
    ) -> None:
        data, mask = bytearray(info["key_size"]), bytearray(info["key_size"])
        parts: list[tuple[int, int]] = []
        for declared in state.info.keys:
            described = next(item for item in info["key"] if item["name"] == declared.name)
            first, second = random_match(rng, declared)
            place(described, first, data)
            if declared.match_kind == "lpm":
                width = described["width"]
                place(described, ((1 << second) - 1) << (width - second), mask)
                if "prefix_len" in info:
                    place(info["prefix_len"], info["prefix_len"]["base_bits"] + second, data)
            else:
                place(described, second, mask)
            parts.append((first, second))
        priority = rng.randrange(1, 9) if info["map_type"] == "ternary" else 0
        keys = tuple(parts)
        if any((entry.keys, entry.priority) == (keys, priority) for entry in state.entries):
            return
        if len(state.entries) >= info["size"]:
            return
        made = self._action(rng, state, instance, info, "default_only")
        if made is not None:
            action, value_bytes = made
            key = bytes(data)
            if info["map_type"] == "ternary":
                key = priority.to_bytes(8, "little") + key + bytes(mask)
            self.compiled.maps[info["map"]].update(key, value_bytes)
            state.entries.append(Entry(keys, action, priority))

    def _set_default(
        self, rng: random.Random, state: TableState, instance: model.Instance, info: dict[str, Any]
    ) -> None:
        made = self._action(rng, state, instance, info, "table_only")
        if made is not None:
            action, value = made
            self.compiled.maps[info["default"]["map"]].update(bytes(4), value)
            state.default = action

    def _action(
        self,
        rng: random.Random,
        state: TableState,
        instance: model.Instance,
        info: dict[str, Any],
        forbidden: str,
    ) -> tuple[Action, bytes] | None:
        """A random action with arguments, and its bytes in the table's value."""
        choices = [n for n, item in enumerate(state.info.actions) if item.scope != forbidden]
        if not choices:
            return None
        choice = rng.choice(choices)
        action = state.info.actions[choice]
        owned = action.decl in instance.decl.locals  # type: ignore[union-attr]
        name = self.program.path_of(action.decl, instance if owned else None)
        described = next(item for item in info["actions"] if item["name"] == name)
        value = bytearray(info["value_size"])
        place(info["action_code"], described["code"], value)
        args = []
        for param, slot in zip(action.params, described["params"], strict=True):
            arg = random_value(rng, param.type)
            args.append(arg)
            place(slot, number_of(arg, param.type)[0], value)
        return Action(choice, tuple(args)), bytes(value)

    # ---- Packets

    def fuzz(self, rng: random.Random, count: int) -> None:
        """Run `count` packets, each after what those before it showed; raises Disagreement."""
        packets = Packets(rng, self.program)
        for packet in itertools.islice(packets, count):
            outcome = self.run(packet, rng.choice([0, 1, 2, 3, 5, 0xFFFFFFFF]), rng.getrandbits(48))
            verdict = "undefined" if outcome is None else outcome.verdict
            self.verdicts[verdict] += 1
            packets.keep(packet, (verdict, frozenset(self.references[0].trace)))
            self.covered |= self.references[0].trace
        self.compare_registers()
        if not self.undefined:
            self.compare_counters()

    def run(self, packet: bytes, input_port: int = 0, now: int = 0) -> Outcome | None:
        """Run a packet on both sides; the result is what it gave, None when that is undefined.

        Raises Disagreement.
        """
        outcomes = []
        for reference, clock in zip(self.references, (now, now + 1), strict=True):
            reference.now = clock
            outcomes.append(reference.run(packet, input_port=input_port))
        result = self.compiled.run(packet, input_port=input_port)
        have = _outcome(result, outcomes[0])
        first, second = map(self._registers, self.references)
        if outcomes[0] != outcomes[1] or first != second:
            self.undefined += 1
            self._forget_registers()
            return None
        self.compared += 1
        if have != outcomes[0]:
            raise Disagreement(
                f"packet {packet.hex()} on port {input_port}:\n"
                f"  compiled  {_show(have)}\n  reference {_show(outcomes[0])}"
            )
        for name, elements in first.items():
            for index, expected in elements.items():
                mine = self._compiled_element(name, index)
                if mine != expected:
                    raise Disagreement(
                        f"packet {packet.hex()} on port {input_port}: {name}[{index}]\n"
                        f"  compiled  {mine}\n  reference {expected}"
                    )
        return outcomes[0]

    # ---- Registers

    def _registers(self, reference: Interpreter) -> dict[str, dict[int, dict[str, int]]]:
        """The elements of all registers that were written, as numbers by field; of small ones all."""
        return {
            instance.path: {
                n: _flat(register.read(n), register.type)
                for n in (range(register.size) if register.size <= 8 else sorted(register.elements))
            }
            for instance, register in sorted(reference.registers.items(), key=lambda item: item[0].path)
        }

    def _compiled_element(self, name: str, index: int) -> dict[str, int]:
        info = next(item for item in self.info["registers"] if item["name"] == name)
        data = self.compiled.maps[info["map"]].lookup(index.to_bytes(4, "little"))
        assert data is not None
        return {slot["name"]: number_at(slot, data) for slot in info["value"]}

    def compare_registers(self) -> None:
        """All elements of all registers: none was written that should not have been."""
        written = self._registers(self.references[0])
        for info in self.info["registers"]:
            for key, data in self.compiled.maps[info["map"]].items():
                index = int.from_bytes(key, "little")
                begun = self._first[info["map"]][key]
                if data != begun and index not in written.get(info["name"], {}):
                    raise Disagreement(f"{info['name']}[{index}] was not written, and holds {data.hex()}")

    def compare_counters(self) -> None:
        """What all elements of counter arrays have counted."""
        expected = self.references[0].objects.counts
        for info in self.info["counters"]:
            for key, data in self.compiled.maps[info["map"]].items():
                words = [int.from_bytes(data[i : i + 8], "little") for i in range(0, len(data), 8)]
                packets, length = expected.get((info["name"], int.from_bytes(key, "little")), [0, 0])
                names = [slot["name"] for slot in info["value"]]
                wanted = [packets if name == "packets" else length for name in names]
                if words != wanted:
                    raise Disagreement(f"{info['name']}[{key.hex()}] holds {words}, not {wanted}")

    def _forget_registers(self) -> None:
        """All registers to what they began with, on all sides."""
        for reference in self.references:
            reference.registers.clear()
        for info in self.info["registers"]:
            target = self.compiled.maps[info["map"]]
            for key, data in list(target.items()):
                begun = self._first[info["map"]][key]
                if data != begun:
                    target.update(key, begun)


def _controls(instance: model.Instance) -> list[model.Instance]:
    found = [instance] if isinstance(instance.decl, ast.ControlDecl) else []
    for member in instance.members.values():
        found += _controls(member)
    return found


def _flat(value: Val, type_: t.Type, name: str = "") -> dict[str, int]:
    if isinstance(value, Record):
        result: dict[str, int] = {}
        for field in value.type.fields:
            inner = f"{name}.{field.name}" if name else field.name
            result |= _flat(value.fields[field.name], field.type, inner)
        return result
    return {name: number_of(value, type_)[0]}


def _outcome(result: ubpf.RunResult, like: Outcome) -> Outcome:
    verdict = result.verdict.name
    if verdict == "ABORT" or like.packet is None:
        return Outcome(verdict)
    port = result.output_port if verdict in ("REDIRECT", "RESUBMIT") else None
    return Outcome(verdict, port, result.packet, result.clone_port)


def _show(outcome: Outcome) -> str:
    packet = "-" if outcome.packet is None else outcome.packet.hex()
    return f"{outcome.verdict} port={outcome.output_port} clone={outcome.clone_port} {packet}"


def place(slot: dict[str, Any], value: int, into: bytearray) -> None:
    """Write a field as docs/program-info.md says."""
    if slot.get("match") == "range" and slot.get("signed"):
        value ^= 1 << (slot["width"] - 1)
    data = (value << slot.get("shift", 0)).to_bytes(slot["size"], slot["order"])
    into[slot["offset"] : slot["offset"] + slot["size"]] = data


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


def random_match(rng: random.Random, key: model.TableKey) -> tuple[int, int]:
    """What an entry may ask of a key element, as in `Entry`."""
    number, width = number_of(random_value(rng, key.type), key.type)
    full = (1 << width) - 1
    match key.match_kind:
        case "lpm":
            length = rng.randrange(width + 1)
            return number >> (width - length) << (width - length), length
        case "ternary":
            mask = rng.choice([0, full, random_bits(rng, width)])
            return number & mask, mask
        case "optional" if rng.random() < 0.4:
            return 0, 0
        case "range":
            other, _ = number_of(random_value(rng, key.type), key.type)
            sign = 1 << (width - 1) if isinstance(t.strip(key.type), t.IntType) else 0
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
