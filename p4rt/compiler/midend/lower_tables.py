# SPDX-License-Identifier: Apache-2.0
"""Lowering of tables: maps for entries and default action, the lookup, and the choice of the action."""

from __future__ import annotations

from collections.abc import Callable

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis.tables import key_text
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import (
    AGING_SIZE,
    Action,
    ActionParam,
    ActionUse,
    Aging,
    DirectState,
    Slot,
    Table,
)
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout, storage
from p4rt.compiler.midend.context import Context, Frame, block_frame
from p4rt.compiler.midend.entries import Entries
from p4rt.compiler.midend.externs.profiles import EMPTY_GROUP, PROPERTIES, REFERENCE_SIZE, Profiles
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.storage import Record, Tree
from p4rt.compiler.midend.table_keys import KeyElement, KeyLayout, lay_out, look_up, prefix_length
from p4rt.compiler.records import field, record

DEFAULT_SIZE = 1024
"""Entries of a table that gives no `size`."""
_MAX_SIZE = 1 << 31
_ACTION_CODE_SIZE = 4
_NO_ACTION = "NoAction"
_TIMEOUTS = ("idle_timeout", "psa_idle_timeout", "pna_idle_timeout")
_AGING = {"NO_TIMEOUT": Aging.NONE, "NOTIFY_CONTROL": Aging.NOTIFY, "AUTO_DELETE": Aging.DELETE}
_PROPERTIES = {
    "size", "default_action", "largest_priority_wins", "priority_delta", "support_timeout", *_TIMEOUTS,
    "psa_direct_counter", "counters", "psa_direct_meter", "meters", *PROPERTIES, EMPTY_GROUP,
}  # fmt: skip

Attached = Callable[[model.TableInfo, model.Instance | None], list[model.Instance]]


@record(frozen=False)
class _Known:
    """A table of one instance of a control."""

    table: Table
    info: model.TableInfo
    actions: dict[int, model.TableAction] = field(default_factory=dict)
    """By code; the implicit NoAction is not among them."""
    owner: model.Instance | None = None
    """The action profile or selector."""


