# SPDX-License-Identifier: Apache-2.0
"""What the analysis hands to the later stages: a checked program.

The AST stays as it was parsed; what was found out about a node lies in tables keyed by the node
(nodes compare by identity).  `CheckedProgram` is complete: no lookup by name is left to do, every
expression has a type, every implicit conversion is decided.

How to read it
- `type_of(expr)` is the type of an expression *after* implicit conversion: in `x = 1` with an 8-bit `x`,
  the type of `1` is `bit<8>`; in `hdr.ipv4 = {...}` the type of the list is the header and those of the
  items are the fields'.  `natural_type(expr)` is the type before.  Implicit conversions never change bits
  at run time: constants are converted here, and a serializable enum has its underlying representation.
- `const_value(expr)` is the value of a compile-time known expression, already converted to its type, or
  None.  Every expression of type `int`, every width, size and stack index with a literal has one.  Inside
  a parser or control with constructor parameters pass the `Instance`, for the value depends on it.
- `decl_of(node)` is the declaration that a `Name`, `Member` (of an enum no), `NamedTypeExpr` or table
  `ActionRef` refers to.
- `call_of(call)` says what a `Call` does, with arguments bound to parameters.
- `main` is the package instance; `main.args` are the instances of parsers and controls by parameter name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum

from p4rt.compiler.analysis import types as t
from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast
from p4rt.compiler.records import field, record
from p4rt.compiler.source import Span

# ---- Compile-time values


@record
class EnumValue:
    """A member of an enum without representation, of `error` or of `match_kind`."""

    type: t.Type
    name: str

    def __str__(self) -> str:
        return f"{self.type}.{self.name}"


@record
class RecordValue:
    """A struct, or a header (`valid`), or a tuple/list/stack with positions as names '0', '1', ..."""

    type: t.Type
    fields: Mapping[str, Value]
    valid: bool = True

    def __hash__(self) -> int:
        return hash((self.type, self.valid))


Value = int | bool | str | EnumValue | RecordValue
"""A compile-time value.  Integers of `bit`, `int` and serializable enum types are ints (negative ones for
negative `int<W>` values); Python's bool is P4's bool, so test for bool before int."""


# ---- Calls


class CallKind(Enum):
    """What a call calls."""

    FUNCTION = "function"  # decl: FunctionDecl
    EXTERN_FUNCTION = "extern function"  # decl: ExternFunctionDecl
    EXTERN_METHOD = "extern method"  # decl: ExternDecl, method: Method, receiver: the instance
    ACTION = "action"  # decl: ActionDecl
    TABLE_APPLY = "table apply"  # decl: TableDecl
    PARSER_APPLY = "parser apply"  # decl: ParserDecl; receiver: the instance, None: direct invocation
    CONTROL_APPLY = "control apply"  # decl: ControlDecl; receiver as above
    CONSTRUCTOR = "constructor"  # decl: ExternDecl (method set), ParserDecl, ControlDecl or PackageDecl
    IS_VALID = "isValid"  # receiver: header or union
    SET_VALID = "setValid"  # receiver: header
    SET_INVALID = "setInvalid"  # receiver: header
    PUSH_FRONT = "push_front"  # receiver: stack; args[0] is a constant
    POP_FRONT = "pop_front"  # receiver: stack; args[0] is a constant
    SIZE = "size in bits or bytes"  # minSizeInBits() and the like; const_value has the number


@record
class BoundArg:
    """A parameter with what is passed for it.

    `param.type` has the call's type arguments put in.  `value` is the argument, or the parameter's
    default (`defaulted`), or None for an `@optional` parameter left out, or a `DontCare`.
    """

    param: t.ParamType
    value: ast.Expr | None
    defaulted: bool = False


@record(eq=False)
class Call:
    """A resolved call.  `args` are in the order of the parameters."""

    kind: CallKind
    decl: ast.Decl | None
    receiver: ast.Expr | None
    args: tuple[BoundArg, ...]
    result: t.Type
    method: ast.Method | None = None
    type_args: Mapping[ast.TypeParam, t.Type] = field(default_factory=dict)
    """The type arguments, given or inferred, of the called function or method."""


# ---- Instances

Source = ast.InstanceDecl | ast.Call | ast.ExprProperty
"""What makes an instance: a declaration, a call of a constructor, a property of a table with one."""


@record(eq=False, frozen=False)
class Instance:
    """A parser, control, package or extern object that exists after instantiation.

    `path` is the control-plane name (`pipe.c1.counts`, `@name` taken into account).  `args` binds the
    constructor's parameters.  `members` holds the instances declared inside, by InstanceDecl, and those
    made by direct invocation (`C.apply(x)` of a type) or by a table's property, by their Call.
    """

    name: str
    path: str
    decl: ast.ParserDecl | ast.ControlDecl | ast.ExternDecl | ast.PackageDecl
    type: t.Type
    span: Span
    source: Source
    constructor: ast.Method | None = None
    args: dict[str, Value | Instance] = field(default_factory=dict)
    members: dict[ast.Node, Instance] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Instance {self.path or self.name} of {self.decl.name}>"

    def constants(self) -> dict[str, Value]:
        """The constructor's parameters that are plain values."""
        return {name: value for name, value in self.args.items() if not isinstance(value, Instance)}


