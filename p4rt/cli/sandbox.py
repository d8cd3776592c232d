# SPDX-License-Identifier: Apache-2.0
"""p4rt-sandbox: a private ovsdb-server and ovs-vswitchd."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from p4rt.cli.command import CONTEXT, ExamplesGroup, finish, version_option
from p4rt.runtime.sandbox import Sandbox, shell_exports

F = TypeVar("F", bound=Callable[..., Any])

_EXAMPLES = """
p4rt-sandbox start
eval "$(p4rt-sandbox env)"
ovs-vsctl add-br br0 -- set bridge br0 datapath_type=netdev
p4rt-inject --bridge br0 prog.p4
p4rt-sandbox stop
"""
_RIVAL = (
    "p4rt-sandbox: another Open vSwitch has a userspace datapath in this network namespace (interface "
    "ovs-netdev), and there can be one only: bridges of this sandbox will fail; stop that one, or start "
    "this one in a namespace of its own (unshare --net p4rt-sandbox start)"
)


def _dir_option(f: F) -> F:
    return click.option(
        "--dir", "folder", metavar="DIR", envvar="P4RT_SANDBOX_DIR",
        help="Folder of the sandbox (default: one for each user; $P4RT_SANDBOX_DIR).",
    )(f)  # fmt: skip


@click.group(cls=ExamplesGroup, context_settings=CONTEXT, examples=_EXAMPLES)
@version_option
def sandbox() -> None:
    """Run a private Open vSwitch that knows programs.

    It lives in one folder, beside the system's own Open vSwitch if there is one, and uses the
    userspace datapath only.  Its database is kept from one start to the next."""


@sandbox.command()
@_dir_option
@click.option("--prefix", metavar="DIR", help="Installation of Open vSwitch (default: that of 'make ovs').")
@click.option("--asan", is_flag=True, help="Use the sanitizer build.")
@click.option("--dummy", is_flag=True, help="Allow dummy datapaths and ports, which need no privileges.")
def start(folder: str | None, prefix: str | None, asan: bool, dummy: bool) -> None:
    """Start the sandbox, unless it runs."""
    box = Sandbox(folder, prefix=prefix, asan=asan, dummy=dummy)
    box.check_permission()
    if box.rival():
        click.echo(_RIVAL, err=True)
    if box.start():
        click.echo(f"sandbox started in {box.dir}", err=True)
    else:
        click.echo(f"sandbox runs already in {box.dir}", err=True)
        if box.outdated():
            click.echo("it runs another build of Open vSwitch; stop and start it for this one", err=True)


@sandbox.command()
@_dir_option
@click.option("--delete", is_flag=True, help="Remove its folder too, with the database.")
def stop(folder: str | None, delete: bool) -> None:
    """Stop the sandbox."""
    box = Sandbox(folder)
    stopped = box.stop()
    if delete:
        box.delete()
    click.echo(f"sandbox in {box.dir} {'stopped' if stopped else 'does not run'}", err=True)


@sandbox.command()
@_dir_option
@click.pass_context
def status(ctx: click.Context, folder: str | None) -> None:
    """Say what runs.

    Exit status 1 when not everything does."""
    box = Sandbox(folder)
    box.check_permission()
    click.echo(f"folder: {box.dir}")
    for name in ("ovsdb-server", "ovs-vswitchd"):
        pid = box.pid(name)
        click.echo(f"{name}: {f'running, pid {pid}' if pid else 'not running'}")
    if box.running():
        note = " (another build runs; stop and start for this one)" if box.outdated() else ""
        click.echo(f"prefix: {box.prefix}{note}")
        click.echo(f"bridges: {' '.join(box.run('ovs-vsctl', 'list-br').split()) or 'none'}")
        reports = box.sanitizer_reports()
        if reports:
            click.echo(f"sanitizer reports: see {box.log_dir}/sanitizer.*")
    else:
        ctx.exit(1)


@sandbox.command()
@_dir_option
def env(folder: str | None) -> None:
    """Print shell commands that select the sandbox.

    After them, the tools of Open vSwitch and of this project use it.  For a POSIX shell:
    eval "$(p4rt-sandbox env)"."""
    box = Sandbox(folder)
    box.check_permission()
    exports = box.environment()
    if folder is not None:
        exports["P4RT_SANDBOX_DIR"] = os.path.abspath(folder)
    click.echo(shell_exports(exports), nl=False)
    if not box.running():
        click.echo("p4rt-sandbox: the sandbox does not run; p4rt-sandbox start", err=True)


def main() -> None:
    """Entry point of p4rt-sandbox."""
    finish(sandbox, "p4rt-sandbox")
