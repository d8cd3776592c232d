# SPDX-License-Identifier: Apache-2.0
"""Grammar rules of declarations and of the program."""

from __future__ import annotations

from typing import Any

from p4rt.compiler.frontend import ast
from p4rt.compiler.frontend.grammar import (
    declared,
    list_rules,
    passes,
    recovers,
    rule,
    span,
    with_annotations,
)
from p4rt.compiler.frontend.lexer import Token
from p4rt.compiler.records import replace
from p4rt.compiler.source import NO_SPAN


@rule("program : decls")
def _program(p: Any) -> ast.Program:
    where = p[1][0].span if p[1] else NO_SPAN
    return ast.Program(where, tuple(p[1]))


list_rules("decls", "decl")
passes("decl : plain_decl")
passes(
    "plain_decl : const_decl | derived_decl | extern_decl | action_decl | block_type SEMI | parser_decl"
    "| control_decl | function_decl | instance_decl"
)


@rule("decl : annos_1 plain_decl")
def _annotated_decl(p: Any) -> ast.Node:
    node: ast.Node = with_annotations(p[2], p[1])
    return node


recovers("decl")


@rule("decl : SEMI")
def _no_decl(p: Any) -> None:
    return None


passes("local_decl : const_decl | var_decl | instance_decl | action_decl | table_decl | value_set_decl")


# ---- Constants, variables, instances


@rule("const_decl : CONST type_ref name ASSIGN expr SEMI")
def _const(p: Any) -> ast.ConstDecl:
    declared(p, p[3])
    return ast.ConstDecl(span(p), p[3].text, p[3].span, (), p[2], p[5])


@rule("var_decl : type_ref name SEMI")
def _var(p: Any) -> ast.VarDecl:
    declared(p, p[2])
    return ast.VarDecl(span(p), p[2].text, p[2].span, (), p[1], None)


@rule("var_decl : type_ref name ASSIGN expr SEMI")
def _var_value(p: Any) -> ast.VarDecl:
    declared(p, p[2])
    return ast.VarDecl(span(p), p[2].text, p[2].span, (), p[1], p[4])


@rule(
    "instance_decl : named_type LPAREN args RPAREN name SEMI| specialized_type LPAREN args RPAREN name SEMI"
)
def _instance(p: Any) -> ast.InstanceDecl:
    declared(p, p[5])
    return ast.InstanceDecl(span(p), p[5].text, p[5].span, (), p[1], tuple(p[3]), None)


@rule(
    "instance_decl : named_type LPAREN args RPAREN name ASSIGN instance_body SEMI"
    "| specialized_type LPAREN args RPAREN name ASSIGN instance_body SEMI"
)
def _instance_body(p: Any) -> ast.InstanceDecl:
    declared(p, p[5])
    return ast.InstanceDecl(span(p), p[5].text, p[5].span, (), p[1], tuple(p[3]), p[7])


@rule("instance_body : LBRACE instance_members RBRACE")
def _instance_members(p: Any) -> ast.Block:
    return ast.Block(span(p), (), tuple(p[2]))


list_rules("instance_members", "instance_member")
passes("instance_member : function_decl | instance_decl")


@rule("value_set_decl : VALUE_SET LANGLE type_arg RANGLE LPAREN expr RPAREN name SEMI")
def _value_set(p: Any) -> ast.ValueSetDecl:
    declared(p, p[8])
    return ast.ValueSetDecl(span(p), p[8].text, p[8].span, (), p[3], p[6])


# ---- Type parameters and parameters


@rule("type_params : ")
def _no_type_params(p: Any) -> list[ast.TypeParam]:
    return []


@rule("type_params : LANGLE type_param_list RANGLE")
def _type_params(p: Any) -> list[ast.TypeParam]:
    params: list[ast.TypeParam] = p[2]
    return params


@rule("type_param : name")
def _type_param(p: Any) -> ast.TypeParam:
    declared(p, p[1], is_type=True)
    return ast.TypeParam(p[1].span, p[1].text, p[1].span)


list_rules("type_param_list", "type_param", "COMMA")


@rule("direction : IN | OUT | INOUT | ")
def _direction(p: Any) -> Token | None:
    token: Token | None = p[1] if len(p) > 1 else None
    return token


@rule("param : annos direction type_ref name | annos direction type_ref name ASSIGN expr")
def _param(p: Any) -> ast.Param:
    declared(p, p[4])
    direction = p[2].text if p[2] is not None else ""
    default = p[6] if len(p) > 5 else None
    return ast.Param(span(p), p[4].text, p[4].span, tuple(p[1]), direction, p[3], default)


