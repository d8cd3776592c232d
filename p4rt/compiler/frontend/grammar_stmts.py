# SPDX-License-Identifier: Apache-2.0
"""Grammar rules of statements."""

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


@rule("open_scope : ")
def _open_scope(p: Any) -> int:
    depth: int = p.lexer.open_scope()
    return depth


@rule("block : LBRACE open_scope block_items RBRACE")
def _block(p: Any) -> ast.Block:
    p.lexer.close_scope(p[2])
    return ast.Block(p[1].span.to(p[4].span), (), tuple(p[3]))


list_rules("block_items", "block_item")
passes("block_item : statement | local_decl")


@rule("block_item : annos_1 statement | annos_1 local_decl")
def _annotated(p: Any) -> ast.Node:
    node: ast.Node = with_annotations(p[2], p[1])
    return node


recovers("block_item")


passes("body : block")
passes("branch : statement")


@rule("body : annos_1 block")
@rule("branch : annos_1 block")
def _annotated_block(p: Any) -> ast.Block:
    block: ast.Block = with_annotations(p[2], p[1])
    return block


passes("statement : block | assignment | conditional | switch | loop")


@rule("statement : SEMI")
def _empty(p: Any) -> ast.Empty:
    return ast.Empty(p[1].span)


@rule("simple_statement : primary ASSIGN expr | primary OPASSIGN expr")
def _assign(p: Any) -> ast.Assign:
    return ast.Assign(span(p), p[1], p[2].text, p[3])


@rule("simple_statement : primary")
def _call_statement(p: Any) -> ast.CallStatement:
    return ast.CallStatement(p[1].span, p[1])


@rule("assignment : simple_statement SEMI")
def _simple(p: Any) -> ast.Statement:
    statement: ast.Statement = p[1]
    return statement


@rule("conditional : IF LPAREN expr RPAREN branch", "THEN")
def _if(p: Any) -> ast.If:
    return ast.If(span(p), p[3], p[5], None)


@rule("conditional : IF LPAREN expr RPAREN branch ELSE branch")
def _if_else(p: Any) -> ast.If:
    return ast.If(span(p), p[3], p[5], p[7])


@rule("statement : EXIT SEMI")
def _exit(p: Any) -> ast.Exit:
    return ast.Exit(span(p))


@rule("statement : BREAK SEMI")
def _break(p: Any) -> ast.Break:
    return ast.Break(span(p))


@rule("statement : CONTINUE SEMI")
def _continue(p: Any) -> ast.Continue:
    return ast.Continue(span(p))


@rule("statement : RETURN SEMI")
def _return(p: Any) -> ast.Return:
    return ast.Return(span(p), None)


@rule("statement : RETURN expr SEMI")
def _return_value(p: Any) -> ast.Return:
    return ast.Return(span(p), p[2])


@rule("switch : SWITCH LPAREN expr RPAREN LBRACE switch_cases RBRACE")
def _switch(p: Any) -> ast.Switch:
    return ast.Switch(p[1].span.to(p[7].span), p[3], tuple(p[6]))


list_rules("switch_cases", "switch_case")
passes("switch_label : expr")


@rule("switch_label : DEFAULT")
def _default(p: Any) -> ast.DefaultKeyset:
    return ast.DefaultKeyset(p[1].span)


@rule("switch_case : switch_label COLON body")
def _case(p: Any) -> ast.SwitchCase:
    return ast.SwitchCase(span(p), p[1], p[3])


@rule("switch_case : switch_label COLON", "FALLS")
def _case_falls(p: Any) -> ast.SwitchCase:
    return ast.SwitchCase(span(p), p[1], None)


# ---- Loops


@rule("loop : FOR LPAREN open_scope for_inits SEMI expr SEMI for_updates RPAREN branch")
def _for(p: Any) -> ast.For:
    p.lexer.close_scope(p[3])
    return ast.For(p[1].span.to(p[10].span), (), tuple(p[4]), p[6], tuple(p[8]), p[10])


@rule("loop : FOR LPAREN open_scope for_variable IN for_range RPAREN branch")
def _for_in(p: Any) -> ast.ForIn:
    p.lexer.close_scope(p[3])
    return ast.ForIn(p[1].span.to(p[8].span), (), p[4], p[6], p[8])


passes("for_range : expr | range")


@rule("for_variable : type_ref name")
def _for_declares(p: Any) -> ast.VarDecl:
    declared(p, p[2])
    return ast.VarDecl(span(p), p[2].text, p[2].span, (), p[1], None)


@rule("for_variable : IDENTIFIER")
def _for_uses(p: Any) -> ast.Name:
    return ast.Name(p[1].span, p[1].text, False)


passes("for_init : simple_statement")


@rule("for_init : type_ref name ASSIGN expr")
def _for_init_declares(p: Any) -> ast.VarDecl:
    declared(p, p[2])
    return ast.VarDecl(span(p), p[2].text, p[2].span, (), p[1], p[4])


list_rules("for_inits", "for_init", "COMMA", empty=True)
list_rules("for_updates", "simple_statement", "COMMA", empty=True)
