# SPDX-License-Identifier: Apache-2.0
"""Random<T>: the engine's random bits, brought into the range asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.family import Family
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions


class RandomNumbers(Family):
    """Random objects of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self.objects = {"Random": self._range}
        self.methods = {("Random", "read"): self._read}

    def _range(self, instance: model.Instance) -> tuple[int, int, int]:
        """Least and largest number, and their width."""
        type_ = self.type_argument(instance, 0)
        plain = t.strip(type_)
        if not isinstance(plain, t.BitType | t.IntType) or not 0 < plain.width <= ir.WORD:
            self.ctx.refuse(instance.span, f"random numbers are of 1 to {ir.WORD} bits, not {type_}")
        low, high = instance.args.get("min"), instance.args.get("max")
        assert isinstance(low, int) and isinstance(high, int)
        if low > high:
            self.ctx.refuse(instance.span, f"there is no number from {low} to {high}")
        return low, high, plain.width

    def _read(self, node: ast.Call, call: model.Call) -> Tree:
        low, high, width = self._range(self.receiver(call))
        bits = self.ctx.variable("random", ir.WORD)
        self.ctx.emit(ir.FunctionCall(bits, "random_bits", (), pure=True, span=self.ctx.span))
        count = high - low + 1
        number: ir.Expr = bits
        if count & (count - 1):
            number = build.binary(Op.MOD, bits, build.const(count, ir.WORD))
        elif count < 1 << ir.WORD:
            number = build.binary(Op.AND, bits, build.const(count - 1, ir.WORD))
        number = build.binary(Op.ADD, build.bits(number, 0, width), build.const(low, width))
        return self.ctx.keep(number, "random_number")
