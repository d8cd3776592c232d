# SPDX-License-Identifier: Apache-2.0
"""p4rt-ctl: the tables, registers and maps of a program in a running bridge."""

from __future__ import annotations

from p4rt.cli import (
    ctl_counters,
    ctl_digests,
    ctl_maps,
    ctl_meters,
    ctl_profiles,
    ctl_registers,
    ctl_show,
    ctl_tables,
)
from p4rt.cli.command import finish
from p4rt.cli.ctl_options import ctl

_VERBS = (
    ctl_show.show,
    ctl_show.dump_tables,
    ctl_tables.add_entry,
    ctl_tables.mod_entry,
    ctl_tables.del_entry,
    ctl_tables.dump_entries,
    ctl_tables.add_entries,
    ctl_tables.replace_entries,
    ctl_tables.set_default,
    ctl_profiles.add_member,
    ctl_profiles.mod_member,
    ctl_profiles.del_member,
    ctl_profiles.dump_members,
    ctl_profiles.add_group,
    ctl_profiles.mod_group,
    ctl_profiles.del_group,
    ctl_profiles.dump_groups,
    ctl_registers.read_register,
    ctl_registers.write_register,
    ctl_counters.read_counter,
    ctl_counters.reset_counter,
    ctl_meters.read_meter,
    ctl_meters.set_meter,
    ctl_digests.monitor,
    ctl_maps.dump_map,
    ctl_maps.update_map,
    ctl_maps.delete_map,
)

for _verb in _VERBS:
    ctl.add_command(_verb)


def main() -> None:
    """Entry point of p4rt-ctl."""
    finish(ctl, "p4rt-ctl")
