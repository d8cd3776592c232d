# SPDX-License-Identifier: Apache-2.0
"""Warnings about whole programs: names that nothing uses, variables without a value, code that never runs.

Only what the main file declares is looked at: a library has more than one program uses.  Each warning is
certain: where a variable may have a value on some path, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.annotations import text_of
from p4rt.compiler.analysis.model import CallKind, CheckedProgram
from p4rt.compiler.analysis.validity import Validity
from p4rt.compiler.frontend import ast

_KINDS: dict[type[ast.Node], str] = {
    ast.VarDecl: "variable", ast.ActionDecl: "action", ast.FunctionDecl: "function", ast.TableDecl: "table",
    ast.ValueSetDecl: "value set", ast.InstanceDecl: "object",
}  # fmt: skip
_WITH_RESULT = (
    CallKind.FUNCTION, CallKind.EXTERN_FUNCTION, CallKind.EXTERN_METHOD, CallKind.IS_VALID, CallKind.SIZE,
)  # fmt: skip

_Set = frozenset[ast.Decl]


def warn(checked: CheckedProgram) -> None:
    """Report what is suspicious in a program that is right."""
    main = checked.diagnostics.sources.main
    decls = [decl for decl in checked.program.decls if decl.span.file == main]
    _unused(checked, decls)
    _deprecated(checked)
    for decl in decls:
        if isinstance(decl, ast.ParserDecl):
            _unreachable_states(checked, decl)
        _never_assigned(checked, decl)
        for body in _bodies(decl):
            _Flow(checked).sequence(body, frozenset())
            Validity(checked).sequence(body, frozenset())


def _bodies(decl: ast.Node) -> Iterator[Sequence[ast.Node]]:
    """The statement sequences of a declaration that run on their own."""
    match decl:
        case ast.ActionDecl(body=body) | ast.FunctionDecl(body=body):
            yield body.body
        case ast.ControlDecl(locals=locals_, body=body):
            for item in locals_:
                yield from _bodies(item)
            yield body.body
        case ast.ParserDecl(states=states):
            for state in states:
                yield state.body


# ---- Names


def _unused(checked: CheckedProgram, decls: Sequence[ast.Node]) -> None:
    written = {
        base
        for decl in decls
        for node in ast.walk(decl)
        if isinstance(node, ast.Assign) and node.op == "=" and (base := _base(node.target)) is not None
    }
    used: set[ast.Decl | None] = {decl for node, decl in checked.decls.items() if node not in written}
    used.update(call.decl for call in checked.calls.values())
    if checked.main is not None and isinstance(checked.main.source, ast.Decl):
        used.add(checked.main.source)
    touched = set(checked.decls.values())
    for decl in decls:
        nodes = list(ast.walk(decl))
        counters = [node.var for node in nodes if isinstance(node, ast.ForIn)]
        used.update(counter for counter in counters if isinstance(counter, ast.VarDecl))
        for owner in nodes:
            if isinstance(owner, ast.FunctionDecl | ast.ActionDecl):
                for param in owner.params:
                    if param not in touched and ast.annotation(param, "optional") is None:
                        text = f"parameter '{param.name}' of '{owner.name}' is never used"
                        checked.diagnostics.warning("unused", param.name_span, text)
        for node in nodes:
            kind = _KINDS.get(type(node))
            if kind is None or not isinstance(node, ast.Decl) or node in used:
                continue
            what = "is assigned to, but never read" if node in touched else "is never used"
            checked.diagnostics.warning("unused", node.name_span, f"{kind} '{node.name}' {what}")


def _deprecated(checked: CheckedProgram) -> None:
    """Uses of what is marked as @deprecated."""
    main = checked.diagnostics.sources.main
    uses: list[tuple[ast.Node, ast.Decl]] = [*checked.decls.items()]
    uses += [(node, call.method) for node, call in checked.calls.items() if call.method is not None]
    for node, decl in uses:
        note = ast.annotation(decl, "deprecated")
        if note is not None and node.span.file == main:
            text = f"'{decl.name}' is deprecated: {text_of(note)}"
            checked.diagnostics.warning("deprecated", node.span, text)


def _base(target: ast.Expr) -> ast.Name | None:
    """The variable that an l-value is, or is part of."""
    while not isinstance(target, ast.Name):
        if not isinstance(target, ast.Member | ast.Index | ast.Slice | ast.PlusSlice):
            return None
        target = target.base
    return target


# ---- States


def _unreachable_states(checked: CheckedProgram, decl: ast.ParserDecl) -> None:
    reached: set[ast.StateDecl] = set()
    pending = [state for state in decl.states if state.name == "start"]
    while pending:
        state = pending.pop()
        if state in reached:
            continue
        reached.add(state)
        for node in ast.walk(state):
            target = checked.states.get(node)
            if target is not None:
                pending.append(target)
    for state in decl.states:
        if state not in reached:
            checked.diagnostics.warning(
                "unreachable", state.name_span, f"no transition leads to state '{state.name}'"
            )


# ---- Values


def _is_plain(type_: t.Type) -> bool:
    """Is a value of this type nothing but its bits?  A header has a state of its own."""
    match t.strip(type_):
        case t.StructType(fields=fields):
            return all(_is_plain(item.type) for item in fields)
        case t.TupleType(elements):
            return all(_is_plain(item) for item in elements)
        case t.BitType() | t.IntType() | t.BoolType() | t.EnumType() | t.ErrorType():
            return True
    return False


def _without_value(checked: CheckedProgram, node: ast.Node) -> bool:
    return isinstance(node, ast.VarDecl) and node.value is None and _is_plain(checked.type_of_decl(node))


def _never_assigned(checked: CheckedProgram, decl: ast.Node) -> None:
    """Variables of a parser or control itself, which its states or actions may use in any order."""
    if not isinstance(decl, ast.ParserDecl | ast.ControlDecl):
        return
    missing = {item for item in decl.locals if _without_value(checked, item)}
    if not missing:
        return
    missing -= _assigned_in(checked, decl)
    for node in ast.walk(decl):
        found = checked.decls.get(node)
        if found is not None and found in missing:
            missing.discard(found)
            checked.diagnostics.warning(
                "uninitialized", node.span, f"'{found.name}' is read, but nothing is ever assigned to it"
            )


def _assigned_in(checked: CheckedProgram, node: ast.Node) -> set[ast.Decl]:
    """What statements anywhere in `node` may assign to."""
    bases: list[ast.Name | None] = []
    for part in ast.walk(node):
        if isinstance(part, ast.Assign):
            bases.append(_base(part.target))
        elif isinstance(part, ast.ForIn) and isinstance(part.var, ast.Name):
            bases.append(part.var)
        elif isinstance(part, ast.Call):
            for arg in checked.call_of(part).args:
                if arg.param.direction in ("out", "inout") and arg.value is not None:
                    bases.append(_base(arg.value))
    return {decl for base in bases if base is not None and (decl := checked.decl_of(base)) is not None}


class _Flow:
    """Goes through statements in their order, with the variables that may have a value by then."""

    def __init__(self, checked: CheckedProgram) -> None:
        self.checked = checked
        self._tracked: set[ast.Decl] = set()

    def sequence(self, body: Sequence[ast.Node], assigned: _Set) -> _Set | None:
        """What may be assigned after `body`; None where control never gets there."""
        after: _Set | None = assigned
        for node in body:
            if after is None:
                if not isinstance(node, ast.Empty | ast.ConstDecl):
                    self.checked.diagnostics.warning("unreachable", node.span, "this is never reached")
                return None
            after = self._statement(node, after)
        return after

    def _statement(self, node: ast.Node, assigned: _Set) -> _Set | None:
        match node:
            case ast.VarDecl(value=value):
                if value is not None:
                    return self._read(value, assigned)
                if _without_value(self.checked, node):
                    self._tracked.add(node)
                return assigned
            case ast.Assign():
                return self._assign(node, assigned)
            case ast.CallStatement(call=call):
                self._result(call)
                return self._read(call, assigned)
            case ast.Block(body=body):
                return self.sequence(body, assigned)
            case ast.If(cond=cond, then=then, other=other):
                assigned = self._read(cond, assigned)
                otherwise = self._statement(other, assigned) if other is not None else assigned
                return _either(self._statement(then, assigned), otherwise)
            case ast.Switch():
                return self._switch(node, assigned)
            case ast.For(init=init, cond=cond, update=update, body=body):
                before = self.sequence(init, assigned) or assigned
                inside = self._read(cond, before | _assigned_in(self.checked, node))
                self._statement(body, inside)
                self.sequence(update, inside)
                return inside
            case ast.ForIn(over=over, body=body):
                inside = self._read(over, assigned) | _assigned_in(self.checked, node)
                self._statement(body, inside)
                return inside
            case ast.Return(value=value):
                if value is not None:
                    self._read(value, assigned)
                return None
            case ast.Exit() | ast.Break() | ast.Continue():
                return None
        return assigned

    def _assign(self, node: ast.Assign, assigned: _Set) -> _Set:
        base = _base(node.target)
        assigned = self._read(node.value, assigned)
        if node.op != "=":
            assigned = self._read(node.target, assigned)
        elif isinstance(node.target, ast.Index):
            assigned = self._read(node.target.index, assigned)
        decl = self.checked.decl_of(base) if base is not None else None
        return assigned | {decl} if decl is not None else assigned

    def _switch(self, node: ast.Switch, assigned: _Set) -> _Set | None:
        assigned = self._read(node.expr, assigned)
        complete = any(isinstance(case.label, ast.DefaultKeyset | ast.DontCare) for case in node.cases)
        after: _Set | None = None if complete else assigned
        for case in node.cases:
            if case.body is not None:
                after = _either(after, self._statement(case.body, assigned))
        return after

    def _read(self, expr: ast.Node, assigned: _Set) -> _Set:
        """Look at the names that an expression reads; what may be assigned when it is evaluated."""
        outputs: dict[ast.Node, ast.Decl] = {}
        pure: set[ast.Node] = set()
        for part in ast.walk(expr):
            if not isinstance(part, ast.Call):
                continue
            for arg in self.checked.call_of(part).args:
                base = _base(arg.value) if arg.value is not None else None
                decl = self.checked.decl_of(base) if base is not None else None
                if base is not None and decl is not None and arg.param.direction in ("out", "inout"):
                    outputs[base] = decl
                    if arg.param.direction == "out":
                        pure.add(base)
        for part in ast.walk(expr):
            decl = self.checked.decls.get(part)
            if decl in self._tracked and decl not in assigned and part not in pure:
                assert decl is not None
                self._tracked.discard(decl)
                self.checked.diagnostics.warning(
                    "uninitialized", part.span, f"'{decl.name}' is read before anything is assigned to it"
                )
        return assigned | frozenset(outputs.values())

    def _result(self, node: ast.Call) -> None:
        """A result that a statement does not use."""
        call = self.checked.call_of(node)
        if call.kind not in _WITH_RESULT or isinstance(call.result, t.VoidType):
            return
        called = call.method if call.method is not None else call.decl
        name = called.name if called is not None else call.kind.value
        if name != "static_assert":
            text = f"nothing uses the result of '{name}'"
            self.checked.diagnostics.warning("ignored-result", node.span, text)


def _either(one: _Set | None, other: _Set | None) -> _Set | None:
    if one is None or other is None:
        return other if one is None else one
    return one | other
