# SPDX-License-Identifier: Apache-2.0
"""Types of expressions (P4_16 section 8)."""

from __future__ import annotations

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.constants import MAX_BITS, show
from p4rt.compiler.analysis.context import BAD, kind_name, one_of, suggestion
from p4rt.compiler.analysis.conversions import NUMERIC, Conversions, describe
from p4rt.compiler.frontend import ast

_BOOL = t.BoolType()
_INT = t.InfIntType()
INTEGERS = (t.BitType, t.IntType, t.InfIntType)
MAX_LITERAL_WIDTH = 1 << 16
STACK_MEMBERS = ("next", "last", "lastIndex", "size")


class Expressions(Conversions):
    """Part of the checker: expressions."""

    def check_call(self, expr: ast.Call, expected: t.Type | None) -> t.Type:
        """Type of a call; see `Calls`."""
        raise NotImplementedError

    def check(self, expr: ast.Expr, expected: t.Type | None = None) -> t.Type:
        """Type an expression and its parts; the result is the type before implicit conversion.

        `expected` is the type that the context would like; it only helps to infer type arguments.
        """
        type_ = self._check(expr, expected)
        self.program.types[expr] = type_
        if not self.is_bad(type_):
            self.fold(expr)
        return type_

    def check_value(self, expr: ast.Expr, target: t.Type, what: str = "") -> bool:
        """Type an expression and convert it to `target`."""
        self.check(expr, target)
        return self.convert(expr, target, what)

    def check_condition(self, expr: ast.Expr) -> None:
        """Type a condition, which must be bool."""
        type_ = self.check(expr, _BOOL)
        if not self.is_bad(type_) and type_ != _BOOL:
            hint = "compare it, as in 'x != 0'" if isinstance(type_, INTEGERS) else None
            self.error("type-error", expr, f"a condition must be bool, not {describe(type_)}", hint)

    def _check(self, expr: ast.Expr, expected: t.Type | None) -> t.Type:
        match expr:
            case ast.IntLit():
                return self._literal(expr)
            case ast.BoolLit():
                return _BOOL
            case ast.StringLit():
                return t.StringType()
            case ast.Name():
                return self._name(expr)
            case ast.This():
                return self._this(expr)
            case ast.Dots():
                return t.DotsType()
            case ast.InvalidLit():
                return t.InvalidLitType()
            case ast.Member():
                return self._member(expr)
            case ast.TypeNameExpr():
                return self._type_name(expr)
            case ast.Index():
                return self._index(expr)
            case ast.Slice():
                return self._slice(expr)
            case ast.PlusSlice():
                return self._plus_slice(expr)
            case ast.Unary():
                return self._unary(expr, expected)
            case ast.Binary():
                return self._binary(expr)
            case ast.Ternary():
                return self._ternary(expr, expected)
            case ast.Cast():
                return self._cast(expr)
            case ast.Call():
                return self.check_call(expr, expected)
            case ast.ListLit():
                types = tuple(self.check(item) for item in expr.items)
                return BAD if self.is_bad(*types) else t.TupleType(types)
            case ast.StructLit():
                return self._struct_literal(expr)
            case ast.Mask() | ast.Range() | ast.DontCare() | ast.DefaultKeyset() | ast.TupleKeyset():
                return self.bad("type-error", expr, "a set of values can stand only in a label or an entry")
        raise AssertionError(expr)

    # ---- Atoms

    def _literal(self, expr: ast.IntLit) -> t.Type:
        if expr.width is None:
            return _INT
        if expr.width > MAX_LITERAL_WIDTH or (expr.signed and expr.width < 1):
            return self.bad("type-error", expr, f"a literal cannot be {expr.width} bits wide")
        type_: t.Type = t.IntType(expr.width) if expr.signed else t.BitType(expr.width)
        limit = 1 << (expr.width - 1 if expr.signed else expr.width)
        if expr.value >= limit:
            self.diagnostics.warning("overflow", expr.span, f"{show(expr.value)} does not fit {type_}")
        return type_

    def _name(self, expr: ast.Name) -> t.Type:
        found = self.lookup(expr.id, expr.absolute)
        if not found and expr.id in self.program.match_kinds:
            return t.MatchKindType()
        if not found:
            return self.undeclared(expr, expr.id)
        decl = found[-1]
        self.program.decls[expr] = decl
        if isinstance(decl, ast.ActionDecl | ast.FunctionDecl | ast.ExternFunctionDecl):
            return t.CallableType(kind_name(decl), decl.name)
        if isinstance(decl, ast.TableDecl):
            return t.TableType(decl)
        if isinstance(decl, ast.ValueSetDecl):
            return t.SetType(self.program.decl_types.get(decl, BAD))
        if decl in self.declared:
            return self.bad("type-error", expr, f"'{expr.id}' is a {kind_name(decl)}, not a value")
        return self.program.decl_types.get(decl, BAD)

    def _this(self, expr: ast.This) -> t.Type:
        for decl in reversed(self.current):
            if isinstance(decl, ast.InstanceDecl):
                self.program.decls[expr] = decl
                return self.program.decl_types.get(decl, BAD)
        return self.bad("type-error", expr, "'this' has a meaning only inside an extern object's methods")

    def _type_name(self, expr: ast.TypeNameExpr) -> t.Type:
        type_ = self.resolve(expr.type, infer=True)
        return BAD if self.is_bad(type_) else t.TypeOfType(type_)

    def _struct_literal(self, expr: ast.StructLit) -> t.Type:
        fields, seen = [], set()
        for item in expr.items:
            if item.name in seen:
                self.error("duplicate", item, f"field '{item.name}' is given twice")
            seen.add(item.name)
            fields.append(t.FieldType(item.name, self.check(item.value)))
        if self.is_bad(*(field.type for field in fields)):
            return BAD
        return t.AnonymousStructType(tuple(fields))

    # ---- Parts of values

    def _member(self, expr: ast.Member) -> t.Type:
        base = self.check(expr.base)
        if self.is_bad(base):
            return BAD
        if isinstance(base, t.TypeOfType):
            return self._type_member(expr, base.type)
        if isinstance(base, t.RecordType):
            return self._field(expr, base, base.by_name)
        if isinstance(base, t.AnonymousStructType):
            return self._field(expr, base, {field.name: field.type for field in base.fields})
        if isinstance(base, t.StackType):
            return self._stack_member(expr, base)
        if isinstance(base, t.ApplyResultType):
            members: dict[str, t.Type] = {"hit": _BOOL, "miss": _BOOL, "action_run": base.run}
            return self._field(expr, base, members)
        if isinstance(base, t.ExternType | t.BlockType | t.TableType):
            return self.bad("call", expr, f"'{expr.name}' of {describe(base)} can only be called")
        return self.bad("type-error", expr, f"{describe(base)} has no field '{expr.name}'")

    def _field(self, expr: ast.Member, base: t.Type, members: dict[str, t.Type]) -> t.Type:
        if expr.name in members:
            return members[expr.name]
        if expr.name in {"isValid", "setValid", "setInvalid"}:
            return self.bad("call", expr, f"'{expr.name}' must be called: write '{expr.name}()'")
        what = "the result of apply()" if isinstance(base, t.ApplyResultType) else describe(base)
        hint = suggestion(expr.name, members) or one_of(members)
        return self.bad("undeclared", expr.name_span, f"{what} has no field '{expr.name}'", hint)

    def _type_member(self, expr: ast.Member, type_: t.Type) -> t.Type:
        names: list[str]
        if isinstance(type_, t.EnumType | t.SerEnumType):
            names = list(type_.members)
        elif isinstance(type_, t.ErrorType):
            names = self.program.errors
        else:
            return self.bad("type-error", expr, f"type {type_} has no member '{expr.name}'")
        if expr.name not in names:
            hint = suggestion(expr.name, names) or one_of(names)
            return self.bad("undeclared", expr.name_span, f"{type_} has no member '{expr.name}'", hint)
        return type_

    def _stack_member(self, expr: ast.Member, base: t.StackType) -> t.Type:
        if expr.name not in STACK_MEMBERS:
            return self.bad(
                "undeclared", expr.name_span, f"a stack has no '{expr.name}'", one_of(STACK_MEMBERS)
            )
        if expr.name in {"next", "last", "lastIndex"} and not any(
            isinstance(decl, ast.ParserDecl) for decl in self.current
        ):
            return self.bad("type-error", expr, f"'{expr.name}' of a header stack is for parsers only")
        if expr.name == "size":
            return _INT
        return t.BitType(32) if expr.name == "lastIndex" else base.element

    def _index(self, expr: ast.Index) -> t.Type:
        base, index = self.check(expr.base), self.check(expr.index)
        if self.is_bad(base, index):
            return BAD
        if not isinstance(t.strip(index), INTEGERS):
            return self.bad("type-error", expr.index, f"an index must be a number, not {describe(index)}")
        value = self.program.constants.get(expr.index)
        if isinstance(base, t.StackType):
            size, element = base.size, base.element
        elif isinstance(base, t.TupleType):
            size, element = len(base.elements), None
        elif isinstance(base, t.ListType):
            known = self.program.constants.get(expr.base)
            size, element = len(getattr(known, "fields", ())) or (1 << 62), base.element
        else:
            hint = "a bit slice is written x[high:low]" if isinstance(base, NUMERIC) else None
            return self.bad("type-error", expr, f"{describe(base)} cannot be indexed", hint)
        if isinstance(value, int) and not 0 <= value < size:
            return self.bad("type-error", expr.index, f"index {show(value)} is outside of {base}")
        if element is not None:
            if not isinstance(value, int) and isinstance(index, t.InfIntType):
                return self.bad("not-constant", expr.index, "this index must be known at compile time")
            return element
        if not isinstance(value, int) or not isinstance(base, t.TupleType):
            return self.bad("not-constant", expr.index, "an index into a tuple must be known at compile time")
        return base.elements[value]

    def _sliceable(self, expr: ast.Expr) -> int | None:
        """Width of what is sliced, more than any slice for an `int`; None after an error."""
        base = self.check(expr)
        if isinstance(base, t.SerEnumType):
            base = self._opened(expr)
        if isinstance(base, NUMERIC):
            return base.width
        if isinstance(base, t.InfIntType):
            return MAX_BITS
        if not self.is_bad(base):
            hint = f"cast it to {t.strip(base)} first" if isinstance(t.strip(base), NUMERIC) else None
            self.error("type-error", expr, f"{describe(base)} has no bits to slice", hint)
        return None

    def _slice(self, expr: ast.Slice) -> t.Type:
        width = self._sliceable(expr.base)
        high = self.constant_int(expr.high, "the bounds of a slice")
        low = self.constant_int(expr.low, "the bounds of a slice")
        if width is None or high is None or low is None:
            return BAD
        if low < 0 or high < low:
            return self.bad(
                "type-error", expr, f"slice [{show(high)}:{show(low)}]: the higher bit comes first"
            )
        if high >= width:
            return self.bad(
                "type-error", expr, f"slice [{show(high)}:{show(low)}] of a value of {width} bits"
            )
        return t.BitType(high - low + 1)

    def _plus_slice(self, expr: ast.PlusSlice) -> t.Type:
        width = self._sliceable(expr.base)
        low_type = self.check(expr.low)
        count = self.constant_int(expr.width, "the width of a slice")
        if width is None or count is None or self.is_bad(low_type):
            return BAD
        low = self.program.constants.get(expr.low)
        low_type = self._opened(expr.low)
        if not isinstance(low_type, INTEGERS):
            return self.bad("type-error", expr.low, f"an index must be a number, not {describe(low_type)}")
        if not isinstance(low, int) and not isinstance(low_type, t.BitType):
            return self.bad(
                "type-error", expr.low, "an index known only at run time must be of a type bit<W>"
            )
        if not isinstance(low, int) and isinstance(self.program.types[expr.base], t.InfIntType):
            return self.bad(
                "not-constant", expr.low, "an integer without a width is sliced at a constant place only"
            )
        if count < 0 or count > width or (isinstance(low, int) and not 0 <= low <= width - count):
            return self.bad(
                "type-error", expr, f"slice of {show(count)} bits is outside of a value of {width} bits"
            )
        return t.BitType(count)

    # ---- Operators

    def _unary(self, expr: ast.Unary, expected: t.Type | None) -> t.Type:
        type_ = self.check(expr.operand, expected)
        if self.is_bad(type_):
            return BAD
        if expr.op == "!":
            if type_ == _BOOL:
                return _BOOL
        else:
            type_ = self._opened(expr.operand)
            if isinstance(type_, NUMERIC) or (isinstance(type_, t.InfIntType) and expr.op != "~"):
                return type_
        return self.bad("type-error", expr, f"operator {expr.op} on {describe(type_)}")

    def _opened(self, expr: ast.Expr) -> t.Type:
        """Type of an operand; a serializable enum is converted to its representation."""
        type_ = self.program.types[expr]
        if isinstance(type_, t.SerEnumType):
            self.convert(expr, type_.underlying)
            return type_.underlying
        return type_

    def _binary(self, expr: ast.Binary) -> t.Type:
        left, right = self.check(expr.left), self.check(expr.right)
        if self.is_bad(left, right):
            return BAD
        if expr.op in {"&&", "||"}:
            return _BOOL if left == right == _BOOL else self._no_operator(expr, left, right)
        if expr.op in {"==", "!="}:
            return self._equality(expr, left, right)
        if expr.op == "++":
            return self._concatenation(expr)
        left, right = self._opened(expr.left), self._opened(expr.right)
        if not isinstance(left, INTEGERS) or not isinstance(right, INTEGERS):
            return self._no_operator(expr, left, right)
        if expr.op in {"<<", ">>"}:
            return self._shift(expr, left, right)
        common = self._common(expr, left, right)
        if common is None:
            return self._no_operator(expr, left, right)
        if expr.op in {"/", "%"}:
            return self._division(expr, common)
        if expr.op in {"|+|", "|-|"} and isinstance(common, t.InfIntType):
            return self._no_operator(expr, left, right)
        return _BOOL if expr.op in {"<", ">", "<=", ">="} else common

    def _common(self, expr: ast.Binary, left: t.Type, right: t.Type) -> t.Type | None:
        """The type both operands are converted to; None when there is none."""
        if left == right:
            return left
        if isinstance(left, t.InfIntType) and isinstance(right, NUMERIC):
            return right if self.convert(expr.left, right) else BAD
        if isinstance(right, t.InfIntType) and isinstance(left, NUMERIC):
            return left if self.convert(expr.right, left) else BAD
        return None

    def _no_operator(self, expr: ast.Binary, left: t.Type, right: t.Type) -> t.Type:
        hint = None
        if isinstance(left, NUMERIC) and isinstance(right, NUMERIC) and left != right:
            hint = "both sides must have the same type: convert one with a cast"
        elif _BOOL in {left, right} and expr.op in {"&", "|", "^"}:
            hint = "for conditions there are && and ||"
        message = f"operator {expr.op} on {describe(left)} and {describe(right)}"
        return self.bad("type-error", expr, message, hint)

    def _shift(self, expr: ast.Binary, left: t.Type, right: t.Type) -> t.Type:
        amount = self.program.constants.get(expr.right)
        if isinstance(right, t.IntType):
            return self.bad("type-error", expr.right, "the amount of a shift must be unsigned")
        if isinstance(right, t.InfIntType) and isinstance(amount, int) and amount < 0:
            return self.bad("type-error", expr.right, "the amount of a shift must not be negative")
        if isinstance(left, t.InfIntType) and expr.left not in self.program.constants:
            return left
        if isinstance(left, t.InfIntType) and not isinstance(amount, int):
            message = "an integer without a width cannot be shifted by what is known only at run time"
            return self.bad("type-error", expr.left, message, "write it with a width: 8w5")
        return left

    def _division(self, expr: ast.Binary, common: t.Type) -> t.Type:
        divisor = self.program.constants.get(expr.right)
        if isinstance(common, t.IntType):
            return self.bad(
                "type-error", expr, f"operator {expr.op} on signed {common}", "P4 divides unsigned only"
            )
        if isinstance(divisor, int) and divisor <= 0:
            message = "division by zero" if divisor == 0 else "division by a negative number"
            return self.bad("constant", expr.right, message)
        return common

    def _concatenation(self, expr: ast.Binary) -> t.Type:
        left, right = self._opened(expr.left), self._opened(expr.right)
        if isinstance(left, t.StringType) and isinstance(right, t.StringType):
            return left
        for side, type_ in ((expr.left, left), (expr.right, right)):
            if isinstance(type_, t.InfIntType):
                hint = "write it with a width: 8w5"
                return self.bad("type-error", side, "++ needs operands with a known width", hint)
        if not isinstance(left, NUMERIC) or not isinstance(right, NUMERIC):
            return self._no_operator(expr, left, right)
        return type(left)(left.width + right.width)

    def _equality(self, expr: ast.Binary, left: t.Type, right: t.Type) -> t.Type:
        if left == right:
            if self.comparable(left):
                return _BOOL
            return self._no_operator(expr, left, right)
        literals = (t.InfIntType, t.TupleType, t.AnonymousStructType, t.InvalidLitType)
        if isinstance(right, literals) and not isinstance(left, literals):
            target = self._opened(expr.left) if isinstance(right, t.InfIntType) else left
            return _BOOL if self.convert(expr.right, target) else BAD
        if isinstance(left, literals) and not isinstance(right, literals):
            target = self._opened(expr.right) if isinstance(left, t.InfIntType) else right
            return _BOOL if self.convert(expr.left, target) else BAD
        if isinstance(left, t.SerEnumType) or isinstance(right, t.SerEnumType):
            opened = self._opened(expr.left), self._opened(expr.right)
            if opened[0] == opened[1]:
                return _BOOL
        if (
            isinstance(left, t.TupleType)
            and isinstance(right, t.TupleType)
            and len(left.elements) == len(right.elements)
        ):
            source, target_expr = (expr.left, expr.right) if _has_int(left) else (expr.right, expr.left)
            return _BOOL if self.convert(source, self.program.types[target_expr]) else BAD
        return self._no_operator(expr, left, right)

    def comparable(self, type_: t.Type) -> bool:
        """Whether == is defined."""
        match type_:
            case t.RecordType():
                return all(self.comparable(field.type) for field in type_.fields)
            case t.TupleType():
                return all(self.comparable(element) for element in type_.elements)
            case t.StackType():
                return self.comparable(type_.element)
        plain = (
            t.BitType | t.IntType | t.InfIntType | t.BoolType | t.VarbitType | t.ErrorType | t.EnumType
            | t.SerEnumType | t.NewType | t.StringType | t.MatchKindType | t.TypeVar | t.AnonymousStructType
        )  # fmt: skip
        return isinstance(type_, plain)

    def _ternary(self, expr: ast.Ternary, expected: t.Type | None) -> t.Type:
        self.check_condition(expr.cond)
        then, other = self.check(expr.then, expected), self.check(expr.other, expected)
        if self.is_bad(then, other):
            return BAD
        if then == other:
            return then
        if isinstance(then, t.InfIntType) and isinstance(other, NUMERIC):
            return other if self.convert(expr.then, other) else BAD
        if isinstance(other, t.InfIntType) and isinstance(then, NUMERIC):
            return then if self.convert(expr.other, then) else BAD
        literals = (t.TupleType, t.AnonymousStructType, t.InvalidLitType)
        if isinstance(other, literals):
            return then if self.convert(expr.other, then) else BAD
        if isinstance(then, literals):
            return other if self.convert(expr.then, other) else BAD
        message = f"the branches of ?: are {describe(then)} and {describe(other)}"
        return self.bad("type-error", expr, message)

    def _cast(self, expr: ast.Cast) -> t.Type:
        target = self.resolve(expr.type)
        natural = self.check(expr.operand, target)
        if self.is_bad(natural, target):
            return BAD
        literals = (t.TupleType, t.AnonymousStructType, t.InvalidLitType, t.DotsType)
        if isinstance(natural, literals):
            return target if self.convert(expr.operand, target) else BAD
        if isinstance(target, t.TypeVar) or not self.castable(natural, target):
            hint = None
            if isinstance(natural, NUMERIC) and isinstance(target, NUMERIC):
                hint = f"first to ({type(natural)(target.width)}), then to ({target})"
            return self.bad("type-error", expr, f"{describe(natural)} cannot be cast to {target}", hint)
        if isinstance(target, t.InfIntType) and expr.operand not in self.program.constants:
            return self.bad("not-constant", expr, "only what is known at compile time can be cast to int")
        return target

    # ---- L-values

    def check_lvalue(self, expr: ast.Expr, why: str) -> bool:
        """Whether a checked expression can be written to; reports why not."""
        match expr:
            case ast.Member() if not isinstance(expr.base, ast.TypeNameExpr):
                if isinstance(self.program.types.get(expr.base), t.StackType) and expr.name != "next":
                    self.error("direction", expr, f"'{expr.name}' of a stack cannot be {why}")
                    return False
                return self.check_lvalue(expr.base, why)
            case ast.Index() | ast.Slice() | ast.PlusSlice():
                return self.check_lvalue(expr.base, why)
            case ast.Name():
                return self._writable(expr, why)
        if not self.is_bad(self.program.types.get(expr, BAD)):
            self.error("direction", expr, f"this expression cannot be {why}")
        return False

    def _writable(self, expr: ast.Name, why: str) -> bool:
        decl = self.program.decls.get(expr)
        if isinstance(decl, ast.VarDecl) or decl is None:
            return True
        if isinstance(decl, ast.Param):
            if decl.direction in {"out", "inout"}:
                return True
            kind = "an 'in' parameter" if decl.direction == "in" else "a parameter without direction"
            self.error("direction", expr, f"'{expr.id}' cannot be {why}: it is {kind}")
            return False
        self.error("direction", expr, f"'{expr.id}' cannot be {why}: it is a {kind_name(decl)}")
        return False


def _has_int(type_: t.TupleType) -> bool:
    return any(isinstance(element, t.InfIntType) for element in type_.elements)
