# SPDX-License-Identifier: Apache-2.0
"""Grammar rules of expressions, types, arguments, keysets and annotations."""

from __future__ import annotations

from typing import Any

from p4rt.compiler.frontend import ast
from p4rt.compiler.frontend.grammar import list_rules, passes, rule, span
from p4rt.compiler.frontend.lexer import Token

# ---- Names and types

passes("name : IDENTIFIER | TYPE_IDENTIFIER")


@rule("named_type : TYPE_IDENTIFIER")
def _named_type(p: Any) -> ast.NamedTypeExpr:
    return ast.NamedTypeExpr(p[1].span, p[1].text, False)


@rule("named_type : DOT TYPE_IDENTIFIER")
def _absolute_type(p: Any) -> ast.NamedTypeExpr:
    return ast.NamedTypeExpr(span(p), p[2].text, True)


@rule("specialized_type : named_type LANGLE type_args RANGLE")
def _specialized(p: Any) -> ast.SpecializedTypeExpr:
    return ast.SpecializedTypeExpr(span(p), p[1], tuple(p[3]))


passes("type_ref : base_type | named_type | specialized_type")
passes("type_or_void : type_ref | void_type")
passes("type_arg : type_ref | void_type | any_type")
list_rules("type_args", "type_arg", "COMMA", empty=True)


@rule("base_type : BOOL | ERROR | STRING_TYPE | INT | MATCH_KIND")
def _base_type(p: Any) -> ast.BaseTypeExpr:
    return ast.BaseTypeExpr(p[1].span, p[1].text)


@rule("void_type : VOID")
def _void(p: Any) -> ast.BaseTypeExpr:
    return ast.BaseTypeExpr(p[1].span, "void")


@rule("any_type : DONTCARE")
def _any_type(p: Any) -> ast.DontCareTypeExpr:
    return ast.DontCareTypeExpr(p[1].span)


@rule("base_type : BIT")
def _bit(p: Any) -> ast.BitTypeExpr:
    return ast.BitTypeExpr(p[1].span, None)


@rule("base_type : BIT LANGLE expr RANGLE")
def _bit_width(p: Any) -> ast.BitTypeExpr:
    return ast.BitTypeExpr(span(p), p[3])


@rule("base_type : INT LANGLE expr RANGLE")
def _int_width(p: Any) -> ast.IntTypeExpr:
    return ast.IntTypeExpr(span(p), p[3])


@rule("base_type : VARBIT LANGLE expr RANGLE")
def _varbit(p: Any) -> ast.VarbitTypeExpr:
    return ast.VarbitTypeExpr(span(p), p[3])


@rule("base_type : TUPLE LANGLE type_args RANGLE")
def _tuple(p: Any) -> ast.TupleTypeExpr:
    return ast.TupleTypeExpr(span(p), tuple(p[3]))


@rule("base_type : LIST LANGLE type_arg RANGLE")
def _list(p: Any) -> ast.ListTypeExpr:
    return ast.ListTypeExpr(span(p), p[3])


@rule("type_ref : type_ref LBRACKET expr RBRACKET")
def _stack(p: Any) -> ast.StackTypeExpr:
    return ast.StackTypeExpr(span(p), p[1], p[3])


# ---- What can stand before `.`, `[` and `(`


@rule("primary : IDENTIFIER")
def _variable(p: Any) -> ast.Name:
    return ast.Name(p[1].span, p[1].text, False)


@rule("primary : DOT IDENTIFIER")
def _absolute(p: Any) -> ast.Name:
    return ast.Name(span(p), p[2].text, True)


@rule("primary : THIS")
def _this(p: Any) -> ast.This:
    return ast.This(p[1].span)


@rule("primary : INTEGER")
def _integer(p: Any) -> ast.IntLit:
    token: Token = p[1]
    width, signed = token.width if token.width is not None else (None, False)
    return ast.IntLit(token.span, token.number, width, signed, token.text)


@rule("primary : STRING")
def _string(p: Any) -> ast.StringLit:
    return ast.StringLit(p[1].span, p[1].string)


@rule("primary : TRUE | FALSE")
def _boolean(p: Any) -> ast.BoolLit:
    return ast.BoolLit(p[1].span, p[1].text == "true")


