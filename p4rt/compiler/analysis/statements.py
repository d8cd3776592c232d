# SPDX-License-Identifier: Apache-2.0
"""Statements and the declarations among them (P4_16 sections 11 and 12)."""

from __future__ import annotations

from collections.abc import Sequence

from p4rt.compiler.analysis import types as t
from p4rt.compiler.analysis.calls import Calls
from p4rt.compiler.analysis.context import BAD, one_of, suggestion
from p4rt.compiler.analysis.conversions import NUMERIC, describe
from p4rt.compiler.analysis.model import EnumValue, Value
from p4rt.compiler.frontend import ast

_LOOPS = (ast.For, ast.ForIn)


class Statements(Calls):
    """Part of the checker: statements."""

    def check_table(self, decl: ast.TableDecl) -> None:
        """Check a table; see `Tables`."""
        raise NotImplementedError

    def check_action(self, decl: ast.ActionDecl) -> None:
        """Check an action; see `Checker`."""
        raise NotImplementedError

    # ---- Declarations

    def check_const(self, decl: ast.ConstDecl) -> None:
        """Check and declare a constant."""
        self.current.append(decl)
        type_ = self.resolve(decl.type)
        self.check(decl.value, type_)
        self.current.pop()
        if self.convert(decl.value, type_, f"constant '{decl.name}'"):
            if decl.value not in self.program.constants and not self._depends_on_constructor(decl.value):
                self.error(
                    "not-constant", decl.value, f"'{decl.name}' must have a value known at compile time"
                )
        else:
            self.program.constants.pop(decl.value, None)
        self.program.decl_types[decl] = type_
        self.declare(decl)

    def check_var(self, decl: ast.VarDecl) -> None:
        """Check and declare a variable."""
        self.current.append(decl)
        type_ = self.resolve(decl.type)
        compile_time = t.InfIntType | t.StringType | t.MatchKindType | t.ListType
        if isinstance(type_, compile_time | t.VoidType | t.ExternType | t.BlockType):
            hint = "give it a width: bit<32>" if isinstance(type_, t.InfIntType) else None
            if isinstance(type_, t.ExternType | t.BlockType):
                hint = f"an instance is declared with parentheses: {type_}(...) {decl.name};"
            self.error("type-error", decl.type, f"a variable cannot be of type {type_}", hint)
            type_ = BAD
        if decl.value is not None:
            self.check_value(decl.value, type_, f"variable '{decl.name}'")
        self.current.pop()
        self.program.decl_types[decl] = type_
        self.declare(decl)

    def check_instance(self, decl: ast.InstanceDecl) -> None:
        """Check and declare an instance of an extern, parser, control or package."""
        self.current.append(decl)
        written = self.resolve(decl.type, infer=True)
        call = ast.Call(decl.span, ast.TypeNameExpr(decl.type.span, decl.type), (), decl.args)
        type_ = BAD if self.is_bad(written) else self.construct(call, decl.type, written)
        if call in self.program.calls:
            self.program.constructions[decl] = self.program.calls[call]
        self.program.decl_types[decl] = type_
        if isinstance(type_, t.BlockType) and type_.kind == "package" and len(self.scopes) > 1:
            self.error("call", decl, "a package is instantiated at the top level only")
        if isinstance(type_, t.BlockType) and type_.kind in {"parser", "control"} and len(self.scopes) == 1:
            self.error("call", decl, f"a {type_.kind} cannot be instantiated at the top level")
        if isinstance(type_, t.BlockType) and type_.kind in {"parser", "control"}:
            inside = next((scope.kind for scope in self.scopes if scope.kind in {"parser", "control"}), None)
            if inside is not None and inside != type_.kind:
                self.error("call", decl, f"a {type_.kind} cannot be instantiated in a {inside}")
        if decl.body is not None:
            self._check_abstract(decl, type_)
        self.current.pop()
        self.declare(decl)

    def check_function(self, decl: ast.FunctionDecl) -> None:
        """Check a function; see `Checker`."""
        raise NotImplementedError

    def _check_abstract(self, decl: ast.InstanceDecl, type_: t.Type) -> None:
        """Implementations of abstract methods."""
        assert decl.body is not None
        self.open("instance")
        for item in decl.body.body:
            if isinstance(item, ast.FunctionDecl):
                self.check_function(item)
            elif isinstance(item, ast.InstanceDecl):
                self.check_instance(item)
        self.close()
        if isinstance(type_, t.ExternType):
            abstract = {method.name for method in type_.decl.methods if method.abstract}
            given = {item.name for item in decl.body.body if isinstance(item, ast.FunctionDecl)}
            for name in sorted(abstract - given):
                self.error("call", decl, f"abstract method '{name}' of {type_.name} is not implemented")

    # ---- Statements

    def check_block(self, block: ast.Block, kind: str = "block") -> None:
        """Check a block in a scope of its own."""
        self.open(kind)
        self.check_items(block.body)
        self.close()

    def check_items(self, items: Sequence[ast.Node]) -> None:
        """Check statements and local declarations in the scope that is open."""
        for item in items:
            match item:
                case ast.VarDecl():
                    self.check_var(item)
                case ast.ConstDecl():
                    self.check_const(item)
                case ast.InstanceDecl():
                    self.error(
                        "syntax-error", item, f"instance '{item.name}' must be declared outside of statements"
                    )
                case ast.Statement():
                    self.check_statement(item)
                case ast.ActionDecl() | ast.TableDecl() | ast.ValueSetDecl():
                    self.error("syntax-error", item, f"'{item.name}' must be declared outside of statements")

    def _inside(self, *kinds: str) -> bool:
        return any(scope.kind in kinds for scope in self.scopes)

    def check_statement(self, statement: ast.Statement) -> None:
        """Check one statement."""
        match statement:
            case ast.Block():
                self.check_block(statement)
            case ast.Assign():
                self._assign(statement)
            case ast.CallStatement():
                self._call_statement(statement)
            case ast.If():
                self.check_condition(statement.cond)
                self._check_branch(statement.then)
                if statement.other is not None:
                    self._check_branch(statement.other)
            case ast.Switch():
                self._switch(statement)
            case ast.For() | ast.ForIn():
                self._loop(statement)
            case ast.Return():
                self._return(statement)
            case ast.Exit():
                if self._inside("parser", "function"):
                    self.error("statement", statement, "'exit' is for controls and actions only")
            case ast.Break() | ast.Continue():
                if not self._inside("loop"):
                    word = "break" if isinstance(statement, ast.Break) else "continue"
                    self.error("statement", statement, f"'{word}' outside of a loop")

    def _check_branch(self, statement: ast.Statement) -> None:
        self.open("block")
        self.check_statement(statement)
        self.close()

    def _assign(self, statement: ast.Assign) -> None:
        target = self.check(statement.target)
        good = not self.is_bad(target) and self.check_lvalue(statement.target, "assigned")
        if statement.op == "=":
            self.check(statement.value, target)
            if not good:
                return
            if not self.is_bad(target):
                self._no_objects(statement, target)
                self.convert(statement.value, target)
            return
        natural = self.check(statement.value, target)
        if not good or self.is_bad(natural):
            return
        op = statement.op[:-1]
        opened = t.strip(target)
        shift = op in {"<<", ">>"}
        if not isinstance(opened, NUMERIC) or (op in {"/", "%"} and isinstance(opened, t.IntType)):
            self.error("type-error", statement, f"operator {statement.op} on {describe(target)}")
        elif shift and not isinstance(natural, t.BitType | t.InfIntType):
            self.error("type-error", statement.value, "the amount of a shift must be unsigned")
        elif not shift:
            self.convert(statement.value, target)

    def _no_objects(self, statement: ast.Assign, type_: t.Type) -> None:
        if isinstance(type_, t.ExternType | t.BlockType | t.TableType | t.ApplyResultType):
            self.error("type-error", statement, f"{describe(type_)} cannot be assigned")

    def _call_statement(self, statement: ast.CallStatement) -> None:
        call: ast.Expr = statement.call
        if not isinstance(call, ast.Call):
            self.check(call)
            self.error(
                "statement", statement, "this statement does nothing: an assignment or a call is expected"
            )
            return
        self.check(call)
        if isinstance(call.target, ast.TypeNameExpr) and call in self.program.calls:
            self.error("statement", statement, "an object made here has no name", "write the name after it")

    def _return(self, statement: ast.Return) -> None:
        wanted = self.returns[-1] if self.returns else None
        if wanted is None:
            if statement.value is not None:
                self.check(statement.value)
            self.error("statement", statement, "'return' is not allowed here")
        elif statement.value is None:
            if not isinstance(wanted, t.VoidType | t.ErrorRecoveryType):
                self.error("statement", statement, f"'return' needs a value of type {wanted}")
        elif isinstance(wanted, t.VoidType):
            self.check(statement.value)
            self.error("statement", statement.value, "nothing is returned here: 'return' takes no value")
        else:
            self.check_value(statement.value, wanted, "return")

    returns: list[t.Type | None]
    """What `return` gives in the bodies being checked; None where it is not allowed."""

    # ---- Switch and loops

    def _switch(self, statement: ast.Switch) -> None:
        type_ = self.check(statement.expr)
        if self._inside("parser"):
            self.error(
                "statement", statement, "'switch' is not allowed in a parser", "use a select transition"
            )
        seen: dict[str, ast.SwitchCase] = {}
        for position, case in enumerate(statement.cases):
            label = case.label
            if isinstance(label, ast.DefaultKeyset):
                self.program.types[label] = type_
                key = "default"
                if position != len(statement.cases) - 1:
                    self.error("statement", label, "'default' must be the last label")
            else:
                value = self._switch_label(label, type_)
                key = "" if value is None else _label_key(value)
            if key and key in seen:
                self.error("duplicate", label, "this label stands in the switch already")
            seen[key] = case
            if case.body is not None:
                self.check_block(case.body)
        if statement.cases and statement.cases[-1].body is None:
            self.diagnostics.warning("statement", statement.cases[-1].span, "the last label has no block")

    def _switch_label(self, label: ast.Expr, type_: t.Type) -> Value | None:
        if isinstance(type_, t.EnumType) and type_.name.startswith("action_list("):
            if isinstance(label, ast.Name) and label.id in type_.members:
                value = EnumValue(type_, label.id)
                self.program.types[label], self.program.constants[label] = type_, value
                found = self.lookup(label.id, label.absolute)
                if found:
                    self.program.decls[label] = found[-1]
                return value
            name = label.id if isinstance(label, ast.Name) else "this"
            hint = suggestion(name, type_.members) or one_of(type_.members)
            self.error("undeclared", label, f"'{name}' is not an action of the table", hint)
            return None
        if self.is_bad(type_):
            self.check(label)
            return None
        if isinstance(type_, t.InfIntType | t.RecordType | t.TupleType | t.ApplyResultType | t.StackType):
            self.check(label)
            self.error("type-error", label, f"cannot switch on {describe(type_)}")
            return None
        if self.check_value(label, type_):
            value_ = self.program.constants.get(label)
            if value_ is None:
                self.error("not-constant", label, "a label must be known at compile time")
            return value_
        return None

    def _loop(self, statement: ast.For | ast.ForIn) -> None:
        self.open("loop")
        if isinstance(statement, ast.For):
            self.check_items(statement.init)
            self.check_condition(statement.cond)
            self.check_items(statement.update)
        else:
            self._for_in(statement)
        self.check_statement(statement.body)
        self.close()

    def _for_in(self, statement: ast.ForIn) -> None:
        variable = statement.var
        if isinstance(variable, ast.VarDecl):
            self.check_var(variable)
            type_ = self.program.decl_types[variable]
        else:
            type_ = self.check(variable)
            self.check_lvalue(variable, "assigned")
        over = statement.over
        if isinstance(over, ast.Range):
            self.check_value(over.low, type_)
            self.check_value(over.high, type_)
            self.program.types[over] = t.SetType(type_)
            return
        natural = self.check(over)
        if self.is_bad(natural, type_):
            return
        if not isinstance(natural, t.StackType | t.ListType):
            self.error(
                "type-error", over, f"a loop goes over a range, list or stack, not {describe(natural)}"
            )
        elif natural.element != type_:
            self.error("type-error", over, f"elements are {natural.element}, the variable is {type_}")


def _label_key(value: Value) -> str:
    """A label's value, to find it again."""
    return f"{value:#x}" if isinstance(value, int) else repr(value)


def always_returns(statement: ast.Node) -> bool:
    """Whether control never reaches the end of a statement."""
    match statement:
        case ast.Return() | ast.Exit():
            return True
        case ast.Block():
            return any(always_returns(item) for item in statement.body)
        case ast.If():
            return (
                statement.other is not None
                and always_returns(statement.then)
                and always_returns(statement.other)
            )
        case ast.Switch():
            bodies = [case.body for case in statement.cases if case.body is not None]
            last = statement.cases[-1] if statement.cases else None
            has_default = last is not None and isinstance(last.label, ast.DefaultKeyset)
            complete = has_default and last is not None and last.body is not None
            return complete and all(always_returns(body) for body in bodies)
    return False
