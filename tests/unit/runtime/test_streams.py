# SPDX-License-Identifier: Apache-2.0
"""The commands when stdin, stdout or stderr is closed, full, endless or cut, and when interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Outcome = tuple[int, str, str]
Shell = Callable[[str], Outcome]


@pytest.fixture
def shell(tmp_path: Path, object_file: Path) -> Shell:
    """Runs a shell line, in a folder that has example.o, in which `run`, `ctl`, ... are commands."""
    (tmp_path / "example.o").write_bytes(object_file.read_bytes())
    for name in ("run", "ctl", "inject", "compile"):
        (tmp_path / f"p4rt-{name}").write_text(f"from p4rt.cli.{name} import main; main()\n")

    def call(line: str) -> Outcome:
        functions = "".join(
            f'{name}() {{ "{sys.executable}" p4rt-{name} "$@"; }}\n'
            for name in ("run", "ctl", "inject", "compile")
        )
        environment = os.environ | {"OVS_RUNDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            ["bash", "-c", f"ulimit -v 2000000\n{functions}{line}"], cwd=tmp_path, env=environment,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("run example.o >/dev/full", "p4rt-run: cannot write the result: No space left on device\n"),
        ("run example.o >&-", "p4rt-run: cannot write the result: Bad file descriptor\n"),
        ("run example.o --entries - <&-", "p4rt-run: -: stdin is closed\n"),
        ("run example.o --in /dev/zero", "p4rt-run: /dev/zero: not a pcap or pcapng file\n"),
        ("run example.o --entries /dev/zero", "p4rt-run: /dev/zero: too large: the most is 256 MiB\n"),
        ("inject -b br0 /dev/zero", "p4rt-inject: /dev/zero: too large: the most is 64 MiB\n"),
        ("inject -b br0 --name '' example.o",
         "p4rt-inject: '' cannot name a program: use 1 to 63 of A-Z a-z 0-9 _ . -\n"),
        (r"ctl show $'b\e[31m' x",
         r"p4rt-ctl: b\x1b[31m is not a bridge or a socket (looked in {dir}; "
         "no bridge is there; is ovs-vswitchd running?)\n"),
        ("ctl show br0 x 2>&-", ""),
        ("compile nothing.p4 -o x/y.o",
         "nothing.p4: error: cannot read: No such file or directory [input]\n"),
    ],
)  # fmt: skip
def test_refusals_are_one_line(shell: Shell, tmp_path: Path, line: str, message: str) -> None:
    assert shell(line) == (1, "", message.replace("{dir}", str(tmp_path)))


PROGRAM = """
#include <core.p4>
#include <ubpf_model.p4>
struct headers { }
struct metadata { }
parser prs(packet_in p, out headers h, inout metadata m, inout standard_metadata s) {
    state start { transition accept; }
}
control pipe(inout headers h, inout metadata m, inout standard_metadata s) { apply { } }
control dprs(packet_out p, in headers h) { apply { } }
ubpf(prs(), pipe(), dprs()) main;
"""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("compile empty.p4 -o no/x.o", "p4rt-compile: no/x.o: No such file or directory\n"),
        ("compile empty.p4 -o /dev/full", "p4rt-compile: /dev/full: No space left on device\n"),
        ("compile empty.p4 --emit c >/dev/full", "p4rt-compile: stdout: No space left on device\n"),
        ("compile empty.p4 --emit c >&-", "p4rt-compile: stdout: Bad file descriptor\n"),
    ],
)
def test_output_that_cannot_be_written_is_named(
    shell: Shell, tmp_path: Path, line: str, message: str
) -> None:
    (tmp_path / "empty.p4").write_text(PROGRAM)
    assert shell(line) == (1, "", message)


@pytest.mark.parametrize(
    "line", ["compile a.p4 -o ./a.p4", "compile a.p4 --p4info a.p4", "compile a.p4 -o b --p4info ./b"]
)
def test_results_do_not_overwrite_the_source_nor_each_other(shell: Shell, tmp_path: Path, line: str) -> None:
    (tmp_path / "a.p4").write_text(PROGRAM)
    status, out, err = shell(line)
    assert (status, out) == (2, "")
    assert err.splitlines()[-1] in (
        "Error: a.p4 is the source; give the output another name",
        "Error: -o and --p4info are both b",
    )
    assert (tmp_path / "a.p4").read_text() == PROGRAM


def test_reader_that_has_seen_enough(shell: Shell) -> None:
    assert shell("run example.o | true; echo ${PIPESTATUS[0]}") == (0, "0\n", "")


def test_work_is_done_though_nobody_reads_messages(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "empty.p4").write_text(PROGRAM)
    assert shell("compile empty.p4 -o x.o >&- 2>&-")[0] == 0
    assert (tmp_path / "x.o").read_bytes()[:4] == b"\x7fELF"


def test_long_messages_are_cut(shell: Shell) -> None:
    status, out, err = shell("""ctl show "$(printf 'x%.0s' {1..90000})" y""")
    assert (status, out) == (1, "")
    assert len(err) < 4100
    assert err.endswith("xxx: File name too long\n")


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "1e300", "x"])
def test_times_that_are_none(shell: Shell, seconds: str) -> None:
    status, out, err = shell(f"ctl -t {seconds} show br0 x")
    assert (status, out) == (2, "")
    assert f"'{seconds}' is not a number of seconds from 0 to 1000000." in err


def test_interrupt_while_loading_is_silent(tmp_path: Path) -> None:
    # The interrupt comes from the first module that is loaded after the package itself.
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    # What a shell starts in the background ignores interrupts: not this.
    (tmp_path / "p4rt-ctl").write_text(
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from p4rt.cli.ctl import main; main()\n"
    )
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "p4rt-ctl", "show"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
