# SPDX-License-Identifier: Apache-2.0
"""What the checker hands to the later stages: types, conversions, calls, tables, instances."""

from __future__ import annotations

from typing import TypeVar

from cases import checked

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.model import (
    AnySet,
    CallKind,
    CheckedProgram,
    EnumValue,
    ExactSet,
    Instance,
    MaskSet,
    RangeSet,
    ValueSetRef,
)
from p4rt.compiler.frontend import ast

Found = TypeVar("Found", bound=ast.Node)
MODEL = "#include <core.p4>\n#include <ubpf_model.p4>\n"


def find(program: CheckedProgram, kind: type[Found], number: int = 0) -> Found:
    """The node of a class in the snippet (not in what it includes), in source order."""
    nodes = [
        node
        for decl in program.program.decls
        for node in ast.walk(decl)
        if isinstance(node, kind) and node.span.file == "t.p4"
    ]
    return nodes[number]


def test_types_before_and_after_conversion() -> None:
    program = checked("control c(out bit<8> x) { apply { x = 3; } }")
    literal = find(program, ast.Assign).value
    assert program.natural_type(literal) == t.InfIntType()
    assert program.type_of(literal) == t.BitType(8)
    assert program.const_value(literal) == 3


def test_a_list_gets_the_type_of_its_target_and_so_do_its_items() -> None:
    program = checked("header h { bit<8> a; int<4> b; } control c(out h x) { apply { x = { 300, -1 }; } }")
    literal = find(program, ast.ListLit)
    assert isinstance(program.type_of(literal), t.HeaderType)
    assert [program.type_of(item) for item in literal.items] == [t.BitType(8), t.IntType(4)]
    assert [program.const_value(item) for item in literal.items] == [44, -1]


def test_typedefs_are_resolved_and_new_types_kept() -> None:
    program = checked("typedef bit<9> a_t; type a_t b_t; struct s { a_t a; b_t b; }")
    struct = program.globals["s"]
    assert isinstance(struct, ast.StructDecl)
    a, b = (program.type_of_decl(field) for field in struct.fields)
    assert a == t.BitType(9)
    assert b == t.NewType("b_t", t.BitType(9))
    assert t.strip(b) == t.BitType(9)


def test_generic_structs_have_their_arguments_put_in() -> None:
    program = checked("struct p<A, B> { A a; B b; } control c(in p<bit<8>, p<bool, bit<4>>> x) { apply { } }")
    type_ = program.type_of_decl(find(program, ast.Param))
    assert str(type_) == "p<bit<8>, p<bool, bit<4>>>"
    assert isinstance(type_, t.StructType)
    assert t.width_of(type_) == 13


def test_names_refer_to_the_innermost_declaration() -> None:
    program = checked("const bit<8> a = 1; control c(out bit<8> x) { bit<8> a = 2; apply { x = a; } }")
    name = find(program, ast.Assign).value
    assert isinstance(program.decl_of(name), ast.VarDecl)
    assert program.const_value(name) is None


def test_arguments_are_bound_to_parameters() -> None:
    program = checked(
        "extern void f(in bit<8> a, in bit<16> b = 7, @optional in bool c);"
        "control k() { apply { f(b = 2, a = 1); f(3); } }"
    )
    named, short = (program.call_of(find(program, ast.Call, number)) for number in (0, 1))
    values = [arg.value and program.const_value(arg.value) for arg in named.args]
    assert (values, [arg.param.name for arg in named.args]) == ([1, 2, None], ["a", "b", "c"])
    assert [arg.defaulted for arg in short.args] == [False, True, False]
    assert short.args[1].value is not None and program.const_value(short.args[1].value) == 7


def test_type_arguments_are_inferred_from_arguments_and_result() -> None:
    program = checked(
        MODEL + "header h_t { bit<16> a; }"
        "parser p(packet_in pkt, out h_t h) { state start {"
        "  pkt.extract(h); bit<16> x = pkt.lookahead(); transition accept; } }"
    )
    extract, lookahead = (program.call_of(find(program, ast.Call, number)) for number in (0, 1))
    assert extract.kind is CallKind.EXTERN_METHOD
    assert [str(item) for item in extract.type_args.values()] == ["h_t"]
    assert lookahead.result == t.BitType(16)


