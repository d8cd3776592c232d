# SPDX-License-Identifier: Apache-2.0
"""Small P4 programs for tests: what a test does not care about is filled in."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import ubpf
from p4rt.compiler.driver import Options, Result, compile_file

INCLUDES = "#include <core.p4>\n#include <ubpf_model.p4>\n"


def source(
    *,
    first: str = "",
    include: str = "",
    headers: str = "header h_t { bit<8> a; bit<8> b; } struct headers_t { h_t h; }",
    states: str = "state start { pkt.extract(hdr.h); transition accept; }",
    meta: str = "",
    top: str = "",
    locals: str = "",
    apply: str = "",
    emits: str = "pkt.emit(hdr.h);",
) -> str:
    """A program for the newer version of the model; `first` stands before it, `include` is one file more."""
    before = f"{first}\n" if first else ""
    more = f"#include <{include}>\n" if include else ""
    before = f"{first}\n" if first else ""
    return (
        f"{before}{INCLUDES}{more}"
        f"{headers} struct metadata_t {{ {meta} }} {top}\n"
        "parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {\n"
        f"{states}\n}}\n"
        "control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {\n"
        f"{locals}\napply {{\n{apply}\n}}\n}}\n"
        "control dprs(packet_out pkt, in headers_t hdr) { apply {\n"
        f"{emits}\n}} }}\n"
        "ubpf(prs(), pipe(), dprs()) main;\n"
    )


@cache
def compiled(text: str) -> Result:
    """The compiled program."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.p4"
        path.write_text(text)
        return compile_file(path, Options())


def load(text: str) -> ubpf.Program:
    """The program with maps of its own."""
    return ubpf.Program(compiled(text).object)


def loaded(**parts: str) -> ubpf.Program:
    """`source` and `load`."""
    return load(source(**parts))


def table(text: str, name: str) -> dict[str, Any]:
    """What the object says of a table."""
    found: dict[str, Any] = next(item for item in compiled(text).info["tables"] if item["name"] == name)
    return found


def place(slot: dict[str, Any], value: int, into: bytearray) -> None:
    """Write a field as docs/program-info.md says."""
    data = (value << slot.get("shift", 0)).to_bytes(slot["size"], slot["order"])
    into[slot["offset"] : slot["offset"] + slot["size"]] = data


def value_bytes(info: dict[str, Any], action: str, args: dict[str, int]) -> bytes:
    """The bytes of an action with its arguments, in a table's value."""
    chosen = next(item for item in info["actions"] if item["alias"] == action)
    value = bytearray(info["value_size"])
    place(info["action_code"], chosen["code"], value)
    for param in chosen["params"]:
        place(param, args[param["name"]], value)
    return bytes(value)


def add(
    program: ubpf.Program,
    info: dict[str, Any],
    key: dict[str, int],
    action: str,
    prefix: int = 0,
    **args: int,
) -> None:
    """Add an entry; `prefix` is the prefix length of the lpm field."""
    data = bytearray(info["key_size"])
    for item in info["key"]:
        place(item, key[item["name"]], data)
    if "prefix_len" in info:
        place(info["prefix_len"], info["prefix_len"]["base_bits"] + prefix, data)
    program.maps[info["map"]].update(bytes(data), value_bytes(info, action, args))
