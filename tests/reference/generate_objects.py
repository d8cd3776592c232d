# SPDX-License-Identifier: Apache-2.0
"""Random objects of ubpf_externs.p4, and statements that use them."""

from __future__ import annotations

import random

from .generate_expressions import Object, Type, bit
from .generate_statements import Statements

ALGORITHMS = (
    "CRC16",
    "CRC32",
    "CRC32C",
    "XXHASH",
    "LOOKUP3",
    "ONES_COMPLEMENT16",
    "IDENTITY",
    "TARGET_DEFAULT",
)
CHECKSUMS = ("CRC16", "CRC32", "CRC32C", "ONES_COMPLEMENT16")
COLORS = ("GREEN", "YELLOW", "RED")
KINDS = ("Counter", "Meter", "Hash", "Checksum", "InternetChecksum", "Digest", "Random")
COUNTS = ("PACKETS", "BYTES", "PACKETS_AND_BYTES")


class ObjectStatements(Statements):
    """Makes statements that call methods of the scope's objects."""

    externs = False
    """Whether the program includes ubpf_externs.p4."""

    def objects(self) -> tuple[list[Object], list[str]]:
        """Objects of a control, and their declarations."""
        made, texts = [], []
        for number in range(self.rng.randrange(4) if self.externs else 0):
            kind = self.rng.choice(KINDS)
            name, size = f"obj{number}", self.rng.choice([1, 3, 4])
            type_ = bit(self.rng.choice([8, 16, 32, 64, 80]))
            text = "InternetChecksum()"
            if kind in {"Counter", "Meter"} and self.named_types and self.chance(0.2):
                type_ = self.rng.choice(self.named_types)
            if kind == "Counter":
                count = self.rng.choice(COUNTS)
                text = f"Counter<bit<64>, {type_}>({size}, PSA_CounterType_t.{count})"
            elif kind == "Meter":
                text = f"Meter<{type_}>({size}, PSA_MeterType_t.{self.rng.choice(COUNTS[:2])})"
            elif kind == "Hash":
                type_ = bit(self.width())
                text = f"Hash<{type_}>(PSA_HashAlgorithm_t.{self.rng.choice(ALGORITHMS)})"
            elif kind == "Checksum":
                type_ = bit(self.rng.choice([8, 16, 32, 48]))
                algorithm = self.rng.choice(CHECKSUMS)
                text = f"Checksum<{type_}>(PSA_HashAlgorithm_t.{algorithm})"
                size = 16 if algorithm == "ONES_COMPLEMENT16" else 8
            elif kind == "Random":
                type_ = bit(self.rng.choice([1, 8, 16, 32, 48, 64]))
                number = self.literal(type_)
                text = f"Random<{type_}>({number}, {number})"
            elif kind == "Digest":
                type_ = Type("s_t", 0) if self.chance(0.5) else self.type()
                text = f"Digest<{type_}>()"
            made.append(Object(kind, name, type_, size))
            texts.append(f"{text} {name};")
        return made, texts

    def statement(self, depth: int) -> str:
        """A statement."""
        if self.scope.objects and self.chance(0.2):
            return self.object_call(self.rng.choice(self.scope.objects))
        if self.externs and self.standard and self.chance(0.02):
            return f"if ({self.condition(1)}) {{ resubmit({self.expression(bit(8), 1)} & 127); }}"
        return super().statement(depth)

    def object_call(self, chosen: Object) -> str:
        """A call of a method."""
        name, type_ = chosen.name, chosen.type
        match chosen.kind:
            case "Counter":
                return f"{name}.count({self.index(chosen)});"
            case "Meter":
                given = self.rng.choice(["", *(f", PSA_MeterColor_t.{color}" for color in COLORS)])
                return self.colored(f"{name}.execute({self.index(chosen)}{given})")
            case "DirectCounter":
                return f"{name}.count();"
            case "DirectMeter":
                given = self.rng.choice(["", *(f"PSA_MeterColor_t.{color}" for color in COLORS)])
                return self.colored(f"{name}.execute({given})")
            case "Random":
                return self.assigned(f"{name}.read()", type_)
            case "Digest":
                return f"{name}.pack({self.expression(type_, 2)});"
            case "Hash":
                return self.assigned(self.hashed(name), type_)
            case "Checksum":
                method = self.rng.choice(["clear()", "update", "update", "update", "get"])
                if method == "get":
                    return self.assigned(f"{name}.get()", type_)
                return (
                    f"{name}.{method};"
                    if method == "clear()"
                    else f"{name}.update({self.data(chosen.size)});"
                )
        return self.internet_checksum(name)

    def internet_checksum(self, name: str) -> str:
        """A call of a method of InternetChecksum."""
        method = self.rng.choice(["clear", "add", "add", "subtract", "get", "get_state", "set_state"])
        if method in {"get", "get_state"}:
            return self.assigned(f"{name}.{method}()", bit(16))
        if method == "set_state":
            return f"{name}.set_state({self.expression(bit(16), 1)});"
        return f"{name}.clear();" if method == "clear" else f"{name}.{method}({self.data(16)});"

    def index(self, chosen: Object) -> str:
        """An index that is mostly inside."""
        index = self.expression(chosen.type, 1)
        if not chosen.type.is_number:
            return index
        if chosen.type.width > 64:
            return f"{index} & 3"
        return f"{index} % {chosen.type.width}w{chosen.size + self.rng.randrange(2)}"

    def colored(self, call: str) -> str:
        """A statement that depends on a color."""
        color = self.rng.choice(COLORS)
        return f"if ({call} == PSA_MeterColor_t.{color}) {{ {self.assignment()} }}"

    def assigned(self, text: str, have: Type) -> str:
        """A result put somewhere."""
        places = [item for item in self.scope.variables if item.writable and self._usable(item)]
        if not places:
            return ";"
        chosen = self.rng.choice(places)
        return f"{chosen.text} = {self.cast(text, have, chosen.type)};"

    def data(self, unit: int) -> str:
        """A list of values that have a multiple of `unit` bits in all."""
        types = [self.type() for _ in range(self.rng.randrange(1, 4))]
        missing = -sum(item.width for item in types) % unit
        types += [bit(missing)] if missing else []
        return f"{{ {', '.join(self.expression(item, 1) for item in types)} }}"

    def hashed(self, name: str) -> str:
        """A call of get_hash, with a base and an upper bound or not."""
        if self.chance(0.6):
            return f"{name}.get_hash({self.data(1)})"
        type_ = bit(self.rng.choice([8, 16, 32, 64]))
        limit = f"{type_.width}w{self.rng.choice([1, 2, 7, 16, 255])}"
        return f"{name}.get_hash({self.expression(type_, 1)}, {self.data(1)}, {limit})"


def make_statements(rng: random.Random, externs: bool) -> ObjectStatements:
    """A maker of statements for a program that includes ubpf_externs.p4 or not."""
    make = ObjectStatements(rng)
    make.externs = externs
    return make