class Tables:
    """Tables of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        self.ctx = ctx
        self.expressions = expressions
        self.calls = calls
        self._known: dict[tuple[model.Instance | None, ast.TableDecl], _Known] = {}
        calls.tables = self
        self.attached: Attached = lambda info, instance: []
        """Direct counters and meters of a table of a control; who lowers them sets this."""
        self.direct_size: Callable[[model.Instance], int] = lambda instance: 0
        """Bytes that one of them keeps in an entry."""
        self.profiles: Profiles
        self._running: list[tuple[Table, ir.Pointer]] = []

    # ---- Declaration

    def declare(self, decl: ast.TableDecl) -> None:
        """Make the maps of a table of the control being lowered."""
        instance = block_frame(self.ctx.frame).instance
        if (instance, decl) in self._known:
            return
        info = self.ctx.checked.tables[decl]
        self._ignored_properties(info)
        name = self.ctx.checked.path_of(decl, instance)
        actions: dict[int, model.TableAction] = {}
        uses, end = self._uses(info, instance, actions)
        default, arguments = self._default(info, uses)
        key = self._key(info)
        self._declare_objects(info)
        named = self.profiles.instance_of(info)
        profile = self.profiles.declare(*named, uses, end) if named is not None else None
        default_size = end
        attached = self.attached(info, instance)
        if profile is not None:
            profile.tables.append(name)
            # The state of the default action lies where that of an entry does.
            end = max(end, REFERENCE_SIZE) if attached else REFERENCE_SIZE
        aging = idle_timeout(self.ctx, info)
        state = self._direct_state(attached, end)
        size_of_state = sum(item.size for item in state) + (AGING_SIZE if aging is not Aging.NONE else 0)
        if attached or profile is None:
            default_size = end + size_of_state
        const_entries = bool(info.entries) and info.entries_const
        table = Table(
            name=name,
            decl=decl,
            map=self.ctx.name(name) if key.fields else None,
            map_type=key.map_type,
            size=self._size(info) if not const_entries else len(info.entries),
            key=key.fields,
            key_size=key.size,
            value_size=end + size_of_state,
            base_bits=key.base_bits,
            uses=uses,
            default=default,
            default_args=arguments,
            default_map=self.ctx.name(f"{name}_default") if state or not info.default_const else None,
            default_size=default_size,
            default_const=info.default_const,
            const_entries=const_entries,
            entries=[],
            n_ranges=key.n_ranges,
            state=state,
            aging=aging,
            profile=profile,
        )
        owner = named[0] if named is not None else None
        self._known[instance, decl] = _Known(table, info, actions, owner)
        self._make_maps(table)
        Entries(self.ctx, table, info, key).add({id(action): code for code, action in actions.items()})

    def _make_maps(self, table: Table) -> None:
        maps, state_size = self.ctx.catalog.maps, table.state_size
        flags = [ir.MapFlag.RDONLY_PROG]
        if table.default_map is not None:
            maps.append(
                ir.Map(
                    table.default_map,
                    ir.MapType.ARRAY,
                    4,
                    table.default_size,
                    1,
                    tuple(flags),
                    state_size if table.profile is None or table.state else 0,
                )
            )
        if table.const_entries:
            flags.append(ir.MapFlag.RDONLY_USER)
        if table.aging is not Aging.NONE:
            flags.append(ir.MapFlag.AGING)
        if table.aging is Aging.DELETE:
            flags.append(ir.MapFlag.EXPIRE)
        if table.map is not None:
            maps.append(
                ir.Map(table.map, table.map_type, table.key_size, table.value_size, table.size, tuple(flags),
                       state_size, table.n_ranges)
            )  # fmt: skip
        self.ctx.catalog.tables.append(table)

    def _declare_objects(self, info: model.TableInfo) -> None:
        """Objects that the properties construct themselves."""
        for prop in info.properties.values():
            made = self.calls.find_instance(prop.value) if isinstance(prop.value, ast.Call) else None
            if made is not None:
                self.calls.externs.declare(made)

    def _ignored_properties(self, info: model.TableInfo) -> None:
        for name, item in info.properties.items():
            if name not in _PROPERTIES:
                self.ctx.checked.diagnostics.warning(
                    "ignored", item.name_span, f"this target ignores the table property '{name}'"
                )

    def _direct_state(self, owners: list[model.Instance], start: int) -> tuple[DirectState, ...]:
        """Where direct counters and meters keep what they count, behind what the control plane writes."""
        state: list[DirectState] = []
        for owner in owners:
            size = self.direct_size(owner)
            state.append(DirectState(owner.path, start, size))
            start += size
        return tuple(state)

    def _size(self, info: model.TableInfo) -> int:
        if info.size is None:
            return max(DEFAULT_SIZE, len(info.entries))
        if not 0 < info.size <= _MAX_SIZE:
            self.ctx.refuse(
                info.decl.span, f"the size of a table must be from 1 to {_MAX_SIZE}, not {info.size}"
            )
        if info.size < len(info.entries):
            message = f"table '{info.decl.name}' has more entries from the start: {len(info.entries)}"
            self.ctx.checked.diagnostics.warning("table-size", info.properties["size"].value.span, message)
        return max(info.size, len(info.entries))

    def _uses(
        self, info: model.TableInfo, instance: model.Instance | None, actions: dict[int, model.TableAction]
    ) -> tuple[tuple[ActionUse, ...], int]:
        """The table's actions with their codes and parameters, and the size of a value."""
        uses: list[ActionUse] = []
        end = _ACTION_CODE_SIZE
        code = 1
        for item in info.actions:
            number = 0 if self._is_no_action(item.decl) else code
            code += number > 0
            slots = self._params(item)
            end = max([end, *(slot.offset + slot.size for slot in slots)])
            uses.append(
                ActionUse(self._action(item, instance), number, item.scope, tuple(slots), item.source)
            )
            actions[number] = item
        if info.default is None and not any(use.code == 0 for use in uses):
            uses.append(ActionUse(self._no_action(), 0, "default_only", ()))
        return tuple(uses), layout.padded(end)

    def _is_no_action(self, decl: ast.ActionDecl) -> bool:
        return decl.name == _NO_ACTION and self.ctx.checked.globals.get(_NO_ACTION) is decl

    def _params(self, item: model.TableAction) -> list[Slot]:
        specs = []
        for param in item.params:
            type_ = self.ctx.resolve(param.type)
            try:
                hint = f"{param.name} {layout.written_name(param.decl)}"
                specs.append(layout.spec_of(param.name, type_, hint, self.ctx.checked.errors))
            except storage.Unsupported:
                self.ctx.refuse(
                    param.decl.span, f"the control plane cannot give '{param.name}' of type {type_}",
                    "parameters of actions are numbers in P4Runtime: have one for each field",
                )  # fmt: skip
        return layout.natural(specs, _ACTION_CODE_SIZE)[0]

    def _action(self, item: model.TableAction, instance: model.Instance | None) -> Action:
        local = self.ctx.checked.globals.get(item.decl.name) is not item.decl
        name = self.ctx.checked.path_of(item.decl, instance if local else None)
        params = []
        for number, param in enumerate(item.params, start=1):
            type_ = self.ctx.resolve(param.type)
            width = storage.scalar_width(type_) or 0
            params.append(ActionParam(param.name, id_of(param.decl, number), width, type_, param.decl))
        return self.ctx.catalog.actions.setdefault(name, Action(name, item.decl, tuple(params)))

    def _no_action(self) -> Action:
        decl = self.ctx.checked.globals.get(_NO_ACTION)
        action = decl if isinstance(decl, ast.ActionDecl) else None
        return self.ctx.catalog.actions.setdefault(_NO_ACTION, Action(_NO_ACTION, action, ()))

    def _default(
        self, info: model.TableInfo, uses: tuple[ActionUse, ...]
    ) -> tuple[ActionUse, dict[str, int]]:
        if info.default is None:
            return next(use for use in uses if use.code == 0), {}
        position = info.actions.index(info.default.action)
        arguments = {}
        for param, value in info.default.args:
            tree = self.ctx.literal(value, self.ctx.resolve(param.type))
            assert isinstance(tree, ir.Const)
            arguments[param.name] = tree.value
        return uses[position], arguments

    # ---- Keys

    def _key(self, info: model.TableInfo) -> KeyLayout:
        elements = [
            KeyElement(
                self._key_spec(key),
                id_of(key.source, number),
                key.match_kind,
                key.source.match_span,
                self.ctx.resolve(key.type),
                key.source,
            )
            for number, key in enumerate(info.keys, start=1)
            if key.match_kind != "selector"
        ]
        return lay_out(self.ctx, elements)

    def _key_spec(self, key: model.TableKey) -> layout.FieldSpec:
        type_ = self.ctx.resolve(key.type)
        try:
            hint = f"{key.name} {key_text(key.expr)}"
            return layout.spec_of(key.name, type_, hint, self.ctx.checked.errors)
        except storage.Unsupported:
            self.ctx.refuse(key.expr.span, f"a value of type {type_} cannot be a key")

    # ---- Application

    def place_of(self, owner: model.Instance) -> tuple[ir.Pointer, int] | None:
        """Where the table that is running keeps the state of a direct counter or meter; None: nowhere."""
        for table, entry in reversed(self._running):
            for item in table.state:
                if item.path == owner.path:
                    return entry, item.offset
        return None

    def code_of(self, decl: ast.TableDecl, action: ast.ActionDecl) -> int:
        """The number of an action of a table."""
        known = self._find(decl)
        for code, item in known.actions.items():
            if item.decl is action:
                return code
        return 0

    def _find(self, decl: ast.TableDecl) -> _Known:
        return self._known[block_frame(self.ctx.frame).instance, decl]

    def apply(self, decl: ast.TableDecl) -> Tree:
        """Look up, run the action; the result is a record of hit, miss and action_run."""
        ctx = self.ctx
        known = self._find(decl)
        table = known.table
        entry = ctx.pointer(f"{decl.name}_entry")
        hit, run = ctx.variable(f"{decl.name}_hit", 1), ctx.variable(f"{decl.name}_run", storage.ENUM_WIDTH)
        if table.map is None:
            ctx.assign(hit, build.FALSE)
        else:
            selected = self._lookup(known, table.map, entry)
            ctx.assign(hit, ir.Found(1, entry))
        if known.owner is not None:
            self._apply_profile(known, entry, hit, run, selected)
        elif table.default_map is not None:
            with ctx.collect() as missed:
                self._lookup_default(table.default_map, entry)
            ctx.emit(ir.If(hit, (), tuple(missed), span=ctx.span))
            self._run_entry(known, entry, run)
        else:
            with ctx.collect() as found:
                if table.map is not None:
                    self._run_entry(known, entry, run)
            with ctx.collect() as missed:
                self._run_const_default(known, run)
            ctx.emit(ir.If(hit, tuple(found), tuple(missed), span=ctx.span))
        return Record({"hit": hit, "miss": build.invert(hit), "action_run": run})

    def _apply_profile(
        self, known: _Known, entry: ir.Pointer, hit: ir.Var, run: ir.Var, selected: list[ir.Expr]
    ) -> None:
        """Run the action of the member that the entry names, or that its group's hash picks."""
        ctx, table = self.ctx, known.table
        assert known.owner is not None and table.profile is not None
        with ctx.collect() as body:
            found, member, grouped = self.profiles.find(known.owner, table.profile, entry, selected)
            with ctx.collect() as there:
                self._run_entry(known, member, run, entry)
            with ctx.collect() as nothing:
                self._running.append((table, entry))
                self._run_empty_group(known, run)
                self._running.pop()
            empty = ir.If(grouped, tuple(nothing), (), span=ctx.span)
            ctx.emit(ir.If(found, tuple(there), (empty,), span=ctx.span))
        with ctx.collect() as missed:
            if table.default_map is not None:
                self._lookup_default(table.default_map, entry)
                self._run_entry(known, entry, run)
            else:
                self._run_const_default(known, run)
        ctx.emit(ir.If(hit, tuple(body), tuple(missed), span=ctx.span))

    def _run_empty_group(self, known: _Known, run: ir.Var) -> None:
        """The action of 'psa_empty_group_action', whose arguments are constants."""
        prop = known.info.properties.get(EMPTY_GROUP)
        if prop is None:
            return
        value = prop.value.target if isinstance(prop.value, ast.Call) else prop.value
        for code, item in known.actions.items():
            if isinstance(value, ast.Name) and item.decl.name == value.id:
                self.ctx.assign(run, build.const(code, storage.ENUM_WIDTH))
                self._run_action(item, self._constant_arguments(item, prop.value))
                return
        self.ctx.refuse(prop.value.span, f"'{EMPTY_GROUP}' must be one of the table's actions")

    def _constant_arguments(self, item: model.TableAction, value: ast.Expr) -> dict[ast.Decl, Tree]:
        """What a property that names an action gives for the parameters of the control plane."""
        call = self.ctx.checked.calls.get(value) if isinstance(value, ast.Call) else None
        given = {arg.param.decl: arg.value for arg in call.args} if call is not None else {}
        arguments: dict[ast.Decl, Tree] = {}
        for param in item.params:
            expr = given.get(param.decl)
            known = self.ctx.constant(expr) if expr is not None else None
            if known is None:
                message = f"'{EMPTY_GROUP}' must have a constant for the parameter '{param.name}'"
                self.ctx.refuse(value.span, message)
            arguments[param.decl] = self.ctx.literal(known, self.ctx.resolve(param.type))
        return arguments

    def _lookup(self, known: _Known, map_name: str, entry: ir.Pointer) -> list[ir.Expr]:
        """Look up; the result is the values of the keys that only choose a member."""
        ctx, table = self.ctx, known.table
        values = self.expressions.operands(*(key.expr for key in known.info.keys))
        slots = iter(item.slot for item in table.key)
        selected: list[ir.Expr] = []
        fields: list[tuple[Slot, ir.Expr]] = []
        if table.map_type is ir.MapType.LPM:
            fields.append(prefix_length(table.key, table.base_bits))
        for key, value in zip(known.info.keys, values, strict=True):
            assert isinstance(value, ir.Expr)
            if key.match_kind == "selector":
                selected.append(ctx.keep(value, "selected"))
            else:
                fields.append((next(slots), value))
        look_up(ctx, entry, map_name, table.key_size, fields)
        return selected

    def _lookup_default(self, map_name: str, entry: ir.Pointer) -> None:
        """The one element of an array is always there, but that is not known to the verifier."""
        ctx = self.ctx
        buffer = ir.Buffer(ctx.name("zero"), 4)
        store = ir.Store(buffer, 0, build.const(0, 32), False, span=ctx.span)
        lookup = ir.Lookup(entry, map_name, buffer, span=ctx.span)
        ctx.emit(ir.Scope(buffer, (store, lookup), span=ctx.span))
        ctx.goto_if(build.invert(ir.Found(1, entry)), ctx.reject_label)

    def _run_entry(
        self, known: _Known, entry: ir.Pointer, run: ir.Var, state: ir.Pointer | None = None
    ) -> None:
        """The action that the value at `entry` asks for; an unknown code asks for nothing.

        Its direct counters and meters are at `state`, where that is not the same place."""
        ctx = self.ctx
        code = ctx.keep(ir.Load(8 * _ACTION_CODE_SIZE, entry, 0, False), "code")
        ctx.assign(run, code)
        self._running.append((known.table, state or entry))
        cases = []
        for use in known.table.uses:
            item = known.actions.get(use.code)
            if item is None:
                continue
            with ctx.collect() as body:
                arguments: dict[ast.Decl, Tree] = {}
                for param, slot in zip(item.params, use.params, strict=True):
                    raw = ctx.keep(ir.Load(8 * slot.size, entry, slot.offset, False), slot.name)
                    arguments[param.decl] = ctx.keep(build.bits(raw, 0, slot.width), slot.name)
                self._run_action(item, arguments)
            if body:
                cases.append(ir.Case((use.code,), tuple(body)))
        self._running.pop()
        if cases:
            ctx.emit(ir.Switch(code, tuple(cases), (), span=ctx.span))

    def _run_const_default(self, known: _Known, run: ir.Var) -> None:
        default = known.info.default
        self.ctx.assign(run, build.const(known.table.default.code, storage.ENUM_WIDTH))
        if default is None:
            return
        arguments: dict[ast.Decl, Tree] = {
            param.decl: self.ctx.literal(value, self.ctx.resolve(param.type)) for param, value in default.args
        }
        self._run_action(default.action, arguments)

    def _run_action(self, item: model.TableAction, arguments: dict[ast.Decl, Tree]) -> None:
        """Inline the action with its directed parameters bound as the table says."""
        around = block_frame(self.ctx.frame)
        local = self.ctx.checked.globals.get(item.decl.name) is not item.decl
        parent = around if local else None
        frame = Frame(around.instance if local else None, parent)
        frame.places.update(arguments)
        self.calls.action(frame, item.decl, item.bound)


def idle_timeout(ctx: Context, info: model.TableInfo) -> Aging:
    """What the table's properties say of entries that are not used."""
    prop = info.properties.get("support_timeout")
    aging = Aging.NOTIFY if prop is not None and ctx.constant(prop.value) is True else Aging.NONE
    for name in _TIMEOUTS:
        prop = info.properties.get(name)
        if prop is None:
            continue
        value = ctx.constant(prop.value)
        if not isinstance(value, model.EnumValue) or value.name not in _AGING:
            ctx.refuse(prop.value.span, f"'{name}' must be a member called {', '.join(_AGING)}")
        aging = _AGING[value.name]
    if aging is not Aging.NONE and not info.keys:
        ctx.refuse(info.decl.name_span, f"table '{info.decl.name}' has no key, so no entries that could age")
    return aging


def id_of(node: ast.Node, number: int) -> int:
    """The `@id` of a parameter, key element or field, else its position from 1 on."""
    note = ast.annotation(node, "id")
    if note is not None and note.exprs and isinstance(note.exprs[0], ast.IntLit):
        return note.exprs[0].value
    return number
