# SPDX-License-Identifier: Apache-2.0
"""Values of P4 programs at run time, and the operators on them (P4_16 sections 8.5 to 8.11).

`bit<W>` and `int<W>` are Python integers (negative ones for negative `int<W>`), bool is bool, members of an
enum without representation and of `error` are their names.  What has parts is a Record, Stack or list.
"""

from __future__ import annotations

from dataclasses import dataclass

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t


@dataclass(eq=False)
class Record:
    """A struct, a header with its validity, or a header union (whose validity is its members')."""

    type: t.RecordType
    fields: dict[str, Val]
    valid: bool = False
    origin: int | None = None
    """The bit of the packet at which it began, if it comes from there."""


@dataclass(eq=False)
class Stack:
    """A header stack; `next` is the index of `.next`."""

    type: t.StackType
    elements: list[Val]
    next: int = 0


@dataclass(frozen=True)
class Varbit:
    """A `varbit`: so many bits of `number`."""

    size: int
    number: int


Val = int | bool | str | Varbit | Record | Stack | list


def zero(type_: t.Type) -> Val:
    """The initial value: zeros, the first member of an enum, invalid headers."""
    opened = t.strip(type_)
    match opened:
        case t.BitType() | t.IntType() | t.InfIntType():
            return 0
        case t.BoolType():
            return False
        case t.VarbitType():
            return Varbit(0, 0)
        case t.ErrorType():
            return "NoError"
        case t.EnumType(_, members):
            return members[0] if members else ""
        case t.RecordType():
            return Record(opened, {field.name: zero(field.type) for field in opened.fields})
        case t.StackType(element, size):
            return Stack(opened, [zero(element) for _ in range(size)])
        case t.TupleType(elements):
            return [zero(element) for element in elements]
        case t.ListType():
            return []
    raise NotImplementedError(f"a value of type {type_}")


def garbage(type_: t.Type) -> Val:
    """What a field may hold that has no defined value: all ones."""
    opened = t.strip(type_)
    match opened:
        case t.BitType() | t.IntType():
            return wrap(-1, opened)
        case t.BoolType():
            return True
        case t.StructType():
            return Record(opened, {field.name: garbage(field.type) for field in opened.fields})
    return zero(opened)


def copy(value: Val) -> Val:
    """A value that shares nothing with `value`."""
    match value:
        case Record():
            fields = {name: copy(item) for name, item in value.fields.items()}
            return Record(value.type, fields, value.valid, value.origin)
        case Stack():
            return Stack(value.type, [copy(item) for item in value.elements], value.next)
        case list():
            return [copy(item) for item in value]
    return value


def wrap(value: int, type_: t.Type) -> int:
    """The number of `type_` with the same low bits."""
    opened = t.strip(type_)
    if isinstance(opened, t.BitType):
        return value % (1 << opened.width)
    if isinstance(opened, t.IntType):
        half = 1 << (opened.width - 1)
        return (value + half) % (2 * half) - half
    return value


def saturate(value: int, type_: t.Type) -> int:
    """The number of `type_` that is nearest."""
    opened = t.strip(type_)
    if isinstance(opened, t.BitType):
        return min(max(value, 0), (1 << opened.width) - 1)
    assert isinstance(opened, t.IntType)
    half = 1 << (opened.width - 1)
    return min(max(value, -half), half - 1)


def shift(op: str, value: int, amount: int, type_: t.Type) -> int:
    """`<<`, and `>>`, which repeats the sign of a signed number."""
    width = t.width_of(type_)
    if width is not None:
        amount = min(amount, width)
    return wrap(value << amount if op == "<<" else value >> amount, type_)


