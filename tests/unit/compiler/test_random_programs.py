# SPDX-License-Identifier: Apache-2.0
"""Random programs, compiled and run, against an interpreter of the same statements in Python."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from p4_programs import load, source

from ubpf import Verdict

FIELDS = {
    "a": {"x": 16, "y": 3, "z": 5},
    "b": {"p": 8, "q": 48, "r": 8},
    "c": {"m": 12, "n": 100, "o": 8},
}
METADATA = {"u": 1, "v": 33, "w": 64, "k": 128}
HEADERS = (
    "".join(
        f"header {name}_t {{ {' '.join(f'bit<{width}> {item};' for item, width in items.items())} }}\n"
        for name, items in FIELDS.items()
    )
    + "struct headers_t { a_t a; b_t b; c_t c; }"
)
STATES = """
state start { pkt.extract(hdr.a); transition select(hdr.a.z[0:0]) { 1: b; 0: c; } }
state b { pkt.extract(hdr.b); transition c; }
state c { pkt.extract(hdr.c); transition accept; }
"""
ORDERS = [("a", "b", "c"), ("c", "b", "a"), ("b", "a", "c"), ("a", "c")]


@dataclass
class State:
    """Values of fields, by the name in P4, and the headers that are valid."""

    values: dict[str, int] = field(default_factory=dict)
    valid: set[str] = field(default_factory=set)


WIDTHS = {f"hdr.{h}.{f}": w for h, items in FIELDS.items() for f, w in items.items()}
WIDTHS |= {f"meta.{name}": width for name, width in METADATA.items()}


class Generator:
    """Makes P4 text and, beside it, a function that does the same to a State."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def expression(self, width: int, depth: int):
        """An expression of `width` bits."""
        choice = self.random.randrange(12) if depth else self.random.randrange(2)
        mask = (1 << width) - 1
        if choice == 0:
            value = self.random.choice([0, 1, mask, mask >> 1, self.random.getrandbits(width)])
            return f"{width}w{value}", lambda state: value
        if choice == 1:
            name = self.random.choice(list(WIDTHS))
            return f"((bit<{width}>) {name})", lambda state: state.values[name] & mask
        left, run_left = self.expression(width, depth - 1)
        right, run_right = self.expression(width, depth - 1)
        if choice <= 7:
            op = ["+", "-", "*", "&", "|", "^"][choice - 2]
            act = {
                "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y,
                "&": lambda x, y: x & y, "|": lambda x, y: x | y, "^": lambda x, y: x ^ y,
            }[op]  # fmt: skip
            return f"({left} {op} {right})", lambda state: act(run_left(state), run_right(state)) & mask
        if choice == 8:
            amount, run_amount = self.expression(8, 0)
            if self.random.random() < 0.5:
                return f"({left} << {amount})", lambda state: run_left(state) << run_amount(state) & mask
            return f"({left} >> {amount})", lambda state: run_left(state) >> run_amount(state)
        if choice == 9:
            condition, run_condition = self.condition(depth - 1)
            return (
                f"({condition} ? {left} : {right})",
                lambda state: run_left(state) if run_condition(state) else run_right(state),
            )
        if choice == 10 and width > 1:
            cut = self.random.randrange(1, width)
            return (
                f"({left}[{width - 1}:{cut}] ++ {right}[{cut - 1}:0])",
                lambda state: run_left(state) >> cut << cut | run_right(state) & ((1 << cut) - 1),
            )
        return f"(~{left})", lambda state: ~run_left(state) & mask

    def condition(self, depth: int):
        """A bool."""
        if self.random.random() < 0.3:
            header = self.random.choice(list(FIELDS))
            return f"hdr.{header}.isValid()", lambda state: header in state.valid
        width = self.random.choice([1, 8, 33, 64, 100, 128])
        left, run_left = self.expression(width, depth)
        right, run_right = self.expression(width, depth)
        op = self.random.choice(["==", "!=", "<", "<=", ">", ">="])
        act = {
            "==": lambda x, y: x == y, "!=": lambda x, y: x != y, "<": lambda x, y: x < y,
            "<=": lambda x, y: x <= y, ">": lambda x, y: x > y, ">=": lambda x, y: x >= y,
        }[op]  # fmt: skip
        return f"({left} {op} {right})", lambda state: act(run_left(state), run_right(state))

    def statement(self, depth: int, layout_changes: bool):
        """A statement."""
        choice = self.random.randrange(10)
        if depth and choice < 2:
            condition, run_condition = self.condition(1)
            then, run_then = self.statements(depth - 1, 2, layout_changes)
            other, run_other = self.statements(depth - 1, 2, layout_changes)
            return (
                f"if ({condition}) {{ {then} }} else {{ {other} }}",
                lambda state: (run_then if run_condition(state) else run_other)(state),
            )
        if choice == 2 and layout_changes:
            header = self.random.choice(list(FIELDS))
            if self.random.random() < 0.5:
                return f"hdr.{header}.setValid();", lambda state: state.valid.add(header)
            return f"hdr.{header}.setInvalid();", lambda state: state.valid.discard(header)
        name = self.random.choice(list(WIDTHS))
        width = WIDTHS[name]
        low = self.random.randrange(width) if choice == 3 else 0
        high = self.random.randrange(low, width) if choice == 3 else width - 1
        bits = high - low + 1
        text, run = self.expression(bits, 2)
        mask = ((1 << bits) - 1) << low

        def assign(state: State) -> None:
            state.values[name] = state.values[name] & ~mask | run(state) << low

        return f"{name}{f'[{high}:{low}]' if choice == 3 else ''} = {text};", assign

    def statements(self, depth: int, number: int, layout_changes: bool):
        """Some statements."""
        made = [self.statement(depth, layout_changes) for _ in range(number)]

        def run(state: State) -> None:
            for _, act in made:
                act(state)

        return "\n".join(text for text, _ in made), run


