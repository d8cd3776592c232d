# SPDX-License-Identifier: Apache-2.0
"""A private Open vSwitch: an ovsdb-server and an ovs-vswitchd of their own, in one folder.

Nothing outside of the folder is touched: no system service, no system socket, and no kernel
datapath, so that a system's own Open vSwitch goes on beside it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from p4rt.runtime.errors import InputError, P4rtError
from p4rt.runtime.locate import daemon, ovs_prefix

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 30.0
_DAEMONS = ("ovsdb-server", "ovs-vswitchd")
_LOG_LINES = 5
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000  # Of <linux/if_tun.h>.
_OWN_FILES = {"run", "db", "log", "etc", "sandbox.json", "lock"}


class SandboxError(P4rtError):
    """A daemon of the sandbox did not do what it should."""


def default_dir() -> Path:
    """The folder of this user's sandbox."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "p4rt-sandbox"
    return Path(tempfile.gettempdir()) / f"p4rt-sandbox-{os.getuid()}"


class Sandbox:
    """A private Open vSwitch in `folder`; in a `with` statement it is started, then deleted.

    `prefix` is the installation to run (see locate.ovs_prefix), `asan` asks for the sanitizer
    build.  A sandbox that was started before goes on with the installation that it was started
    with when neither is given.  `dummy` makes OVS's dummy datapath and ports available, which
    need no privileges."""

    def __init__(
        self, folder: str | os.PathLike[str] | None = None, *,
        prefix: str | os.PathLike[str] | None = None, asan: bool = False, dummy: bool = False,
    ) -> None:  # fmt: skip
        if folder is not None and not os.fspath(folder):
            raise InputError("the name of the sandbox's folder is empty")
        self.dir = Path(folder).absolute() if folder is not None else default_dir()
        self._dummy = dummy
        self._chosen = prefix
        self._asan = asan
        self._prefix: Path | None = None

    @property
    def prefix(self) -> Path:
        """The installation that this sandbox runs."""
        if self._prefix is None:
            recorded = None if self._chosen or self._asan else self._recorded()
            self._prefix = ovs_prefix(self._chosen or recorded, asan=self._asan)
        return self._prefix

    @property
    def run_dir(self) -> Path:
        """The folder of sockets and pid files, $OVS_RUNDIR."""
        return self.dir / "run"

    @property
    def log_dir(self) -> Path:
        """The folder of logs, $OVS_LOGDIR."""
        return self.dir / "log"

    def environment(self) -> dict[str, str]:
        """What makes the tools of OVS and of this project use the sandbox."""
        own = [str(self.prefix / "bin"), str(self.prefix / "sbin"), str(Path(sys.executable).parent)]
        path = [p for p in os.environ.get("PATH", "").split(":") if p and p not in own]
        return {
            "PATH": ":".join(own + path),
            "OVS_RUNDIR": str(self.run_dir),
            "OVS_DBDIR": str(self.dir / "db"),
            "OVS_LOGDIR": str(self.log_dir),
            "OVS_SYSCONFDIR": str(self.dir / "etc"),
        }

    def start(self) -> bool:
        """Starts both daemons; False when they run already.  SandboxError says why it cannot."""
        prefix = self.prefix
        self._make_folders()
        with self._locked():
            missing = [d for d in _DAEMONS if self.pid(d) is None]
            if not missing:
                return False
            (self.dir / "sandbox.json").write_text(json.dumps({"prefix": str(prefix)}) + "\n")
            if "ovsdb-server" in missing:
                self._start_database()
            if "ovs-vswitchd" in missing:
                self._start_switch()
            return True

    def stop(self) -> bool:
        """Stops the daemons, the switch first; False when none ran."""
        if not self.dir.is_dir():
            return False
        with self._locked():
            stopped = [self._stop_daemon(d) for d in reversed(_DAEMONS)]
        return any(stopped)

    def delete(self) -> None:
        """Stops the daemons and removes the folder."""
        self.stop()
        if self.dir.is_dir():
            strange = [p.name for p in self.dir.iterdir() if p.name not in _OWN_FILES]
            if strange:
                raise InputError(f"{self.dir} holds {strange[0]}, which is not a sandbox's; not deleted")
            shutil.rmtree(self.dir)

    def check_permission(self) -> None:
        """InputError when the folder is one that this user may not look into."""
        if self.dir.is_dir() and not os.access(self.dir, os.R_OK | os.X_OK):
            raise InputError(f"cannot use {self.dir} for a sandbox: Permission denied")

    def pid(self, name: str) -> int | None:
        """The process id of the daemon `name` if it runs; a stale pid file does not count."""
        pidfile = self._pidfile(name)
        try:
            pid = int(pidfile.read_text())
            cmdline = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            return None
        return pid if f"--pidfile={pidfile}".encode() in cmdline else None

    def running(self) -> bool:
        """True when both daemons run."""
        return all(self.pid(d) is not None for d in _DAEMONS)

    def rival(self) -> bool:
        """True when another Open vSwitch has a userspace datapath in this network namespace.

        There can be one only: bridges of this sandbox would fail.  The interface alone proves
        nothing: it outlives a switch that was killed, and the next one takes it over."""
        interfaces = [name for _, name in socket.if_nameindex()]
        return self.pid("ovs-vswitchd") is None and "ovs-netdev" in interfaces and _in_use("ovs-netdev")

    def outdated(self) -> bool:
        """True when a daemon that runs is not the program that the prefix has now."""
        for name in _DAEMONS:
            pid, program = self.pid(name), daemon(self.prefix, name)
            with suppress(OSError):
                if pid is not None and program is not None:
                    running = os.readlink(f"/proc/{pid}/exe")
                    if running != str(program.resolve()):
                        return True
        return False

    def run(self, *command: str, check: bool = True) -> str:
        """Runs a tool, such as `ovs-vsctl`, in the sandbox's environment; returns its stdout.

        SandboxError carries its last line of stderr when it fails."""
        result = subprocess.run(
            command, env=self._tool_environment(), capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=_START_TIMEOUT,
        )  # fmt: skip
        if check and result.returncode:
            lines = result.stderr.strip().splitlines() or [f"exit status {result.returncode}"]
            raise SandboxError(f"{command[0]}: {lines[-1]}")
        return result.stdout

    def sanitizer_reports(self) -> str:
        """What the sanitizers of an ASan build found so far; empty when nothing."""
        return "".join(p.read_text(errors="replace") for p in sorted(self.log_dir.glob("sanitizer.*")))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.delete()

    def _recorded(self) -> str | None:
        try:
            prefix = json.loads((self.dir / "sandbox.json").read_text())["prefix"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return prefix if isinstance(prefix, str) and Path(prefix).is_dir() else None

    def _pidfile(self, name: str) -> Path:
        return self.run_dir / f"{name}.pid"

    def _make_folders(self) -> None:
        try:
            self.dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            # The default folder is in a place where others may have put a link of that name.
            link = self.dir == default_dir() and self.dir.is_symlink()
            if link or self.dir.stat().st_uid != os.getuid():
                raise InputError(f"{self.dir} belongs to another user; choose a folder with --dir")
            for name in ("run", "db", "log", "etc"):
                (self.dir / name).mkdir(exist_ok=True)
        except OSError as e:
            raise InputError(f"cannot use {self.dir} for a sandbox: {e.strerror}") from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One start or stop of a sandbox at a time."""
        try:
            fd = os.open(self.dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise InputError(f"cannot use {self.dir} for a sandbox: {e.strerror}") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def _tool(self, name: str) -> str:
        path = daemon(self.prefix, name)
        if path is None:
            raise InputError(f"{self.prefix} has no {name}")
        return str(path)

    def _start_database(self) -> None:
        database = self.dir / "db" / "conf.db"
        schema = self.prefix / "share/openvswitch/vswitch.ovsschema"
        tool = self._tool("ovsdb-tool")
        if not database.exists():
            self._checked([tool, "create", str(database), str(schema)], "ovsdb-tool")
        elif self._checked([tool, "needs-conversion", str(database), str(schema)], "ovsdb-tool") == "yes":
            self._checked([tool, "convert", str(database), str(schema)], "ovsdb-tool")
        self._start_daemon(
            "ovsdb-server", str(database), f"--remote=punix:{self.run_dir}/db.sock",
            "--remote=db:Open_vSwitch,Open_vSwitch,manager_options",
        )  # fmt: skip
        vsctl = self._tool("ovs-vsctl")
        self._checked([vsctl, f"--db=unix:{self.run_dir}/db.sock", "--no-wait", "init"], "ovs-vsctl")

    def _start_switch(self) -> None:
        options = ["--disable-system"] + (["--enable-dummy"] if self._dummy else [])
        self._start_daemon("ovs-vswitchd", f"unix:{self.run_dir}/db.sock", *options)

    def _start_daemon(self, name: str, *args: str) -> None:
        """Starts a daemon, which detaches once it is ready."""
        command = [
            self._tool(name), *args, f"--pidfile={self._pidfile(name)}", "--detach", "--no-chdir",
            f"--log-file={self.log_dir}/{name}.log", "-vconsole:off", "-vsyslog:off",
        ]  # fmt: skip
        self._checked(command, name)

    def _checked(self, command: list[str], name: str) -> str:
        """Runs `command`; SandboxError shows the end of its messages and of its log."""
        env = self._tool_environment()
        # Files, not pipes: a daemon that keeps one open must not keep us waiting.
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as messages:
            try:
                status = subprocess.run(
                    command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=messages,
                    timeout=_START_TIMEOUT,
                ).returncode  # fmt: skip
            except subprocess.TimeoutExpired:
                status = -1
            except OSError as e:
                raise SandboxError(f"cannot run {command[0]}: {e.strerror}") from None
            out.seek(0)
            messages.seek(0)
            if status == 0:
                return out.read().strip()
            log = self.log_dir / f"{name}.log"
            lines = messages.read().strip().splitlines()[-_LOG_LINES:]
            if log.exists():
                lines += log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        what = f"did not start in {_START_TIMEOUT:g} seconds" if status == -1 else "failed"
        raise SandboxError("\n  ".join([f"{name} {what}", *lines]))

    def _tool_environment(self) -> dict[str, str]:
        return os.environ | self.environment() | self._sanitizer_options()

    def _sanitizer_options(self) -> dict[str, str]:
        """Settings for a sanitizer build (others ignore them): findings go to files of the log."""
        log = f"log_path={self.log_dir}/sanitizer"
        own = {
            "ASAN_OPTIONS": f"{log}:detect_leaks=1:abort_on_error=0",
            "UBSAN_OPTIONS": f"{log}:print_stacktrace=1:halt_on_error=1",
        }
        return {k: ":".join(v for v in (own[k], os.environ.get(k, "")) if v) for k in own}

    def _stop_daemon(self, name: str) -> bool:
        """Asks a daemon to exit, and insists when it does not."""
        pid = self.pid(name)
        if pid is None:
            return False
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return True
        try:
            gone = select.poll()
            gone.register(fd, select.POLLIN)
            deadline = time.monotonic() + _STOP_TIMEOUT
            if not self._ask_to_exit(name, pid):
                os.kill(pid, signal.SIGTERM)
            if not gone.poll(max(0.0, deadline - time.monotonic()) * 1000):
                os.kill(pid, signal.SIGKILL)
                gone.poll(_STOP_TIMEOUT * 1000)
        except ProcessLookupError:
            pass
        finally:
            os.close(fd)
        self._pidfile(name).unlink(missing_ok=True)
        return True

    def _ask_to_exit(self, name: str, pid: int) -> bool:
        """Has a daemon exit in order; the switch takes its datapath away with it."""
        appctl = daemon(self.prefix, "ovs-appctl")
        if appctl is None:
            return False
        command = [str(appctl), "-T", "10", "-t", f"{self.run_dir}/{name}.{pid}.ctl", "exit"]
        if name == "ovs-vswitchd":
            command.append("--cleanup")
        result = subprocess.run(
            command, env=self._tool_environment(), stdin=subprocess.DEVNULL, capture_output=True
        )
        return result.returncode == 0


def _in_use(tap: str) -> bool:
    """True when a process holds the TAP interface `tap`: another one cannot attach to it then."""
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", tap.encode(), _IFF_TAP | _IFF_NO_PI))
    except OSError as e:
        return e.errno == errno.EBUSY
    finally:
        os.close(fd)
    return False


def shell_exports(environment: dict[str, str]) -> str:
    """`environment` as commands for a POSIX shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
