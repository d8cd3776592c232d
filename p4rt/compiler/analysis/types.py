# SPDX-License-Identifier: Apache-2.0
"""Semantic types: what the type expressions of a program mean.

Types are immutable values and compare structurally; nominal types (structs, enums, externs, ...) compare
by name and type arguments, for a P4 program declares types at top level only.  Typedefs are resolved away.
Widths are in bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from p4rt.compiler.frontend import ast
from p4rt.compiler.records import field, record


@record
class Type:
    """Base of all types.  `str(type)` is how P4 spells it."""


@record
class VoidType(Type):
    """No value."""

    def __str__(self) -> str:
        return "void"


@record
class ErrorRecoveryType(Type):
    """The type of what already got an error message; fits everything; never in a checked program."""

    def __str__(self) -> str:
        return "<error>"


@record
class BoolType(Type):
    """`bool`."""

    def __str__(self) -> str:
        return "bool"


@record
class StringType(Type):
    """`string`, known at compile time always."""

    def __str__(self) -> str:
        return "string"


@record
class InfIntType(Type):
    """`int`: a compile-time integer of arbitrary precision."""

    def __str__(self) -> str:
        return "int"


@record
class BitType(Type):
    """`bit<width>`, unsigned; width 0 is possible."""

    width: int

    def __str__(self) -> str:
        return f"bit<{self.width}>"


@record
class IntType(Type):
    """`int<width>`, two's complement."""

    width: int

    def __str__(self) -> str:
        return f"int<{self.width}>"


@record
class VarbitType(Type):
    """`varbit<width>`: up to `width` bits."""

    width: int

    def __str__(self) -> str:
        return f"varbit<{self.width}>"


@record
class ErrorType(Type):
    """`error`; its members are `CheckedProgram.errors`."""

    def __str__(self) -> str:
        return "error"


@record
class MatchKindType(Type):
    """`match_kind`."""

    def __str__(self) -> str:
        return "match_kind"


@record
class EnumType(Type):
    """An enum without representation; also the type of `apply().action_run`, named `action_list(TABLE)`."""

    name: str
    members: tuple[str, ...] = field(compare=False)

    def __str__(self) -> str:
        return self.name


@record
class SerEnumType(Type):
    """A serializable enum: a BitType or IntType with names for some of its values."""

    name: str
    underlying: Type = field(compare=False)
    members: Mapping[str, int] = field(compare=False)

    def __str__(self) -> str:
        return self.name


@record
class FieldType:
    """A field of a struct, header or union; `decl` carries its annotations."""

    name: str
    type: Type
    decl: ast.Field | None = field(default=None, compare=False)


@record
class RecordType(Type):
    """Struct, header or header union: a name, type arguments, and fields with the arguments put in."""

    name: str
    args: tuple[Type, ...]
    fields: tuple[FieldType, ...] = field(compare=False)
    decl: ast.Decl | None = field(default=None, compare=False)

    @cached_property
    def by_name(self) -> dict[str, Type]:
        """Field types by field name, in order."""
        return {item.name: item.type for item in self.fields}

    def __str__(self) -> str:
        return _generic(self.name, self.args)


@record
class StructType(RecordType):
    """`struct`."""


@record
class HeaderType(RecordType):
    """`header`: fields and a validity bit."""


@record
class UnionType(RecordType):
    """`header_union`: at most one of its headers is valid."""


@record
class StackType(Type):
    """`element[size]`, of headers or header unions (or any type, where the language lets it)."""

    element: Type
    size: int

    def __str__(self) -> str:
        return f"{self.element}[{self.size}]"


@record
class TupleType(Type):
    """`tuple<...>`; also the type of `{a, b}` where nothing else is asked for."""

    elements: tuple[Type, ...]

    def __str__(self) -> str:
        return _generic("tuple", self.elements) if self.elements else "tuple<>"


@record
class ListType(Type):
    """`list<element>`, known at compile time."""

    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@record
class AnonymousStructType(Type):
    """The type of `{x = a, y = b}` where nothing else is asked for."""

    fields: tuple[FieldType, ...]

    def __str__(self) -> str:
        return "struct {" + "; ".join(f"{item.type} {item.name}" for item in self.fields) + "}"


@record
class InvalidLitType(Type):
    """The type of `{#}` before the context gives it one."""

    def __str__(self) -> str:
        return "{#}"


@record
class DotsType(Type):
    """The type of `...` before the context gives it one."""

    def __str__(self) -> str:
        return "..."


@record
class NewType(Type):
    """`type underlying name;`: a type of its own with the representation of `underlying`."""

    name: str
    underlying: Type = field(compare=False)

    def __str__(self) -> str:
        return self.name


@record
class TypeVar(Type):
    """A type parameter inside the generic declaration that declares it."""

    name: str
    decl: ast.TypeParam = field(compare=True)

    def __str__(self) -> str:
        return self.name


@record
class SetType(Type):
    """Keysets with values of `element`: masks, ranges, value sets."""

    element: Type

    def __str__(self) -> str:
        return f"set<{self.element}>"