# ---- Tables and keysets


@record
class ExactSet:
    """One value."""

    value: Value


@record
class MaskSet:
    """Values v with `v & mask == value & mask`."""

    value: int
    mask: int


@record
class RangeSet:
    """Values from `low` to `high`, both included."""

    low: int
    high: int


@record
class AnySet:
    """`_` and `default`."""


@record
class ValueSetRef:
    """What the control plane puts into a value set."""

    decl: ast.ValueSetDecl


@record(eq=False)
class ComputedSet:
    """A label of a select of which a part is known only at run time, or depends on a constructor parameter.

    `exprs` is the value (of a struct or tuple, too), the value and the mask (`kind` "mask"), or the ends of
    the range ("range").
    """

    kind: str
    exprs: tuple[ast.Expr, ...]


@record(eq=False)
class TupleSet:
    """Of a struct or tuple: a keyset for each of its fields."""

    items: tuple[Keyset, ...]


Keyset = ExactSet | MaskSet | RangeSet | AnySet | ValueSetRef | ComputedSet | TupleSet


@record(eq=False)
class TableKey:
    """An element of a table's key; `name` is the control-plane name (source text, or `@name`)."""

    source: ast.KeyElement
    expr: ast.Expr
    type: t.Type
    match_kind: str
    name: str


@record(eq=False)
class TableAction:
    """An action of a table.  `bound` are the arguments for its directed parameters, given in the table;
    `params` are those that the control plane supplies.  `scope` is `any`, `table_only` or `default_only`."""

    source: ast.ActionRef
    decl: ast.ActionDecl
    bound: tuple[BoundArg, ...]
    params: tuple[t.ParamType, ...]
    scope: str


@record(eq=False)
class ActionValue:
    """An action with constants for its control-plane parameters: of an entry, or the default action."""

    action: TableAction
    args: tuple[tuple[t.ParamType, Value], ...]


PRIORITY_KINDS = frozenset({"ternary", "range", "optional"})
"""Match kinds that let several entries of one table match, so that a priority must decide."""


def needs_priority(match_kinds: Iterable[str]) -> bool:
    """Do the entries of a table whose key has these match kinds have priorities?"""
    return not PRIORITY_KINDS.isdisjoint(match_kinds)


@record(eq=False)
class TableEntry:
    """An entry in the source: a keyset for each key element.

    `priority` is what the control plane sees: the largest wins, whatever the source means by its numbers;
    None in a table whose entries have none."""

    source: ast.Entry
    keysets: tuple[Keyset, ...]
    action: ActionValue
    priority: int | None
    const: bool


@record(eq=False)
class TableInfo:
    """A table with everything looked up.  `size` is None when the source gives none.

    `default` is None when the source gives none; that means `NoAction` by the language's rules.
    `properties` are all `name = value;` properties by name, also the standard ones.
    """

    decl: ast.TableDecl
    keys: tuple[TableKey, ...]
    actions: tuple[TableAction, ...]
    default: ActionValue | None
    default_const: bool
    entries: tuple[TableEntry, ...]
    entries_const: bool
    size: int | None
    properties: Mapping[str, ast.ExprProperty]


# ---- The program


class Evaluator:
    """Evaluates constant expressions; see `p4rt.compiler.analysis.constants`."""

    def evaluate(self, expr: ast.Expr, constants: Mapping[str, Value] | None) -> Value | None:
        """Value of `expr` with constructor parameters bound by `constants`, or None."""
        raise NotImplementedError