def test_overloads_are_chosen_by_the_number_of_arguments() -> None:
    program = checked(
        MODEL + "header h_t { bit<16> a; varbit<64> b; }"
        "parser p(packet_in pkt, out h_t h) { state start { pkt.extract(h, 32); transition accept; } }"
    )
    call = program.call_of(find(program, ast.Call))
    assert call.method is not None and len(call.method.params) == 2
    assert [str(arg.param.type) for arg in call.args] == ["h_t", "bit<32>"]


def test_what_each_call_calls() -> None:
    program = checked(
        "header h_t { bit<8> a; } extern R { R(); void w(); } bit<8> f() { return 1; }"
        "control d() { apply { } }"
        "control c(inout h_t h, inout h_t[2] s) { R() r; d() x; action a() { } table t { actions = { a; } }"
        "  apply { f(); a(); t.apply(); x.apply(); d.apply(); r.w(); h.setValid(); h.setInvalid();"
        "    if (h.isValid()) { s.push_front(1); s.pop_front(1); } } }"
    )
    calls = [node for node in ast.walk(program.globals["c"]) if isinstance(node, ast.Call)]
    assert [program.call_of(call).kind.name for call in calls] == [
        "FUNCTION", "ACTION", "TABLE_APPLY", "CONTROL_APPLY", "CONTROL_APPLY", "EXTERN_METHOD", "SET_VALID",
        "SET_INVALID", "IS_VALID", "PUSH_FRONT", "POP_FRONT",
    ]  # fmt: skip


TABLE = """
header h_t { bit<8> a; bit<8> b; }
control c(inout h_t h, in bool v) {
    action drop() { }
    action set(in bit<8> from, bit<8> x, int<4> y) { h.a = x; }
    table t {
        key = { h.a: exact; h.isValid(): exact; h.b: lpm @name("prefix"); h.a[7:4]: exact; }
        actions = { drop; @tableonly set(h.b); @defaultonly NoAction; }
        const default_action = NoAction();
        const entries = {
            (1, true, 0x10 &&& 0xf0, 3): set(h.b, 5, -1);
            (2, false, _, 4): drop();
        }
        size = 1 << 4;
    }
    apply { t.apply(); }
}
"""


def test_table() -> None:
    program = checked(MODEL + TABLE)
    info = program.tables[find(program, ast.TableDecl)]
    assert [(key.name, key.match_kind, str(key.type)) for key in info.keys] == [
        ("h.a", "exact", "bit<8>"),
        ("h.$valid$", "exact", "bool"),
        ("prefix", "lpm", "bit<8>"),
        ("h.a[7:4]", "exact", "bit<4>"),
    ]
    assert [(action.decl.name, action.scope) for action in info.actions] == [
        ("drop", "any"), ("set", "table_only"), ("NoAction", "default_only"),
    ]  # fmt: skip
    setter = info.actions[1]
    assert [arg.param.name for arg in setter.bound] == ["from"]
    assert [param.name for param in setter.params] == ["x", "y"]
    assert info.default is not None and info.default.action.decl.name == "NoAction"
    assert (info.default_const, info.entries_const, info.size) == (True, True, 16)


def test_entries_of_a_table() -> None:
    program = checked(MODEL + TABLE)
    first, second = program.tables[find(program, ast.TableDecl)].entries
    assert first.keysets == (ExactSet(1), ExactSet(True), MaskSet(0x10, 0xF0), ExactSet(3))
    assert [(param.name, value) for param, value in first.action.args] == [("x", 5), ("y", -1)]
    assert second.keysets == (ExactSet(2), ExactSet(False), AnySet(), ExactSet(4))
    assert first.const


def test_keysets_of_a_select() -> None:
    program = checked(
        "enum E { A, B } parser p(in bit<8> x, in E e) { value_set<bit<8>>(2) vs; state start {"
        " transition select(x, e) {"
        "  (1, E.B): accept; (2 .. 4, _): accept; (0xf0 &&& 0xf0, default): a; (vs, E.A): a;"
        "  default: reject; } }"
        " state a { } }"
    )
    cases = [find(program, ast.SelectCase, number) for number in range(5)]
    type_ = t.EnumType("E", ("A", "B"))
    value_set = find(program, ast.ValueSetDecl)
    assert [program.keysets[case] for case in cases] == [
        (ExactSet(1), ExactSet(EnumValue(type_, "B"))),
        (RangeSet(2, 4), AnySet()),
        (MaskSet(0xF0, 0xF0), AnySet()),
        (ValueSetRef(value_set), ExactSet(EnumValue(type_, "A"))),
        (AnySet(), AnySet()),
    ]
    targets = [program.states[case] for case in cases]
    assert [target.name if target else None for target in targets] == [None, None, "a", "a", None]


