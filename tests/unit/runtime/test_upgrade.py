# SPDX-License-Identifier: Apache-2.0
"""What a replacement would misread of what it keeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from p4rt.runtime.entries import parse_entry
from p4rt.runtime.info import ProgramInfo
from p4rt.runtime.local import LocalProgram
from p4rt.runtime.upgrade import misread

ROUTE = "table=route,vrf=7,dst=10.0.2.0/24,actions=forward(port=3,dmac=1)"

Change = Callable[[dict[str, Any]], Any]


def changed(text: str, change: Change) -> ProgramInfo:
    top = json.loads(text)
    change(top)
    return ProgramInfo.from_json(json.dumps(top))


def renumber(top: dict[str, Any]) -> None:
    top["tables"][0]["actions"][0]["code"] = 2
    top["tables"][0]["actions"][1]["code"] = 1


def move_parameter(top: dict[str, Any]) -> None:
    top["tables"][0]["actions"][0]["params"][1]["offset"] = 6


def move_key(top: dict[str, Any]) -> None:
    top["tables"][0]["key"][0]["order"] = "little"


def remove_drop(top: dict[str, Any]) -> None:
    del top["tables"][0]["actions"][1]


def add_action(top: dict[str, Any]) -> None:
    top["tables"][0]["actions"].append({"name": "pipe.punt", "code": 3, "params": []})


def make_const(top: dict[str, Any]) -> None:
    top["tables"][0]["const_keys"] = [bytes(12).hex()]


def resize_and_renumber(top: dict[str, Any]) -> None:
    top["tables"][0]["size"] = 8
    renumber(top)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (renumber, ["table pipe.route: pipe.forward is encoded differently or gone"]),
        (move_parameter, ["table pipe.route: pipe.forward is encoded differently or gone"]),
        (move_key, ["table pipe.route: its key is laid out differently"]),
        (remove_drop, []),  # No entry has it.
        (make_const, ["table pipe.route: other entries of it are const"]),
        (add_action, []),
        (resize_and_renumber, []),  # The switch does not keep the entries.
    ],
)
def test_entries_that_would_mean_something_else(
    program: LocalProgram, info_text: str, change: Change, said: list[str]
) -> None:
    program.tables.add([parse_entry(program.info, ROUTE)])
    assert misread(program.info, program.maps, changed(info_text, change)) == said


@pytest.mark.parametrize("change", [renumber, move_parameter, move_key])
def test_empty_table_is_not_misread(program: LocalProgram, info_text: str, change: Change) -> None:
    assert misread(program.info, program.maps, changed(info_text, change)) == []


def test_default_action_that_would_be_another(program: LocalProgram, info_text: str) -> None:
    def renumber_default(top: dict[str, Any]) -> None:
        top["tables"][3]["actions"][0]["code"] = 4

    said = misread(program.info, program.maps, changed(info_text, renumber_default))
    assert said == ["table pipe.mark: pipe.set_mark is encoded differently or gone"]


def test_register_with_members_elsewhere(program: LocalProgram, info_text: str) -> None:
    def swap(top: dict[str, Any]) -> None:
        top["registers"][1]["value"][0]["offset"] = 8
        top["registers"][1]["value"][1]["offset"] = 0

    new = changed(info_text, swap)
    assert misread(program.info, program.maps, new) == []
    registers = program.registers
    register, _ = registers.find("flow[1]")
    registers.write(registers.parse(register, 1, "{bytes=1,peer.address=2}"))
    assert misread(program.info, program.maps, new) == [
        "register pipe.flow: its members are laid out differently"
    ]
