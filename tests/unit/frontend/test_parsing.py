# SPDX-License-Identifier: Apache-2.0
"""What the parser makes of each construct of the language."""

from __future__ import annotations

from typing import Any

import pytest
from shapes import decls, expression, statements

from p4rt.compiler.diagnostics import Diagnostics
from p4rt.compiler.frontend import ast, lalr
from p4rt.compiler.frontend.parser import parse_text

EXPRESSIONS: list[tuple[str, Any]] = [
    ("1 + 2 * 3", ["+", "1", ["*", "2", "3"]]),
    ("a - b - c", ["-", ["-", "a", "b"], "c"]),
    ("(a + b) * c", ["*", ["+", "a", "b"], "c"]),
    # Unlike C: & binds tighter than == and <.
    ("a & b == c", ["==", ["&", "a", "b"], "c"]),
    ("a | b < c ^ d", ["<", ["|", "a", "b"], ["^", "c", "d"]]),
    ("a ++ b + c", ["+", ["++", "a", "b"], "c"]),
    ("a |+| b |-| c", ["|-|", ["|+|", "a", "b"], "c"]),
    ("a << b >> c", [">>", ["<<", "a", "b"], "c"]),
    ("a && b || c && d", ["||", ["&&", "a", "b"], ["&&", "c", "d"]]),
    ("a ? b : c ? d : e", ["Ternary", "a", "b", ["Ternary", "c", "d", "e"]]),
    ("!a && ~b == -c", ["&&", ["Unary", "!", "a"], ["==", ["Unary", "~", "b"], ["Unary", "-", "c"]]]),
    ("a.b.c[3].d", [".", ["Index", [".", [".", "a", "b"], "c"], "3"], "d"]),
    ("a[7:4]", ["Slice", "a", "7", "4"]),
    ("a[4+:3]", ["PlusSlice", "a", "4", "3"]),
    ("a.type", [".", "a", "type"]),
    ("a.key.apply.state", [".", [".", [".", "a", "key"], "apply"], "state"]),
    ("f(1, b)", ["Call", "f", ["1", "b"]]),
    ("f(x = 1, y = _)", ["Call", "f", [["Argument", "x", "1"], ["Argument", "y", ["DontCare"]]]]),
    ("f<bit<8>, bool>(1)", ["Call", "f", ["bit<8>", "bool"], ["1"]]),
    ("p.lookahead<bit<16>>()", ["Call", [".", "p", "lookahead"], ["bit<16>"]]),
    ("(bit<8>)a + b", ["+", ["Cast", "bit<8>", "a"], "b"]),
    ("(bit<8>)-a", ["Cast", "bit<8>", ["Unary", "-", "a"]]),
    ("{ 1, 2 }", ["ListLit", ["1", "2"]]),
    ("{ 1, 2, }", ["ListLit", ["1", "2"]]),
    ("{ 1, ... }", ["ListLit", ["1"], True]),
    ("{ a = 1, b = 2 }", ["StructLit", [["NamedExpr", "a", "1"], ["NamedExpr", "b", "2"]]]),
    ("{ a = 1, ... }", ["StructLit", [["NamedExpr", "a", "1"]], True]),
    ("{ }", ["ListLit"]),
    ("{#}", ["InvalidLit"]),
    ("...", ["Dots"]),
    ("error.NoMatch", [".", "error", "NoMatch"]),
    (".a", ".a"),
    ("8w0xff", "8w0xff"),
    ('"a\\n\\"b\\""', ["StringLit", 'a\n"b"']),
    ("a < b", ["<", "a", "b"]),
    ("a < b && c > (d)", ["&&", ["<", "a", "b"], [">", "c", "d"]]),
    ("a >> b > c", [">", [">>", "a", "b"], "c"]),
]


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS, ids=[text for text, _ in EXPRESSIONS])
def test_expression(text: str, expected: Any) -> None:
    names = "abcdefp"
    before = " ".join(f"const int {name} = 1;" for name in names)
    assert expression(text, before) == expected


def test_a_name_in_parentheses_is_a_cast_only_when_it_is_a_type() -> None:
    assert expression("(T)-a", "typedef bit<8> T;") == ["Cast", "T", ["Unary", "-", "a"]]
    assert expression("(T)-a", "const int T = 1;") == ["-", "T", "a"]


def test_less_than_after_a_type_opens_arguments() -> None:
    assert expression("G<bit<8>>(1)", "extern G<T> { G(T t); }") == [
        "Call", ["SpecializedTypeExpr", "G", ["bit<8>"]], ["1"],
    ]  # fmt: skip


def test_two_angle_brackets_close_two_lists() -> None:
    (_, struct) = decls("struct p<T> { T x; } struct s { p<p<bit<8>>> a; }")
    inner = ["SpecializedTypeExpr", "p", ["bit<8>"]]
    assert struct == ["StructDecl", "s", [["Field", "a", ["SpecializedTypeExpr", "p", [inner]]]]]