list_rules("params", "param", "COMMA", empty=True)


# ---- Functions, actions, externs


@rule("function_decl : type_or_void name open_scope type_params LPAREN params RPAREN body")
def _function(p: Any) -> ast.FunctionDecl:
    p.lexer.close_scope(p[3])
    declared(p, p[2])
    return ast.FunctionDecl(span(p), p[2].text, p[2].span, (), p[1], tuple(p[4]), tuple(p[6]), p[8])


@rule("action_decl : ACTION name open_scope LPAREN params RPAREN body")
def _action(p: Any) -> ast.ActionDecl:
    p.lexer.close_scope(p[3])
    declared(p, p[2])
    return ast.ActionDecl(span(p), p[2].text, p[2].span, (), tuple(p[5]), p[7])


@rule("extern_decl : EXTERN type_or_void name open_scope type_params LPAREN params RPAREN SEMI")
def _extern_function(p: Any) -> ast.ExternFunctionDecl:
    p.lexer.close_scope(p[4])
    declared(p, p[3])
    return ast.ExternFunctionDecl(span(p), p[3].text, p[3].span, (), p[2], tuple(p[5]), tuple(p[7]))


@rule("extern_head : EXTERN IDENTIFIER")
def _extern_head(p: Any) -> Token:
    return declared(p, p[2], is_type=True)


@rule("extern_decl : extern_head open_scope type_params LBRACE methods RBRACE")
def _extern(p: Any) -> ast.ExternDecl:
    p.lexer.close_scope(p[2])
    return ast.ExternDecl(span(p), p[1].text, p[1].span, (), tuple(p[3]), tuple(p[5]))


@rule("extern_decl : EXTERN TYPE_IDENTIFIER open_scope LBRACE methods RBRACE")
def _extern_again(p: Any) -> ast.ExternDecl:
    p.lexer.close_scope(p[3])
    return ast.ExternDecl(span(p), p[2].text, p[2].span, (), (), tuple(p[5]))


list_rules("methods", "method")


@rule("method : annos prototype | annos ABSTRACT prototype")
def _method(p: Any) -> ast.Method:
    method: ast.Method = p[len(p) - 1]
    return replace(method, span=span(p), annos=tuple(p[1]), abstract=len(p) > 3)


@rule("prototype : type_or_void name open_scope type_params LPAREN params RPAREN SEMI")
def _prototype(p: Any) -> ast.Method:
    p.lexer.close_scope(p[3])
    return ast.Method(span(p), p[2].text, p[2].span, (), False, p[1], tuple(p[4]), tuple(p[6]))


@rule("method : annos TYPE_IDENTIFIER LPAREN open_scope params RPAREN SEMI")
def _constructor(p: Any) -> ast.Method:
    p.lexer.close_scope(p[4])
    return ast.Method(span(p), p[2].text, p[2].span, tuple(p[1]), False, None, (), tuple(p[5]))


recovers("method")


# ---- Derived types


@rule("record_head : STRUCT name | HEADER name | HEADER_UNION name")
def _record_head(p: Any) -> tuple[Token, Token]:
    declared(p, p[2], is_type=True)
    return p[1], p[2]


_RECORDS = {"struct": ast.StructDecl, "header": ast.HeaderDecl, "header_union": ast.UnionDecl}


@rule("derived_decl : record_head open_scope type_params LBRACE fields RBRACE")
def _record(p: Any) -> ast.Decl:
    p.lexer.close_scope(p[2])
    keyword, name = p[1]
    return _RECORDS[keyword.text](span(p), name.text, name.span, (), tuple(p[3]), tuple(p[5]))


list_rules("fields", "field")


@rule("field : annos type_ref name SEMI")
def _field(p: Any) -> ast.Field:
    return ast.Field(span(p), p[3].text, p[3].span, tuple(p[1]), p[2])


recovers("field")


@rule("enum_head : ENUM name")
def _enum_head(p: Any) -> tuple[Token, None, Token]:
    declared(p, p[2], is_type=True)
    return p[1], None, p[2]


@rule("enum_head : ENUM type_ref name")
def _typed_enum_head(p: Any) -> tuple[Token, ast.TypeExpr, Token]:
    declared(p, p[3], is_type=True)
    return p[1], p[2], p[3]


