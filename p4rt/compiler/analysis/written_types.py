# SPDX-License-Identifier: Apache-2.0
"""What type expressions mean, and the types that declarations introduce."""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.constants import show
from p4rt.compiler.analysis.context import BAD, Context, kind_name
from p4rt.compiler.frontend import ast
from p4rt.compiler.source import Span

MAX_WIDTH = 1 << 16
"""Bits; a wider `bit`, `int` or `varbit` is refused."""

MAX_STACK = 1 << 8
"""Elements; a larger header stack is refused."""

MAX_PARTS = 1 << 16
"""Scalars in one value; types that double at each level would otherwise fill the memory."""

GenericDecl = (
    ast.StructDecl | ast.HeaderDecl | ast.UnionDecl | ast.ExternDecl | ast.ParserTypeDecl
    | ast.ControlTypeDecl | ast.PackageDecl | ast.ParserDecl | ast.ControlDecl
)  # fmt: skip


class WrittenTypes(Context):
    """Part of the checker: types."""

    def check(self, expr: ast.Expr, expected: t.Type | None = None) -> t.Type:
        """Type of an expression; see `Expressions`."""
        raise NotImplementedError

    def convert(self, expr: ast.Expr, target: t.Type, what: str = "") -> bool:
        """Convert an expression implicitly; see `Conversions`."""
        raise NotImplementedError

    def constant_int(self, expr: ast.Expr, what: str) -> int | None:
        """Value of an expression that must be a compile-time integer; None after an error."""
        type_ = self.check(expr)
        if self.is_bad(type_):
            return None
        if not isinstance(t.strip(type_), t.InfIntType | t.BitType | t.IntType):
            self.error("type-error", expr, f"{what} must be a number, not {type_}")
            return None
        value = self.program.constants.get(expr)
        if not isinstance(value, int):
            self.error("not-constant", expr, f"{what} must be known at compile time")
            return None
        return int(value)

    # ---- Type expressions

    def resolve(self, expr: ast.TypeExpr, *, infer: bool = False) -> t.Type:
        """Meaning of a type expression.  With `infer` a generic type may stand without its arguments."""
        type_ = self._resolve(expr, infer)
        self.program.written_types[expr] = type_
        return type_

    def _resolve(self, expr: ast.TypeExpr, infer: bool) -> t.Type:
        match expr:
            case ast.BaseTypeExpr(kind=kind):
                return _BASE_TYPES[kind]
            case ast.BitTypeExpr(width=None):
                return t.BitType(1)
            case ast.BitTypeExpr():
                assert expr.width is not None
                width = self._width(expr.width, "bit", 0)
                return BAD if width is None else t.BitType(width)
            case ast.IntTypeExpr():
                width = self._width(expr.width, "int", 1)
                return BAD if width is None else t.IntType(width)
            case ast.VarbitTypeExpr():
                width = self._width(expr.width, "varbit", 0)
                return BAD if width is None else t.VarbitType(width)
            case ast.NamedTypeExpr():
                return self._named(expr, infer)
            case ast.SpecializedTypeExpr():
                return self._specialized(expr)
            case ast.StackTypeExpr():
                return self._stack(expr)
            case ast.TupleTypeExpr():
                elements = tuple(self.resolve(arg) for arg in expr.args)
                if self.is_bad(*elements) or self._too_large(expr, sum(map(self._parts, elements))):
                    return BAD
                return t.TupleType(elements)
            case ast.ListTypeExpr():
                element = self.resolve(expr.element)
                return BAD if self.is_bad(element) else t.ListType(element)
            case ast.DontCareTypeExpr():
                return self.bad(
                    "type-error", expr, "'_' stands for a type to infer, which is not possible here"
                )
        raise AssertionError(expr)

    def _width(self, expr: ast.Expr, kind: str, least: int) -> int | None:
        width = self.constant_int(expr, f"the width of {kind}<>")
        if width is None:
            return None
        if width < least or width > MAX_WIDTH:
            self.error(
                "type-error",
                expr,
                f"{kind}<{show(width)}> is not possible: a width is {least} to {MAX_WIDTH}",
            )
            return None
        return width

    def _type_decl(self, expr: ast.NamedTypeExpr) -> ast.Decl | None:
        """The declaration that a type's name refers to; None after an error."""
        found = self.lookup(expr.name, expr.absolute)
        if not found:
            self.undeclared(expr, expr.name, "type")
            return None
        decl = found[-1]
        if decl not in self.declared:
            self.error("type-error", expr, f"'{expr.name}' is a {kind_name(decl)}, not a type")
            return None
        self.program.decls[expr] = decl
        return decl

    def _named(self, expr: ast.NamedTypeExpr, infer: bool) -> t.Type:
        decl = self._type_decl(expr)
        if decl is None:
            return BAD
        wanted = len(getattr(decl, "type_params", ()))
        if wanted and not infer:
            return self.bad(
                "type-error", expr, f"'{expr.name}' needs {_count(wanted, 'type argument')} in <>"
            )
        return self.declared[decl]

    def _specialized(self, expr: ast.SpecializedTypeExpr) -> t.Type:
        decl = self._type_decl(expr.base)
        args = [self.resolve(arg) for arg in expr.args]
        if decl is None or self.is_bad(*args):
            return BAD
        params: Sequence[ast.TypeParam] = getattr(decl, "type_params", ())
        if len(params) != len(args):
            message = f"'{expr.base.name}' has {_count(len(params), 'type parameter')}, not {len(args)}"
            return self.bad("type-error", expr, message)
        largest = max(map(self._parts, args), default=1)
        if self._too_large(expr, self._parts(self.declared[decl]) * largest):
            return BAD
        type_ = t.substitute(self.declared[decl], dict(zip(params, args, strict=True)))
        self._check_fields_of(type_, expr)
        return type_

    def _check_fields_of(self, type_: t.Type, expr: ast.TypeExpr) -> None:
        """A generic header's fields are checked where its arguments are known."""
        if isinstance(type_, t.HeaderType | t.UnionType) and not t.has_type_vars(type_):
            for field in type_.fields:
                problem = field_problem(type_, field.type)
                if problem:
                    self.error("type-error", expr, f"field '{field.name}' of {type_}: {problem}")

    def _stack(self, expr: ast.StackTypeExpr) -> t.Type:
        element = self.resolve(expr.element)
        size = self.constant_int(expr.size, "the size of a header stack")
        if size is None or self.is_bad(element):
            return BAD
        if not isinstance(element, t.HeaderType | t.UnionType | t.TypeVar):
            return self.bad("type-error", expr, f"a stack is of headers or header unions, not of {element}")
        if not 0 < size <= MAX_STACK:
            return self.bad(
                "type-error", expr.size, f"the size of a stack is 1 to {MAX_STACK}, not {show(size)}"
            )
        return BAD if self._too_large(expr, self._parts(element) * size) else t.StackType(element, size)

    def _too_large(self, expr: ast.Node | Span, parts: int) -> bool:
        """Refuse a type of too many parts."""
        if parts > MAX_PARTS:
            self.error("too-complex", expr, f"a value of this type has {parts} parts, more than {MAX_PARTS}")
        return parts > MAX_PARTS

    def _parts(self, type_: t.Type) -> int:
        """Scalars in a value of a type; what was found out of a type is kept with it."""
        known = self._part_counts.get(id(type_))
        if known is not None:
            return known[0]
        match type_:
            case t.RecordType():
                count = sum(self._parts(field.type) for field in type_.fields)
            case t.TupleType(elements):
                count = sum(map(self._parts, elements))
            case t.StackType(element, size):
                count = self._parts(element) * size
            case _:
                return 1
        self._part_counts[id(type_)] = max(count, 1), type_
        return max(count, 1)

    # ---- Declarations of types

    def open_type_params(self, params: Sequence[ast.TypeParam]) -> tuple[t.Type, ...]:
        """Declare type parameters in the innermost scope."""
        for param in params:
            self.declared[param] = t.TypeVar(param.name, param)
            self.declare(param)
        return tuple(self.declared[param] for param in params)

    def resolve_params(self, params: Sequence[ast.Param]) -> tuple[t.ParamType, ...]:
        """Types of parameters; duplicates and bad defaults are reported."""
        seen: set[str] = set()
        resolved = []
        for param in params:
            type_ = self.resolve(param.type)
            if param.name in seen:
                self.error("duplicate", param.name_span, f"two parameters are called '{param.name}'")
            seen.add(param.name)
            self._check_param(param, type_)
            self.program.decl_types[param] = type_
            resolved.append(t.ParamType(param.name, param.direction, type_, param))
        return tuple(resolved)

    def declare_params(self, params: Sequence[ast.Param]) -> None:
        """Declare parameters in the innermost scope; those named twice were reported already."""
        for param in params:
            if param.name not in self.scopes[-1].names:
                self.declare(param)

    def _check_param(self, param: ast.Param, type_: t.Type) -> None:
        """Rules about one parameter: void, direction of objects, default values."""
        if isinstance(type_, t.VoidType):
            self.error("type-error", param.type, "a parameter cannot be void")
        if param.direction and isinstance(type_, t.ExternType | t.BlockType):
            message = f"parameter '{param.name}' of type {type_} cannot have a direction"
            self.error("direction", param, message)
        if param.direction in {"out", "inout"} and isinstance(type_, t.InfIntType | t.StringType):
            self.error("direction", param, f"parameter '{param.name}' of type {type_} cannot be written")
        if param.default is not None:
            if param.direction in {"out", "inout"}:
                self.error("direction", param, f"'{param.direction}' parameter cannot have a default value")
            self.check(param.default, type_)
            if self.convert(param.default, type_) and param.default not in self.program.constants:
                self.error("not-constant", param.default, "a default value must be known at compile time")

    def declare_record(self, decl: ast.StructDecl | ast.HeaderDecl | ast.UnionDecl) -> None:
        """Declare a struct, header or header union."""
        self.current.append(decl)
        self.open("type")
        args = self.open_type_params(decl.type_params)
        fields, seen = [], set()
        kind = {ast.StructDecl: t.StructType, ast.HeaderDecl: t.HeaderType, ast.UnionDecl: t.UnionType}[
            type(decl)
        ]
        for field in decl.fields:
            type_ = self.resolve(field.type)
            problem = field_problem(kind, type_)
            if field.name in seen:
                self.error(
                    "duplicate", field.name_span, f"two fields of '{decl.name}' are called '{field.name}'"
                )
            elif problem:
                self.error("type-error", field.type, f"field '{field.name}' of {kind_name(decl)}: {problem}")
            seen.add(field.name)
            self.program.decl_types[field] = type_
            fields.append(t.FieldType(field.name, type_, field))
        self.close()
        self.current.pop()
        if sum(isinstance(t.strip(field.type), t.VarbitType) for field in fields) > 1:
            self.error("type-error", decl.name_span, f"header '{decl.name}' has more than one varbit field")
        too_large = self._too_large(decl.name_span, sum(self._parts(field.type) for field in fields))
        self.declared[decl] = BAD if too_large else kind(decl.name, args, tuple(fields), decl)
        self.declare(decl)

    def declare_enum(self, decl: ast.EnumDecl) -> None:
        """Declare an enum; a serializable one's members need distinct names and constant values."""
        seen: set[str] = set()
        for member in decl.members:
            if member.name in seen:
                self.error(
                    "duplicate", member.name_span, f"enum '{decl.name}' has two members '{member.name}'"
                )
            seen.add(member.name)
        if decl.type is None:
            for member in decl.members:
                if member.value is not None:
                    message = f"enum '{decl.name}' has no representation"
                    self.error(
                        "type-error", member, message, f"write 'enum bit<W> {decl.name}' to give values"
                    )
            self.declared[decl] = t.EnumType(decl.name, tuple(member.name for member in decl.members))
        else:
            self.declared[decl] = self._serializable(decl, self.resolve(decl.type))
        self.declare(decl)

    def _serializable(self, decl: ast.EnumDecl, underlying: t.Type) -> t.Type:
        values: dict[str, int] = {}
        if self.is_bad(underlying):
            return BAD
        if not isinstance(t.strip(underlying), t.BitType | t.IntType):
            assert decl.type is not None
            return self.bad(
                "type-error", decl.type, f"an enum is represented by bit<> or int<>, not {underlying}"
            )
        for member in decl.members:
            if member.value is None:
                self.error("type-error", member, f"member '{member.name}' of '{decl.name}' needs a value")
                continue
            self.check(member.value, underlying)
            if self.convert(member.value, underlying):
                value = self.program.constants.get(member.value)
                if isinstance(value, int):
                    values[member.name] = int(value)
                else:
                    self.error("not-constant", member.value, "a member's value must be known at compile time")
        return t.SerEnumType(decl.name, underlying, values)

    def declare_alias(self, decl: ast.TypedefDecl | ast.NewTypeDecl) -> None:
        """Declare a `typedef` or `type`."""
        if not isinstance(decl.type, ast.TypeExpr):
            inner: ast.Decl = decl.type
            if isinstance(inner, ast.EnumDecl):
                self.declare_enum(inner)
            elif isinstance(inner, ast.StructDecl | ast.HeaderDecl | ast.UnionDecl):
                self.declare_record(inner)
            type_ = self.declared.get(inner, BAD)
        else:
            self.current.append(decl)
            type_ = self.resolve(decl.type)
            self.current.pop()
        if isinstance(decl, ast.NewTypeDecl) and not self.is_bad(type_):
            if not isinstance(t.strip(type_), t.BitType | t.IntType | t.BoolType | t.VarbitType):
                type_ = self.bad(
                    "type-error", decl.type, f"'type' makes new types of bits and bool, not of {type_}"
                )
            else:
                type_ = t.NewType(decl.name, type_)
        self.declared[decl] = type_
        self.declare(decl)


