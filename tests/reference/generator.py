# SPDX-License-Identifier: Apache-2.0
"""Random well-typed programs for the architecture `ubpf`; the same seed gives the same program."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .batch import includes
from .generate_expressions import BOOL, Compound, Function, Scope, Type, Variable, bit
from .generate_objects import make_statements
from .generate_parts import Parts, signature

Fields = tuple[tuple[str, Type], ...]
VARBIT_STATEMENTS = (
    "hdr.v2 = hdr.v;",
    "hdr.v.setInvalid();",
    "if (hdr.v == hdr.v2) { meta.w = meta.w + 1; }",
    "if (hdr.v.isValid()) { hdr.v.n = hdr.v.n + 1; hdr.v.end = hdr.v.n; }",
    "if (hdr.v.isValid() && hdr.v2.isValid()) { hdr.v2.data = hdr.v.data; }",
)
ERRORS = ("error.BadLength", "error.NoMatch", "error.HeaderTooShort")


def generate(seed: int) -> str:
    """The program of a seed."""
    return Program(random.Random(seed)).text()


class Program(Parts):
    """The parts of a program, made in the order in which they are declared."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(rng)
        self.small = rng.random() < 0.7
        """Most are: what is wrong shows in small programs, and there can be more of them."""
        self.externs = rng.random() < 0.5
        self.reasons = rng.random() < 0.15
        """Whether the pipeline sees what the parser rejects."""
        self.always = set() if self.reasons else {"hdr.h0"}
        """Headers that are valid in the pipeline at first."""
        self.make = make_statements(rng, self.externs)
        self.value_sets: list[str] = []
        """Declarations for the parser that is made."""
        self.types: dict[str, Fields] = {}
        self.headers: dict[str, str] = {}
        self.stack: tuple[str, str, int] | None = None
        self.union: list[str] = []
        self.varbit = 0
        self.subparser = ""
        self.structs: dict[str, Fields] = {}
        self.metadata: list[tuple[str, str]] = []
        self.variables: list[Variable] = []
        self.set_types: list[str] = []
        """Declarations of structs for value sets, empty for sets of scalars."""

    def text(self) -> str:
        """The whole program."""
        parts = [includes(self.externs, self.reasons).rstrip(), "error { BadLength }"]
        parts += [self.header_types(), self.metadata_types()]
        functions, texts = self.functions()
        parts += texts
        parts += [self.sub_parser(functions), self.parser(functions)]
        parts[2:2] = [text for text in self.set_types if text]
        inner, inner_text = self.inner_control(functions)
        parts += [inner_text, self.pipeline(functions, inner), self.deparser()]
        parts.append("ubpf(prs(), pipe(), dprs()) main;")
        return "\n".join(parts) + "\n"

    # ---- Types

    def header_fields(self, size: int) -> Fields:
        """Fields that fill `size` bytes."""
        left, fields = 8 * size, []
        while left:
            width = min(left, self.make.width())
            if left - width < 4 and self.rng.random() < 0.5:
                width = min(left, 128)
            kind = self.rng.choice(["bit", "bit", "bit", "int"])
            type_ = BOOL if width == 1 and self.rng.random() < 0.3 else Type(kind, width)
            if type_.kind == "int" and width < 2:
                type_ = bit(width)
            fields.append((f"f{len(fields)}", type_))
            left -= width
        return tuple(fields)

    def header_types(self) -> str:
        """Header types, and the struct of headers; some headers have the same type."""
        lines = []
        for number in range(self.rng.randrange(2, 5)):
            name = f"h{number}_t"
            fields = self.header_fields(self.rng.choice([1, 2, 3, 4, 5, 8, 12, 17, 20]))
            self.types[name] = fields
            lines.append(_record("header", name, fields))
        names = list(self.types)
        members = []
        for number in range(self.rng.randrange(2, 5)):
            type_ = names[number] if number < len(names) else self.rng.choice(names)
            self.headers[f"h{number}"] = type_
            members.append(f"{type_} h{number};")
        if self.rng.random() < 0.3:
            self.union = [f"u.{letter}" for letter in "abc"[: self.rng.randrange(2, 4)]]
            chosen = {name: self.rng.choice(names) for name in self.union}
            self.headers |= chosen
            inner = " ".join(f"{type_} {name[2:]};" for name, type_ in chosen.items())
            lines.append(f"header_union u_t {{ {inner} }}")
            members.append("u_t u;")
        if self.rng.random() < 0.4:
            self.types["e_t"] = (("last", bit(1)), *self.header_fields(self.rng.choice([1, 2, 4]))[:])
            self.types["e_t"] = _pad(self.types["e_t"])
            self.stack = ("st", "e_t", self.rng.choice([2, 3, 4]))
            lines.append(_record("header", "e_t", self.types["e_t"]))
            members.append(f"e_t[{self.stack[2]}] st;")
        if self.rng.random() < 0.25:
            self.varbit = self.rng.choice([8, 24, 64, 320])
            lines.append(f"header v_t {{ bit<8> n; varbit<{self.varbit}> data; bit<8> end; }}")
            members.append("v_t v; v_t v2;")
        lines.append(f"struct headers_t {{ {' '.join(members)} }}")
        return "\n".join(lines)

    def metadata_types(self) -> str:
        """Metadata with a struct inside."""
        self.structs["s_t"] = tuple((f"s{n}", self.make.type()) for n in range(self.rng.randrange(1, 4)))
        fields = [(f"m{n}", self.make.type()) for n in range(self.rng.randrange(3, 7))]
        fields += [("w", bit(32)), ("flag", BOOL)]
        self.make.records = {**self.types, **self.structs}
        self.metadata = [(name, str(type_)) for name, type_ in fields]
        self.variables = [Variable(f"meta.{name}", type_) for name, type_ in fields]
        for struct in ("a", "b"):
            self.variables += [Variable(f"meta.{struct}.{name}", kind) for name, kind in self.structs["s_t"]]
        text = " ".join(f"{type_} {name};" for name, type_ in self.metadata)
        return (
            _record("struct", "s_t", self.structs["s_t"]) + f"\nstruct metadata_t {{ {text} s_t a; s_t b; }}"
        )

    def field_variables(self) -> list[Variable]:
        """Fields of all headers."""
        return [
            Variable(f"hdr.{name}.{item}", kind, header=f"hdr.{name}")
            for name, type_ in self.headers.items()
            for item, kind in self.types[type_]
        ]

    def scope(self, functions: Sequence[Function]) -> Scope:
        """What a parser or control may use."""
        length = Variable("std.packet_length", bit(32), writable=False)
        return Scope(
            variables=[*self.variables, *self.field_variables(), length],
            functions=list(functions),
            headers=[f"hdr.{name}" for name in self.headers],
            compounds=[
                *(Compound(f"meta.{name}", Type("s_t", 0)) for name in "ab"),
                # Without the first header there would be fewer fields to read.
                *(
                    Compound(f"hdr.{name}", Type(type_, 0), name != "h0")
                    for name, type_ in self.headers.items()
                ),
            ],
        )

    # ---- Parser

    def sub_parser(self, functions: Sequence[Function]) -> str:
        """A parser that extracts one header for another parser."""
        if self.rng.random() < 0.6:
            return ""
        type_ = self.rng.choice([self.headers[name] for name in self.headers])
        self.subparser = type_
        make = self.make
        make.scope = Scope(functions=list(functions))
        make.declare("h", Type(type_, 0), False)
        make.scope.variables += [Variable("x", bit(32)), Variable("y", bit(7))]
        make.leaves, make.standard = [], False
        make.scope.valid.add("h")
        head = f"parser sub(packet_in pkt, out {type_} h, inout bit<32> x)"
        start = f"pkt.extract(h); {make.assignment()} {self.transition(['more'])}"
        first = "\n".join([*self.value_sets, f"bit<7> y = 5;\nstate start {{ {start} }}"])
        self.value_sets = []
        return f"{head} {{\n{first}\nstate more {{ {make.assignment()} transition accept; }} }}"

    def parser(self, functions: Sequence[Function]) -> str:
        """States that lead forward only, but for a loop over the stack."""
        make = self.make
        names = [f"s{n}" for n in range(1, self.rng.randrange(2, 3 if self.small else 6))]
        states = []
        extracted = list(self.headers)
        for place, name in enumerate(["start", *names]):
            make.scope = self.scope(functions)
            make.leaves, make.standard = [], False
            lines = []
            if place == 0 or self.rng.random() < 0.8:
                header = "h0" if place == 0 else self.rng.choice(extracted)
                lines.append(f"pkt.extract(hdr.{header});")
                make.scope.valid |= {f"hdr.{header}", "hdr.h0"}
            else:
                make.scope.valid.add("hdr.h0")
            if self.varbit and self.rng.random() < 0.5:
                lines.append("pkt.extract(hdr.v, ((bit<32>) pkt.lookahead<bit<8>>() & 7) << 3);")
            if self.subparser and self.rng.random() < 0.5:
                same = [item for item in self.headers if self.headers[item] == self.subparser]
                lines.append(f"inner.apply(pkt, hdr.{self.rng.choice(same)}, meta.w);")
            lines += self.parser_statements()
            targets = [*names[place:], "accept"]
            if self.stack and place == len(names):
                targets = ["loop"]
            lines.append(self.transition(targets))
            states.append(f"state {name} {{ " + "\n".join(lines) + " }")
        if self.stack:
            states.append(
                "state loop { pkt.extract(hdr.st.next); meta.w = meta.w + 1;\n"
                "transition select(hdr.st.last.last) { 1: accept; default: loop; } }"
            )
        head = (
            "parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta, inout standard_metadata std)"
        )
        states[:0] = self.value_sets
        if self.subparser:
            states.insert(0, "sub() inner;")
        return f"{head} {{\n" + "\n".join(states) + "\n}"

    def parser_statements(self) -> list[str]:
        """Some of what may stand in a state."""
        make, lines = self.make, []
        for _ in range(self.rng.randrange(3)):
            choice = self.rng.randrange(6)
            if choice == 0:
                lines.append(f"verify({make.condition(1)} || true, {self.rng.choice(ERRORS)});")
            elif choice == 1:
                condition = f"!({make.condition(1)} && {make.condition(1)} && {make.condition(1)})"
                lines.append(f"verify({condition}, {self.rng.choice(ERRORS)});")
            elif choice == 2:
                type_ = Type(self.rng.choice(["bit", "int"]), max(2, make.width()))
                target = make.target(type_)
                if target is not None:
                    lines.append(f"{target} = pkt.lookahead<{type_}>();")
            elif choice == 3:
                amount = self.rng.choice(["8", "16", f"((({make.expression(bit(32), 1)}) & 3) << 3)"])
                lines.append(f"pkt.advance({amount});")
            elif choice == 4:
                lines.append(f"if ({make.condition(1)}) {{ {make.assignment()} }}")
            else:
                lines.append(make.assignment())
        return lines

    def transition(self, targets: list[str]) -> str:
        """`transition` with or without `select`."""
        make = self.make
        if self.rng.random() < 0.2:
            return f"transition {targets[0]};"
        types = [make.type() for _ in range(self.rng.choice([1, 1, 2, 3]))]
        exprs = ", ".join(make.expression(item, 1) for item in types)
        cases = []
        if self.rng.random() < 0.15:
            cases.append(f"{self.value_set(types)}: {self.rng.choice(targets)};")
        for _ in range(self.rng.randrange(1, 4)):
            sets = [self.keyset(item) for item in types]
            label = sets[0] if len(sets) == 1 else f"({', '.join(sets)})"
            cases.append(f"{label}: {self.rng.choice(targets)};")
        if self.rng.random() < 0.97:
            cases.append(f"{self.rng.choice(['default', '_'])}: {self.rng.choice(targets)};")
        return f"transition select({exprs}) {{ " + "\n".join(cases) + " }"

    def value_set(self, types: Sequence[Type]) -> str:
        """The name of a new value set with members of these types."""
        name = f"set{len(self.set_types)}"
        notes = [self.match_note(item) for item in types]
        # A key may have one prefix.
        for number in [n for n, note in enumerate(notes) if "lpm" in note][1:]:
            notes[number] = ""
        if len(types) == 1 and self.rng.random() < 0.7:
            self.set_types.append("")
            self.value_sets.append(f"{notes[0]}value_set<{types[0]}>(4) {name};")
            return name
        noted = enumerate(zip(notes, types, strict=True))
        fields = " ".join(f"{note}{item} x{n};" for n, (note, item) in noted)
        self.set_types.append(f"struct {name}_t {{ {fields} }}")
        self.value_sets.append(f"value_set<{name}_t>(4) {name};")
        return name

    def match_note(self, type_: Type) -> str:
        """How a field of a value set is matched."""
        kinds = ["exact", "ternary", "optional"]
        kinds += ["lpm"] if type_.kind == "bit" else []
        kinds += ["range"] if type_.kind != "bool" and type_.width <= 64 else []
        return f"@match({self.rng.choice(kinds)}) " if self.rng.random() < 0.6 else ""

    def keyset(self, type_: Type) -> str:
        """A label for one value."""
        make = self.make
        choice = self.rng.randrange(5)
        if choice == 0:
            return "_"
        if type_.kind == "bit" and choice in {1, 2}:
            return f"{make.literal(type_)} &&& {make.literal(type_)}"
        if type_.kind != "bool" and choice == 3:
            top = (1 << (type_.width - (type_.kind == "int"))) - 1
            low, high = sorted([self.rng.randrange(top + 1), self.rng.randrange(top + 1)])
            letter = "s" if type_.kind == "int" else "w"
            return f"{type_.width}{letter}{low} .. {type_.width}{letter}{high}"
        return make.literal(type_)

    # ---- Controls

    def control(self, head: str, functions: Sequence[Function], inner: Function | None, local: str) -> str:
        """A control with what its parts need; `local` declares instances."""
        make = self.make
        registers, texts = self.registers()
        make.scope.registers = registers
        make.scope.objects, object_texts = make.objects()
        texts += object_texts
        locals_ = []
        for _ in range(self.rng.randrange(3)):
            type_, name = make.type(), make.name("c")
            locals_.append(f"{type_} {name} = {make.literal(type_)};")
            make.scope.variables.append(Variable(name, type_))
        make.leaves = ["exit;", "return;"] if self.rng.random() < 0.5 else ["return;"]
        make.tables, make.controls, self.bound = [], [], {}
        actions, action_texts = self.actions("act", functions)
        tables = []
        for number in range(self.rng.randrange(3)):
            direct, more, direct_texts, properties = self.direct(number, functions)
            labels, text = self.table(f"tab{number}", [*actions, *more], properties)
            tables += [*direct, *direct_texts, text]
            make.tables.append((f"tab{number}", labels))
        if inner is not None:
            make.controls = [inner, inner]
        make.scope.functions = [*functions, *actions]
        body = make.block(self.rng.randrange(3, 7) if self.small else self.rng.randrange(6, 13), 3)
        parts = [local, *texts, *locals_, *action_texts, *tables]
        return f"{head} {{\n" + "\n".join(part for part in parts if part) + f"\napply {body}\n}}"

    def inner_control(self, functions: Sequence[Function]) -> tuple[Function | None, str]:
        """A control that works on its parameters alone."""
        if self.rng.random() < 0.5:
            return None, ""
        directions = [self.rng.choice(["in", "inout", "out"]) for _ in range(self.rng.randrange(1, 5))]
        function = Function("inner", tuple((item, self.parameter_type()) for item in directions), None)
        make = self.make
        make.scope = Scope(functions=list(functions))
        self.enter(function)
        make.layouts, make.standard = {}, False
        head = f"control {signature(function).replace('inner', 'inner_c')}"
        text = self.control(head, functions, None, "")
        first = " ".join(self.first_values(function))
        text = text.replace("\napply {", f"\napply {{ {first}", 1)
        return Function("inner.apply", function.params, None), text

    def pipeline(self, functions: Sequence[Function], inner: Function | None) -> str:
        """The control that is the pipeline."""
        make = self.make
        make.scope = self.scope(functions)
        make.scope.valid = set(self.always)
        make.standard, make.reasons = True, self.reasons
        make.layouts = {f"hdr.{name}": self.types[type_] for name, type_ in self.headers.items()}
        make.kinds = {f"hdr.{name}": type_ for name, type_ in self.headers.items()}
        make.removable = {name for name in make.layouts if name != "hdr.h0"}
        if self.rng.random() < 0.3:
            make.layouts = {}
        if self.stack:
            name, type_, size = self.stack
            make.scope.stacks = [(f"hdr.{name}", size, self.types[type_])]
        make.extra = VARBIT_STATEMENTS if self.varbit else ()
        head = "control pipe(inout headers_t hdr, inout metadata_t meta, inout standard_metadata std)"
        return self.control(head, functions, inner, "inner_c() inner;" if inner else "")

    def deparser(self) -> str:
        """Headers in any order, some perhaps left out."""
        names = [name for name in self.headers if name not in self.union]
        names += ["v", "v2"] * bool(self.varbit)
        names += ["st"] * (self.stack is not None) + ["u"] * bool(self.union)
        if self.rng.random() < 0.4:
            self.rng.shuffle(names)
        if self.rng.random() < 0.1:
            names.pop()
        emits = " ".join(map(self.emit, names))
        return f"control dprs(packet_out pkt, in headers_t hdr) {{ apply {{ {emits} }} }}"

    def emit(self, name: str) -> str:
        """A statement that emits something, perhaps under a condition, or one element after the other."""
        text, make = f"pkt.emit(hdr.{name});", self.make
        if self.stack is not None and name == self.stack[0] and self.rng.random() < 0.3:
            return f"for (bit<8> i in 0 .. {self.stack[2] - 1}) {{ pkt.emit(hdr.{name}[i]); }}"
        if self.rng.random() < 0.85:
            return text
        make.scope = Scope(variables=self.field_variables(), headers=[f"hdr.{item}" for item in self.headers])
        return f"if ({make.condition(1)}) {{ {text} }}"


def _record(kind: str, name: str, fields: Fields) -> str:
    return f"{kind} {name} {{ {' '.join(f'{type_} {item};' for item, type_ in fields)} }}"


def _pad(fields: Fields) -> Fields:
    """Fields and what is missing to a whole number of bytes."""
    missing = -sum(type_.width for _, type_ in fields) % 8
    return (*fields, ("pad", bit(missing))) if missing else fields
