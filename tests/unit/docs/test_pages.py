# SPDX-License-Identifier: Apache-2.0
"""The pages of the documentation: links lead somewhere, and every page is linked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOP = Path(__file__).parents[3]
PAGES = sorted([TOP / "README.md", *TOP.glob("docs/**/*.md"), *TOP.glob("examples/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")

FILE = re.compile(r"`((?:docs|p4rt|ubpf|tools|tests|examples|ovs-patches|templates)/[\w./-]*)`")


def links(page: Path) -> list[Path]:
    """The files and folders that a page refers to."""
    targets = LINK.findall(page.read_text())
    return [(page.parent / t).resolve() for t in targets if not re.match(r"[a-z]+:", t)]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(TOP)))
def test_links_lead_somewhere(page: Path) -> None:
    assert [str(t) for t in links(page) if not t.exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, todo = set(), [TOP / "README.md"]
    while todo:
        page = todo.pop()
        if page.is_dir():
            page /= "README.md"
        if page.suffix == ".md" and page not in reached and page.is_file():
            reached.add(page)
            todo += links(page)
    assert [str(p.relative_to(TOP)) for p in PAGES if p not in reached] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(TOP)))
def test_files_named_in_the_text_exist(page: Path) -> None:
    named = FILE.findall(page.read_text())
    assert [n for n in named if not (TOP / n).exists()] == []