def field_problem(owner: t.Type | type[t.RecordType], type_: t.Type) -> str | None:
    """Why a struct, header or header union cannot have a field of a type; None when it can."""
    kind = owner if isinstance(owner, type) else type(owner)
    if isinstance(type_, t.ErrorRecoveryType | t.TypeVar):
        return None
    if kind is t.UnionType:
        return None if isinstance(type_, t.HeaderType) else f"must be a header, not {type_}"
    if kind is t.HeaderType:
        inner = t.strip(type_)
        if isinstance(inner, t.BitType | t.IntType | t.BoolType | t.VarbitType):
            return None
        if isinstance(inner, t.StructType):
            problems = [field_problem(kind, field.type) for field in inner.fields]
            return next((problem for problem in problems if problem), None)
        return f"a header holds bits, bool, serializable enums and structs of these, not {type_}"
    allowed = (
        t.BitType | t.IntType | t.BoolType | t.VarbitType | t.ErrorType | t.EnumType | t.SerEnumType
        | t.RecordType | t.StackType | t.TupleType | t.NewType | t.ListType | t.StringType | t.InfIntType
    )  # fmt: skip
    return None if isinstance(type_, allowed) else f"cannot be of type {type_}"


_BASE_TYPES: dict[str, t.Type] = {
    "bool": t.BoolType(),
    "error": t.ErrorType(),
    "match_kind": t.MatchKindType(),
    "string": t.StringType(),
    "int": t.InfIntType(),
    "void": t.VoidType(),
}


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
