# SPDX-License-Identifier: Apache-2.0
"""ActionProfile and ActionSelector: entries of tables that name actions kept elsewhere.

An entry of such a table holds the number of a member or, of a selector, of a group.  Members are a hash map
from number to action, with the value layout of a table.  Groups are a hash map from number to a count and so
many numbers of members; a hash of the `selector` fields of the key picks one.
"""

from __future__ import annotations

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.catalog import ActionUse, Profile
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.family import Family
from p4rt.compiler.midend.externs.hashes import Hashes
from p4rt.compiler.midend.lower_calls import Calls
from p4rt.compiler.midend.lower_expressions import Expressions
from p4rt.compiler.midend.storage import Record

PROPERTIES = ("implementation", "psa_implementation")
EMPTY_GROUP = "psa_empty_group_action"
REFERENCE_SIZE = 8
"""Bytes of an entry's value: the number of a member and that of a group, one of which is 0."""
DEFAULT_GROUP_SIZE = 128
_MAX_GROUP_SIZE = 8192
_NUMBER_SIZE = 4


class Profiles(Family):
    """Action profiles and selectors of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self.objects = {"ActionProfile": self._check, "ActionSelector": self._check}
        self.hashes = Hashes(ctx, expressions, calls)
        self._known: dict[model.Instance, Profile] = {}

    def _check(self, instance: model.Instance) -> None:
        self.size(instance, "size", "profile")

    # ---- Declaration

    def instance_of(self, info: model.TableInfo) -> tuple[model.Instance, ast.ExprProperty] | None:
        """The profile or selector that a table of the control being lowered names."""
        props = [info.properties[name] for name in PROPERTIES if name in info.properties]
        selectors = [key for key in info.keys if key.match_kind == "selector"]
        if not props:
            if selectors:
                self.ctx.refuse(
                    selectors[0].source.match_span, "a 'selector' key needs an ActionSelector",
                    "name one: psa_implementation = NAME;",
                )  # fmt: skip
            return None
        found = self.calls.find_instance(props[0].value)
        if found is None or found.decl.name not in self.objects:
            self.ctx.refuse(
                props[0].value.span,
                f"the property '{props[0].name}' names an ActionProfile or ActionSelector",
            )
        self._check_table(info, found, selectors, props[0])
        return found, props[0]

    def _check_table(
        self,
        info: model.TableInfo,
        found: model.Instance,
        selectors: list[model.TableKey],
        prop: ast.ExprProperty,
    ) -> None:
        if info.entries:
            self.ctx.refuse(
                prop.value.span, f"table '{info.decl.name}' has a profile, so no entries here",
                "they would need members, which the control plane makes",
            )  # fmt: skip
        if found.decl.name == "ActionSelector" and not selectors:
            self.ctx.refuse(prop.value.span, f"table '{info.decl.name}' has no 'selector' key to choose by")
        if found.decl.name == "ActionProfile" and selectors:
            self.ctx.refuse(selectors[0].source.match_span, "an ActionProfile has no use for 'selector' keys")
        if len(selectors) == len(info.keys):
            self.ctx.refuse(prop.value.span, f"table '{info.decl.name}' has no key to match")

    def declare(
        self, instance: model.Instance, prop: ast.ExprProperty, uses: tuple[ActionUse, ...], value_size: int
    ) -> Profile:
        """The maps of a profile, made for the first table that names it; the others have the same actions."""
        uses = tuple(use for use in uses if use.scope != "default_only")
        known = self._known.get(instance)
        if known is None:
            known = self._make(instance, uses, value_size)
        elif [_shape(use) for use in known.uses] != [_shape(use) for use in uses]:
            self.ctx.refuse(
                prop.value.span,
                f"'{instance.name}' belongs to a table with other actions, or in another order",
            )
        return known

    def _make(self, instance: model.Instance, uses: tuple[ActionUse, ...], value_size: int) -> Profile:
        ctx = self.ctx
        size = self.size(instance, "size", "profile")
        selector = instance.decl.name == "ActionSelector"
        group_size = self._group_size(instance) if selector else 0
        profile = Profile(
            name=instance.path,
            decl=instance.source,
            map=ctx.name(f"{instance.path}_members"),
            size=size,
            value_size=value_size,
            uses=uses,
            groups_map=ctx.name(f"{instance.path}_groups") if selector else None,
            group_size=group_size,
            tables=[],
        )
        flags = (ir.MapFlag.RDONLY_PROG,)
        ctx.catalog.maps.append(ir.Map(profile.map, ir.MapType.HASH, _NUMBER_SIZE, value_size, size, flags))
        if profile.groups_map is not None:
            groups = _NUMBER_SIZE * (1 + _slots(group_size))
            ctx.catalog.maps.append(
                ir.Map(profile.groups_map, ir.MapType.HASH, _NUMBER_SIZE, groups, size, flags)
            )
        ctx.catalog.profiles.append(profile)
        self._known[instance] = profile
        return profile

    def _group_size(self, instance: model.Instance) -> int:
        """The most members of a group, by `@max_group_size`."""
        note = ast.annotation(instance.source, "max_group_size")
        if note is None:
            return DEFAULT_GROUP_SIZE
        first = note.exprs[0] if note.exprs else None
        if not isinstance(first, ast.IntLit) or not 0 < first.value <= _MAX_GROUP_SIZE:
            self.ctx.refuse(note.span, f"'@max_group_size' is a number from 1 to {_MAX_GROUP_SIZE}")
        return first.value

    # ---- Application

    def find(
        self, instance: model.Instance, profile: Profile, entry: ir.Pointer, keys: list[ir.Expr]
    ) -> tuple[ir.Expr, ir.Pointer, ir.Expr]:
        """From the value of a table's entry to that of the member.

        The result is whether there is a member, where its value is, and whether the entry names a group.
        """
        ctx = self.ctx
        number = ctx.variable("member", 32)
        ctx.assign(number, ir.Load(32, entry, 0, False))
        grouped = ctx.variable("grouped", 1)
        ctx.assign(grouped, build.FALSE)
        if profile.groups_map is not None:
            group = ctx.keep(ir.Load(32, entry, _NUMBER_SIZE, False), "group")
            ctx.assign(grouped, build.compare(ir.Relation.NE, group, build.const(0, 32)))
            with ctx.collect() as body:
                self._pick(instance, profile, group, keys, number)
            ctx.emit(ir.If(grouped, tuple(body), (), span=ctx.span))
        member = ctx.pointer("member_entry")
        self._look_up(member, profile.map, number)
        return ir.Found(1, member), member, grouped

    def _pick(
        self, instance: model.Instance, profile: Profile, group: ir.Expr, keys: list[ir.Expr], number: ir.Var
    ) -> None:
        """Choose a member of a group; 0, which no member is, where the group is empty or not there."""
        ctx = self.ctx
        assert profile.groups_map is not None
        where = ctx.pointer("group_entry")
        self._look_up(where, profile.groups_map, group)
        fields = Record({str(place): key for place, key in enumerate(keys)})
        width = instance.args.get("outputWidth")
        if not isinstance(width, int) or not 0 < width <= ir.WORD:
            ctx.refuse(instance.span, f"the output of a selector's hash has from 1 to {ir.WORD} bits")
        with ctx.collect() as body:
            hashed = build.resize(self.hashes.hash_of(self.choice(instance, "algo"), fields), width)
            arguments = (
                ir.MemoryAddress(ir.WORD, where, 0),
                build.extend(hashed, ir.WORD),
                build.const(_slots(profile.group_size) - 1, ir.WORD),
            )
            chosen = ctx.variable("chosen", ir.WORD)
            ctx.emit(ir.FunctionCall(chosen, "group_member", arguments, pure=True, span=ctx.span))
            ctx.assign(number, build.bits(chosen, 0, 32))
        ctx.emit(ir.If(ir.Found(1, where), tuple(body), (), span=ctx.span))

    def _look_up(self, pointer: ir.Pointer, map_name: str, number: ir.Expr) -> None:
        ctx = self.ctx
        buffer = ir.Buffer(ctx.name("number"), _NUMBER_SIZE)
        store = ir.Store(buffer, 0, number, False, span=ctx.span)
        lookup = ir.Lookup(pointer, map_name, buffer, span=ctx.span)
        ctx.emit(ir.Scope(buffer, (store, lookup), span=ctx.span))


def _slots(group_size: int) -> int:
    """Places for members in a group's value: a power of two, so that a mask keeps an index inside."""
    return 1 << (group_size - 1).bit_length()


def _shape(use: ActionUse) -> object:
    return use.action.name, use.code, use.params
