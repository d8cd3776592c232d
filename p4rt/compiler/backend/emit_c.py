# SPDX-License-Identifier: Apache-2.0
"""Spells the target IR in C through the templates; each node has its macro there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache, singledispatchmethod
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket

from p4rt.compiler.backend import ir
from p4rt.compiler.cache import keep, load

_OPERATIONS = {
    ir.Relation.EQ: "==",
    ir.Relation.NE: "!=",
    ir.Relation.LT: "<",
    ir.Relation.LE: "<=",
    ir.Relation.SLT: "<",
    ir.Relation.SLE: "<=",
}
_SIGNED = (ir.Relation.SLT, ir.Relation.SLE)
_INDENT = "    "


def templates_folder() -> Path:
    """Where the templates are; the generated C includes headers from there."""
    spec = find_spec("p4rt_templates")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        if (Path(folder) / "program.c.j2").is_file():
            return Path(folder)
    raise FileNotFoundError("the templates of p4rt-compile are missing: the installation is incomplete")


def emit_c(program: ir.Program) -> str:
    """The C text of `program`."""
    environment = _environment()
    body = _Emitter(environment, frozenset(_last_labels(program.body))).block(program.body, 1)
    variables = sorted(set(_variables(program.body)), key=_natural)
    pointers = sorted({p.name for p in _pointers(program.body)}, key=_natural)
    given = program.given
    prototypes = [(text, span.line, c_string(span.file)) for text, span in given.prototypes]
    return environment.get_template("program.c.j2").render(
        program=program,
        variables=variables,
        pointers=pointers,
        body="\n".join(body),
        prototypes=prototypes,
        files=[c_string(str(Path(file).resolve())) for file in given.files],
    )


_OPTIONS: dict[str, Any] = {"trim_blocks": True, "lstrip_blocks": True, "keep_trailing_newline": True}


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates_folder()),
        undefined=jinja2.StrictUndefined,
        bytecode_cache=_Translated(),
        **_OPTIONS,
    )


class _Translated(jinja2.BytecodeCache):
    """Templates translated to Python, which takes jinja2 longer than all that they are used for."""

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = load("template", self._made_of(bucket))

    def dump_bytecode(self, bucket: Bucket) -> None:
        keep("template", self._made_of(bucket), bucket.code)

    def _made_of(self, bucket: Bucket) -> object:
        return jinja2.__version__, _OPTIONS, bucket.key, bucket.checksum


def _natural(name: str) -> tuple[str, int]:
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or 0)


def _variables(block: ir.Block) -> Iterator[str]:
    """The name of every variable that is assigned or read."""
    for statement in ir.walk(block):
        target = getattr(statement, "target", None)
        if isinstance(target, ir.Var):
            yield target.name
        yield from ir.names_read(statement)


def _last_labels(block: ir.Block) -> Iterator[str]:
    """Labels that nothing comes after but the end of the program."""
    for label, after in pairwise(block):
        if isinstance(label, ir.Label) and isinstance(after, ir.Return):
            yield label.name


def _pointers(block: ir.Block) -> Iterator[ir.Pointer]:
    """Those that are set, and those that are only used, where no packet comes to."""

    def inside(expr: ir.Expr) -> Iterator[ir.Pointer]:
        for value in vars(expr).values():
            if isinstance(value, ir.Pointer):
                yield value
            elif isinstance(value, ir.Expr):
                yield from inside(value)

    for statement in ir.walk(block):
        if isinstance(statement, ir.PacketPointer | ir.Lookup):
            yield statement.pointer
        elif isinstance(statement, ir.Store | ir.AtomicAdd) and isinstance(statement.memory, ir.Pointer):
            yield statement.memory
        for expr in ir.expressions(statement):
            yield from inside(expr)


def c_string(text: str) -> str:
    """`text` as a C string literal."""
    plain = "".join(
        char
        if 32 <= ord(char) < 127 and char not in '\\"?'
        else "".join(f"\\{byte:03o}" for byte in char.encode())
        for char in text
    )
    return f'"{plain}"'


class _Emitter:
    def __init__(self, environment: jinja2.Environment, last: frozenset[str]) -> None:
        self._last = last
        self._e: Any = environment.get_template("expressions.j2").module
        self._s: Any = environment.get_template("statements.j2").module

    # ---- Statements

    def block(self, statements: ir.Block, depth: int) -> list[str]:
        """The lines of a block."""
        lines: list[str] = []
        for statement in statements:
            if not isinstance(statement, ir.Label):
                lines += self._mark(statement)
            lines += self._statement(statement, depth)
        return lines

    def _mark(self, statement: ir.Statement) -> Iterable[str]:
        """`#line`, where the source line changes.  The C compiler counts on by itself, hence each time."""
        span = statement.span
        if span.line <= 0:
            return [self._s.line(1, c_string("generated"))]
        return [self._s.line(span.line, c_string(span.file))]

    def _lines(self, text: str, depth: int) -> list[str]:
        return [_INDENT * depth + line for line in text.splitlines()]

    @singledispatchmethod
    def _statement(self, statement: ir.Statement, depth: int) -> list[str]:
        raise AssertionError(f"no C for {type(statement).__name__}")

    @_statement.register(ir.Assign)
    def _(self, s: ir.Assign, depth: int) -> list[str]:
        return self._lines(self._s.assign(s.target.name, self.expr(s.value)), depth)

    @_statement.register(ir.If)
    def _(self, s: ir.If, depth: int) -> list[str]:
        lines = self._lines(self._s.if_head(self.expr(s.condition)), depth) + self.block(s.then, depth + 1)
        if s.other:
            lines += self._lines(self._s.if_else(), depth) + self.block(s.other, depth + 1)
        return lines + self._lines(self._s.block_end(), depth)

    @_statement.register(ir.Switch)
    def _(self, s: ir.Switch, depth: int) -> list[str]:
        lines = self._lines(self._s.switch_head(self.expr(s.on)), depth)
        for case in s.cases:
            lines += self._lines(self._s.switch_case([f"{value:#x}" for value in case.values]), depth)
            lines += self.block(case.body, depth + 1) + self._lines(self._s.switch_break(), depth + 1)
        lines += self._lines(self._s.switch_default(), depth) + self.block(s.default, depth + 1)
        return (
            lines + self._lines(self._s.switch_break(), depth + 1) + self._lines(self._s.block_end(), depth)
        )

    @_statement.register(ir.Label)
    def _(self, s: ir.Label, depth: int) -> list[str]:
        return self._lines(self._s.label(s.name), depth - 1)

    @_statement.register(ir.Goto)
    def _(self, s: ir.Goto, depth: int) -> list[str]:
        return self._lines(self._s.goto(s.label), depth)

    @_statement.register(ir.Scope)
    def _(self, s: ir.Scope, depth: int) -> list[str]:
        lines = self._lines(self._s.scope_head(s.buffer.name, (s.buffer.size + 7) // 8), depth)
        return lines + self.block(s.body, depth + 1) + self._lines(self._s.block_end(), depth)

    @_statement.register(ir.Store)
    def _(self, s: ir.Store, depth: int) -> list[str]:
        order = "be" if s.big_endian else "le"
        text = self._s.store(s.value.width, order, s.memory.name, s.offset, self.expr(s.value))
        return self._lines(text, depth)

    @_statement.register(ir.PacketPointer)
    def _(self, s: ir.PacketPointer, depth: int) -> list[str]:
        last = s.otherwise in self._last
        offset = self.expr(s.offset)
        text = self._s.packet_pointer(s.pointer.name, offset, s.size, s.otherwise, s.opaque, last)
        return self._lines(text, depth)

    @_statement.register(ir.Settle)
    def _(self, s: ir.Settle, depth: int) -> list[str]:
        return self._lines(self._s.settle(), depth)

    @_statement.register(ir.Lookup)
    def _(self, s: ir.Lookup, depth: int) -> list[str]:
        return self._lines(self._s.lookup(s.pointer.name, s.map, s.key.name), depth)

    @_statement.register(ir.HashBytes)
    def _(self, s: ir.HashBytes, depth: int) -> list[str]:
        return self._lines(self._s.hash_bytes(s.target.name, s.buffer.name, s.length), depth)

    @_statement.register(ir.FunctionCall)
    def _(self, s: ir.FunctionCall, depth: int) -> list[str]:
        arguments = [self.expr(argument) for argument in s.arguments]
        if s.target is None:
            return self._lines(self._s.call(s.function, arguments), depth)
        mask = "" if s.target.width == ir.WORD else self._mask(s.target.width)
        return self._lines(self._s.call_result(s.target.name, s.function, arguments, mask), depth)

    @_statement.register(ir.AtomicAdd)
    def _(self, s: ir.AtomicAdd, depth: int) -> list[str]:
        text = self._s.atomic_add(s.value.width, s.memory.name, s.offset, self.expr(s.value))
        return self._lines(text, depth)

    @_statement.register(ir.ReadClock)
    def _(self, s: ir.ReadClock, depth: int) -> list[str]:
        return self._lines(self._s.read_clock(s.target.name), depth)

    @_statement.register(ir.MoveHead)
    def _(self, s: ir.MoveHead, depth: int) -> list[str]:
        return self._lines(self._s.move_head(self.expr(s.delta), s.otherwise), depth)

    @_statement.register(ir.ReadContext)
    def _(self, s: ir.ReadContext, depth: int) -> list[str]:
        return self._lines(self._s.read_context(s.target.name, s.field), depth)

    @_statement.register(ir.WriteContext)
    def _(self, s: ir.WriteContext, depth: int) -> list[str]:
        return self._lines(self._s.write_context(s.field, self.expr(s.value)), depth)

    @_statement.register(ir.Return)
    def _(self, s: ir.Return, depth: int) -> list[str]:
        return self._lines(self._s.return_(self.expr(s.verdict)), depth)

    # ---- Expressions

    def _wrap(self, text: str, width: int) -> str:
        return text if width == ir.WORD else str(self._e.wrap(text, self._mask(width)))

    @staticmethod
    def _mask(width: int) -> str:
        return f"{(1 << width) - 1:#x}"

    def _extended(self, value: ir.Expr) -> str:
        """`value` as an int64_t."""
        return str(self._e.sign_extend(self.expr(value), ir.WORD - value.width))

    @singledispatchmethod
    def expr(self, expr: ir.Expr) -> str:
        """An expression in C, in parentheses where it needs them."""
        raise AssertionError(f"no C for {type(expr).__name__}")

    @expr.register(ir.Const)
    def _(self, e: ir.Const) -> str:
        return str(self._e.const(f"{e.value:#x}" if e.value > 9 else e.value))

    @expr.register(ir.Var)
    def _(self, e: ir.Var) -> str:
        return e.name

    @expr.register(ir.Not)
    def _(self, e: ir.Not) -> str:
        return self._wrap(self._e.invert(self.expr(e.operand)), e.width)

    @expr.register(ir.Negate)
    def _(self, e: ir.Negate) -> str:
        return self._wrap(self._e.negate(self.expr(e.operand)), e.width)

    @expr.register(ir.Binary)
    def _(self, e: ir.Binary) -> str:
        text = self._e.binary(self.expr(e.left), e.op.value, self.expr(e.right))
        wraps = e.op in (ir.Op.ADD, ir.Op.SUB, ir.Op.MUL)
        return self._wrap(text, e.width) if wraps else str(text)

    @expr.register(ir.Compare)
    def _(self, e: ir.Compare) -> str:
        convert = self._extended if e.relation in _SIGNED else self.expr
        return str(self._e.compare(convert(e.left), _OPERATIONS[e.relation], convert(e.right)))

    @expr.register(ir.Shift)
    def _(self, e: ir.Shift) -> str:
        amount = self.expr(e.amount)
        match e.kind:
            case ir.ShiftKind.LEFT:
                return self._wrap(self._e.shift_left(self.expr(e.value), amount), e.width)
            case ir.ShiftKind.RIGHT:
                return str(self._e.shift_right(self.expr(e.value), amount))
            case ir.ShiftKind.ARITHMETIC:
                return self._wrap(self._e.shift_arithmetic(self._extended(e.value), amount), e.width)

    @expr.register(ir.Slice)
    def _(self, e: ir.Slice) -> str:
        text = self.expr(e.operand)
        if e.low:
            text = self._e.right_by(text, e.low)
        return text if e.low + e.width == e.operand.width else self._wrap(text, e.width)

    @expr.register(ir.Extend)
    def _(self, e: ir.Extend) -> str:
        return (
            self._wrap(self._e.unsigned(self._extended(e.operand)), e.width)
            if e.signed
            else self.expr(e.operand)
        )

    @expr.register(ir.Concat)
    def _(self, e: ir.Concat) -> str:
        return str(self._e.concat(self.expr(e.high), e.low.width, self.expr(e.low)))

    @expr.register(ir.Swap)
    def _(self, e: ir.Swap) -> str:
        return str(self._e.swap(e.width, self.expr(e.operand)))

    @expr.register(ir.Choose)
    def _(self, e: ir.Choose) -> str:
        return str(self._e.choose(self.expr(e.condition), self.expr(e.then), self.expr(e.other)))

    @expr.register(ir.Load)
    def _(self, e: ir.Load) -> str:
        return str(self._e.load(e.width, "be" if e.big_endian else "le", e.memory.name, e.offset))

    @expr.register(ir.Found)
    def _(self, e: ir.Found) -> str:
        return str(self._e.found(e.pointer.name))

    @expr.register(ir.MemoryAddress)
    def _(self, e: ir.MemoryAddress) -> str:
        return str(self._e.memory_address(e.memory.name, e.offset))

    @expr.register(ir.MapAddress)
    def _(self, e: ir.MapAddress) -> str:
        return str(self._e.map_address(e.map))
