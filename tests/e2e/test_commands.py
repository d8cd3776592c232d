# SPDX-License-Identifier: Apache-2.0
"""The commands as a user types them, and what they say to bad input."""

from __future__ import annotations

import functools
import os
import shlex
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from e2e import packets
from e2e.built import built, compile_c, source
from e2e.relay import relay
from e2e.switch import Bridge, Switch


def type_in(switch: Switch, line: str) -> str:
    """Runs a line in a shell, in the environment that `p4rt-sandbox env` prints."""
    script = f'eval "$(p4rt-sandbox env --dir {shlex.quote(str(switch.sandbox.dir))})" && {line}'
    done = switch.call("sh", "-c", script)
    assert done.returncode == 0, f"{line}: exit {done.returncode}: {done.stderr}"
    return done.stdout


def refused(switch: Switch, *command: str) -> str:
    """The one line that a command which must fail says; nothing else, and exit status 1."""
    done = switch.call(*command)
    assert (done.returncode, done.stdout) == (1, ""), done
    assert done.stderr.endswith("\n") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.fixture
def serving(switch: Switch, br0: Bridge) -> Bridge:
    """br0 with the router and a route, forwarding from h1 to h2."""
    br0.load("router")
    br0.add_entries(
        "router",
        "table=route,hdr.ipv4.dst=10.0.2.0/24,actions=forward(port=2)",
        f"table=next_hop,port=2,actions=set_mac(dst={packets.H2},src={packets.H3})",
    )
    br0.add_flows("in_port=1,actions=prog:1")
    return br0


def assert_still_serves(switch: Switch, bridge: Bridge) -> None:
    """What was there before the bad input works as before."""
    switch.assert_alive()
    frame = packets.udp(dst="10.0.2.9")
    assert switch.exchange(1, [frame]) == {2: [packets.routed(frame, dst=packets.H2, src=packets.H3)]}
    with bridge.programs() as connection:
        assert [(p.prog, p.name, p.generation) for p in connection.programs()] == [(1, "router", 1)]


# The lines that must work exactly as written.


def test_from_source_to_packets(switch: Switch, br0: Bridge) -> None:
    shutil.copy(source("router"), switch.folder / "prog.p4")
    type_in(switch, "p4rt-compile prog.p4 -o prog.o")
    assert (switch.folder / "prog.o").read_bytes()[:4] == b"\x7fELF"
    assert type_in(switch, "p4rt-inject --bridge br0 prog.o") == "1\n"
    type_in(switch, "ovs-ofctl add-flow br0 in_port=1,actions=prog:1,output:2")
    flows = type_in(switch, "ovs-ofctl dump-flows br0").splitlines()
    assert [x for x in flows if x.endswith("in_port=1 actions=prog:1,output:2")]
    assert switch.exchange(1, [packets.arp(), packets.udp()]) == {2: [packets.arp()]}


def test_a_route_is_added_and_dumped(switch: Switch, br0: Bridge) -> None:
    br0.load("router")
    type_in(switch, "ovs-ofctl add-flow br0 in_port=1,actions=prog:1,output:2")
    type_in(switch, "p4rt-ctl add-entry br0 router "
                    "'table=pipe.route,hdr.ipv4.dst=10.0.2.0/24,actions=forward(port=2)'")  # fmt: skip
    dump = type_in(switch, "p4rt-ctl dump-entries br0 router")
    assert dump == "table=pipe.route,hdr.ipv4.dst=10.0.2.0/24,actions=forward(port=2)\n"
    type_in(switch, "p4rt-ctl add-entry br0 router 'table=pipe.next_hop,port=2,"
                    "actions=set_mac(dst=02:00:00:00:00:02,src=02:00:00:00:00:03)'")  # fmt: skip
    frame = packets.udp(dst="10.0.2.9")
    assert switch.exchange(1, [frame]) == {2: [packets.routed(frame, dst=packets.H2, src=packets.H3)]}


