# SPDX-License-Identifier: Apache-2.0
"""Entries that the source gives a table, and their priorities (P4_16 section 14.2.1.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.calls import arguments, bind_arguments
from p4rt.compiler.analysis.context import kind_name, one_of
from p4rt.compiler.analysis.keysets import Keysets, keyset_parts
from p4rt.compiler.analysis.model import (
    ActionValue,
    ExactSet,
    Keyset,
    MaskSet,
    RangeSet,
    TableAction,
    TableEntry,
    TableKey,
    Value,
    ValueSetRef,
    needs_priority,
)
from p4rt.compiler.frontend import ast

MAX_PRIORITY = (1 << 31) - 1
"""P4Runtime's priorities are of 32 bits, with a sign."""


class Entries(Keysets):
    """Part of the checker: the entries of tables."""

    # ---- Actions with constant arguments

    def action_decl(self, name: ast.Name) -> ast.ActionDecl | None:
        """The action that a name refers to; None after an error."""
        found = self.lookup(name.id, name.absolute)
        if not found:
            self.undeclared(name, name.id, "action")
            return None
        for decl in found:
            if isinstance(decl, ast.ActionDecl):
                self.program.decls[name] = decl
                return decl
        self.error("type-error", name, f"'{name.id}' is a {kind_name(found[-1])}, not an action")
        return None

    def action_value(
        self, name: ast.Name, args: Sequence[ast.Argument], actions: Sequence[TableAction], table: str
    ) -> ActionValue | None:
        """An action of the table with constant arguments: of an entry, or the default one."""
        decl = self.action_decl(name)
        action = next((item for item in actions if item.decl is decl), None)
        if decl is None or action is None:
            for arg in args:
                self.check(arg.value)
            if decl is not None:
                hint = one_of(item.decl.name for item in actions)
                self.error(
                    "table", name, f"action '{name.id}' is not among the actions of table '{table}'", hint
                )
            return None
        params = [*(arg.param for arg in action.bound), *action.params]
        wanted = [param for param in params if not param.direction] if len(args) < len(params) else params
        ordered = self.program.callables.get(decl, ())
        wanted = [param for param in ordered if param in wanted]
        if len(args) != len(wanted):
            for arg in args:
                self.check(arg.value)
            count = len([param for param in params if not param.direction])
            message = f"action '{name.id}' needs {arguments(count)}, not {len(args)}"
            self.error("call", name, message)
            return None
        values: list[tuple[t.ParamType, Value]] = []
        for param, expr in bind_arguments(args, wanted):
            if expr is None or isinstance(expr, ast.DontCare):
                self.error("call", name, f"argument '{param.name}' of action '{name.id}' is missing")
            elif self.check_value(expr, param.type, f"argument '{param.name}'") and not param.direction:
                value = self.program.constants.get(expr)
                if value is None:
                    self.error("not-constant", expr, f"argument '{param.name}' must be known at compile time")
                else:
                    values.append((param, value))
        return ActionValue(action, tuple(values))

    # ---- Entries

    def entries(
        self,
        decl: ast.TableDecl,
        prop: ast.EntriesProperty,
        keys: Sequence[TableKey],
        actions: Sequence[TableAction],
        properties: Mapping[str, ast.ExprProperty],
    ) -> tuple[TableEntry, ...]:
        """Check the property 'entries' of a table."""
        if not keys:
            self.error("table", prop, f"table '{decl.name}' has entries and no key")
            return ()
        priorities = self._priorities(decl, prop, keys, properties)
        return tuple(
            self._entry(decl, entry, keys, actions, priority, prop.const)
            for entry, priority in zip(prop.entries, priorities, strict=True)
        )

    def _entry(
        self,
        decl: ast.TableDecl,
        entry: ast.Entry,
        keys: Sequence[TableKey],
        actions: Sequence[TableAction],
        priority: int | None,
        all_const: bool,
    ) -> TableEntry:
        keysets = self.check_keyset(entry.keyset, [key.type for key in keys])
        for key, keyset, expr in zip(keys, keysets, keyset_parts(entry.keyset, len(keys)), strict=False):
            self._entry_rules(key, keyset, expr)
        action = self.action_value(entry.action.name, entry.action.args or (), actions, decl.name)
        if action is not None and action.action.scope == "default_only":
            self.error("table", entry.action, f"action '{entry.action.name.id}' is @defaultonly")
        if action is None:
            missing = TableAction(entry.action, _no_action(entry.action), (), (), "any")
            action = ActionValue(missing, ())
        return TableEntry(entry, keysets, action, priority, all_const or entry.const)

    def _entry_rules(self, key: TableKey, keyset: Keyset, expr: ast.Expr) -> None:
        """Whether a keyset goes with a match kind."""
        kind, problem = key.match_kind, None
        if isinstance(keyset, ValueSetRef):
            problem = "a value set cannot stand in an entry"
        elif kind == "exact" and not isinstance(keyset, ExactSet):
            problem = f"key '{key.name}' is matched exactly: the entry needs one value"
        elif kind == "lpm" and isinstance(keyset, RangeSet):
            problem = f"key '{key.name}' is matched by prefix: a range is not possible"
        elif kind == "lpm" and isinstance(keyset, MaskSet):
            width = t.width_of(key.type) or 0
            inverse = ~keyset.mask & ((1 << width) - 1)
            if inverse & (inverse + 1):
                problem = f"mask {keyset.mask:#x} is not that of a prefix"
        elif kind == "ternary" and isinstance(keyset, RangeSet):
            problem = f"key '{key.name}' is matched under a mask: a range is not possible"
        elif kind == "range" and isinstance(keyset, MaskSet):
            problem = f"key '{key.name}' is matched by range: a mask is not possible"
        elif kind == "optional" and isinstance(keyset, MaskSet | RangeSet):
            problem = f"key '{key.name}' is optional: the entry needs one value or '_'"
        if problem:
            self.error("table", expr, problem)

    # ---- Priorities

    def _priorities(
        self,
        decl: ast.TableDecl,
        prop: ast.EntriesProperty,
        keys: Sequence[TableKey],
        properties: Mapping[str, ast.ExprProperty],
    ) -> list[int | None]:
        """The priority of each entry for the control plane, for which the largest wins; None without."""
        given = [self._given_priority(entry) for entry in prop.entries]
        if not needs_priority(key.match_kind for key in keys):
            for entry in prop.entries:
                if entry.priority is not None:
                    message = f"the key of table '{decl.name}' has no use for priorities"
                    self.diagnostics.warning("ignored", entry.priority.span, message)
            return [None] * len(given)
        largest_wins = self._constant_property(properties, "largest_priority_wins", True) is True
        delta = self._constant_property(properties, "priority_delta", 1)
        step = int(delta) if isinstance(delta, int) and delta > 0 else 1
        explicit = [entry.priority is not None for entry in prop.entries]
        if any(explicit) and not explicit[0]:
            message = "the first entry must have a priority, since others have"
            self.error("table", prop.entries[0], message, "write priority=N: in front of it")
            return [None] * len(given)
        numbers = _numbers(given, any(explicit), largest_wins, step)
        self._check_priorities(prop, numbers, largest_wins)
        if largest_wins or not numbers:
            return list(numbers)
        mirror = max(numbers) + max(min(numbers), 1)
        return [mirror - number for number in numbers]

    def _given_priority(self, entry: ast.Entry) -> int | None:
        return None if entry.priority is None else self.constant_int(entry.priority, "a priority")

    def _constant_property(
        self, properties: Mapping[str, ast.ExprProperty], name: str, default: Value
    ) -> Value | None:
        return self.program.constants.get(properties[name].value) if name in properties else default

    def _check_priorities(
        self, prop: ast.EntriesProperty, numbers: Sequence[int], largest_wins: bool
    ) -> None:
        """The specification's errors and warnings."""
        lowest = 1 if largest_wins else 0
        seen: set[int] = set()
        for index, (entry, number) in enumerate(zip(prop.entries, numbers, strict=True)):
            if not lowest <= number <= MAX_PRIORITY:
                message = f"priority {number} is not from {lowest} to {MAX_PRIORITY}"
                self.error("table", entry.priority or entry, message)
                return
            if number in seen:
                message = f"another entry before this one has priority {number}, too"
                self.diagnostics.warning("duplicate-priorities", entry.span, message)
            seen.add(number)
            before = numbers[index - 1] if index else number
            if before < number if largest_wins else before > number:
                message = f"this entry, of priority {number}, wins over the one before it, of {before}"
                self.diagnostics.warning("entries-out-of-priority-order", entry.span, message)


def _numbers(given: Sequence[int | None], any_given: bool, largest_wins: bool, step: int) -> list[int]:
    """The priorities as the source means them; those not given count on in steps."""
    count = len(given)
    if not any_given:
        ascending = [1 + step * index for index in range(count)]
        return ascending[::-1] if largest_wins else ascending
    numbers: list[int] = []
    for number in given:
        if number is None:
            before = numbers[-1] if numbers else 1
            number = before - step if largest_wins else before + step
        numbers.append(number)
    return numbers


def _no_action(ref: ast.ActionRef) -> ast.ActionDecl:
    """Stands in for the action of a wrong entry."""
    block = ast.Block(ref.span, (), ())
    return ast.ActionDecl(ref.span, ref.name.id, ref.span, (), (), block)
