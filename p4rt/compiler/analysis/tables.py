# SPDX-License-Identifier: Apache-2.0
"""Tables, their entries, and keysets (P4_16 sections 13.13 and 14.2)."""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.calls import arguments, bind_arguments
from p4rt.compiler.analysis.constants import show
from p4rt.compiler.analysis.context import BAD, kind_name, one_of, suggestion
from p4rt.compiler.analysis.conversions import NUMERIC, describe
from p4rt.compiler.analysis.model import (
    ActionValue,
    AnySet,
    BoundArg,
    ExactSet,
    Keyset,
    MaskSet,
    RangeSet,
    TableAction,
    TableEntry,
    TableInfo,
    TableKey,
    Value,
    ValueSetRef,
)
from p4rt.compiler.analysis.statements import Statements
from p4rt.compiler.frontend import ast

CORE_MATCH_KINDS = {"exact", "ternary", "lpm"}
KNOWN_PROPERTIES = {"default_action", "size", "largest_priority_wins", "priority_delta"}
EXTERN_PROPERTIES = {"implementation", "counters", "meters", "support_timeout", "idle_timeout"}
"""Properties that architectures define; accepted, and left to the later stages."""


class Tables(Statements):
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
            checked = self._entries(decl, entries, keys, actions)
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
            if element.match_kind in CORE_MATCH_KINDS:
                hint = "#include <core.p4> declares it"
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

    def _action_decl(self, name: ast.Name) -> ast.ActionDecl | None:
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

    def _table_action(self, ref: ast.ActionRef) -> TableAction | None:
        decl = self._action_decl(ref.name)
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

    def _action_value(
        self, name: ast.Name, args: Sequence[ast.Argument], actions: Sequence[TableAction], table: str
    ) -> ActionValue | None:
        """An action of the table with constant arguments: of an entry, or the default one."""
        decl = self._action_decl(name)
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
        found = self._action_value(name, args, actions, decl.name)
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
                self.check_value(prop.value, t.BoolType(), f"'{name}'")
            elif name == "priority_delta":
                self.constant_int(prop.value, f"'{name}'")
            else:
                self.check(prop.value)
                if name not in EXTERN_PROPERTIES:
                    known = [*KNOWN_PROPERTIES, *EXTERN_PROPERTIES, "key", "actions", "entries"]
                    message = f"property '{name}' of table '{decl.name}' has no meaning"
                    self.diagnostics.warning(
                        "unknown-property", prop.name_span, message, suggestion(name, known)
                    )
        return size

    # ---- Entries

    def _entries(
        self,
        decl: ast.TableDecl,
        prop: ast.EntriesProperty,
        keys: Sequence[TableKey],
        actions: Sequence[TableAction],
    ) -> tuple[TableEntry, ...]:
        if not keys:
            self.error("table", prop, f"table '{decl.name}' has entries and no key")
            return ()
        return tuple(self._entry(decl, entry, keys, actions, prop.const) for entry in prop.entries)

    def _entry(
        self,
        decl: ast.TableDecl,
        entry: ast.Entry,
        keys: Sequence[TableKey],
        actions: Sequence[TableAction],
        all_const: bool,
    ) -> TableEntry:
        keysets = self.check_keyset(entry.keyset, [key.type for key in keys])
        for key, keyset, expr in zip(keys, keysets, keyset_parts(entry.keyset, len(keys)), strict=False):
            self._entry_rules(key, keyset, expr)
        action = self._action_value(entry.action.name, entry.action.args or (), actions, decl.name)
        if action is not None and action.action.scope == "default_only":
            self.error("table", entry.action, f"action '{entry.action.name.id}' is @defaultonly")
        priority = None if entry.priority is None else self.constant_int(entry.priority, "a priority")
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

    # ---- Keysets, also of select

    def check_keyset(self, keyset: ast.Expr, types: Sequence[t.Type]) -> tuple[Keyset, ...]:
        """One keyset for each type, or none when their number is wrong, which is reported."""
        parts = keyset_parts(keyset, len(types))
        if len(parts) != len(types):
            if not (len(types) == 1 and isinstance(types[0], t.ErrorRecoveryType)):
                self.error("type-error", keyset, f"{len(parts)} values for {len(types)} keys")
            return ()
        if len(types) > 1 and not isinstance(keyset, ast.TupleKeyset | ast.ListLit):
            if isinstance(keyset, ast.Name):
                single = self._value_set(keyset, types)
                if single is not None:
                    return tuple(single for _ in types)
            self.program.types[keyset] = t.SetType(t.TupleType(tuple(types)))
            return tuple(AnySet() for _ in types)
        return tuple(self._simple_keyset(part, type_) for part, type_ in zip(parts, types, strict=True))

    def _value_set(self, expr: ast.Name, types: Sequence[t.Type]) -> ValueSetRef | None:
        """The value set that a label names; its members must have the types of the keys."""
        for decl in self.lookup(expr.id, expr.absolute):
            if isinstance(decl, ast.ValueSetDecl):
                element = self.program.decl_types.get(decl, BAD)
                self.program.decls[expr] = decl
                self.program.types[expr] = t.SetType(element)
                if not self._members_fit(element, types):
                    keys = describe(types[0]) if len(types) == 1 else describe(t.TupleType(tuple(types)))
                    self.error("type-error", expr, f"value set '{expr.id}' of {describe(element)} for {keys}")
                return ValueSetRef(decl)
        return None

    def _members_fit(self, element: t.Type, types: Sequence[t.Type]) -> bool:
        """Is a member one value for one key, or a struct or tuple with one for each?"""
        if self.is_bad(element) or any(self.is_bad(item) for item in types):
            return True
        if len(types) == 1 and element == types[0]:
            return True
        match element:
            case t.StructType(fields=fields):
                return [field.type for field in fields] == list(types)
            case t.TupleType(elements):
                return list(elements) == list(types)
        return False

    def _simple_keyset(self, expr: ast.Expr, type_: t.Type) -> Keyset:
        if isinstance(expr, ast.DontCare | ast.DefaultKeyset):
            self.program.types[expr] = t.SetType(type_)
            return AnySet()
        if isinstance(expr, ast.Mask | ast.Range):
            first, second = (expr.value, expr.mask) if isinstance(expr, ast.Mask) else (expr.low, expr.high)
            left, right = self._keyset_value(first, type_), self._keyset_value(second, type_)
            self.program.types[expr] = t.SetType(type_)
            if not isinstance(t.strip(type_), NUMERIC) and not self.is_bad(type_):
                self.error("type-error", expr, f"masks and ranges are of numbers, not of {describe(type_)}")
                return AnySet()
            if not isinstance(left, int) or not isinstance(right, int):
                return AnySet()
            if isinstance(expr, ast.Mask):
                return MaskSet(int(left), int(right))
            if left > right:
                self.error("type-error", expr, f"range {show(left)}..{show(right)} is empty")
            return RangeSet(int(left), int(right))
        if isinstance(expr, ast.Name):
            value_set = self._value_set(expr, [type_])
            if value_set is not None:
                return value_set
        value = self._keyset_value(expr, type_)
        return AnySet() if value is None else ExactSet(value)

    def _keyset_value(self, expr: ast.Expr, type_: t.Type) -> Value | None:
        if self.is_bad(type_):
            self.check(expr)
            return None
        target = type_
        natural = self.check(expr, type_)
        if isinstance(type_, t.NewType) and isinstance(natural, t.InfIntType):
            target = t.strip(type_)
        if not self.convert(expr, target):
            return None
        value = self.program.constants.get(expr)
        if value is None:
            self.error("not-constant", expr, "a label must be known at compile time")
        return value


def keyset_parts(keyset: ast.Expr, count: int) -> tuple[ast.Expr, ...]:
    """The keysets of a tuple; one `_`, `default` or value set stands for all."""
    if isinstance(keyset, ast.TupleKeyset):
        return keyset.items
    if isinstance(keyset, ast.ListLit) and count > 1:
        return keyset.items
    if isinstance(keyset, ast.DontCare | ast.DefaultKeyset | ast.Name):
        return (keyset,) * count
    return (keyset,)


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


def _no_action(ref: ast.ActionRef) -> ast.ActionDecl:
    """Stands in for the action of a wrong entry."""
    block = ast.Block(ref.span, (), ())
    return ast.ActionDecl(ref.span, ref.name.id, ref.span, (), (), block)
