# SPDX-License-Identifier: Apache-2.0
"""Calls: what is called, which argument goes to which parameter, and the type arguments."""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.context import BAD, kind_name, one_of, suggestion
from p4rt.compiler.analysis.conversions import describe
from p4rt.compiler.analysis.core_library import check_core_call
from p4rt.compiler.analysis.expressions import Expressions
from p4rt.compiler.analysis.model import BoundArg, Call, CallKind
from p4rt.compiler.frontend import ast

_BOOL = t.BoolType()
_VOID = t.VoidType()
SIZES = ("minSizeInBits", "minSizeInBytes", "maxSizeInBits", "maxSizeInBytes")
_HEADER_METHODS = {
    "isValid": (CallKind.IS_VALID, _BOOL),
    "setValid": (CallKind.SET_VALID, _VOID),
    "setInvalid": (CallKind.SET_INVALID, _VOID),
}
_STACK_METHODS = {"push_front": CallKind.PUSH_FRONT, "pop_front": CallKind.POP_FRONT}


class Calls(Expressions):
    """Part of the checker: calls."""

    def check_call(self, expr: ast.Call, expected: t.Type | None) -> t.Type:
        """Resolve a call; the result is the type of what it returns."""
        target = expr.target
        if isinstance(target, ast.TypeNameExpr):
            return self._constructor_call(expr, target)
        if isinstance(target, ast.Name):
            return self._function_call(expr, target, expected)
        if isinstance(target, ast.Member):
            return self._method_call(expr, target, expected)
        self._check_args(expr)
        return self.bad("call", target, "this cannot be called")

    def _check_args(self, expr: ast.Call) -> None:
        """Type the arguments of a call that is wrong anyway."""
        for arg in expr.args:
            if not isinstance(arg.value, ast.DontCare):
                self.check(arg.value)

    def _finish(self, expr: ast.Call, call: Call | None) -> t.Type:
        if call is None:
            return BAD
        self.program.calls[expr] = call
        check_core_call(self, expr, call)
        return call.result

    # ---- Functions and actions

    def _function_call(self, expr: ast.Call, target: ast.Name, expected: t.Type | None) -> t.Type:
        found = self.lookup(target.id, target.absolute)
        if not found:
            self._check_args(expr)
            if target.id in {"apply"}:
                return self.bad("call", target, "'apply' is called on a table, parser or control")
            return self.undeclared(target, target.id, "function or action")
        candidates: list[tuple[ast.Decl, Sequence[ast.Param]]] = [
            (decl, decl.params)
            for decl in found
            if isinstance(decl, ast.FunctionDecl | ast.ExternFunctionDecl | ast.ActionDecl)
        ]
        if not candidates:
            self._check_args(expr)
            hint = f"'{target.id}.apply()' applies it" if isinstance(found[-1], ast.TableDecl) else None
            return self.bad(
                "call", target, f"'{target.id}' is a {kind_name(found[-1])} and cannot be called", hint
            )
        decl = self._choose(expr, candidates, f"'{target.id}'")
        if decl is None:
            return BAD
        self.program.decls[target] = decl
        self.program.types[target] = t.CallableType(kind_name(decl), target.id)
        kind = {
            ast.FunctionDecl: CallKind.FUNCTION,
            ast.ExternFunctionDecl: CallKind.EXTERN_FUNCTION,
            ast.ActionDecl: CallKind.ACTION,
        }[type(decl)]
        self._check_place(expr, kind, target.id)
        type_params = getattr(decl, "type_params", ())
        result = self.program.results.get(decl, _VOID)
        return self._finish(expr, self._bind(expr, kind, decl, type_params, result, expected))

    def _check_place(self, expr: ast.Call, kind: CallKind, name: str) -> None:
        """Rules about where calls may stand."""
        places = [scope.kind for scope in self.scopes]
        if kind is CallKind.ACTION and "parser" in places:
            self.error("call", expr, f"action '{name}' cannot be called in a parser")
        if kind is CallKind.ACTION and "function" in places:
            self.error("call", expr, f"action '{name}' cannot be called in a function")
        if kind is CallKind.EXTERN_FUNCTION and name == "verify" and "parser" not in places:
            self.error("call", expr, "verify() is for parsers only")
        if kind in {CallKind.TABLE_APPLY, CallKind.CONTROL_APPLY, CallKind.PARSER_APPLY}:
            inside = next((place for place in ("action", "function") if place in places), None)
            if inside:
                self.error(
                    "call",
                    expr,
                    f"apply() cannot be called in {'an' if inside == 'action' else 'a'} {inside}",
                )

    def _choose(
        self, expr: ast.Call, candidates: Sequence[tuple[ast.Decl, Sequence[ast.Param]]], what: str
    ) -> ast.Decl | None:
        """Choose among overloads by number and names of the arguments."""
        fitting = [decl for decl, params in candidates if _problem(expr.args, params) is None]
        if fitting:
            return fitting[0]
        self._check_args(expr)
        problem = _problem(expr.args, candidates[0][1]) if len(candidates) == 1 else None
        if problem is None:
            counts = sorted({len(params) for _, params in candidates})
            problem = f"takes {' or '.join(map(str, counts))} arguments, not {len(expr.args)}"
        self.error("call", expr, f"{what} {problem}")
        return None

    # ---- Binding

    def _bind(
        self,
        expr: ast.Call,
        kind: CallKind,
        decl: ast.Decl,
        type_params: Sequence[ast.TypeParam],
        result: t.Type,
        expected: t.Type | None,
        *,
        method: ast.Method | None = None,
        receiver: ast.Expr | None = None,
        outer: dict[ast.TypeParam, t.Type] | None = None,
        params: Sequence[t.ParamType] | None = None,
    ) -> Call | None:
        """Bind arguments, infer type arguments and convert; None after an error."""
        if params is None:
            params = self.program.callables.get(method or decl, ())
        params = [t.substitute_param(param, outer or {}) for param in params]
        result = t.substitute(result, outer or {})
        bound = bind_arguments(expr.args, params)
        free: dict[ast.TypeParam, t.Type | None] = dict.fromkeys(type_params)
        if expr.type_args and not self._explicit_type_args(expr, type_params, free):
            return None
        good = True
        for param, value in bound:
            if value is not None and not isinstance(value, ast.DontCare) and value is not param.decl.default:
                known = {key: item for key, item in free.items() if item is not None}
                type_ = self.check(value, t.substitute(param.type, known))
                good &= not self.is_bad(type_)
                self.unify(param.type, type_, free)
        if expected is not None and not isinstance(expected, t.ErrorRecoveryType):
            self.unify(result, expected, free)
        type_args: dict[ast.TypeParam, t.Type] = {}
        for type_param, found in free.items():
            if found is None:
                if good and not self._report_blocks(bound):
                    self.error(
                        "type-error",
                        expr,
                        f"type argument '{type_param.name}' cannot be inferred",
                        "write it in <>",
                    )
                return None
            if _has_plain_int(found):
                message = "the width of an integer literal is not known here"
                self.error("type-error", expr, message, "write it with a width: 8w5")
                return None
            type_args[type_param] = found
        args = []
        for param, value in bound:
            param = t.substitute_param(param, type_args)
            good &= self._pass(param, value, kind)
            args.append(BoundArg(param, value, value is not None and value is param.decl.default))
        if not good:
            return None
        result = t.substitute(result, type_args)
        return Call(kind, decl, receiver, tuple(args), result, method, type_args)

    def _report_blocks(self, bound: Sequence[tuple[t.ParamType, ast.Expr | None]]) -> bool:
        """Whether an argument is a parser or control that does not fit at all, which is reported then."""
        for param, value in bound:
            have = None if value is None else self.program.types.get(value)
            want = param.type
            if value is None or not isinstance(have, t.BlockType) or not isinstance(want, t.BlockType):
                continue
            if have.kind != want.kind or len(have.params) != len(want.params):
                return not self.convert(value, want, f"argument '{param.name}'")
        return False

    def _explicit_type_args(
        self, expr: ast.Call, type_params: Sequence[ast.TypeParam], free: dict[ast.TypeParam, t.Type | None]
    ) -> bool:
        if len(type_params) != len(expr.type_args):
            message = f"{len(expr.type_args)} type arguments for {len(type_params)} type parameters"
            self.error("type-error", expr, message)
            return False
        for param, written in zip(type_params, expr.type_args, strict=True):
            if not isinstance(written, ast.DontCareTypeExpr):
                type_ = self.resolve(written)
                if self.is_bad(type_):
                    return False
                free[param] = type_
        return True

    def _pass(self, param: t.ParamType, value: ast.Expr | None, kind: CallKind) -> bool:
        """Check one argument against its parameter, type arguments put in."""
        what = f"argument '{param.name}'"
        if value is None or value is param.decl.default:
            return True
        if isinstance(value, ast.DontCare):
            if param.direction != "out":
                self.error("direction", value, f"{what}: '_' is for 'out' parameters only")
                return False
            self.program.types[value] = param.type
            return True
        if param.direction in {"out", "inout"}:
            return self._pass_reference(param, value, what)
        if not self.convert(value, param.type, what):
            return False
        if isinstance(param.type, t.ExternType) and kind is not CallKind.CONSTRUCTOR:
            return self._is_named(value)
        if not param.direction and kind not in {
            CallKind.ACTION,
            CallKind.PARSER_APPLY,
            CallKind.CONTROL_APPLY,
        }:
            return self._check_known(value, param.type, what)
        return True

    def _is_named(self, expr: ast.Expr) -> bool:
        """Whether an expression names an object; one that is made by the expression itself is refused."""
        if isinstance(expr, ast.Call):
            self.error("statement", expr, "an object made here has no name", "declare it, and use its name")
        return not isinstance(expr, ast.Call)

    def _pass_reference(self, param: t.ParamType, value: ast.Expr, what: str) -> bool:
        if not self.check_lvalue(value, f"passed to '{param.direction}' parameter '{param.name}'"):
            return False
        natural = self.program.types[value]
        if natural != param.type:
            if not self.is_bad(natural, param.type):
                message = f"{what}: {describe(natural)} where {describe(param.type)} is expected"
                self.error("type-error", value, message, f"'{param.direction}' arguments are not converted")
            return False
        return True

    def _check_known(self, value: ast.Expr, type_: t.Type, what: str) -> bool:
        """A parameter without direction takes what is known at compile time, or an object."""
        if isinstance(type_, t.ExternType | t.BlockType) or value in self.program.constants:
            return True
        if self._depends_on_constructor(value):
            return True
        self.error("not-constant", value, f"{what} must be known at compile time")
        return False

    def _depends_on_constructor(self, expr: ast.Expr) -> bool:
        """Whether an expression is made of constants and constructor parameters alone."""
        for node in ast.walk(expr):
            if isinstance(node, ast.Name) and node not in self.program.constants:
                decl = self.program.decls.get(node)
                is_param = isinstance(decl, ast.Param) and decl.direction == ""
                if not is_param and not isinstance(decl, ast.ConstDecl):
                    return False
            if isinstance(node, ast.Call):
                return False
        return True

    # ---- Methods

    def _method_call(self, expr: ast.Call, target: ast.Member, expected: t.Type | None) -> t.Type:
        base = self.check(target.base)
        if self.is_bad(base):
            self._check_args(expr)
            return BAD
        self.program.types[target] = t.CallableType("method", target.name)
        if target.name in SIZES and not isinstance(base, t.ExternType | t.TableType):
            return self._size(expr, target, base.type if isinstance(base, t.TypeOfType) else base)
        if isinstance(base, t.TypeOfType) and isinstance(base.type, t.BlockType) and target.name == "apply":
            return self._apply_block(expr, base.type, None)
        if isinstance(base, t.BlockType) and target.name == "apply":
            return self._apply_block(expr, base, target.base)
        if isinstance(base, t.TableType) and target.name == "apply":
            return self._apply_table(expr, base, target.base)
        if isinstance(base, t.ExternType):
            return self._extern_method(expr, target, base, expected)
        if isinstance(base, t.HeaderType | t.UnionType) and target.name in _HEADER_METHODS:
            return self._header_method(expr, target, base)
        if isinstance(base, t.StackType) and target.name in _STACK_METHODS:
            return self._stack_method(expr, target)
        self._check_args(expr)
        names = [*SIZES]
        if isinstance(base, t.HeaderType):
            names += _HEADER_METHODS
        elif isinstance(base, t.StackType):
            names += _STACK_METHODS
        elif isinstance(base, t.BlockType | t.TableType):
            names = ["apply"]
        hint = suggestion(target.name, names)
        return self.bad(
            "undeclared", target.name_span, f"{describe(base)} has no method '{target.name}'", hint
        )

    def _no_args(self, expr: ast.Call, name: str) -> bool:
        if expr.args or expr.type_args:
            self._check_args(expr)
            self.error("call", expr, f"{name}() takes no arguments")
            return False
        return True

    def _header_method(self, expr: ast.Call, target: ast.Member, base: t.Type) -> t.Type:
        kind, result = _HEADER_METHODS[target.name]
        if isinstance(base, t.UnionType) and target.name != "isValid":
            return self.bad("undeclared", target.name_span, f"a header union has no method '{target.name}'")
        if not self._no_args(expr, target.name):
            return BAD
        if kind is not CallKind.IS_VALID and not self.check_lvalue(target.base, "changed"):
            return BAD
        return self._finish(expr, Call(kind, None, target.base, (), result))

    def _stack_method(self, expr: ast.Call, target: ast.Member) -> t.Type:
        self._check_args(expr)
        if len(expr.args) != 1 or expr.args[0].name not in {None, "count"}:
            return self.bad("call", expr, f"{target.name}() takes one argument, the number of elements")
        count = self.constant_int(expr.args[0].value, f"the argument of {target.name}()")
        if count is None or not self.check_lvalue(target.base, "changed"):
            return BAD
        if count < 0:
            return self.bad("call", expr, f"{target.name}() of a negative number of elements")
        where = expr.args[0]
        written = ast.Param(
            where.span, "count", where.span, (), "", ast.BaseTypeExpr(where.span, "int"), None
        )
        param = t.ParamType("count", "", t.InfIntType(), written)
        bound = (BoundArg(param, where.value),)
        return self._finish(expr, Call(_STACK_METHODS[target.name], None, target.base, bound, _VOID))

    def _size(self, expr: ast.Call, target: ast.Member, type_: t.Type) -> t.Type:
        if not self._no_args(expr, target.name):
            return BAD
        bits = min_width(type_) if target.name.startswith("min") else t.width_of(type_)
        if bits is None:
            return self.bad("type-error", target, f"{describe(type_)} has no size in bits")
        self.program.constants[expr] = (bits + 7) // 8 if target.name.endswith("Bytes") else bits
        return self._finish(expr, Call(CallKind.SIZE, None, target.base, (), t.InfIntType()))

    def _apply_table(self, expr: ast.Call, base: t.TableType, receiver: ast.Expr) -> t.Type:
        if not self._no_args(expr, "apply"):
            return BAD
        self._check_place(expr, CallKind.TABLE_APPLY, base.decl.name)
        info = self.program.tables.get(base.decl)
        names = tuple(action.decl.name for action in info.actions) if info else ()
        run = t.EnumType(f"action_list({base.decl.name})", names)
        result = t.ApplyResultType(base.decl, run)
        return self._finish(expr, Call(CallKind.TABLE_APPLY, base.decl, receiver, (), result))

    def _apply_block(self, expr: ast.Call, base: t.BlockType, receiver: ast.Expr | None) -> t.Type:
        decl = base.decl
        is_type = isinstance(decl, ast.ParserTypeDecl | ast.ControlTypeDecl)
        if not isinstance(decl, ast.ParserDecl | ast.ControlDecl) and (not is_type or receiver is None):
            self._check_args(expr)
            return self.bad("call", expr, f"{describe(base)} cannot be applied")
        if receiver is None and isinstance(decl, ast.ParserDecl | ast.ControlDecl) and decl.ctor_params:
            self._check_args(expr)
            return self.bad(
                "call", expr, f"'{decl.name}' has constructor parameters: make an instance of it first"
            )
        kind = CallKind.PARSER_APPLY if base.kind == "parser" else CallKind.CONTROL_APPLY
        places = [scope.kind for scope in self.scopes]
        if kind is CallKind.PARSER_APPLY and "control" in places:
            self.error("call", expr, f"parser '{decl.name}' cannot be applied in a control")
        if kind is CallKind.CONTROL_APPLY and "parser" in places:
            self.error("call", expr, f"control '{decl.name}' cannot be applied in a parser")
        self._check_place(expr, kind, decl.name)
        written = [param.decl for param in base.params]
        if self._choose(expr, [(decl, written)], f"'{decl.name}.apply'") is None:
            return BAD
        call = self._bind(expr, kind, decl, (), _VOID, None, receiver=receiver, params=base.params)
        return self._finish(expr, call)

    def _extern_method(
        self, expr: ast.Call, target: ast.Member, base: t.ExternType, expected: t.Type | None
    ) -> t.Type:
        methods = [method for method in base.decl.methods if method.result is not None]
        named: list[tuple[ast.Decl, Sequence[ast.Param]]] = [
            (method, method.params) for method in methods if method.name == target.name
        ]
        if not named:
            self._check_args(expr)
            names = [method.name for method in methods]
            hint = suggestion(target.name, names) or one_of(names)
            message = f"extern {base.name} has no method '{target.name}'"
            return self.bad("undeclared", target.name_span, message, hint)
        if not self._is_named(target.base):
            self._check_args(expr)
            return BAD
        method = self._choose(expr, named, f"'{target.name}'")
        if not isinstance(method, ast.Method):
            return BAD
        outer = dict(zip(base.decl.type_params, base.args, strict=False))
        result = self.program.results.get(method, _VOID)
        return self._finish(
            expr,
            self._bind(
                expr,
                CallKind.EXTERN_METHOD,
                base.decl,
                method.type_params,
                result,
                expected,
                method=method,
                receiver=target.base,
                outer=outer,
            ),
        )

    # ---- Constructors

    def _constructor_call(self, expr: ast.Call, target: ast.TypeNameExpr) -> t.Type:
        type_ = self.resolve(target.type, infer=True)
        if self.is_bad(type_):
            self._check_args(expr)
            return BAD
        self.program.types[target] = t.TypeOfType(type_)
        return self.construct(expr, target.type, type_)

    def construct(self, expr: ast.Call, written: ast.TypeExpr, type_: t.Type) -> t.Type:
        """Check a constructor call; the result is the type of the object."""
        decl = type_.decl if isinstance(type_, t.ExternType | t.BlockType) else None
        if isinstance(decl, ast.ExternDecl):
            return self._construct_extern(expr, written, type_, decl)
        if not isinstance(decl, ast.ParserDecl | ast.ControlDecl | ast.PackageDecl):
            self._check_args(expr)
            hint = "a cast is written (type) value" if len(expr.args) == 1 else None
            return self.bad("call", written, f"{describe(type_)} has no constructor", hint)
        params = self.program.ctor_params.get(decl, ())
        what = f"'{decl.name}'"
        if self._choose(expr, [(decl, [param.decl for param in params])], what) is None:
            return BAD
        generic = _to_infer(decl.type_params, type_)
        outer = {} if generic else dict(zip(decl.type_params, _args_of(type_), strict=False))
        call = self._bind(
            expr, CallKind.CONSTRUCTOR, decl, generic, type_, None, outer=outer, params=params
        )  # fmt: skip
        return self._finish(expr, call)

    def _construct_extern(
        self, expr: ast.Call, written: ast.TypeExpr, type_: t.Type, decl: ast.ExternDecl
    ) -> t.Type:
        constructors: list[tuple[ast.Decl, Sequence[ast.Param]]] = [
            (method, method.params) for method in decl.methods if method.result is None
        ]
        if not constructors:
            self._check_args(expr)
            return self.bad("call", expr, f"extern {decl.name} has no constructor")
        method = self._choose(expr, constructors, f"the constructor of {decl.name}")
        if not isinstance(method, ast.Method):
            return BAD
        generic = _to_infer(decl.type_params, type_)
        outer = {} if generic else dict(zip(decl.type_params, _args_of(type_), strict=False))
        call = self._bind(
            expr, CallKind.CONSTRUCTOR, decl, generic, type_, None, method=method, outer=outer
        )  # fmt: skip
        return self._finish(expr, call)


