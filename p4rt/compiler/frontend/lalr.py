# SPDX-License-Identifier: Apache-2.0
"""The LALR(1) engine: ply computes the tables, this module keeps and runs them.

Computing the tables takes a second, so they are kept from one run to the next.  ply's own parser is not
used: its way of recovering from errors can loop where an empty rule stands before an `error`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from p4rt.compiler.cache import keep, load
from p4rt.compiler.frontend import grammar, grammar_decls, grammar_exprs, grammar_stmts
from p4rt.compiler.frontend.lexer import KEYWORDS, PUNCTUATION, Token
from p4rt.compiler.frontend.token_stream import TokenStream

RULE_MODULES = (grammar_exprs, grammar_stmts, grammar_decls)
"""Importing them registers the rules, in this order."""

END = "$end"
_CONTEXTUAL = (
    "IDENTIFIER", "TYPE_IDENTIFIER", "INTEGER", "STRING", "OPASSIGN", "LANGLE", "RANGLE", "ANNOTATION_BODY",
    "APPLY", "KEY", "ACTIONS", "STATE", "ENTRIES", "TYPE", "PRIORITY", "LIST", "VALUE_SET",
)  # fmt: skip
TERMINALS = sorted({*KEYWORDS.values(), *PUNCTUATION.values(), *_CONTEXTUAL})

Table = dict[int, dict[str, int]]
"""By state: a symbol's action (positive: shift to state, negative: reduce, 0: accept) or successor."""


class RightHandSide:
    """What an action gets: `p[1]`, `p[2]`, ... are the values, `p.lexer` is the token stream."""

    __slots__ = ("lexer", "values")

    def __init__(self, lexer: TokenStream, values: list[Any]) -> None:
        self.lexer = lexer
        self.values = values

    def __getitem__(self, index: int) -> Any:
        return self.values[index - 1]

    def __len__(self) -> int:
        return len(self.values) + 1


class Engine:
    """A run of the parser over a token stream."""

    def __init__(self, stream: TokenStream) -> None:
        self.stream = stream
        self.action, self.goto, self.defaulted = _tables()
        self.states = [0]
        self.values: list[Any] = []

    def run(self, on_error: Callable[[Token | None], Token | None]) -> Any:
        """Parse; the result is the value of the start symbol, or None when an error could not be got over.

        `on_error` gets the unexpected token (None: the end), may shorten the stack with `pop`, and returns
        the token to go on with, which must be acceptable, or None to stop.
        """
        token: Token | None = None
        known = False
        while True:
            state = self.states[-1]
            step = self.defaulted.get(state)
            if step is None:
                if not known:
                    token, known = self.stream.token(), True
                step = self.action[state].get(END if token is None else token.type)
            if step is None:
                token = on_error(token)
                if token is None:
                    return None
            elif step > 0:
                self.states.append(step)
                self.values.append(token)
                known = False
            elif step < 0:
                self._reduce(-step - 1)
            else:
                return self.values[-1]

    def _reduce(self, number: int) -> None:
        left, right, _, action = grammar.RULES[number]
        count = len(right)
        values: list[Any] = []
        if action is grammar.first:
            if count > 1:
                del self.values[1 - count :]
            del self.states[-count:]
            self.states.append(self.goto[self.states[-1]][left])
            return
        if count:
            values = self.values[-count:]
            del self.values[-count:]
            del self.states[-count:]
        self.values.append(action(RightHandSide(self.stream, values)))
        self.states.append(self.goto[self.states[-1]][left])

    def pop(self) -> None:
        """Take the last symbol off the stack."""
        self.states.pop()
        self.values.pop()

    def accepts(self, terminal: str) -> bool:
        """Whether the parser would shift `terminal` next."""
        states = list(self.states)
        while True:
            step = self.action[states[-1]].get(terminal)
            if step is None:
                return False
            if step >= 0:
                return True
            left, right, _, _ = grammar.RULES[-step - 1]
            if right:
                del states[-len(right) :]
            states.append(self.goto[states[-1]][left])

    def expected(self) -> set[str]:
        """All terminals that the parser would shift next."""
        return {terminal for terminal in [*TERMINALS, END] if self.accepts(terminal)}

    def may_recover(self) -> bool:
        """Whether the state on top of the stack is one to go on from after an error."""
        return self.action[self.states[-1]].get("error", 0) > 0


# ---- Tables


@cache
def _tables() -> tuple[Table, Table, dict[int, int]]:
    """Actions, successors, and the states that reduce whatever comes next.

    The latter matter: a reduction that declares a name must not wait for the next token to be read.
    """
    action, goto = _load_or_build()
    defaulted = {}
    for state, steps in action.items():
        distinct = set(steps.values())
        if len(steps) == 1 and min(distinct) < 0:
            defaulted[state] = distinct.pop()
    return action, goto, defaulted


def _load_or_build() -> tuple[Table, Table]:
    """Action and goto tables, kept or computed."""
    made_of = [rule[:3] for rule in grammar.RULES], grammar.PRECEDENCE, TERMINALS
    tables: tuple[Table, Table] | None = load("grammar", made_of)
    if tables is None:
        made = build_tables()
        tables = made.lr_action, made.lr_goto
        keep("grammar", made_of, tables)
    return tables


def build_tables(log: Any = None) -> Any:
    """ply's tables of the grammar, with its lists of conflicts."""
    from ply import yacc  # Needed only where the cache is empty.

    built = yacc.Grammar(TERMINALS)
    for level, (associativity, *terminals) in enumerate(grammar.PRECEDENCE, 1):
        for terminal in terminals:
            built.set_precedence(terminal, associativity, level)
    for number, (left, right, precedence, _) in enumerate(grammar.RULES):
        symbols = [*right, "%prec", precedence] if precedence else list(right)
        built.add_production(left, symbols, f"rule{number}", "grammar", number)
    built.set_start("program")
    undefined = built.undefined_symbols()
    assert not undefined, undefined
    return yacc.LRGeneratedTable(built, "LALR", log or yacc.NullLogger())
