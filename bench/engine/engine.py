#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a packet costs in a program: native C, native code of the engine's compiler, interpreter.

Each program is run three ways, in turn, round after round, on bursts of 32 copies of one packet: the C
that p4rt-compile generates compiled for this machine, BPF compiled to native code by the engine, and BPF
interpreted.  All three use the same maps.  Prints a Markdown table.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


@dataclass(frozen=True)
class Case:
    """A row: a program (a file, or its text), what is in its tables, and a packet that comes in by port 1."""

    name: str
    program: Path | str
    packet: bytes
    entries: tuple[str, ...] = ()


@dataclass
class Timing:
    """Nanoseconds a packet, one for each round."""

    native: list[float] = field(default_factory=list)
    jit: list[float] = field(default_factory=list)
    interpreter: list[float] = field(default_factory=list)


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


def compile_native(c_source: str, folder: Path, name: str) -> Path:
    """Compiles a generated program for this machine."""
    source = folder / f"{name}.c"
    source.write_text(c_source)
    library = folder / f"{name}.so"
    subprocess.run(
        ["clang-19", "-O2", "-march=native", "-fno-strict-aliasing", "-fPIC", "-shared", "-w",
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
            ctypes.byref(ctypes.c_void_p.in_dll(library, "native_host")),
        )
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

    from p4rt.compiler import driver
    from p4rt.runtime.entries import parse_entries
    from p4rt.runtime.local import LocalProgram

    path = case.program
    name = re.sub(r"\W+", "_", case.name)
    if isinstance(path, str):
        text, path = path, folder / f"{name}.p4"
        path.write_text(text)
    result = driver.compile_file(path)
    local = LocalProgram(result.object, "interpreter")
    if case.entries:
        local.tables.add(parse_entries(local.info, case.entries, case.name))
    compiled = LocalProgram(result.object, "interpreter")
    compiled.engine.adopt_maps(local.engine)
    compiled.engine.compile()

    def address(pointer: Any) -> int:
        return int(ffi.cast("uintptr_t", pointer))

    c = ctypes.CDLL(str(library))
    c.measure_native.restype = c.measure_engine.restype = ctypes.c_double
    handle = local.engine._handle
    maps = {spec: address(engine().ubpf_prog_map(handle, i)) for i, spec in enumerate(local.engine.maps)}
    native = Native(c, compile_native(result.c_source, folder, name), result.c_source, maps)
    verdicts = [(ctypes.c_uint32 * 32)() for _ in range(3)]
    runs = [
        (c.measure_native, native.entry),
        (c.measure_engine, ctypes.c_void_p(address(compiled.engine._handle))),
        (c.measure_engine, ctypes.c_void_p(address(handle))),
    ]
    timing = Timing()
    for turn in range(-1, rounds):
        times = []
        for i, (function, program) in enumerate(runs):
            bursts = 51 if i == 2 else 301
            times.append(function(program, case.packet, len(case.packet), bursts, verdicts[i]))
        if turn >= 0:
            timing.native.append(times[0])
            timing.jit.append(times[1])
            timing.interpreter.append(times[2])
    seen = {tuple(v) for v in verdicts}
    if len(seen) != 1:
        raise SystemExit(f"{case.name}: the engines disagree: {seen}")
    return timing


def packet(text: str) -> bytes:
    """A frame from hexadecimal digits, padded to 64 bytes."""
    return bytes.fromhex(text).ljust(64, b"\0")


def example_cases() -> list[Case]:
    """The programs under examples/, with the entries and the first packet of their scripts."""
    cases = []
    for script in sorted(CHECKOUT.glob("examples/*/*.stf")):
        entries = script.with_suffix(".entries")
        first = re.search(r"^packet \d+ ([0-9a-f ]+)$", script.read_text(), re.M)
        assert first is not None
        cases.append(
            Case(f"examples/{script.stem}", script.with_suffix(".p4"), packet(first[1]),
                 tuple(entries.read_text().splitlines()))
        )  # fmt: skip
    return cases


def show(case: Case, timing: Timing) -> str:
    """A row of the table."""
    def ratios(of: list[float], to: list[float]) -> list[float]:
        return [a / b if b else 1.0 for a, b in zip(of, to, strict=True)]

    ratio = ratios(timing.jit, timing.native)
    slower = statistics.median(ratios(timing.interpreter, timing.jit))
    quartiles = statistics.quantiles(ratio, n=4)
    return (
        f"| {case.name} | {statistics.median(timing.native):.1f} | {statistics.median(timing.jit):.1f} "
        f"| {statistics.median(timing.interpreter):.0f} | {statistics.median(ratio):.2f} "
        f"({quartiles[0]:.2f}-{quartiles[2]:.2f}) | {slower:.0f} |"
    )


def main() -> None:
    """Builds, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    parser.add_argument("--build", type=Path, default=CHECKOUT / ".build/bench-engine")
    args = parser.parse_args()
    args.build.mkdir(parents=True, exist_ok=True)
    library = build_engine(args.build)
    with tempfile.TemporaryDirectory() as folder:
        for case in example_cases():
            if args.only in case.name:
                print(show(case, measure(library, case, Path(folder), args.rounds)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
