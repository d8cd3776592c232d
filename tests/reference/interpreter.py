# SPDX-License-Identifier: Apache-2.0
"""The architecture `ubpf` (docs/language.md): externs, and a packet's way through a program."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

from p4rt.compiler.analysis import model
from p4rt.compiler.analysis import types as t
from p4rt.compiler.frontend import ast

from . import values as v
from .calls import Exit, Return
from .expressions import ParserError
from .externs import Objects, hash_bits
from .parsers import PacketIn, emitted
from .tables import Tables
from .values import Record, Val

UNTRUNCATED = 0xFFFFFFFF


@dataclass
class PacketOut:
    """What a deparser has emitted."""

    data: bytes = b""


@dataclass
class Register:
    """A register's elements; those not here have their initial value."""

    type: t.Type
    size: int
    elements: dict[int, Val] = field(default_factory=dict)
    initial: Val | None = None
    """What all elements begin with, None for zeros."""

    def read(self, index: int) -> Val:
        """The element; zeros outside."""
        if self.initial is None or index >= self.size:
            return self.elements.get(index, v.zero(self.type))
        return self.elements.get(index, v.copy(self.initial))

    def write(self, index: int, value: Val) -> None:
        """Replace the element; nothing outside."""
        if index < self.size:
            self.elements[index] = value


@dataclass(frozen=True)
class Outcome:
    """What became of a packet; `packet` is None where it goes nowhere."""

    verdict: str
    output_port: int | None = None
    packet: bytes | None = None
    clone_port: int | None = None


