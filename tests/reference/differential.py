# SPDX-License-Identifier: Apache-2.0
"""A program compiled and interpreted, with the same tables, registers and packets."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import ubpf
from p4rt.compiler.analysis import types as t

from .batch import Compiled
from .control_plane import METER, ControlPlane, key_bytes, number_at
from .guide import Guide
from .interpreter import Interpreter, Outcome
from .matching import number_of
from .packets import Packets
from .tables import Entry
from .values import Record, Val


class Disagreement(AssertionError):
    """The compiled program and the interpreter differ."""


class Pair(ControlPlane):
    """A program on both sides.

    The interpreter runs twice, with two meanings of what the language leaves undefined, and at two times:
    where the results differ, nothing is compared (`undefined` counts such packets).
    """

    def __init__(self, compiled: Compiled) -> None:
        super().__init__(compiled)
        self._first = {
            item["map"]: dict(self.compiled.maps[item["map"]].items()) for item in self.info["registers"]
        }
        self.compared = 0
        self.undefined = 0
        self.lost = False
        """Whether what meters of entries hold is no longer known."""
        self.verdicts: Counter[str] = Counter()
        self.covered: set[Any] = set()
        """What has run, as in the interpreter's trace."""

    # ---- Packets

    def fuzz(self, rng: random.Random, count: int) -> None:
        """Run `count` packets, each after what those before it showed; raises Disagreement."""
        packets = Packets(rng, self.program, Guide(self.references[0], rng))
        for packet in itertools.islice(packets, count):
            outcome = self.run(packet, rng.choice([0, 1, 2, 3, 5, 0xFFFFFFFF]), rng.getrandbits(48))
            verdict = "undefined" if outcome is None else outcome.verdict
            self.verdicts[verdict] += 1
            packets.keep(packet, (verdict, frozenset(self.references[0].trace)))
            self.covered |= self.references[0].trace
        self.compare_registers()
        if not self.undefined:
            self.compare_counters()
            self.compare_direct_counters()
            self.compare_digests()

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
        if self.lost or outcomes[0] != outcomes[1] or first != second:
            self.undefined += 1
            self._forget_registers()
            self._forget_meters()
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

    def compare_direct_counters(self) -> None:
        """What all entries and default actions have counted."""
        expected = self.references[0].objects.counts
        tables = {info["name"]: (decl, instance, info) for instance, decl, info in self.tables}
        for counter in self.info["direct_counters"]:
            decl, instance, info = tables[counter["table"]]
            state = self.references[0].tables[instance, decl]
            found: list[tuple[Entry | None, bytes | None]] = [(None, None)]
            if info["default"]["map"] is not None:
                found = [(None, self.compiled.maps[info["default"]["map"]].lookup(bytes(4)))]
            if info["map"] is not None:
                target = self.compiled.maps[info["map"]]
                found += [(entry, target.lookup(key_bytes(state, entry, info))) for entry in state.entries]
            for entry, data in found:
                packets, length = expected.get((counter["name"], entry), [0, 0])
                counts = {"packets": packets, "bytes": length}
                for slot in counter["value"]:
                    have = 0 if data is None else number_at(slot, data)
                    if have != counts[slot["name"]]:
                        raise Disagreement(f"{counter['name']} of {entry}: {have}, not {counts}")

    def compare_digests(self) -> None:
        """The records that were sent, in their order."""
        for digest in self.info["digests"]:
            expected = [
                _flat(value, type_)
                for name, value, type_ in self.references[0].objects.records
                if name == digest["name"]
            ]
            ring = self.compiled.maps[digest["map"]]
            data = [value[4:] for _, value in sorted(ring.items(), key=lambda item: item[0][::-1])]
            have = [{slot["name"]: number_at(slot, record) for slot in digest["value"]} for record in data]
            if have != expected[-digest["size"] :]:
                raise Disagreement(f"{digest['name']} holds {have}, not {expected}")

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

    def _forget_meters(self) -> None:
        """Meters as if they had never been set, on all sides."""
        direct = {info["name"] for info in self.info["direct_meters"]}
        self.lost |= any(name in direct for name, _ in self.references[0].objects.meters)
        for reference in self.references:
            reference.objects.meters.clear()
        for info in self.info["meters"]:
            for index in range(info["size"]):
                self.compiled.maps[info["map"]].update(index.to_bytes(4, "little"), bytes(METER.size))


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
