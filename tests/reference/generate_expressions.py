# SPDX-License-Identifier: Apache-2.0
"""Random well-typed expressions in P4."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

WIDTHS = (1, 2, 3, 5, 7, 8, 9, 12, 16, 17, 24, 31, 32, 33, 48, 57, 63, 64, 65, 72, 96, 100, 127, 128)


@dataclass(frozen=True)
class Type:
    """`bit`, `int` or `bool`; or what `kind` names: a `Named`, or a struct, header or tuple, of `width` 0."""

    kind: str
    width: int = 1

    @property
    def is_number(self) -> bool:
        """Whether there is arithmetic."""
        return self.kind in {"bit", "int"}

    def __str__(self) -> str:
        return f"{self.kind}<{self.width}>" if self.is_number else self.kind


@dataclass(frozen=True)
class Named:
    """An enum, or what is declared with `type`, which has no members; `under` is what it can be cast to."""

    members: tuple[str, ...]
    under: Type | None


BOOL = Type("bool")


def bit(width: int) -> Type:
    """`bit<width>`."""
    return Type("bit", width)


@dataclass(frozen=True)
class Variable:
    """Something to read, and perhaps to write; `header` is the header that must be valid for that."""

    text: str
    type: Type
    writable: bool = True
    header: str = ""


@dataclass(frozen=True)
class Compound:
    """A struct or header to read, and perhaps to write."""

    text: str
    type: Type
    writable: bool = True


@dataclass(frozen=True)
class Function:
    """A function, or what is called like one: parameters with their directions."""

    name: str
    params: tuple[tuple[str, Type], ...]
    result: Type | None
    defaults: tuple[str, ...] = ()
    """Values of the last parameters where the call gives none."""
    is_generic: bool = False

    @property
    def letter(self) -> str:
        """What names of parameters begin with: those of actions hide none of their control's."""
        return {"act": "a", "inn": "q"}.get(self.name[:3], "p")


@dataclass(frozen=True)
class Object:
    """An extern object: of an array the type of the index and the size, else the type of its data.

    The size of a checksum is the number of bits of which its data have a multiple.
    """

    kind: str
    name: str
    type: Type
    size: int = 0


@dataclass
class Scope:
    """What a piece of the program may use."""

    variables: list[Variable] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    """Headers whose validity may be asked."""
    registers: list[tuple[str, Type, Type, int]] = field(default_factory=list)
    """Name, element, index, size."""
    objects: list[Object] = field(default_factory=list)
    stacks: list[tuple[str, int, tuple[tuple[str, Type], ...]]] = field(default_factory=list)
    """Name, size, fields of the element."""
    compounds: list[Compound] = field(default_factory=list)
    valid: set[str] = field(default_factory=set)
    """Headers that are valid for sure."""
    calls: bool = True
    """Whether expressions may call what has effects."""


