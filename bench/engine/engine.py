#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a packet costs in a program: native C, native code of the engine's compiler, interpreter.

Each program is run four ways, in turn, round after round, on bursts of 32 copies of one packet: the C
that p4rt-compile generates compiled for this machine, the same C with the lookups and hashes inlined that
the engine inlines, BPF compiled to native code by the engine, and BPF interpreted.  All use the same maps.
Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


if TYPE_CHECKING:
    from ubpf.map import MapSpec

sys.path.insert(0, str(HERE))

from plots import bars, curves  # noqa: E402
from programs import Case, all_cases, lookups  # noqa: E402


@dataclass
class Timing:
    """Nanoseconds a packet, one for each round."""

    native: list[float] = field(default_factory=list)
    inlined: list[float] = field(default_factory=list)
    jit: list[float] = field(default_factory=list)
    interpreter: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """What was measured: Markdown, and the numbers for plots."""

    text: str
    timings: dict[str, Timing]
    loads: list[tuple[int, float, float, float]]


def build_engine(folder: Path) -> Path:
    """Builds libubpf, its compiler and measure.c; returns the shared library that has the first and last."""
    build = folder / "libubpf"
    subprocess.run(
        ["cmake", "-S", CHECKOUT / "ubpf", "-B", build, "-DUBPF_JIT=ON", "-DCMAKE_BUILD_TYPE=Release"],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    subprocess.run(["cmake", "--build", build, "-j2"], check=True, stdout=subprocess.DEVNULL)
    library = folder / "libmeasure.so"
    subprocess.run(
        ["cc", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", f"-I{CHECKOUT}/ubpf/include",
         f"-I{CHECKOUT}/ubpf/src", HERE / "measure.c", "-Wl,--whole-archive", build / "libubpf.a",
         "-Wl,--no-whole-archive", "-pthread", "-o", library],
        check=True,
    )  # fmt: skip
    os.environ["UBPF_LIBRARY"] = str(library)
    os.environ["UBPF_JIT"] = str(build / "libubpf-jit.so")
    return library


def inline_lookups(c_source: str, specs: Iterable[MapSpec]) -> str:
    """A generated program with lookups that know their maps, in place of calls through the maps."""
    from ubpf import MapFlags, MapType

    functions = []
    for spec in specs:
        here = f"native_map(&{spec.name}), key"
        sizes = {
            MapType.ARRAY: ("array", spec.max_entries, (spec.value_size + 7) & ~7),
            MapType.HASH: ("hash", spec.key_size),
            MapType.LRU_HASH: ("lru", spec.key_size),
            MapType.LPM: ("lpm", spec.key_size),
            MapType.TERNARY: ("ternary", spec.key_size, spec.extra),
            MapType.THREAD_ARRAY: ("thread_array", spec.max_entries, spec.value_size, "native_thread"),
        }.get(spec.type)
        if spec.name.startswith(".") or not sizes or spec.flags & MapFlags.AGING:
            continue
        kind, *constants = sizes
        functions.append(
            f"extern struct ubpf_map_def {spec.name};\n"
            f"static inline __attribute__((always_inline)) void *lookup_{spec.name}(const void *key)\n"
            f"{{ return {kind}_lookup_inline({here}, {', '.join(map(str, constants))}); }}\n"
        )
        c_source = c_source.replace(f"map_lookup(&{spec.name}, ", f"lookup_{spec.name}(")
    return "".join(functions) + c_source


def compile_native(c_source: str, folder: Path, name: str, *options: str) -> Path:
    """Compiles a generated program for this machine."""
    source = folder / f"{name}.c"
    source.write_text(c_source)
    library = folder / f"{name}.so"
    subprocess.run(
        ["clang-19", "-O2", "-march=native", "-fno-strict-aliasing", "-fPIC", "-shared", "-w", *options,
         f"-I{CHECKOUT}/ubpf/include", f"-I{CHECKOUT}/ubpf/src", "-include", HERE / "native.h",
         source, "-o", library],
        check=True,
    )  # fmt: skip
    return library


class Native:
    """A program compiled for this machine that uses the maps of a loaded one."""

    def __init__(self, measure: Any, path: Path, c_source: str, maps: dict[str, int]) -> None:
        library = ctypes.CDLL(str(path))
        measure.measure_prepare(
            ctypes.byref((ctypes.c_void_p * 64).in_dll(library, "native_helpers")),
            *(
                ctypes.byref(ctypes.c_void_p.in_dll(library, f"native_{name}"))
                for name in ("host", "thread", "meters", "meter_update")
            ),
        )
        self.now = ctypes.c_void_p(ctypes.addressof(ctypes.c_uint64.in_dll(library, "native_now")))
        for name, address in maps.items():
            if not name.startswith("."):
                ctypes.c_uint64.in_dll(library, name).value = address
        entry = re.search(r"SECTION\(UBPF_SEC_PROG\) uint64_t (\w+)\(", c_source)
        assert entry is not None
        self.entry = ctypes.cast(getattr(library, entry[1]), ctypes.c_void_p)
        self._library = library


def measure(library: Path, case: Case, folder: Path, rounds: int) -> Timing:
    """Runs one program in all ways."""
    from ubpf._library import ffi
    from ubpf._library import library as engine
    from ubpf.map import read_spec

    from p4rt.compiler import driver
    from p4rt.runtime.entries import parse_entries
    from p4rt.runtime.local import LocalProgram
    from p4rt.runtime.meters import parse_rates

    path = case.program
    name = re.sub(r"\W+", "_", case.name)
    if isinstance(path, str):
        text, path = path, folder / f"{name}.p4"
        path.write_text(text)
    result = driver.compile_file(path)
    local = LocalProgram(result.object, "interpreter")
    if case.entries:
        local.tables.add(parse_entries(local.info, case.entries, case.name))
    for meter, rates in case.meters:
        local.meters.set(meter, parse_rates(rates))
    compiled = LocalProgram(result.object, "interpreter")
    compiled.engine.adopt_maps(local.engine)
    compiled.engine.compile()

    def address(pointer: Any) -> int:
        return int(ffi.cast("uintptr_t", pointer))

    c = ctypes.CDLL(str(library))
    c.measure_native.restype = c.measure_engine.restype = ctypes.c_double
    handle = local.engine._handle
    maps = {spec: address(engine().ubpf_prog_map(handle, i)) for i, spec in enumerate(local.engine.maps)}
    specs = [read_spec(handle, i) for i in range(len(maps))]
    source = result.c_source
    inlined_source = inline_lookups(source, specs)
    native = Native(c, compile_native(source, folder, name), source, maps)
    inlined = Native(
        c, compile_native(inlined_source, folder, f"{name}_inlined", "-DNATIVE_INLINED"), inlined_source, maps
    )
    timing = Timing()
    runs: list[tuple[list[float], Any, tuple[Any, ...]]] = [
        (timing.native, c.measure_native, (native.entry, native.now)),
        (timing.inlined, c.measure_native, (inlined.entry, inlined.now)),
        (timing.jit, c.measure_engine, (ctypes.c_void_p(address(compiled.engine._handle)),)),
        (timing.interpreter, c.measure_engine, (ctypes.c_void_p(address(handle)),)),
    ]
    verdicts = [(ctypes.c_uint32 * 32)() for _ in runs]
    for turn in range(-1, rounds):
        for (times, function, program), verdict in zip(runs, verdicts, strict=True):
            bursts = 51 if times is timing.interpreter else 301
            nanoseconds = function(*program, case.packet, len(case.packet), bursts, verdict)
            if turn >= 0:
                times.append(nanoseconds)
    seen = {tuple(v) for v in verdicts}
    if len(seen) != 1:
        raise SystemExit(f"{case.name}: the engines disagree: {seen}")
    return timing


def ratios(of: list[float], to: list[float]) -> list[float]:
    """The ratios of two engines in the same rounds."""
    return [a / b if b else 1.0 for a, b in zip(of, to, strict=True)]


def row(case: Case, timing: Timing) -> str:
    """A row of the table."""
    ratio = ratios(timing.jit, timing.native)
    slower = statistics.median(ratios(timing.interpreter, timing.jit))
    low, _, high = statistics.quantiles(ratio, n=4)
    times = (timing.native, timing.inlined, timing.jit, timing.interpreter)
    fair = statistics.median(ratios(timing.jit, timing.inlined))
    cells = [
        case.name,
        *(f"{statistics.median(t):.1f}" for t in times),
        f"{statistics.median(ratio):.2f}",
        f"{low:.2f}-{high:.2f}",
        f"{fair:.2f}",
        f"{slower:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def summary(timings: dict[str, Timing]) -> str:
    """The medians and extremes over all programs, as a sentence."""
    jit = {name: statistics.median(ratios(t.jit, t.native)) for name, t in timings.items()}
    slower = {name: statistics.median(ratios(t.interpreter, t.jit)) for name, t in timings.items()}
    fair = {name: statistics.median(ratios(t.jit, t.inlined)) for name, t in timings.items()}
    worst = max(jit, key=lambda name: jit[name])
    unfair = max(fair, key=lambda name: fair[name])
    least = min(slower, key=lambda name: slower[name])
    return (
        f"Over these {len(timings)} programs the engine's native code takes\n"
        f"{statistics.median(jit.values()):.2f} times as long as native C in the median and "
        f"{jit[worst]:.2f} times at worst ({worst});\n"
        f"{statistics.median(fair.values()):.2f} and {fair[unfair]:.2f} times ({unfair}) where the C has the "
        "same lookups and hashes inlined;\n"
        f"the interpreter takes {statistics.median(slower.values()):.1f} times as long as the engine's "
        f"native code in the median, {slower[least]:.1f} times at least ({least})."
    )


def load_times(rounds: int) -> list[tuple[int, float, float, float]]:
    """Times in ms to load and to compile programs by their number of instructions.

    A program of n tables of the same kind has about 60 times n instructions.  Each row is the size, the
    medians of loading (reading, verifying, making maps) and of compiling, and their sum.
    """
    import ubpf
    from p4rt.compiler import driver

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in (1, 2, 4, 8, 16, 32, 64):
            path = Path(folder) / f"tables{n}.p4"
            path.write_text(str(lookups("exact", n).program))
            elf = driver.compile_file(path).object
            load, compile_ = [], []
            for _ in range(rounds):
                start = time.thread_time()
                program = ubpf.Program(elf, engine="interpreter")
                middle = time.thread_time()
                program.compile()
                load.append((middle - start) * 1e3)
                compile_.append((time.thread_time() - middle) * 1e3)
            times = statistics.median(load), statistics.median(compile_)
            rows.append((program.n_insns, *times, sum(times)))
    return rows


def report(build: Path, rounds: int, only: str) -> Report:
    """Measures everything."""
    library = build_engine(build)
    timings, rows = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for case in all_cases():
            if only in case.name:
                timings[case.name] = measure(library, case, Path(folder), rounds)
                rows.append(row(case, timings[case.name]))
                print(rows[-1], file=sys.stderr, flush=True)
    loads = [] if only else load_times(7)
    lines = [
        "| program | native C, ns | inlined, ns | engine, ns | interpreter, ns | engine / native C |"
        " quartiles | engine / inlined | interpreter / engine |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
    ]
    load_lines = [
        "| instructions | load and verify, ms | compile, ms | both, ms |",
        "| ---: | ---: | ---: | ---: |",
        *(f"| {n} | {a:.1f} | {b:.1f} | {c:.1f} |" for n, a, b, c in loads),
    ]
    text = "\n".join([*lines, "", summary(timings), "", *(load_lines if loads else [])])
    return Report(text, timings, loads)


def write(found: Report) -> None:
    """Puts tables into docs/performance.md and plots into docs/img."""
    page = CHECKOUT / "docs/performance.md"
    begin, end = "<!-- begin bench/engine -->", "<!-- end bench/engine -->"
    before, _, rest = page.read_text().partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_end:
        raise SystemExit(f"{page}: no lines {begin} and {end}")
    page.write_text(f"{before}{begin}\n{found.text}\n{end}{after}")
    images = CHECKOUT / "docs/img"
    images.mkdir(exist_ok=True)
    groups = {
        name: tuple(statistics.median(times) for times in (t.native, t.inlined, t.jit, t.interpreter))
        for name, t in found.timings.items()
    }
    names = ("native C", "inlined", "engine", "interpreter")
    (images / "engine.svg").write_text(bars("Nanoseconds a packet", names, groups))
    sizes = [n for n, *_ in found.loads]
    series = {
        "compile": [b for _, _, b, _ in found.loads],
        "load and verify": [a for _, a, _, _ in found.loads],
    }
    (images / "load.svg").write_text(curves("CPU time to load a program, ms", "instructions", sizes, series))


def main() -> None:
    """Builds, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    parser.add_argument("--build", type=Path, default=CHECKOUT / ".build/bench-engine")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and docs/img, too")
    args = parser.parse_args()
    args.build.mkdir(parents=True, exist_ok=True)
    found = report(args.build, args.rounds, args.only)
    print(found.text)
    if args.write:
        write(found)


if __name__ == "__main__":
    main()
