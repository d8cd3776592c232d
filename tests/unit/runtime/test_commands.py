# SPDX-License-Identifier: Apache-2.0
"""The commands as programs: exit status, stdout, stderr.  Those that need a switch are in tests/e2e."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from p4rt.runtime import pcap
from p4rt.runtime.pcap import Packet

Outcome = tuple[int, str, str]
Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path, object_file: Path) -> Run:
    """Runs a command in a folder that has example.o; returns exit status, stdout and stderr."""
    (tmp_path / "example.o").write_bytes(object_file.read_bytes())

    def call(name: str, *arguments: str, stdin: str = "") -> Outcome:
        program = f"from p4rt.cli.{name} import main; main()"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OVS_")}
        environment |= {"OVS_RUNDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-P", "-c", program, *arguments], cwd=tmp_path, env=environment, input=stdin,
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return call


def write_capture(path: Path, *packets: str, start: int = 0) -> None:
    path.write_bytes(pcap.serialize(Packet(start + i, bytes.fromhex(p)) for i, p in enumerate(packets)))


def read_capture(path: Path) -> list[tuple[int, str]]:
    return [(p.time, p.data.hex()) for p in pcap.read(path).packets]


def test_run_writes_one_capture_for_each_output(run: Run, tmp_path: Path) -> None:
    write_capture(tmp_path / "in.pcap", "0205aa", "00bb", "0100", "0409cc", "0205dd", "02")
    status, out, err = run("run", "example.o", "--in", "in.pcap", "--out-dir", "out")
    assert (status, err) == (0, "")
    assert out == (
        "6 packets: 2 pass, 2 redirect, 1 drop, 1 abort\n"
        "pass: 2 packets\nport5: 2 packets\nport9: 1 packets\n"
    )  # fmt: skip
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["pass.pcap", "port5.pcap", "port9.pcap"]
    assert read_capture(tmp_path / "out/port5.pcap") == [(0, "0205aa"), (4, "0205dd")]
    assert read_capture(tmp_path / "out/pass.pcap") == [(1, "00bb"), (3, "0409cc")]
    assert read_capture(tmp_path / "out/port9.pcap") == [(3, "0409cc")]


def test_run_merges_captures_by_time(run: Run, tmp_path: Path) -> None:
    write_capture(tmp_path / "a.pcap", "03aa", "03ab", start=100)
    write_capture(tmp_path / "b.pcap", "03ba", "03bb", start=50)
    status, _, err = run("run", "example.o", "--in", "7=a.pcap", "--in", "b.pcap", "-v")
    assert status == 0
    assert err.splitlines() == [
        "packet 1, port 2: redirect (port 2)",
        "packet 2, port 2: redirect (port 2)",
        "packet 3, port 7: redirect (port 7)",
        "packet 4, port 7: redirect (port 7)",
    ]


def test_run_uses_entries_and_prints_registers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "routes").write_text("table=route,vrf=7,dst=10.0.2.0/24,actions=forward(port=3,dmac=1)\n")
    write_capture(tmp_path / "in.pcap", "0702", "0605", "0605")
    status, out, _ = run("run", "example.o", "--entries", "routes", "--in", "in.pcap", "--registers")
    assert status == 0
    assert out.splitlines() == [
        "3 packets: 2 pass, 1 redirect, 0 drop, 0 abort",
        "pass: 2 packets",
        "port3: 1 packets",
        "pipe.last_seen[5]=2",
    ]


def test_run_without_packets_says_that_the_program_is_accepted(run: Run) -> None:
    status, out, err = run("run", "example.o")
    assert (status, err) == (0, "")
    assert out.startswith("verified")


def test_run_of_a_script_that_holds(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.stf").write_text("packet 1 0205\nexpect 5 0205$\n")
    assert run("run", "example.o", "t.stf") == (0, "1 packets, 1 expectations: all hold\n", "")


def test_run_of_a_script_that_fails(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.stf").write_text("packet 1 0205\nexpect 5 0206\n")
    status, out, err = run("run", "example.o", "t.stf")
    assert (status, out) == (1, "1 packets, 1 expectations: 1 failed\n")
    assert err == (
        "t.stf:2: port 5, packet 1 (of line 1): byte 1 is 05, not 06\n  expected 0206\n  got      0205\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope.o"], "p4rt-run: nope.o: No such file or directory\n"),
        (["short.o"], "p4rt-run: short.o: truncated: 4 bytes are too few for an ELF header\n"),
        (["example.o", "--in", "nope.pcap"], "p4rt-run: nope.pcap: No such file or directory\n"),
        (["example.o", "--in", "example.o"], "p4rt-run: example.o: not a pcap or pcapng file\n"),
        (["example.o", "--in", "9999999999=x"], "p4rt-run: 9999999999 is not a port number\n"),
        (["example.o", "--entries", "bad"], "p4rt-run: bad:2: 'b' is not NAME=VALUE\n"),
        (["example.o", "bad.stf"], "p4rt-run: bad.stf:1: unknown statement 'frob'\n"),
        (["example.o", "example.o"], "p4rt-run: example.o: not a text file\n"),
        (["bad"], "p4rt-run: bad: neither a P4 source (FILE.p4) nor an ELF object\n"),
        (["."], "p4rt-run: .: Is a directory\n"),
    ],
)
def test_run_refuses_bad_input_in_one_line(
    run: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "short.o").write_bytes(b"\x7fELF")
    (tmp_path / "bad").write_text("\nb\n")
    (tmp_path / "bad.stf").write_text("frob\n")
    assert run("run", *arguments) == (1, "", message)


def test_source_that_does_not_compile(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.p4").write_text("parser x\n")
    status, out, err = run("run", "bad.p4")
    assert (status, out) == (1, "")
    assert err.startswith("bad.p4:")
    assert "Traceback" not in err


@pytest.mark.parametrize("name", ["run", "inject", "ctl", "sandbox"])
def test_help_has_examples(run: Run, name: str) -> None:
    status, out, _ = run(name, "--help")
    assert status == 0
    assert f"Examples:\n  p4rt-{name} " in out


@pytest.mark.parametrize("name", ["run", "inject", "ctl", "sandbox"])
def test_version(run: Run, name: str) -> None:
    assert run(name, "--version") == (0, f"p4rt-{name} 0.1.0\n", "")


@pytest.mark.parametrize(
    "command",
    [
        ["run"],
        ["run", "example.o", "t.stf", "--in", "x.pcap"],
        ["inject", "example.o"],
        ["inject", "--bridge", "br0"],
        ["inject", "--bridge", "br0", "--list", "example.o"],
        ["inject", "--bridge", "br0", "--list", "--force"],
        ["inject", "--bridge", "br0", "--remove", "x", "--name", "y"],
        ["ctl"],
        ["ctl", "frobnicate"],
        ["ctl", "show", "br0"],
        ["ctl", "show", "br0", "x", "--format", "xml"],
        ["ctl", "-t", "-1", "show", "br0", "x"],
        ["sandbox"],
    ],
)
def test_wrong_usage_is_exit_status_2(run: Run, command: list[str]) -> None:
    status, out, err = run(*command)
    assert (status, out) == (2, "")
    assert err.startswith("Usage: ")


@pytest.mark.parametrize(
    ("bridge", "message"),
    [
        ("br9", "br9 is not a bridge or a socket (looked in {dir}; "
                "no bridge is there; is ovs-vswitchd running?)"),
        ("unix:{dir}/x", "unix:{dir}/x: cannot connect to unix:{dir}/x: No such file or directory"),
        ("tcp:127.0.0.1:1", "tcp:127.0.0.1:1: cannot connect to tcp:127.0.0.1:1: Connection refused"),
        ("tcp:127.0.0.1:x", "tcp:127.0.0.1:x: not tcp:HOST[:PORT]"),
        ("ssl:127.0.0.1", "ssl:127.0.0.1: connections of this kind are not supported; use unix: or tcp:"),
        ("", "the name of the bridge is missing"),
    ],
)  # fmt: skip
def test_bridge_that_cannot_be_reached(run: Run, tmp_path: Path, bridge: str, message: str) -> None:
    status, out, err = run("inject", "--bridge", bridge.format(dir=tmp_path), "--list")
    assert (status, out, err) == (1, "", f"p4rt-inject: {message.format(dir=tmp_path)}\n")


def test_socket_that_nobody_listens_on(run: Run, tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as s:
        s.bind(str(tmp_path / "br0.mgmt"))
    status, _, err = run("ctl", "show", "br0", "x")
    assert status == 1
    assert err == f"p4rt-ctl: br0: nobody listens on {tmp_path}/br0.mgmt; ovs-vswitchd is not running\n"


@pytest.mark.parametrize("name", ["a b", "7", "x" * 64, "\u00e9"])
def test_name_that_a_program_cannot_have(run: Run, name: str) -> None:
    status, _, err = run("inject", "--bridge", "br0", "--name", name, "example.o")
    assert status == 1
    assert f"'{name}' cannot name a program: " in err
