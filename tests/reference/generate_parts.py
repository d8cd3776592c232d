# SPDX-License-Identifier: Apache-2.0
"""Random functions, actions, tables and registers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from .generate_expressions import Function, Object, Scope, Type, Variable, bit
from .generate_objects import ALGORITHMS, COUNTS, ObjectStatements


class Parts:
    """Makes parts of a program; what is common to all of them is set by `Program`."""

    make: ObjectStatements
    small: bool
    externs: bool
    always: set[str]

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    constants: list[tuple[str, Type]]

    def see_constants(self) -> None:
        """The constants at the top level in the scope that is open."""
        for name, type_ in self.constants:
            if type_.width:
                self.make.scope.variables.append(Variable(name, type_, False))
            else:
                self.make.declare(name, type_, False)

    # ---- Functions

    def functions(self) -> tuple[list[Function], list[str]]:
        """Functions at the top level; each may call those before it."""
        made: list[Function] = []
        texts = []
        for number in range(self.rng.randrange(2 if self.small else 4)):
            result = self.make.type() if self.rng.random() < 0.8 else None
            directions = [self.rng.choice(["in", "in", "inout", "out"]) for _ in range(self.rng.randrange(4))]
            params = tuple((direction, self.parameter_type()) for direction in directions)
            defaults = []
            for direction, type_ in reversed(params):
                if direction != "in" or not type_.width or self.rng.random() < 0.8:
                    break
                defaults.insert(0, self.make.literal(type_))
            function = Function(f"fun{number}", params, result, tuple(defaults))
            texts.append(f"{result or 'void'} {signature(function)} {self.body(function, made)}")
            made.append(function)
        if self.rng.random() < 0.25:
            generic, text = self.generic_function()
            made += generic
            texts.append(text)
        return made, texts

    def generic_function(self) -> tuple[list[Function], str]:
        """A function of a type that calls choose, for two such types."""
        make = self.make
        make.scope = Scope(variables=[Variable("c", bit(8), False)])
        lines = [f"T t = {self.rng.choice('ab')}; bit<8> n = {make.expression(bit(8), 2)};"]
        make.scope.variables.append(Variable("n", bit(8)))
        lines += [
            f"if ({make.condition(1)}) {{ b = {self.rng.choice('at')}; }}",
            self.rng.choice(["", "if (a == b) { n = n + 1; }", "for (bit<8> i in 0 .. 2) { n += i; }"]),
            f"return {make.condition(1)} ? {self.rng.choice('abt')} : {self.rng.choice('abt')};",
        ]
        made = []
        for _ in range(2):
            type_ = self.parameter_type()
            name = self.rng.choice(["gen", "gen<_>", f"gen<{type_}>"]) if type_.width else f"gen<{type_}>"
            params = (("in", type_), ("inout", type_), ("in", bit(8)))
            made.append(Function(name, params, type_, is_generic=True))
        body = "\n".join(line for line in lines if line)
        return made, f"T gen<T>(in T a, inout T b, in bit<8> c) {{ {body} }}"

    def parameter_type(self) -> Type:
        """The type of a parameter with a direction: a struct or header at times."""
        if self.rng.random() < 0.2:
            return Type(self.rng.choice(list(self.make.records)), 0)
        return self.make.type()

    def enter(self, function: Function) -> None:
        """Parameters as variables of the scope that is open."""
        make = self.make
        for n, (direction, type_) in enumerate(function.params):
            name, writable = f"{function.letter}{n}", direction in {"inout", "out"}
            if type_.width:
                make.scope.variables.append(Variable(name, type_, writable))
            else:
                make.declare(name, type_, writable)

    def body(self, function: Function, callable_: Sequence[Function]) -> str:
        """The body of a function or action, all by itself."""
        make = self.make
        make.scope = Scope(functions=list(callable_))
        self.see_constants()
        make.leaves = []
        self.enter(function)
        lines = self.first_values(function)
        lines.append(make.block(self.rng.randrange(1, 4), 1))
        if function.result is not None:
            if self.rng.random() < 0.3:
                lines.append(f"if ({make.condition(1)}) {{ return {make.expression(function.result, 1)}; }}")
            lines.append(f"return {make.expression(function.result, 2)};")
        return "{ " + "\n".join(lines) + " }"

    def first_values(self, function: Function) -> list[str]:
        """`out` parameters have no value at first."""
        return [
            f"{function.letter}{n} = {self.initial(type_)};"
            for n, (direction, type_) in enumerate(function.params)
            if direction == "out"
        ]

    def initial(self, type_: Type) -> str:
        """Constants for all of a value."""
        if type_.width:
            return self.make.literal(type_)
        fields = self.make.records[type_.kind]
        return f"{{ {', '.join(self.initial(item) for _, item in fields)} }}"

    # ---- Controls

    def actions(self, prefix: str, callable_: Sequence[Function]) -> tuple[list[Function], list[str]]:
        """Actions of a control, in whose scope they are."""
        make = self.make
        made: list[Function] = []
        texts = []
        outer = make.scope
        for number in range(self.rng.randrange(1, 3) if self.small else self.rng.randrange(2, 5)):
            directions = [self.rng.choice(["in", "inout", "out"]) for _ in range(self.rng.randrange(3))]
            directions += [""] * self.rng.randrange(3)
            params = tuple((item, self.parameter_type() if item else make.type()) for item in directions)
            function = Function(f"{prefix}{number}", params, None)
            make.scope = replace(
                outer,
                variables=list(outer.variables),
                compounds=list(outer.compounds),
                headers=list(outer.headers),
                functions=[*callable_, *made],
                valid=set(self.always),
            )
            self.enter(function)
            lines = [*self.first_values(function), make.block(self.rng.randrange(1, 4), 1)]
            texts.append(f"action {signature(function)} {{ " + "\n".join(lines) + " }")
            made.append(function)
        make.scope = outer
        return made, texts

    def table(self, name: str, actions: Sequence[Function], properties: str) -> tuple[list[str], str]:
        """A table whose keys are exact but for one prefix, or of any match kind."""
        make = self.make
        kinds = ["exact"]
        if self.rng.random() < 0.4:
            kinds += ["ternary", "optional"]
        elements = [(make.type(), self.rng.choice(kinds)) for _ in range(self.rng.randrange(3))]
        if len(kinds) > 1 and self.rng.random() < 0.5:
            type_ = Type(self.rng.choice(["bit", "int"]), self.rng.choice([2, 7, 8, 16, 33, 64]))
            elements.append((type_, "range"))
        if self.rng.random() < 0.4:
            elements.append((bit(make.width()), "lpm"))
            self.rng.shuffle(elements)
        keys = [
            f'{make.expression(type_, 1)}: {kind} @name("k{n}");' for n, (type_, kind) in enumerate(elements)
        ]
        listed, names = [], []
        for action in self.rng.sample(list(actions), min(len(actions), self.rng.randrange(1, 4))):
            args = self.table_arguments(action)
            if args is not None:
                listed.append(f"{action.name}{args};")
                names.append(action)
        if elements and names and self.externs and not properties and self.rng.random() < 0.25:
            return self.table_with_profile(name, keys, listed, names)
        if elements and self.rng.random() < 0.1:
            more = ["support_timeout = true; "]
            if self.externs:
                member = self.rng.choice(["NO_TIMEOUT", "NOTIFY_CONTROL", "AUTO_DELETE"])
                more.append(f"psa_idle_timeout = PSA_IdleTimeout_t.{member}; ")
            properties += self.rng.choice(more)
        default = ""
        lines = f"key = {{ {' '.join(keys)} }} " if keys else ""
        if names and self.rng.random() < 0.6:
            chosen = self.rng.choice(names)
            values = [make.literal(type_) for direction, type_ in chosen.params if not direction]
            bound = self.bound[chosen.name]
            default = f"default_action = {chosen.name}({', '.join([*bound, *values])}); "
        else:
            listed.append("NoAction;")
            default = "default_action = NoAction(); "
        lines += f"actions = {{ {' '.join(listed)} }} {default}{properties}"
        lines += f"size = 16; {self.entries(elements, names)}"
        labels = [action.name for action in names] or ["NoAction"]
        return labels, f"table {name} {{ {lines} }}"

    def table_with_profile(
        self, name: str, keys: Sequence[str], listed: Sequence[str], names: Sequence[Function]
    ) -> tuple[list[str], str]:
        """A table with an action profile or selector of its own."""
        algorithm = f"PSA_HashAlgorithm_t.{self.rng.choice(ALGORITHMS)}"
        profile, keys, more = f"ActionProfile(8) ap_{name};", list(keys), ""
        plain = [item for item in names if all(direction for direction, _ in item.params)]
        if plain and self.rng.random() < 0.7:
            width = self.rng.choice([1, 4, 8, 14])
            profile = f"@max_group_size(9) ActionSelector({algorithm}, 8, {width}) ap_{name};"
            for number in range(self.rng.randrange(1, 4)):
                expr = self.make.expression(self.make.type(), 1)
                keys.insert(self.rng.randrange(len(keys) + 1), f'{expr}: selector @name("s{number}");')
            empty = self.rng.choice(plain)
            more = f"psa_empty_group_action = {empty.name}({', '.join(self.bound[empty.name])}); "
        lines = f"key = {{ {' '.join(keys)} }} actions = {{ {' '.join(listed)} @defaultonly NoAction; }} "
        lines += f"psa_implementation = ap_{name}; {more}size = 16;"
        labels = [action.name for action in names]
        text = f"{profile}\ntable {name} {{ {lines} }}"
        if self.rng.random() < 0.3:
            # Another table with the same members.
            self.make.tables.append((f"{name}_2", labels))
            text += f"\ntable {name}_2 {{ {lines} }}"
        return labels, text

    def direct(
        self, number: int, functions: Sequence[Function]
    ) -> tuple[list[str], list[Function], list[str], str]:
        """Direct counters and meters of a table: declarations, actions that use them, and properties."""
        make = self.make
        objects, declared, properties = [], [], ""
        if self.externs and self.rng.random() < 0.5:
            kind = self.rng.choice(COUNTS)
            objects.append(Object("DirectCounter", f"dir{number}", bit(1)))
            declared.append(f"DirectCounter<bit<64>>(PSA_CounterType_t.{kind}) dir{number};")
            properties += f"psa_direct_counter = dir{number}; "
        if self.externs and self.rng.random() < 0.2:
            objects.append(Object("DirectMeter", f"pol{number}", bit(1)))
            declared.append(f"DirectMeter(PSA_MeterType_t.BYTES) pol{number};")
            properties += f"psa_direct_meter = pol{number}; "
        if not objects:
            return [], [], [], ""
        outer = make.scope, make.tables, make.controls
        make.scope, make.tables, make.controls = replace(outer[0], objects=objects), [], []
        made, texts = self.actions(f"act{'xyz'[number]}", functions)
        make.scope, make.tables, make.controls = outer
        calls = " ".join(make.object_call(item) for item in objects)
        texts = [text[:-1] + f" {calls} }}" for text in texts]
        return declared, made, texts, properties

    def entries(self, elements: Sequence[tuple[Type, str]], names: Sequence[Function]) -> str:
        """Entries of a table, without two that are the same, which is an error without priorities."""
        if not names or not elements or self.rng.random() < 0.5:
            return ""
        if not {kind for _, kind in elements} & {"ternary", "optional", "range"}:
            return self.distinct_entries(elements, names)
        lines = []
        explicit = self.rng.random() < 0.5
        for number in range(self.rng.randrange(1, 5)):
            chosen = self.rng.choice(names)
            values = [self.make.literal(type_) for direction, type_ in chosen.params if not direction]
            given = explicit and (not number or self.rng.random() < 0.5)
            priority = f"priority = {self.rng.randrange(10, 20)}: " if given else ""
            keyset = ", ".join(self.asked(type_, kind) for type_, kind in elements)
            keyset = f"({keyset})" if len(elements) > 1 else keyset
            lines.append(f"{priority}{keyset}: {chosen.name}({', '.join(values)});")
        wins = self.rng.choice(["", "", "largest_priority_wins = false; "])
        const = self.rng.choice(["", "const "])
        silent = '@noWarn("duplicate_priorities") @noWarn("entries_out_of_priority_order") '
        return f"{wins}{silent}{const}entries = {{ {' '.join(lines)} }}"

    def distinct_entries(self, elements: Sequence[tuple[Type, str]], names: Sequence[Function]) -> str:
        """Entries whose first elements differ."""
        type_, kind = elements[0]
        if type_.kind != "bit" or kind != "exact":
            return ""
        numbers = self.rng.sample(range(min(1 << type_.width, 9)), min(1 << type_.width, 4))
        lines = []
        for number in numbers[: self.rng.randrange(1, 5)]:
            chosen = self.rng.choice(names)
            values = [self.make.literal(item) for direction, item in chosen.params if not direction]
            others = [self.asked(*element) for element in elements[1:]]
            keyset = ", ".join([f"{type_.width}w{number}", *others])
            lines.append(f"({keyset}): {chosen.name}({', '.join(values)});")
        return f"{self.rng.choice(['', 'const '])}entries = {{ {' '.join(lines)} }}"

    def asked(self, type_: Type, kind: str) -> str:
        """What an entry may ask of a key element."""
        value, width = self.make.literal(type_), type_.width
        if kind == "exact" or (type_.kind == "bool" and self.rng.random() < 0.6):
            return value
        if self.rng.random() < 0.3:
            return "_"
        if kind == "lpm":
            length = self.rng.randrange(width + 1)
            return f"{value} &&& {width}w{((1 << length) - 1) << (width - length)}"
        if kind == "ternary" and type_.kind == "bit":
            return f"{value} &&& {self.make.literal(type_)}"
        if kind == "range" and type_.kind == "bit":
            low, high = sorted(self.rng.getrandbits(width) for _ in range(2))
            return f"{width}w{low} .. {width}w{high}"
        if kind == "range":
            low, high = sorted(self.rng.getrandbits(width) - (1 << (width - 1)) for _ in range(2))
            return f"{low} .. {high}"
        return value

    bound: dict[str, list[str]]

    def table_arguments(self, action: Function) -> str | None:
        """Arguments for parameters with directions; None when there are no l-values."""
        args = []
        for direction, type_ in action.params:
            if direction == "in":
                args.append(self.make.expression(type_, 1))
            elif direction:
                target = self.make.target(type_)
                if target is None:
                    return None
                args.append(target)
        self.bound[action.name] = args
        return f"({', '.join(args)})" if args else ""

    def registers(self) -> tuple[list[tuple[str, Type, Type, int]], list[str]]:
        """Registers with what their indexes are."""
        made, texts = [], []
        for number in range(self.rng.randrange(3)):
            element, index = self.make.type(), bit(self.rng.choice([8, 16, 32]))
            if self.rng.random() < 0.2:
                element = Type("s_t", 0)
            size = self.rng.choice([1, 3, 4])
            made.append((f"reg{number}", element, index, size))
            initial = f", {self.initial(element)}" if self.rng.random() < 0.3 else ""
            texts.append(f"Register<{element}, {index}>({size}{initial}) reg{number};")
        return made, texts


def signature(function: Function) -> str:
    """The name and parameters."""
    letter = function.letter
    params = [
        f"{direction} {type_} {letter}{n}".strip() for n, (direction, type_) in enumerate(function.params)
    ]
    for n, value in enumerate(reversed(function.defaults), 1):
        params[-n] += f" = {value}"
    return f"{function.name}({', '.join(params)})"