@record
class ParamType:
    """A parameter: direction `in`, `out`, `inout` or empty.  `decl` carries default value and annotations."""

    name: str
    direction: str
    type: Type
    decl: ast.Param = field(compare=False)

    def __str__(self) -> str:
        return f"{self.direction} {self.type} {self.name}".strip()


@record
class ExternType(Type):
    """An instance of an extern."""

    name: str
    args: tuple[Type, ...]
    decl: ast.ExternDecl = field(compare=False)

    def __str__(self) -> str:
        return _generic(self.name, self.args)


@record
class BlockType(Type):
    """A parser, control or package: `kind` is `parser`, `control` or `package`.

    `name` is that of the declaration.  Two parsers (or controls) fit one another when their apply
    parameters agree in direction and type; the checker decides that, not `==`.
    """

    kind: str
    name: str
    args: tuple[Type, ...]
    params: tuple[ParamType, ...] = field(compare=False)
    decl: ast.Decl = field(compare=False)

    def __str__(self) -> str:
        return _generic(self.name, self.args)


@record
class TableType(Type):
    """A table."""

    decl: ast.TableDecl

    def __str__(self) -> str:
        return "table"


@record
class ApplyResultType(Type):
    """What `table.apply()` returns: `.hit`, `.miss` (bool), `.action_run` (`run`)."""

    decl: ast.TableDecl
    run: EnumType

    def __str__(self) -> str:
        return "apply_result"


@record
class CallableType(Type):
    """What can be called: action, function, extern function, method, built-in.  Not a value."""

    kind: str
    name: str

    def __str__(self) -> str:
        return self.kind


@record
class TypeOfType(Type):
    """The type of a TypeNameExpr: the name of `type` used as an expression.  Not a value."""

    type: Type

    def __str__(self) -> str:
        return f"type {self.type}"


def _generic(name: str, args: tuple[Type, ...]) -> str:
    return f"{name}<{', '.join(str(arg) for arg in args)}>" if args else name


def strip(type_: Type) -> Type:
    """The representation: `type` declarations and serializable enums are opened."""
    while isinstance(type_, NewType | SerEnumType):
        type_ = type_.underlying
    return type_


def width_of(type_: Type) -> int | None:
    """Bits of a value when packed (varbit counts as its maximum); None for what has no size in bits.

    A header union counts its largest member.  Validity bits do not count.
    """
    match type_:
        case BitType(width) | IntType(width) | VarbitType(width):
            return width
        case BoolType():
            return 1
        case NewType() | SerEnumType():
            return width_of(type_.underlying)
        case StackType(element, size):
            one = width_of(element)
            return None if one is None else one * size
        case UnionType():
            widths = [width_of(item.type) for item in type_.fields]
            known = [width for width in widths if width is not None]
            return max(known, default=0) if len(known) == len(widths) else None
        case RecordType() | AnonymousStructType():
            return _sum([width_of(item.type) for item in type_.fields])
        case TupleType(elements):
            return _sum([width_of(element) for element in elements])
    return None


def _sum(widths: list[int | None]) -> int | None:
    return None if None in widths else sum(width for width in widths if width is not None)


def substitute(type_: Type, env: Mapping[ast.TypeParam, Type]) -> Type:
    """`type_` with type variables replaced as `env` says; variables not in `env` stay."""
    if not env:
        return type_
    match type_:
        case TypeVar():
            return env.get(type_.decl, type_)
        case StructType() | HeaderType() | UnionType() if type_.args:
            return type(type_)(
                type_.name,
                tuple(substitute(arg, env) for arg in type_.args),
                tuple(FieldType(item.name, substitute(item.type, env), item.decl) for item in type_.fields),
                type_.decl,
            )
        case StackType(element, size):
            return StackType(substitute(element, env), size)
        case TupleType(elements):
            return TupleType(tuple(substitute(element, env) for element in elements))
        case ListType(element):
            return ListType(substitute(element, env))
        case SetType(element):
            return SetType(substitute(element, env))
        case AnonymousStructType(items):
            return AnonymousStructType(
                tuple(FieldType(item.name, substitute(item.type, env), item.decl) for item in items)
            )
        case ExternType(name, args):
            return ExternType(name, tuple(substitute(arg, env) for arg in args), type_.decl)
        case BlockType():
            return BlockType(
                type_.kind,
                type_.name,
                tuple(substitute(arg, env) for arg in type_.args),
                tuple(substitute_param(param, env) for param in type_.params),
                type_.decl,
            )
    return type_


def substitute_param(param: ParamType, env: Mapping[ast.TypeParam, Type]) -> ParamType:
    """The parameter with its type substituted."""
    return ParamType(param.name, param.direction, substitute(param.type, env), param.decl)


def has_type_vars(type_: Type) -> bool:
    """True when a type variable occurs in the type."""
    match type_:
        case TypeVar():
            return True
        case RecordType() | ExternType() | BlockType():
            return any(has_type_vars(arg) for arg in type_.args)
        case StackType(element) | ListType(element) | SetType(element):
            return has_type_vars(element)
        case TupleType(elements):
            return any(has_type_vars(element) for element in elements)
        case AnonymousStructType(items):
            return any(has_type_vars(item.type) for item in items)
    return False
