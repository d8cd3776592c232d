# SPDX-License-Identifier: Apache-2.0
"""The part of section `p4rt.info` about counters, meters and digests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p4rt.compiler.backend.catalog import Catalog, Slot
from p4rt.compiler.backend.extern_catalog import COUNTER_WORDS, Counter, Digest, Direct, Meter
from p4rt.compiler.backend.identifiers import Identifiers, Prefix

Place = Callable[[Slot], dict[str, Any]]
"""Says where a field lies, as for every field of the program information."""


def extern_info(catalog: Catalog, identifiers: Identifiers, place: Place) -> dict[str, Any]:
    """Members of the program information, one for each kind of extern."""

    def head(prefix: Prefix, name: str) -> dict[str, Any]:
        alias, number = identifiers.alias_of(prefix, name), identifiers.id_of(prefix, name)
        return {"name": name, "alias": alias, "id": number}

    def array(prefix: Prefix, item: Counter | Meter | Digest) -> dict[str, Any]:
        sizes = {"map": item.map, "size": item.size, "value_size": item.value_size}
        return {**head(prefix, item.name), **sizes}

    def direct(prefix: Prefix, item: Direct) -> dict[str, Any]:
        return {**head(prefix, item.name), "table": item.table}

    def words(kind: str, offset: int) -> list[dict[str, Any]]:
        names = enumerate(COUNTER_WORDS[kind])
        slots = [Slot(name, 64, offset + 8 * number, 8) for number, name in names]
        return [{"name": slot.name, **place(slot)} for slot in slots]

    counters = [{**array(Prefix.COUNTER, item), "value": words(item.kind, 0)} for item in catalog.counters]
    meters = [{**array(Prefix.METER, item), "unit": item.kind.lower()} for item in catalog.meters]
    digests = [
        {
            **array(Prefix.DIGEST, item),
            "value": [{"name": slot.name, **place(slot)} for slot in item.slots],
        }
        for item in catalog.digests
    ]
    direct_counters = [
        {**direct(Prefix.DIRECT_COUNTER, item), "value": words(item.kind, item.offset)}
        for item in catalog.shown_direct
        if not item.is_meter
    ]
    direct_meters = [
        {**direct(Prefix.DIRECT_METER, item), "unit": item.kind.lower(), "offset": item.offset}
        for item in catalog.shown_direct
        if item.is_meter
    ]
    return {
        "counters": counters,
        "direct_counters": direct_counters,
        "meters": meters,
        "direct_meters": direct_meters,
        "digests": digests,
    }