def test_show_tells_of_tables_registers_and_packets(switch: Switch, serving: Bridge) -> None:
    switch.exchange(1, [packets.udp(dst="10.0.2.9"), packets.udp(dst="10.9.9.9")])
    shown = switch.run("p4rt-ctl", "show", "br0", "router")
    assert "tables: pipe.route, pipe.next_hop" in shown
    assert "registers: pipe.dropped" in shown
    assert "passed 0, redirected 1, resubmitted 0, dropped 1, aborted 0" in shown


# Objects that must not load.


def bad_objects(folder: Path) -> dict[str, bytes]:
    good = built("router").read_bytes()
    big_endian = compile_c(source("refused.c"), folder / "bigendian.o", target="bpfeb", WRONG=0)
    return {
        "empty": b"",
        "garbage": bytes(range(256)) * 40,
        "header only": good[:64],
        "truncated": good[: len(good) // 2],
        "one byte short": good[:-1],
        "big-endian": big_endian.read_bytes(),
        "oversized": b"\x7fELF" + bytes(64 << 20),
        "another machine": Path("/bin/true").read_bytes(),
        "unchecked access": built("refused.c", WRONG=1).read_bytes(),
        "unknown helper": built("refused.c", WRONG=2).read_bytes(),
        "unknown map type": built("refused.c", WRONG=3).read_bytes(),
        "wrong ABI": built("refused.c", WRONG=4).read_bytes(),
        "endless loop": built("refused.c", WRONG=5).read_bytes(),
        "two programs": built("refused.c", WRONG=6).read_bytes(),
        "no program": built("refused.c", WRONG=7).read_bytes(),
    }


SAYS = {
    "empty": "empty",
    "big-endian": "endian",
    "oversized": "too large",
    "unchecked access": "packet access at offset 0",
    "unknown helper": "9999",
    "unknown map type": "77",
    "wrong ABI": "4242",
}


@pytest.mark.parametrize(
    "kind",
    ["empty", "garbage", "header only", "truncated", "one byte short", "big-endian", "oversized",
     "another machine", "unchecked access", "unknown helper", "unknown map type", "wrong ABI",
     "endless loop", "two programs", "no program"],
)  # fmt: skip
def test_an_object_that_must_not_load(switch: Switch, serving: Bridge, kind: str) -> None:
    (switch.folder / "bad.o").write_bytes(bad_objects(switch.folder)[kind])
    said = refused(switch, "p4rt-inject", "--bridge", "br0", "bad.o")
    assert said.startswith("p4rt-inject: ")
    assert SAYS.get(kind, "") in said
    assert refused(switch, "p4rt-inject", "--bridge", "br0", "--name", "router", "--replace", "bad.o") == said
    assert_still_serves(switch, serving)


def test_a_source_with_an_error(switch: Switch, serving: Bridge) -> None:
    text = source("router").read_text(encoding="utf-8").replace("hdr.ipv4.ttl < 2", "hdr.ipv4.tttl < 2")
    (switch.folder / "bad.p4").write_text(text, encoding="utf-8")
    done = switch.call("p4rt-inject", "--bridge", "br0", "bad.p4")
    assert (done.returncode, done.stdout) == (1, "")
    line = next(i for i, x in enumerate(text.splitlines(), 1) if "tttl" in x)
    assert f"bad.p4:{line}:" in done.stderr
    assert "tttl" in done.stderr and "^" in done.stderr
    assert "Traceback" not in done.stderr
    assert_still_serves(switch, serving)


# Flows.


@pytest.mark.parametrize("action", ["prog:7", "prog:0", "prog:4294967296", "prog:", "prog:1:2", "prog:-1"])
def test_a_flow_with_an_id_that_cannot_be(switch: Switch, serving: Bridge, action: str) -> None:
    done = switch.call("ovs-ofctl", "add-flow", "br0", f"in_port=2,actions={action},output:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith(("ovs-ofctl: ", "OFPT_ERROR"))
    assert len(serving.flows()) == 1
    assert_still_serves(switch, serving)


def test_an_unknown_id_is_named_as_the_reason(switch: Switch, serving: Bridge) -> None:
    done = switch.call("ovs-ofctl", "add-flow", "br0", "in_port=2,actions=prog:7")
    assert done.returncode == 1
    assert "OFPP4RT_UNKNOWN_PROG" in done.stderr or "P4RT_UNKNOWN_PROG" in done.stderr


@pytest.mark.parametrize("where", ["group", "bundle", "packet-out"])
def test_an_unknown_id_is_refused_everywhere(switch: Switch, serving: Bridge, where: str) -> None:
    if where == "group":
        command = ["add-group", "br0", "group_id=1,type=all,bucket=actions=prog:7"]
    elif where == "bundle":
        (switch.folder / "flows").write_text("in_port=2,actions=output:1\nin_port=3,actions=prog:7\n")
        command = ["--bundle", "add-flows", "br0", "flows"]
    else:
        command = ["packet-out", "br0", f"in_port=1 packet={packets.udp().hex()} actions=prog:7"]
    done = switch.call("ovs-ofctl", "-O", "OpenFlow14", *command)
    assert done.returncode == 1
    assert "UNKNOWN_PROG" in done.stderr
    assert len(serving.flows()) == 1
    assert_still_serves(switch, serving)


# Tables, actions, fields, keys, programs, bridges.


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("table=pipe.rout,hdr.ipv4.dst=10.0.0.0/8,actions=drop()", ["rout", "pipe.route", "pipe.next_hop"]),
        ("table=route,hdr.ipv4.src=10.0.0.0/8,actions=forward(port=2)", ["hdr.ipv4.src", "hdr.ipv4.dst"]),
        ("table=route,hdr.ipv4.dst=10.0.0.0/8,actions=send(port=2)", ["send", "forward", "drop"]),
        ("table=route,hdr.ipv4.dst=10.0.0.0/8,actions=forward(prt=2)", ["prt", "port"]),
        ("table=route,hdr.ipv4.dst=10.0.0.0/8,actions=forward()", ["port"]),
        ("table=route,actions=forward(port=2)", ["hdr.ipv4.dst"]),
        ("table=route,hdr.ipv4.dst=0x100000000/8,actions=forward(port=2)", ["0x100000000", "bit<32>"]),
        ("table=route,hdr.ipv4.dst=10.0.0.0/33,actions=forward(port=2)", ["33"]),
        ("table=route,hdr.ipv4.dst=10.0.0.0&&&255.0.0.0,actions=forward(port=2)", ["&&&"]),
        ("table=route,hdr.ipv4.dst=banana,actions=forward(port=2)", ["banana"]),
        ("table=next_hop,port=4294967296,actions=drop()", ["4294967296", "bit<32>"]),
        ("table=next_hop,port=2,actions=set_mac(dst=02:00:00:00:00:00:02,src=0)", ["02:00:00:00:00:00:02"]),
        ("table=route,hdr.ipv4.dst=10.0.2.0/24,actions=drop()", ["already"]),
        ("hdr.ipv4.dst=10.0.0.0/8,actions=forward(port=2)", ["table"]),
        ("table=route,hdr.ipv4.dst=10.0.0.0/8", ["action"]),
        ("", ["table"]),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be(switch: Switch, serving: Bridge, entry: str, says: list[str]) -> None:
    before = serving.entries("router")
    said = refused(switch, "p4rt-ctl", "add-entry", "br0", "router", entry)
    assert said.startswith("p4rt-ctl: ")
    assert [word for word in says if word not in said] == []
    assert serving.entries("router") == before
    assert_still_serves(switch, serving)


def test_a_bad_line_in_a_file_of_entries_adds_none(switch: Switch, serving: Bridge) -> None:
    lines = [f"table=route,hdr.ipv4.dst=10.7.{i}.0/24,actions=forward(port=2)" for i in range(20)]
    lines[13] = "table=route,hdr.ipv4.dst=10.7.13.0/24,actions=foward(port=2)"
    (switch.folder / "entries").write_text("\n".join(lines), encoding="ascii")
    said = refused(switch, "p4rt-ctl", "add-entries", "br0", "router", "entries")
    assert "14" in said and "foward" in said
    assert len(serving.entries("router")) == 2


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["p4rt-ctl", "show", "br0", "ruoter"], ["ruoter", "1 router"]),
        (["p4rt-ctl", "show", "br0", "2"], ["2", "1 router"]),
        (["p4rt-ctl", "show", "br9", "router"], ["br9", "br0"]),
        (["p4rt-inject", "--bridge", "br9", "--list"], ["br9", "br0"]),
        (["p4rt-inject", "--bridge", "br0", "--remove", "nat"], ["nat", "1 router"]),
        (["p4rt-inject", "--bridge", "br0", "missing.o"], ["missing.o"]),
        (["p4rt-inject", "--bridge", "br0", "missing.p4"], ["missing.p4"]),
        (["p4rt-ctl", "read-register", "br0", "router", "pipe.droped[0]"], ["droped", "pipe.dropped"]),
        (["p4rt-ctl", "read-register", "br0", "router", "dropped[4]"], ["4"]),
        (["p4rt-ctl", "write-register", "br0", "router", "dropped[0]", "1x"], ["1x"]),
        (["p4rt-ctl", "write-register", "br0", "router", "dropped[0]", str(1 << 64)], ["bit<64>"]),
        (["p4rt-ctl", "dump-map", "br0", "router", "nothing"], ["nothing", "pipe_route"]),
        (["p4rt-ctl", "update-map", "br0", "router", "pipe_next_hop", "00", "00"], ["4", "1"]),
        (["p4rt-ctl", "del-entry", "br0", "router", "table=route,hdr.ipv4.dst=10.9.0.0/16"], ["10.9.0.0/16"]),
        (["p4rt-ctl", "dump-entries", "br0", "router", "rout"], ["rout", "pipe.route"]),
        (["p4rt-ctl", "dump-entries", "br0", "router", ""], ["no table", "pipe.route"]),
    ],
)  # fmt: skip
def test_names_and_values_that_do_not_exist(
    switch: Switch, serving: Bridge, command: list[str], says: list[str]
) -> None:
    said = refused(switch, *command)
    assert [word for word in says if word not in said] == []
    assert_still_serves(switch, serving)


