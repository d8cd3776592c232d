# SPDX-License-Identifier: Apache-2.0
"""The command p4rt-compile: what it writes, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from p4_programs import source


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from p4rt.cli.compile import main; main()", *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.p4").write_text(source())
    (tmp_path / "bad.p4").write_text(source(apply="hdr.h.a = nothing;"))
    return tmp_path


def test_object_goes_to_the_current_folder(folder: Path):
    (folder / "sub").mkdir()
    done = run(folder / "sub", "../good.p4")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / "sub" / "good.o").read_bytes()[:4] == b"\x7fELF"
    assert [path.name for path in (folder / "sub").iterdir()] == ["good.o"]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("c", "struct ubpf_ctx *ctx"), ("ir", "return"), ("asm", "exit"), ("p4info", "pkg_info {")],
)
def test_stages_go_to_stdout(folder: Path, stage: str, expected: str):
    done = run(folder, "good.p4", "--emit", stage)
    assert done.returncode == 0 and expected in done.stdout
    assert not (folder / "good.o").exists()


def test_p4info_goes_to_a_file_too(folder: Path):
    assert run(folder, "good.p4", "--p4info", "info.txt").returncode == 0
    assert (folder / "info.txt").read_text().startswith('pkg_info {\n  name: "good"')
    assert (folder / "good.o").exists()


def test_error_names_the_place_and_leaves_the_old_object(folder: Path):
    (folder / "bad.o").write_text("old")
    done = run(folder, "bad.p4")
    assert done.returncode == 1
    assert (
        done.stderr.startswith("bad.p4:10:11: error: ")
        and "  hdr.h.a = nothing;\n            ^~~~~~~" in done.stderr
    )
    assert (folder / "bad.o").read_text() == "old"


def test_diagnostics_as_json(folder: Path):
    done = run(folder, "bad.p4", "--diagnostics", "json")
    (message,) = json.loads(done.stderr)
    assert (done.returncode, message["severity"], message["line"], message["column"]) == (1, "error", 10, 11)
    assert json.loads(run(folder, "good.p4", "--diagnostics", "json").stderr) == []


def test_warning_becomes_an_error_with_werror(folder: Path):
    text = source(
        locals="table t { key = { hdr.h.a: exact; } actions = { NoAction; } frobs = 3; }",
        apply="t.apply();",
    )
    (folder / "warn.p4").write_text(text)
    done = run(folder, "warn.p4")
    assert done.returncode == 0
    assert "warning: property 'frobs' of table 't' has no meaning" in done.stderr
    done = run(folder, "warn.p4", "-Werror")
    assert done.returncode == 1 and "error: property 'frobs'" in done.stderr


def test_define_and_include(folder: Path):
    (folder / "inc").mkdir()
    (folder / "inc" / "more.p4").write_text("const bit<8> MORE = VALUE;\n")
    (folder / "use.p4").write_text('#include "more.p4"\n' + source(apply="hdr.h.a = MORE;"))
    assert run(folder, "use.p4", "-I", "inc", "-D", "VALUE=7").returncode == 0
    assert run(folder, "use.p4").returncode == 1


def test_missing_file_folder_and_usage(folder: Path):
    done = run(folder, "none.p4")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "none.p4" in done.stderr
    done = run(folder, "good.p4", "-o", "no/such/folder/x.o")
    assert (
        done.returncode == 1
        and "No such file or directory" in done.stderr
        and len(done.stderr.splitlines()) == 1
    )
    assert run(folder).returncode == 2
    assert run(folder, "good.p4", "--emit", "pdf").returncode == 2


def test_missing_clang_is_one_line(folder: Path):
    done = run(folder, "good.p4", PATH="/nonexistent")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and "clang-19" in done.stderr


def test_internal_error_is_one_line_and_status_70(folder: Path):
    code = (
        "from p4rt.compiler import driver\n"
        "def boom(*_): raise ValueError('boom')\n"
        "driver.translate = boom\n"
        "from p4rt.cli.compile import main; main()"
    )
    for more, lines in (([], 1), (["--debug"], 4)):
        done = subprocess.run(
            [sys.executable, "-c", code, "good.p4", *more],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 70
        assert "internal compiler error: ValueError: boom; please report it" in done.stderr
        assert (len(done.stderr.splitlines()) == 1) == (lines == 1)


@pytest.mark.parametrize("stem", ["prog", "maps", "main", "while", "9 lives", "naïve"])
def test_any_file_name_will_do(folder: Path, stem: str):
    text = source(locals="Register<bit<8>, bit<8>>(1) prog;", apply="prog.write(0, 1);")
    (folder / f"{stem}.p4").write_text(text)
    done = run(folder, f"{stem}.p4")
    assert (done.returncode, done.stderr) == (0, "")
    assert (folder / f"{stem}.o").exists()


_HEAVY = ("cffi", "dataclasses", "elftools", "grpc", "ovs", "ply", "rich", "ubpf", "p4rt.runtime.info")


def test_a_compilation_loads_only_what_it_needs(folder: Path):
    """What a module costs to load, each compilation pays; the grammar's tables are there from the first."""
    code = (
        "import sys; from p4rt.cli.compile import main; import atexit\n"
        f"atexit.register(lambda: print(*(name for name in {_HEAVY} if name in sys.modules)))\nmain()"
    )
    assert run(folder, "good.p4").returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", code, "good.p4"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, [], "")
