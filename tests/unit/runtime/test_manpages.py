# SPDX-License-Identifier: Apache-2.0
"""The man pages: they are what the commands say of themselves, and they are whole."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
FOLDER = TOP / "docs/man"
PAGES = sorted(p.name for p in FOLDER.glob("*.1"))


def check(copy: Path) -> tuple[int, str]:
    """Runs the generator of a copy of the tree with --check."""
    done = subprocess.run(
        [sys.executable, str(copy / "tools/manpages.py"), "--check"], capture_output=True, text=True
    )
    return done.returncode, done.stderr


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER, tmp_path / "docs/man")
    (tmp_path / "tools").mkdir()
    shutil.copy(TOP / "tools/manpages.py", tmp_path / "tools")
    return tmp_path


def test_pages_are_up_to_date() -> None:
    assert check(TOP) == (0, "")


def test_page_that_differs_is_named(copy: Path) -> None:
    page = copy / "docs/man/p4rt-ctl.1"
    page.write_text(page.read_text().replace("mod\\-entry", "modify"))
    (copy / "docs/man/p4rt-run.1").unlink()
    assert check(copy) == (1, "not up to date, 'make man' is needed: p4rt-ctl.1, p4rt-run.1\n")


def test_every_command_has_a_page() -> None:
    scripts = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"]
    assert sorted(f"{name}.1" for name in scripts) == PAGES


def test_quotes_and_hyphens_can_be_copied_from_a_page() -> None:
    text = (FOLDER / "p4rt-ctl.1").read_text()
    assert "p4rt\\-ctl del\\-entry br0 router \\(aqtable=pipe.route,hdr.ipv4.dst=10.0.2.0/24\\(aq\n" in text


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
@pytest.mark.parametrize("page", PAGES)
def test_groff_has_no_complaints(page: str) -> None:
    command = ["groff", "-man", "-Tascii", "-ww", "-rCHECKSTYLE=2", str(FOLDER / page)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
