# SPDX-License-Identifier: Apache-2.0
"""The functions of the architecture: verdicts, truncation, the clock, and the parser's checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.family import Family
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions

DROP, PASS, RESUBMIT = 1, 2, 4
"""Verdicts, by their numbers in `enum ubpf_verdict`."""
_LAST_TABLE = 253
"""Number of the last OpenFlow table; the next is Open vSwitch's own, and 255 stands for all of them."""


class Architecture(Family):
    """Functions of ubpf_model.p4 and core.p4 that are not about data."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self.resubmit_table: ir.Var | None = None
        """The table of the last resubmit(), where there is such a call."""
        self.functions = {
            "mark_to_drop": lambda node, call: self._mark(DROP),
            "mark_to_pass": lambda node, call: self._mark(PASS),
            "resubmit": self._resubmit,
            "ubpf_time_get_ns": self._clock,
            "truncate": self._truncate,
            "verify": self._verify,
            "static_assert": self._static_assert,
        }

    def _mark(self, verdict: int) -> None:
        self.ctx.assign(self.ctx.verdict, build.const(verdict, storage.ENUM_WIDTH))

    def _resubmit(self, node: ast.Call, call: model.Call) -> None:
        table = self.expressions.scalar(self.argument(call, 0))
        if isinstance(table, ir.Const) and table.value > _LAST_TABLE:
            self.ctx.refuse(node.span, f"OpenFlow tables are 0 to {_LAST_TABLE}; there is no {table.value}")
        if self.resubmit_table is None:
            self.resubmit_table = self.ctx.variable("resubmit_table", 32)
        self.ctx.assign(self.resubmit_table, build.extend(table, 32))
        self._mark(RESUBMIT)

    def _clock(self, node: ast.Call, call: model.Call) -> Tree:
        now = self.ctx.variable("now", ir.WORD)
        self.ctx.emit(ir.ReadClock(now, span=self.ctx.span))
        width = storage.scalar_width(self.ctx.resolve(call.result))
        assert width is not None
        return build.bits(now, 0, width)

    def _truncate(self, node: ast.Call, call: model.Call) -> None:
        length = self.expressions.scalar(self.argument(call, 0))
        self.ctx.emit(ir.WriteContext("truncate_len", length, span=self.ctx.span))

    def _verify(self, node: ast.Call, call: model.Call) -> None:
        holds, error = self.expressions.operands(self.argument(call, 0), self.argument(call, 1))
        assert isinstance(holds, ir.Expr) and isinstance(error, ir.Expr)
        with self.ctx.collect() as body:
            if self.ctx.parser_error is not None:
                self.ctx.assign(self.ctx.parser_error, error)
            self.ctx.goto(self.ctx.rejects(""))
        self.ctx.emit(ir.If(build.invert(holds), tuple(body), (), span=self.ctx.span))

    def _static_assert(self, node: ast.Call, call: model.Call) -> Tree:
        if self.ctx.constant(self.argument(call, 0)) is not True:
            message = self.ctx.constant(self.argument(call, 1)) if len(call.args) > 1 else None
            self.ctx.refuse(
                node.span, f"static_assert failed: {message}" if message else "static_assert failed"
            )
        return build.TRUE
