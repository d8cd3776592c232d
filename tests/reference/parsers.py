# SPDX-License-Identifier: Apache-2.0
"""Parsers and the packet (P4_16 section 13)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .expressions import ParserError
from .matching import Match, wanted_by
from .places import ElementOf, FieldOf, Place
from .statements import Statements
from .values import Record, Stack, Val

MAX_RETURNS = 64
"""Times that a parser may come back to a state."""


@dataclass
class PacketIn:
    """A packet with a cursor, in bits."""

    data: bytes
    cursor: int = 0

    def peek(self, width: int) -> int:
        """The next `width` bits."""
        total = 8 * len(self.data)
        if self.cursor + width > total:
            raise ParserError("PacketTooShort")
        number = int.from_bytes(self.data, "big")
        return number >> (total - self.cursor - width) & ((1 << width) - 1)

    def advance(self, width: int) -> None:
        """Move the cursor."""
        if self.cursor + width > 8 * len(self.data):
            raise ParserError("PacketTooShort")
        self.cursor += width

    def rest(self) -> bytes:
        """What follows the cursor."""
        return self.data[self.cursor // 8 :]


@dataclass
class ValueSetState:
    """Types and match kinds of a value set's fields, and what the control plane put into it."""

    keys: list[tuple[t.Type, str]]
    members: list[tuple[Match, ...]] = field(default_factory=list)


def initial_set(program: model.CheckedProgram, decl: ast.ValueSetDecl) -> ValueSetState:
    """A value set without members."""
    type_ = program.decl_types[decl]
    opened = t.strip(type_)
    if not isinstance(opened, t.StructType):
        return ValueSetState([(type_, _kind_of(decl))])
    return ValueSetState([(item.type, _kind_of(item.decl)) for item in opened.fields])


def _kind_of(node: ast.Node | None) -> str:
    """What `@match` says."""
    note = None if node is None else ast.annotation(node, "match")
    return "".join(note.tokens or ()) if note is not None else "exact"


class Parsers(Statements):
    """Part of the interpreter: parsers."""

    value_sets: dict[tuple[model.Instance | None, ast.ValueSetDecl], ValueSetState]

    def run_parser(self, instance: model.Instance) -> None:
        """From state `start` to `accept`; raises ParserError."""
        decl = instance.decl
        assert isinstance(decl, ast.ParserDecl)
        self.run_items(decl.locals)
        visits: Counter[ast.StateDecl] = Counter()
        state: ast.StateDecl | None = next(item for item in decl.states if item.name == "start")
        while state is not None:
            visits[state] += 1
            self.trace.add(state)
            if visits[state] > MAX_RETURNS + 1:
                raise ParserError("ParserTimeout")
            self.run_items(state.body)
            state = self._next(state.transition)

    def _next(self, transition: ast.Transition | None) -> ast.StateDecl | None:
        """The state that follows; None for accept."""
        chosen: ast.DirectTransition | ast.SelectCase
        if isinstance(transition, ast.DirectTransition):
            chosen = transition
        elif isinstance(transition, ast.SelectTransition):
            chosen = self._select(transition)
        else:
            raise ParserError("NoError")
        found = self.program.states[chosen]
        if found is None and chosen.state == "reject":
            raise ParserError("NoError")
        return found

    def _select(self, transition: ast.SelectTransition) -> ast.SelectCase:
        values = [v.copy(self.value(expr)) for expr in transition.exprs]
        types = [self.type_of(expr) for expr in transition.exprs]
        for case in transition.cases:
            keysets = self.program.keysets[case]
            if self._matches(values, types, keysets):
                self.trace.add(case)
                return case
        raise ParserError("NoMatch")

    def _matches(self, values: list[Val], types: list[t.Type], keysets: tuple[model.Keyset, ...]) -> bool:
        first = keysets[0]
        if isinstance(first, model.ValueSetRef) and all(keyset is first for keyset in keysets):
            return self._in_set(first.decl, values)
        return all(map(self._is_in, values, types, keysets))

    def _is_in(self, value: Val, type_: t.Type, keyset: model.Keyset) -> bool:
        """Whether a value is in a keyset (section 8.15), whose values may have to be evaluated now."""
        match keyset:
            case model.ValueSetRef(decl):
                return self._in_set(decl, _fields_of(value) or [value])
            case model.ComputedSet("exact", (expr,)):
                return v.equal(value, v.copy(self.value(expr)))
            case model.TupleSet(items):
                return all(map(self._is_in, _fields_of(value), _types_of(type_), items))
        return matches(value, type_, self._known(keyset))

    def _in_set(self, decl: ast.ValueSetDecl, values: list[Val]) -> bool:
        """Whether values are, together, a member of a value set."""
        found = self.value_sets.get((self.instance, decl))
        if found is None:
            return False
        return any(
            all(
                wanted_by(value, type_, kind, wanted)
                for value, (type_, kind), wanted in zip(values, found.keys, member, strict=True)
            )
            for member in found.members
        )

    def _known(self, keyset: model.Keyset) -> model.Keyset:
        """A mask or range with its ends, evaluated now if they were not known before."""
        if not isinstance(keyset, model.ComputedSet):
            return keyset
        values = [self.number(expr) for expr in keyset.exprs]
        return model.MaskSet(*values) if keyset.kind == "mask" else model.RangeSet(*values)

    # ---- packet_in

    def extract(self, packet: PacketIn, target: ast.Expr, size: ast.Expr | None) -> None:
        """extract(): the header becomes valid; `.next` moves on."""
        place = self.place(target)
        type_ = self.natural(target)
        varbit = 0 if size is None else self.number(size)
        assert isinstance(type_, t.HeaderType)
        room = sum(field.type.width for field in type_.fields if isinstance(field.type, t.VarbitType))
        if varbit > room:
            raise ParserError("HeaderTooShort")
        if varbit % 8:
            raise ParserError("ParserInvalidArgument")
        width = v.width_with(type_, varbit)
        number = packet.peek(width)
        packet.advance(width)
        header = v.from_bits(number, type_, varbit)
        v.come_from(header, packet.cursor - width)
        place.put(header)
        _take_next(target, place)

    def lookahead(self, packet: PacketIn, type_: t.Type) -> Val:
        """lookahead(): the cursor stays."""
        width = t.width_of(type_)
        assert width is not None
        value = v.from_bits(packet.peek(width), type_)
        v.come_from(value, packet.cursor)
        return value