def test_a_width_may_be_an_expression() -> None:
    assert decls("const int N = 3; header h { bit<(N * 8)> a; bit<N> b; }")[1] == [
        "HeaderDecl", "h",
        [["Field", "a", ["BitTypeExpr", ["*", "N", "8"]]], ["Field", "b", ["BitTypeExpr", "N"]]],
    ]  # fmt: skip


STATEMENTS: list[tuple[str, Any]] = [
    ("x = 1;", ["=", "x", "1"]),
    ("x.y[3:0] |+|= 2;", ["|+|=", ["Slice", [".", "x", "y"], "3", "0"], "2"]),
    ("x <<= 2;", ["<<=", "x", "2"]),
    ("f();", ["Call", "f"]),
    (";", ["Empty"]),
    ("return;", ["Return"]),
    ("return 1;", ["Return", "1"]),
    ("exit;", ["Exit"]),
    ("{ }", ["Block"]),
    ("bit<8> y;", ["VarDecl", "y", "bit<8>"]),
    ("const bit<8> y = 1;", ["ConstDecl", "y", "bit<8>", "1"]),
    ("if (a) x = 1; else ;", ["If", "a", ["=", "x", "1"], ["Empty"]]),
    ("if (a) if (b) ; else ;", ["If", "a", ["If", "b", ["Empty"], ["Empty"]]]),
    (
        "switch (a) { 1: 2: { } default: { } }",
        ["Switch", "a", [["SwitchCase", "1"], ["SwitchCase", "2", ["Block"]],
                         ["SwitchCase", ["DefaultKeyset"], ["Block"]]]],
    ),
    (
        "for (bit<8> i = 0; i < 4; i += 1) break;",
        ["For", [["VarDecl", "i", "bit<8>", "0"]], ["<", "i", "4"], [["+=", "i", "1"]], ["Break"]],
    ),
    (
        "for (bit<8> i in 0 .. 3) continue;",
        ["ForIn", ["VarDecl", "i", "bit<8>"], ["Range", "0", "3"], ["Continue"]],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), STATEMENTS, ids=[text for text, _ in STATEMENTS])
def test_statement(text: str, expected: Any) -> None:
    assert statements(text) == [expected]


