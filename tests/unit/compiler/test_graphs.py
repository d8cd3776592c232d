# SPDX-License-Identifier: Apache-2.0
"""Pictures: which boxes there are, and which edges lead from one to the other."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from p4_programs import source
from test_command import run

SET = """
action set(bit<8> v) { hdr.h.b = v; }
table t { key = { hdr.h.a: exact; } actions = { set; NoAction; } }
"""


def picture(folder: Path, **parts: str) -> str:
    (folder / "p.p4").write_text(source(**parts))
    done = run(folder, "--emit", "dot", "p.p4")
    assert done.returncode == 0, done.stderr
    return done.stdout


def edges(dot: str) -> set[tuple[str, str, str]]:
    """Labels of tail, edge and head; nodes of the parser, pipeline and deparser begin with b0, b1, b2."""
    names = dict(re.findall(r'^ *(b\d+_\d+) \[label="((?:[^"\\]|\\.)*)"', dot, re.MULTILINE))
    found = re.findall(r'(b\d+_\d+) -> (b\d+_\d+)(?: \[label="((?:[^"\\]|\\.)*)"\])?;', dot)
    return {(names[tail], label, names[head]) for tail, head, label in found}


def pipeline(folder: Path, apply: str, locals: str = SET) -> set[tuple[str, str, str]]:
    """Edges of the control `pipe`."""
    dot = picture(folder, locals=locals, apply=apply)
    return edges(dot.partition('label="pipe"')[2].partition('label="dprs"')[0])


def test_states_and_transitions(tmp_path: Path):
    states = """
    state start {
        pkt.extract(hdr.h);
        transition select(hdr.h.a, hdr.h.b) { (1, 2 .. 3): more; (4 &&& 6, _): reject; default: accept; }
    }
    state more { verify(hdr.h.b != 2, error.NoMatch); transition accept; }"""
    dot = picture(tmp_path, states=states)
    start = "start\\lpkt.extract(hdr.h)\\lselect (hdr.h.a, hdr.h.b)\\l"
    more = "more\\lverify(hdr.h.b != 2, error.NoMatch)\\l"
    assert edges(dot.partition('label="pipe"')[0]) == {
        (start, "(1, 2 .. 3)", more), (start, "(4 &&& 6, _)", "reject"), (start, "default", "accept"),
        (more, "", "accept"),
    }  # fmt: skip


def test_table_in_a_condition(tmp_path: Path):
    table = "table t\\lhdr.h.a: exact\\l"
    assert pipeline(tmp_path, "if (t.apply().hit) { hdr.h.b = 1; hdr.h.a = 2; }") == {
        ("start", "", table), (table, "", "t.apply().hit"),
        ("t.apply().hit", "true", "hdr.h.b = 1\\lhdr.h.a = 2\\l"), ("t.apply().hit", "false", "end"),
        ("hdr.h.b = 1\\lhdr.h.a = 2\\l", "", "end"),
    }  # fmt: skip


def test_switch_return_and_exit(tmp_path: Path):
    apply = "switch (t.apply().action_run) { set: { return; } NoAction: { exit; } } hdr.h.a = 1;"
    run_ = "t.apply().action_run"
    assert pipeline(tmp_path, apply) == {
        ("start", "", "table t\\lhdr.h.a: exact\\l"), ("table t\\lhdr.h.a: exact\\l", "", run_),
        (run_, "set", "end"), (run_, "NoAction", "exit"), (run_, "none of these", "hdr.h.a = 1"),
        ("hdr.h.a = 1", "", "end"),
    }  # fmt: skip


def test_loop(tmp_path: Path):
    apply = "for (bit<8> i in 1 .. 3) { if (i == 2) { break; } hdr.h.a = i; }"
    assert pipeline(tmp_path, apply) == {
        ("start", "", "i in 1 .. 3"), ("i in 1 .. 3", "again", "i == 2"), ("i == 2", "true", "end"),
        ("i == 2", "false", "hdr.h.a = i"), ("hdr.h.a = i", "", "i in 1 .. 3"),
        ("i in 1 .. 3", "done", "end"),
    }  # fmt: skip


def test_what_the_middle_end_refuses_can_be_drawn(tmp_path: Path):
    locals = SET.replace("exact", "ternary")
    assert ("start", "", "table t\\lhdr.h.a: ternary\\l") in pipeline(tmp_path, "t.apply();", locals)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_it(tmp_path: Path):
    dot = picture(tmp_path, locals=SET, apply="t.apply();")
    done = subprocess.run(["dot", "-Tsvg"], input=dot, capture_output=True, text=True)
    assert done.returncode == 0 and "table t" in done.stdout
