# SPDX-License-Identifier: Apache-2.0
"""Pictures of a program in the language of Graphviz: each parser's states, each control's flow.

Drawn from the checked program, so that what the middle end refuses can be looked at too.
"""

from __future__ import annotations

from collections.abc import Iterator

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis.model import CallKind
from p4rt.compiler.frontend import ast
from p4rt.compiler.source import Span

_MAX_LINES = 8
"""Lines of one box; what is more is left out."""
_MAX_TEXT = 60
"""Characters of one line."""
_HEAD = """digraph {} {{
    graph [fontname="sans-serif", fontsize=14, compound=true, nodesep=0.3, ranksep=0.35];
    node [fontname="monospace", fontsize=10, shape=box, style=filled, fillcolor="#f6f6f6", color="#707070"];
    edge [fontname="monospace", fontsize=9, color="#505050"];
"""
_TABLE = 'style="filled,rounded", fillcolor="#dbe9f6", penwidth=1.5'
_CHOICE = 'shape=diamond, fillcolor="#fdf3d0", margin="0.02,0.02"'
_BLOCK = 'shape=component, fillcolor="#e3f1de"'
_END = 'shape=oval, fillcolor="#ffffff"'

_Exits = list[tuple[str, str]]
"""Where control comes from: nodes, and what to write at the edges that leave them."""


def draw(checked: model.CheckedProgram, name: str) -> str:
    """One graph with a frame for each parser and control that the package uses."""
    lines = [_HEAD.format(_quoted(name)).rstrip()]
    for number, instance in enumerate(_blocks(checked)):
        drawing = _Drawing(checked, f"b{number}")
        drawing.block(instance)
        lines.append(f"    subgraph cluster_{number} {{")
        lines.append(f'        label={_quoted(instance.path or instance.decl.name)}; color="#b0b0b0";')
        lines += [f"        {line}" for line in drawing.lines]
        lines.append("    }")
    return "\n".join([*lines, "}", ""])


