#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What operations on maps cost, by size, beside DPDK's tables where DPDK is installed.

Runs run.sh, which builds and times them, and prints Markdown tables.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]

sys.path.insert(0, str(HERE.parent / "engine"))

from plots import bars  # noqa: E402

Row = dict[str, Any]


def run(most: int) -> list[Row]:
    """What was measured, a row for each engine and size."""
    done = subprocess.run(
        [HERE / "run.sh", str(most)], check=True, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table, of which the first column is text."""
    rule = ["---", *("---:" for _ in head[1:])]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def lookups(rows: list[Row]) -> dict[tuple[str, int], dict[str, float]]:
    """Times of lookups by engine, of each table and size."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        if "engine" in row:
            found.setdefault((row["table"], row["size"]), {})[row["engine"]] = row["ns"]
    return found


def times(by: dict[str, float], names: list[str]) -> list[str]:
    """The cells for 'names', empty where something was not measured."""
    return [f"{by[name]:.1f}" if name in by else "" for name in names]


def rules(found: dict[tuple[str, int], dict[str, float]]) -> list[str]:
    """The table of access lists."""
    names = ["libubpf", "rte_acl", "rte_acl, 32 at once"]
    head = ["rules for five fields", "masks", *names, "libubpf, add", "rte_acl, build"]
    cells = []
    for (kind, size), by in found.items():
        if kind == "acl":
            built = [by.get(f"{name}, built") for name in ("libubpf", "rte_acl")]
            built_cells = [f"{ns:,.0f}" if ns else "" for ns in built]
            cells.append([f"{size:,}", f"{by['masks']:.0f}", *times(by, names), *built_cells])
    return table(head, cells)


def threads(rows: list[Row]) -> list[str]:
    """The table of lookups in several threads at once."""
    by: dict[str, list[str]] = {}
    for row in rows:
        if "threads" in row:
            by.setdefault(row["table"], []).append(f"{row['ns']:.1f}")
    head = ["10,000 entries: threads at once", "1", "2", "4"]
    return table(head, [[name, *cells] for name, cells in by.items()])


def report(rows: list[Row]) -> str:
    """All tables."""
    found = lookups(rows)
    lines = []
    for kind, title, other in (
        ("hash", "hash, 16-byte keys", ["rte_hash"]),
        ("lpm", "LPM, IPv4", ["rte_lpm", "rte_lpm, number"]),
    ):
        names = ["libubpf", "libubpf, called", *other]
        head = [f"{title}: entries", "libubpf, inlined", "libubpf, called", *other]
        cells = [[f"{size:,}", *times(by, names)] for (name, size), by in found.items() if name == kind]
        lines += [*table(head, cells), ""]
    cells = [
        [name.split()[1], *times(by, ["libubpf", "all masks"])]
        for (name, _), by in found.items()
        if name.startswith("ternary")
    ]
    lines += [*table(["ternary, 10,000 entries, 16-byte keys: masks", "libubpf", "every mask"], cells), ""]
    lines += [*rules(found), "", *threads(rows), ""]
    lines += updates(rows)
    return "\n".join(lines)


def updates(rows: list[Row]) -> list[str]:
    """The table of updates: one by one, and in batches."""
    names = ("add", "replace", "delete")
    by: dict[str, list[str]] = {}
    for row in rows:
        if "add" in row:
            by.setdefault(f"{row['table']}, {row['size']:,}", []).extend(str(row[name]) for name in names)
    head = ["updates: entries", *names, *(f"{name}, in batches" for name in names)]
    return table(head, [[name, *cells] for name, cells in by.items()])


def write(text: str, rows: list[Row]) -> None:
    """Puts the tables into docs/performance.md and a plot into docs/img."""
    page = CHECKOUT / "docs/performance.md"
    begin, end = "<!-- begin bench/maps -->", "<!-- end bench/maps -->"
    before, _, rest = page.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_end:
        raise SystemExit(f"{page}: no lines {begin} and {end}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
    groups = {
        f"{kind}, {size:,} entries": [by[name] for name in ("libubpf", f"rte_{kind}") if name in by]
        for (kind, size), by in sorted(lookups(rows).items())
        if kind in ("hash", "lpm")
    }
    engines = ("libubpf", "DPDK")[: max(map(len, groups.values()))]
    images = CHECKOUT / "docs/img"
    images.mkdir(exist_ok=True)
    (images / "maps.svg").write_text(bars("Nanoseconds a lookup", engines, groups))


def main() -> None:
    """Builds, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1000000, help="entries of the largest maps")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and docs/img, too")
    args = parser.parse_args()
    rows = run(args.most)
    text = report(rows)
    print(text)
    if args.write:
        write(text, rows)


if __name__ == "__main__":
    main()
