# SPDX-License-Identifier: Apache-2.0
"""Objects that belong to a table and live in the state of its entries: which table, and where in a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.extern_catalog import COUNTER_WORDS, Direct
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend.context import Context

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_tables import Tables

PROPERTIES = {
    "psa_direct_counter": "DirectCounter",
    "counters": "DirectCounter",
    "psa_direct_meter": "DirectMeter",
    "meters": "DirectMeter",
}
"""Table properties that attach an object, and of which extern it is."""
METER_SIZE = 64
"""Bytes of `struct ubpf_meter`."""


class DirectObjects:
    """The direct objects of one program."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.tables: Tables
        self._table_of: dict[model.Instance, str] = {}
        self._objects: list[model.Instance] = []

    def declare(self, instance: model.Instance) -> None:
        """Note an object, which must find its table."""
        if instance not in self._objects:
            self._objects.append(instance)

    def attached(self, info: model.TableInfo, inside: model.Instance | None) -> list[model.Instance]:
        """The objects that a table of the control `inside` names, in the order of its properties."""
        found: list[model.Instance] = []
        for name, prop in info.properties.items():
            kind = PROPERTIES.get(name)
            if kind is None:
                continue
            instance = self.tables.calls.find_instance(prop.value)
            if instance is None or instance.decl.name != kind:
                self.ctx.refuse(prop.value.span, f"the property '{name}' names a {kind} of the same control")
            if isinstance(instance.source, ast.ExprProperty):
                self.ctx.refuse(
                    prop.value.span, f"a {kind} without a name is of no use: no action could call it",
                    f"declare it, and write {name} = NAME;",
                )  # fmt: skip
            if any(other.decl is instance.decl for other in found):
                self.ctx.refuse(prop.value.span, f"the table '{info.decl.name}' has a {kind} already")
            self._attach(instance, info, inside, prop)
            found.append(instance)
        return found

    def _attach(
        self,
        instance: model.Instance,
        info: model.TableInfo,
        inside: model.Instance | None,
        prop: ast.ExprProperty,
    ) -> None:
        table = self.ctx.checked.path_of(info.decl, inside)
        other = self._table_of.setdefault(instance, table)
        if other != table:
            message = f"'{instance.name}' belongs to the table '{other}' already"
            self.ctx.refuse(prop.value.span, message, "each table has a direct object of its own")

    @staticmethod
    def size_of(instance: model.Instance) -> int:
        """Bytes of an object in the state of an entry, a multiple of 8."""
        if instance.decl.name == "DirectMeter":
            return METER_SIZE
        kind = instance.args["type"]
        assert isinstance(kind, model.EnumValue)
        return 8 * len(COUNTER_WORDS[kind.name])

    def place(self, node: ast.Call, instance: model.Instance) -> tuple[ir.Pointer, int]:
        """Where the object is for the entry whose action is being lowered."""
        found = self.tables.place_of(instance)
        if found is None:
            table = self._table_of.get(instance)
            where = f"of the table '{table}'" if table else "of the table that names it in a property"
            self.ctx.refuse(node.span, f"'{instance.name}' can be used only in actions {where}")
        return found

    def finish(self) -> None:
        """Refuse objects that no table names; tell the catalog where the others are."""
        properties = {"DirectCounter": "psa_direct_counter", "DirectMeter": "psa_direct_meter"}
        places = {
            state.path: (table.name, state.offset)
            for table in self.ctx.catalog.tables
            for state in table.state
        }
        for instance in self._objects:
            kind = instance.decl.name
            if instance.path not in places:
                self.ctx.refuse(
                    instance.span,
                    f"no table names the {kind} '{instance.name}'",
                    f"in its table, write {properties[kind]} = {instance.name};",
                )
            table, offset = places[instance.path]
            unit = instance.args["type"]
            assert isinstance(unit, model.EnumValue)
            self.ctx.catalog.direct.append(
                Direct(
                    kind == "DirectMeter", instance.path, instance.source, table, unit.name, offset
                )
            )
