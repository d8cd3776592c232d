#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures how long p4rt-compile takes, from a cold start to the object.

The examples, a generated program of about 5,000 lines (headers, parser states, tables, actions, registers),
and a table with 10,000 const entries.  What is printed is a table for docs/performance.md.

The modules are compiled to Python's bytecode before, as pip does when it installs them; an editable
installation lacks that where $PYTHONDONTWRITEBYTECODE is set, and then takes 0.15 s more.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMPILE = [sys.executable, "-c", "from p4rt.cli.compile import main; main()"]
_PART = """
header tag{n}_t {{
    bit<16> kind;
    bit<12> id;
    bit<4>  flags;
    bit<32> value;
    bit<48> station;
}}

struct meta{n}_t {{
    bit<32> class;
    bit<16> next;
    bool    seen;
}}
"""
_STATE = """
    state tag{n} {{
        pkt.extract(hdr.tag{n});
        transition select(hdr.tag{n}.kind) {{
            0x{next:04x}: {follow};
            default: accept;
        }}
    }}
"""
_CONTROL = """
control stage{n}(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {{
    Register<bit<64>, bit<32>>(16) seen;

    action set_class(bit<32> class) {{
        meta.m{n}.class = class;
        meta.m{n}.seen = true;
    }}

    action mark(bit<12> id, bit<4> flags) {{
        hdr.tag{n}.id = id;
        hdr.tag{n}.flags = flags | hdr.tag{n}.flags;
    }}

    action forward(bit<32> port, bit<48> station) {{
        std.output_action = ubpf_action.REDIRECT;
        std.output_port = port;
        hdr.tag{n}.station = station;
    }}

    action drop() {{
        std.output_action = ubpf_action.DROP;
    }}

    table classes {{
        key = {{
            hdr.tag{n}.value: lpm;
        }}
        actions = {{
            set_class;
            NoAction;
        }}
        default_action = NoAction();
        size = 1024;
    }}

    table tags {{
        key = {{
            hdr.tag{n}.id: exact;
            meta.m{n}.class: exact;
        }}
        actions = {{
            mark;
            forward;
            drop;
        }}
        const default_action = drop();
        const entries = {{
            (1, 1): mark(7, 3);
            (2, 1): forward(2, 0x020000000001);
        }}
    }}

    apply {{
        if (hdr.tag{n}.isValid()) {{
            classes.apply();
            if (meta.m{n}.seen) {{
                tags.apply();
            }} else {{
                seen.write(0, seen.read(0) + 1);
            }}
            meta.m{n}.next = (bit<16>) hdr.tag{n}.value + 1;
        }}
    }}
}}
"""
_MODEL = "#include <core.p4>\n#include <ubpf_model.p4>\n"
_EMPTY = """
header h_t { bit<16> a; }
struct headers_t { h_t h; }
struct metadata_t { }
parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std) {
    state start { pkt.extract(hdr.h); transition accept; }
}
"""
_DEPARSER = """
control dprs(packet_out pkt, in headers_t hdr) {{ apply {{ {} }} }}
ubpf(prs(), pipe(), dprs()) main;
"""
_PIPE = "control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std) {"


def large(stages: int) -> str:
    """A program of about 88 lines for each stage."""
    numbers = range(stages)
    lines = [_MODEL, *(_PART.format(n=n) for n in numbers)]
    lines.append("struct headers_t {" + "".join(f"\n    tag{n}_t tag{n};" for n in numbers) + "\n}")
    lines.append("struct metadata_t {" + "".join(f"\n    meta{n}_t m{n};" for n in numbers) + "\n}")
    lines.append("parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta,")
    lines.append("           inout standard_metadata std) {")
    lines.append("    state start {\n        transition tag0;\n    }")
    for n in numbers:
        follow = f"tag{n + 1}" if n + 1 < stages else "accept"
        lines.append(_STATE.format(n=n, next=n + 1, follow=follow))
    lines.append("}")
    lines += [_CONTROL.format(n=n) for n in numbers]
    lines.append(_PIPE)
    lines += [f"    stage{n}() s{n};" for n in numbers]
    lines += ["    apply {", *(f"        s{n}.apply(hdr, meta, std);" for n in numbers), "    }\n}"]
    lines.append(_DEPARSER.format("\n".join(f"pkt.emit(hdr.tag{n});" for n in numbers)))
    return "\n".join(lines)


def entries(number: int) -> str:
    """A program with a table of so many const entries."""
    rows = "\n".join(f"            {n}: set({n * 7 % 65536});" for n in range(number))
    return f"""{_MODEL}{_EMPTY}{_PIPE}
    action set(bit<16> v) {{ hdr.h.a = v; }}
    table t {{
        key = {{ hdr.h.a: exact; }}
        actions = {{ set; NoAction; }}
        default_action = NoAction();
        const entries = {{
{rows}
        }}
    }}
    apply {{ t.apply(); }}
}}
{_DEPARSER.format("pkt.emit(hdr.h);")}"""


def seconds(source: Path, folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Times of compilations, after one that does not count: of the wall's clock, and of processors."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    times = []
    for _ in range(rounds + 1):
        start, used = time.perf_counter(), _used()
        subprocess.run([*COMPILE, str(source), "-o", str(folder / "out.o")], check=True, env=environment)
        times.append((time.perf_counter() - start, _used() - used))
    return times[1:]


def _used() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measures, and prints a table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--rounds", type=int, default=7)
    rounds = options.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = {"large.p4": large(56), "entries.p4": entries(10_000)}
        for file, text in made.items():
            (folder / file).write_text(text)
        sources = [*sorted(ROOT.glob("examples/*/*.p4")), *(folder / file for file in made)]
        print("| program | lines | median s | best s | CPU s |\n| --- | ---: | ---: | ---: | ---: |")
        for source in sources:
            times = seconds(source, folder, rounds)
            lines = source.read_text().count("\n")
            walls, used = zip(*times, strict=True)
            figures = statistics.median(walls), min(walls), statistics.median(used)
            print(f"| {source.name} | {lines:,} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")


if __name__ == "__main__":
    main()
