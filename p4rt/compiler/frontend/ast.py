# SPDX-License-Identifier: Apache-2.0
"""The abstract syntax of P4_16 1.2.5: the whole language on a page, one node a class.

Nodes are immutable and compare by identity, so that later stages may key tables by node (`types[expr]`).
Every node starts with its `span`.  Sequences are tuples.  What is optional in the source is None.
Annotations (`annos`) are kept on everything that the language lets them stand before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import dataclass_transform

from p4rt.compiler.records import define
from p4rt.compiler.source import Span

# fmt: off
# ---- Roots


@dataclass_transform(frozen_default=True, eq_default=False)
class Record:
    """Makes a record of each subclass."""

    def __init_subclass__(cls) -> None:
        define(cls, eq=False, frozen=True)

class Node(Record):
    """Anything with a place in the source.  A subclass needs only to list its fields."""
    span: Span

    def __repr__(self) -> str:
        name = getattr(self, "name", None) or getattr(self, "id", None)
        return f"<{type(self).__name__}{f' {name}' if name else ''} at {self.span}>"

class Expr(Node):
    """An expression, or a keyset expression where the grammar has one."""

class TypeExpr(Node):
    """A type as written."""

class Statement(Node):
    """A statement."""

class Decl(Node):
    """Anything declared: `span` is the whole declaration, `name_span` the name in it."""
    name: str
    name_span: Span

class Property(Node):
    """A property of a table."""


# ---- Expressions

class Name(Expr):
    """A variable, constant, function, type or instance; `absolute`: written `.id`."""
    id: str
    absolute: bool

class IntLit(Expr):
    """`10`, `8w0xff` (width 8), `4s7` (signed); arbitrary precision when width is None."""
    value: int
    width: int | None
    signed: bool
    text: str

class BoolLit(Expr):
    """`true`, `false`."""
    value: bool

class StringLit(Expr):
    """`"text"`, escapes resolved."""
    value: str

class This(Expr):
    """`this`."""

class Dots(Expr):
    """`...` as an initializer: the default value of what is left."""

class DontCare(Expr):
    """`_` as a keyset or as an argument for an `out` parameter."""

class DefaultKeyset(Expr):
    """`default` in a select or switch label."""

class Member(Expr):
    """`base.name`."""
    base: Expr
    name: str
    name_span: Span

class TypeNameExpr(Expr):
    """A type used as an expression: `E` in `E.a`, `error` in `error.X`, `C` in `C.apply()` or `C(1)`."""
    type: TypeExpr

class Index(Expr):
    """`base[index]`, of a stack, tuple or list."""
    base: Expr
    index: Expr

class Slice(Expr):
    """`base[high:low]`."""
    base: Expr
    high: Expr
    low: Expr

class PlusSlice(Expr):
    """`base[low+:width]`."""
    base: Expr
    low: Expr
    width: Expr

class Unary(Expr):
    """`! ~ - +`."""
    op: str
    operand: Expr

class Binary(Expr):
    """`* / % + - |+| |-| << >> <= >= < > != == & ^ | ++ && ||`."""
    op: str
    left: Expr
    right: Expr

class Ternary(Expr):
    """`cond ? then : other`."""
    cond: Expr
    then: Expr
    other: Expr

class Cast(Expr):
    """`(type) operand`."""
    type: TypeExpr
    operand: Expr

class Call(Expr):
    """`target<type_args>(args)`; a constructor call when the target is a TypeNameExpr."""
    target: Expr
    type_args: tuple[TypeExpr, ...]
    args: tuple[Argument, ...]

class ListLit(Expr):
    """`{a, b}`, with `dots` `{a, ...}`."""
    items: tuple[Expr, ...]
    dots: bool

class StructLit(Expr):
    """`{x = a, y = b}`, with `dots` `{x = a, ...}`."""
    items: tuple[NamedExpr, ...]
    dots: bool

class InvalidLit(Expr):
    """`{#}`, an invalid header or header union."""

class Mask(Expr):
    """Keyset `value &&& mask`."""
    value: Expr
    mask: Expr

class Range(Expr):
    """Keyset or loop range `low .. high`, both ends included."""
    low: Expr
    high: Expr

class TupleKeyset(Expr):
    """Keyset `(k1, k2)`, also of one element in parentheses with a comma; else the bare keyset."""
    items: tuple[Expr, ...]

class Argument(Node):
    """An argument, by position or `name = value`."""
    name: str | None
    value: Expr

class NamedExpr(Node):
    """A field of a StructLit, or `key = value` of a structured annotation."""
    name: str
    value: Expr


# ---- Types as written

class BaseTypeExpr(TypeExpr):
    """`bool error match_kind string int void`; `int` here is arbitrary precision."""
    kind: str

class BitTypeExpr(TypeExpr):
    """`bit<width>`; `bit` alone (None) is `bit<1>`."""
    width: Expr | None

class IntTypeExpr(TypeExpr):
    """`int<width>`."""
    width: Expr

class VarbitTypeExpr(TypeExpr):
    """`varbit<width>`."""
    width: Expr

class NamedTypeExpr(TypeExpr):
    """A declared type."""
    name: str
    absolute: bool

class SpecializedTypeExpr(TypeExpr):
    """`base<args>`."""
    base: NamedTypeExpr
    args: tuple[TypeExpr, ...]

class StackTypeExpr(TypeExpr):
    """`element[size]`."""
    element: TypeExpr
    size: Expr

class TupleTypeExpr(TypeExpr):
    """`tuple<args>`."""
    args: tuple[TypeExpr, ...]

class ListTypeExpr(TypeExpr):
    """`list<element>`."""
    element: TypeExpr

class DontCareTypeExpr(TypeExpr):
    """`_` as a type argument."""


# ---- Parts of declarations

class Annotation(Node):
    """`@name(tokens)`, or structured `@name[exprs]`/`@name[k=v, ...]`; `exprs` is also set when the tokens
    form a list of literals."""
    name: str
    tokens: tuple[str, ...] | None
    exprs: tuple[Expr, ...]
    items: tuple[NamedExpr, ...]

class TypeParam(Decl):
    """A type variable in `<...>`."""

class Param(Decl):
    """A parameter; direction `in`, `out`, `inout` or empty."""
    annos: tuple[Annotation, ...]
    direction: str
    type: TypeExpr
    default: Expr | None

class Field(Decl):
    """A field of a struct, header or union."""
    annos: tuple[Annotation, ...]
    type: TypeExpr

class EnumMember(Decl):
    """A member of an enum; with a value in a serializable one."""
    value: Expr | None

class Method(Decl):
    """Of an extern; a constructor has no result."""
    annos: tuple[Annotation, ...]
    abstract: bool
    result: TypeExpr | None
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]


# ---- Declarations

class ConstDecl(Decl):
    """`const type name = value;`"""
    annos: tuple[Annotation, ...]
    type: TypeExpr
    value: Expr

class VarDecl(Decl):
    """`type name = value;` at block level, or in a for loop."""
    annos: tuple[Annotation, ...]
    type: TypeExpr
    value: Expr | None

class InstanceDecl(Decl):
    """`type(args) name;`, `body`: implementations of abstract methods."""
    annos: tuple[Annotation, ...]
    type: TypeExpr
    args: tuple[Argument, ...]
    body: Block | None

class ActionDecl(Decl):
    """`action name(params) {...}`"""
    annos: tuple[Annotation, ...]
    params: tuple[Param, ...]
    body: Block

class FunctionDecl(Decl):
    """A function."""
    annos: tuple[Annotation, ...]
    result: TypeExpr
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]
    body: Block

class ExternFunctionDecl(Decl):
    """`extern result name<T>(params);`"""
    annos: tuple[Annotation, ...]
    result: TypeExpr
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]

class ExternDecl(Decl):
    """`extern name<T> {...}`; its constructors are methods of its own name."""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    methods: tuple[Method, ...]

class StructDecl(Decl):
    """`struct`."""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    fields: tuple[Field, ...]

class HeaderDecl(Decl):
    """`header`."""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    fields: tuple[Field, ...]

class UnionDecl(Decl):
    """`header_union`."""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    fields: tuple[Field, ...]

class EnumDecl(Decl):
    """`enum name {...}`, serializable with a `type`."""
    annos: tuple[Annotation, ...]
    type: TypeExpr | None
    members: tuple[EnumMember, ...]

class ErrorDecl(Node):
    """`error {...}`; adds to the one error type."""
    members: tuple[EnumMember, ...]

class MatchKindDecl(Node):
    """`match_kind {...}`; adds likewise."""
    members: tuple[EnumMember, ...]

class TypedefDecl(Decl):
    """`typedef type name;`"""
    annos: tuple[Annotation, ...]
    type: TypeExpr

class NewTypeDecl(Decl):
    """`type type name;`"""
    annos: tuple[Annotation, ...]
    type: TypeExpr

class ParserTypeDecl(Decl):
    """`parser name<T>(params);`"""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]

class ControlTypeDecl(Decl):
    """`control name<T>(params);`"""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]

class PackageDecl(Decl):
    """`package name<T>(params);`"""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]

class ParserDecl(Decl):
    """`parser name(params)(ctor_params) {locals states}`"""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]
    ctor_params: tuple[Param, ...]
    locals: tuple[Node, ...]
    states: tuple[StateDecl, ...]

class StateDecl(Decl):
    """A state; no transition means reject."""
    annos: tuple[Annotation, ...]
    body: tuple[Node, ...]
    transition: Transition | None

class ControlDecl(Decl):
    """`control name(params)(ctor_params) {locals apply body}`"""
    annos: tuple[Annotation, ...]
    type_params: tuple[TypeParam, ...]
    params: tuple[Param, ...]
    ctor_params: tuple[Param, ...]
    locals: tuple[Node, ...]
    body: Block

class ValueSetDecl(Decl):
    """`value_set<type>(size) name;`"""
    annos: tuple[Annotation, ...]
    type: TypeExpr
    size: Expr

class TableDecl(Decl):
    """`table name {...}`"""
    annos: tuple[Annotation, ...]
    properties: tuple[Property, ...]


# ---- Transitions of parser states

class Transition(Node):
    """Where a state leads."""

class DirectTransition(Transition):
    """`transition state;`"""
    state: str
    state_span: Span

class SelectTransition(Transition):
    """`transition select(exprs) {...}`"""
    exprs: tuple[Expr, ...]
    cases: tuple[SelectCase, ...]

class SelectCase(Node):
    """`keyset: state;`"""
    keyset: Expr
    state: str
    state_span: Span


# ---- Properties of tables

class KeyProperty(Property):
    """`key = {...}`"""
    elements: tuple[KeyElement, ...]

class KeyElement(Node):
    """`expr: match_kind @annos;`"""
    annos: tuple[Annotation, ...]
    expr: Expr
    match_kind: str
    match_span: Span

class ActionsProperty(Property):
    """`actions = {...}`"""
    actions: tuple[ActionRef, ...]

class ActionRef(Node):
    """An action by name, perhaps with arguments; None: no parentheses."""
    annos: tuple[Annotation, ...]
    name: Name
    args: tuple[Argument, ...] | None

class EntriesProperty(Property):
    """`const entries = {...}`"""
    annos: tuple[Annotation, ...]
    const: bool
    entries: tuple[Entry, ...]

class Entry(Node):
    """`const priority=N: keyset: action;`"""
    annos: tuple[Annotation, ...]
    const: bool
    priority: Expr | None
    keyset: Expr
    action: ActionRef

class ExprProperty(Property):
    """`default_action`, `size` and any other `name = value;`"""
    annos: tuple[Annotation, ...]
    const: bool
    name: str
    name_span: Span
    value: Expr


# ---- Statements

class Assign(Statement):
    """`target op value;` where op is `=` or `+=`, `|+|=`, `<<=`, ..."""
    target: Expr
    op: str
    value: Expr

class CallStatement(Statement):
    """`f(x);`"""
    call: Call

class Block(Statement):
    """`{...}`: statements, and VarDecl, ConstDecl, InstanceDecl."""
    annos: tuple[Annotation, ...]
    body: tuple[Node, ...]

class If(Statement):
    """`if (cond) then else other`"""
    cond: Expr
    then: Statement
    other: Statement | None

class Empty(Statement):
    """`;`"""

class Exit(Statement):
    """`exit;`"""

class Return(Statement):
    """`return value;`"""
    value: Expr | None

class Break(Statement):
    """`break;`"""

class Continue(Statement):
    """`continue;`"""

class Switch(Statement):
    """`switch (expr) {...}`"""
    expr: Expr
    cases: tuple[SwitchCase, ...]

class SwitchCase(Node):
    """`label: {...}`; no body falls through to the next."""
    label: Expr
    body: Block | None

class For(Statement):
    """`for (init; cond; update) body`"""
    annos: tuple[Annotation, ...]
    init: tuple[Node, ...]
    cond: Expr
    update: tuple[Statement, ...]
    body: Statement

class ForIn(Statement):
    """`for (var in over) body`; `over` may be a Range."""
    annos: tuple[Annotation, ...]
    var: VarDecl | Name
    over: Expr
    body: Statement


# ---- The whole

class Program(Node):
    """All declarations, those of the included files first, in source order."""
    decls: tuple[Node, ...]
# fmt: on


def children(node: Node) -> Iterator[Node]:
    """The direct sub-nodes of `node`, in source order."""
    for value in vars(node).values():
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, Node):
                    yield item


def walk(node: Node) -> Iterator[Node]:
    """`node` and everything below it, parents first, in source order, without recursion."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        below: list[Node] = []
        for value in vars(current).values():  # As `children`, in half the time.
            if isinstance(value, tuple):
                below += [item for item in value if isinstance(item, Node)]
            elif isinstance(value, Node):
                below.append(value)
        if below:
            stack += below[::-1]


def annotation(node: Node, name: str) -> Annotation | None:
    """The annotation `@name` of a node, or None; of several the last."""
    found: Annotation | None = None
    for item in getattr(node, "annos", ()):
        if item.name == name:
            found = item
    return found
