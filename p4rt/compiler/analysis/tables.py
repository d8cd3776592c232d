# SPDX-License-Identifier: Apache-2.0
"""Tables: keys, actions and properties (P4_16 section 14.2)."""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.calls import bind_arguments
from p4rt.compiler.analysis.constants import show
from p4rt.compiler.analysis.context import one_of, suggestion
from p4rt.compiler.analysis.conversions import NUMERIC, describe
from p4rt.compiler.analysis.entries import Entries
from p4rt.compiler.analysis.model import ActionValue, BoundArg, TableAction, TableEntry, TableInfo, TableKey
from p4rt.compiler.frontend import ast

MATCH_KIND_FILES = {
    "exact": "core.p4", "ternary": "core.p4", "lpm": "core.p4",
    "range": "ubpf_model.p4", "optional": "ubpf_model.p4", "selector": "ubpf_externs.p4",
}  # fmt: skip
KNOWN_PROPERTIES = {"default_action", "size", "largest_priority_wins", "priority_delta"}
EXTERN_PROPERTIES = {
    "implementation", "psa_implementation", "psa_empty_group_action",
    "counters", "psa_direct_counter", "meters", "psa_direct_meter", "support_timeout", "idle_timeout",
    "psa_idle_timeout", "pna_idle_timeout",
}  # fmt: skip
"""Properties that architectures define; accepted, and left to the later stages."""


class Tables(Entries):
    """Part of the checker: tables."""

    def check_table(self, decl: ast.TableDecl) -> None:
        """Check a table and put its `TableInfo` into the program."""
        self.current.append(decl)
        keys: tuple[TableKey, ...] = ()
        actions: tuple[TableAction, ...] = ()
        properties: dict[str, ast.ExprProperty] = {}
        entries: ast.EntriesProperty | None = None
        seen: set[str] = set()
        for item in decl.properties:
            name = _property_name(item)
            if name in seen:
                self.error("duplicate", item, f"property '{name}' is given twice")
                continue
            seen.add(name)
            match item:
                case ast.KeyProperty():
                    keys = tuple(self._key(element) for element in item.elements)
                case ast.ActionsProperty():
                    actions = self._actions(item)
                case ast.EntriesProperty():
                    entries = item
                case ast.ExprProperty():
                    properties[item.name] = item
        if "actions" not in seen:
            self.error("table", decl.name_span, f"table '{decl.name}' has no property 'actions'")
        self._key_rules(decl, keys)
        default = self._default(decl, properties.get("default_action"), actions)
        size = self._properties(decl, properties)
        checked: tuple[TableEntry, ...] = ()
        if entries is not None:
            checked = self.entries(decl, entries, keys, actions, properties)
        prop = properties.get("default_action")
        self.program.tables[decl] = TableInfo(
            decl, keys, actions, default, prop is not None and prop.const,
            checked, entries is not None and entries.const, size, properties,
        )  # fmt: skip
        self.current.pop()
        self.declare(decl)

    def _key(self, element: ast.KeyElement) -> TableKey:
        type_ = self.check(element.expr)
        if isinstance(type_, t.InfIntType):
            self.error("type-error", element.expr, "a key must have a width", "write it with a width: 8w5")
        elif not self.is_bad(type_) and not self._is_key_type(type_):
            self.error("type-error", element.expr, f"a key cannot be {describe(type_)}")
        if element.match_kind not in self.program.match_kinds:
            known = self.program.match_kinds
            hint = suggestion(element.match_kind, known) or one_of(known)
            if element.match_kind in MATCH_KIND_FILES:
                hint = f"#include <{MATCH_KIND_FILES[element.match_kind]}> declares it"
            self.error(
                "undeclared", element.match_span, f"match kind '{element.match_kind}' is not declared", hint
            )
        if element.match_kind in {"lpm", "ternary", "range"} and not self.is_bad(type_):
            plain = t.strip(type_)
            if not isinstance(plain, NUMERIC) and element.match_kind != "ternary":
                message = f"match kind '{element.match_kind}' needs a number, not {describe(type_)}"
                self.error("type-error", element, message)
        note = ast.annotation(element, "name")
        name = key_text(element.expr)
        if note is not None and note.exprs and isinstance(note.exprs[0], ast.StringLit):
            name = note.exprs[0].value
        return TableKey(element, element.expr, type_, element.match_kind, name)

    def _is_key_type(self, type_: t.Type) -> bool:
        plain = t.BitType | t.IntType | t.BoolType | t.EnumType | t.ErrorType | t.VarbitType
        return isinstance(t.strip(type_), plain)

    def _key_rules(self, decl: ast.TableDecl, keys: Sequence[TableKey]) -> None:
        lpm = [key for key in keys if key.match_kind == "lpm"]
        if len(lpm) > 1:
            self.error("table", lpm[1].source, f"table '{decl.name}' has more than one 'lpm' key")
        seen: set[str] = set()
        for key in keys:
            if key.name in seen:
                message = f"two keys of table '{decl.name}' are called '{key.name}'"
                self.error("duplicate", key.source, message, 'give one another name with @name("...")')
            seen.add(key.name)

    # ---- Actions

    def _actions(self, prop: ast.ActionsProperty) -> tuple[TableAction, ...]:
        actions: list[TableAction] = []
        for ref in prop.actions:
            action = self._table_action(ref)
            if action is None:
                continue
            if any(action.decl is other.decl for other in actions):
                self.error("duplicate", ref, f"action '{ref.name.id}' is listed twice")
                continue
            actions.append(action)
        return tuple(actions)

    def _table_action(self, ref: ast.ActionRef) -> TableAction | None:
        decl = self.action_decl(ref.name)
        if decl is None:
            return None
        self.program.decls[ref] = decl
        params = self.program.callables.get(decl, ())
        directed = [param for param in params if param.direction]
        free = tuple(param for param in params if not param.direction)
        args = ref.args or ()
        if len(args) != len(directed):
            for arg in args:
                self.check(arg.value)
            listed = ", ".join(f"'{param.name}'" for param in directed) or "none"
            message = f"action '{decl.name}' needs arguments for its parameters with direction ({listed})"
            self.error("call", ref, message, "the control plane gives those without direction")
            return None
        bound = []
        for param, value in bind_arguments(args, directed):
            if value is not None and not isinstance(value, ast.DontCare):
                if param.direction == "in":
                    self.check_value(value, param.type, f"argument '{param.name}'")
                else:
                    self.check(value)
                    self._pass_reference(param, value, f"argument '{param.name}'")
            bound.append(BoundArg(param, value))
        scope = "any"
        if ast.annotation(ref, "tableonly") is not None:
            scope = "table_only"
        elif ast.annotation(ref, "defaultonly") is not None:
            scope = "default_only"
        return TableAction(ref, decl, tuple(bound), free, scope)

    # ---- Properties

    def _default(
        self, decl: ast.TableDecl, prop: ast.ExprProperty | None, actions: Sequence[TableAction]
    ) -> ActionValue | None:
        if prop is None:
            return None
        value = prop.value
        args: tuple[ast.Argument, ...] = ()
        name: ast.Expr = value
        if isinstance(value, ast.Call):
            name, args = value.target, value.args
        if not isinstance(name, ast.Name):
            self.error("table", value, "'default_action' must be an action")
            return None
        found = self.action_value(name, args, actions, decl.name)
        if found is not None and found.action.scope == "table_only":
            self.error("table", value, f"action '{name.id}' is @tableonly and cannot be the default")
        return found

    def _properties(self, decl: ast.TableDecl, properties: dict[str, ast.ExprProperty]) -> int | None:
        """Check the other properties; the result is the table's size."""
        size: int | None = None
        for name, prop in properties.items():
            if name == "default_action":
                continue
            if name == "size":
                size = self.constant_int(prop.value, "the size of a table")
                if size is not None and size <= 0:
                    self.error("table", prop.value, f"the size of a table must be positive, not {show(size)}")
            elif name == "largest_priority_wins":
                self._constant_flag(prop)
            elif name == "priority_delta":
                delta = self.constant_int(prop.value, f"'{name}'")
                if delta is not None and delta <= 0:
                    self.error("table", prop.value, f"'{name}' must be positive, not {show(delta)}")
            elif name == "support_timeout":
                self._constant_flag(prop)
            else:
                self.check(prop.value)
                if name not in EXTERN_PROPERTIES:
                    known = [*KNOWN_PROPERTIES, *EXTERN_PROPERTIES, "key", "actions", "entries"]
                    message = f"property '{name}' of table '{decl.name}' has no meaning"
                    self.diagnostics.warning(
                        "unknown-property", prop.name_span, message, suggestion(name, known)
                    )
        return size

    def _constant_flag(self, prop: ast.ExprProperty) -> None:
        """Check a property that is true or false."""
        if (
            self.check_value(prop.value, t.BoolType(), f"'{prop.name}'")
            and self.program.constants.get(prop.value) is None
        ):
            self.error("not-constant", prop.value, f"'{prop.name}' must be known at compile time")