class Expressions:
    """Makes expressions in the scope that is open."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.scope = Scope()
        self.records: dict[str, tuple[tuple[str, Type], ...]] = {}
        """Fields of structs, headers and tuples; those of tuples are called `[0]` and so on."""
        self.header_kinds: set[str] = set()
        self.named: dict[str, Named] = {}
        self.named_types: list[Type] = []

    # ---- Choices

    def chance(self, probability: float) -> bool:
        """True with a probability."""
        return self.rng.random() < probability

    def width(self) -> int:
        """A width."""
        if self.chance(0.03):
            return self.rng.choice([136, 160, 191, 256])
        return self.rng.choice(WIDTHS) if self.chance(0.7) else self.rng.randrange(1, 129)

    def type(self) -> Type:
        """A type."""
        choice = self.rng.randrange(10)
        if choice == 0:
            return BOOL
        if choice == 1 and self.named_types and self.chance(0.6):
            return self.rng.choice(self.named_types)
        return Type("int", self.width()) if choice < 3 else bit(self.width())

    @contextmanager
    def knowing(self, header: str) -> Iterator[None]:
        """A part of the program where `header` is valid."""
        new = header not in self.scope.valid
        self.scope.valid.add(header)
        yield
        if new:
            self.scope.valid.discard(header)

    # ---- Atoms

    def literal(self, type_: Type) -> str:
        """A constant."""
        if type_.kind == "bool":
            return self.rng.choice(["true", "false"])
        named = self.named.get(type_.kind)
        if named is not None:
            if named.members and (named.under is None or self.chance(0.8)):
                return f"{type_.kind}.{self.rng.choice(named.members)}"
            assert named.under is not None
            return f"(({type_.kind}) {self.literal(named.under)})"
        width = type_.width
        full = (1 << width) - 1
        extremes = [0, 1, full, full >> 1, 1 << (width - 1)]
        value = self.rng.choice([*extremes, self.rng.getrandbits(width), self.rng.randrange(9) & full])
        if type_.kind == "int":
            value &= full >> 1
            return f"(-{width}s{value})" if self.chance(0.4) else f"{width}s{value}"
        form = self.rng.choice(["{0}w{1}", "{0}w{1:#x}"])
        return form.format(width, value)

    def read(self, variable: Variable) -> str:
        """A variable, mostly only where its header is valid."""
        known = not variable.header or variable.header in self.scope.valid
        if known or self.chance(0.03):
            return variable.text
        return f"({variable.header}.isValid() ? {variable.text} : {self.literal(variable.type)})"

    def atom(self, type_: Type) -> str:
        """A constant or a variable, converted where needed."""
        variables = self.scope.variables
        if not variables or self.chance(0.2):
            return self.literal(type_)
        same = [item for item in variables if item.type == type_]
        if same and self.chance(0.6):
            return self.read(self.rng.choice(same))
        if self.scope.stacks and self.chance(0.1):
            return self.element(type_)
        return self.convert(self.rng.choice(variables), type_)

    def convert(self, variable: Variable, type_: Type) -> str:
        """A variable of any type as one of `type_`."""
        return self.cast(self.read(variable), variable.type, type_)

    def cast(self, text: str, have: Type, want: Type) -> str:
        """Casts from one type to another, one step at a time as the language wants it."""
        if have == want:
            return text
        if have.kind in self.named:
            under = self.named[have.kind].under
            if under is None:
                text, have = f"({text} {self.rng.choice(['==', '!='])} {self.literal(have)})", BOOL
            else:
                text, have = f"(({under}) {text})", under
            return self.cast(text, have, want)
        if want.kind in self.named:
            under = self.named[want.kind].under
            if under is None:
                return f"({self.cast(text, have, BOOL)} ? {self.literal(want)} : {self.literal(want)})"
            return f"(({want}) {self.cast(text, have, under)})"
        if want == BOOL:
            return f"({text} {self.rng.choice(['==', '!='])} {self.literal(have)})"
        if have == BOOL:
            text, have = f"((bit<1>) {text})", bit(1)
        if have.width > want.width and self.chance(0.5):
            low = self.rng.randrange(have.width - want.width + 1)
            text, have = f"{text}[{low + want.width - 1}:{low}]", bit(want.width)
        if have.kind != want.kind and self.chance(0.5):
            text, have = f"(({want.kind}<{have.width}>) {text})", Type(want.kind, have.width)
        if have.width != want.width:
            text, have = f"(({have.kind}<{want.width}>) {text})", Type(have.kind, want.width)
        if have.kind != want.kind:
            text = f"(({want}) {text})"
        return text

    def element(self, type_: Type) -> str:
        """A field of an element of a stack, at an index that is known or is not."""
        name, size, fields = self.rng.choice(self.scope.stacks)
        item, have = self.rng.choice(fields)
        index = str(self.rng.randrange(size))
        if size > 1 and self.chance(0.5):
            mask = 1 if size < 4 else 3
            index = f"({self.atom(bit(8))} & {mask})"
            if size not in (2, 4) and not self.chance(0.2):
                index = f"({self.atom(bit(8))} % {size})"
        return self.cast(f"{name}[{index}].{item}", have, type_)

    # ---- Expressions

    def expression(self, type_: Type, depth: int) -> str:
        """An expression of a type."""
        if type_.kind == "bool":
            return self.condition(depth)
        if not type_.width:
            return self.compound(type_, depth)
        if depth <= 0:
            return self.atom(type_)
        choice = self.rng.randrange(20)
        if type_.kind in self.named:
            choice = self.rng.choice([11, 14, 16, 17])
        if choice < 8:
            return self.arithmetic(type_, depth)
        if choice < 10:
            return self.shift(type_, depth)
        if choice == 10:
            op = self.rng.choice(["~", "-", "+"])
            return f"({op}{self.expression(type_, depth - 1)})"
        if choice == 11:
            then, other = self.expression(type_, depth - 1), self.expression(type_, depth - 1)
            return f"({self.condition(depth - 1)} ? {then} : {other})"
        if choice == 12 and type_.width > 1:
            return self.concatenation(type_, depth)
        if choice == 13:
            return self.slice(type_, depth)
        if choice == 14:
            other_type = Type(self.rng.choice(["bit", "int"]), max(2, self.width()))
            return self.cast(self.expression(other_type, depth - 1), other_type, type_)
        if choice == 15 and type_.kind == "bit":
            return self.division(type_, depth)
        if choice == 16 and self.scope.calls:
            return self.call(type_, depth)
        if choice == 18 and type_.kind == "bit" and self.chance(0.3):
            nothing = f"((bit<0>) {self.atom(bit(self.width()))})"
            parts = [self.expression(type_, depth - 1), nothing]
            self.rng.shuffle(parts)
            return f"({' ++ '.join(parts)})"
        return self.atom(type_)

    def compound(self, type_: Type, depth: int, known: bool = True) -> str:
        """A struct or header: one that is there, or fields in braces; `known`: the place tells its type."""
        same = [item for item in self.scope.compounds if item.type == type_]
        if same and self.chance(0.7):
            return self.rng.choice(same).text
        if self.scope.calls and self.chance(0.5):
            makers = [item for item in self.scope.functions if item.result == type_]
            text = self.invocation(self.rng.choice(makers), depth) if makers else None
            if text is not None:
                return text
        if type_.kind in self.header_kinds and self.chance(0.05):
            return "{#}"
        values = [(name, self.expression(item, depth - 2)) for name, item in self.records[type_.kind]]
        rest = []
        if len(values) > 1 and self.chance(0.1):
            count = self.rng.randrange(1, len(values))
            values, rest = (values[:count], ["..."]) if known else (values, [])
        if type_.kind.startswith("tuple") or self.chance(0.5):
            return f"{{ {', '.join([value for _, value in values] + rest)} }}"
        self.rng.shuffle(values)
        return f"{{ {', '.join([f'{name} = {value}' for name, value in values] + rest)} }}"

    def arithmetic(self, type_: Type, depth: int) -> str:
        """A binary operator on one type."""
        ops = ["+", "-", "&", "|", "^", "|+|", "|-|"]
        if type_.width <= 64 or self.chance(0.2):
            ops.append("*")
        op = self.rng.choice(ops)
        left = self.expression(type_, depth - 1)
        if self.chance(0.15) and type_.width > 4 and not left.lstrip("(").startswith("-"):
            return f"({left} {op} {self.rng.randrange(8)})"
        return f"({left} {op} {self.expression(type_, depth - 1)})"

    def shift(self, type_: Type, depth: int) -> str:
        """`<<` or `>>` by what is known or is not."""
        op = self.rng.choice(["<<", ">>"])
        left = self.expression(type_, depth - 1)
        if self.chance(0.5):
            return f"({left} {op} {self.rng.randrange(type_.width + 2)})"
        amount = bit(self.rng.choice([1, 3, 5, 7, 8, 8, 16, 32, 64, 100]))
        return f"({left} {op} {self.expression(amount, depth - 2)})"

    def division(self, type_: Type, depth: int) -> str:
        """`/` or `%` by a constant, at times by what is known only at run time."""
        unknown = [item for item in self.scope.variables if item.writable]
        if unknown and self.chance(0.15 if type_.width <= 64 else 0.05):
            left = self.expression(type_, depth - 1)
            right = self.convert(self.rng.choice(unknown), type_)
            return f"({left} {self.rng.choice('/%')} {right})"
        limit = (1 << type_.width) - 1
        divisor = self.rng.choice([1, 2, 3, 7, 10, 16, 255, 1000, limit, self.rng.getrandbits(type_.width)])
        divisor = max(1, min(divisor, limit))
        if type_.width > 64:
            divisor = 1 << self.rng.randrange(type_.width)
        left = self.expression(type_, depth - 1)
        return f"({left} {self.rng.choice('/%')} {type_.width}w{divisor})"

    def concatenation(self, type_: Type, depth: int) -> str:
        """`++`."""
        right = self.rng.randrange(1, type_.width)
        kinds = Type(type_.kind, type_.width - right), Type(type_.kind, right)
        if type_.kind == "int" and min(right, type_.width - right) < 2:
            return self.atom(type_)
        return f"({self.expression(kinds[0], depth - 1)} ++ {self.expression(kinds[1], depth - 1)})"

    def slice(self, type_: Type, depth: int) -> str:
        """A slice of something wider."""
        wide = Type(self.rng.choice(["bit", "bit", "int"]), max(2, type_.width + self.rng.randrange(40)))
        low = self.rng.randrange(wide.width - type_.width + 1)
        bounds = f"{low + type_.width - 1}:{low}"
        if self.chance(0.2):
            bounds = f"{low}+:{type_.width}"
        text = f"({self.expression(wide, depth - 1)})[{bounds}]"
        return self.cast(text, bit(type_.width), type_)

    def condition(self, depth: int) -> str:
        """A bool."""
        choice = self.rng.randrange(10)
        if choice == 0 and self.scope.headers:
            return f"{self.rng.choice(self.scope.headers)}.isValid()"
        if depth <= 0 and choice < 5:
            return self.atom(BOOL)
        if depth > 0 and choice < 3:
            op = self.rng.choice(["&&", "||"])
            return f"({self.condition(depth - 1)} {op} {self.condition(depth - 1)})"
        if depth > 0 and choice == 3:
            return f"(!{self.condition(depth - 1)})"
        if self.scope.compounds and self.chance(0.06):
            first = self.rng.choice(self.scope.compounds)
            # The operands of a comparison with a list in braces are tuples, and of one length.
            known = not first.type.kind.startswith("tuple")
            return f"({first.text} {self.rng.choice(['==', '!='])} {self.compound(first.type, depth, known)})"
        if depth > 0 and choice == 4:
            types = [self.type() for _ in range(self.rng.randrange(2, 4))]
            left = ", ".join(self.expression(item, depth - 1) for item in types)
            right = ", ".join(self.expression(item, depth - 1) for item in types)
            return f"({{{left}}} {self.rng.choice(['==', '!='])} {{{right}}})"
        type_ = self.type()
        if not type_.is_number:
            op = self.rng.choice(["==", "!="])
        else:
            op = self.rng.choice(["==", "!=", "<", "<=", ">", ">="])
        return f"({self.expression(type_, depth - 1)} {op} {self.expression(type_, depth - 1)})"

    # ---- Calls

    def call(self, type_: Type, depth: int) -> str:
        """A call with a result, converted."""
        if self.chance(0.2):
            two = f"csum_replace2({self.arguments((bit(16),) * 3, depth)})"
            four = f"csum_replace4({self.arguments((bit(16), bit(32), bit(32)), depth)})"
            length = f"((bit<16>) (({type_}) {self.literal(type_)}).minSizeInBits())"
            choices = [two, four, length] if type_.is_number else [two, four]
            return self.cast(self.rng.choice(choices), bit(16), type_)
        if self.scope.registers and self.chance(0.4):
            name, element, index, size = self.rng.choice(self.scope.registers)
            if element.width:
                place = f"({self.expression(index, depth - 2)} % {index.width}w{size})"
                return self.cast(f"{name}.read({place})", element, type_)
        usable = [item for item in self.scope.functions if item.result is not None and item.result.width]
        if not usable:
            return self.atom(type_)
        function = self.rng.choice(usable)
        text = self.invocation(function, depth)
        if text is None or function.result is None:
            return self.atom(type_)
        return self.cast(text, function.result, type_)

    def arguments(self, types: tuple[Type, ...], depth: int) -> str:
        """Arguments for `in` parameters."""
        return ", ".join(self.expression(item, depth - 2) for item in types)

    def invocation(self, function: Function, depth: int) -> str | None:
        """A call with arguments; None when there are no l-values for them."""
        args = []
        for direction, type_ in function.params:
            if direction in {"", "in"}:
                args.append(self.expression(type_, depth - 2))
                continue
            target = self.target(type_)
            if direction == "out" and not function.is_generic and self.chance(0.1):
                target = "_"
            if target is None:
                return None
            args.append(target)
        if function.defaults and self.chance(0.5):
            del args[len(args) - self.rng.randrange(1, len(function.defaults) + 1) :]
        if args and not function.is_generic and self.chance(0.15):
            args = [f"{function.letter}{n} = {text}" for n, text in enumerate(args)]
            self.rng.shuffle(args)
        return f"{function.name}({', '.join(args)})"

    def target(self, type_: Type) -> str | None:
        """An l-value of exactly this type; None when there is none."""
        if not type_.width:
            places = [item.text for item in self.scope.compounds if item.writable and item.type == type_]
            return self.rng.choice(places) if places else None
        writable = [item for item in self.scope.variables if item.writable and self._usable(item)]
        same = [item for item in writable if item.type == type_]
        if same and (type_.kind != "bit" or self.chance(0.8)):
            return self.rng.choice(same).text
        wider = [item for item in writable if item.type.is_number and item.type.width >= type_.width]
        if type_.kind != "bit" or not wider:
            return None
        chosen = self.rng.choice(wider)
        low = self.rng.randrange(chosen.type.width - type_.width + 1)
        return f"{chosen.text}[{low + type_.width - 1}:{low}]"

    def _usable(self, variable: Variable) -> bool:
        return not variable.header or variable.header in self.scope.valid or self.chance(0.02)