@rule("derived_decl : enum_head LBRACE enum_members RBRACE")
def _enum(p: Any) -> ast.EnumDecl:
    _, type_, name = p[1]
    return ast.EnumDecl(span(p), name.text, name.span, (), type_, tuple(p[3]))


@rule("enum_member : name | name ASSIGN expr")
def _enum_member(p: Any) -> ast.EnumMember:
    return ast.EnumMember(span(p), p[1].text, p[1].span, p[3] if len(p) > 2 else None)


list_rules("enum_members", "enum_member", "COMMA")


@rule("derived_decl : ERROR LBRACE enum_members RBRACE")
def _error(p: Any) -> ast.ErrorDecl:
    return ast.ErrorDecl(span(p), tuple(p[3]))


@rule("derived_decl : MATCH_KIND LBRACE enum_members RBRACE")
def _match_kind(p: Any) -> ast.MatchKindDecl:
    return ast.MatchKindDecl(span(p), tuple(p[3]))


@rule("derived_decl : TYPEDEF typedef_base name SEMI")
def _typedef(p: Any) -> ast.TypedefDecl:
    declared(p, p[3], is_type=True)
    return ast.TypedefDecl(span(p), p[3].text, p[3].span, (), p[2])


passes("typedef_base : type_ref | typedef_record")


@rule("typedef_record : annos_1 derived_decl | derived_decl")
def _typedef_record(p: Any) -> ast.Node:
    node: ast.Node = p[len(p) - 1]
    return node


@rule("derived_decl : TYPE type_ref name SEMI")
def _new_type(p: Any) -> ast.NewTypeDecl:
    declared(p, p[3], is_type=True)
    return ast.NewTypeDecl(span(p), p[3].text, p[3].span, (), p[2])


# ---- Parsers, controls, packages


@rule("parser_name : PARSER name")
@rule("control_name : CONTROL name")
@rule("package_name : PACKAGE name")
def _block_name(p: Any) -> tuple[Token, Token]:
    declared(p, p[2], is_type=True)
    return p[1], p[2]


@rule("parser_head : parser_name open_scope type_params LPAREN params RPAREN")
@rule("control_head : control_name open_scope type_params LPAREN params RPAREN")
@rule("package_head : package_name open_scope type_params LPAREN params RPAREN")
def _block_head(p: Any) -> Any:
    keyword, name = p[1]
    return keyword, name, p[2], tuple(p[3]), tuple(p[5]), span(p)


_BLOCK_TYPES = {"parser": ast.ParserTypeDecl, "control": ast.ControlTypeDecl, "package": ast.PackageDecl}


@rule("block_type : parser_head | control_head | package_head")
def _block_type(p: Any) -> ast.Decl:
    keyword, name, depth, type_params, params, where = p[1]
    p.lexer.close_scope(depth)
    return _BLOCK_TYPES[keyword.text](keyword.span.to(where), name.text, name.span, (), type_params, params)


@rule("ctor_params : LPAREN params RPAREN | ")
def _ctor_params(p: Any) -> list[ast.Param]:
    params: list[ast.Param] = p[2] if len(p) > 1 else []
    return params


@rule("parser_decl : parser_head ctor_params LBRACE block_items states RBRACE")
def _parser(p: Any) -> ast.ParserDecl:
    keyword, name, depth, type_params, params, _ = p[1]
    p.lexer.close_scope(depth)
    where = keyword.span.to(p[6].span)
    return ast.ParserDecl(
        where, name.text, name.span, (), type_params, params, tuple(p[2]), tuple(p[4]), tuple(p[5])
    )


list_rules("more_states", "annotated_state")
passes("annotated_state : state")


@rule("annotated_state : annos_1 state")
def _annotated_state(p: Any) -> ast.StateDecl:
    node: ast.StateDecl = with_annotations(p[2], p[1])
    return node


@rule("states : annotated_state more_states")
def _states(p: Any) -> list[ast.StateDecl]:
    return [p[1], *p[2]]


@rule("state : STATE name LBRACE open_scope block_items transition RBRACE")
def _state(p: Any) -> ast.StateDecl:
    p.lexer.close_scope(p[4])
    where = p[1].span.to(p[7].span)
    return ast.StateDecl(where, p[2].text, p[2].span, (), tuple(p[5]), p[6])


@rule("transition : ")
def _no_transition(p: Any) -> None:
    return None