def test_a_bridge_of_the_kernel_datapath(switch: Switch, serving: Bridge) -> None:
    # A sandbox has no kernel datapath: the bridge is in the database, and no more.
    kernel = ["set", "bridge", "br9", "datapath_type=system"]
    switch.run("ovs-vsctl", "--no-wait", "add-br", "br9", "--", *kernel)
    try:
        said = refused(switch, "p4rt-inject", "--bridge", "br9", str(built("router")))
        assert "br9" in said
        assert_still_serves(switch, serving)
    finally:
        switch.run("ovs-vsctl", "del-br", "br9")


@pytest.mark.parametrize(
    "command",
    [["p4rt-ctl"], ["p4rt-ctl", "frobnicate", "br0"], ["p4rt-inject", "prog.o"], ["p4rt-compile"],
     ["p4rt-inject", "--bridge", "br0"], ["p4rt-ctl", "add-entry", "br0", "router"]],
)  # fmt: skip
def test_wrong_usage_is_exit_status_2(switch: Switch, command: list[str]) -> None:
    done = switch.call(*command)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_no_permission_on_the_socket(switch: Switch, serving: Bridge) -> None:
    socket = switch.run_dir / "br0.mgmt"
    # Everything is imported first: another user may not even read this checkout.
    code = (
        "import os, sys, ovs.poller, ovs.stream, p4rt.cli.inject as command, p4rt.compiler.diagnostics\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "sys.argv = ['p4rt-inject', '--bridge', sys.argv[1], '--list']\n"
        "command.main()\n"
    )
    # The way to the socket is open; the socket itself is not.
    modes = {path: path.stat().st_mode for path in (switch.folder, switch.sandbox.dir, switch.run_dir)}
    try:
        for path in modes:
            path.chmod(0o755)
        done = switch.call("python3", "-c", code, str(socket))
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and "permission" in done.stderr
    assert_still_serves(switch, serving)


