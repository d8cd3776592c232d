# SPDX-License-Identifier: Apache-2.0
"""What the compiler keeps between its runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p4rt.compiler import cache


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "p4rt"


def test_what_is_kept_is_found_by_what_it_is_made_of(folder: Path) -> None:
    cache.keep("thing", ("source", 1), {"a": [1, 2]})
    assert cache.load("thing", ("source", 1)) == {"a": [1, 2]}
    assert cache.load("thing", ("source", 2)) is None
    assert cache.load("other", ("source", 1)) is None


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\0" * 40])
def test_a_damaged_file_counts_as_none(folder: Path, damage: bytes) -> None:
    cache.keep("thing", "source", "value")
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert cache.load("thing", "source") is None
    cache.keep("thing", "source", "value")
    assert cache.load("thing", "source") == "value"


def test_one_changed_byte_counts_as_damage(folder: Path) -> None:
    cache.keep("thing", "source", "value")
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes().replace(b"value", b"VALUE"))
    assert cache.load("thing", "source") is None


def test_what_another_user_wrote_is_not_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.keep("thing", "source", "value")
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    assert cache.load("thing", "source") is None


def test_no_folder_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "p4rt").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.keep("thing", "source", "value")
    assert cache.load("thing", "source") is None


def test_no_home_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "expanduser", _no_home)
    cache.keep("thing", "source", "value")
    assert cache.load("thing", "source") is None


def _no_home(path: Path) -> Path:
    raise RuntimeError("Could not determine home directory.")
