# SPDX-License-Identifier: Apache-2.0
"""The part of the P4Info about counters, meters, digests, and headers of packets to and from a controller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend.catalog import Catalog
from p4rt.compiler.backend.extern_catalog import Counter, Meter
from p4rt.compiler.backend.identifiers import Identifiers, Prefix
from p4rt.compiler.frontend import ast

_COUNTER_UNITS = {"BYTES": 1, "PACKETS": 2, "PACKETS_AND_BYTES": 3}
_METER_UNITS = {"BYTES": 1, "PACKETS": 2}

Preamble = Callable[[Any, Prefix, str, ast.Node | None], None]
TypeSpec = Callable[[Any, t.Type, Any], None]


def add_externs(
    message: Any, catalog: Catalog, identifiers: Identifiers, preamble: Preamble, type_spec: TypeSpec
) -> None:
    """Put the externs of `catalog` into the P4Info `message`; `preamble` and `type_spec` fill these parts."""
    for counter in catalog.counters:
        _array(message.counters.add(), Prefix.COUNTER, counter, preamble)
    for meter in catalog.meters:
        _array(message.meters.add(), Prefix.METER, meter, preamble)
    for digest in catalog.digests:
        added = message.digests.add()
        preamble(added.preamble, Prefix.DIGEST, digest.name, digest.decl)
        type_spec(added.type_spec, digest.type, message.type_info)
    tables = {table.preamble.name: table for table in message.tables}
    for item in catalog.shown_direct:
        prefix = Prefix.DIRECT_METER if item.is_meter else Prefix.DIRECT_COUNTER
        added = message.direct_meters.add() if item.is_meter else message.direct_counters.add()
        preamble(added.preamble, prefix, item.name, item.decl)
        added.spec.unit = (_METER_UNITS if item.is_meter else _COUNTER_UNITS)[item.kind]
        table = tables[item.table]
        added.direct_table_id = table.preamble.id
        table.direct_resource_ids.append(added.preamble.id)
    for header in catalog.controller_headers:
        _controller_header(message, header, preamble)


def _array(message: Any, prefix: Prefix, item: Counter | Meter, preamble: Preamble) -> None:
    preamble(message.preamble, prefix, item.name, item.decl)
    message.size = item.size
    message.spec.unit = (_COUNTER_UNITS if isinstance(item, Counter) else _METER_UNITS)[item.kind]
    if item.index_type is not None:
        message.index_type_name.name = str(item.index_type)


def _controller_header(message: Any, header: Any, preamble: Preamble) -> None:
    """A header in front of packets to or from a controller; `@padding` fields are not shown."""
    added = message.controller_packet_metadata.add()
    preamble(added.preamble, Prefix.CONTROLLER_HEADER, header.name, header.decl)
    for field in header.fields:
        metadata = added.metadata.add()
        metadata.id, metadata.name, metadata.bitwidth = field.id, field.name, field.width
        if field.type_name is not None:
            metadata.type_name.name = field.type_name