def _to_infer(params: Sequence[ast.TypeParam], type_: t.Type) -> Sequence[ast.TypeParam]:
    """The type parameters of a constructor call that names its type without arguments."""
    own = [t.TypeVar(param.name, param) for param in params]
    return params if list(_args_of(type_)) == own else ()


def _args_of(type_: t.Type) -> tuple[t.Type, ...]:
    return type_.args if isinstance(type_, t.ExternType | t.BlockType) else ()


def _has_plain_int(type_: t.Type) -> bool:
    """Whether a type argument has values without a width."""
    if isinstance(type_, t.TupleType):
        return any(_has_plain_int(element) for element in type_.elements)
    if isinstance(type_, t.AnonymousStructType):
        return any(_has_plain_int(field.type) for field in type_.fields)
    return isinstance(type_, t.InfIntType)


def _is_optional(param: ast.Param) -> bool:
    return param.default is not None or ast.annotation(param, "optional") is not None


def _problem(args: Sequence[ast.Argument], params: Sequence[ast.Param]) -> str | None:
    """Why arguments do not go with parameters; None when they do."""
    if args and any(arg.name is not None for arg in args):
        if any(arg.name is None for arg in args):
            return "is called with both named and unnamed arguments"
        names = [param.name for param in params]
        given = [arg.name for arg in args if arg.name is not None]
        for name in given:
            if name not in names:
                return f"has no parameter '{name}' ({one_of(names)})"
        if len(set(given)) != len(given):
            return "is given an argument twice"
        for param in params:
            if param.name not in given and not _is_optional(param):
                return f"misses argument '{param.name}'"
        return None
    if len(args) > len(params):
        return f"takes {arguments(len(params))}, not {len(args)}"
    for param in params[len(args) :]:
        if not _is_optional(param):
            return f"takes {arguments(len(params))}, not {len(args)}"
    return None


