# SPDX-License-Identifier: Apache-2.0
"""Reading and setting meters by name: arrays, and those of table entries (RFC 2698)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p4rt.runtime.direct import DirectStates, EntryState
from p4rt.runtime.errors import InputError
from p4rt.runtime.extern_info import METER_SIZE, DirectMeter, Meter
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.maps import MapInfo, MapStore, find_map
from p4rt.runtime.names import resolve
from p4rt.runtime.references import parse_index, split_reference
from p4rt.runtime.values import parse_integer

_KEY = struct.Struct("<I")
_RATES = struct.Struct("<4Q")
_SUFFIXES = {"k": 1_000, "M": 1_000_000, "G": 1_000_000_000}
_NUMBER = re.compile(r"([0-9a-fA-Fx_]+)([kMG]?)\Z")
_NAMES = ("cir", "cbs", "pir", "pbs")


@dataclass(frozen=True)
class Rates:
    """Committed and peak rate, in units per second, and their bursts, in units; all zero: not set."""

    cir: int = 0
    cbs: int = 0
    pir: int = 0
    pbs: int = 0

    def format(self) -> str:
        """`cir=1000,cbs=2000,pir=3000,pbs=4000`, or `off`."""
        if not self.pir:
            return "off"
        return ",".join(f"{name}={getattr(self, name)}" for name in _NAMES)

    def encode(self) -> bytes:
        """A `struct ubpf_meter` whose buckets the engine fills."""
        return _RATES.pack(self.cir, self.cbs, self.pir, self.pbs).ljust(METER_SIZE, b"\0")

    @classmethod
    def decode(cls, data: bytes) -> Rates:
        """Reads a `struct ubpf_meter`."""
        return cls(*_RATES.unpack_from(data))


def parse_rates(text: str) -> Rates:
    """Reads `cir=1M,cbs=2000,pir=3M,pbs=4000`, or `off`.

    Without `pir` and `pbs` they are `cir` and `cbs`: nothing is yellow then.  k, M and G are powers of 1000.
    """
    if text.strip() == "off":
        return Rates()
    found: dict[str, int] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in _NAMES:
            raise InputError(f"'{part}' is not one of cir=RATE, cbs=BURST, pir=RATE, pbs=BURST (or 'off')")
        if name in found:
            raise InputError(f"{name} is given twice")
        found[name] = _number(name, value)
    missing = [name for name in ("cir", "cbs") if name not in found]
    if missing or ("pir" in found) != ("pbs" in found):
        missing = missing or [name for name in ("pir", "pbs") if name not in found]
        raise InputError(f"a meter needs {' and '.join(missing)}")
    rates = Rates(found["cir"], found["cbs"], found.get("pir", found["cir"]), found.get("pbs", found["cbs"]))
    if rates.pir < rates.cir:
        raise InputError(f"the peak rate {rates.pir} is less than the committed rate {rates.cir}")
    if not rates.pir:
        raise InputError("a peak rate of 0: 'off' takes the rates away")
    return rates


def _number(name: str, text: str) -> int:
    match = _NUMBER.match(text)
    number = parse_integer(match[1]) if match else None
    if number is None or match is None:
        raise InputError(f"{name}: '{text}' is not a number such as 1500, 10k, 5M or 1G")
    number *= _SUFFIXES.get(match[2], 1)
    if number >= 1 << 64:
        raise InputError(f"{name}: {text} does not fit 64 bits")
    return number


@dataclass(frozen=True)
class Setting:
    """The rates of one meter; `where` is the index in an array, or the entry of a direct meter."""

    meter: Meter | DirectMeter
    where: int | EntryState
    rates: Rates

    def format(self) -> str:
        """`pipe.police[3]={cir=1000,cbs=2000,pir=3000,pbs=4000} bytes`."""
        place = self.where.format() if isinstance(self.where, EntryState) else str(self.where)
        return f"{self.meter.name}[{place}]={{{self.rates.format()}}} {self.meter.unit}"

    def to_json(self) -> dict[str, Any]:
        """The setting as plain values."""
        result: dict[str, Any] = {"meter": self.meter.name}
        if isinstance(self.where, EntryState):
            result["table"] = self.where.table.name
            result["entry"] = self.where.format()
        else:
            result["index"] = self.where
        rates = {name: getattr(self.rates, name) for name in _NAMES} if self.rates.pir else None
        return {**result, "unit": self.meter.unit, "rates": rates}


class Meters:
    """The meters that `info` describes, whose maps are in `store`."""

    def __init__(self, info: ProgramInfo, store: MapStore) -> None:
        self._info = info
        self._store = store
        self._direct = DirectStates(info, store)

    def find(self, text: str) -> tuple[Meter | DirectMeter, str | None]:
        """The meter that `NAME` or `NAME[...]` names, and what is in the brackets."""
        name, inside = split_reference(text)
        program = f"program {self._info.program}" if self._info.program else "the program"
        externs = self._info.externs
        known: tuple[Meter | DirectMeter, ...] = (*externs.meters, *externs.direct_meters)
        return resolve(name, known, "meter", program), inside

    def _map(self, meter: Meter) -> MapInfo:
        info = find_map(self._store, meter.map)
        if (info.key_size, info.value_size) != (_KEY.size, METER_SIZE):
            raise InputError(f"meter {meter.name}: the program's information does not fit its map")
        return info

    def read(self, text: str) -> list[Setting]:
        """Reads the meter that `NAME[INDEX]` or `NAME[KEY]` names; `NAME` alone reads those of an array that
        are set, or of all entries of a table."""
        meter, inside = self.find(text)
        if isinstance(meter, DirectMeter):
            table = self._direct.table(meter.table)
            if inside is None:
                states = list(self._direct.read_all(table))
            else:
                states = [self._direct.read(table, self._direct.parse(table, inside))]
            return [Setting(meter, state, Rates.decode(state.value[meter.offset :])) for state in states]
        if inside is None:
            return list(self._read_set(meter))
        index = parse_index(inside, meter.size, f"meter {meter.name}")
        value = self._store.lookup(self._map(meter), _KEY.pack(index))
        if value is None:
            raise InputError(f"meter {meter.name} has no element {index}")
        return [Setting(meter, index, Rates.decode(value))]

    def _read_set(self, meter: Meter) -> Iterator[Setting]:
        entries = sorted((int.from_bytes(k, "little"), v) for k, v in self._store.dump(self._map(meter)))
        for index, value in entries:
            rates = Rates.decode(value)
            if rates.pir:
                yield Setting(meter, index, rates)

    def set(self, text: str, rates: Rates) -> Setting:
        """Sets the rates of the one meter that `NAME[INDEX]` or `NAME[KEY]` names; its buckets are full."""
        meter, inside = self.find(text)
        if inside is None:
            what = "INDEX" if isinstance(meter, Meter) else "KEY"
            raise InputError(f"which element? Give {meter.name}[{what}]")
        if isinstance(meter, Meter):
            index = parse_index(inside, meter.size, f"meter {meter.name}")
            self._store.update(self._map(meter), [(_KEY.pack(index), rates.encode())])
            return Setting(meter, index, rates)
        table = self._direct.table(meter.table)
        state = self._direct.read(table, self._direct.parse(table, inside))
        place = slice(meter.offset, meter.offset + METER_SIZE)

        def edit(value: bytearray) -> None:
            value[place] = rates.encode()

        self._direct.change(state, edit)
        return Setting(meter, state, rates)
