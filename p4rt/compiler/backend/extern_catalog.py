# SPDX-License-Identifier: Apache-2.0
"""Counters, meters and digests as the control plane sees them, a part of the `Catalog`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast
from p4rt.compiler.records import field, record, replace

if TYPE_CHECKING:
    from p4rt.compiler.backend.catalog import Slot

COUNTER_WORDS = {
    "PACKETS": ("packets",),
    "BYTES": ("bytes",),
    "PACKETS_AND_BYTES": ("packets", "bytes"),
}
"""The 64-bit words of a counter, by member of PSA_CounterType_t."""


@record
class _Indexed:
    """An array of elements; `kind` is a member of the P4 enum that its constructor takes."""

    name: str
    decl: ast.Node
    map: str
    size: int
    value_size: int
    kind: str

    def indexed_by(self, type_: t.Type) -> Self:
        """The same with the type of its index."""
        return replace(self, index_type=type_)

    index_type: t.Type | None = field(default=None, kw_only=True)


@record
class Counter(_Indexed):
    """A counter; `width` is what the source says, it counts to 64 bits."""

    width: int


@record
class Meter(_Indexed):
    """A meter."""


@record
class Direct:
    """A direct counter or meter and where it lies in a value of its table's maps."""

    is_meter: bool

    name: str
    decl: ast.Node
    table: str
    kind: str
    offset: int


@record
class ControllerField:
    """A field of a controller header."""

    name: str
    id: int
    width: int
    type: t.Type


@record
class ControllerHeader:
    """A header with `@controller_header("NAME")`: what packets to or from a controller begin with."""

    name: str
    decl: ast.HeaderDecl
    fields: tuple[ControllerField, ...]


@record
class Digest:
    """A digest and its ring; `slots` say how a record of `type` lies."""

    name: str
    decl: ast.Node
    map: str
    size: int
    value_size: int
    slots: tuple[Slot, ...]
    type: t.Type