def test_a_switch_that_does_not_answer(switch: Switch, serving: Bridge) -> None:
    with switch.paused():
        said = refused(switch, "p4rt-inject", "-t", "1", "--bridge", "br0", "--list")
    assert "br0" in said
    assert_still_serves(switch, serving)


def test_the_switch_ends_in_the_middle_of_an_upload(switch: Switch, serving: Bridge) -> None:
    path = built("ballast.c", MEGABYTES=5)
    with relay(switch.run_dir / "br0.mgmt", switch.folder, 1 << 20, switch.kill_vswitchd) as bridge:
        said = refused(switch, "p4rt-inject", "--bridge", bridge, str(path))
    assert "lost" in said
    switch.start_daemons()
    serving.add_sentinel_flows()
    assert serving.load("mark.p4") == 1


def test_the_switch_halts_in_the_middle_of_an_upload(switch: Switch, serving: Bridge) -> None:
    path = built("ballast.c", MEGABYTES=5)
    halt = functools.partial(os.kill, switch.pid, signal.SIGSTOP)
    with relay(switch.run_dir / "br0.mgmt", switch.folder, 1 << 20, halt) as bridge:
        try:
            refused(switch, "p4rt-inject", "-t", "1", "--bridge", bridge, str(path))
        finally:
            os.kill(switch.pid, signal.SIGCONT)
    assert_still_serves(switch, serving)