DECLARATIONS: list[tuple[str, Any]] = [
    ("typedef bit<32> ip_t;", ["TypedefDecl", "ip_t", "bit<32>"]),
    ("type bit<9> port_t;", ["NewTypeDecl", "port_t", "bit<9>"]),
    ("enum E { A, B, }", ["EnumDecl", "E", [["EnumMember", "A"], ["EnumMember", "B"]]]),
    ("enum bit<8> E { A = 1 }", ["EnumDecl", "E", "bit<8>", [["EnumMember", "A", "1"]]]),
    ("error { X }", ["ErrorDecl", [["EnumMember", "X"]]]),
    ("match_kind { range }", ["MatchKindDecl", [["EnumMember", "range"]]]),
    ("header_union u { }", ["UnionDecl", "u"]),
    ("header h { varbit<32> a; int<8> type; }", [
        "HeaderDecl", "h",
        [["Field", "a", ["VarbitTypeExpr", "32"]], ["Field", "type", ["IntTypeExpr", "8"]]],
    ]),
    ("struct s { tuple<bit<8>, bool> t; list<bit<8>> l; }", [
        "StructDecl", "s",
        [["Field", "t", ["TupleTypeExpr", ["bit<8>", "bool"]]], ["Field", "l", ["ListTypeExpr", "bit<8>"]]],
    ]),
    ("extern void f<T>(in T x, out bit<8> y);", [
        "ExternFunctionDecl", "f", "void", [["TypeParam", "T"]],
        [["Param", "x", "in", "T"], ["Param", "y", "out", "bit<8>"]],
    ]),
    ("extern T f<T>();", ["ExternFunctionDecl", "f", "T", [["TypeParam", "T"]]]),
    ("extern R<T> { R(); abstract T read(in bit<8> i = 3); }", [
        "ExternDecl", "R", [["TypeParam", "T"]],
        [["Method", "R"], ["Method", "read", True, "T", [["Param", "i", "in", "bit<8>", "3"]]]],
    ]),
    ("T id<T>(in T x) { return x; }", [
        "FunctionDecl", "id", "T", [["TypeParam", "T"]], [["Param", "x", "in", "T"]],
        ["Block", [["Return", "x"]]],
    ]),
    ("parser p<H>(out H h);", ["ParserTypeDecl", "p", [["TypeParam", "H"]], [["Param", "h", "out", "H"]]]),
    ("package k<H>(bit<8> a);", ["PackageDecl", "k", [["TypeParam", "H"]], [["Param", "a", "bit<8>"]]]),
    ("control c(in bit<8> x)(bit<8> n) { bit<8> y; apply { y = x; } }", [
        "ControlDecl", "c", [["Param", "x", "in", "bit<8>"]], [["Param", "n", "bit<8>"]],
        [["VarDecl", "y", "bit<8>"]], ["Block", [["=", "y", "x"]]],
    ]),
    ("parser p() { value_set<bit<8>>(4) v; state start { transition accept; } @x state key { } }", [
        "ParserDecl", "p", [["ValueSetDecl", "v", "bit<8>", "4"]],
        [["StateDecl", "start", ["DirectTransition", "accept"]], ["StateDecl", [["Annotation", "x"]], "key"]],
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DECLARATIONS, ids=[text[:40] for text, _ in DECLARATIONS])
def test_declaration(text: str, expected: Any) -> None:
    found = decls(text)[0]
    if "StateDecl" in str(expected):
        found[-1] = [state if len(state) < 3 or state[2] != [["Annotation", "x"]] else
                     ["StateDecl", state[2], state[1]] for state in found[-1]]  # fmt: skip
    assert found == expected


def test_keysets_of_select() -> None:
    text = """
    parser p(in bit<8> a, in bit<8> b) {
        state start {
            transition select(a, b) {
                (1, 2 &&& 3): x;
                (4 .. 5, _): x;
                (default, 7): accept;
                _: reject;
            }
        }
        state x { }
    }"""
    select = decls(text)[0][3][0][2]
    assert select == ["SelectTransition", ["a", "b"], [
        ["SelectCase", ["TupleKeyset", ["1", ["Mask", "2", "3"]]], "x"],
        ["SelectCase", ["TupleKeyset", [["Range", "4", "5"], ["DontCare"]]], "x"],
        ["SelectCase", ["TupleKeyset", [["DefaultKeyset"], "7"]], "accept"],
        ["SelectCase", ["DontCare"], "reject"],
    ]]  # fmt: skip


def test_table() -> None:
    text = """
    control c(in bit<8> a) {
        action drop() { }
        action set(bit<8> key) { }
        table t {
            key = { a: exact @name("x"); a[3:0]: ternary; }
            actions = { drop; @tableonly set; .NoAction; }
            const default_action = set(1);
            entries = { const priority = 3: (1, 2): drop(); _: set(4); }
            size = 16;
        }
        apply { }
    }"""
    table = decls(text)[0][3][2]
    name = ["Annotation", "name", ['"x"'], [["StringLit", "x"]]]
    assert table == ["TableDecl", "t", [
        ["KeyProperty", [
            ["KeyElement", [name], "a", "exact"],
            ["KeyElement", ["Slice", "a", "3", "0"], "ternary"],
        ]],
        ["ActionsProperty", [
            ["ActionRef", "drop"],
            ["ActionRef", [["Annotation", "tableonly"]], "set"],
            ["ActionRef", ".NoAction"],
        ]],
        ["ExprProperty", True, "default_action", ["Call", "set", ["1"]]],
        ["EntriesProperty", [
            ["Entry", True, "3", ["TupleKeyset", ["1", "2"]], ["ActionRef", "drop"]],
            ["Entry", ["DontCare"], ["ActionRef", "set", ["4"]]],
        ]],
        ["ExprProperty", "size", "16"],
    ]]  # fmt: skip


def test_annotations_of_every_form() -> None:
    text = '@a @b(x (y) 3) @c("s", 1) @d[1, true] @e[k="v"] @pragma p q\nconst int x = 1;'
    annotations = decls(text)[0][2]
    assert annotations == [
        ["Annotation", "a"],
        ["Annotation", "b", ["x", "(", "y", ")", "3"]],
        ["Annotation", "c", ['"s"', ",", "1"], [["StringLit", "s"], "1"]],
        ["Annotation", "d", ["1", ["BoolLit", True]]],
        ["Annotation", "e", [["NamedExpr", "k", ["StringLit", "v"]]]],
        ["Annotation", "pragma", ["p", "q"]],
    ]


def test_the_grammar_has_no_conflicts() -> None:
    tables = lalr.build_tables()
    assert tables.sr_conflicts == []
    assert tables.rr_conflicts == []


def test_every_node_has_its_place() -> None:
    text = "const bit<8> a = 1;\nheader h {\n    bit<8> x;\n}\n"
    program = parse_text(text, Diagnostics(), "f.p4")
    const, header = program.decls
    assert str(const.span) == "f.p4:1:1" and const.span.end_column == 20
    assert isinstance(header, ast.HeaderDecl)
    assert (header.span.line, header.span.end_line, header.name_span.column) == (2, 4, 8)
    assert (header.fields[0].span.line, header.fields[0].span.column) == (3, 5)


def test_tables_are_read_from_the_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = lalr._load_or_build()
    (file,) = (tmp_path / "p4rt").iterdir()
    assert lalr._load_or_build() == first
    file.write_bytes(b"garbage")
    assert lalr._load_or_build() == first


def test_tables_are_built_where_no_cache_can_be(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "p4rt").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert len(lalr._load_or_build()[0]) > 500
