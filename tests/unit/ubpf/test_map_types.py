# SPDX-License-Identifier: Apache-2.0
"""Maps that are more than a table of values, used by a program and by the control plane."""

from __future__ import annotations

import errno
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

import ubpf

Elf = Callable[[str], bytes]
Run = Callable[[bytes], int]

HOUR = 3600 * 10**9


@pytest.fixture(params=["interpreter", "jit"])
def program(request: pytest.FixtureRequest, elf: Elf) -> ubpf.Program:
    return ubpf.Program(elf("kinds"), engine=request.param)


@pytest.fixture
def run(program: ubpf.Program) -> Run:
    """Return a function from a packet, at least 5 bytes of it, to the program's answer."""

    def answer(packet: bytes) -> int:
        result = program.run(packet.ljust(5, b"\0"))
        assert result.verdict == ubpf.Verdict.REDIRECT
        assert result.output_port is not None
        return result.output_port

    return answer


@pytest.fixture
def limit() -> Iterator[Callable[[int], None]]:
    yield ubpf.set_memory_limit
    ubpf.set_memory_limit(0)


def u64(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers)


def rule(priority: int, data: bytes, mask: bytes) -> bytes:
    return struct.pack("<II", priority, 0) + data + mask


def test_ternary_finds_the_highest_priority(program: ubpf.Program, run: Run) -> None:
    rules = program.maps["rules"]
    assert (rules.type, rules.key_size, rules.entry_key_size) == (ubpf.MapType.TERNARY, 4, 16)
    rules.update(rule(1, bytes(4), bytes(4)), u64(11))
    rules.update(rule(9, b"\x0a\0\0\0", b"\xff\0\0\0"), u64(22))
    rules.update(rule(5, b"\x0a\1\0\0", b"\xff\xff\0\0"), u64(33))
    assert [run(b"t" + key) for key in (b"\x0a\1\2\3", b"\x0b\1\2\3")] == [22, 11]
    rules.delete(rule(9, b"\x0a\0\0\0", b"\xff\0\0\0"))
    assert [run(b"t" + key) for key in (b"\x0a\1\2\3", b"\x0a\2\2\3")] == [33, 11]
    assert dict(rules.items()) == {
        rule(1, bytes(4), bytes(4)): u64(11),
        rule(5, b"\x0a\1\0\0", b"\xff\xff\0\0"): u64(33),
    }


def test_ternary_refuses_a_key_without_its_zeros(program: ubpf.Program) -> None:
    with pytest.raises(ubpf.Error, match="4 zeros after the priority") as error:
        program.maps["rules"].update(struct.pack("<II", 1, 1) + bytes(8), u64(1))
    assert error.value.errno == errno.EINVAL


@pytest.mark.parametrize(("name", "command"), [("counts", b"c"), ("flows", b"f")])
def test_values_per_thread_are_summed(program: ubpf.Program, run: Run, name: str, command: bytes) -> None:
    counted: list[int] = []
    thread = threading.Thread(target=lambda: counted.extend(run(command + b"\1") for _ in range(3)))
    thread.start()
    thread.join()
    counted.append(run(command + b"\1"))
    values = program.maps[name]
    key = b"\1".ljust(values.key_size, b"\0")
    assert values.lookup(key) == u64(4)
    values.update(key, u64(100))
    assert values.lookup(key) == u64(100)
    assert counted[:3] == [1, 2, 3]


def test_lru_gives_up_what_was_used_longest_ago(program: ubpf.Program, run: Run) -> None:
    recent = program.maps["recent"]
    for key in (b"a", b"b", b"c"):
        recent.update(key, u64(key[0]))
    assert run(b"la") == ord("a")
    recent.update(b"d", u64(4))
    assert [run(b"l" + key) for key in (b"a", b"b", b"c", b"d")] == [ord("a"), 0, ord("c"), 4]


def test_a_ring_keeps_the_last_records(program: ubpf.Program, run: Run) -> None:
    events = program.maps["events"]
    assert events.entry_value_size == 16
    for i in range(6):
        assert run(b"e" + bytes([i, 0, 0, 7])) == 0
    assert list(events.records()) == [(n, bytes([n - 1, 0, 0, 7])) for n in (3, 4, 5, 6)]
    assert list(events.records(after=5)) == [(6, b"\5\0\0\7")]
    assert events.dropped == 0
    with pytest.raises(ubpf.Error, match="only programs write to it"):
        events.update(u64(1), bytes(16))


