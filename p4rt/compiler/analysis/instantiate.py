# SPDX-License-Identifier: Apache-2.0
"""Builds the tree of instances under `main` (P4_16 section 16, 'Evaluation')."""

from __future__ import annotations

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.constants import ConstantError
from p4rt.compiler.analysis.model import BoundArg, Call, CallKind, CheckedProgram, Instance, Source, Value
from p4rt.compiler.frontend import ast

MAX_INSTANCES = 10_000
"""More instances than this are refused: nested parsers and controls multiply."""


def instantiate(program: CheckedProgram) -> None:
    """Fill `program.instances` and `program.main`; reports what cannot be evaluated."""
    builder = _Builder(program)
    for decl in program.program.decls:
        if isinstance(decl, ast.InstanceDecl):
            instance = builder.from_decl(decl, None, "")
            if instance is not None:
                program.instances[decl] = instance
    main = program.globals.get("main")
    if not isinstance(main, ast.InstanceDecl):
        return
    found = program.instances.get(main)
    if found is not None and not isinstance(found.decl, ast.PackageDecl):
        program.diagnostics.error("main", main.span, "'main' must be an instance of a package")
    program.main = found


class _Builder:
    """Makes instances, binding constructor parameters as it goes down."""

    def __init__(self, program: CheckedProgram) -> None:
        self.program = program
        self.count = 0

    def from_decl(self, decl: ast.InstanceDecl, inside: Instance | None, path: str) -> Instance | None:
        """The instance that a declaration makes inside another one."""
        call = self.program.constructions.get(decl)
        if call is None:
            return None
        package = isinstance(call.decl, ast.PackageDecl)
        full = "" if package else _join(path, self.program.control_name(decl))
        return self._make(decl.name, full, call, decl, inside)

    def from_call(self, call: ast.Call, name: str, inside: Instance | None, path: str) -> Instance | None:
        """The instance that a constructor call makes."""
        found = self.program.calls.get(call)
        if found is None:
            return None
        return self._make(name, path, found, call, inside)

    def _make(
        self, name: str, path: str, call: Call, source: Source, inside: Instance | None
    ) -> Instance | None:
        decl = call.decl
        assert isinstance(decl, ast.ParserDecl | ast.ControlDecl | ast.ExternDecl | ast.PackageDecl)
        self.count += 1
        if self.count > MAX_INSTANCES:
            self.program.diagnostics.fatal("too-complex", source.span, f"more than {MAX_INSTANCES} instances")
        instance = Instance(name, path, decl, call.result, source.span, source, call.method)
        for arg in call.args:
            value = self._argument(arg, inside, path, source)
            if value is not None:
                instance.args[arg.param.name] = value
        if isinstance(decl, ast.ParserDecl | ast.ControlDecl):
            self._members(instance, decl)
        return instance

    def _argument(
        self, arg: BoundArg, inside: Instance | None, path: str, source: ast.Node
    ) -> Value | Instance | None:
        """Value of a constructor argument: an object or a constant."""
        expr = arg.value
        if expr is None:
            return None
        if isinstance(arg.param.type, t.ExternType | t.BlockType):
            return self._object(expr, arg, inside, path)
        try:
            constants = inside.constants() if inside is not None else {}
            value = self.program.evaluator.evaluate(expr, constants)
        except ConstantError as error:
            self.program.diagnostics.error("constant", expr.span, str(error))
            return None
        if value is None:
            message = f"argument '{arg.param.name}' must be known at compile time"
            self.program.diagnostics.error("not-constant", expr.span, message)
        return value

    def _object(self, expr: ast.Expr, arg: BoundArg, inside: Instance | None, path: str) -> Instance | None:
        if isinstance(expr, ast.Call):
            decl = self.program.calls[expr].decl if expr in self.program.calls else None
            if isinstance(decl, ast.ParserDecl | ast.ControlDecl):
                return self.from_call(
                    expr, arg.param.name, inside, _join(path, self.program.control_name(decl))
                )
            return self.from_call(expr, arg.param.name, inside, _join(path, arg.param.name))
        if isinstance(expr, ast.Name):
            found = self.program.decls.get(expr)
            if isinstance(found, ast.InstanceDecl):
                if inside is not None and found in inside.members:
                    return inside.members[found]
                return self.program.instances.get(found)
            if isinstance(found, ast.Param) and inside is not None:
                value = inside.args.get(found.name)
                return value if isinstance(value, Instance) else None
        self.program.diagnostics.error(
            "not-constant", expr.span, f"argument '{arg.param.name}' must be an object"
        )
        return None

    def _members(self, instance: Instance, decl: ast.ParserDecl | ast.ControlDecl) -> None:
        """Instances declared inside a parser or control, and those of direct invocations."""
        for node in decl.locals:
            if isinstance(node, ast.InstanceDecl):
                member = self.from_decl(node, instance, instance.path)
                if member is not None:
                    instance.members[node] = member
            elif isinstance(node, ast.TableDecl):
                self._of_properties(instance, node)
        for node in ast.walk(decl):
            if not isinstance(node, ast.Call):
                continue
            call = self.program.calls.get(node)
            direct = call is not None and call.kind in {CallKind.PARSER_APPLY, CallKind.CONTROL_APPLY}
            if call is None or not direct or call.receiver is not None:
                continue
            block = call.decl
            assert isinstance(block, ast.ParserDecl | ast.ControlDecl)
            path = _join(instance.path, self.program.control_name(block))
            made = Call(CallKind.CONSTRUCTOR, block, None, (), self._block_type(block))
            member = self._make(block.name, path, made, node, instance)
            if member is not None:
                instance.members[node] = member

    def _of_properties(self, instance: Instance, table: ast.TableDecl) -> None:
        """Objects that properties of a table make: `implementation = ActionProfile(64);`."""
        path = _join(instance.path, self.program.control_name(table))
        for prop in table.properties:
            if not isinstance(prop, ast.ExprProperty) or not isinstance(prop.value, ast.Call):
                continue
            call = self.program.calls.get(prop.value)
            if call is not None and call.kind is CallKind.CONSTRUCTOR:
                full = _join(path, self.program.control_name(prop))
                made = self._make(prop.name, full, call, prop, instance)
                if made is not None:
                    instance.members[prop.value] = made

    def _block_type(self, decl: ast.ParserDecl | ast.ControlDecl) -> t.Type:
        kind = "parser" if isinstance(decl, ast.ParserDecl) else "control"
        return t.BlockType(kind, decl.name, (), self.program.callables[decl], decl)


def _join(path: str, name: str) -> str:
    if name.startswith("."):
        return name[1:]
    return f"{path}.{name}" if path else name
