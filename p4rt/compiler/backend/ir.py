# SPDX-License-Identifier: Apache-2.0
"""The target IR: what a program does to a packet, in words that C can spell.

Values are unsigned integers of a fixed width; bits above the width are always zero.  Structures, headers
and stacks no longer exist: each of their fields is a `Var` of its own.  Control flow is structured, but
for `Goto`, which only ever leaves blocks or goes between the parser's states.

After the pass `split_wide` no value is wider than 64 bits; before it, any width is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any

from p4rt.compiler.records import field, field_names, record
from p4rt.compiler.source import NO_SPAN, Span

WORD = 64
"""Bits of the widest value that C is asked to handle."""


# ---- Expressions: pure, but for Load, which reads memory when its statement runs


@record
class Expr:
    """A value of `width` bits."""

    width: int


@record
class Const(Expr):
    """A number, `0 <= value < 2**width`."""

    value: int


@record
class Var(Expr):
    """A variable, which is zero until it is assigned.  The name is a C identifier, unique in the program."""

    name: str


@record
class Not(Expr):
    """Every bit inverted."""

    operand: Expr


@record
class Negate(Expr):
    """Two's complement."""

    operand: Expr


class Op(Enum):
    """Operators on two operands of the result's width; all wrap.

    DIV and MOD are of unsigned values of at most 64 bits, by one that is never zero.
    """

    ADD = "+"
    SUB = "-"
    MUL = "*"
    AND = "&"
    OR = "|"
    XOR = "^"
    DIV = "/"
    MOD = "%"


@record
class Binary(Expr):
    """`left op right`."""

    op: Op
    left: Expr
    right: Expr


class Relation(Enum):
    """Comparisons; LT and LE are of unsigned, SLT and SLE of two's complement values."""

    EQ = "=="
    NE = "!="
    LT = "<"
    LE = "<="
    SLT = "s<"
    SLE = "s<="


@record
class Compare(Expr):
    """One bit: does the relation hold between two values of one width?"""

    relation: Relation
    left: Expr
    right: Expr


class ShiftKind(Enum):
    """Directions of a shift; ARITHMETIC goes right and repeats the sign."""

    LEFT = "<<"
    RIGHT = ">>"
    ARITHMETIC = "s>>"


@record
class Shift(Expr):
    """`value` shifted by `amount`, of any width; from the value's width on nothing of it remains."""

    kind: ShiftKind
    value: Expr
    amount: Expr


@record
class Slice(Expr):
    """`width` bits of `operand`, from bit `low` on."""

    operand: Expr
    low: int


@record
class Extend(Expr):
    """`operand` with zeros, or with copies of its sign, in front."""

    operand: Expr
    signed: bool


@record
class Concat(Expr):
    """`high` in front of `low`."""

    high: Expr
    low: Expr


@record
class Swap(Expr):
    """The bytes of `operand`, of 16, 32 or 64 bits, in the other order."""

    operand: Expr


@record
class Choose(Expr):
    """`then` where the one bit `condition` is set, else `other`; both may be evaluated."""

    condition: Expr
    then: Expr
    other: Expr


@record
class Memory:
    """Where bytes are: a pointer into the packet or into a map's value, or a buffer on the stack."""

    name: str


@record
class Pointer(Memory):
    """A variable that points to bytes.  Nothing is known of their alignment."""


@record
class Buffer(Memory):
    """Bytes on the stack, aligned to 8."""

    size: int


@record
class Load(Expr):
    """`width / 8` bytes at `memory + offset`, as one number."""

    memory: Memory
    offset: int
    big_endian: bool


@record
class Found(Expr):
    """One bit: is `pointer`, the result of a `Lookup`, not null?"""

    pointer: Pointer


@record
class MemoryAddress(Expr):
    """The pointer `memory + offset`, as an argument of a call."""

    memory: Memory
    offset: int


@record
class MapAddress(Expr):
    """A map, as an argument of a call."""

    map: str


# ---- Statements


@record
class Statement:
    """Something done; `span` is the P4 source that asked for it."""

    span: Span = field(default=NO_SPAN, kw_only=True)


Block = tuple[Statement, ...]


@record
class Assign(Statement):
    """`target = value`; `extracted` says that this is a field of a header as it is in the packet."""

    target: Var
    value: Expr
    extracted: bool = field(default=False, kw_only=True)


@record
class If(Statement):
    """Two ways."""

    condition: Expr
    then: Block
    other: Block


@record
class Case:
    """One arm of a Switch."""

    values: tuple[int, ...]
    body: Block


@record
class Switch(Statement):
    """The arm that lists the value of `on`, else `default`.  No value is listed twice."""

    on: Expr
    cases: tuple[Case, ...]
    default: Block


@record
class Label(Statement):
    """A place to go to."""

    name: str


@record
class Goto(Statement):
    """Go on at the label."""

    label: str


@record
class Scope(Statement):
    """`body`, with a buffer of its own."""

    buffer: Buffer
    body: Block


@record
class Store(Statement):
    """The bytes of `value` (a multiple of 8 bits) to `memory + offset`."""

    memory: Memory
    offset: int
    value: Expr
    big_endian: bool


@record
class PacketPointer(Statement):
    """Points `pointer` to byte `offset` of the packet; goes to `otherwise` where the packet has no `size`
    bytes from there on.

    `known` says that it has them: only the pointer is wanted.  `opaque` hides from the C compiler how
    pointers relate.  It would else leave checks out that others imply by sums, or put a number for an offset
    that a comparison fixed after the check; the verifier takes the check of the very pointer that is used.
    """

    pointer: Pointer
    offset: Expr
    size: int
    otherwise: str
    known: bool = False
    opaque: bool = False


