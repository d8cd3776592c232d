# SPDX-License-Identifier: Apache-2.0
"""Lowering of value sets: a hash map whose keys are the members, which the control plane adds."""

from __future__ import annotations

from dataclasses import replace

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import ir
from p4rt.compiler.backend.catalog import KeyField, ValueSet
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout, storage
from p4rt.compiler.midend.context import Context, block_frame
from p4rt.compiler.midend.lower_tables import id_of, look_up

MAX_SIZE = 1 << 31
VALUE_SIZE = 8
"""Bytes of a member's value, which mean nothing and are zero."""
SCALAR_NAME = "value"
"""What the control plane calls the one field of a set of scalars, which has no name in the source."""


class ValueSets:
    """Value sets of one program."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._known: dict[tuple[model.Instance | None, ast.ValueSetDecl], ValueSet] = {}

    def declare(self, decl: ast.ValueSetDecl) -> ValueSet:
        """Make the map of a value set of the parser being lowered, once for each instance."""
        instance = block_frame(self.ctx.frame).instance
        known = self._known.get((instance, decl))
        if known is not None:
            return known
        size = self.ctx.integer(decl.size)
        if not 0 < size <= MAX_SIZE:
            self.ctx.refuse(
                decl.size.span, f"the size of a value set must be from 1 to {MAX_SIZE}, not {size}"
            )
        element = self.ctx.resolve(self.ctx.checked.decl_types[decl])
        slots, end = layout.natural(self._specs(element))
        fields = getattr(t.strip(element), "fields", ())
        key = []
        for number, slot in enumerate(slots, start=1):
            field = fields[number - 1].decl if fields else None
            key.append(KeyField(slot, id_of(field, number) if field is not None else number, "exact"))
        name = self.ctx.checked.path_of(decl, instance)
        map_name, key_size = self.ctx.name(name), layout.padded(end)
        scalar = storage.scalar_width(element) is not None
        value_set = ValueSet(name, decl, map_name, size, tuple(key), key_size, VALUE_SIZE, scalar)
        self.ctx.catalog.value_sets.append(value_set)
        self.ctx.catalog.maps.append(
            ir.Map(value_set.map, ir.MapType.HASH, value_set.key_size, VALUE_SIZE, size,
                   (ir.MapFlag.RDONLY_PROG,))
        )  # fmt: skip
        self._known[instance, decl] = value_set
        return value_set

    def _specs(self, element: t.Type) -> list[layout.FieldSpec]:
        """The fields of a member: scalars, so that there is one for each expression of a select."""
        plain = t.strip(element)
        if storage.scalar_width(plain) is not None:
            return layout.flatten(element, SCALAR_NAME, self.ctx.checked.errors)
        for item in getattr(plain, "fields", ()):
            note = ast.annotation(item.decl, "match") if item.decl is not None else None
            kind = " ".join(note.tokens or ()) if note is not None else "exact"
            if kind != "exact":
                raise storage.Unsupported(
                    f"the match kind '{kind}' in a value set is", note.span if note is not None else None
                )
        specs = layout.flatten(element, "", self.ctx.checked.errors)
        parts = storage.fields_of(plain) or []
        if len(specs) != len(parts):
            raise storage.Unsupported(f"a value set of {element}, with composed fields, is")
        return [replace(spec, name=part[0]) for spec, part in zip(specs, parts, strict=True)]

    def contains(self, decl: ast.ValueSetDecl, keys: list[ir.Expr]) -> ir.Expr:
        """Look up whether the values are a member of the set; one bit."""
        value_set = self.declare(decl)
        entry = self.ctx.pointer(f"{decl.name}_member")
        slots = [item.slot for item in value_set.key]
        look_up(self.ctx, entry, value_set.map, value_set.key_size, list(zip(slots, keys, strict=True)))
        return ir.Found(1, entry)
