# SPDX-License-Identifier: Apache-2.0
"""Reads counters, meters and digests from the JSON of a program's information, and checks them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p4rt.runtime.errors import InputError
from p4rt.runtime.extern_info import METER_SIZE, Counter, Digest, DirectCounter, DirectMeter, Externs, Meter

_UNITS = ("packets", "bytes")

Fields = Callable[[Any, int], tuple[Any, ...]]


def read_externs(top: Any, fields: Fields, tables: dict[str, int]) -> Externs:
    """The externs of the JSON object `top`.

    `fields(node, within)` reads the member `value` of a node, fields that lie in `within` bytes; `tables` has
    the size of each table's values.
    """
    externs = Externs(
        tuple(_counter(node, fields) for node in top.nodes("counters")),
        tuple(_direct_counter(node, fields, tables) for node in top.nodes("direct_counters")),
        tuple(_meter(node) for node in top.nodes("meters")),
        tuple(_direct_meter(node, tables) for node in top.nodes("direct_meters")),
        tuple(_digest(node, fields) for node in top.nodes("digests")),
    )
    counters = [item.name for item in (*externs.counters, *externs.direct_counters)]
    meters = [item.name for item in (*externs.meters, *externs.direct_meters)]
    digests = [item.name for item in externs.digests]
    for what, names in (("counter", counters), ("meter", meters), ("digest", digests)):
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"the program's information is damaged: two {what}s are called '{name}'")
    return externs


def _head(node: Any) -> tuple[str, str, int]:
    name = node.text("name")
    return name, node.text("alias", name), node.number("id", 0)


def _array(node: Any) -> tuple[str, int, int]:
    return node.text("map"), node.number("size"), node.number("value_size")


def _words(node: Any, fields: Fields, within: int) -> tuple[Any, ...]:
    words = fields(node, within)
    if not words or any(word.name not in _UNITS or word.size != 8 or word.width != 64 for word in words):
        raise node.error("value")
    return words


def _counter(node: Any, fields: Fields) -> Counter:
    name_of_map, size, value_size = _array(node)
    return Counter(*_head(node), name_of_map, size, value_size, _words(node, fields, value_size))


def _table(node: Any, tables: dict[str, int]) -> tuple[str, int]:
    """The table that an object belongs to, and the size of the table's values."""
    name: str = node.text("table")
    if name not in tables:
        raise node.error("table")
    return name, tables[name]


def _direct_counter(node: Any, fields: Fields, tables: dict[str, int]) -> DirectCounter:
    table, value_size = _table(node, tables)
    return DirectCounter(*_head(node), table, _words(node, fields, value_size))


def _unit(node: Any) -> str:
    unit: str = node.text("unit")
    if unit not in _UNITS:
        raise node.error("unit")
    return unit


def _meter(node: Any) -> Meter:
    name_of_map, size, value_size = _array(node)
    if value_size != METER_SIZE:
        raise node.error("value_size")
    return Meter(*_head(node), name_of_map, size, value_size, _unit(node))


def _direct_meter(node: Any, tables: dict[str, int]) -> DirectMeter:
    table, value_size = _table(node, tables)
    offset: int = node.number("offset")
    if offset % 8 or offset + METER_SIZE > value_size:
        raise node.error("offset")
    return DirectMeter(*_head(node), table, _unit(node), offset)


def _digest(node: Any, fields: Fields) -> Digest:
    name_of_map, size, value_size = _array(node)
    value = fields(node, value_size)
    if not value:
        raise node.error("value")
    return Digest(*_head(node), name_of_map, size, value_size, value)
