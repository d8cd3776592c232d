# SPDX-License-Identifier: Apache-2.0
"""Packets that a parser accepts and that find entries in tables.

The interpreter runs on a packet that grows while it is read.  At a `select` and at a table, a case or an
entry is chosen at random, and what it asks for is put where the values came from; then it begins anew.
"""

from __future__ import annotations

import random

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .expressions import ApplyResult
from .interpreter import Interpreter
from .matching import Match
from .parsers import PacketIn
from .tables import TableState
from .values import Record, Varbit

CHANGES = 6
"""How often a packet is changed at most."""
LONGEST = 240
"""Bytes to which a packet grows."""

Place = tuple[int, int]
"""A bit of the packet and how many bits."""


class Changed(Exception):
    """The packet is another one."""


class GrowingPacket(PacketIn):
    """A packet that goes on with random bytes while it is read."""

    def __init__(self, data: bytes, rng: random.Random) -> None:
        super().__init__(data)
        self.rng = rng

    def peek(self, width: int) -> int:
        self.grow(self.cursor + width)
        return super().peek(width)

    def advance(self, width: int) -> None:
        self.grow(self.cursor + width)
        super().advance(width)

    def grow(self, width: int) -> None:
        """Go on until there are so many bits, if they are not too many."""
        missing = (width + 7) // 8 - len(self.data)
        if missing > 0 and len(self.data) + missing <= LONGEST:
            self.data += self.rng.randbytes(missing)


class Guide(Interpreter):
    """Makes packets for a program with the tables and value sets of another interpreter."""

    def __init__(self, like: Interpreter, rng: random.Random) -> None:
        super().__init__(like.program)
        self.tables, self.value_sets = like.tables, like.value_sets
        self.rng = rng
        self.packet = GrowingPacket(b"", rng)
        self.choices = 0
        self.chosen = 0
        """Choices that this run came to, and that were made before it."""

    def make(self, begin: bytes) -> bytes:
        """A packet that begins like `begin`, as far as that leads somewhere."""
        self.packet, self.chosen = GrowingPacket(begin, self.rng), 0
        for _ in range(CHANGES):
            self.choices = 0
            try:
                self.run(self.packet.data)
            except Changed:
                continue
            break
        return self.packet.data

    def packet_in(self, packet: bytes) -> PacketIn:
        """What the parser reads from."""
        self.packet.cursor = 0
        return self.packet

    def _first_time(self) -> bool:
        """Whether a choice is to be made here."""
        self.choices += 1
        if self.choices <= self.chosen:
            return False
        self.chosen = self.choices
        return True

    # ---- Choices

    def _select(self, transition: ast.SelectTransition) -> ast.SelectCase:
        if self._first_time():
            case = self.rng.choice(transition.cases)
            keysets = self.program.keysets[case]
            if case.state != "reject" and len(keysets) == len(transition.exprs):
                asked = zip(transition.exprs, keysets, strict=True)
                self._change([(expr, self._wanted(expr, keyset)) for expr, keyset in asked])
        return super()._select(transition)

    def apply_table(self, decl: ast.TableDecl) -> ApplyResult:
        """Apply a table, mostly so that an entry is found."""
        state = self.tables.get((self.instance, decl))
        if state is not None and state.entries and self._first_time() and self.rng.random() < 0.8:
            self._change(self._of_entry(state))
        return super().apply_table(decl)

    def _of_entry(self, state: TableState) -> list[tuple[ast.Expr, Match | None]]:
        entry = self.rng.choice(state.entries)
        asked: list[tuple[ast.Expr, Match | None]] = []
        for key, (first, second) in zip(state.info.keys, entry.keys, strict=True):
            width = t.width_of(key.type) or 0
            full = (1 << width) - 1
            match key.match_kind:
                case "lpm":
                    asked.append((key.expr, (first, full >> (width - second) << (width - second))))
                case "exact":
                    asked.append((key.expr, (first, full)))
                case "range":
                    asked.append((key.expr, (self.rng.choice([first, second]), full)))
                case "ternary" | "optional":
                    asked.append((key.expr, (first, second)))
        return asked

    def _wanted(self, expr: ast.Expr, keyset: model.Keyset) -> Match | None:
        """(value, mask) that a label asks for, None for nothing."""
        type_ = self.type_of(expr)
        full = (1 << (t.width_of(type_) or 0)) - 1
        if isinstance(keyset, model.ComputedSet) and keyset.kind == "exact":
            return v.bits(self.value(keyset.exprs[0]), type_)[0], full
        match self._known(keyset):
            case model.ExactSet(value):
                return v.bits(v.cast(v.from_model(value, type_), type_), type_)[0], full
            case model.MaskSet(value, mask):
                return value & full, mask & full
            case model.RangeSet(low, high) if low <= high:
                return self.rng.randint(low, high) & full, full
        return None

    # ---- Where values come from

    def _change(self, asked: list[tuple[ast.Expr, Match | None]]) -> None:
        """Put into the packet what is asked for; raises Changed."""
        data = self.packet.data
        for expr, wanted in asked:
            place = None if wanted is None else self._origin(expr)
            if wanted is not None and place is not None:
                self._put(place, *wanted)
        if self.packet.data != data:
            raise Changed

    def _put(self, place: Place, value: int, mask: int) -> None:
        start, width = place
        self.packet.grow(start + width)
        total = 8 * len(self.packet.data)
        if start < 0 or start + width > total:
            return
        shift = total - start - width
        mask &= (1 << width) - 1
        number = int.from_bytes(self.packet.data, "big")
        number = number & ~(mask << shift) | (value & mask) << shift
        self.packet.data = number.to_bytes(total // 8, "big")

    def _origin(self, expr: ast.Expr) -> Place | None:
        """Where in the packet an expression's value came from, as far as that is plain."""
        match expr:
            case ast.Member():
                return self._field(expr)
            case ast.Slice():
                inner, low, high = self._origin(expr.base), self.number(expr.low), self.number(expr.high)
                return None if inner is None else (inner[0] + inner[1] - 1 - high, high - low + 1)
            case ast.Cast():
                inner, width = self._origin(expr.operand), t.width_of(self.natural(expr))
                if inner is None or width is None:
                    return None
                return inner[0] + max(0, inner[1] - width), min(inner[1], width)
            case ast.Call() if self._is_lookahead(expr):
                return self.packet.cursor, t.width_of(self.natural(expr)) or 0
        return None

    def _is_lookahead(self, expr: ast.Call) -> bool:
        method = self.program.call_of(expr).method
        return method is not None and method.name == "lookahead"

    def _field(self, expr: ast.Member) -> Place | None:
        if not isinstance(self.natural(expr.base), t.HeaderType | t.StructType):
            return None
        record = self.value(expr.base)
        if not isinstance(record, Record) or record.origin is None:
            return None
        start = record.origin
        for field in record.type.fields:
            part = record.fields[field.name]
            width = part.size if isinstance(part, Varbit) else t.width_of(field.type) or 0
            if field.name == expr.name:
                return start, width
            start += width
        return None
