# SPDX-License-Identifier: Apache-2.0
"""Lowering of value sets: a map whose keys are the members, which the control plane adds."""

from __future__ import annotations

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import ValueSet
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import layout, storage
from p4rt.compiler.midend.context import Context, block_frame
from p4rt.compiler.midend.lower_tables import id_of
from p4rt.compiler.midend.table_keys import KeyElement, KeyLayout, lay_out, look_up, prefix_length
from p4rt.compiler.records import replace

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
        key = self._key(decl, element)
        name = self.ctx.checked.path_of(decl, instance)
        scalar = storage.scalar_width(element) is not None
        value_set = ValueSet(
            name, decl, self.ctx.name(name), size, key.fields, key.size, VALUE_SIZE, scalar, key.map_type,
            key.base_bits,
        )  # fmt: skip
        self.ctx.catalog.value_sets.append(value_set)
        self.ctx.catalog.maps.append(
            ir.Map(value_set.map, key.map_type, key.size, VALUE_SIZE, size, (ir.MapFlag.RDONLY_PROG,),
                   extra=key.n_ranges)
        )  # fmt: skip
        self._known[instance, decl] = value_set
        return value_set

    def _key(self, decl: ast.ValueSetDecl, element: t.Type) -> KeyLayout:
        """A member's fields: scalars, so that there is one for each expression of a select."""
        plain = t.strip(element)
        if storage.scalar_width(plain) is not None:
            specs = layout.flatten(element, SCALAR_NAME, self.ctx.checked.errors)
            return lay_out(self.ctx, [KeyElement(specs[0], 1, _match(decl), decl.span, element)])
        specs = layout.flatten(element, "", self.ctx.checked.errors)
        parts = storage.fields_of(plain) or []
        if len(specs) != len(parts):
            raise storage.Unsupported(f"a value set of {element}, with composed fields, is")
        fields = getattr(plain, "fields", (None,) * len(parts))
        elements = []
        for number, (spec, part, item) in enumerate(zip(specs, parts, fields, strict=True), start=1):
            field = item.decl if item is not None else None
            number = id_of(field, number) if field is not None else number
            note = ast.annotation(field, "match") if field is not None else None
            span = note.span if note is not None else decl.span
            elements.append(
                KeyElement(replace(spec, name=part[0]), number, _match(field), span, part[1], field)
            )
        return lay_out(self.ctx, elements)

    def contains(self, decl: ast.ValueSetDecl, keys: list[ir.Expr]) -> ir.Expr:
        """Look up whether the values are a member of the set; one bit."""
        value_set = self.declare(decl)
        entry = self.ctx.pointer(f"{decl.name}_member")
        slots = [item.slot for item in value_set.key]
        fields = list(zip(slots, keys, strict=True))
        if value_set.map_type is ir.MapType.LPM:
            fields.insert(0, prefix_length(value_set.key, value_set.base_bits))
        look_up(self.ctx, entry, value_set.map, value_set.key_size, fields)
        # Hidden: clang would join it with other bits as a number made of the pointer.
        return build.bits(self.ctx.opaque(ir.Found(1, entry), f"{decl.name}_is_member"), 0, 1)


def _match(node: ast.Node | None) -> str:
    """The match kind that `@match` gives a field or a set of scalars."""
    note = ast.annotation(node, "match") if node is not None else None
    return " ".join(note.tokens or ()) if note is not None else "exact"