class Interpreter(Tables):
    """A program with its tables and registers.  `keep`: see `places`."""

    def __init__(self, program: model.CheckedProgram, keep: bool = True) -> None:
        super().__init__(program, keep)
        self.tables = {}
        self.value_sets = {}
        self.registers: dict[model.Instance, Register] = {}
        self.now = 0
        self.truncated = UNTRUNCATED
        self.standard: ast.Param | None = None
        self.action = "PASS"
        self.table = 0
        self.length = 0
        self.objects = Objects()

    # ---- Externs

    def extern_function(self, call: model.Call) -> Any:
        """The functions of core.p4 and ubpf_model.p4."""
        assert call.decl is not None
        name = call.decl.name
        bound = self.bind(call.args)
        args = [value for _, value, _ in bound]
        match name:
            case "verify":
                if not args[0]:
                    raise ParserError(str(args[1]))
            case "mark_to_drop" | "mark_to_pass":
                self._mark("DROP" if name == "mark_to_drop" else "PASS")
            case "truncate":
                self.truncated = args[0]
            case "ubpf_time_get_ns":
                return self.now & ((1 << 48) - 1)
            case "hash":
                type_ = t.substitute(call.args[2].param.type, self.type_env)
                place = bound[0][2]
                assert place is not None
                place.put(hash_bits(str(args[1]).upper(), *v.bits(args[2], type_)) & 0xFFFFFFFF)
            case "resubmit":
                self._mark("RESUBMIT")
                self.table = args[0]
            case "csum_replace2" | "csum_replace4":
                return update_checksum(args[0], args[1], args[2], 1 if name == "csum_replace2" else 2)
            case "static_assert":
                return True
            case _:
                raise NotImplementedError(f"extern function {name}")
        return None

    def _mark(self, action: str) -> None:
        self.action = action
        if self.standard is not None:
            self.env[self.standard].fields["output_action"] = action

    def extern_method(self, call: model.Call) -> Any:
        """Methods of packet_in, packet_out and Register."""
        assert call.receiver is not None and call.method is not None
        receiver = self.object(call.receiver)
        match receiver, call.method.name:
            case PacketIn(), "extract":
                assert call.args[0].value is not None
                size = call.args[1].value if len(call.args) > 1 else None
                return self.extract(receiver, call.args[0].value, size)
            case PacketIn(), "lookahead":
                return self.lookahead(receiver, t.substitute(call.result, self.type_env))
            case PacketIn(), "length":
                return len(receiver.data)
            case PacketIn(), "advance":
                return receiver.advance(self.bind(call.args)[0][1])
            case PacketOut(), "emit":
                number, width = emitted(self.bind(call.args)[0][1])
                receiver.data += number.to_bytes(width // 8, "big")
                return None
            case model.Instance(), "read" | "write" if receiver.decl.name == "Register":
                return self._register(receiver, call)
            case model.Instance(), name:
                args = [value for _, value, _ in self.bind(call.args)]
                types = [t.substitute(arg.param.type, self.type_env) for arg in call.args]
                return self.objects.call(receiver, name, list(zip(args, types, strict=True)), self.length)
        raise NotImplementedError(f"method {call.method.name} of {receiver}")

    def register(self, instance: model.Instance) -> Register:
        """The state of a Register."""
        if instance not in self.registers:
            assert isinstance(instance.type, t.ExternType)
            size = instance.args["size"]
            assert isinstance(size, int)
            element, value = instance.type.args[0], instance.args.get("initial_value")
            assert not isinstance(value, model.Instance)
            initial = None if value is None else v.from_model(_named(value, element), element)
            self.registers[instance] = Register(element, size, initial=initial)
        return self.registers[instance]

    def _register(self, instance: model.Instance, call: model.Call) -> Any:
        register = self.register(instance)
        assert isinstance(instance.type, t.ExternType)
        args = [value for _, value, _ in self.bind(call.args)]
        index, _ = v.bits(args[0], instance.type.args[1])
        if len(args) == 1:
            return v.copy(register.read(index))
        register.write(index, args[1])
        return None

    # ---- The architecture

    def packet_in(self, packet: bytes) -> PacketIn:
        """What the parser reads from."""
        return PacketIn(packet)

    def run(self, packet: bytes, *, input_port: int = 0, headroom: int = 256) -> Outcome:
        """What the program does to a packet."""
        main = self.program.main
        assert main is not None
        parser, pipeline, deparser = (main.args[name] for name in ("prs", "p", "dprs"))
        assert isinstance(parser, model.Instance)
        assert isinstance(pipeline, model.Instance) and isinstance(deparser, model.Instance)
        params = self.program.callables[parser.decl]
        shared = [v.zero(param.type) for param in params[1:]]
        self.truncated, self.action, self.standard = UNTRUNCATED, "PASS", None
        self.trace = set()
        self.length = len(packet)
        self.objects.data.clear()
        self.objects.sums.clear()
        if len(shared) > 2:
            assert isinstance(shared[2], Record)
            shared[2].fields.update(input_port=input_port, packet_length=len(packet), output_action="PASS")
        into = self.packet_in(packet)
        try:
            _, *shared = self._block(parser, [into, *shared])
        except ParserError as error:
            shared = [self.env[param.decl] for param in params[1:]]
            standard = shared[2] if len(shared) > 2 else None
            if not isinstance(standard, Record) or "parser_error" not in standard.fields:
                return Outcome("ABORT")
            standard.fields["parser_error"] = str(error)
        shared = self._block(pipeline, shared)
        return self._finish(deparser, shared, into, headroom)

    def _block(self, instance: model.Instance, args: list[Any]) -> list[Any]:
        """Run a block of the package; the result is what its parameters hold then."""
        params = self.program.callables[instance.decl]
        for param, value in zip(params, args, strict=True):
            self.env[param.decl] = value
            if isinstance(param.type, t.StructType) and param.type.name == "standard_metadata":
                self.standard = param.decl
        self.instance = instance
        run = self.run_parser if isinstance(instance.decl, ast.ParserDecl) else self.run_control
        with contextlib.suppress(Return, Exit):
            run(instance)
        return [self.env[param.decl] for param in params]

    def _finish(self, deparser: model.Instance, shared: list[Val], into: PacketIn, headroom: int) -> Outcome:
        clone_port = output_port = None
        verdict = self.action
        if len(shared) > 2:
            assert isinstance(shared[2], Record)
            fields = shared[2].fields
            verdict = str(fields["output_action"])
            clone_port = fields["clone_port"] if fields["clone"] else None
            output_port = fields["output_port"] if verdict == "REDIRECT" else None
        if verdict == "RESUBMIT":
            output_port = self.table
        if verdict == "ABORT":
            return Outcome("ABORT")
        if verdict == "DROP" and clone_port is None:
            return Outcome("DROP")
        out = PacketOut()
        self._block(deparser, [out, shared[0]])
        if len(out.data) - into.cursor // 8 > headroom:
            return Outcome("ABORT")
        packet = (out.data + into.rest())[: self.truncated]
        assert isinstance(clone_port, int | None) and isinstance(output_port, int | None)
        return Outcome(verdict, output_port, packet, clone_port)


def _named(value: model.Value, type_: t.Type) -> model.Value:
    """A struct given as a list, with the names of its fields."""
    opened = t.strip(type_)
    if not isinstance(value, model.RecordValue) or not isinstance(opened, t.StructType):
        return value
    if any(name not in opened.by_name for name in value.fields):
        parts = zip(opened.by_name, value.fields.values(), strict=True)
        return model.RecordValue(opened, dict(parts))
    return value


def update_checksum(checksum: int, old: int, new: int, words: int) -> int:
    """RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), with end-around carry, for each 16-bit word."""
    total = ~checksum & 0xFFFF
    for _ in range(words):
        total += (~old & 0xFFFF) + (new & 0xFFFF)
        old, new = old >> 16, new >> 16
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