def arguments(count: int) -> str:
    return "1 argument" if count == 1 else f"{count} arguments"


def bind_arguments(
    args: Sequence[ast.Argument], params: Sequence[t.ParamType]
) -> list[tuple[t.ParamType, ast.Expr | None]]:
    """Pair parameters with arguments; a parameter left out gets its default, or None."""
    named = {arg.name: arg.value for arg in args if arg.name is not None}
    bound: list[tuple[t.ParamType, ast.Expr | None]] = []
    for position, param in enumerate(params):
        if param.name in named:
            bound.append((param, named[param.name]))
        elif not named and position < len(args):
            bound.append((param, args[position].value))
        else:
            bound.append((param, param.decl.default))
    return bound


def min_width(type_: t.Type) -> int | None:
    """Bits of a value when every varbit is empty and every union holds its smallest header."""
    match type_:
        case t.VarbitType():
            return 0
        case t.UnionType():
            widths = [min_width(field.type) for field in type_.fields]
            return min((width for width in widths if width is not None), default=0)
        case t.RecordType():
            total = 0
            for field in type_.fields:
                width = min_width(field.type)
                if width is None:
                    return None
                total += width
            return total
        case t.StackType():
            one = min_width(type_.element)
            return None if one is None else one * type_.size
    return t.width_of(type_)
