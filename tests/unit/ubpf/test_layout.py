# SPDX-License-Identifier: Apache-2.0
"""The binding's declarations are those of the C headers."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ubpf._library import ffi

import ubpf

ENGINE = Path(__file__).resolve().parents[3] / "ubpf"

STRUCTS = [
    "ubpf_buffer",
    "ubpf_ctx",
    "ubpf_host",
    "ubpf_limits",
    "ubpf_map_def",
    "ubpf_map_info",
    "ubpf_run",
]
ENUMS: dict[str, int] = {
    **{f"UBPF_{verdict.name}": verdict for verdict in ubpf.Verdict},
    **{f"UBPF_MAP_TYPE_{kind.name}": kind for kind in ubpf.MapType},
    **{f"UBPF_MAP_F_{flag.name}": flag for flag in ubpf.MapFlags},
    **{f"UBPF_{flag.name}": flag for flag in ubpf.UpdateFlags},
}


def test_layout_is_that_of_the_headers(tmp_path: Path) -> None:
    assertions = []
    for name in STRUCTS:
        struct = ffi.typeof(f"struct {name}")
        assertions.append(f"sizeof(struct {name}) == {ffi.sizeof(struct)}")
        for field, description in struct.fields:
            assertions.append(f"offsetof(struct {name}, {field}) == {description.offset}")
            size = ffi.sizeof(description.type)
            assertions.append(f"sizeof(((struct {name} *) 0)->{field}) == {size}")
    assertions += [f"{name} == {int(value)}" for name, value in ENUMS.items()]
    source = tmp_path / "layout.c"
    source.write_text(
        "#include <stddef.h>\n#include <ubpf/ubpf.h>\n"
        + "".join(f'_Static_assert({text}, "");\n' for text in assertions)
    )
    assert len(assertions) > 50
    subprocess.run(["cc", "-std=c11", f"-I{ENGINE}/include", "-fsyntax-only", str(source)], check=True)