@rule("primary : LPAREN expr RPAREN")
def _parentheses(p: Any) -> ast.Expr:
    inner: ast.Expr = p[2]
    return inner


@rule("primary : primary DOT name")
def _member(p: Any) -> ast.Member:
    return ast.Member(span(p), p[1], p[3].text, p[3].span)


@rule("primary : named_type DOT name | specialized_type DOT name")
def _type_member(p: Any) -> ast.Member:
    return ast.Member(span(p), ast.TypeNameExpr(p[1].span, p[1]), p[3].text, p[3].span)


@rule("primary : ERROR DOT name")
def _error_member(p: Any) -> ast.Member:
    base = ast.TypeNameExpr(p[1].span, ast.BaseTypeExpr(p[1].span, "error"))
    return ast.Member(span(p), base, p[3].text, p[3].span)


@rule("primary : primary LBRACKET expr RBRACKET")
def _index(p: Any) -> ast.Index:
    return ast.Index(span(p), p[1], p[3])


@rule("primary : primary LBRACKET expr COLON expr RBRACKET")
def _slice(p: Any) -> ast.Slice:
    return ast.Slice(span(p), p[1], p[3], p[5])


@rule("primary : primary LBRACKET expr PLUSCOLON expr RBRACKET")
def _plus_slice(p: Any) -> ast.PlusSlice:
    return ast.PlusSlice(span(p), p[1], p[3], p[5])


@rule("primary : primary LPAREN args RPAREN")
def _call(p: Any) -> ast.Call:
    return ast.Call(span(p), p[1], (), tuple(p[3]))


@rule("primary : primary LANGLE type_args RANGLE LPAREN args RPAREN")
def _generic_call(p: Any) -> ast.Call:
    return ast.Call(span(p), p[1], tuple(p[3]), tuple(p[6]))


@rule("primary : named_type LPAREN args RPAREN | specialized_type LPAREN args RPAREN")
def _constructor(p: Any) -> ast.Call:
    return ast.Call(span(p), ast.TypeNameExpr(p[1].span, p[1]), (), tuple(p[3]))


# ---- Arguments


@rule("arg : expr")
def _argument(p: Any) -> ast.Argument:
    return ast.Argument(p[1].span, None, p[1])


@rule("arg : name ASSIGN expr | name ASSIGN dont_care")
def _named_argument(p: Any) -> ast.Argument:
    return ast.Argument(span(p), p[1].text, p[3])


@rule("arg : dont_care")
def _no_argument(p: Any) -> ast.Argument:
    return ast.Argument(p[1].span, None, p[1])


@rule("dont_care : DONTCARE")
def _dont_care(p: Any) -> ast.DontCare:
    return ast.DontCare(p[1].span)


list_rules("args", "arg", "COMMA", empty=True)


# ---- Expressions

passes("expr : primary")


@rule("expr : LNOT expr | NOT expr | MINUS expr | PLUS expr", "PREFIX")
def _unary(p: Any) -> ast.Unary:
    return ast.Unary(span(p), p[1].text, p[2])


@rule("expr : LPAREN type_ref RPAREN expr", "PREFIX")
def _cast(p: Any) -> ast.Cast:
    return ast.Cast(span(p), p[2], p[4])


@rule(
    "expr : expr TIMES expr | expr DIVIDE expr | expr MODULO expr | expr PLUS expr | expr MINUS expr"
    "| expr PLUSSAT expr | expr MINUSSAT expr | expr CONCAT expr | expr SHL expr | expr SHR expr"
    "| expr LE expr | expr GE expr | expr LT expr | expr GT expr | expr NE expr | expr EQ expr"
    "| expr AND expr | expr XOR expr | expr OR expr | expr LAND expr | expr LOR expr"
)
def _binary(p: Any) -> ast.Binary:
    return ast.Binary(p[1].span.to(p[3].span), p[2].text, p[1], p[3])


@rule("expr : expr QUESTION expr COLON expr", "QUESTION")
def _ternary(p: Any) -> ast.Ternary:
    return ast.Ternary(span(p), p[1], p[3], p[5])


@rule("expr : INVALID")
def _invalid(p: Any) -> ast.InvalidLit:
    return ast.InvalidLit(p[1].span)


