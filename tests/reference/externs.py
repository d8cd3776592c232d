# SPDX-License-Identifier: Apache-2.0
"""The objects of ubpf_externs.p4 as docs/externs.md describes them, bit by bit.

Of random numbers the least is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t

from . import values as v
from .lookup3 import lookup3

CRCS = {"CRC16": (0xA001, 0), "CRC32": (0xEDB88320, 0xFFFFFFFF), "CRC32C": (0x82F63B78, 0xFFFFFFFF)}
"""Polynomial with the bits reversed, and what the register begins with and is inverted by."""
_PRIMES = (
    0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
)  # fmt: skip
_MASK = (1 << 64) - 1


@dataclass
class Meter:
    """A meter of RFC 2698, whose buckets are not filled again but for what `more` says."""

    committed: int
    peak: int
    more: int
    """What might be in the bucket for the peak rate by now."""

    def execute(self, units: int, color: str) -> str:
        """The color of a packet that came with a color."""
        if color == "RED" or self.peak + self.more < units:
            return "RED"
        self.peak -= units
        if color == "YELLOW" or self.committed < units:
            return "YELLOW"
        self.committed -= units
        return "GREEN"


@dataclass
class Objects:
    """The state of a program's objects.

    Counts are [packets, bytes] by path and index, those of direct counters by path and the table's entry,
    None for the default action.  Records of digests are path, value and type.
    """

    counts: dict[tuple[str, Any], list[int]] = field(default_factory=dict)
    records: list[tuple[str, Any, t.Type]] = field(default_factory=list)
    entry: Any = None
    """That of the action that runs."""
    data: dict[model.Instance, bytes] = field(default_factory=dict)
    """What checksums have been given since they were cleared."""
    sums: dict[model.Instance, int] = field(default_factory=dict)
    meters: dict[tuple[str, Any], Meter] = field(default_factory=dict)
    """Those that the control plane has set, by path and index or entry, as counts."""

    def call(self, instance: model.Instance, method: str, args: list[tuple[Any, t.Type]], length: int) -> Any:
        """A method of an object on a packet of `length` bytes; `args` are values with their types."""
        match instance.decl.name, method:
            case "Counter", "count":
                size, index = instance.args["n_counters"], v.bits(*args[0])[0]
                assert isinstance(size, int)
                if index < size:
                    self._count(instance, index, length)
                return None
            case "DirectCounter", "count":
                self._count(instance, self.entry, length)
                return None
            case "Random", "read":
                return instance.args["min"]
            case "Digest", "pack":
                self.records.append((instance.path, *args[0]))
                return None
            case "Meter", "execute":
                size = instance.args["n_meters"]
                assert isinstance(size, int)
                index = v.bits(*args[0])[0]
                if index >= size:
                    return "RED"
                return self._color(instance, index, length, args[1:])
            case "DirectMeter", "execute":
                return self._color(instance, self.entry, length, args)
            case "Hash", "get_hash":
                return self._hash(instance, args)
            case "Checksum", _:
                return self._checksum(instance, method, args)
            case "InternetChecksum", _:
                return self._internet_checksum(instance, method, args)
        raise NotImplementedError(f"{instance.decl.name}.{method}")

    def _color(self, instance: model.Instance, index: Any, length: int, given: list[Any]) -> str:
        color = str(given[0][0]) if given else "GREEN"
        meter = self.meters.get((instance.path, index))
        if meter is None:
            return color
        return meter.execute(length if _member(instance, "type") == "BYTES" else 1, color)

    def _count(self, instance: model.Instance, index: Any, length: int) -> None:
        count = self.counts.setdefault((instance.path, index), [0, 0])
        count[0] += 1
        count[1] += length

    @staticmethod
    def _hash(instance: model.Instance, args: list[tuple[Any, t.Type]]) -> int:
        data = v.bits(*args[0 if len(args) == 1 else 1])
        width = _result_width(instance)
        number = hash_bits(_member(instance, "algo"), *data)
        if len(args) == 3:
            number = args[0][0] + (number & _MASK) % args[2][0]
        return int(number & ((1 << width) - 1))

    def _checksum(self, instance: model.Instance, method: str, args: list[tuple[Any, t.Type]]) -> Any:
        if method == "clear":
            self.data[instance] = b""
        elif method == "update":
            self.data[instance] = self.data.get(instance, b"") + packed(*v.bits(*args[0]))
        else:
            data = self.data.get(instance, b"")
            number = hash_bits(_member(instance, "hash"), int.from_bytes(data, "big"), 8 * len(data))
            return number & ((1 << _result_width(instance)) - 1)
        return None

    def _internet_checksum(
        self, instance: model.Instance, method: str, args: list[tuple[Any, t.Type]]
    ) -> int | None:
        state = self.sums.get(instance, 0)
        match method:
            case "clear":
                state = 0
            case "set_state":
                state = args[0][0]
            case "add" | "subtract":
                number, width = v.bits(*args[0])
                if method == "subtract":
                    number ^= (1 << width) - 1
                state = ones_complement_sum(packed(number, width), state)
            case "get":
                return ~state & 0xFFFF
            case "get_state":
                return state
        self.sums[instance] = state
        return None


def _member(instance: model.Instance, name: str) -> str:
    value = instance.args[name]
    assert isinstance(value, model.EnumValue)
    return value.name


def _result_width(instance: model.Instance) -> int:
    assert isinstance(instance.type, t.ExternType)
    width = t.width_of(instance.type.args[0])
    assert width is not None
    return width


def packed(number: int, width: int) -> bytes:
    """The bits, most significant first, the last byte filled with zeros."""
    size = (width + 7) // 8
    return (number << (8 * size - width)).to_bytes(size, "big")


def hash_bits(algorithm: str, number: int, width: int) -> int:
    """A hash, by member of PSA_HashAlgorithm_t, of `width` bits."""
    data = packed(number, width)
    if algorithm == "IDENTITY":
        return number
    if algorithm in CRCS:
        return crc(data, *CRCS[algorithm])
    if algorithm == "ONES_COMPLEMENT16":
        return ~ones_complement_sum(data, 0) & 0xFFFF
    if algorithm == "XXHASH":
        return xxh64(data)
    return lookup3(data)


def crc(data: bytes, polynomial: int, ones: int) -> int:
    """A reflected CRC, one bit after the other."""
    register = ones
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (polynomial if register & 1 else 0)
    return register ^ ones


def ones_complement_sum(data: bytes, total: int) -> int:
    """RFC 1071: the sum of 16-bit words, the last one filled with zeros, with end-around carry."""
    for place in range(0, len(data), 2):
        total += int.from_bytes(data[place : place + 2].ljust(2, b"\0"), "big")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def xxh64(data: bytes) -> int:
    """XXH64 with seed 0, as its specification goes."""
    p1, p2, p3, p4, p5 = _PRIMES

    def rotate(x: int, n: int) -> int:
        return (x << n | x >> (64 - n)) & _MASK

    def round_(lane: int, word: int) -> int:
        return rotate((lane + word * p2) & _MASK, 31) * p1 & _MASK

    place = 0
    result = p5
    if len(data) >= 32:
        lanes = [(p1 + p2) & _MASK, p2, 0, -p1 & _MASK]
        while place + 32 <= len(data):
            for number in range(4):
                word = int.from_bytes(data[place : place + 8], "little")
                lanes[number] = round_(lanes[number], word)
                place += 8
        turned = zip(lanes, (1, 7, 12, 18), strict=True)
        result = sum(rotate(lane, amount) for lane, amount in turned) & _MASK
        for lane in lanes:
            result = ((result ^ round_(0, lane)) * p1 + p4) & _MASK
    result = (result + len(data)) & _MASK
    while place + 8 <= len(data):
        result ^= round_(0, int.from_bytes(data[place : place + 8], "little"))
        result = (rotate(result, 27) * p1 + p4) & _MASK
        place += 8
    if place + 4 <= len(data):
        result ^= int.from_bytes(data[place : place + 4], "little") * p1 & _MASK
        result = (rotate(result, 23) * p2 + p3) & _MASK
        place += 4
    for byte in data[place:]:
        result = rotate(result ^ byte * p5 & _MASK, 11) * p1 & _MASK
    result = (result ^ result >> 33) * p2 & _MASK
    result = (result ^ result >> 29) * p3 & _MASK
    return result ^ result >> 32
