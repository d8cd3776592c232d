# SPDX-License-Identifier: Apache-2.0
"""Packets that lead into the corners of a program: what shows something new is changed further."""

from __future__ import annotations

import random
from collections.abc import Iterator

from p4rt.compiler.analysis import model

from .guide import Guide

LENGTHS = (0, 2, 14, 20, 33, 40, 60, 60, 60, 64, 64, 80, 80, 100, 150)


def interesting(program: model.CheckedProgram) -> list[bytes]:
    """The numbers in labels and constants, as they would stand in a packet."""
    found = set()
    numbers: list[object] = list(program.constants.values())
    for keysets in program.keysets.values():
        for keyset in keysets:
            if isinstance(keyset, model.ExactSet | model.MaskSet):
                numbers.append(keyset.value)
            elif isinstance(keyset, model.RangeSet):
                numbers += [keyset.low, keyset.high]
    for number in numbers:
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 1 << 64:
            size = max(1, (number.bit_length() + 7) // 8)
            found |= {number.to_bytes(size, "big"), number.to_bytes(size + size % 2, "big")}
    return sorted(found)


class Packets:
    """A source of packets; tell it with `keep` which of them was worth it."""

    def __init__(self, rng: random.Random, program: model.CheckedProgram, guide: Guide) -> None:
        self.rng = rng
        self.guide = guide
        self.words = interesting(program) or [b"\0"]
        self.corpus: list[bytes] = []
        self.seen: set[object] = set()

    def __iter__(self) -> Iterator[bytes]:
        """Packets without end."""
        while True:
            choice = self.rng.random()
            if choice < 0.6:
                yield self.guide.make(self.fresh())
            elif not self.corpus or choice < 0.7:
                yield self.fresh()
            else:
                yield self.changed(self.rng.choice(self.corpus))

    def fresh(self) -> bytes:
        """Random bytes, often mostly zeros."""
        length = self.rng.choice(LENGTHS)
        if self.rng.random() < 0.3:
            return bytes(self.rng.choice([0, 0, 0, 0, 1, 255]) for _ in range(length))
        return self.rng.randbytes(length)

    def changed(self, packet: bytes) -> bytes:
        """A packet like `packet`."""
        data = bytearray(packet)
        for _ in range(self.rng.randrange(1, 4)):
            choice = self.rng.randrange(5)
            at = self.rng.randrange(len(data) + 1)
            if choice <= 1:
                word = self.rng.choice(self.words)
                data[at : at + len(word)] = word
            elif choice == 2 and data:
                data[at % len(data)] ^= 1 << self.rng.randrange(8)
            elif choice == 3:
                data[at:] = self.rng.randbytes(len(data) - at)
            else:
                del data[self.rng.randrange(len(data) + 1) :]
                data += self.rng.randbytes(self.rng.randrange(40))
        return bytes(data[:200])

    def keep(self, packet: bytes, trace: object) -> None:
        """Remember a packet whose way through the program was new."""
        if trace not in self.seen:
            self.seen.add(trace)
            self.corpus.append(packet)