def _blocks(checked: model.CheckedProgram) -> Iterator[model.Instance]:
    """The parsers and controls below `main`, each before those inside of it."""
    pending = [checked.main] if checked.main is not None else []
    while pending:
        instance = pending.pop(0)
        if isinstance(instance.decl, ast.ParserDecl | ast.ControlDecl):
            yield instance
        inner = [*instance.args.values(), *instance.members.values()]
        pending[:0] = [item for item in inner if isinstance(item, model.Instance)]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class _Drawing:
    """The nodes and edges of one block; `name` begins the names of its nodes."""

    def __init__(self, checked: model.CheckedProgram, name: str) -> None:
        self.checked = checked
        self.name = name
        self.lines: list[str] = []
        self._serial = 0
        self._ends: dict[str, str] = {}
        self._loops: list[tuple[str, _Exits]] = []

    def block(self, instance: model.Instance) -> None:
        """A parser or a control."""
        if isinstance(instance.decl, ast.ParserDecl):
            self._parser(instance.decl)
        elif isinstance(instance.decl, ast.ControlDecl):
            start = self._end("start")
            self._leave(self._statements(instance.decl.body.body, [(start, "")]), "end")

    # ---- Nodes and edges

    def _node(self, lines: list[str], style: str = "") -> str:
        """A box; lines are left-aligned where there are more than one."""
        self._serial += 1
        name = f"{self.name}_{self._serial}"
        shown = [
            line if len(line) <= _MAX_TEXT else f"{line[: _MAX_TEXT - 1]}…" for line in lines[:_MAX_LINES]
        ]
        if len(lines) > _MAX_LINES:
            shown.append("…")
        parts = [_quoted(line)[1:-1] for line in shown]
        label = parts[0] if len(parts) == 1 else "".join(f"{part}\\l" for part in parts)
        self.lines.append(f'{name} [label="{label}"{", " if style else ""}{style}];')
        return name

    def _edge(self, tail: str, head: str, label: str = "") -> None:
        text = f" [label={_quoted(label)}]" if label else ""
        self.lines.append(f"{tail} -> {head}{text};")

    def _join(self, exits: _Exits, node: str) -> None:
        for tail, label in exits:
            self._edge(tail, node, label)

    def _end(self, text: str) -> str:
        """The one node of this text: `accept`, `end`, ..."""
        if text not in self._ends:
            self._ends[text] = self._node([text], _END)
        return self._ends[text]

    def _leave(self, exits: _Exits, text: str) -> None:
        if exits:
            self._join(exits, self._end(text))

    def _text(self, span: Span) -> str:
        """Source text, on one line."""
        pieces = []
        for number in range(span.line, span.end_line + 1):
            line = self.checked.diagnostics.sources.line(span.file, number) or ""
            stop = span.end_column - 1 if number == span.end_line else len(line)
            pieces.append(line[span.column - 1 if number == span.line else 0 : stop].partition("//")[0])
        return " ".join(" ".join(pieces).split())

    # ---- Parsers

    def _parser(self, decl: ast.ParserDecl) -> None:
        nodes = {}
        for state in decl.states:
            lines = [state.name, *(self._text(node.span) for node in state.body)]
            if isinstance(state.transition, ast.SelectTransition):
                exprs = ", ".join(self._text(expr.span) for expr in state.transition.exprs)
                lines.append(f"select ({exprs})")
            nodes[state.name] = self._node(lines)
        for state in decl.states:
            transition = state.transition
            if isinstance(transition, ast.DirectTransition):
                self._edge(nodes[state.name], self._state(nodes, transition.state))
            elif isinstance(transition, ast.SelectTransition):
                for case in transition.cases:
                    label = self._text(case.keyset.span)
                    self._edge(nodes[state.name], self._state(nodes, case.state), label)
            else:
                self._edge(nodes[state.name], self._end("reject"))

    def _state(self, nodes: dict[str, str], name: str) -> str:
        return nodes[name] if name in nodes else self._end(name)

    # ---- Controls

    def _statements(self, body: tuple[ast.Node, ...], entries: _Exits) -> _Exits:
        """A sequence; statements that only compute share a box.  Where control goes on afterwards."""
        plain: list[str] = []
        for node in body:
            if self._is_plain(node):
                plain.append(self._text(node.span))
                continue
            entries = self._box(plain, entries)
            plain = []
            entries = self._statement(node, entries)
            if not entries:
                return []
        return self._box(plain, entries)

    def _box(self, lines: list[str], entries: _Exits) -> _Exits:
        if not lines or not entries:
            return entries
        node = self._node(lines)
        self._join(entries, node)
        return [(node, "")]

    def _is_plain(self, node: ast.Node) -> bool:
        """No part of it is drawn by itself."""
        jumps = ast.If | ast.Switch | ast.For | ast.ForIn | ast.Block | ast.Return | ast.Exit | ast.Break
        if isinstance(node, jumps | ast.Continue | ast.Empty):
            return False
        return not any(True for _ in self._applied(node))

    def _applied(self, node: ast.Node) -> Iterator[model.Call]:
        """The tables and blocks that are applied in a statement or an expression."""
        for part in ast.walk(node):
            if isinstance(part, ast.Call):
                call = self.checked.call_of(part)
                if call.kind in (CallKind.TABLE_APPLY, CallKind.CONTROL_APPLY, CallKind.PARSER_APPLY):
                    yield call

    def _apply(self, node: ast.Node, entries: _Exits) -> _Exits:
        """What is applied in an expression, one after the other."""
        for call in self._applied(node):
            assert call.decl is not None
            if isinstance(call.decl, ast.TableDecl):
                drawn = self._node(self._table(call.decl), _TABLE)
            else:
                name = self._text(call.receiver.span) if call.receiver is not None else call.decl.name
                drawn = self._node([name], _BLOCK)
            self._join(entries, drawn)
            entries = [(drawn, "")]
        return entries

    def _table(self, decl: ast.TableDecl) -> list[str]:
        info = self.checked.tables[decl]
        return [f"table {decl.name}", *(f"{key.name}: {key.match_kind}" for key in info.keys)]

    def _statement(self, node: ast.Node, entries: _Exits) -> _Exits:
        match node:
            case ast.Empty():
                return entries
            case ast.Block(body=body):
                return self._statements(body, entries)
            case ast.Return():
                self._leave(entries, "end")
                return []
            case ast.Exit():
                self._leave(entries, "exit")
                return []
            case ast.Break():
                self._loops[-1][1].extend(entries)
                return []
            case ast.Continue():
                self._join(entries, self._loops[-1][0])
                return []
            case ast.If():
                return self._if(node, entries)
            case ast.Switch():
                return self._switch(node, entries)
            case ast.For(init=init, cond=cond, update=update, body=body):
                entries = self._statements(init, entries)
                return self._loop(self._text(cond.span), (body, *update), entries)
            case ast.ForIn(var=var, over=over, body=body):
                name = var.name if isinstance(var, ast.VarDecl) else self._text(var.span)
                return self._loop(f"{name} in {self._text(over.span)}", (body,), entries)
        entries = self._apply(node, entries)
        if isinstance(node, ast.CallStatement):
            return entries
        return self._box([self._text(node.span)], entries)

    def _if(self, node: ast.If, entries: _Exits) -> _Exits:
        entries = self._apply(node.cond, entries)
        choice = self._node([self._text(node.cond.span)], _CHOICE)
        self._join(entries, choice)
        exits = self._statements((node.then,), [(choice, "true")])
        return exits + self._statements((node.other,) if node.other is not None else (), [(choice, "false")])

    def _switch(self, node: ast.Switch, entries: _Exits) -> _Exits:
        entries = self._apply(node.expr, entries)
        choice = self._node([self._text(node.expr.span)], _CHOICE)
        self._join(entries, choice)
        exits: _Exits = []
        labels: list[str] = []
        complete = False
        for case in node.cases:
            labels.append(self._text(case.label.span))
            complete |= isinstance(case.label, ast.DefaultKeyset | ast.DontCare)
            if case.body is not None:
                exits += self._statements(case.body.body, [(choice, ", ".join(labels))])
                labels = []
        return exits if complete else [*exits, (choice, "none of these")]

    def _loop(self, text: str, body: tuple[ast.Node, ...], entries: _Exits) -> _Exits:
        choice = self._node([text], _CHOICE)
        self._join(entries, choice)
        after: _Exits = [(choice, "done")]
        self._loops.append((choice, after))
        self._join(self._statements(body, [(choice, "again")]), choice)
        self._loops.pop()
        return after
