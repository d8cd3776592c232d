# SPDX-License-Identifier: Apache-2.0
"""What a shell offers for names of bridges and programs."""

from __future__ import annotations

import click

from p4rt.runtime.bridge import Bridge
from p4rt.runtime.errors import P4rtError
from p4rt.runtime.locate import bridges

_PATIENCE = 1.0  # Seconds; nobody waits longer for a completion.


def complete_bridge(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of bridges that begin with `incomplete`."""
    return [b for b in bridges() if b.startswith(incomplete)]


def complete_program(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of programs, of the bridge given before, that begin with `incomplete`."""
    target = ctx.params.get("bridge")
    if not isinstance(target, str):
        return []
    try:
        with Bridge.open(target, _PATIENCE) as bridge:
            return [p.name for p in bridge.programs() if p.name.startswith(incomplete)]
    except P4rtError:
        return []
