# SPDX-License-Identifier: Apache-2.0
"""Bytes that move within the packet, in words, none overwritten before it is read."""

from __future__ import annotations

from collections.abc import Iterator

from p4rt.compiler.records import record

WORD_BYTES = 8


@record
class Move:
    """`size` bytes from byte `source` to byte `target`."""

    target: int
    source: int
    size: int


def words(moves: list[Move]) -> list[Move]:
    """Moves of 1, 2, 4 or 8 bytes that do the same if all is read before anything is written."""
    result: list[Move] = []
    for move in moves:
        done = 0
        while done < move.size:
            left = move.size - done
            size = 1 << min(left.bit_length() - 1, 3)
            if left < WORD_BYTES <= done and left not in (1, 2, 4):
                # Bytes that moved before move again with those that are left.
                done, size = move.size - WORD_BYTES, WORD_BYTES
            result.append(Move(move.target + done, move.source + done, size))
            done += size
    return result


def in_order(moves: list[Move]) -> Iterator[tuple[Move, bool]]:
    """Moves in an order in which nothing is overwritten that is still to be read.

    With each comes whether it is only to be read now, and to be written when it comes again.
    """
    unread, unwritten = list(moves), list(moves)
    while unwritten:
        ready = next((move for move in unwritten if not _overwrites(move, unread)), None)
        if ready is None:
            yield unread[0], True
            del unread[0]
            continue
        if ready in unread:
            unread.remove(ready)
        unwritten.remove(ready)
        yield ready, False


def _overwrites(move: Move, unread: list[Move]) -> bool:
    """Does writing it destroy what others read?"""
    end = move.target + move.size
    return any(
        other is not move and move.target < other.source + other.size and other.source < end
        for other in unread
    )