def _property_name(item: ast.Property) -> str:
    match item:
        case ast.KeyProperty():
            return "key"
        case ast.ActionsProperty():
            return "actions"
        case ast.EntriesProperty():
            return "entries"
        case ast.ExprProperty():
            return item.name
    raise AssertionError(item)


def key_text(expr: ast.Expr) -> str:
    """Control-plane name of a key, by P4Runtime's rules: the source text, `isValid()` as `$valid$`."""
    match expr:
        case ast.Name():
            return expr.id
        case ast.Member():
            return f"{key_text(expr.base)}.{expr.name}"
        case ast.Index():
            return f"{key_text(expr.base)}[{key_text(expr.index)}]"
        case ast.Slice():
            return f"{key_text(expr.base)}[{key_text(expr.high)}:{key_text(expr.low)}]"
        case ast.IntLit():
            return str(expr.value)
        case ast.Cast():
            return key_text(expr.operand)
        case ast.Binary():
            return f"{key_text(expr.left)} {expr.op} {key_text(expr.right)}"
        case ast.Unary():
            return f"{expr.op}{key_text(expr.operand)}"
        case ast.Call() if isinstance(expr.target, ast.Member):
            if expr.target.name == "isValid":
                return f"{key_text(expr.target.base)}.$valid$"
            return f"{key_text(expr.target)}()"
        case ast.Call():
            return f"{key_text(expr.target)}()"
    return "key"
