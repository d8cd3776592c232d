# SPDX-License-Identifier: Apache-2.0
"""The verbs of p4rt-ctl that work on members and groups of action profiles."""

from __future__ import annotations

import click

from p4rt.cli.command import print_json
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb
from p4rt.runtime.bridge import LoadedProgram
from p4rt.runtime.entries import Entry, parse_entry, parse_key, split_text, table_of
from p4rt.runtime.errors import InputError
from p4rt.runtime.names import resolve

_MEMBER = "profile=pipe.next_hops,member=3"
_GROUP = "profile=pipe.next_hops,group=7"
_member_argument = click.argument("member", metavar="MEMBER")
_group_argument = click.argument("group", metavar="GROUP")
_profile_argument = click.argument("profile", required=False, metavar="[PROFILE]")


def _parsed(loaded: LoadedProgram, text: str, role: str) -> Entry:
    entry = parse_entry(loaded.info, text)
    if entry.table.role != role:
        raise InputError(f"'{text}' is not a {role} (profile=NAME,{role}=NUMBER,...)")
    return entry


def _delete(settings: Settings, bridge: str, program: str, text: str, role: str) -> None:
    with settings.program(bridge, program) as loaded:
        parts = split_text(text)
        table = table_of(loaded.info, parts)
        if table.role != role:
            raise InputError(f"'{text}' is not a {role} (profile=NAME,{role}=NUMBER)")
        key = parse_key(table, parts.key)
        loaded.tables.delete([key])
        settings.say(f"deleted {table.label}, {key.format()}")


def _dump(settings: Settings, bridge: str, program: str, profile: str | None, role: str) -> None:
    with settings.program(bridge, program) as loaded:
        tables = loaded.info.members if role == "member" else loaded.info.groups
        if profile is not None:
            tables = (resolve(profile.removeprefix("profile="), tables, "profile", f"program {program}"),)
        entries = [entry for table in tables for entry in loaded.tables.entries(table)]
    if settings.json:
        print_json([entry.to_json() for entry in entries])
    elif entries:
        click.echo("\n".join(entry.format() for entry in entries))


@verb("add-member", f"p4rt-ctl add-member br0 router '{_MEMBER},actions=forward(port=2)'")
@bridge_argument
@program_argument
@_member_argument
def add_member(settings: Settings, bridge: str, program: str, member: str) -> None:
    """Add a member to an action profile.

    MEMBER is profile=PROFILE,member=NUMBER,actions=ACTION(PARAM=VALUE,...).  Entries of a table
    with this profile refer to it: table=TABLE,...,actions=member(NUMBER)."""
    with settings.program(bridge, program) as loaded:
        loaded.tables.add([_parsed(loaded, member, "member")])


@verb("mod-member", f"p4rt-ctl mod-member br0 router '{_MEMBER},actions=forward(port=4)'")
@bridge_argument
@program_argument
@_member_argument
def mod_member(settings: Settings, bridge: str, program: str, member: str) -> None:
    """Give a member another action, for all entries and groups that refer to it."""
    with settings.program(bridge, program) as loaded:
        loaded.tables.modify(_parsed(loaded, member, "member"))


@verb("del-member", f"p4rt-ctl del-member br0 router '{_MEMBER}'")
@bridge_argument
@program_argument
@_member_argument
def del_member(settings: Settings, bridge: str, program: str, member: str) -> None:
    """Delete a member that no entry and no group refers to."""
    _delete(settings, bridge, program, member, "member")


@verb("dump-members", "p4rt-ctl dump-members br0 router\np4rt-ctl dump-members br0 router next_hops")
@bridge_argument
@program_argument
@_profile_argument
def dump_members(settings: Settings, bridge: str, program: str, profile: str | None) -> None:
    """Print the members of an action profile, or of all."""
    _dump(settings, bridge, program, profile, "member")


@verb("add-group", f"p4rt-ctl add-group br0 router '{_GROUP},members=[1,3:2]'")
@bridge_argument
@program_argument
@_group_argument
def add_group(settings: Settings, bridge: str, program: str, group: str) -> None:
    """Add a group to an action selector.

    GROUP is profile=PROFILE,group=NUMBER,members=[MEMBER:WEIGHT,...]; a weight that is not given is
    1.  Entries of a table with this profile refer to it: table=TABLE,...,actions=group(NUMBER)."""
    with settings.program(bridge, program) as loaded:
        loaded.tables.add([_parsed(loaded, group, "group")])


@verb("mod-group", f"p4rt-ctl mod-group br0 router '{_GROUP},members=[1,2,3]'")
@bridge_argument
@program_argument
@_group_argument
def mod_group(settings: Settings, bridge: str, program: str, group: str) -> None:
    """Give a group other members."""
    with settings.program(bridge, program) as loaded:
        loaded.tables.modify(_parsed(loaded, group, "group"))


@verb("del-group", f"p4rt-ctl del-group br0 router '{_GROUP}'")
@bridge_argument
@program_argument
@_group_argument
def del_group(settings: Settings, bridge: str, program: str, group: str) -> None:
    """Delete a group that no entry refers to."""
    _delete(settings, bridge, program, group, "group")


@verb("dump-groups", "p4rt-ctl dump-groups br0 router\np4rt-ctl dump-groups br0 router next_hops")
@bridge_argument
@program_argument
@_profile_argument
def dump_groups(settings: Settings, bridge: str, program: str, profile: str | None) -> None:
    """Print the groups of an action selector, or of all."""
    _dump(settings, bridge, program, profile, "group")