def arithmetic(op: str, left: int, right: int, type_: t.Type) -> int:
    """The binary operators whose operands and result have one type."""
    match op:
        case "+":
            return wrap(left + right, type_)
        case "-":
            return wrap(left - right, type_)
        case "*":
            return wrap(left * right, type_)
        case "/":
            return wrap(left // right if right else 0, type_)
        case "%":
            return wrap(left % right if right else left, type_)
        case "&":
            return wrap(left & right, type_)
        case "|":
            return wrap(left | right, type_)
        case "^":
            return wrap(left ^ right, type_)
        case "|+|":
            return saturate(left + right, type_)
        case "|-|":
            return saturate(left - right, type_)
    raise NotImplementedError(f"operator {op}")


def compare(op: str, left: int, right: int) -> bool:
    """The order of two numbers."""
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def equal(left: Val, right: Val) -> bool:
    """`==` (section 8.10 and those on structs, headers and stacks)."""
    if isinstance(left, Record) and isinstance(right, Record):
        if isinstance(left.type, t.HeaderType):
            if not left.valid and not right.valid:
                return True
            if left.valid != right.valid:
                return False
        return all(equal(item, right.fields[name]) for name, item in left.fields.items())
    if isinstance(left, Stack) and isinstance(right, Stack):
        return all(map(equal, left.elements, right.elements))
    if isinstance(left, list) and isinstance(right, list):
        return all(map(equal, left, right))
    return left == right


def cast(value: Val, type_: t.Type) -> Val:
    """An explicit cast, or the conversion of a constant."""
    opened = t.strip(type_)
    if isinstance(opened, t.BoolType):
        return bool(value)
    if isinstance(opened, t.BitType | t.IntType) and isinstance(value, int):
        return wrap(int(value), opened)
    return value


def from_model(value: model.Value, type_: t.Type) -> Val:
    """A compile-time value as one of these."""
    if isinstance(value, model.EnumValue):
        return value.name
    if not isinstance(value, model.RecordValue):
        return value
    parts = list(value.fields.values())
    opened = t.strip(type_)
    match opened:
        case t.RecordType():
            result = zero(opened)
            assert isinstance(result, Record)
            for field in opened.fields:
                if field.name in value.fields:
                    result.fields[field.name] = from_model(value.fields[field.name], field.type)
            result.valid = value.valid
            return result
        case t.StackType(element, size):
            stack = Stack(opened, [zero(element) for _ in range(size)])
            stack.elements[: len(parts)] = [from_model(part, element) for part in parts]
            return stack
        case t.TupleType(elements):
            return [from_model(part, element) for part, element in zip(parts, elements, strict=True)]
    raise NotImplementedError(f"a constant of type {type_}")


def bits(value: Val, type_: t.Type) -> tuple[int, int]:
    """(number, width): the fields in order, the first most significant.  Validity has no bits."""
    opened = t.strip(type_)
    match opened:
        case t.BitType(width) | t.IntType(width):
            assert isinstance(value, int)
            return value & ((1 << width) - 1), width
        case t.BoolType():
            return int(bool(value)), 1
        case t.EnumType(_, members):
            return members.index(str(value)), 32
        case t.VarbitType():
            assert isinstance(value, Varbit)
            return value.number, value.size
        case t.RecordType():
            assert isinstance(value, Record)
            return _join([bits(value.fields[field.name], field.type) for field in opened.fields])
        case t.TupleType(elements):
            assert isinstance(value, list)
            return _join([bits(part, element) for part, element in zip(value, elements, strict=True)])
        case t.StackType(element):
            assert isinstance(value, Stack)
            return _join([bits(part, element) for part in value.elements])
    raise NotImplementedError(f"bits of {type_}")


def _join(parts: list[tuple[int, int]]) -> tuple[int, int]:
    number = total = 0
    for value, width in parts:
        number, total = number << width | value, total + width
    return number, total


def width_with(type_: t.Type, varbit: int) -> int:
    """Bits of a value whose only varbit, if it has one, has `varbit` bits."""
    opened = t.strip(type_)
    if isinstance(opened, t.VarbitType):
        return varbit
    if isinstance(opened, t.HeaderType):
        return sum(width_with(field.type, varbit) for field in opened.fields)
    width = t.width_of(opened)
    assert width is not None
    return width


def from_bits(number: int, type_: t.Type, varbit: int = 0) -> Val:
    """The value whose `bits` are `number`; headers in it are valid, a varbit has `varbit` bits."""
    opened = t.strip(type_)
    match opened:
        case t.BitType() | t.IntType():
            return wrap(number, opened)
        case t.BoolType():
            return bool(number & 1)
        case t.VarbitType():
            return Varbit(varbit, number)
        case t.RecordType():
            names = [field.name for field in opened.fields]
            parts = _split(number, [field.type for field in opened.fields], varbit)
            return Record(opened, dict(zip(names, parts, strict=True)), True)
        case t.TupleType(elements):
            return _split(number, list(elements))
        case t.StackType(element, size):
            return Stack(opened, _split(number, [element] * size))
    raise NotImplementedError(f"a {type_} from bits")


def _split(number: int, types: list[t.Type], varbit: int = 0) -> list[Val]:
    parts: list[Val] = []
    for type_ in reversed(types):
        width = width_with(type_, varbit)
        parts.append(from_bits(number & ((1 << width) - 1), type_, varbit))
        number >>= width
    return parts[::-1]


def come_from(value: Val, origin: int) -> None:
    """Note at which bit of the packet a value and what is in it began."""
    if isinstance(value, Record):
        value.origin = origin
        for field in value.type.fields:
            part = value.fields[field.name]
            come_from(part, origin)
            origin += bits(part, field.type)[1]


def has_valid(value: Val) -> bool:
    """isValid() of a header or union."""
    assert isinstance(value, Record)
    if isinstance(value.type, t.UnionType):
        return any(has_valid(item) for item in value.fields.values())
    return value.valid
