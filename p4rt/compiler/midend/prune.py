# SPDX-License-Identifier: Apache-2.0
"""Pass: drop what has no effect.

Assignments to variables that nothing reads, statements after a jump, labels that nothing goes to.  clang
would drop them as well, but with warnings, and the C would be harder to read.
"""

from __future__ import annotations

from dataclasses import fields, replace

from p4rt.compiler.backend import ir


def prune(block: ir.Block) -> ir.Block:
    """`block` without dead assignments, unreachable statements and unused labels."""
    while True:
        read: set[str] = set()
        targets: set[str] = set()
        for statement in ir.walk(block):
            targets |= _labels(statement)
            if isinstance(statement, ir.Store | ir.AtomicAdd):
                read.add(statement.memory.name)
            for expr in ir.expressions(statement):
                _collect(expr, read)
        pruned = _prune(block, read, targets)
        if pruned == block:
            return block
        block = pruned


def _collect(expr: ir.Expr, read: set[str]) -> None:
    """Add the names of variables and pointers that `expr` reads."""
    match expr:
        case ir.Var(_, name) | ir.Load(_, ir.Memory(name)) | ir.Found(_, ir.Pointer(name)):
            read.add(name)
            return
        case ir.MemoryAddress(_, ir.Memory(name)):
            read.add(name)
            return
    for item in fields(expr):
        value = getattr(expr, item.name)
        if isinstance(value, ir.Expr):
            _collect(value, read)


def _labels(statement: ir.Statement) -> set[str]:
    match statement:
        case ir.Goto(label):
            return {label}
        case ir.PacketPointer(otherwise=label) | ir.MoveHead(otherwise=label):
            return {label}
        case _:
            return set()


def _prune(block: ir.Block, read: set[str], targets: set[str]) -> ir.Block:
    result: list[ir.Statement] = []
    reachable = True
    for statement in block:
        if isinstance(statement, ir.Label):
            if statement.name not in targets:
                continue
            if result and isinstance(result[-1], ir.Goto) and result[-1].label == statement.name:
                result.pop()
            reachable = True
        if not reachable:
            continue
        match statement:
            case ir.Assign(target) | ir.ReadContext(target) | ir.ReadClock(target) | ir.HashBytes(target):
                if target.name not in read:
                    continue
            case ir.FunctionCall(ir.Var(_, name), pure=pure) if name not in read:
                if pure:
                    continue
                statement = replace(statement, target=None)
            case ir.Lookup(pointer) | ir.PacketPointer(pointer, known=True):
                if pointer.name not in read:
                    continue
            case ir.If():
                for kept in _prune_if(statement, read, targets):
                    result.append(kept)
                continue
            case ir.Switch(cases=cases, default=default):
                default = _prune(default, read, targets)
                arms = [ir.Case(case.values, _prune(case.body, read, targets)) for case in cases]
                if not default:
                    arms = [arm for arm in arms if arm.body]
                if not arms:
                    result += default
                    continue
                statement = replace(statement, cases=tuple(arms), default=default)
            case ir.Scope(buffer, body):
                body = _prune(body, read, targets)
                if all(isinstance(inner, ir.Store) and inner.memory == buffer for inner in body):
                    continue
                statement = replace(statement, body=body)
            case ir.Goto() | ir.Return():
                reachable = False
        result.append(statement)
    return tuple(result)


def _prune_if(statement: ir.If, read: set[str], targets: set[str]) -> ir.Block:
    then, other = _prune(statement.then, read, targets), _prune(statement.other, read, targets)
    condition = statement.condition
    if isinstance(condition, ir.Const):
        return then if condition.value else other
    if not then and not other:
        return ()
    if not then:
        condition = ir.Not(1, condition) if not isinstance(condition, ir.Not) else condition.operand
        then, other = other, ()
    return (replace(statement, condition=condition, then=then, other=other),)
