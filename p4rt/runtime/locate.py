# SPDX-License-Identifier: Apache-2.0
"""Where things are: the Open vSwitch installation and the management sockets of bridges."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from p4rt.runtime.errors import InputError

_CHECKOUT = Path(__file__).resolve().parents[2]


def ovs_prefix(explicit: str | os.PathLike[str] | None = None, *, asan: bool = False) -> Path:
    """Finds the installation prefix of Open vSwitch.

    In this order: `explicit`, $P4RT_OVS_PREFIX, what `make ovs` built in the source checkout
    (the sanitizer build with `asan`), the installation whose ovs-vswitchd is in $PATH."""
    chosen = explicit or (None if asan else os.environ.get("P4RT_OVS_PREFIX"))
    if chosen:
        prefix = Path(chosen)
        if daemon(prefix, "ovs-vswitchd") is None:
            raise InputError(f"{prefix} is not a prefix of Open vSwitch: it has no sbin/ovs-vswitchd")
        return prefix.absolute()
    built = _CHECKOUT / ".build" / ("ovs-asan" if asan else "ovs")
    if daemon(built, "ovs-vswitchd") is not None:
        return built
    try:
        built.stat()
    except PermissionError:
        raise InputError(f"no permission to use what was built in {os.readlink(built)}") from None
    except OSError:
        pass
    found = None if asan else shutil.which("ovs-vswitchd")
    if found:
        return Path(found).parent.parent
    if asan:
        raise InputError("the sanitizer build is missing; run 'ovs-patches/build.sh --flavour asan'")
    raise InputError("Open vSwitch is not built; run 'make ovs', or give --prefix or $P4RT_OVS_PREFIX")


def daemon(prefix: Path, name: str) -> Path | None:
    """The program `name` of the installation `prefix`, or None when it has none."""
    for folder in ("sbin", "bin"):
        path = prefix / folder / name
        if os.access(path, os.X_OK):
            return path
    return None


def run_dirs() -> list[Path]:
    """Folders that may hold the sockets of bridges, the likeliest first.

    $OVS_RUNDIR when it is set, as for every OVS tool, and nothing else; otherwise those of
    this checkout's build and of system installations."""
    chosen = os.environ.get("OVS_RUNDIR")
    if chosen:
        return [Path(chosen)]
    try:
        own = [ovs_prefix() / "var/run/openvswitch"]
    except InputError:
        own = []
    system = [Path(p) for p in ("/var/run/openvswitch", "/usr/local/var/run/openvswitch")]
    return [d for d in dict.fromkeys(own + system) if d.is_dir()] or system[:1]


def bridges() -> list[str]:
    """Names of the bridges that have a management socket, sorted."""
    return sorted({p.name.removesuffix(".mgmt") for d in run_dirs() for p in _listing(d)})


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.glob("*.mgmt"))
    except OSError:
        return []


def stream_name(target: str) -> str:
    """Says where `target` listens, as a name for ovs.stream.

    `target` is the name of a bridge, the path of a socket, `unix:PATH` or `tcp:HOST:PORT`.
    Raises InputError when there is no such bridge."""
    if target.startswith("tcp:"):
        host, _, port = target[4:].rpartition(":")
        if not host or target.endswith("]"):
            host, port = target[4:], "6653"
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise InputError(f"{target}: not tcp:HOST[:PORT]")
        return f"tcp:{host}:{port}"
    if target.startswith("unix:"):
        path = Path(target[5:])
        return f"unix:{path if path.is_absolute() else run_dirs()[0] / path}"
    if ":" in target:
        raise InputError(f"{target}: connections of this kind are not supported; use unix: or tcp:")
    if not target or "\0" in target:
        raise InputError("the name of the bridge is missing")
    candidates = [d / f"{target}.mgmt" for d in run_dirs()]
    if "/" in target or Path(target).is_socket():
        candidates.insert(0, Path(target).absolute())
    for path in candidates:
        if _exists(path):
            return f"unix:{path}"
    known = bridges()
    hint = f"bridges there: {', '.join(known)}" if known else "no bridge is there; is ovs-vswitchd running?"
    where = ", ".join(str(d) for d in run_dirs())
    raise InputError(f"{target} is not a bridge or a socket (looked in {where}; {hint})")


def _exists(path: Path) -> bool:
    """True when `path` exists or cannot be looked at (then opening it says why)."""
    try:
        path.stat()
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True
