# SPDX-License-Identifier: Apache-2.0
"""Lowering of tables: maps for entries and default action, the lookup, and the choice of the action."""

from __future__ import annotations

from dataclasses import dataclass, field

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import Action, ActionUse, KeyField, Slot, Table
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout, storage
from p4rt.compiler.midend.context import Context, Frame, block_frame
from p4rt.compiler.midend.entries import Entries
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.storage import Record, Tree

DEFAULT_SIZE = 1024
"""Entries of a table that gives no `size`."""
_MAX_SIZE = 1 << 31
_ACTION_CODE_SIZE = 4
_NO_ACTION = "NoAction"


@dataclass
class _Known:
    """A table of one instance of a control."""

    table: Table
    info: model.TableInfo
    actions: dict[int, model.TableAction] = field(default_factory=dict)
    """By code; the implicit NoAction is not among them."""


class Tables:
    """Tables of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        self.ctx = ctx
        self.expressions = expressions
        self.calls = calls
        self._known: dict[tuple[model.Instance | None, ast.TableDecl], _Known] = {}
        calls.tables = self

    # ---- Declaration

    def declare(self, decl: ast.TableDecl) -> None:
        """Make the maps of a table of the control being lowered."""
        instance = block_frame(self.ctx.frame).instance
        if (instance, decl) in self._known:
            return
        info = self.ctx.checked.tables[decl]
        self._refuse_properties(info)
        name = self.ctx.checked.path_of(decl, instance)
        actions: dict[int, model.TableAction] = {}
        uses, value_size = self._uses(info, instance, actions)
        default, arguments = self._default(info, uses)
        key, key_size, map_type, base_bits = self._key(info)
        const_entries = bool(info.entries) and info.entries_const
        settable = not info.default_const
        size = self._size(info) if not const_entries else len(info.entries)
        table = Table(
            name=name,
            decl=decl,
            map=self.ctx.name(name) if key else None,
            map_type=map_type,
            size=size,
            key=key,
            key_size=key_size,
            value_size=value_size,
            base_bits=base_bits,
            uses=uses,
            default=default,
            default_args=arguments,
            default_map=self.ctx.name(f"{name}_default") if settable else None,
            const_entries=const_entries,
            n_initial_entries=len(info.entries),
        )
        self._known[instance, decl] = _Known(table, info, actions)
        self._make_maps(table)
        Entries(self.ctx, table, info).add({id(action): code for code, action in actions.items()})

    def _make_maps(self, table: Table) -> None:
        catalog = self.ctx.catalog
        read_only = (ir.MapFlag.RDONLY_PROG,)
        if table.map is not None:
            flags = (*read_only, ir.MapFlag.RDONLY_USER) if table.const_entries else read_only
            sizes = (table.key_size, table.value_size, table.size)
            catalog.maps.append(ir.Map(table.map, table.map_type, *sizes, flags))
        if table.default_map is not None:
            catalog.maps.append(
                ir.Map(table.default_map, ir.MapType.ARRAY, 4, table.value_size, 1, read_only)
            )
        catalog.tables.append(table)

    def _refuse_properties(self, info: model.TableInfo) -> None:
        for name, item in info.properties.items():
            if name not in ("size", "default_action"):
                self.ctx.checked.diagnostics.warning(
                    "ignored", item.name_span, f"this target ignores the table property '{name}'"
                )

    def _size(self, info: model.TableInfo) -> int:
        if info.size is None:
            return max(DEFAULT_SIZE, len(info.entries))
        if not 0 < info.size <= _MAX_SIZE:
            self.ctx.refuse(
                info.decl.span, f"the size of a table must be from 1 to {_MAX_SIZE}, not {info.size}"
            )
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
            uses.append(ActionUse(self._action(item, instance), number, item.scope, tuple(slots)))
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
            except storage.Unsupported as problem:
                self.ctx.unsupported(problem.span or param.decl.span, str(problem))
        return layout.natural(specs, _ACTION_CODE_SIZE)[0]

    def _action(self, item: model.TableAction, instance: model.Instance | None) -> Action:
        local = self.ctx.checked.globals.get(item.decl.name) is not item.decl
        name = self.ctx.checked.path_of(item.decl, instance if local else None)
        params = []
        for number, param in enumerate(item.params, start=1):
            width = storage.scalar_width(self.ctx.resolve(param.type))
            params.append((param.name, id_of(param.decl, number), width or 0))
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

    def _key(self, info: model.TableInfo) -> tuple[tuple[KeyField, ...], int, ir.MapType, int]:
        exact: list[tuple[int, layout.FieldSpec]] = []
        longest: tuple[int, layout.FieldSpec] | None = None
        for index, key in enumerate(info.keys):
            spec = self._key_spec(key)
            match key.match_kind:
                case "exact":
                    exact.append((index, spec))
                case "lpm" if longest is None:
                    longest = index, spec
                case "lpm":
                    self.ctx.refuse(key.source.match_span, "a table can have one 'lpm' key only")
                case kind:
                    self.ctx.unsupported(
                        key.source.match_span, f"the match kind '{kind}' is", "use exact or lpm"
                    )
        if longest is None:
            slots, end = layout.natural([spec for _, spec in exact])
            base_bits, size, map_type = 0, layout.padded(end), ir.MapType.HASH
            order = [index for index, _ in exact]
        else:
            slots, last, size = layout.prefix([spec for _, spec in exact], longest[1])
            slots = [*slots, last]
            base_bits, map_type = 8 * (last.offset - layout.PREFIX_LEN_SIZE), ir.MapType.LPM
            order = [*(index for index, _ in exact), longest[0]]
        fields = {}
        for index, slot in zip(order, slots, strict=True):
            source = info.keys[index].source
            fields[index] = KeyField(slot, id_of(source, index + 1), info.keys[index].match_kind)
        return tuple(fields[index] for index in range(len(info.keys))), size, map_type, base_bits

    def _key_spec(self, key: model.TableKey) -> layout.FieldSpec:
        type_ = self.ctx.resolve(key.type)
        try:
            return layout.spec_of(key.name, type_, key.name, self.ctx.checked.errors)
        except storage.Unsupported:
            self.ctx.refuse(key.expr.span, f"a value of type {type_} cannot be a key")

    # ---- Application

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
            self._lookup(known, table.map, entry)
            ctx.assign(hit, ir.Found(1, entry))
        if table.default_map is not None:
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

    def _lookup(self, known: _Known, map_name: str, entry: ir.Pointer) -> None:
        ctx, table = self.ctx, known.table
        values = self.expressions.operands(*(key.expr for key in known.info.keys))
        slots = [item.slot for item in table.key]
        fields: list[tuple[Slot, ir.Expr]] = []
        if table.map_type is ir.MapType.LPM:
            bits = table.base_bits + next(item.slot.width for item in table.key if item.match == "lpm")
            fields.append((Slot("", 32, 0, layout.PREFIX_LEN_SIZE), build.const(bits, 32)))
        for slot, value in zip(slots, values, strict=True):
            assert isinstance(value, ir.Expr)
            fields.append((slot, value))
        look_up(ctx, entry, map_name, table.key_size, fields)

    def _lookup_default(self, map_name: str, entry: ir.Pointer) -> None:
        """The one element of an array is always there, but that is not known to the verifier."""
        ctx = self.ctx
        buffer = ir.Buffer(ctx.name("zero"), 4)
        store = ir.Store(buffer, 0, build.const(0, 32), False, span=ctx.span)
        lookup = ir.Lookup(entry, map_name, buffer, span=ctx.span)
        ctx.emit(ir.Scope(buffer, (store, lookup), span=ctx.span))
        ctx.goto_if(build.invert(ir.Found(1, entry)), ctx.reject_label)

    def _run_entry(self, known: _Known, entry: ir.Pointer, run: ir.Var) -> None:
        """The action that the value at `entry` asks for; an unknown code asks for nothing."""
        ctx = self.ctx
        code = ctx.keep(ir.Load(8 * _ACTION_CODE_SIZE, entry, 0, False), "code")
        ctx.assign(run, code)
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


def id_of(node: ast.Node, number: int) -> int:
    """The `@id` of a parameter, key element or field, else its position from 1 on."""
    note = ast.annotation(node, "id")
    if note is not None and note.exprs and isinstance(note.exprs[0], ast.IntLit):
        return note.exprs[0].value
    return number


def look_up(
    ctx: Context, entry: ir.Pointer, map_name: str, key_size: int, fields: list[tuple[Slot, ir.Expr]]
) -> None:
    """Point `entry` to the value in a map at the key that `fields` make; all bytes between them are zero."""
    buffer = ir.Buffer(ctx.name("key"), key_size)
    with ctx.collect() as body:
        for slot, value in fields:
            shifted = build.concat(value, build.const(0, slot.shift)) if slot.shift else value
            whole = build.extend(shifted, 8 * slot.size)
            ctx.emit(ir.Store(buffer, slot.offset, whole, slot.big_endian, span=ctx.span))
        for offset, size in layout.gaps([slot for slot, _ in fields], key_size):
            ctx.emit(ir.Store(buffer, offset, build.const(0, 8 * size), False, span=ctx.span))
        ctx.emit(ir.Lookup(entry, map_name, buffer, span=ctx.span))
    ctx.emit(ir.Scope(buffer, tuple(body), span=ctx.span))