@rule("expr : DOTS")
def _dots(p: Any) -> ast.Dots:
    return ast.Dots(p[1].span)


@rule("expr : LBRACE exprs RBRACE")
def _list_literal(p: Any) -> ast.ListLit:
    items = p[2]
    dots = bool(items) and isinstance(items[-1], ast.Dots)
    return ast.ListLit(span(p), tuple(items[:-1] if dots else items), dots)


@rule("expr : LBRACE named_exprs RBRACE")
def _struct_literal(p: Any) -> ast.StructLit:
    return ast.StructLit(span(p), tuple(p[2]), False)


@rule("expr : LBRACE named_exprs_1 COMMA DOTS RBRACE | LBRACE named_exprs_1 COMMA DOTS COMMA RBRACE")
def _struct_literal_dots(p: Any) -> ast.StructLit:
    return ast.StructLit(span(p), tuple(p[2]), True)


@rule("named_expr : name ASSIGN expr")
def _named_expr(p: Any) -> ast.NamedExpr:
    return ast.NamedExpr(span(p), p[1].text, p[3])


list_rules("exprs", "expr", "COMMA", empty=True)
list_rules("named_exprs", "named_expr", "COMMA")


# ---- Keysets


@rule("special_keyset : expr MASK expr")
def _mask(p: Any) -> ast.Mask:
    return ast.Mask(span(p), p[1], p[3])


@rule("range : expr RANGE expr")
def _range(p: Any) -> ast.Range:
    return ast.Range(span(p), p[1], p[3])


@rule("special_keyset : DEFAULT")
def _default(p: Any) -> ast.DefaultKeyset:
    return ast.DefaultKeyset(p[1].span)


passes("special_keyset : range | dont_care")
passes("simple_keyset : expr | special_keyset")
passes("keyset : simple_keyset")
list_rules("simple_keysets", "simple_keyset", "COMMA")


@rule("keyset : LPAREN simple_keyset COMMA simple_keysets RPAREN")
def _tuple_keyset(p: Any) -> ast.TupleKeyset:
    return ast.TupleKeyset(span(p), (p[2], *p[4]))


@rule("keyset : LPAREN special_keyset RPAREN")
def _parenthesized_keyset(p: Any) -> ast.Expr:
    inner: ast.Expr = p[2]
    return inner


# ---- Annotations

rule("annos : ")(lambda p: [])
passes("annos : annos_1")
rule("annos_1 : anno")(lambda p: [p[1]])


@rule("annos_1 : annos_1 anno")
def _annotations(p: Any) -> list[ast.Annotation]:
    return [*p[1], p[2]]


@rule("anno : AT name")
def _annotation(p: Any) -> ast.Annotation:
    return ast.Annotation(span(p), p[2].text, None, (), ())


@rule("anno : AT name ANNOTATION_BODY")
def _unstructured(p: Any) -> ast.Annotation:
    body: list[Token] = p[3].body
    texts = tuple(token.text for token in body)
    return ast.Annotation(span(p), p[2].text, texts, _literals(body), ())


@rule("anno : AT name LBRACKET exprs RBRACKET")
def _structured(p: Any) -> ast.Annotation:
    return ast.Annotation(span(p), p[2].text, None, tuple(p[4]), ())


@rule("anno : AT name LBRACKET named_exprs RBRACKET")
def _structured_named(p: Any) -> ast.Annotation:
    return ast.Annotation(span(p), p[2].text, None, (), tuple(p[4]))


def _literals(body: list[Token]) -> tuple[ast.Expr, ...]:
    """The expressions of a body that is a list of literals, else nothing."""
    found: list[ast.Expr] = []
    for position, token in enumerate(body):
        if position % 2 == 1:
            if token.type != "COMMA":
                return ()
        elif token.type == "STRING":
            found.append(ast.StringLit(token.span, token.string))
        elif token.type == "INTEGER":
            width, signed = token.width if token.width is not None else (None, False)
            found.append(ast.IntLit(token.span, token.number, width, signed, token.text))
        elif token.type in {"TRUE", "FALSE"}:
            found.append(ast.BoolLit(token.span, token.text == "true"))
        else:
            return ()
    return tuple(found)
