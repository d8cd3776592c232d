# SPDX-License-Identifier: Apache-2.0
"""Bob Jenkins' lookup3, `hashlittle` with initial value 0, written out as its author describes it."""

from __future__ import annotations

MASK = 0xFFFFFFFF


def _rotate(x: int, n: int) -> int:
    return (x << n | x >> (32 - n)) & MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for amount in (4, 6, 8, 16, 19, 4):
        a = (a - c) & MASK ^ _rotate(c, amount)
        c = (c + b) & MASK
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for amount in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotate(b, amount)) & MASK
        a, b, c = b, c, a
    return b


def lookup3(data: bytes) -> int:
    """The 32-bit hash."""
    a = b = c = (0xDEADBEEF + len(data)) & MASK
    if not data:
        return c
    while True:
        words = [int.from_bytes(data[at : at + 4], "little") for at in (0, 4, 8)]
        a, b, c = (a + words[0]) & MASK, (b + words[1]) & MASK, (c + words[2]) & MASK
        data = data[12:]
        if not data:
            return _final(a, b, c)
        a, b, c = _mix(a, b, c)