def _take_next(target: ast.Expr, place: Place) -> None:
    """After extracting to `stack.next`, or to a header of the union there, the stack is one longer."""
    while isinstance(target, ast.Member):
        if isinstance(place, ElementOf):
            stack = place.base.get()
            assert isinstance(stack, Stack)
            stack.next += target.name == "next"
            return
        if not isinstance(place, FieldOf):
            return
        target, place = target.base, place.base


def _fields_of(value: Val) -> list[Val]:
    """The fields of a struct or tuple; of a scalar none."""
    if isinstance(value, Record):
        return list(value.fields.values())
    return value if isinstance(value, list) else []


def _types_of(type_: t.Type) -> list[t.Type]:
    """The types of the fields of a struct or tuple."""
    opened = t.strip(type_)
    if isinstance(opened, t.TupleType):
        return list(opened.elements)
    assert isinstance(opened, t.StructType)
    return [field.type for field in opened.fields]


def matches(value: Val, type_: t.Type, keyset: model.Keyset) -> bool:
    """Whether a value is in a keyset (section 8.15)."""
    match keyset:
        case model.AnySet():
            return True
        case model.ExactSet(expected):
            return v.equal(value, v.cast(v.from_model(expected, type_), type_))
        case model.MaskSet(expected, mask):
            assert isinstance(value, int)
            return value & mask == expected & mask
        case model.RangeSet(low, high):
            assert isinstance(value, int)
            return low <= value <= high
    raise NotImplementedError(f"keyset {keyset}")


def emitted(value: Val) -> tuple[int, int]:
    """(number, width) of what emit() appends: the valid headers in `value`, in order."""
    if isinstance(value, Record) and isinstance(value.type, t.HeaderType):
        return v.bits(value, value.type) if value.valid else (0, 0)
    parts: list[Val] = []
    if isinstance(value, Record):
        parts = list(value.fields.values())
    elif isinstance(value, Stack):
        parts = value.elements
    elif isinstance(value, list):
        parts = value
    number = total = 0
    for part in parts:
        bits, width = emitted(part)
        number, total = number << width | bits, total + width
    return number, total
