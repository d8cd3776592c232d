# SPDX-License-Identifier: Apache-2.0
"""Random parsers."""

from __future__ import annotations

from collections.abc import Sequence

from .generate_expressions import Function, Scope, Type, Variable, bit
from .generate_types import TypeParts

ERRORS = ("error.BadLength", "error.NoMatch", "error.HeaderTooShort")


class ParserParts(TypeParts):
    """Makes the parser and one that it may call."""

    subparser = ""
    """The type of the header that the other parser extracts."""
    value_sets: list[str]
    """Declarations for the parser that is made."""
    set_types: list[str]
    """Declarations of structs for value sets, empty for sets of scalars."""

    def sub_parser(self, functions: Sequence[Function]) -> str:
        """A parser that extracts one header for another parser."""
        if self.rng.random() < 0.6:
            return ""
        type_ = self.rng.choice([self.headers[name] for name in self.headers])
        self.subparser = type_
        make = self.make
        make.scope = Scope(functions=list(functions))
        self.see_constants()
        make.declare("h", Type(type_, 0), False)
        make.scope.variables += [Variable("x", bit(32)), Variable("y", bit(7))]
        make.leaves, make.standard = [], False
        make.scope.valid.add("h")
        head = f"parser sub(packet_in pkt, out {type_} h, inout bit<32> x)"
        start = f"pkt.extract(h); {make.assignment()} {self.transition(['more'], 'h', type_)}"
        first = "\n".join([*self.value_sets, f"bit<7> y = 5;\nstate start {{ {start} }}"])
        self.value_sets = []
        return f"{head} {{\n{first}\nstate more {{ {make.assignment()} transition accept; }} }}"

    def parser(self, functions: Sequence[Function]) -> str:
        """States that lead forward only, but for loops."""
        names = [f"s{n}" for n in range(1, self.rng.randrange(2, 3 if self.small else 6))]
        counts = self.rng.random() < 0.1
        states = []
        for place, name in enumerate(["start", *names]):
            targets = [*names[place:], "accept"]
            if place == len(names) and (self.stack or counts):
                targets = ["loop" if self.stack else "count"]
            states.append(f"state {name} {{ " + "\n".join(self.state(place, functions, targets)) + " }")
        after = "count" if counts else "accept"
        if self.stack:
            states.append(
                "state loop { pkt.extract(hdr.st.next); meta.w = meta.w + 1;\n"
                f"transition select(hdr.st.last.last) {{ 1: {after}; default: loop; }} }}"
            )
        if counts:
            again = self.rng.randrange(1, 5)
            states.append(
                f"state count {{ turns = turns + 1; pkt.advance(8);\n"
                f"transition select(turns) {{ 0 .. {again}: count; default: accept; }} }}"
            )
            states.insert(0, "bit<8> turns = 0;")
        last = "" if self.old else ", inout standard_metadata std"
        head = f"parser prs(packet_in pkt, out headers_t hdr, inout metadata_t meta{last})"
        states[:0] = self.value_sets
        if self.subparser:
            states.insert(0, "sub() inner; sub() inner2;")
        return f"{head} {{\n" + "\n".join(states) + "\n}"

    def state(self, place: int, functions: Sequence[Function], targets: Sequence[str]) -> list[str]:
        """The statements of a state, which is the first at `place` 0."""
        make = self.make
        self.open_scope(functions)
        make.leaves, make.standard = [], False
        make.scope.variables.append(Variable("pkt.length()", bit(32), writable=False))
        lines, taken = [], ""
        if place == 0 or self.rng.random() < 0.8:
            taken = "h0" if place == 0 else self.rng.choice(list(self.headers))
            lines.append(f"pkt.extract(hdr.{self.extracted(taken)});")
            make.scope.valid |= {f"hdr.{taken}", "hdr.h0"}
        else:
            make.scope.valid.add("hdr.h0")
        if self.varbit and self.rng.random() < 0.5:
            lines.append("pkt.extract(hdr.v, ((bit<32>) pkt.lookahead<bit<8>>() & 7) << 3);")
        if self.subparser and self.rng.random() < 0.5:
            same = [item for item in self.headers if self.headers[item] == self.subparser]
            parser = self.rng.choice(["inner", "inner2"])
            lines.append(f"{parser}.apply(pkt, hdr.{self.rng.choice(same)}, meta.w);")
        lines += self.parser_statements()
        name = f"hdr.{taken}" if taken else ""
        lines.append(self.transition(targets, name, self.headers.get(taken, "")))
        return lines

    def extracted(self, name: str) -> str:
        """A header to extract to: of a stack of unions at times the next."""
        return name.replace("[0]", ".next") if self.rng.random() < 0.5 else name

    def parser_statements(self) -> list[str]:
        """Some of what may stand in a state."""
        make, lines = self.make, []
        for _ in range(self.rng.randrange(3)):
            choice = self.rng.randrange(8)
            if choice == 0:
                lines.append(f"verify({make.condition(1)} || true, {self.rng.choice(ERRORS)});")
            elif choice == 1:
                condition = f"!({make.condition(1)} && {make.condition(1)} && {make.condition(1)})"
                lines.append(f"verify({condition}, {self.rng.choice(ERRORS)});")
            elif choice == 2:
                type_ = Type(self.rng.choice(["bit", "int"]), make.width())
                target = make.target(type_)
                if target is not None:
                    lines.append(f"{target} = pkt.lookahead<{type_}>();")
            elif choice == 3:
                amount = self.rng.choice(["8", "16", f"((({make.expression(bit(32), 1)}) & 3) << 3)"])
                lines.append(f"pkt.advance({amount});")
            elif choice == 4:
                lines.append(f"if ({make.condition(1)}) {{ {make.assignment()} }}")
            elif choice == 5 and self.rng.random() < 0.4:
                lines.append(self.whole_header())
            else:
                lines.append(make.assignment())
        return lines

    def whole_header(self) -> str:
        """A header or struct that is looked at ahead, or a header that is passed over."""
        plain = [name for name in self.headers if name not in self.union]
        name = self.rng.choice(plain)
        kind = self.headers[name]
        choice = self.rng.randrange(3)
        if choice == 0:
            return f"pkt.extract<{kind}>(_);"
        if choice == 1 and name != "h0":
            self.make.scope.valid.add(f"hdr.{name}")
            return f"hdr.{name} = pkt.lookahead<{kind}>();"
        local = self.make.name("l")
        text = f"{kind} {local} = pkt.lookahead<{kind}>();"
        self.make.declare(local, Type(kind, 0), True)
        return text

    def transition(self, targets: Sequence[str], header: str, kind: str) -> str:
        """`transition` with or without `select`; `header`, of a type `kind`, was extracted in this state."""
        make = self.make
        if self.rng.random() < 0.2:
            return f"transition {targets[0]};"
        if header and self.rng.random() < 0.35:
            leaves = make.leaves_of(header, Type(kind, 0), False, header)
            chosen = self.rng.sample(leaves, min(len(leaves), self.rng.choice([1, 1, 2])))
            types, parts = [item.type for item in chosen], [item.text for item in chosen]
            otherwise = 0.2
        else:
            types = [make.type() for _ in range(self.rng.choice([1, 1, 2, 3]))]
            parts = [make.expression(item, 1) for item in types]
            otherwise = 0.97
        cases = []
        if self.rng.random() < 0.15:
            cases.append(f"{self.value_set(types)}: {self.rng.choice(targets)};")
        for _ in range(self.rng.randrange(1, 4)):
            sets = [self.keyset(item) for item in types]
            label = sets[0] if len(sets) == 1 else f"({', '.join(sets)})"
            cases.append(f"{label}: {self.rng.choice(targets)};")
        if self.rng.random() < otherwise:
            cases.append(f"{self.rng.choice(['default', '_'])}: {self.rng.choice(targets)};")
        elif self.rng.random() < 0.5:
            cases.append("default: reject;")
        return f"transition select({', '.join(parts)}) {{ " + "\n".join(cases) + " }"

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
        kinds += ["range"] if type_.is_number and type_.width <= 64 else []
        return f"@match({self.rng.choice(kinds)}) " if self.rng.random() < 0.6 else ""

    def keyset(self, type_: Type) -> str:
        """A label for one value."""
        make = self.make
        choice = self.rng.randrange(5)
        if choice == 0:
            return "_"
        if type_.kind == "bit" and choice in {1, 2}:
            return f"{make.literal(type_)} &&& {make.literal(type_)}"
        if type_.is_number and choice == 3:
            top = (1 << (type_.width - (type_.kind == "int"))) - 1
            low, high = sorted([self.rng.randrange(top + 1), self.rng.randrange(top + 1)])
            letter = "s" if type_.kind == "int" else "w"
            return f"{type_.width}{letter}{low} .. {type_.width}{letter}{high}"
        return make.literal(type_)
