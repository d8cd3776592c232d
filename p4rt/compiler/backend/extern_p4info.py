# SPDX-License-Identifier: Apache-2.0
"""The part of the P4Info about counters, meters, digests, and headers of packets to and from a controller."""

from __future__ import annotations

from typing import Any, Protocol

from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend.catalog import Catalog
from p4rt.compiler.backend.extern_catalog import ControllerHeader, Counter, Meter
from p4rt.compiler.backend.identifiers import Prefix
from p4rt.compiler.frontend import ast

_COUNTER_UNITS = {"BYTES": 1, "PACKETS": 2, "PACKETS_AND_BYTES": 3}
_METER_UNITS = {"BYTES": 1, "PACKETS": 2}


class Parts(Protocol):
    """Fills the parts that messages have in common."""

    def preamble(self, preamble: Any, prefix: Prefix, name: str, decl: ast.Node | None) -> None:
        """Name, id, alias, and what the annotations of `decl` say."""

    def type(self, spec: Any, type_: t.Type) -> None:
        """A P4DataTypeSpec."""

    def scalar(self, message: Any, type_: t.Type, width: int) -> None:
        """Width of a field, and its type where that has a name."""

    def named(self, type_: t.NewType | t.SerEnumType) -> str:
        """The name of a type, which is described where names are."""
        ...


def add_externs(message: Any, catalog: Catalog, parts: Parts) -> None:
    """Put the externs of `catalog` into the P4Info `message`."""
    for counter in catalog.counters:
        _array(message.counters.add(), Prefix.COUNTER, counter, parts)
    for meter in catalog.meters:
        _array(message.meters.add(), Prefix.METER, meter, parts)
    for digest in catalog.digests:
        added = message.digests.add()
        parts.preamble(added.preamble, Prefix.DIGEST, digest.name, digest.decl)
        parts.type(added.type_spec, digest.type)
    tables = {table.preamble.name: table for table in message.tables}
    for item in catalog.shown_direct:
        prefix = Prefix.DIRECT_METER if item.is_meter else Prefix.DIRECT_COUNTER
        added = message.direct_meters.add() if item.is_meter else message.direct_counters.add()
        parts.preamble(added.preamble, prefix, item.name, item.decl)
        added.spec.unit = (_METER_UNITS if item.is_meter else _COUNTER_UNITS)[item.kind]
        table = tables[item.table]
        added.direct_table_id = table.preamble.id
        table.direct_resource_ids.append(added.preamble.id)
    for header in catalog.controller_headers:
        _controller_header(message, header, parts)


def _array(message: Any, prefix: Prefix, item: Counter | Meter, parts: Parts) -> None:
    parts.preamble(message.preamble, prefix, item.name, item.decl)
    message.size = item.size
    message.spec.unit = (_COUNTER_UNITS if isinstance(item, Counter) else _METER_UNITS)[item.kind]
    if isinstance(item.index_type, t.NewType | t.SerEnumType):
        message.index_type_name.name = parts.named(item.index_type)


def _controller_header(message: Any, header: ControllerHeader, parts: Parts) -> None:
    """A header in front of packets to or from a controller; `@padding` fields are not shown."""
    added = message.controller_packet_metadata.add()
    parts.preamble(added.preamble, Prefix.CONTROLLER_HEADER, header.name, header.decl)
    for field in header.fields:
        metadata = added.metadata.add(id=field.id, name=field.name)
        parts.scalar(metadata, field.type, field.width)
