# SPDX-License-Identifier: Apache-2.0
"""hash() of the model and Hash<O>: hash functions over the bits of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p4rt.compiler.analysis import model
from p4rt.compiler.backend import build, ir
from p4rt.compiler.backend.ir import Op
from p4rt.compiler.frontend import ast
from p4rt.compiler.midend import storage
from p4rt.compiler.midend.context import Context
from p4rt.compiler.midend.externs.family import Family
from p4rt.compiler.midend.externs.ones_complement import ones_complement_sum, words_of
from p4rt.compiler.midend.lvalues import store
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions

_HELPER = {
    "CRC16": (1, 16),
    "CRC32": (2, 32),
    "CRC32C": (3, 32),
    "XXHASH": (4, 64),
}
"""Number in `enum ubpf_hash` and width of the result."""
_LOOKUP3 = ("LOOKUP3", "TARGET_DEFAULT")


class Hashes(Family):
    """Hashes of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self.functions = {"hash": self._function}
        self.objects = {"Hash": self._check}
        self.methods = {("Hash", "get_hash"): self._get}

    def _function(self, node: ast.Call, call: model.Call) -> None:
        """hash() of ubpf_model.p4."""
        target = self.expressions.lvalue(self.argument(call, 0))
        algorithm = self.ctx.constant(self.argument(call, 1))
        if not isinstance(algorithm, model.EnumValue):
            self.ctx.refuse(self.argument(call, 1).span, "the hash function must be known at compile time")
        data = self.expressions.value(self.argument(call, 2))
        store(self.ctx, target, build.resize(self.hash_of(algorithm.name.upper(), data), 32))

    def _check(self, instance: model.Instance) -> None:
        """The result of a Hash is a number."""
        self.bit_width(instance, 0, "the result of a hash")

    def _get(self, node: ast.Call, call: model.Call) -> Tree:
        instance = self.receiver(call)
        algorithm = self.choice(instance, "algo")
        width = self.bit_width(instance, 0, "the result of a hash")
        if len(call.args) == 1:
            data = self.expressions.value(self.argument(call, 0))
            return build.resize(self.hash_of(algorithm, data), width)
        base, data, limit = self.expressions.operands(*(self.argument(call, i) for i in range(3)))
        if not isinstance(base, ir.Expr) or not isinstance(limit, ir.Expr):
            self.ctx.refuse(node.span, "the base and the maximum of a hash are numbers")
        if max(limit.width, base.width) > ir.WORD:
            raise storage.Unsupported(f"a base or maximum of more than {ir.WORD} bits is")
        digest = build.resize(self.hash_of(algorithm, data), ir.WORD)
        number = self._modulo(node, digest, build.extend(limit, ir.WORD))
        room = max(width, ir.WORD)
        total = build.binary(Op.ADD, build.extend(base, room), build.extend(number, room))
        return build.bits(total, 0, width)

    def _modulo(self, node: ast.Call, value: ir.Expr, limit: ir.Expr) -> ir.Expr:
        """`value % limit`; by zero, `value`."""
        if isinstance(limit, ir.Const):
            if not limit.value:
                self.ctx.refuse(node.span, "the maximum of a hash must not be 0")
            if limit.value & (limit.value - 1) == 0:
                return build.binary(Op.AND, value, build.const(limit.value - 1, ir.WORD))
        return build.binary(Op.MOD, value, limit)

    def hash_of(self, algorithm: str, data: Tree) -> ir.Expr:
        """The hash of the bits of `data`, the last byte filled with zero bits, in a width of its own."""
        if algorithm == "IDENTITY":
            parts = list(storage.data_leaves(data))
            return self.ctx.keep(build.concat_all(parts), "hash") if parts else build.const(0, 1)
        if algorithm == "ONES_COMPLEMENT16":
            words = words_of(data, fill=True)
            return self.ctx.keep(build.invert(ones_complement_sum(self.ctx, words)), "hash")
        parts = self.packed(data)
        number, width = _HELPER.get(algorithm, (0, 32))
        result = self.ctx.variable("hash", width)

        def call(buffer: ir.Buffer, size: int) -> list[ir.Statement]:
            if algorithm in _LOOKUP3:
                return [ir.HashBytes(result, buffer, size, span=self.ctx.span)]
            arguments = (
                ir.MemoryAddress(ir.WORD, buffer, 0),
                build.const(size, ir.WORD),
                build.const(number, ir.WORD),
            )
            return [ir.FunctionCall(result, "hash_bytes", arguments, pure=True, span=self.ctx.span)]

        self.in_buffer("hash_input", parts, call)
        return result
