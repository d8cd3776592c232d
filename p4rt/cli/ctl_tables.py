# SPDX-License-Identifier: Apache-2.0
"""The verbs of p4rt-ctl that work on table entries."""

from __future__ import annotations

import click

from p4rt.cli.command import print_json, read_lines
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb
from p4rt.runtime.entries import find_table, parse_entries, parse_entry, parse_key, split_text, table_of
from p4rt.runtime.errors import InputError

_entry_argument = click.argument("entry", metavar="ENTRY")
_file_argument = click.argument("file", metavar="FILE")

_ROUTE = "table=pipe.route,hdr.ipv4.dst=10.0.2.0/24"


@verb("add-entry",
      f"p4rt-ctl add-entry br0 router '{_ROUTE},actions=forward(port=2)'\n"
      "p4rt-ctl add-entry br0 acl 'table=rules,priority=10,src=10.0.0.0/8,actions=deny()'")  # fmt: skip
@bridge_argument
@program_argument
@_entry_argument
def add_entry(settings: Settings, bridge: str, program: str, entry: str) -> None:
    """Add an entry to a table.

    One with this key must not exist.  ENTRY is table=TABLE,FIELD=VALUE,...,actions=ACTION(PARAM=VALUE,...);
    the value of an LPM field may end in /PREFIX, that of a ternary one in &&&MASK or /PREFIX, and a
    range is LOW..HIGH; left out, such fields match everything.  Where a table has ternary, range or
    optional fields, each entry has a priority=N, and the highest wins.  Values are numbers, or IPv4,
    IPv6 and MAC addresses.  idle_timeout=30s is for tables whose entries age."""
    with settings.program(bridge, program) as loaded:
        parsed = parse_entry(loaded.info, entry)
        loaded.tables.add([parsed])
        settings.say(f"added {parsed.format()}")


@verb("mod-entry", f"p4rt-ctl mod-entry br0 router '{_ROUTE},actions=drop()'")
@bridge_argument
@program_argument
@_entry_argument
def mod_entry(settings: Settings, bridge: str, program: str, entry: str) -> None:
    """Give an entry that exists another action."""
    with settings.program(bridge, program) as loaded:
        parsed = parse_entry(loaded.info, entry)
        loaded.tables.modify(parsed)
        settings.say(f"modified {parsed.format()}")


@verb("del-entry",
      f"p4rt-ctl del-entry br0 router '{_ROUTE}'\n"
      "p4rt-ctl del-entry br0 acl 'table=pipe.rules,priority=10,src=10.0.0.0/8,dport=80..90'\n"
      "p4rt-ctl del-entry br0 router table=pipe.route --all")  # fmt: skip
@bridge_argument
@program_argument
@_entry_argument
@click.option("--all", "everything", is_flag=True, help="Delete all entries of the table.")
def del_entry(settings: Settings, bridge: str, program: str, entry: str, everything: bool) -> None:
    """Delete an entry from a table."""
    with settings.program(bridge, program) as loaded:
        parts = split_text(entry)
        table = table_of(loaded.info, parts)
        if parts.default:
            raise InputError("a default action cannot be deleted; set-default gives another")
        if everything:
            if parts.key:
                raise InputError("--all deletes every entry; give no key")
            settings.say(f"deleted {loaded.tables.clear(table)} entries")
            return
        if not parts.key and table.key:
            raise InputError(f"which entry of {table.label}? Give its key, or --all")
        loaded.tables.delete([parse_key(table, parts.key)])


@verb("dump-entries", "p4rt-ctl dump-entries br0 router\np4rt-ctl dump-entries br0 router route > routes.txt")
@bridge_argument
@program_argument
@click.argument("table", required=False, metavar="[TABLE]")
def dump_entries(settings: Settings, bridge: str, program: str, table: str | None) -> None:
    """Print the entries of a table, or of all.

    They are sorted, and as add-entries reads them.

    A default action is printed when it is no longer the program's own.  Entries that are part of
    the program (const) are printed only when their table is named."""
    with settings.program(bridge, program) as loaded:
        if table is not None:
            name = table.removeprefix("table=")
            found = find_table(loaded.info, name)
            entries = loaded.tables.entries(found)
            if found.default.map is not None and not found.default.const:
                default = loaded.tables.default(found)
                entries += [default] if default != loaded.tables.initial_default(found) else []
        else:
            entries = loaded.tables.snapshot()
    if settings.json:
        print_json([e.to_json() for e in entries])
    elif entries:
        click.echo("\n".join(e.format() for e in entries))


@verb("add-entries",
      "p4rt-ctl add-entries br0 router routes.txt\n"
      "p4rt-ctl dump-entries br0 router | p4rt-ctl add-entries br1 router -")  # fmt: skip
@bridge_argument
@program_argument
@_file_argument
def add_entries(settings: Settings, bridge: str, program: str, file: str) -> None:
    """Add the entries of a file, all or none.

    FILE (- for stdin) has one entry a line, # begins a comment; or it is what dump-entries --format
    json prints."""
    lines = read_lines(file)
    with settings.program(bridge, program) as loaded:
        entries = parse_entries(loaded.info, lines, file)
        loaded.tables.add(entries)
        settings.say(f"added {len(entries)} entries")


@verb("replace-entries", "p4rt-ctl replace-entries br0 router routes.txt")
@bridge_argument
@program_argument
@_file_argument
def replace_entries(settings: Settings, bridge: str, program: str, file: str) -> None:
    """Make all tables have exactly a file's entries.

    Prints what that changed.  Default actions that FILE does not set become the program's own again."""
    lines = read_lines(file)
    with settings.program(bridge, program) as loaded:
        changes = loaded.tables.replace(parse_entries(loaded.info, lines, file))
    if settings.json:
        print_json(vars(changes))
    else:
        click.echo(f"{changes.added} added, {changes.modified} modified, {changes.deleted} deleted, "
                   f"{changes.unchanged} unchanged")  # fmt: skip


@verb("set-default", "p4rt-ctl set-default br0 router 'table=pipe.route,actions=drop()'")
@bridge_argument
@program_argument
@_entry_argument
def set_default(settings: Settings, bridge: str, program: str, entry: str) -> None:
    """Set the default action of a table."""
    with settings.program(bridge, program) as loaded:
        parts = split_text(entry)
        if parts.key:
            raise InputError("a default action has no key")
        parsed = parse_entry(loaded.info, entry if parts.default else f"{entry},default")
        loaded.tables.set_default(parsed)
        settings.say(f"set {parsed.format()}")