@rule("transition : TRANSITION name SEMI")
def _direct(p: Any) -> ast.DirectTransition:
    return ast.DirectTransition(span(p), p[2].text, p[2].span)


@rule("transition : TRANSITION SELECT LPAREN exprs RPAREN LBRACE select_cases RBRACE")
def _select(p: Any) -> ast.SelectTransition:
    return ast.SelectTransition(p[1].span.to(p[8].span), tuple(p[4]), tuple(p[7]))


list_rules("select_cases", "select_case")


@rule("select_case : keyset COLON name SEMI")
def _select_case(p: Any) -> ast.SelectCase:
    return ast.SelectCase(span(p), p[1], p[3].text, p[3].span)


recovers("select_case")


@rule("control_decl : control_head ctor_params LBRACE block_items APPLY body RBRACE")
def _control(p: Any) -> ast.ControlDecl:
    keyword, name, depth, type_params, params, _ = p[1]
    p.lexer.close_scope(depth)
    where = keyword.span.to(p[7].span)
    return ast.ControlDecl(
        where, name.text, name.span, (), type_params, params, tuple(p[2]), tuple(p[4]), p[6]
    )


# ---- Tables


@rule("table_decl : TABLE name LBRACE properties RBRACE")
def _table(p: Any) -> ast.TableDecl:
    declared(p, p[2])
    return ast.TableDecl(p[1].span.to(p[5].span), p[2].text, p[2].span, (), tuple(p[4]))


list_rules("properties", "property")


@rule("property : annos KEY ASSIGN LBRACE key_elements RBRACE")
def _key(p: Any) -> ast.KeyProperty:
    return ast.KeyProperty(p[2].span.to(p[6].span), tuple(p[5]))


@rule("property : annos ACTIONS ASSIGN LBRACE action_items RBRACE")
def _actions(p: Any) -> ast.ActionsProperty:
    return ast.ActionsProperty(p[2].span.to(p[6].span), tuple(p[5]))


@rule("optional_const : CONST | ")
def _optional_const(p: Any) -> Token | None:
    token: Token | None = p[1] if len(p) > 1 else None
    return token


@rule("property : annos optional_const ENTRIES ASSIGN LBRACE entries RBRACE")
def _entries(p: Any) -> ast.EntriesProperty:
    return ast.EntriesProperty(p[3].span.to(p[7].span), tuple(p[1]), p[2] is not None, tuple(p[6]))


@rule("property : annos optional_const name ASSIGN expr SEMI")
def _property(p: Any) -> ast.ExprProperty:
    const = p[2] is not None
    return ast.ExprProperty(span(p), tuple(p[1]), const, p[3].text, p[3].span, p[5])


recovers("property")


list_rules("key_elements", "key_element")


@rule("key_element : expr COLON name annos SEMI")
def _key_element(p: Any) -> ast.KeyElement:
    return ast.KeyElement(p[1].span.to(p[3].span), tuple(p[4]), p[1], p[3].text, p[3].span)


recovers("key_element")


list_rules("action_items", "action_item")


@rule("action_item : annos action_ref SEMI")
def _action_item(p: Any) -> ast.ActionRef:
    node: ast.ActionRef = with_annotations(p[2], p[1])
    return node


recovers("action_item")


@rule("action_name : IDENTIFIER | TYPE_IDENTIFIER")
def _action_name(p: Any) -> ast.Name:
    return ast.Name(p[1].span, p[1].text, False)


@rule("action_name : DOT IDENTIFIER")
def _absolute_action_name(p: Any) -> ast.Name:
    return ast.Name(span(p), p[2].text, True)


@rule("action_ref : action_name")
def _action_ref(p: Any) -> ast.ActionRef:
    return ast.ActionRef(p[1].span, (), p[1], None)


@rule("action_ref : action_name LPAREN args RPAREN")
def _action_ref_args(p: Any) -> ast.ActionRef:
    return ast.ActionRef(span(p), (), p[1], tuple(p[3]))


list_rules("entries", "entry")


@rule("priority : PRIORITY ASSIGN expr COLON | ")
def _priority(p: Any) -> ast.Expr | None:
    value: ast.Expr | None = p[3] if len(p) > 1 else None
    return value


@rule("entry : optional_const priority keyset COLON action_ref annos SEMI")
def _entry(p: Any) -> ast.Entry:
    return ast.Entry(span(p), tuple(p[6]), p[1] is not None, p[2], p[3], p[5])


recovers("entry")
