# SPDX-License-Identifier: Apache-2.0
"""Pass: drop what has no effect.

Assignments to variables that nothing reads, statements after a jump, labels that nothing goes to.  clang
would drop them as well, but with warnings, and the C would be harder to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_

from p4rt.compiler.backend import ir
from p4rt.compiler.records import replace


def prune(block: ir.Block) -> ir.Block:
    """`block` without dead assignments, unreachable statements and unused labels."""
    while True:
        read, targets = _uses(block)
        pruned = _prune(block, read, targets)
        if pruned is block:
            return block
        block = pruned  # A branch that is gone may have been the last to read something.


def _uses(block: ir.Block) -> tuple[set[str], set[str]]:
    """The names of variables and pointers that have an effect, and of labels that something goes to."""
    targets: set[str] = set()
    read: set[str] = set()
    for_the_sake_of: dict[str, set[str]] = {}
    for statement in ir.walk(block):
        targets |= _labels(statement)
        if isinstance(statement, ir.Store | ir.AtomicAdd):
            read.add(statement.memory.name)
        made = _only_makes(statement)
        names = read if made is None else for_the_sake_of.setdefault(made, set())
        for expr in ir.expressions(statement):
            collect_names(expr, names)
    pending = list(read)
    while pending:
        more = for_the_sake_of.pop(pending.pop(), set()) - read
        read |= more
        pending += more
    return read, targets


def _only_makes(statement: ir.Statement) -> str | None:
    """The name of what `statement` sets, where it has no other effect."""
    match statement:
        case ir.Assign(target) | ir.ReadContext(target) | ir.ReadClock(target) | ir.HashBytes(target):
            return target.name
        case ir.FunctionCall(ir.Var(_, name), pure=True):
            return name
        case ir.Lookup(pointer) | ir.PacketPointer(pointer, known=True):
            return pointer.name
        case _:
            return None


def collect_names(expr: ir.Expr, read: set[str]) -> None:
    """Add the names of variables and pointers that `expr` reads."""
    match expr:
        case ir.Var(_, name) | ir.Load(_, ir.Memory(name)) | ir.Found(_, ir.Pointer(name)):
            read.add(name)
            return
        case ir.MemoryAddress(_, ir.Memory(name)):
            read.add(name)
            return
    for operand in ir.operands(expr):
        collect_names(operand, read)


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
        made = _only_makes(statement)
        if made is not None and made not in read:
            continue
        match statement:
            case ir.FunctionCall(ir.Var(_, name)) if name not in read:
                statement = replace(statement, target=None)
            case ir.If():
                for kept in _prune_if(statement, read, targets):
                    result.append(kept)
                continue
            case ir.Switch(cases=cases, default=default):
                pruned = _prune(default, read, targets)
                arms = tuple(_prune_case(case, read, targets) for case in cases)
                if not pruned:
                    arms = tuple(arm for arm in arms if arm.body)
                if not arms:
                    result += pruned
                    continue
                if pruned is not default or not _same(arms, cases):
                    statement = replace(statement, cases=arms, default=pruned)
            case ir.Scope(buffer, body):
                pruned = _prune(body, read, targets)
                if all(isinstance(inner, ir.Store) and inner.memory == buffer for inner in pruned):
                    continue
                if pruned is not body:
                    statement = replace(statement, body=pruned)
            case ir.Goto() | ir.Return():
                reachable = False
        result.append(statement)
    return block if _same(result, block) else tuple(result)


def _same(one: Sequence[object], other: Sequence[object]) -> bool:
    """Are these the same objects?"""
    return len(one) == len(other) and all(map(is_, one, other))


def _prune_case(case: ir.Case, read: set[str], targets: set[str]) -> ir.Case:
    body = _prune(case.body, read, targets)
    return case if body is case.body else ir.Case(case.values, body)


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
    if then is statement.then and other is statement.other:
        return (statement,)
    return (replace(statement, condition=condition, then=then, other=other),)