def parse(packet: bytes) -> tuple[State, bytes] | None:
    """What the parser of STATES does."""
    state = State({name: 0 for name in WIDTHS})
    for header, items in FIELDS.items():
        if header == "b" and not state.values["hdr.a.z"] & 1:
            continue
        size = sum(items.values()) // 8
        if len(packet) < size:
            return None
        number, left = int.from_bytes(packet[:size], "big"), 8 * size
        for item, width in items.items():
            left -= width
            state.values[f"hdr.{header}.{item}"] = number >> left & ((1 << width) - 1)
        state.valid.add(header)
        packet = packet[size:]
    return state, packet


def deparse(state: State, order: tuple[str, ...]) -> bytes:
    """The bytes of the headers."""
    result = b""
    for header in order:
        if header in state.valid:
            number = 0
            for item, width in FIELDS[header].items():
                number = number << width | state.values[f"hdr.{header}.{item}"]
            result += number.to_bytes(sum(FIELDS[header].values()) // 8, "big")
    return result


@pytest.mark.parametrize("seed", range(16))
def test_random_program_agrees_with_the_interpreter(seed: int):
    generator = Generator(seed)
    layout_changes = seed % 4 != 0
    order = ORDERS[seed // 4 % 4] if layout_changes else ORDERS[0]
    text, act = generator.statements(2, 8, layout_changes)
    meta = " ".join(f"bit<{width}> {name};" for name, width in METADATA.items())
    emits = " ".join(f"pkt.emit(hdr.{header});" for header in order)
    program = load(source(headers=HEADERS, states=STATES, meta=meta, apply=text, emits=emits))
    for _ in range(40):
        packet = generator.random.randbytes(generator.random.choice([1, 5, 17, 18, 25, 26, 30, 64]))
        parsed = parse(packet)
        result = program.run(packet)
        if parsed is None:
            assert result.verdict is Verdict.ABORT
            continue
        state, payload = parsed
        act(state)
        assert (result.verdict, result.packet.hex()) == (
            Verdict.PASS,
            (deparse(state, order) + payload).hex(),
        )