@record
class Settle(Statement):
    """What was loaded so far is loaded here and not later, where a branch may
    have fixed a part of its address."""


@record
class Lookup(Statement):
    """Points `pointer` to the value of the map's element with the key in `key`, or to nothing.

    `stable`: the same key finds the same place as long as the program runs, as in an array.
    """

    pointer: Pointer
    map: str
    key: Buffer
    stable: bool = False


@record
class HashBytes(Statement):
    """lookup3 of the first `length` bytes of `buffer`, 32 bits."""

    target: Var
    buffer: Buffer
    length: int


@record
class FunctionCall(Statement):
    """`target = function(arguments)`, of a helper or of a function given in C; `target` may be None.

    `pure`: without a target that is read, nothing is lost when the call is left out.
    """

    target: Var | None
    function: str
    arguments: tuple[Expr, ...]
    pure: bool = False


@record
class AtomicAdd(Statement):
    """Adds `value`, of 32 or 64 bits, to what is at `memory + offset`, at once for all threads."""

    memory: Memory
    offset: int
    value: Expr


@record
class ReadClock(Statement):
    """Nanoseconds of the monotonic clock, 64 bits."""

    target: Var


@record
class MoveHead(Statement):
    """Moves the packet's start by `delta` (two's complement, positive removes bytes); goes to `otherwise`
    where that cannot be.  Pointers into the packet are dead afterwards."""

    delta: Expr
    otherwise: str


@record
class ReadContext(Statement):
    """Reads a field of `struct ubpf_ctx`."""

    target: Var
    field: str


@record
class WriteContext(Statement):
    """Writes a field of `struct ubpf_ctx`."""

    field: str
    value: Expr


@record
class Return(Statement):
    """Ends the program with a verdict."""

    verdict: Expr


# ---- The program


class MapType(Enum):
    """Map types, by the names of abi.h."""

    HASH = "UBPF_MAP_TYPE_HASH"
    ARRAY = "UBPF_MAP_TYPE_ARRAY"
    THREAD_ARRAY = "UBPF_MAP_TYPE_THREAD_ARRAY"
    LPM = "UBPF_MAP_TYPE_LPM"
    TERNARY = "UBPF_MAP_TYPE_TERNARY"
    RING = "UBPF_MAP_TYPE_RING"
    METER = "UBPF_MAP_TYPE_METER"


class MapFlag(Enum):
    """Map flags, by the names of abi.h."""

    RDONLY_PROG = "UBPF_MAP_F_RDONLY_PROG"
    RDONLY_USER = "UBPF_MAP_F_RDONLY_USER"
    AGING = "UBPF_MAP_F_AGING"
    EXPIRE = "UBPF_MAP_F_EXPIRE"


@record
class Map:
    """A map; sizes in bytes, `state_size` being a part of `value_size`; `extra` as abi.h says."""

    name: str
    type: MapType
    key_size: int
    value_size: int
    max_entries: int
    flags: tuple[MapFlag, ...] = ()
    state_size: int = 0
    extra: int = 0


@record
class InitialEntry:
    """An entry that a map has from the start."""

    map: str
    key: bytes
    value: bytes


@record
class GivenInC:
    """What the user gives in C: `files`, and in front of them the types and prototypes that they must fit.

    `folders` are where they find what they include.  A prototype has the P4 declaration that it stands for.
    """

    files: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    prototypes: tuple[tuple[str, Span], ...] = ()


@record
class Program:
    """All of a program."""

    name: str
    source: str
    maps: tuple[Map, ...]
    initial: tuple[InitialEntry, ...]
    body: Block
    given: GivenInC = GivenInC()


# ---- Walking


def walk(block: Block) -> Iterator[Statement]:
    """Every statement, the inner ones too."""
    for statement in block:
        yield statement
        match statement:
            case If(_, then, other):
                yield from walk(then)
                yield from walk(other)
            case Switch(_, cases, default):
                for case in cases:
                    yield from walk(case.body)
                yield from walk(default)
            case Scope(_, body):
                yield from walk(body)


def evaluated(statement: Statement) -> tuple[str, ...]:
    """The fields of a statement that may hold expressions that it evaluates."""
    kind: Any = type(statement)
    return _evaluated(kind)


@cache
def _evaluated(kind: Any) -> tuple[str, ...]:
    return tuple(name for name in field_names(kind) if name not in ("target", "span", "then", "other"))


def expressions(statement: Statement) -> Iterator[Expr]:
    """The expressions that `statement` itself evaluates."""
    for name in evaluated(statement):
        value = getattr(statement, name)
        if isinstance(value, Expr):
            yield value
        elif name == "arguments":
            yield from value


def operands(expr: Expr) -> list[Expr]:
    """The expressions that `expr` is made of."""
    return [value for value in vars(expr).values() if isinstance(value, Expr)]


def names_read(statement: Statement) -> Iterator[str]:
    """Names of the variables that `statement` itself reads."""
    for expr in expressions(statement):
        yield from variables(expr)


def variables(expr: Expr) -> Iterator[str]:
    """Names of the variables in an expression."""
    pending: list[Expr] = [expr]
    while pending:
        part = pending.pop()
        if isinstance(part, Var):
            yield part.name
        else:
            pending += operands(part)

