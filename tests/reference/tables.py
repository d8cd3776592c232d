# SPDX-License-Identifier: Apache-2.0
"""Tables (P4_16 section 14.2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .expressions import ApplyResult
from .parsers import Parsers
from .values import Val


@dataclass
class Action:
    """An action with the control plane's arguments; `choice` is its place in the table's list."""

    choice: int
    args: tuple[Val, ...]


@dataclass
class Entry:
    """Keys are numbers with the prefix length for `lpm`, else with None."""

    keys: tuple[tuple[Val, int | None], ...]
    action: Action


@dataclass
class TableState:
    """What the control plane put into a table; `default` None is NoAction."""

    info: model.TableInfo
    entries: list[Entry] = field(default_factory=list)
    default: Action | None = None


def initial_state(info: model.TableInfo) -> TableState:
    """A table with the entries and default action that the source gives."""
    state = TableState(info)
    if info.default is not None:
        state.default = _action(info, info.default)
    for entry in info.entries:
        keys = [_key(keyset, key) for keyset, key in zip(entry.keysets, info.keys, strict=True)]
        state.entries.append(Entry(tuple(keys), _action(info, entry.action)))
    return state


def _action(info: model.TableInfo, given: model.ActionValue) -> Action:
    choice = next(n for n, item in enumerate(info.actions) if item.decl is given.action.decl)
    return Action(choice, tuple(v.from_model(value, param.type) for param, value in given.args))


def _key(keyset: model.Keyset, key: model.TableKey) -> tuple[Val, int | None]:
    width = t.width_of(key.type) or 0
    match keyset:
        case model.ExactSet(value):
            number = v.cast(v.from_model(value, key.type), key.type)
            return number, width if key.match_kind == "lpm" else None
        case model.MaskSet(value, mask):
            return value & mask, bin(mask & ((1 << width) - 1)).count("1")
        case model.AnySet():
            return 0, 0
    raise NotImplementedError(f"keyset {keyset} in an entry")


class Tables(Parsers):
    """Part of the interpreter: tables."""

    tables: dict[tuple[model.Instance | None, ast.TableDecl], TableState]

    def apply_table(self, decl: ast.TableDecl) -> ApplyResult:
        """Look up and run the action."""
        key = (self.instance, decl)
        state = self.tables.get(key)
        if state is None:
            state = self.tables[key] = initial_state(self.program.tables[decl])
        info = state.info
        values = [v.copy(self.value(item.expr)) for item in info.keys]
        entry = _lookup(state, values)
        action = entry.action if entry is not None else state.default
        if action is None:
            return ApplyResult(False, "NoAction")
        self.trace.add((decl, action.choice, entry is None))
        chosen = info.actions[action.choice]
        self._run_action(chosen, action)
        return ApplyResult(entry is not None, chosen.decl.name)

    def _run_action(self, chosen: model.TableAction, action: Action) -> None:
        bound = self.bind(chosen.bound)
        supplied = zip(chosen.params, action.args, strict=True)
        bound += [(param, v.copy(value), None) for param, value in supplied]
        self.invoke(bound, lambda: self.run_block(chosen.decl.body))


def _lookup(state: TableState, values: list[Val]) -> Entry | None:
    best: tuple[int, Entry] | None = None
    for entry in state.entries if values else ():
        length = 0
        for value, info, (expected, prefix) in zip(values, state.info.keys, entry.keys, strict=True):
            if prefix is None:
                if not v.equal(value, expected):
                    break
            else:
                number, width = v.bits(value, info.type)
                wanted, _ = v.bits(expected, info.type)
                if (number ^ wanted) >> (width - prefix):
                    break
                length = prefix
        else:
            if best is None or length > best[0]:
                best = (length, entry)
    return None if best is None else best[1]