def test_a_meter_marks_by_two_rates(program: ubpf.Program, run: Run) -> None:
    rates = program.maps["rates"]
    assert [run(b"m\1") for _ in range(3)] == [0, 0, 0]
    rates.update(b"\1\0\0\0", u64(1, 100, 1, 200, 0, 0, 0, 0))
    assert [run(b"m\1") for _ in range(3)] == [0, 1, 2]
    assert run(b"m\2") == 2
    with pytest.raises(ubpf.Error, match="pir is below its cir"):
        rates.update(bytes(4), u64(2, 100, 1, 200, 0, 0, 0, 0))


def test_idle_entries_expire(program: ubpf.Program, run: Run) -> None:
    leases = program.maps["leases"]
    leases.update(b"a", u64(5, 1, 0))
    leases.update(b"b", u64(6, HOUR, 0))
    leases.update(b"c", u64(7, 0, 0))
    assert run(b"aa") == 5
    assert leases.expire() == 1
    assert [run(b"a" + key) for key in (b"a", b"b", b"c")] == [0, 6, 7]
    assert leases.expire() == 0


def test_a_batch_names_the_entry_that_is_refused(elf: Elf) -> None:
    small = ubpf.Program(elf("groups")).maps["small"]
    with pytest.raises(ubpf.BatchError, match="is full: it has room for 2 entries") as error:
        small.update_many([(b"a", u64(1)), (b"b", u64(2)), (b"c", u64(3))])
    assert (error.value.errno, error.value.index) == (errno.ENOSPC, 2)
    assert dict(small.items()) == {b"a": u64(1), b"b": u64(2)}
    small.update_many([(b"b", u64(4))], ubpf.UpdateFlags.EXIST)
    with pytest.raises(ubpf.BatchError, match="no such entry") as error:
        small.delete_many([b"b", b"x", b"a"])
    assert error.value.index == 1
    assert dict(small.items()) == {b"a": u64(1)}


def test_memory_limit(program: ubpf.Program, elf: Elf, limit: Callable[[int], None]) -> None:
    used = ubpf.memory_used()
    assert used >= sum(a_map.bytes_used for a_map in program.maps.values())
    limit(used + 1)
    with pytest.raises(ubpf.LoadError, match="memory") as error:
        ubpf.Program(elf("kinds"))
    assert error.value.errno == errno.ENOMEM
    assert ubpf.memory_used() == used
    limit(0)
    ubpf.Program(elf("kinds"))


@pytest.mark.parametrize("engine", ["interpreter", "jit"])
def test_an_element_of_an_array_is_a_map(elf: Elf, engine: str) -> None:
    program = ubpf.Program(elf("groups"), engine=engine)
    groups, small, large = (program.maps[name] for name in ("groups", "small", "large"))
    small.update(b"a", u64(11))
    large.update(b"a", u64(22))
    assert (groups.type, groups.lookup(bytes(4))) == (ubpf.MapType.ARRAY_OF_MAPS, b"\xff\xff\xff\xff")
    found = []
    for number in (small.number, large.number, ubpf.NO_MAP):
        groups.update(bytes(4), struct.pack("<I", number))
        result = program.run(b"l\0a")
        found.append((result.verdict, result.output_port))
    assert found[:2] == [(ubpf.Verdict.REDIRECT, 11), (ubpf.Verdict.REDIRECT, 22)]
    assert found[2][0] == ubpf.Verdict.DROP


def test_an_array_refuses_a_map_unlike_its_template(elf: Elf) -> None:
    program = ubpf.Program(elf("groups"))
    groups = program.maps["groups"]
    with pytest.raises(ubpf.Error, match="looks like its template") as error:
        groups.update(bytes(4), struct.pack("<I", program.maps["wide"].number))
    assert error.value.errno == errno.EINVAL
    with pytest.raises(ubpf.Error, match="no element with that index: it has 3"):
        groups.update(struct.pack("<I", 3), struct.pack("<I", 0))
    assert dict(groups.items())[struct.pack("<I", 2)] == struct.pack("<I", program.maps["large"].number)