def test_switch_labels_are_actions_of_the_table() -> None:
    program = checked(
        "control c() { action a() { } table t { actions = { a; } }"
        " apply { switch (t.apply().action_run) { a: { } default: { } } } }"
    )
    label = find(program, ast.SwitchCase).label
    value = program.const_value(label)
    assert isinstance(value, EnumValue) and value.name == "a"


INSTANCES = """
control inner(inout bit<32> x)(bit<32> by, bit<32> size) {
    Register<bit<32>, bit<32>>(size * 2) cells;
    @name("renamed") Register<bit<32>, bit<32>>(1) last;
    apply { x = x + by; }
}
control plain(inout bit<32> x) { apply { } }
struct headers { } struct meta { bit<32> x; }
parser prs(packet_in pkt, out headers hdr, inout meta m, inout standard_metadata std) {
    state start { transition accept; }
}
control pipe(inout headers hdr, inout meta m, inout standard_metadata std) {
    inner(by = 1, size = 8) first;
    inner(2, 16) second;
    @name(".global") Register<bit<8>, bit<8>>(3) r;
    apply { first.apply(m.x); second.apply(m.x); plain.apply(m.x); }
}
control dprs(packet_out pkt, in headers hdr) { apply { } }
ubpf(prs(), pipe(), dprs()) main;
"""


def test_instances() -> None:
    program = checked(MODEL + INSTANCES)
    assert program.main is not None
    pipe = program.main.args["p"]
    assert isinstance(pipe, Instance)
    assert {member.name: member.path for member in pipe.members.values()} == {
        "first": "pipe.first", "second": "pipe.second", "r": "global", "plain": "pipe.plain",
    }  # fmt: skip
    second = next(member for member in pipe.members.values() if member.name == "second")
    assert second.args == {"by": 2, "size": 16}
    assert {member.path: member.args for member in second.members.values()} == {
        "pipe.second.cells": {"size": 32},
        "pipe.second.renamed": {"size": 1},
    }


def test_constructor_parameters_are_constants_of_an_instance() -> None:
    program = checked(MODEL + INSTANCES)
    assert program.main is not None
    pipe = program.main.args["p"]
    assert isinstance(pipe, Instance)
    by = find(program, ast.Binary, 1).right
    assert program.const_value(by) is None
    found = [program.const_value(by, member) for member in pipe.members.values() if member.name != "r"]
    assert found == [1, 2, None]


def test_a_program_without_main_is_a_library() -> None:
    assert checked("const bit<8> a = 1;").main is None


def test_control_plane_names() -> None:
    program = checked('control c() { @name("x.y") action a() { } @name(".z") action b() { } apply { } }')
    a, b = find(program, ast.ActionDecl), find(program, ast.ActionDecl, 1)
    assert (program.path_of(a), program.path_of(b)) == ("x.y", "z")


def test_a_typedef_may_stand_for_a_specialized_extern() -> None:
    program = checked(
        "extern E<T> { E(T x); E(); } typedef E<bit<8>> e_t;control c() { e_t() a; E(4w1) b; apply { } }"
    )
    types = [program.type_of_decl(find(program, ast.InstanceDecl, number)) for number in (0, 1)]
    assert [str(type_) for type_ in types] == ["E<bit<8>>", "E<bit<4>>"]


def test_objects_are_passed_to_constructors() -> None:
    program = checked(
        "extern E { E(bit<8> n); void go(); } control d()(E e) { apply { e.go(); } }"
        "control c()(bit<8> n) { E(n + 1) mine; d(mine) x; d(E(9)) y; apply { x.apply(); y.apply(); } }"
        "control top(); package k(top t); control m() { c(4) inner; apply { inner.apply(); } } k(m()) main;"
    )
    assert program.main is not None
    m = program.main.args["t"]
    assert isinstance(m, Instance)
    (inner,) = m.members.values()
    by_name = {member.name: member for member in inner.members.values()}
    assert by_name["mine"].args == {"n": 5}
    assert by_name["x"].args == {"e": by_name["mine"]}
    passed = by_name["y"].args["e"]
    assert isinstance(passed, Instance) and passed.args == {"n": 9}
