# SPDX-License-Identifier: Apache-2.0
"""Frozen dataclasses that cost nothing until they are used.

`dataclasses` compiles the methods of each class when the class is made; for the two hundred classes of the
compiler that is a noticeable part of the time that a compilation takes.  Here a class gets its `__init__`
when its first object is made, and the other methods are the same functions for all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from inspect import get_annotations
from operator import attrgetter
from types import CodeType, FunctionType
from typing import Any, TypeVar, dataclass_transform, overload

_T = TypeVar("_T")
_MISSING = object()


class Field:
    """What is known of a field beside its name."""

    __slots__ = ("compare", "default", "factory", "kw_only")

    def __init__(self, default: Any, factory: Callable[[], Any] | None, compare: bool, kw_only: bool) -> None:
        self.default = default
        self.factory = factory
        self.compare = compare
        self.kw_only = kw_only

    @property
    def optional(self) -> bool:
        """May it be left out?"""
        return self.default is not _MISSING or self.factory is not None


_PLAIN = Field(_MISSING, None, True, False)


def field(
    *,
    default: Any = _MISSING,
    default_factory: Callable[[], Any] | None = None,
    compare: bool = True,
    kw_only: bool = False,
) -> Any:
    """A field that is not like others; the parameters are those of `dataclasses.field`."""
    return Field(default, default_factory, compare, kw_only)


@overload
def record(cls: type[_T], /) -> type[_T]: ...
@overload
def record(*, eq: bool = True, frozen: bool = True) -> Callable[[type[_T]], type[_T]]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: Any = None, /, *, eq: bool = True, frozen: bool = True) -> Any:
    """Make a class one that lists its fields, as `dataclasses.dataclass` does.

    `eq`: objects compare by their fields and not by identity; `frozen`: they do not change.
    """
    return define(cls, eq, frozen) if cls is not None else lambda it: define(it, eq, frozen)


def define(cls: Any, eq: bool, frozen: bool) -> Any:
    """Give `cls` what `record` promises."""
    fields: dict[str, Field] = dict(getattr(cls, "_fields", ()))
    for name, annotation in get_annotations(cls).items():
        if str(annotation).startswith("ClassVar"):
            continue
        value = cls.__dict__.get(name, _MISSING)
        if isinstance(value, Field):
            delattr(cls, name)
            fields[name] = value
        else:
            fields[name] = _PLAIN if value is _MISSING else Field(value, None, True, False)
    made: dict[str, Any] = {
        "_fields": fields,
        "field_names": tuple(fields),
        "__match_args__": tuple(name for name, item in fields.items() if not item.kw_only),
        "__init__": _first_init,
        "__repr__": _repr,
    }
    if frozen:
        made |= {"__setattr__": _refuse, "__delattr__": _refuse}
    if eq:
        compared = [name for name, item in fields.items() if item.compare]
        made["_compared"] = attrgetter(*compared) if compared else type
        made |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
    for name, value in made.items():
        if name not in cls.__dict__:
            setattr(cls, name, value)
    return cls


def field_names(kind: type) -> tuple[str, ...]:
    """The names of the fields that a record's class has, in order."""
    names: tuple[str, ...] = kind.field_names  # type: ignore[attr-defined]
    return names


def replace(item: _T, **changes: Any) -> _T:
    """A record like `item` but for the fields given."""
    kind = type(item)
    values = vars(item)
    made = object.__new__(kind)
    fields = vars(made)
    fields.update({name: values[name] for name in field_names(kind)})
    if not changes.keys() <= fields.keys():
        raise TypeError(f"{kind.__name__} has the fields {', '.join(fields)}")
    fields.update(changes)
    return made


def _first_init(self: Any, *values: Any, **named: Any) -> None:
    """Stands for `__init__` until the first object is made."""
    kind = type(self)
    kind.__init__ = _make_init(kind)
    kind.__init__(self, *values, **named)


def _make_init(kind: Any) -> Any:
    """`__init__` of a class: that of another with as many fields, under its own names."""
    fields: dict[str, Field] = kind._fields
    ordered = sorted(fields, key=lambda name: fields[name].kw_only)
    named = [name for name in ordered if fields[name].kw_only]
    code = _init_of(len(ordered), len(named))
    names = {f"_{number}": name for number, name in enumerate(ordered)}
    code = code.replace(
        co_varnames=tuple(names.get(name, name) for name in code.co_varnames),
        co_consts=tuple(names.get(const, const) for const in code.co_consts),
    )
    made = FunctionType(code, {}, "__init__")
    defaults = {name: item.default for name, item in fields.items() if item.optional}
    made.__defaults__ = tuple(defaults[name] for name in ordered if name in defaults and name not in named)
    made.__kwdefaults__ = {name: defaults[name] for name in named if name in defaults}
    factories = [(name, item.factory) for name, item in fields.items() if item.factory is not None]
    return _with_factories(made, factories) if factories else made


@cache
def _init_of(count: int, named: int) -> CodeType:
    """`__init__` of a class with the fields _0, _1, ..., of which the last are given by name only."""
    names = [f"_{number}" for number in range(count)]
    first = count - named
    parameters = ", ".join(["self", *names[:first], *(["*", *names[first:]] if named else [])])
    namespace: dict[str, Any] = {}
    sets = "".join(f"\n _fields[{name!r}] = {name}" for name in names)
    exec(f"def __init__({parameters}):\n _fields = self.__dict__{sets}", namespace)
    code: CodeType = namespace["__init__"].__code__
    return code


def _with_factories(init: Callable[..., None], factories: list[tuple[str, Callable[[], Any]]]) -> Any:
    """`init`, and then what is not given made anew."""

    def __init__(self: Any, *values: Any, **named: Any) -> None:
        init(self, *values, **named)
        fields = self.__dict__
        for name, factory in factories:
            if fields[name] is _MISSING:
                fields[name] = factory()

    return __init__


def _refuse(self: Any, name: str, value: object = None) -> None:
    raise AttributeError(f"{type(self).__name__} does not change: {name}")


def _eq(self: Any, other: Any) -> Any:
    compared = self._compared
    return compared(self) == compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(self._compared(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.field_names)
    return f"{type(self).__name__}({shown})"