def test_the_client_ends_in_the_middle_of_an_upload(switch: Switch, serving: Bridge) -> None:
    path = built("ballast.c", MEGABYTES=5)
    uploads: list[subprocess.Popen[bytes]] = []
    started = threading.Event()

    def kill() -> None:
        started.wait()
        uploads[0].kill()

    with relay(switch.run_dir / "br0.mgmt", switch.folder, 1 << 20, kill) as bridge:
        uploads.append(
            subprocess.Popen(["p4rt-inject", "--bridge", bridge, str(path)], env=switch.environment)
        )
        started.set()
        assert uploads[0].wait(switch.patience) == -signal.SIGKILL
    assert_still_serves(switch, serving)
    with serving.programs() as connection:
        assert connection.load("ballast", path.read_bytes()).id == 2


def test_ovs_vswitchd_is_not_there(switch: Switch, serving: Bridge) -> None:
    switch.kill_vswitchd()
    try:
        assert "ovs-vswitchd" in refused(switch, "p4rt-inject", "--bridge", "br0", "--list")
    finally:
        switch.start_daemons()


def test_a_replacement_that_would_misread_entries(switch: Switch, serving: Bridge) -> None:
    text = source("router").read_text(encoding="utf-8")
    assert text.count("actions = { forward; drop; }") == 1
    text = text.replace("actions = { forward; drop; }", "actions = { drop; forward; }")
    (switch.folder / "router.p4").write_text(text, encoding="utf-8")
    said = refused(switch, "p4rt-inject", "--bridge", "br0", "--replace", "router.p4")
    assert "pipe.route" in said and "--force" in said
    assert_still_serves(switch, serving)
    assert switch.run("p4rt-inject", "--bridge", "br0", "--replace", "--force", "router.p4") == "1\n"
