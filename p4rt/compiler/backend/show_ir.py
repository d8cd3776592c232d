# SPDX-License-Identifier: Apache-2.0
"""The target IR as text for people (`--emit ir`)."""

from __future__ import annotations

from collections.abc import Iterator

from p4rt.compiler.backend import ir


def show_ir(program: ir.Program) -> str:
    """Maps, initial entries and the body, one statement a line, with the P4 line after `#`."""
    lines = [f"program {program.name} from {program.source}"]
    for item in program.maps:
        flags = "".join(f" {flag.name.lower()}" for flag in item.flags)
        lines.append(
            f"map {item.name}: {item.type.name.lower()} key {item.key_size} value {item.value_size}"
            f" max {item.max_entries}{flags}"
            + (f" state {item.state_size}" if item.state_size else "")
            + (f" extra {item.extra}" if item.extra else "")
        )
    for entry in program.initial:
        lines.append(f"entry {entry.map}: {entry.key.hex()} -> {entry.value.hex()}")
    lines += _block(program.body, 0)
    return "\n".join(lines) + "\n"


def _block(block: ir.Block, depth: int) -> Iterator[str]:
    pad = "  " * depth
    for statement in block:
        line = f"  # {statement.span.line}" if statement.span.line > 0 else ""
        match statement:
            case ir.If(condition, then, other):
                yield f"{pad}if {show(condition)}:{line}"
                yield from _block(then, depth + 1)
                if other:
                    yield f"{pad}else:"
                    yield from _block(other, depth + 1)
            case ir.Switch(on, cases, default):
                yield f"{pad}switch {show(on)}:{line}"
                for case in cases:
                    yield f"{pad}  case {', '.join(f'{value:#x}' for value in case.values)}:"
                    yield from _block(case.body, depth + 2)
                yield f"{pad}  default:"
                yield from _block(default, depth + 2)
            case ir.Scope(buffer, body):
                yield f"{pad}with {buffer.name}[{buffer.size}]:{line}"
                yield from _block(body, depth + 1)
            case ir.Label(name):
                yield f"{name}:"
            case _:
                yield f"{pad}{_simple(statement)}{line}"


def _simple(statement: ir.Statement) -> str:
    match statement:
        case ir.Assign(target, value):
            return f"{target.name}:{target.width} = {show(value)}"
        case ir.Goto(label):
            return f"goto {label}"
        case ir.Store(memory, offset, value, big_endian):
            order = "be" if big_endian else "le"
            return f"store.{order} {memory.name}+{offset} {value.width // 8} = {show(value)}"
        case ir.Settle():
            return "settle"
        case ir.PacketPointer(pointer, offset, size, otherwise):
            return f"{pointer.name} = packet + {show(offset)}, {size} bytes, else {otherwise}"
        case ir.Lookup(pointer, name, key):
            return f"{pointer.name} = lookup {name}[{key.name}]"
        case ir.HashBytes(target, buffer, length):
            return f"{target.name}:32 = lookup3 {buffer.name} {length}"
        case ir.FunctionCall(target, function, arguments):
            result = f"{target.name}:{target.width} = " if target is not None else ""
            return f"{result}{function}({', '.join(show(argument) for argument in arguments)})"
        case ir.AtomicAdd(memory, offset, value):
            return f"atomic {memory.name}+{offset} {value.width // 8} += {show(value)}"
        case ir.ReadClock(target):
            return f"{target.name}:64 = now"
        case ir.MoveHead(delta, otherwise):
            return f"move head by {show(delta)}, else {otherwise}"
        case ir.ReadContext(target, name):
            return f"{target.name}:{target.width} = context.{name}"
        case ir.WriteContext(name, value):
            return f"context.{name} = {show(value)}"
        case ir.Return(verdict):
            return f"return {show(verdict)}"
    raise AssertionError(f"no text for {type(statement).__name__}")


def show(expr: ir.Expr) -> str:
    """An expression; a number has its width after `:`, operators their own."""
    match expr:
        case ir.Const(width, value):
            return f"{value:#x}:{width}" if value > 9 else f"{value}:{width}"
        case ir.Var(_, name):
            return name
        case ir.Not(_, operand):
            return f"~{show(operand)}"
        case ir.Negate(_, operand):
            return f"-{show(operand)}"
        case ir.Binary(width, op, left, right):
            return f"({show(left)} {op.value}:{width} {show(right)})"
        case ir.Compare(_, relation, left, right):
            return f"({show(left)} {relation.value} {show(right)})"
        case ir.Shift(width, kind, value, amount):
            return f"({show(value)} {kind.value}:{width} {show(amount)})"
        case ir.Slice(width, operand, low):
            return f"{show(operand)}[{low + width - 1}:{low}]"
        case ir.Extend(width, operand, signed):
            return f"{'sign' if signed else 'zero'}extend:{width}({show(operand)})"
        case ir.Concat(_, high, low):
            return f"({show(high)} ++ {show(low)})"
        case ir.Swap(_, operand):
            return f"swap({show(operand)})"
        case ir.Choose(_, condition, then, other):
            return f"({show(condition)} ? {show(then)} : {show(other)})"
        case ir.Load(width, memory, offset, big_endian):
            return f"load.{'be' if big_endian else 'le'}:{width}({memory.name}+{offset})"
        case ir.Found(_, pointer):
            return f"found({pointer.name})"
        case ir.MemoryAddress(_, memory, offset):
            return f"&{memory.name}+{offset}"
        case ir.MapAddress(_, name):
            return f"map {name}"
    raise AssertionError(f"no text for {type(expr).__name__}")
