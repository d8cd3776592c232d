# SPDX-License-Identifier: Apache-2.0
"""The objects that tests load, compiled once in a run."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLES = CHECKOUT / "examples"
PROGRAMS = Path(__file__).with_name("programs")

# Where objects go; the run's fixture says.
folder = Path()


def source(name: str) -> Path:
    """The file of a program: `order.p4` of tests/e2e/programs, or `router` of examples."""
    path = PROGRAMS / name if "." in name else EXAMPLES / name / f"{name}.p4"
    assert path.exists(), path
    return path


@functools.cache
def built(name: str, **defines: int) -> Path:
    """The object of program `name` (see `source`), P4 or C, with preprocessor definitions."""
    path = source(name)
    suffix = "".join(f"-{key}{value}" for key, value in defines.items())
    result = folder / f"{path.stem}{suffix}.o"
    if path.suffix == ".c":
        return compile_c(path, result, **defines)
    from p4rt.compiler import driver

    options = driver.Options(define=tuple(f"{key}={value}" for key, value in defines.items()))
    result.write_bytes(driver.compile_file(path, options).object)
    return result


@functools.cache
def beside(path: Path) -> Path:
    """The object of the P4 program `path`, with the C for its externs that lies beside it."""
    from p4rt.compiler import driver

    if path == EXAMPLES / path.stem / path.name:
        return built(path.stem)
    c = path.with_suffix(".c")
    options = driver.Options(extern=(str(c),) if c.exists() else ())
    result = folder / f"{path.stem}.o"
    result.write_bytes(driver.compile_file(path, options).object)
    return result


def compile_c(path: Path, result: Path, target: str = "bpf", **defines: int) -> Path:
    """Compiles C for the ABI, as nobody but a test or a foreign compiler does."""
    subprocess.run(
        ["clang-19", "-target", target, "-mcpu=v3", "-O2", "-Wall", "-Werror", "-ffreestanding",
         f"-I{CHECKOUT / 'ubpf/include'}", *(f"-D{key}={value}" for key, value in defines.items()),
         "-c", path, "-o", result],
        check=True,
    )  # fmt: skip
    return result
