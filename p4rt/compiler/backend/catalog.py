# SPDX-License-Identifier: Apache-2.0
"""What the control plane can see of a program: tables, actions, value sets, registers; how their bytes lie.

Lowering fills a `Catalog`; `program_info` and `p4info` describe it, each in its own format.
"""

from __future__ import annotations

import re
from enum import Enum

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.model import needs_priority
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.extern_catalog import ControllerHeader, Counter, Digest, Direct, Meter
from p4rt.compiler.frontend import ast
from p4rt.compiler.records import field, record

_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long
    register restrict return short signed sizeof static struct switch typedef union unsigned void volatile
    while asm typeof
    group_member map_update map_delete
    ring_output meter_execute meter_update random_bits hash_bytes atomic_add32 atomic_add64
    data data_end ctx context map_lookup time_get_ns adjust_head hash_lookup3 packet_start packet_end
    shift_left shift_right shift_arithmetic unit8 unit16 unit32 unit64 NULL SECTION INLINE ACCESS HIDE SETTLE
    unknown_zero opaque found too_short
    main prog maps
"""
_C_WORDS = frozenset(_WORDS.split())
"""Words of C, of the templates, and of the object (its sections)."""
_TAKEN_PREFIXES = re.compile(r"load\d|store\d|u?bpf_|UBPF_|u?int\d")


@record
class Slot:
    """A field of a key or value: `size` bytes at `offset` that hold the `width`-bit value, shifted left."""

    name: str
    width: int
    offset: int
    size: int
    big_endian: bool = False
    shift: int = 0
    signed: bool = False
    format: str | None = None
    enum: dict[str, int] | None = None
    biased: bool = False
    """The sign bit is inverted, so that the order of unsigned numbers is that of signed values."""

    def encode(self, value: int) -> bytes:
        """The bytes of `value`, which is wrapped to the width."""
        number = (value & ((1 << self.width) - 1)) << self.shift
        if self.biased:
            number ^= 1 << (self.width - 1)
        return number.to_bytes(self.size, "big" if self.big_endian else "little")


@record
class KeyField:
    """An element of a table's key."""

    slot: Slot
    id: int
    match: str
    type: t.Type
    source: ast.Node | None = None
    """What has the annotations, if anything."""


@record
class ActionParam:
    """A parameter that the control plane supplies."""

    name: str
    id: int
    width: int
    type: t.Type
    decl: ast.Param


@record
class Action:
    """An action, once for the program: its control-plane name and parameters."""

    name: str
    decl: ast.ActionDecl | None
    params: tuple[ActionParam, ...]


@record
class ActionUse:
    """An action of a table: the number that stands for it in values, and where its parameters lie there."""

    action: Action
    code: int
    scope: str
    params: tuple[Slot, ...]
    source: ast.ActionRef | None = None


class Aging(Enum):
    """What becomes of entries that were not used for their timeout."""

    NONE = "none"
    NOTIFY = "notify"
    DELETE = "delete"


AGING_SIZE = 16
"""Bytes of `struct ubpf_aging`, the last ones of a value whose entries age."""


@record
class DirectState:
    """What a direct counter or meter keeps in each entry: `size` bytes at `offset` of the table's value."""

    path: str
    offset: int
    size: int


@record
class TableEntry:
    """An entry that the source gives a table: what the control plane sees of it, and its bytes.

    `matches` has a pair for each key element: value and mask, or the ends of a range; (value, prefix length)
    for `lpm`.
    """

    source: ast.Entry
    key: bytes
    matches: tuple[tuple[int, int], ...]
    use: ActionUse
    args: dict[str, int]
    priority: int
    const: bool


@record
class Profile:
    """An action profile, or with `groups_map` a selector, its maps, and the tables that share it.

    `uses` are the actions that a member may have; their parameters lie in a value of `map`, the members'.
    """

    name: str
    decl: ast.Node
    map: str
    size: int
    value_size: int
    uses: tuple[ActionUse, ...]
    groups_map: str | None
    group_size: int
    tables: list[str]


@record
class Table:
    """A table and its maps.  With a `profile`, its entries name members of that."""

    name: str
    decl: ast.TableDecl
    map: str | None
    map_type: ir.MapType
    size: int
    key: tuple[KeyField, ...]
    key_size: int
    value_size: int
    base_bits: int
    uses: tuple[ActionUse, ...]
    default: ActionUse
    default_args: dict[str, int]
    default_map: str | None
    default_size: int
    default_const: bool
    const_entries: bool
    entries: list[TableEntry]
    n_ranges: int
    state: tuple[DirectState, ...]
    aging: Aging
    profile: Profile | None = None

    @property
    def has_priorities(self) -> bool:
        """Does a priority decide between entries that match?"""
        return needs_priority(item.match for item in self.key)

    @property
    def state_size(self) -> int:
        """Bytes at the end of a value that are the entry's state."""
        return sum(item.size for item in self.state) + (AGING_SIZE if self.aging is not Aging.NONE else 0)

    @property
    def is_hidden(self) -> bool:
        """Is it none of the control plane's business?"""
        return ast.annotation(self.decl, "hidden") is not None


@record
class Register:
    """A register and its map; `type` is the P4 type of an element, `index_type` that of an index."""

    name: str
    decl: ast.Node
    map: str
    size: int
    value_size: int
    slots: tuple[Slot, ...]
    type: t.Type
    index_type: t.Type


@record
class ValueSet:
    """A parser's value set and its map, whose keys are the members."""

    name: str
    decl: ast.ValueSetDecl
    map: str
    size: int
    key: tuple[KeyField, ...]
    key_size: int
    value_size: int
    is_scalar: bool
    map_type: ir.MapType
    base_bits: int


@record(frozen=False)
class Catalog:
    """Everything named, and the maps behind it."""

    maps: list[ir.Map] = field(default_factory=list)
    initial: list[ir.InitialEntry] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    actions: dict[str, Action] = field(default_factory=dict)
    registers: list[Register] = field(default_factory=list)
    counters: list[Counter] = field(default_factory=list)
    meters: list[Meter] = field(default_factory=list)
    direct: list[Direct] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    controller_headers: list[ControllerHeader] = field(default_factory=list)
    value_sets: list[ValueSet] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    _taken: set[str] = field(default_factory=set)
    _serials: dict[str, int] = field(default_factory=dict)

    @property
    def shown_direct(self) -> list[Direct]:
        """Direct counters and meters of tables that are not hidden."""
        hidden = {table.name for table in self.tables if table.is_hidden}
        return [item for item in self.direct if item.table not in hidden]

    def unique(self, wish: str) -> str:
        """A C identifier like `wish` that nothing else has."""
        stem = re.sub(r"\W", "_", wish, flags=re.ASCII) or "x"
        taken = stem in _C_WORDS or _TAKEN_PREFIXES.match(stem) is not None
        if taken or stem[0].isdigit() or stem.startswith("_"):
            stem = f"p4_{stem}"
        name = stem
        while name in self._taken:
            self._serials[stem] = self._serials.get(stem, 1) + 1
            name = f"{stem}_{self._serials[stem]}"
        self._taken.add(name)
        return name
