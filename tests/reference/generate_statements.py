# SPDX-License-Identifier: Apache-2.0
"""Random statements in P4."""

from __future__ import annotations

import random
from dataclasses import replace

from .generate_expressions import BOOL, Compound, Expressions, Function, Type, Variable, bit

_HASHES = ("lookup3", "crc16", "crc32", "crc32c", "xxhash", "ones_complement16", "identity")

REASONS = (
    "error.NoError", "error.BadLength", "error.NoMatch", "error.HeaderTooShort", "error.PacketTooShort",
    "error.StackOutOfBounds", "error.ParserTimeout", "error.ParserInvalidArgument",
)  # fmt: skip


class Statements(Expressions):
    """Makes statements in the scope that is open; a statement is a text without a line break at its end."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.names = 0
        self.tables: list[tuple[str, list[str]]] = []
        """Tables that may be applied, with their actions; each once."""
        self.controls: list[Function] = []
        """Controls that may be applied, likewise."""
        self.layouts: dict[str, tuple[tuple[str, Type], ...]] = {}
        """Fields of headers that may be made valid."""
        self.kinds: dict[str, str] = {}
        """Types of these."""
        self.removable: set[str] = set()
        self.standard = False
        self.reasons = False
        """Whether the standard metadata has `parser_error`."""
        self.extra: tuple[str, ...] = ()
        """Statements to choose from as they are."""
        self.leaves: list[str] = []
        """`exit;` and `return;`, where they may stand."""

    def name(self, prefix: str) -> str:
        """A new name."""
        self.names += 1
        return f"{prefix}{self.names}"

    def block(self, count: int, depth: int) -> str:
        """Statements in a scope of their own, local variables among them."""
        outer = self.scope
        self.scope = replace(
            outer,
            variables=list(outer.variables),
            compounds=list(outer.compounds),
            headers=list(outer.headers),
            valid=set(outer.valid),
        )
        lines = []
        for _ in range(count):
            if self.chance(0.12):
                lines.append(self.local())
            else:
                lines.append(self.statement(depth))
        self.scope = outer
        return "{ " + "\n".join(lines) + " }"

    def local(self) -> str:
        """A local variable."""
        if self.scope.compounds and self.chance(0.3):
            return self.local_compound()
        type_, name = self.type(), self.name("v")
        text = f"{type_} {name} = {self.expression(type_, 2)};"
        self.scope.variables.append(Variable(name, type_))
        return text

    def local_compound(self) -> str:
        """A local struct or header."""
        name, type_ = self.name("r"), self.rng.choice(self.scope.compounds).type
        text = f"{type_} {name} = {'...' if self.chance(0.05) else self.compound(type_, 2)};"
        self.declare(name, type_, True)
        return text

    def declare(self, name: str, type_: Type, writable: bool) -> None:
        """A struct or header that may be used from now on."""
        self.scope.compounds.append(Compound(name, type_, writable))
        is_header = type_.kind in self.header_kinds
        self.scope.variables += self.leaves_of(name, type_, writable, name if is_header else "")
        if is_header:
            self.scope.headers.append(name)
            return
        for item, kind in self.records[type_.kind]:
            if not kind.width:
                self.scope.compounds.append(Compound(part_of(name, item), kind, writable))

    def leaves_of(self, name: str, type_: Type, writable: bool, header: str) -> list[Variable]:
        """The scalars in a struct, header or tuple."""
        found = []
        for item, kind in self.records[type_.kind]:
            text = part_of(name, item)
            if kind.width:
                found.append(Variable(text, kind, writable, header))
            else:
                found += self.leaves_of(text, kind, writable, header)
        return found

    def compound_assignment(self) -> str:
        """A struct or header as a whole.

        A copy of an invalid header to a union's member can be understood in two ways.
        """
        places = [
            item for item in self.scope.compounds if item.writable and not item.text.startswith("hdr.u")
        ]
        if not places:
            return self.assignment()
        chosen = self.rng.choice(places)
        self.scope.valid.discard(chosen.text)
        return f"{chosen.text} = {self.compound(chosen.type, 2)};"

    def statement(self, depth: int) -> str:
        """A statement."""
        makers = [self.assignment] * 7 + [self.call_statement] * 2
        if self.scope.registers:
            makers += [self.register, self.register]
        if self.scope.compounds:
            makers += [self.compound_assignment]
        if self.layouts:
            makers += [self.validity, self.validity]
        if self.scope.stacks and self.scope.calls:
            makers += [self.stack]
        if self.standard:
            makers += [self.metadata]
        if self.chance(0.08):
            return self.hash()
        if self.extra and self.scope.calls and self.chance(0.08) and "hdr.h0" in self.scope.headers:
            return self.rng.choice(self.extra)
        if depth > 0 and self.chance(0.4):
            return self.nested(depth)
        return self.rng.choice(makers)()

    def nested(self, depth: int) -> str:
        """A statement with others inside."""
        choice = self.rng.randrange(10)
        inner = depth - 1
        if choice == 0:
            return self.switch(inner)
        if choice == 1:
            return self.loop(inner)
        if choice <= 3 and self.tables:
            return self.apply(inner)
        if choice == 4 and self.controls:
            text = self.invocation(self.controls.pop(), 3)
            return f"{text};" if text else self.assignment()
        if choice <= 6 and self.scope.headers:
            header = self.rng.choice(self.scope.headers)
            with self.knowing(header):
                then = self.block(2, inner)
            return f"if ({header}.isValid()) {then} else {self.block(1, inner)}"
        if choice == 7 and self.leaves:
            return f"if ({self.condition(2)}) {{ {self.statement(0)} {self.rng.choice(self.leaves)} }}"
        return f"if ({self.condition(2)}) {self.block(2, inner)} else {self.block(2, inner)}"

    # ---- Assignments

    def assignment(self) -> str:
        """`=` and its relatives, to a variable or a slice."""
        targets = [item for item in self.scope.variables if item.writable and self._usable(item)]
        if not targets:
            return ";"
        chosen = self.rng.choice(targets)
        text, type_ = chosen.text, chosen.type
        if type_.is_number and self.chance(0.25):
            low = self.rng.randrange(type_.width)
            high = self.rng.randrange(low, type_.width)
            text, type_ = f"{text}[{high}:{low}]", bit(high - low + 1)
        elif type_.is_number and self.chance(0.1) and type_.width > 1:
            part = self.rng.randrange(1, type_.width)
            top = type_.width - part
            text, type_ = f"{text}[{self.rng.randrange(top + 1)}+:{part}]", bit(part)
        if type_.is_number and self.chance(0.2):
            op = self.rng.choice(["+=", "-=", "&=", "|=", "^=", "|+|=", "|-|=", "<<=", ">>="])
            value = self.expression(bit(8) if op in {"<<=", ">>="} else type_, 1)
            return f"{text} {op} {value};"
        return f"{text} = {self.expression(type_, 3)};"

    def call_statement(self) -> str:
        """A call of a function or action."""
        if not self.scope.functions or not self.scope.calls:
            return self.assignment()
        text = self.invocation(self.rng.choice(self.scope.functions), 3)
        return f"{text};" if text else self.assignment()

    def register(self) -> str:
        """Reads or writes a register."""
        name, element, index, size = self.rng.choice(self.scope.registers)
        place = f"{self.expression(index, 1)} % {index.width}w{size + self.rng.randrange(2)}"
        target = self.target(element)
        if target is not None and self.chance(0.5):
            return f"{target} = {name}.read({place});"
        return f"{name}.write({place}, {self.expression(element, 2)});"

    def hash(self) -> str:
        """A hash of some values."""
        target = self.target(bit(32))
        if target is None:
            return self.assignment()
        types = [self.type() for _ in range(self.rng.randrange(1, 5))]
        data = ", ".join(self.expression(item, 1) for item in types)
        return f"hash({target}, HashAlgorithm.{self.rng.choice(_HASHES)}, {{ {data} }});"

    def metadata(self) -> str:
        """Something of the architecture's."""
        choice = self.rng.randrange(9)
        if self.reasons and self.chance(0.3):
            return self.reason()
        if choice == 0:
            return f"std.output_action = ubpf_action.{self.rng.choice(['REDIRECT', 'PASS', 'DROP'])};"
        if choice == 1:
            return f"if ({self.condition(1)}) {{ mark_to_drop(); }}"
        if choice == 2:
            return "mark_to_pass();"
        if choice == 3:
            return f"std.clone = {self.condition(1)};"
        if choice == 4:
            return f"std.clone_port = {self.expression(bit(32), 1)};"
        if choice == 5:
            return f"if ({self.condition(1)}) {{ truncate({self.atom(bit(32))} % 80); }}"
        return f"std.output_port = {self.expression(bit(32), 2)};"

    def reason(self) -> str:
        """Something that depends on why the parser rejected the packet."""
        labels = self.rng.sample(REASONS, 2)
        if self.chance(0.5):
            return f"if (std.parser_error == {labels[0]}) {{ {self.assignment()} }}"
        cases = "\n".join(f"{label}: {{ {self.assignment()} }}" for label in labels)
        return f"switch (std.parser_error) {{ {cases} default: {{ {self.assignment()} }} }}"

    # ---- Headers

    def validity(self) -> str:
        """Headers come, go and are copied."""
        header = self.rng.choice(list(self.layouts))
        fields = self.layouts[header]
        choice = self.rng.randrange(5)
        if choice == 0 and header in self.removable:
            self.scope.valid.discard(header)
            # What happens to the other members of a union is told in two ways, unless the header is valid.
            return f"if ({header}.isValid()) {{ {header}.setInvalid(); }}"
        values = [(item, self.expression(type_, 2)) for item, type_ in fields]
        same = [name for name in self.layouts if name != header and self.kinds[name] == self.kinds[header]]
        if header.startswith("hdr.u"):
            same = []
        if choice == 1 and same and header in self.removable:
            self.scope.valid.discard(header)
            return f"{header} = {self.rng.choice(same)};"
        self.scope.valid.add(header)
        if choice == 2:
            return f"{header} = {{ {', '.join(value for _, value in values)} }};"
        if choice == 3:
            return f"{header} = {{ {', '.join(f'{item} = {value}' for item, value in values)} }};"
        return f"{header}.setValid(); " + " ".join(f"{header}.{item} = {value};" for item, value in values)

    def stack(self) -> str:
        """A change of a header stack."""
        name, size, fields = self.rng.choice(self.scope.stacks)
        choice = self.rng.randrange(5)
        index = str(self.rng.randrange(size))
        if choice == 0:
            return f"{name}.{self.rng.choice(['push_front', 'pop_front'])}({self.rng.randrange(size + 1)});"
        if choice == 1:
            return f"{name}[{index}].setInvalid();"
        if choice == 2:
            return f"{name}[{index}] = {name}[{self.rng.randrange(size)}];"
        if choice == 3:
            index = f"{self.atom(bit(8))} & {3 if size == 4 else int(size > 1)}"
        item, type_ = self.rng.choice(fields)
        value = self.expression(type_, 2)
        if self.chance(0.5):
            return f"if ({name}[{index}].isValid()) {{ {name}[{index}].{item} = {value}; }}"
        values = ", ".join(self.expression(inner, 1) for _, inner in fields)
        return f"{name}[{index}] = {{ {values} }};"

    # ---- Control flow

    def switch(self, depth: int) -> str:
        """`switch` on a value."""
        with_members = [item for item in self.named_types if self.named[item.kind].members]
        if with_members and self.chance(0.3):
            return self.switch_on_member(self.rng.choice(with_members), depth)
        width = self.rng.choice([2, 3, 8, 16, 40])
        labels = sorted({self.rng.randrange(min(1 << width, 6)) for _ in range(4)})
        self.rng.shuffle(labels)
        cases = []
        for label in labels[:-1]:
            body = "" if self.chance(0.2) else f" {self.block(1, depth)}"
            cases.append(f"{label}:{body}")
        cases.append(f"{labels[-1]}: {self.block(1, depth)}")
        if self.chance(0.6):
            cases.append(f"default: {self.block(1, depth)}")
        mask = self.rng.choice(["", " & 3"])
        return f"switch ({self.expression(bit(width), 1)}{mask}) {{ " + "\n".join(cases) + " }"

    def switch_on_member(self, type_: Type, depth: int) -> str:
        """`switch` on a value of an enum."""
        members = self.named[type_.kind].members
        chosen = self.rng.sample(members, self.rng.randrange(1, len(members) + 1))
        cases = [f"{type_}.{name}:{self.rng.choice(['', ' ' + self.block(1, depth)])}" for name in chosen]
        cases.append(f"default: {self.block(1, depth)}")
        return f"switch ({self.expression(type_, 1)}) {{ " + "\n".join(cases) + " }"

    def loop(self, depth: int) -> str:
        """A loop over a small range, or one that counts, or one over a stack or list."""
        if self.scope.stacks and self.chance(0.3):
            return self.over_stack(depth)
        name, type_ = self.name("i"), bit(self.rng.choice([4, 8, 32]))
        low, count = self.rng.randrange(4), self.rng.randrange(1, 4)
        outer = self.scope
        variable = Variable(name, type_, writable=False)
        self.scope = replace(outer, variables=[*outer.variables, variable], valid=set(outer.valid))
        leave = self.rng.choice(["", "", "break;", "continue;"])
        stop = f"if ({self.condition(1)}) {{ {leave} }}" if leave else ""
        leaves = self.leaves
        if self.chance(0.4):
            self.leaves = [*leaves, "break;", "continue;"]
        body = f"{{ {self.statement(0)} {stop} {self.statement(min(depth, 1))} }}"
        self.scope, self.leaves = outer, leaves
        choice = self.rng.randrange(8)
        if choice < 3:
            return f"for ({type_} {name} in {low} .. {low + count}) {body}"
        if choice == 3:
            items = ", ".join(self.expression(type_, 1) for _ in range(count))
            return f"for ({type_} {name} in (list<{type_}>) {{ {items} }}) {body}"
        if choice == 4:
            top = f"({self.atom(type_)} & {self.rng.choice([1, 3])})"
            return f"for ({type_} {name} in {low} .. {top}) {body}"
        if choice == 5:
            other, step = self.name("j"), self.rng.randrange(1, 3)
            head = f"{type_} {name} = {low}, bit<8> {other} = {self.atom(bit(8))}"
            update = f"{name} += {step}, {other} = {other} + 1"
            return f"for ({head}; {name} < {low + count} && {other} != 0; {update}) {body}"
        return f"for ({type_} {name} = {low}; {name} < {low + count}; {name} = {name} + 1) {body}"

    def over_stack(self, depth: int) -> str:
        """A loop over the elements of a stack as they were before."""
        stack, _, fields = self.rng.choice(self.scope.stacks)
        outer, name = self.scope, self.name("e")
        known = [Variable(f"{name}.{item}", kind, False, name) for item, kind in fields]
        self.scope = replace(outer, variables=[*outer.variables, *known], valid={*outer.valid, name})
        inner = self.statement(min(depth, 1))
        self.scope = outer
        return f"for (e_t {name} in {stack}) {{ if ({name}.isValid()) {{ {inner} }} }}"

    def apply(self, depth: int) -> str:
        """A table, applied in one of the ways that there are."""
        name, actions = self.tables.pop()
        choice = self.rng.randrange(4)
        if choice == 0:
            return f"{name}.apply();"
        if choice == 1:
            which = self.rng.choice(["hit", "miss"])
            then, other = self.block(1, depth), self.block(1, depth)
            return f"if ({name}.apply().{which}) {then} else {other}"
        if choice == 2:
            flag = self.target(BOOL)
            return f"{flag} = {name}.apply().hit;" if flag else f"{name}.apply();"
        labels = self.rng.sample(actions, self.rng.randrange(1, len(actions) + 1))
        cases = [f"{label}: {self.block(1, depth)}" for label in labels]
        if self.chance(0.5):
            cases.append(f"default: {self.block(1, depth)}")
        return f"switch ({name}.apply().action_run) {{ " + "\n".join(cases) + " }"


def part_of(name: str, item: str) -> str:
    """A field of a struct or header, or an element of a tuple."""
    return f"{name}{item}" if item.startswith("[") else f"{name}.{item}"
