# SPDX-License-Identifier: Apache-2.0
"""Counters, meters and digests of a program, as its information describes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p4rt.runtime.info import Field

METER_SIZE = 64
"""Bytes of `struct ubpf_meter`."""


@dataclass(frozen=True)
class _Named:
    """A P4 object with its P4Info names."""

    name: str
    alias: str
    id: int


@dataclass(frozen=True)
class Counter(_Named):
    """An array of `size` counters; `value` are its words, `packets` or `bytes` or both."""

    map: str
    size: int
    value_size: int
    value: tuple[Field, ...]


@dataclass(frozen=True)
class DirectCounter(_Named):
    """A counter in each entry of a table; `value` are its words in the table's values."""

    table: str
    value: tuple[Field, ...]


@dataclass(frozen=True)
class Meter(_Named):
    """An array of `size` meters of `unit`s, `packets` or `bytes`."""

    map: str
    size: int
    value_size: int
    unit: str
    offset: int = 0


@dataclass(frozen=True)
class DirectMeter(_Named):
    """A meter in each entry of a table, at `offset` in the table's values."""

    table: str
    unit: str
    offset: int


@dataclass(frozen=True)
class Digest(_Named):
    """Records to the control plane; `value` are the fields of one."""

    map: str
    size: int
    value_size: int
    value: tuple[Field, ...]


@dataclass(frozen=True)
class Externs:
    """All of a program."""

    counters: tuple[Counter, ...] = ()
    direct_counters: tuple[DirectCounter, ...] = ()
    meters: tuple[Meter, ...] = ()
    direct_meters: tuple[DirectMeter, ...] = ()
    digests: tuple[Digest, ...] = ()
