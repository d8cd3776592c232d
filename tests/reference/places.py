# SPDX-License-Identifier: Apache-2.0
"""L-values: places that can be read and written (P4_16 section 6.7).

What the language leaves undefined about fields of invalid headers is done in one of two ways, `keep`: either
such fields are storage like others, or they are lost, hold ones, and cannot be written.  A program whose
result depends on it has no defined result.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from p4rt.compiler.analysis import types as t

from .values import Record, Stack, Val, copy, garbage, wrap, zero


class Place(ABC):
    """Where a value is."""

    keep = True

    @abstractmethod
    def get(self) -> Val:
        """The value itself, not a copy."""

    @abstractmethod
    def put(self, value: Val) -> None:
        """Replace the value; `value` must not be shared."""

    def made_valid(self) -> None:  # noqa: B027  most places have nothing to do
        """Called when a header in this place has become valid."""

    def exists(self) -> bool:
        """Whether writing a part of what is here has an effect."""
        return True


@dataclass
class Variable(Place):
    """A variable or parameter in an environment keyed by declaration."""

    env: dict[Any, Val]
    key: Any

    def get(self) -> Val:
        return self.env[self.key]

    def put(self, value: Val) -> None:
        self.env[self.key] = value


class Nowhere(Place):
    """What `_` as an argument names."""

    def __init__(self, type_: t.Type) -> None:
        self.value = zero(type_)

    def get(self) -> Val:
        return self.value

    def put(self, value: Val) -> None:
        self.value = value


@dataclass
class FieldOf(Place):
    """`base.name` of a struct, header or union."""

    base: Place
    name: str
    keep: bool

    def _record(self) -> Record:
        record = self.base.get()
        assert isinstance(record, Record)
        return record

    def get(self) -> Val:
        return self._record().fields[self.name]

    def put(self, value: Val) -> None:
        if not self.exists():
            return
        record = self._record()
        if isinstance(record.type, t.UnionType):
            assert isinstance(value, Record)
            record.fields[self.name] = value
            if value.valid:
                self.made_valid()
        else:
            record.fields[self.name] = value

    def made_valid(self) -> None:
        record = self._record()
        if isinstance(record.type, t.UnionType):
            for name, other in record.fields.items():
                if name != self.name and isinstance(other, Record):
                    invalidate(other, self.keep)

    def exists(self) -> bool:
        record = self._record()
        if isinstance(record.type, t.HeaderType) and not record.valid and not self.keep:
            return False
        return self.base.exists()


@dataclass
class ElementOf(Place):
    """`base[index]`; outside of the stack there is nothing: it reads zero and is not written."""

    base: Place
    index: int

    def get(self) -> Val:
        stack = self.base.get()
        assert isinstance(stack, Stack | list)
        elements = stack.elements if isinstance(stack, Stack) else stack
        if 0 <= self.index < len(elements):
            return elements[self.index]
        assert isinstance(stack, Stack)
        return zero(stack.type.element)

    def put(self, value: Val) -> None:
        stack = self.base.get()
        assert isinstance(stack, Stack | list)
        elements = stack.elements if isinstance(stack, Stack) else stack
        if 0 <= self.index < len(elements) and self.base.exists():
            elements[self.index] = value

    def exists(self) -> bool:
        return self.base.exists()


@dataclass
class BitsOf(Place):
    """`base[low+width-1:low]`; bits beyond the value read zero and are not written."""

    base: Place
    type: t.Type
    low: int
    width: int

    def get(self) -> Val:
        base = self.base.get()
        assert isinstance(base, int)
        full = t.width_of(self.type)
        assert full is not None
        return (base & ((1 << full) - 1)) >> self.low & ((1 << self.width) - 1)

    def put(self, value: Val) -> None:
        base = self.base.get()
        assert isinstance(base, int) and isinstance(value, int)
        mask = ((1 << self.width) - 1) << self.low
        self.base.put(wrap(base & ~mask | value << self.low, self.type))

    def exists(self) -> bool:
        return self.base.exists()


def invalidate(header: Record, keep: bool) -> None:
    """setInvalid()."""
    header.valid = False
    if not keep:
        for field in header.type.fields:
            header.fields[field.name] = garbage(field.type)


def assigned(value: Val, keep: bool) -> Val:
    """A copy of `value` to put somewhere: of an invalid header the fields may be lost."""
    result = copy(value)
    if not keep:
        _forget(result)
    return result


def _forget(value: Val) -> None:
    if isinstance(value, Record):
        if isinstance(value.type, t.HeaderType) and not value.valid:
            invalidate(value, False)
        for item in value.fields.values():
            _forget(item)
    elif isinstance(value, Stack | list):
        for item in value.elements if isinstance(value, Stack) else value:
            _forget(item)
