# SPDX-License-Identifier: Apache-2.0
"""Warnings about programs that are right but suspicious: when, where, and how they are silenced."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from p4_programs import source
from test_command import run

from p4rt.compiler.diagnostics import WARNINGS, CompileError, Diagnostics
from p4rt.compiler.driver import Options, check

SET = "action set(bit<8> v) { hdr.h.b = v; }"


def warnings(folder: Path, **parts: str) -> list[tuple[str, str]]:
    """Code and message of each warning."""
    path = folder / "p.p4"
    path.write_text(source(**parts))
    diagnostics = Diagnostics()
    check(str(path), Options(), diagnostics)
    return [(item.code, item.message) for item in diagnostics.items]


@pytest.mark.parametrize(
    ("locals", "message"),
    [
        ("bit<8> x;", "variable 'x' is never used"),
        (SET, "action 'set' is never used"),
        ("table t { actions = { NoAction; } }", "table 't' is never used"),
        ("Register<bit<8>, bit<8>>(4) r;", "object 'r' is never used"),
    ],
)
def test_name_that_nothing_uses(tmp_path: Path, locals: str, message: str):
    assert warnings(tmp_path, locals=locals) == [("unused", message)]


def test_functions_and_value_sets_that_nothing_uses(tmp_path: Path):
    states = "value_set<bit<8>>(2) v; state start { transition accept; }"
    assert warnings(tmp_path, top="bit<8> f() { return 1; }", states=states) == [
        ("unused", "function 'f' is never used"),
        ("unused", "value set 'v' is never used"),
    ]


def test_variable_that_is_only_written(tmp_path: Path):
    assert warnings(tmp_path, apply="bit<8> x; x = 1; x[3:0] = 2;") == [
        ("unused", "variable 'x' is assigned to, but never read")
    ]


@pytest.mark.parametrize(
    "apply",
    [
        "bit<8> x; hdr.h.a = x;",
        "bit<8> x; if (x == 1) { x = 2; }",
        "bit<8> x; x = x + 1; hdr.h.a = x;",
        "bit<8> x; x += 1; hdr.h.a = x;",
        "bit<8> x; if (hdr.h.a == 1) { x = 1; return; } hdr.h.a = x;",
        "bit<8> x; twice(x);",
        "bool x; for (bit<8> i in 1 .. 3) { if (x) { hdr.h.a = i; } }",
        "pair_t x; hdr.h.a = x.a;",
    ],
)
def test_variable_read_before_it_has_a_value(tmp_path: Path, apply: str):
    top = "struct pair_t { bit<8> a; } void twice(inout bit<8> x) { x = x + x; }"
    if "twice" not in apply:
        top = "struct pair_t { bit<8> a; }"
    assert warnings(tmp_path, top=top, apply=apply) == [
        ("uninitialized", "'x' is read before anything is assigned to it")
    ]


@pytest.mark.parametrize(
    "apply",
    [
        "bit<8> x; x = 1; hdr.h.a = x;",
        "bit<8> x; if (hdr.h.a == 1) { x = 1; } hdr.h.a = x;",
        "bit<8> x; get(x); hdr.h.a = x;",
        "bit<8> x; bool m = false; for (bit<8> i in 1 .. 3) { if (m) { hdr.h.a = x; } x = i; m = true; }",
        "h_t x; x.setValid(); hdr.h = x;",
        "pair_t x; x.a = 1; hdr.h.a = x.a;",
        "bit<8> x; switch (hdr.h.a) { 1: { x = 1; } default: { x = 2; } } hdr.h.a = x;",
    ],
)
def test_variable_that_may_have_a_value(tmp_path: Path, apply: str):
    top = "struct pair_t { bit<8> a; } void get(out bit<8> x) { x = 1; }"
    found = warnings(tmp_path, top=top, apply=apply)
    assert [item for item in found if item != ("unused", "function 'get' is never used")] == []


def test_variable_of_the_control_that_nothing_assigns(tmp_path: Path):
    locals = "bit<8> x; bit<8> y; action set() { hdr.h.a = x + y; y = 1; }"
    assert warnings(tmp_path, locals=locals, apply="set();") == [
        ("uninitialized", "'x' is read, but nothing is ever assigned to it")
    ]


def test_state_that_nothing_leads_to(tmp_path: Path):
    states = "state start { transition accept; } state a { transition b; } state b { transition a; }"
    assert warnings(tmp_path, states=states) == [
        ("unreachable", "no transition leads to state 'a'"),
        ("unreachable", "no transition leads to state 'b'"),
    ]


@pytest.mark.parametrize(
    "apply",
    [
        "return; hdr.h.a = 1;",
        "exit; hdr.h.a = 1;",
        "if (hdr.h.a == 1) { return; } else { exit; } hdr.h.a = 1;",
        "for (bit<8> i in 1 .. 3) { break; hdr.h.a = i; }",
    ],
)
def test_statement_after_a_jump(tmp_path: Path, apply: str):
    assert warnings(tmp_path, apply=apply) == [("unreachable", "this is never reached")]


def test_result_that_nothing_uses(tmp_path: Path):
    found = warnings(
        tmp_path, locals="Register<bit<8>, bit<8>>(4) r;",
        apply="r.read(0); hdr.h.isValid(); ubpf_time_get_ns(); r.write(0, 1);",
    )  # fmt: skip
    assert found == [
        ("ignored-result", f"nothing uses the result of '{name}'")
        for name in ("read", "isValid", "ubpf_time_get_ns")
    ]


@pytest.mark.parametrize(
    "locals",
    [
        f'@noWarn("unused") {SET}',
        f"@noWarn {SET}",
        f'@noWarn("uninitialized", "unused") {SET}',
    ],
)
def test_silenced(tmp_path: Path, locals: str):
    assert warnings(tmp_path, locals=locals) == []


def test_silenced_for_another_code_or_elsewhere(tmp_path: Path):
    locals = f'@noWarn("unreachable") {SET} bit<8> x;'
    assert warnings(tmp_path, locals=locals) == [
        ("unused", "action 'set' is never used"), ("unused", "variable 'x' is never used")
    ]  # fmt: skip


def test_silence_covers_what_is_inside(tmp_path: Path):
    apply = '@noWarn("uninitialized") { bit<8> x; hdr.h.a = x; }'
    assert warnings(tmp_path, apply=apply) == []


def test_warnings_as_errors(tmp_path: Path):
    path = tmp_path / "p.p4"
    path.write_text(source(locals="bit<8> x;"))
    with pytest.raises(CompileError, match="error: variable 'x' is never used"):
        check(str(path), Options(), Diagnostics(warnings_are_errors=True))
    assert run(tmp_path, "p.p4").returncode == 0
    done = run(tmp_path, "-Werror", "p.p4")
    assert done.returncode == 1 and "p.p4:8:8: error: variable 'x' is never used" in done.stderr


# ---- Validity, shadowing, what is deprecated


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        ("h_t x; hdr.h.a = x.b;", "'x' is not valid here: its field 'b' has no value"),
        ("h_t x; x.a = 1; hdr.h.a = x.a;", "'x' is not valid here: its field 'a' has no value"),
        ("hdr.h.setInvalid(); meta.m = hdr.h.a;", "'hdr.h' is not valid here: its field 'a' has no value"),
        ("hdr.h.setInvalid(); if (meta.m == 1) { meta.m = hdr.h.a; }",
         "'hdr.h' is not valid here: its field 'a' has no value"),
    ],
)  # fmt: skip
def test_field_of_a_header_that_cannot_be_valid(tmp_path: Path, apply: str, message: str):
    assert warnings(tmp_path, meta="bit<8> m;", apply=apply) == [("invalid-header", message)]


@pytest.mark.parametrize(
    "apply",
    [
        "h_t x; x.setValid(); hdr.h.a = x.b;",
        "h_t x; x = hdr.h; hdr.h.a = x.b;",
        "h_t x = { 1, 2 }; hdr.h.a = x.b;",
        "h_t x; if (x.isValid()) { hdr.h.a = x.b; }",
        "h_t x; if (hdr.h.a == 1) { x = hdr.h; } hdr.h.a = x.b;",
        "h_t x; for (bit<8> i in 1 .. 2) { hdr.h.a = x.b; x = hdr.h; }",
        "hdr.h.setInvalid(); hdr.h.a = 1; hdr.h.setValid();",
        "hdr.h.setInvalid(); hdr = { hdr.h }; meta.m = hdr.h.a;",
    ],
)
def test_header_that_may_be_valid(tmp_path: Path, apply: str):
    assert warnings(tmp_path, meta="bit<8> m;", apply=apply) == []


def test_header_that_an_action_may_make_valid(tmp_path: Path):
    locals = "action make() { hdr.h.setValid(); }"
    assert warnings(tmp_path, locals=locals, apply="hdr.h.setInvalid(); make(); hdr.h.a = hdr.h.b;") == []


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"apply": "bit<8> x = 1; if (hdr.h.a == 1) { bit<8> x = 2; hdr.h.a = x; } hdr.h.b = x;"},
         "'x' hides the variable of that name declared at line 10"),
        ({"top": "const bit<8> K = 1;", "apply": "bit<8> K = 2; hdr.h.a = K;"},
         "'K' hides the constant of that name declared at line 3"),
        ({"locals": "action a(inout bit<8> hdr) { hdr = 1; }", "apply": "a(hdr.h.a);"},
         "'hdr' hides the parameter of that name declared at line 7"),
    ],
)  # fmt: skip
def test_name_that_hides_another(tmp_path: Path, parts: dict[str, str], message: str):
    assert warnings(tmp_path, **parts) == [("shadow", message)]


def test_use_of_what_is_deprecated(tmp_path: Path):
    top = (
        '@deprecated("use g") bit<8> f(in bit<8> x) { return x; } @deprecated("no more") typedef bit<8> t_t;'
    )
    assert warnings(tmp_path, top=top, apply="t_t y = f(1); hdr.h.a = y;") == [
        ("deprecated", "'t_t' is deprecated: no more"),
        ("deprecated", "'f' is deprecated: use g"),
    ]


def test_parameter_that_nothing_uses(tmp_path: Path):
    top = "bit<8> f(in bit<8> x, in bit<8> y) { return x; }"
    assert warnings(tmp_path, top=top, apply="hdr.h.a = f(1, 2);") == [
        ("unused", "parameter 'y' of 'f' is never used")
    ]


def test_code_left_out_on_the_command_line(tmp_path: Path):
    path = tmp_path / "p.p4"
    path.write_text(source(locals="bit<8> x;", apply="hdr.h.a = 256;"))
    text = run(tmp_path, "-Wno-unused", "p.p4").stderr
    assert "[overflow]" in text and "[unused]" not in text
    refused = run(tmp_path, "-Wno-such", "p.p4")
    assert refused.returncode == 2 and "-Wno-such is neither -Werror nor -Wno-CODE" in refused.stderr


def test_every_code_is_in_the_documentation():
    top = Path(__file__).resolve().parents[3]
    page = (top / "docs" / "diagnostics.md").read_text()
    sources = "".join(path.read_text() for path in (top / "p4rt" / "compiler").rglob("*.py"))
    calls = re.findall(r"(?:error|fatal|bad|warning|Diagnostic)\(\s*\"([a-z]+(?:-[a-z]+)*)\",", sources)
    assert set(calls) > {"type-error", "shadow", "no-main"}
    assert [
        code for code in {*calls, *WARNINGS} if f"`{code}`" not in page and code != "too-many-errors"
    ] == []
