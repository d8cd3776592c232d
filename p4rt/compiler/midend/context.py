# SPDX-License-Identifier: Apache-2.0
"""What the lowering of a program shares: the statements so far, fresh names, and the scopes of P4."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import Catalog
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.storage import Tree
from p4rt.compiler.records import field, record
from p4rt.compiler.source import NO_SPAN, Span

MAX_STATEMENTS = 100_000
"""Statements after inlining; more than the engine takes, and what doubles at each call ends here."""


@record(eq=False, frozen=False)
class Frame:
    """A block being inlined: where its names live, and where its jumps go."""

    instance: model.Instance | None
    parent: Frame | None = None
    places: dict[ast.Decl, Tree] = field(default_factory=dict)
    type_args: dict[ast.TypeParam, t.Type] = field(default_factory=dict)
    return_label: str = ""
    exit_label: str = ""
    result: Tree | None = None
    objects: dict[ast.Decl, model.Instance] = field(default_factory=dict)
    """What parameters of extern types stand for."""
    is_block: bool = False
    break_label: str | None = None
    continue_label: str | None = None

    def find(self, decl: ast.Decl) -> Tree | None:
        """Where a variable or parameter is, here or in the blocks around."""
        return next((frame.places[decl] for frame in self._outwards() if decl in frame.places), None)

    def find_object(self, decl: ast.Decl) -> model.Instance | None:
        """The object that a parameter stands for, here or in the blocks around."""
        return next((frame.objects[decl] for frame in self._outwards() if decl in frame.objects), None)

    def _outwards(self) -> Iterator[Frame]:
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent


def block_frame(frame: Frame) -> Frame:
    """The frame of the parser or control that `frame` is part of."""
    while not frame.is_block and frame.parent is not None:
        frame = frame.parent
    return frame


class Context:
    """The state of lowering one program."""

    def __init__(self, checked: model.CheckedProgram) -> None:
        self.checked = checked
        self.catalog = Catalog()
        self.frame = Frame(None)
        self.span: Span = NO_SPAN
        self.out: list[ir.Statement] = []
        self._emitted = 0
        self.reject_label = self.name("reject")
        self.parser_error: ir.Var | None = None
        """Where a parser that rejects puts the reason, for the pipeline; None: it ends the program."""
        self._rejections: dict[str, str] = {}
        self.verdict = self.variable("verdict", storage.ENUM_WIDTH)
        self.known: dict[str, int] = {}
        """Values that tracked variables have at this place, whatever way control came."""
        self._tracked: set[str] = set()
        self._tracking = False
        self._placed: set[str] = set()
        self._ahead: set[str] = set()
        """Labels that have been jumped to, and are not there yet."""
        self._jumps: dict[str, dict[str, int]] = {}
        """What was known at all jumps to a label so far."""
        self._cursor = self.tracked(self.variable("cursor", ir.WORD))
        self.packet: set[ast.Decl] = set()
        """Parameters that are the packet_in or packet_out of the architecture."""
        self.modified: set[str] = set()
        """Variables that were assigned to, other than by extracting a header."""
        self.extracting = False
        self.floating = False
        """Has the cursor been moved by amounts that only the packet tells?"""

    # ---- Errors

    def unsupported(self, span: Span, construct: str, hint: str | None = None) -> NoReturn:
        """Refuse valid P4; `construct` completes '... not supported', with its verb."""
        self.checked.diagnostics.fatal("unsupported", span, f"{construct} not supported", hint)

    def refuse(self, span: Span, message: str, hint: str | None = None) -> NoReturn:
        """Refuse P4 that has no meaning on this target."""
        self.checked.diagnostics.fatal("target", span, message, hint)

    # ---- Rejections

    def rejects(self, error: str) -> str:
        """The label to jump to where a parser finds an error, named as in core.p4."""
        if self.parser_error is None:
            return self.reject_label
        return self._rejections.setdefault(error, self.name(f"reject_{error}"))

    @contextmanager
    def rejecting(self, copy_out: Callable[[], None]) -> Iterator[None]:
        """What a parser rejects inside runs `copy_out` first.  The code inside must end with a jump."""
        outer, self._rejections = self._rejections, {}
        yield
        inner, self._rejections = self._rejections, outer
        for name, label in inner.items():
            self.label(label, ends=True)
            copy_out()
            self.goto(self.rejects(name))

    def rejected(self, done: str) -> None:
        """The code at the labels that `rejects` gave; it goes on at `done`, and so do all from now on."""
        error, self.parser_error = self.parser_error, None
        assert error is not None
        for name, label in self._rejections.items():
            self.label(label)
            if name:
                self.assign(error, build.const(self.checked.errors.index(name), error.width))
            self.goto(done)

    # ---- Names

    def name(self, wish: str) -> str:
        """A C identifier like `wish` that nothing else has."""
        return self.catalog.unique(wish)

    def variable(self, wish: str, width: int) -> ir.Var:
        """A new variable."""
        return ir.Var(width, self.name(wish))

    def pointer(self, wish: str) -> ir.Pointer:
        """A new pointer."""
        return ir.Pointer(self.name(wish))

    def allocate(self, type_: t.Type, wish: str) -> Tree:
        """Variables for a value of `type_`."""
        tree = storage.make(type_, re.sub(r"\W", "_", wish), self.variable)
        if self._tracking and isinstance(tree, ir.Var):
            self.tracked(tree)
        for stack in storage.stacks(tree):
            assert isinstance(stack.next, ir.Var)
            self.tracked(stack.next)
        return tree

    # ---- What is known of variables

    def tracked(self, variable: ir.Var) -> ir.Var:
        """Have `known` follow the value of a variable from now on."""
        self._tracked.add(variable.name)
        return variable

    @contextmanager
    def tracking(self, wanted: bool) -> Iterator[None]:
        """Variables allocated inside are tracked, if `wanted`."""
        saved, self._tracking = self._tracking, wanted
        try:
            yield
        finally:
            self._tracking = saved

    def start_at_zero(self, variable: ir.Expr) -> None:
        """Note that a tracked variable has not been assigned to yet."""
        assert isinstance(variable, ir.Var) and variable.name in self._tracked
        self.known[variable.name] = 0

    def now(self, value: ir.Expr) -> ir.Expr:
        """`value`, or if it is a variable whose value is known here, the constant."""
        if isinstance(value, ir.Var) and value.name in self.known:
            return build.const(self.known[value.name], value.width)
        return value

    @property
    def cursor(self) -> ir.Expr:
        """Bytes of the packet that were parsed, as it is known here."""
        return self.now(self._cursor)

    @property
    def cursor_variable(self) -> ir.Var:
        """The variable that holds the cursor."""
        return self._cursor

    @property
    def cursor_name(self) -> str:
        """The cursor's name among what is known."""
        return self._cursor.name

    def move_cursor(self, value: ir.Expr) -> None:
        """Append an assignment to the cursor."""
        self.assign(self._cursor, value)

    def known_at(self, label: str) -> dict[str, int]:
        """What was known at all jumps to a label so far."""
        return self._jumps.get(label, {})

    def is_target(self, label: str) -> bool:
        """Has a jump to a label been appended?"""
        return label in self._jumps

    @property
    def is_unreachable(self) -> bool:
        """Does no control come to what would be appended now?"""
        return bool(self.out) and isinstance(self.out[-1], ir.Goto)

    @property
    def may_be_skipped(self) -> bool:
        """Is there a jump to a place further on?  (Not to the end of a program that rejects.)"""
        return not self._ahead <= {self.reject_label}

    def _jump(self, label: str) -> None:
        if label not in self._placed:
            self._ahead.add(label)
        before = self._jumps.get(label)
        self._jumps[label] = dict(self.known) if before is None else _common(before, self.known)

    # ---- Statements

    def emit(self, statement: ir.Statement) -> None:
        """Append a statement."""
        self._emitted += 1
        if self._emitted > MAX_STATEMENTS:
            self.checked.diagnostics.fatal(
                "too-complex", self.span, "the program is too large once all that it calls is put in place"
            )
        self.out.append(statement)

    def assign(self, target: ir.Expr, value: ir.Expr) -> None:
        """Append `target = value`."""
        assert isinstance(target, ir.Var) and target.width == value.width, (target, value)
        value = self.now(value)
        if target.name in self._tracked:
            self.known.pop(target.name, None)
            if isinstance(value, ir.Const):
                self.known[target.name] = value.value
        if target != value:
            if not self.extracting:
                self.modified.add(target.name)
            self.emit(ir.Assign(target, value, extracted=self.extracting, span=self.span))

    def keep(self, value: ir.Expr, wish: str = "t") -> ir.Expr:
        """The value that `value` has now, whatever happens later to the variables that it reads."""
        value = self.now(value)
        if isinstance(value, ir.Const):
            return value
        kept = self.variable(wish, value.width)
        self.assign(kept, value)
        return kept

    def opaque(self, value: ir.Expr, wish: str, *, known: bool = False) -> ir.Expr:
        """`keep` for a number whose bounds are about to be checked: later uses are of what was checked.

        `known`: do so also with a constant.
        """
        if isinstance(value, ir.Const) and not known:
            return value
        kept = self.variable(wish, ir.WORD)
        self.emit(ir.FunctionCall(kept, "opaque", (value,), pure=True, span=self.span))
        return kept

    def keep_tree(self, tree: Tree) -> Tree:
        """`keep` for every leaf."""
        return storage.combine(lambda parts: self.keep(parts[0]), tree)

    def goto(self, label: str) -> None:
        """Append a jump."""
        self._jump(label)
        self.emit(ir.Goto(label, span=self.span))

    def label(self, label: str, *, ends: bool = False) -> None:
        """Append a label.  `ends`: all jumps to it are behind it in the program, none in front of it."""
        self._placed.add(label)
        self._ahead.discard(label)
        if not ends:
            self.known = {}
        elif label in self._jumps:
            self.known = _common(self._jumps[label], self.known)
        self.emit(ir.Label(label, span=self.span))

    def goto_if(self, condition: ir.Expr, label: str) -> None:
        """Append a jump that is taken where `condition` is set."""
        self._jump(label)
        self.emit(ir.If(condition, (ir.Goto(label, span=self.span),), (), span=self.span))

    def point(self, pointer: ir.Pointer, offset: ir.Expr, size: int, known: bool = False) -> None:
        """Append a pointer into the packet; reject where the packet has no `size` bytes there."""
        offset = self.now(offset)
        opaque = self.floating and not isinstance(offset, ir.Const)
        self.emit(
            ir.PacketPointer(
                pointer,
                offset,
                size,
                self.rejects("PacketTooShort"),
                known=known,
                opaque=opaque,
                span=self.span,
            )
        )

    @contextmanager
    def collect(self) -> Iterator[list[ir.Statement]]:
        """Statements appended inside go to the list given, not to the program; they may never run."""
        saved, self.out = self.out, []
        before = dict(self.known)
        try:
            yield self.out
        finally:
            self.out = saved
            self.known = _common(before, self.known)

    @contextmanager
    def at(self, span: Span) -> Iterator[None]:
        """Statements appended inside come from `span`."""
        saved, self.span = self.span, span
        try:
            yield
        finally:
            self.span = saved

    @contextmanager
    def enter(self, frame: Frame) -> Iterator[Frame]:
        """Names inside are those of `frame`."""
        saved, self.frame = self.frame, frame
        try:
            yield frame
        finally:
            self.frame = saved

    # ---- Types and constants

    def resolve(self, type_: t.Type) -> t.Type:
        """`type_` with the type arguments of the functions being inlined."""
        frame: Frame | None = self.frame
        while frame is not None:
            if frame.type_args:
                type_ = t.substitute(type_, frame.type_args)
            frame = frame.parent
        return type_

    def type_of(self, expr: ast.Expr) -> t.Type:
        """Type after implicit conversion."""
        return self.resolve(self.checked.type_of(expr))

    def constant(self, expr: ast.Expr) -> model.Value | None:
        """Compile-time value, or None."""
        return self.checked.const_value(expr, self.frame.instance)

    def integer(self, expr: ast.Expr) -> int:
        """A compile-time integer that the checker has seen to."""
        value = self.constant(expr)
        if not isinstance(value, int):
            self.refuse(expr.span, "this must be a number known at compile time")
        return int(value)

    def literal(self, value: model.Value, type_: t.Type) -> Tree:
        """The tree of a compile-time value."""
        type_ = t.strip(type_)
        match value:
            case bool():
                return build.boolean(value)
            case int():
                width = storage.scalar_width(type_)
                return storage.zero(type_) if width is None else build.const(value, width)
            case model.EnumValue(kind, name):
                members = kind.members if isinstance(kind, t.EnumType) else tuple(self.checked.errors)
                return build.const(members.index(name), storage.ENUM_WIDTH)
            case model.RecordValue():
                return self._record(value, type_)
            case _:
                raise storage.Unsupported("strings as values are")

    def _record(self, value: model.RecordValue, type_: t.Type) -> Tree:
        if isinstance(type_, t.StackType):
            items = tuple(self.literal(value.fields[str(i)], type_.element) for i in range(type_.size))
            return storage.Stack(items, build.const(0, storage.INDEX_WIDTH))
        if isinstance(type_, t.ListType):
            return storage.Record(
                {key: self.literal(item, type_.element) for key, item in value.fields.items()}
            )
        parts = storage.fields_of(type_)
        if parts is None:
            raise storage.Unsupported(f"a constant of type {type_} is")
        names = [name for name, _ in parts]
        keys = names if set(names) <= set(value.fields) else [str(i) for i in range(len(names))]
        fields: dict[str, Tree] = {}
        for key, (name, part) in zip(keys, parts, strict=True):
            fields[name] = (
                self.literal(value.fields[key], part) if key in value.fields else storage.zero(part)
            )
        is_header = isinstance(type_, t.HeaderType)
        return storage.Record(fields, build.boolean(value.valid) if is_header else None)


def _common(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    """What both know, and agree in."""
    return {name: value for name, value in one.items() if other.get(name) == value}
