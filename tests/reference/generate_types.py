# SPDX-License-Identifier: Apache-2.0
"""Random types, headers, metadata and constants."""

from __future__ import annotations

from collections.abc import Sequence

from .generate_expressions import BOOL, Function, Named, Scope, Type, Variable, bit
from .generate_parts import Parts

Fields = tuple[tuple[str, Type], ...]


class TypeParts(Parts):
    """Makes the declarations that the other parts of a program use."""

    types: dict[str, Fields]
    """Fields of header types."""
    headers: dict[str, str]
    """Types of headers by their place in the struct of headers; of unions their members."""
    stack: tuple[str, str, int] | None = None
    """Name, type and size."""
    stack_in_metadata = 0
    """Elements of a stack of the same type in the metadata."""
    union: list[str]
    """Members of the union, and of those in the stack of unions."""
    unions = 0
    """Elements of the stack of unions."""
    varbit = 0
    metadata: Fields

    # ---- Types with names

    def named_types(self) -> str:
        """Enums with and without representation, and a new type."""
        make, lines = self.make, []
        if self.rng.random() < 0.3:
            members = "ABCDE"[: self.rng.randrange(1, 6)]
            self._name("en_t", Named(tuple(members), None), 32)
            lines.append(f"enum en_t {{ {', '.join(members)} }}")
        if self.rng.random() < 0.3:
            under = bit(self.rng.choice([2, 4, 7, 8, 16, 32, 48]))
            members = "PQRS"[: self.rng.randrange(1, 4)]
            numbers = self.rng.sample(range(min(1 << under.width, 300)), len(members))
            values = ", ".join(f"{name} = {number}" for name, number in zip(members, numbers, strict=True))
            self._name("se_t", Named(tuple(members), under), under.width)
            lines.append(f"enum {under} se_t {{ {values} }}")
        if self.rng.random() < 0.2:
            under = bit(make.width())
            self._name("new_t", Named((), under), under.width)
            lines.append(f"type {under} new_t;")
        if self.rng.random() < 0.02:
            lines.append("match_kind { own }")
        return "\n".join(lines)

    def _name(self, name: str, named: Named, width: int) -> None:
        self.make.named[name] = named
        self.make.named_types.append(Type(name, width))

    # ---- Headers

    def header_fields(self, size: int, flat: bool = False) -> Fields:
        """Fields that fill `size` bytes; if not `flat`, a struct may be among them."""
        left, fields = 8 * size, []
        named = [item for item in self.make.named_types if self.make.named[item.kind].under is not None]
        while left:
            width = min(left, self.make.width())
            if left - width < 4 and self.rng.random() < 0.5:
                width = min(left, 128)
            type_ = Type(self.rng.choice(["bit", "bit", "bit", "int"]), width)
            if width == 1 and self.rng.random() < 0.3:
                type_ = BOOL
            fitting = [item for item in named if item.width <= left]
            if fitting and self.rng.random() < 0.1:
                type_ = self.rng.choice(fitting)
            if not flat and left >= 16 and self.rng.random() < 0.04:
                type_ = Type("k_t", 0)
            fields.append((f"f{len(fields)}", type_))
            left -= type_.width or 16
        return tuple(fields)

    def header_types(self) -> str:
        """Header types, and the struct of headers; some headers have the same type."""
        self.make.records["k_t"] = (("k0", bit(5)), ("k1", bit(11)))
        lines = ["struct k_t { bit<5> k0; bit<11> k1; }"]
        for number in range(self.rng.randrange(2, 5)):
            name = f"h{number}_t"
            fields = self.header_fields(self.rng.choice([1, 2, 3, 4, 5, 8, 12, 17, 20]))
            self.types[name] = fields
            lines.append(record("header", name, fields))
        names = list(self.types)
        members = []
        for number in range(self.rng.randrange(2, 5)):
            type_ = names[number] if number < len(names) else self.rng.choice(names)
            self.headers[f"h{number}"] = type_
            members.append(f"{type_} h{number};")
        members += self._union(lines, names)
        if self.rng.random() < 0.4:
            fields = (("last", bit(1)), *self.header_fields(self.rng.choice([1, 2, 4]), flat=True))
            self.types["e_t"] = _pad(fields)
            self.stack = ("st", "e_t", self.rng.choice([1, 2, 3, 4]))
            lines.append(record("header", "e_t", self.types["e_t"]))
            members.append(f"e_t[{self.stack[2]}] st;")
        if self.rng.random() < 0.25:
            self.varbit = self.rng.choice([8, 24, 64, 320])
            lines.append(f"header v_t {{ bit<8> n; varbit<{self.varbit}> data; bit<8> end; }}")
            members.append("v_t v; v_t v2;")
        lines.append(f"struct headers_t {{ {' '.join(members)} }}")
        self.make.header_kinds = set(self.types)
        self.make.records |= self.types
        return "\n".join(lines)

    def _union(self, lines: list[str], names: Sequence[str]) -> list[str]:
        """A header union, and a stack of it."""
        if self.rng.random() < 0.7:
            return []
        letters = "abc"[: self.rng.randrange(2, 4)]
        chosen = {letter: self.rng.choice(names) for letter in letters}
        inner = " ".join(f"{type_} {letter};" for letter, type_ in chosen.items())
        lines.append(f"header_union u_t {{ {inner} }}")
        places, members = ["u"], ["u_t u;"]
        if self.rng.random() < 0.4:
            self.unions = 2
            places += ["us[0]", "us[1]"]
            members.append("u_t[2] us;")
        for place in places:
            for letter, type_ in chosen.items():
                self.union.append(f"{place}.{letter}")
                self.headers[f"{place}.{letter}"] = type_
        return members

    # ---- Metadata

    def metadata_types(self) -> str:
        """Metadata with structs, a tuple and a stack inside."""
        make, lines = self.make, []
        make.records["s_t"] = tuple((f"s{n}", make.type()) for n in range(self.rng.randrange(1, 4)))
        lines.append(record("struct", "s_t", make.records["s_t"]))
        fields = [(f"m{n}", make.type()) for n in range(self.rng.randrange(3, 7))]
        fields += [("w", bit(32)), ("flag", BOOL), ("a", Type("s_t", 0)), ("b", Type("s_t", 0))]
        if self.rng.random() < 0.2:
            types = [make.type() for _ in range(self.rng.randrange(1, 4))]
            kind = f"tuple<{', '.join(map(str, types))}>"
            make.records[kind] = tuple((f"[{n}]", item) for n, item in enumerate(types))
            fields.append(("t", Type(kind, 0)))
        if self.rng.random() < 0.2:
            make.records["n_t"] = (("i", Type("s_t", 0)), ("x", make.type()))
            lines.append(record("struct", "n_t", make.records["n_t"]))
            fields.append(("n", Type("n_t", 0)))
        if self.rng.random() < 0.2:
            type_ = Type("s_t", 0) if self.rng.random() < 0.3 else make.type()
            kind = f"g_t<{type_}>"
            make.records[kind] = (("x", type_), ("y", bit(8)))
            lines.append("struct g_t<T> { T x; bit<8> y; }")
            fields += [("g", Type(kind, 0)), ("g2", Type(kind, 0))]
        self.metadata = tuple(fields)
        text = record("struct", "metadata_t", self.metadata)
        if self.stack is not None and self.rng.random() < 0.3:
            self.stack_in_metadata = self.rng.randrange(1, 4)
            text = text[:-1] + f"e_t[{self.stack_in_metadata}] ms; }}"
        return "\n".join([*lines, text])

    def constant_declarations(self) -> str:
        """Constants at the top level, of scalar and of other types."""
        make, lines = self.make, []
        for number in range(self.rng.randrange(3) if self.rng.random() < 0.3 else 0):
            make.scope = Scope(calls=False)
            self.see_constants()
            type_, name = self.parameter_type(), f"C{number}"
            if type_.kind in make.header_kinds:
                continue
            value = self.initial(type_) if not type_.width else make.expression(type_, 2)
            lines.append(f"const {type_} {name} = {value};")
            self.constants.append((name, type_))
        if self.rng.random() < 0.1:
            width = make.width()
            lines.append(f"const int BIG = (1 << {self.rng.randrange(200)}) + {self.rng.randrange(9)};")
            lines.append(f"const bit<{width}> C9 = (bit<{width}>) (BIG / 3 + BIG % 7);")
            self.constants.append(("C9", bit(width)))
        return "\n".join(lines)

    def typedefs(self, text: str) -> str:
        """A program in which some types are called by another name."""
        if self.rng.random() < 0.8:
            return text
        type_ = str(bit(self.rng.choice([1, 8, 16, 32])))
        parts = text.split(type_)
        result = parts[0]
        for part in parts[1:]:
            # Not of an enum's representation or a new type, nor as the end of `varbit`.
            plain = not result.endswith(("enum ", "type ", "var"))
            result += ("td_t" if plain and self.rng.random() < 0.7 else type_) + part
        return f"typedef {type_} td_t;\n{result}"

    # ---- What there is

    def field_variables(self) -> list[Variable]:
        """Fields of all headers."""
        found = []
        for name, type_ in self.headers.items():
            found += self.make.leaves_of(f"hdr.{name}", Type(type_, 0), True, f"hdr.{name}")
        return found

    def open_scope(self, functions: Sequence[Function]) -> None:
        """What a parser or control may use."""
        make = self.make
        make.scope = Scope(functions=list(functions))
        self.see_constants()
        for name, type_ in self.metadata:
            if type_.width:
                make.scope.variables.append(Variable(f"meta.{name}", type_))
            else:
                make.declare(f"meta.{name}", type_, True)
        for name, kind in self.headers.items():
            make.declare(f"hdr.{name}", Type(kind, 0), True)
        # Without the first header there would be fewer fields to read.
        make.scope.compounds = [item for item in make.scope.compounds if item.text != "hdr.h0"]
        if not self.old:
            make.scope.variables.append(Variable("std.packet_length", bit(32), writable=False))

    old: bool
    """Whether the program is for the model without standard metadata."""


def record(kind: str, name: str, fields: Fields) -> str:
    """A declaration."""
    return f"{kind} {name} {{ {' '.join(f'{type_} {item};' for item, type_ in fields)} }}"


def _pad(fields: Fields) -> Fields:
    """Fields and what is missing to a whole number of bytes."""
    missing = -sum(type_.width for _, type_ in fields) % 8
    return (*fields, ("pad", bit(missing))) if missing else fields
