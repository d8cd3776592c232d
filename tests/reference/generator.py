# SPDX-License-Identifier: Apache-2.0
"""Random well-typed programs for the architecture `ubpf`; the same seed gives the same program."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from .batch import includes
from .generate_expressions import BOOL, Function, Scope, Variable, bit
from .generate_objects import make_statements
from .generate_parser import ParserParts
from .generate_parts import signature

VARBIT_STATEMENTS = (
    "hdr.v2 = hdr.v;",
    "hdr.v.setInvalid();",
    "if (hdr.v == hdr.v2) { meta.w = meta.w + 1; }",
    "if (hdr.v.isValid()) { hdr.v.n = hdr.v.n + 1; hdr.v.end = hdr.v.n; }",
    "if (hdr.v.isValid() && hdr.v2.isValid()) { hdr.v2.data = hdr.v.data; }",
)


def generate(seed: int) -> str:
    """The program of a seed."""
    return Program(random.Random(seed)).text()


class Program(ParserParts):
    """The parts of a program, made in the order in which they are declared."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.small = rng.random() < 0.8
        """Most are: what is wrong shows in small programs, and there can be more of them."""
        self.externs = rng.random() < 0.5
        self.old = rng.random() < 0.04
        self.reasons = not self.old and rng.random() < 0.15
        """Whether the pipeline sees what the parser rejects."""
        self.always = set() if self.reasons else {"hdr.h0"}
        """Headers that are valid in the pipeline at first."""
        self.make = make_statements(rng, self.externs)
        self.constants, self.value_sets, self.set_types, self.union = [], [], [], []
        self.types, self.headers = {}, {}
        self.emitting: set[str] = set()
        """Types of headers for which the deparser has a control of its own."""

    def text(self) -> str:
        """The whole program."""
        parts = ["error { BadLength }", self.named_types(), self.header_types(), self.metadata_types()]
        parts.append(self.constant_declarations())
        functions, texts = self.functions()
        parts += texts
        parts += [self.sub_parser(functions), self.parser(functions)]
        parts[2:2] = [text for text in self.set_types if text]
        controls, texts = self.inner_controls(functions)
        parts += [*texts, self.pipeline(functions, controls), self.deparser()]
        parts.append("ubpf(prs(), pipe(), dprs()) main;")
        body = "\n".join(part for part in parts if part) + "\n"
        return includes(self.externs, self.reasons, self.old) + self.typedefs(body)

    # ---- Controls

    def control(
        self, head: str, functions: Sequence[Function], controls: Sequence[Function], local: str
    ) -> str:
        """A control with what its parts need; `local` declares instances of the others that it may apply."""
        make = self.make
        registers, texts = self.registers()
        make.scope.registers = registers
        make.scope.objects, object_texts = make.objects()
        texts += object_texts
        locals_ = []
        for _ in range(self.rng.randrange(3)):
            type_, name = make.type(), make.name("c")
            const = self.rng.choice(["", "", "const "])
            locals_.append(f"{const}{type_} {name} = {make.literal(type_)};")
            make.scope.variables.append(Variable(name, type_, writable=not const))
        make.leaves = ["exit;", "return;"] if self.rng.random() < 0.5 else ["return;"]
        make.tables, make.controls, self.bound = [], [], {}
        actions, action_texts = self.actions("act", functions)
        tables = []
        for number in range(self.rng.randrange(3)):
            direct, more, direct_texts, properties = self.direct(number, functions)
            labels, text = self.table(f"tab{number}", [*actions, *more], properties)
            tables += [*direct, *direct_texts, text]
            make.tables.append((f"tab{number}", labels))
        make.controls = [*controls, *controls]
        make.scope.functions = [*functions, *actions]
        body = make.block(self.rng.randrange(3, 6) if self.small else self.rng.randrange(6, 13), 3)
        parts = [local, *texts, *locals_, *action_texts, *tables]
        return f"{head} {{\n" + "\n".join(part for part in parts if part) + f"\napply {body}\n}}"

    def inner_controls(self, functions: Sequence[Function]) -> tuple[list[Function], list[str]]:
        """Controls that work on their parameters alone, as they are applied; the second may use the first."""
        found: list[Function] = []
        texts: list[str] = []
        for name in ("inner", "innermost")[: self.rng.choice([0, 0, 0, 1, 1, 2])]:
            directions = [self.rng.choice(["in", "inout", "out"]) for _ in range(self.rng.randrange(1, 5))]
            function = Function(name, tuple((item, self.parameter_type()) for item in directions), None)
            make = self.make
            make.scope = Scope(functions=list(functions))
            self.see_constants()
            self.enter(function)
            make.layouts, make.standard, make.extra = {}, False, ()
            head = f"control {signature(function).replace(name, f'{name}_c')}"
            arguments = ""
            if self.rng.random() < 0.3:
                head += "(bit<8> size, bool big)"
                arguments = f"{make.literal(bit(8))}, {make.literal(BOOL)}"
                make.scope.variables += [Variable("size", bit(8), False), Variable("big", BOOL, False)]
            text = self.control(head, functions, found, self.instances)
            first = " ".join(self.first_values(function))
            texts.append(text.replace("\napply {", f"\napply {{ {first}", 1))
            self.instances = f"{name}_c({arguments}) {name}; {name}_c({arguments}) {name}2;"
            found = [Function(f"{item}.apply", function.params, None) for item in (name, f"{name}2")]
            if not arguments:
                found.append(Function(f"{name}_c.apply", function.params, None))
            self.rng.shuffle(found)
        return found, texts

    instances = ""
    """Declarations of the controls that the next one applies."""

    def pipeline(self, functions: Sequence[Function], controls: Sequence[Function]) -> str:
        """The control that is the pipeline."""
        make = self.make
        self.open_scope(functions)
        make.scope.valid = set(self.always)
        make.standard, make.reasons = not self.old, self.reasons
        make.layouts = {f"hdr.{name}": self.types[type_] for name, type_ in self.headers.items()}
        make.kinds = {f"hdr.{name}": type_ for name, type_ in self.headers.items()}
        make.removable = {name for name in make.layouts if name != "hdr.h0"}
        if self.rng.random() < 0.3:
            make.layouts = {}
        if self.stack:
            name, type_, size = self.stack
            make.scope.stacks = [(f"hdr.{name}", size, self.types[type_])]
            if self.stack_in_metadata:
                make.scope.stacks.append(("meta.ms", self.stack_in_metadata, self.types[type_]))
        make.extra = (*(VARBIT_STATEMENTS if self.varbit else ()), *self.stack_statements())
        if self.old:
            make.extra += ("if (meta.flag) { mark_to_drop(); }", "if (meta.w > 5) { mark_to_pass(); }")
        last = "" if self.old else ", inout standard_metadata std"
        head = f"control pipe(inout headers_t hdr, inout metadata_t meta{last})"
        return self.control(head, functions, controls, self.instances)

    def stack_statements(self) -> Iterator[str]:
        """What can be done with whole stacks."""
        if self.stack is not None and self.stack_in_metadata == self.stack[2]:
            yield "meta.ms = hdr.st;"
            yield "hdr.st = meta.ms;"
            yield "if (hdr.st == meta.ms) { meta.w = meta.w + 1; }"
        if self.unions:
            yield "if (hdr.us[0].isValid()) { meta.w = meta.w + 3; }"
            yield "hdr.us.pop_front(1);"
            yield "hdr.us.push_front(1);"

    # ---- Deparser

    def deparser(self) -> str:
        """Headers in any order, some perhaps left out, or all of them as they are."""
        names = [name for name in self.headers if name not in self.union]
        names += ["v", "v2"] * bool(self.varbit)
        names += ["st"] * (self.stack is not None) + ["u"] * bool(self.union) + ["us"] * bool(self.unions)
        if self.rng.random() < 0.4:
            self.rng.shuffle(names)
        if self.rng.random() < 0.1:
            names.pop()
        if self.rng.random() < 0.05:
            emits = "pkt.emit(hdr);"
        elif self.rng.random() < 0.1:
            emits = f"pkt.emit({{ {', '.join(f'hdr.{name}' for name in names)} }});"
        else:
            emits = " ".join(map(self.emit, names))
        texts = [f"control dprs(packet_out pkt, in headers_t hdr) {{\n{self.emitters}apply {{ {emits} }} }}"]
        for kind in sorted(self.emitting):
            leave = self.rng.choice(["return;", "exit;"])
            head = f"control emit_{kind}(packet_out pkt, in {kind} h, in bool b)"
            texts.insert(0, f"{head} {{ apply {{ if (b) {{ pkt.emit(h); {leave} }} }} }}")
        return "\n".join(texts)

    emitters = ""
    """Declarations of the deparser."""

    def emit(self, name: str) -> str:
        """A statement that emits something, perhaps under a condition, or one element after the other."""
        text, make = f"pkt.emit(hdr.{name});", self.make
        if self.stack is not None and name == self.stack[0] and self.rng.random() < 0.4:
            if self.rng.random() < 0.4:
                return f"for (e_t e in hdr.{name}) {{ pkt.emit(e); }}"
            return f"for (bit<8> i in 0 .. {self.stack[2] - 1}) {{ pkt.emit(hdr.{name}[i]); }}"
        if self.rng.random() < 0.8:
            return text
        headers = [f"hdr.{item}" for item in self.headers]
        make.scope = Scope(variables=self.field_variables(), headers=headers)
        self.see_constants()
        choice = self.rng.randrange(8)
        if choice == 0:
            return f"if ({make.condition(1)}) {{ {self.rng.choice(['return;', 'exit;'])} }} {text}"
        if choice == 1:
            return f"for (bit<8> i = 0; i < ({make.expression(bit(8), 1)} & 3); i = i + 1) {{ {text} }}"
        kind = self.headers.get(name)
        if choice == 2 and kind is not None:
            own = self.make.name("emit")
            self.emitters += f"action {own}(in {kind} h, in bool b) {{ if (b) {{ pkt.emit(h); }} }}\n"
            return f"{own}(hdr.{name}, {make.condition(1)});"
        if choice == 3 and kind is not None:
            own = self.make.name("emit")
            self.emitters += f"emit_{kind}() {own};\n"
            self.emitting.add(kind)
            return f"{own}.apply(pkt, hdr.{name}, {make.condition(1)});"
        if choice == 4:
            number = make.expression(bit(8), 1)
            return f"switch ({number} & 1) {{ 0: {{ {text} }} default: {{ }} }}"
        return f"if ({make.condition(1)}) {{ {text} }}"
