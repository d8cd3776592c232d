# SPDX-License-Identifier: Apache-2.0
"""csum_replace of the model, Checksum<W> and InternetChecksum: checksums of data that comes in pieces.

An object's state is a variable.  A CRC of data to which more is appended is, by linearity, the old CRC
carried over as many zero bits as there are new ones, plus the CRC of the new data alone; carrying over a
constant number of bits is a constant matrix over GF(2).
"""

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
from p4rt.compiler.midend.storage import Tree

if TYPE_CHECKING:
    from p4rt.compiler.midend.lower_calls import Calls
    from p4rt.compiler.midend.lower_expressions import Expressions

_SUM_WIDTH = 16
_SUM = "ONES_COMPLEMENT16"
_CRCS = {
    "CRC16": (1, 16, 0xA001),
    "CRC32": (2, 32, 0xEDB88320),
    "CRC32C": (3, 32, 0x82F63B78),
}
"""Number in `enum ubpf_hash`, width, and polynomial with the bits reversed."""


class Checksums(Family):
    """Checksums of one program."""

    def __init__(self, ctx: Context, expressions: Expressions, calls: Calls) -> None:
        super().__init__(ctx, expressions, calls)
        self._states: dict[model.Instance, ir.Var] = {}
        self.functions = {"csum_replace2": self._replace, "csum_replace4": self._replace}
        self.objects = {"Checksum": self._check, "InternetChecksum": self._state}
        self.methods = {
            ("Checksum", "clear"): self._clear,
            ("Checksum", "update"): self._update,
            ("Checksum", "get"): self._get,
            ("InternetChecksum", "clear"): self._clear,
            ("InternetChecksum", "add"): self._add,
            ("InternetChecksum", "subtract"): self._subtract,
            ("InternetChecksum", "get"): self._get,
            ("InternetChecksum", "get_state"): self._get_state,
            ("InternetChecksum", "set_state"): self._set_state,
        }

    # ---- The model's functions

    def _replace(self, node: ast.Call, call: model.Call) -> Tree:
        """RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), in one's complement."""
        trees = self.expressions.operands(*(self.argument(call, index) for index in range(3)))
        checksum, old, new = (tree for tree in trees if isinstance(tree, ir.Expr))
        words = [build.invert(checksum), build.invert(old), new]
        return build.invert(ones_complement_sum(self.ctx, words))

    # ---- Objects

    def _check(self, instance: model.Instance) -> None:
        """Whether a Checksum's algorithm can go on where it was."""
        self.bit_width(instance, 0, "a checksum")
        algorithm = self._algorithm(instance)
        if algorithm != _SUM and algorithm not in _CRCS:
            known = ", ".join((*_CRCS, _SUM))
            self.ctx.refuse(
                instance.span, f"{algorithm} is no checksum of data that comes in pieces", f"use {known}"
            )
        self._state(instance)

    def _algorithm(self, instance: model.Instance) -> str:
        return self.choice(instance, "hash") if instance.decl.name == "Checksum" else _SUM

    def _state(self, instance: model.Instance) -> ir.Var:
        """The variable of an object: a sum, not inverted, or a CRC of what there was so far."""
        state = self._states.get(instance)
        if state is None:
            width = _CRCS.get(self._algorithm(instance), (0, _SUM_WIDTH, 0))[1]
            state = self.ctx.variable(f"{instance.name}_state", width)
            self._states[instance] = state
        return state

    def _clear(self, node: ast.Call, call: model.Call) -> None:
        state = self._state(self.receiver(call))
        self.ctx.assign(state, build.const(0, state.width))

    def _get(self, node: ast.Call, call: model.Call) -> Tree:
        instance = self.receiver(call)
        state: ir.Expr = self._state(instance)
        if self._algorithm(instance) == _SUM:
            state = build.invert(state)
        width = storage.scalar_width(self.ctx.resolve(call.result))
        assert width is not None
        return self.ctx.keep(build.resize(state, width), "checksum")

    def _get_state(self, node: ast.Call, call: model.Call) -> Tree:
        return self.ctx.keep(self._state(self.receiver(call)), "checksum_state")

    def _set_state(self, node: ast.Call, call: model.Call) -> None:
        value = self.expressions.scalar(self.argument(call, 0))
        self.ctx.assign(self._state(self.receiver(call)), value)

    def _add(self, node: ast.Call, call: model.Call) -> None:
        state = self._state(self.receiver(call))
        words = words_of(self.expressions.value(self.argument(call, 0)))
        self.ctx.assign(state, ones_complement_sum(self.ctx, [state, *words]))

    def _subtract(self, node: ast.Call, call: model.Call) -> None:
        """Adding the inverse: to the sum, not to the checksum, which is the sum inverted."""
        state = self._state(self.receiver(call))
        words = words_of(self.expressions.value(self.argument(call, 0)))
        inverse = [build.invert(word) for word in words]
        self.ctx.assign(state, ones_complement_sum(self.ctx, [state, *inverse]))

    def _update(self, node: ast.Call, call: model.Call) -> None:
        algorithm = self._algorithm(self.receiver(call))
        if algorithm == _SUM:
            self._add(node, call)
            return
        state = self._state(self.receiver(call))
        parts = list(storage.data_leaves(self.expressions.value(self.argument(call, 0))))
        width = sum(part.width for part in parts)
        if width % 8:
            raise storage.Unsupported(f"a checksum of {width} bits, not a number of bytes, is")
        if not width:
            return
        number, bits, polynomial = _CRCS[algorithm]
        crc = self.ctx.variable("crc", bits)

        def call_helper(buffer: ir.Buffer, size: int) -> list[ir.Statement]:
            arguments = (
                ir.MemoryAddress(ir.WORD, buffer, 0),
                build.const(size, ir.WORD),
                build.const(number, ir.WORD),
            )
            return [ir.FunctionCall(crc, "hash_bytes", arguments, pure=True, span=self.ctx.span)]

        self.in_buffer("checksum_input", parts, call_helper)
        carried = _apply(carry(bits, polynomial, width), state)
        self.ctx.assign(state, build.binary(Op.XOR, carried, crc))


def carry(bits: int, polynomial: int, count: int) -> list[int]:
    """The columns of the matrix that takes a reflected CRC over `count` zero bits: what each bit becomes.

    Squares and multiplies, for data may be long.
    """
    power = [polynomial if bit == 0 else 1 << (bit - 1) for bit in range(bits)]
    result = [1 << bit for bit in range(bits)]
    while count:
        if count & 1:
            result = [_times(power, column) for column in result]
        power = [_times(power, column) for column in power]
        count >>= 1
    return result


def _times(matrix: list[int], vector: int) -> int:
    product = 0
    for bit, column in enumerate(matrix):
        if vector >> bit & 1:
            product ^= column
    return product


def _apply(matrix: list[int], vector: ir.Expr) -> ir.Expr:
    """`matrix` times a value that is known at run time."""
    width = vector.width
    total: ir.Expr = build.const(0, width)
    for bit, column in enumerate(matrix):
        mask = build.extend(build.bits(vector, bit, 1), width, signed=True)
        total = build.binary(Op.XOR, total, build.binary(Op.AND, mask, build.const(column, width)))
    return total
