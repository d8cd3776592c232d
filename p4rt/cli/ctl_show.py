# SPDX-License-Identifier: Apache-2.0
"""p4rt-ctl show and dump-tables: what a program is and what it has."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from p4rt.cli.command import print_json
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb
from p4rt.runtime import wire
from p4rt.runtime.bridge import LoadedProgram
from p4rt.runtime.entries import find_table
from p4rt.runtime.errors import InputError
from p4rt.runtime.extern_info import Externs
from p4rt.runtime.info import ProgramInfo, Table
from p4rt.runtime.values import type_name

_AGING = {False: "notify", True: "delete"}


def _externs(info: ProgramInfo | None) -> dict[str, list[str]]:
    """Names of counters, meters and digests, by kind."""
    externs = info.externs if info is not None else Externs()
    return {
        "counters": [item.name for item in (*externs.counters, *externs.direct_counters)],
        "meters": [item.name for item in (*externs.meters, *externs.direct_meters)],
        "digests": [item.name for item in externs.digests],
    }


@verb("show", "p4rt-ctl show br0 router\np4rt-ctl show br0 1 --format json")
@bridge_argument
@program_argument
def show(settings: Settings, bridge: str, program: str) -> None:
    """Show a program: statistics, tables, registers, counters, meters, digests, maps."""
    with settings.program(bridge, program) as loaded:
        try:
            info = loaded.info
        except InputError:
            info = None
        maps = list(loaded.maps.maps().values())
        summary = loaded.bridge.read(loaded.desc.prog, wire.ReadWhat.VERIFIER).decode("utf-8", "replace")
    if settings.json:
        result: dict[str, Any] = program_json(loaded.desc)
        result["source"] = info.source if info else None
        result["tables"] = [t.name for t in info.tables] if info else []
        result["value_sets"] = [s.name for s in info.value_sets] if info else []
        result["profiles"] = [p.name for p in info.members] if info else []
        for kind, names in _externs(info).items():
            result[kind] = names
        result["registers"] = [r.name for r in info.registers] if info else []
        result["maps"] = [asdict(m) | {"type": m.type_name} for m in maps]
        result["verifier"] = summary
        print_json(result)
        return
    _show_program(loaded.desc)
    if info is not None:
        click.echo(f"  source {info.source} ({info.arch} {info.model_version}), {info.compiler}")
    click.echo(f"  {summary.strip()}")
    if info is not None:
        click.echo(f"  tables: {', '.join(t.name for t in info.tables) or 'none'}")
        if info.value_sets:
            click.echo(f"  value sets: {', '.join(s.name for s in info.value_sets)}")
        if info.members:
            click.echo(f"  profiles: {', '.join(p.name for p in info.members)}")
        click.echo(f"  registers: {', '.join(r.name for r in info.registers) or 'none'}")
        for kind, names in _externs(info).items():
            if names:
                click.echo(f"  {kind}: {', '.join(names)}")
    for m in maps:
        click.echo(
            f"  map {m.name}: {m.type_name}, key {m.key_size}, value {m.value_size} bytes, "
            f"{m.n_entries} of {m.max_entries} entries{f', {m.n_dropped} lost' if m.n_dropped else ''}"
        )


def program_json(desc: wire.ProgramDesc) -> dict[str, Any]:
    """What the switch says of a program, for JSON."""
    names = {"prog": "id", "n_bytes": "bytes"}
    result = {names.get(k, k): v for k, v in asdict(desc).items() if k != "flags"}
    return result | {"native": desc.is_native}


def _show_program(desc: wire.ProgramDesc) -> None:
    click.echo(f"program {desc.prog} {desc.name}: generation {desc.generation}, "
               f"loaded {desc.duration_ms / 1000:.1f} s ago, "
               f"{desc.n_flows} {'flow uses' if desc.n_flows == 1 else 'flows use'} it")  # fmt: skip
    click.echo(f"  {desc.n_insns} instructions, {desc.n_maps} maps, object of {desc.object_length} bytes")
    engine = f"native, compiled in {desc.compile_us / 1000:.1f} ms" if desc.is_native else "interpreted"
    click.echo(f"  loaded in {desc.load_us / 1000:.1f} ms, {engine}")
    click.echo(
        f"  packets {desc.packets}, bytes {desc.n_bytes}: passed {desc.passed}, "
        f"redirected {desc.redirected}, resubmitted {desc.resubmitted}, dropped {desc.dropped}, "
        f"aborted {desc.aborted}; cloned {desc.cloned}"
    )


@verb("dump-tables", "p4rt-ctl dump-tables br0 router\np4rt-ctl dump-tables br0 router route")
@bridge_argument
@program_argument
@click.argument("table", required=False, metavar="[TABLE]")
def dump_tables(settings: Settings, bridge: str, program: str, table: str | None) -> None:
    """Show keys, actions and defaults of the tables, and the fields of value sets."""
    with settings.program(bridge, program) as loaded:
        info = loaded.info
        tables = [find_table(info, table)] if table else [*info.tables, *info.value_sets]
        if not table:
            tables += [*info.members, *info.groups]
        described = [_describe(loaded, t) for t in tables]
    if settings.json:
        print_json(described)
        return
    for d in described:
        _print_table(d)


def _describe(loaded: LoadedProgram, table: Table) -> dict[str, Any]:
    if table.role != "table":
        return {
            "name": table.name,
            "match": table.kind,
            "entries": loaded.tables.n_entries(table),
            "size": table.size,
            "key": [{"name": f.name, "match": f.match, "type": type_name(f)} for f in table.key],
        }
    return {
        "name": table.name,
        "match": table.map_type if table.key else "none",
        "entries": loaded.tables.n_entries(table),
        "size": table.size,
        "const_entries": table.const_entries,
        "profile": table.profile,
        "idle_timeout": None if table.idle_timeout is None else _AGING[table.idle_timeout.deletes],
        "key": [{"name": f.name, "match": f.match, "type": type_name(f)} for f in table.key],
        "actions": [
            {
                "name": a.name,
                "scope": a.scope,
                "params": [{"name": p.name, "type": type_name(p)} for p in a.params],
            }
            for a in table.actions
        ],
        "default": loaded.tables.default(table).call.format(),
        "const_default": table.default.const,
    }


def _print_table(d: dict[str, Any]) -> None:
    if d["match"] in ("member", "group"):
        click.echo(f"profile {d['name']}: {d['entries']} of {d['size']} {d['match']}s")
        return
    if d["match"] == "value set":
        click.echo(f"value set {d['name']}: {d['entries']} of {d['size']} members")
        for f in d["key"]:
            click.echo(f"  field {f['name']}: {f['match']} {f['type']}")
        return
    notes = ", const entries" if d["const_entries"] else ""
    notes += f", profile {d['profile']}" if d["profile"] else ""
    notes += f", idle timeout: {d['idle_timeout']}" if d["idle_timeout"] else ""
    fill = f"{d['entries']} of {d['size']} entries{notes}" if d["key"] else "no key"
    click.echo(f"table {d['name']}: {fill}")
    for f in d["key"]:
        click.echo(f"  key {f['name']}: {f['match']} {f['type']}")
    for a in d["actions"]:
        params = ", ".join(f"{p['type']} {p['name']}" for p in a["params"])
        scope = {"default_only": " (default only)", "table_only": " (entries only)"}.get(a["scope"], "")
        click.echo(f"  action {a['name']}({params}){scope}")
    click.echo(f"  default {d['default']}{' (const)' if d['const_default'] else ''}")