@record(eq=False, frozen=False)
class CheckedProgram:
    """A program that passed all checks, and all that is known about it."""

    program: ast.Program
    diagnostics: Diagnostics
    types: dict[ast.Expr, t.Type] = field(default_factory=dict)
    """Natural types of expressions."""
    coerced: dict[ast.Expr, t.Type] = field(default_factory=dict)
    """Types that the context asks for, where they differ."""
    written_types: dict[ast.TypeExpr, t.Type] = field(default_factory=dict)
    """What type expressions mean."""
    decl_types: dict[ast.Decl, t.Type] = field(default_factory=dict)
    """Types of constants, variables, parameters, fields and instances."""
    decls: dict[ast.Node, ast.Decl] = field(default_factory=dict)
    """What names refer to."""
    constants: dict[ast.Expr, Value] = field(default_factory=dict)
    """Values of expressions that do not depend on constructor parameters."""
    calls: dict[ast.Call, Call] = field(default_factory=dict)
    constructions: dict[ast.InstanceDecl, Call] = field(default_factory=dict)
    """The constructor call that an instance declaration is."""
    callables: dict[ast.Decl, tuple[t.ParamType, ...]] = field(default_factory=dict)
    """Parameters of parsers, controls, actions, functions, methods (not constructor parameters)."""
    ctor_params: dict[ast.Decl, tuple[t.ParamType, ...]] = field(default_factory=dict)
    """Constructor parameters of parsers, controls and packages."""
    results: dict[ast.Decl, t.Type] = field(default_factory=dict)
    """Result types of functions and methods."""
    tables: dict[ast.TableDecl, TableInfo] = field(default_factory=dict)
    keysets: dict[ast.SelectCase, tuple[Keyset, ...]] = field(default_factory=dict)
    """Of each select case, one keyset for each selected expression (`default` and `_` give all AnySet)."""
    states: dict[ast.Node, ast.StateDecl | None] = field(default_factory=dict)
    """Target of a DirectTransition or SelectCase; None for `accept` and `reject`, which the node names."""
    errors: list[str] = field(default_factory=list)
    """Members of `error`, in order of declaration (those of core.p4 first)."""
    match_kinds: list[str] = field(default_factory=list)
    globals: dict[str, ast.Decl] = field(default_factory=dict)
    """Top-level declarations by name (of overloaded functions the last)."""
    instances: dict[ast.InstanceDecl, Instance] = field(default_factory=dict)
    """Instances at top level (`main` and extern objects outside of blocks)."""
    main: Instance | None = None
    """The package instance named `main`; None when the program has none (a library)."""
    evaluator: Evaluator = field(default_factory=Evaluator)

    def type_of(self, expr: ast.Expr) -> t.Type:
        """Type of an expression after implicit conversion."""
        found = self.coerced.get(expr)
        return found if found is not None else self.types[expr]

    def natural_type(self, expr: ast.Expr) -> t.Type:
        """Type of an expression before implicit conversion."""
        return self.types[expr]

    def type_of_decl(self, decl: ast.Decl) -> t.Type:
        """Type of a constant, variable, parameter, field or instance."""
        return self.decl_types[decl]

    def type_of_written(self, expr: ast.TypeExpr) -> t.Type:
        """What a type expression means."""
        return self.written_types[expr]

    def decl_of(self, node: ast.Node) -> ast.Decl | None:
        """Declaration that a name refers to; None when the node is none."""
        return self.decls.get(node)

    def call_of(self, call: ast.Call) -> Call:
        """What a call calls."""
        return self.calls[call]

    def const_value(self, expr: ast.Expr, instance: Instance | None = None) -> Value | None:
        """Value of a compile-time known expression, converted to `type_of(expr)`; None: known at run time."""
        value = self.constants.get(expr)
        if value is None and instance is not None and instance.args:
            return self.evaluator.evaluate(expr, instance.constants())
        return value

    def control_name(self, decl: ast.Decl | ast.ExprProperty) -> str:
        """Control-plane name of a declaration without its path: `@name` if there is one, else its name."""
        note = ast.annotation(decl, "name")
        if note is not None and note.exprs and isinstance(note.exprs[0], ast.StringLit):
            return note.exprs[0].value
        return decl.name

    def path_of(self, decl: ast.Decl, inside: Instance | None = None) -> str:
        """Full control-plane name of a table, action, ... of an instance; `@name(".x")` is absolute."""
        name = self.control_name(decl)
        if name.startswith("."):
            return name[1:]
        return f"{inside.path}.{name}" if inside is not None and inside.path else name
