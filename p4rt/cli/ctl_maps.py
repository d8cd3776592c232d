# SPDX-License-Identifier: Apache-2.0
"""The verbs of p4rt-ctl that work on maps as they are: bytes, without P4 names."""

from __future__ import annotations

import re

import click

from p4rt.cli.command import print_json
from p4rt.cli.ctl_options import Settings, bridge_argument, program_argument, verb
from p4rt.runtime.errors import ErrorCode, InputError, RefusedError
from p4rt.runtime.maps import MapInfo, check_sizes, find_map

_map_argument = click.argument("name", metavar="MAP")
_key_argument = click.argument("key", metavar="KEY")
_READABLE = {
    ErrorCode.KEY: "map {name} has no entry {key}",
    ErrorCode.FULL: "map {name} is full ({max} entries)",
    ErrorCode.READ_ONLY: "map {name} is read-only",
    ErrorCode.INVALID: "map {name} does not allow that for key {key}",
}


def parse_hex(text: str, what: str) -> bytes:
    """Reads bytes as hexadecimal digits, with or without 0x, blanks and colons."""
    digits = re.sub(r"[\s:_]", "", text).removeprefix("0x")
    if not re.fullmatch(r"([0-9a-fA-F]{2})*", digits):
        raise InputError(f"{what} '{text}' is not an even number of hexadecimal digits")
    return bytes.fromhex(digits)


def _explained(error: RefusedError, info: MapInfo, key: bytes) -> RefusedError:
    text = next((t for c, t in _READABLE.items() if c == error.code), str(error))
    return RefusedError(error.code, text.format(name=info.name, key=key.hex(), max=info.max_entries))


@verb("dump-map", "p4rt-ctl dump-map br0 router pipe_route")
@bridge_argument
@program_argument
@_map_argument
def dump_map(settings: Settings, bridge: str, program: str, name: str) -> None:
    """Print the entries of a map in hexadecimal."""
    with settings.program(bridge, program) as loaded:
        entries = sorted(loaded.maps.dump(find_map(loaded.maps, name)))
    if settings.json:
        print_json([{"key": k.hex(), "value": v.hex()} for k, v in entries])
    elif entries:
        click.echo("\n".join(f"key={k.hex()} value={v.hex()}" for k, v in entries))


@verb("update-map", "p4rt-ctl update-map br0 router pipe_route 180000000a000200 0100000002000000")
@bridge_argument
@program_argument
@_map_argument
@_key_argument
@click.argument("value", metavar="VALUE")
def update_map(settings: Settings, bridge: str, program: str, name: str, key: str, value: str) -> None:
    """Write an entry of a map.

    KEY and VALUE are hexadecimal."""
    key_bytes, value_bytes = parse_hex(key, "key"), parse_hex(value, "value")
    with settings.program(bridge, program) as loaded:
        info = find_map(loaded.maps, name)
        check_sizes(info, key_bytes, value_bytes)
        try:
            loaded.maps.update(info, [(key_bytes, value_bytes)])
        except RefusedError as e:
            raise _explained(e, info, key_bytes) from None


@verb("delete-map", "p4rt-ctl delete-map br0 router pipe_route 180000000a000200")
@bridge_argument
@program_argument
@_map_argument
@_key_argument
def delete_map(settings: Settings, bridge: str, program: str, name: str, key: str) -> None:
    """Delete an entry of a map.

    KEY is hexadecimal."""
    key_bytes = parse_hex(key, "key")
    with settings.program(bridge, program) as loaded:
        info = find_map(loaded.maps, name)
        check_sizes(info, key_bytes)
        try:
            loaded.maps.delete(info, [key_bytes])
        except RefusedError as e:
            raise _explained(e, info, key_bytes) from None
