# SPDX-License-Identifier: Apache-2.0
"""Programs and maps through `import ubpf`."""

from __future__ import annotations

import errno
import gc
import os
import random
import struct
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

import ubpf

Load = Callable[[str], ubpf.Program]
Elf = Callable[[str], bytes]


def route(prefix_len: int, address: str) -> bytes:
    return struct.pack("<I4B", prefix_len, *(int(part) for part in address.split(".")))


def test_program_counts_packets(load: Load) -> None:
    program = load("counter")
    for _ in range(3):
        assert program.run(b"A").verdict == ubpf.Verdict.PASS
    assert program.run(b"").verdict == ubpf.Verdict.ABORT
    assert program.maps["total"].lookup(bytes(4)) == struct.pack("<Q", 4)
    assert program.maps["by_byte"].lookup(b"A") == struct.pack("<Q", 3)
    assert program.maps["by_byte"].lookup(b"B") is None


def test_redirect_by_longest_prefix(load: Load) -> None:
    program = load("router")
    routes = program.maps["routes"]
    routes.update(route(8, "10.0.0.0"), struct.pack("<I", 1))
    routes.update(route(24, "10.0.1.0"), struct.pack("<I", 2))
    assert program.run(bytes([10, 0, 1, 7])) == ubpf.RunResult(
        ubpf.Verdict.REDIRECT, bytes([10, 0, 1, 7]), output_port=33, clone_port=None
    )
    assert program.run(bytes([10, 9, 1, 7])).output_port == 22
    assert program.run(bytes([11, 9, 1, 7])).verdict == ubpf.Verdict.DROP


def test_instructions_are_counted_on_request(load: Load) -> None:
    program = load("router")
    program.maps["routes"].update(route(8, "10.0.0.0"), struct.pack("<I", 1))
    hit, miss, short = (program.run(packet, count=True) for packet in (bytes([10, 0, 1, 7]), bytes(4), b""))
    assert hit.n_insns is not None and miss.n_insns is not None and short.n_insns is not None
    assert hit.n_insns > miss.n_insns > short.n_insns > 2
    assert (hit.verdict, hit.output_port) == (ubpf.Verdict.REDIRECT, 22)
    assert program.run(b"").n_insns is None


def test_context_fields(load: Load) -> None:
    result = load("commands").run(b"m0", rss_hash=1000, pkt_mark=20, tunnel_id=300 << 32)
    assert result.output_port == 2 + 1000 + 20 + 300


def test_clone_and_truncate(load: Load) -> None:
    result = load("commands").run(b"c\x03xyz", input_port=4)
    assert result == ubpf.RunResult(ubpf.Verdict.DROP, b"c\x03x", output_port=0, clone_port=5)


def test_packet_grows_into_the_headroom(load: Load) -> None:
    program = load("commands")
    grown = program.run(b"h\xf0tail", headroom=16)
    assert (grown.output_port, grown.packet) == (0, bytes(16) + b"h\xf0tail")
    refused = program.run(b"h\xf0tail", headroom=15)
    assert (refused.output_port, refused.packet) == (errno.ENOMEM, b"h\xf0tail")


def test_packet_shrinks_to_nothing_but_not_further(load: Load) -> None:
    program = load("commands")
    assert program.run(b"h\x02").packet == b""
    refused = program.run(b"h\x03")
    assert (refused.output_port, refused.packet) == (errno.EINVAL, b"h\x03")


def test_maps_are_listed_in_the_objects_order(load: Load) -> None:
    program = load("router")
    assert list(program.maps) == ["routes", ".rodata"]
    routes = program.maps["routes"]
    assert (routes.type, routes.key_size, routes.value_size) == (ubpf.MapType.LPM, 8, 4)
    assert (routes.max_entries, routes.flags, len(routes)) == (16, ubpf.MapFlags(0), 0)
    with pytest.raises(KeyError):
        program.maps["route"]


def test_array_has_all_elements(load: Load) -> None:
    settings = load("initialized").maps["settings"]
    assert len(settings) == 2
    assert list(settings.items()) == [(bytes(4), bytes(4)), (b"\1\0\0\0", b"\x4d\0\0\0")]


def test_update_flags(load: Load) -> None:
    values = load("commands").maps["values"]
    one, two, three = (struct.pack("<I", i) for i in (1, 2, 3))
    with pytest.raises(ubpf.Error) as error:
        values.update(one, bytes(8), ubpf.UpdateFlags.EXIST)
    assert (error.value.errno, error.value.message) == (errno.ENOENT, "map 'values' has no such entry")
    values.update(one, bytes(8), ubpf.UpdateFlags.NOEXIST)
    with pytest.raises(ubpf.Error) as error:
        values.update(one, bytes(8), ubpf.UpdateFlags.NOEXIST)
    assert error.value.errno == errno.EEXIST
    values.update(two, bytes(8))
    with pytest.raises(ubpf.Error) as error:
        values.update(three, bytes(8))
    assert (error.value.errno, str(error.value)) == (
        errno.ENOSPC,
        "map 'values' is full: it has room for 2 entries",
    )
    values.delete(one)
    with pytest.raises(ubpf.Error) as error:
        values.delete(one)
    assert error.value.errno == errno.ENOENT


def test_read_only_map(load: Load) -> None:
    constants = load("initialized").maps["constants"]
    assert constants.flags == ubpf.MapFlags.RDONLY_USER
    assert list(constants.items()) == [(b"\5\0\0\0", b"\x37\0\0\0")]
    with pytest.raises(ubpf.Error, match="map 'constants' is read-only"):
        constants.update(bytes(4), bytes(4))
    with pytest.raises(ubpf.Error, match="map 'constants' is read-only"):
        constants.delete(bytes(4))


def test_elements_of_an_array_stay(load: Load) -> None:
    settings = load("initialized").maps["settings"]
    with pytest.raises(ubpf.Error, match="cannot be deleted"):
        settings.delete(bytes(4))
    with pytest.raises(ubpf.Error, match="no element with that index: it has 2"):
        settings.update(b"\2\0\0\0", bytes(4))
    assert settings.lookup(b"\2\0\0\0") is None


def test_wrong_sizes(load: Load) -> None:
    values = load("commands").maps["values"]
    with pytest.raises(ValueError, match="a key of map 'values' has 4 bytes, not 3"):
        values.lookup(bytes(3))
    with pytest.raises(ValueError, match="a key of map 'values' has 4 bytes, not 5"):
        values.delete(bytes(5))
    with pytest.raises(ValueError, match="a value of map 'values' has 8 bytes, not 0"):
        values.update(bytes(4), b"")
    with pytest.raises(TypeError, match="a key of map 'values' is bytes, not str"):
        values.lookup("four")  # type: ignore[arg-type]


def test_long_dump(load: Load) -> None:
    by_byte = load("counter").maps["by_byte"]
    expected = {bytes([i]): struct.pack("<Q", i) for i in range(64)}
    for key, value in expected.items():
        by_byte.update(key, value)
    assert dict(by_byte.items()) == expected
    assert len(list(by_byte.items())) == len(by_byte) == 64


def test_map_may_change_under_its_iterator(load: Load) -> None:
    by_byte = load("counter").maps["by_byte"]
    for i in range(64):
        by_byte.update(bytes([i]), bytes(8))
    for key, _ in by_byte.items():
        by_byte.delete(key)
    assert len(by_byte) == 0


def test_map_keeps_its_program_alive(load: Load) -> None:
    routes = load("router").maps["routes"]
    gc.collect()
    routes.update(route(0, "0.0.0.0"), bytes(4))
    assert routes.lookup(route(32, "1.2.3.4")) == bytes(4)


def test_adopted_maps_are_shared(load: Load) -> None:
    old, new = load("counter"), load("counter")
    before = new.maps["total"]
    old.run(b"A")
    assert new.adopt_maps(old) == 2
    new.run(b"A")
    del old
    gc.collect()
    assert before.lookup(bytes(4)) == struct.pack("<Q", 2)
    assert new.maps["by_byte"].lookup(b"A") == struct.pack("<Q", 2)


def test_what_a_program_carries(load: Load, elf: Elf) -> None:
    program = load("initialized")
    assert program.elf == elf("initialized")
    assert program.section("p4rt.info") == b"{}\0"
    assert program.section("p4rt.p4info") is None
    assert program.section("a\0b") is None
    assert program.disassemble().startswith("; line 12\n    0: ")
    assert program.disassemble().count("\n") > program.n_insns // 2
    assert program.verifier_summary.startswith("verified: ")


@pytest.mark.parametrize(
    ("data", "code", "message"),
    [
        (b"", errno.EINVAL, "not an ELF file"),
        (b"\x7fELF", errno.EINVAL, "truncated: 4 bytes are too few for an ELF header"),
        (bytes(1000), errno.EINVAL, "not an ELF file"),
    ],
)
def test_garbage_is_refused(data: bytes, code: int, message: str) -> None:
    with pytest.raises(ubpf.LoadError) as error:
        ubpf.Program(data)
    assert (error.value.errno, error.value.message) == (code, message)


def test_unsafe_program_is_refused(load: Load) -> None:
    with pytest.raises(ubpf.LoadError, match=r"^insn \d+.*packet access") as error:
        load("unverifiable")
    assert error.value.errno == errno.EPERM


def test_limits(elf: Elf) -> None:
    with pytest.raises(ubpf.LoadError, match="more than 5") as error:
        ubpf.Program(elf("counter"), limits=ubpf.Limits(max_insns=5))
    assert error.value.errno == errno.E2BIG
    with pytest.raises(ValueError, match="max_insns is an unsigned number of 32 bits, not -1"):
        ubpf.Program(elf("counter"), limits=ubpf.Limits(max_insns=-1))


def test_only_bytes_are_bytes(load: Load) -> None:
    with pytest.raises(TypeError, match="an object is bytes, not int"):
        ubpf.Program(100)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a packet is bytes, not str"):
        load("counter").run("A")  # type: ignore[arg-type]


def test_arguments_of_run(load: Load) -> None:
    program = load("counter")
    with pytest.raises(ValueError, match="input_port is an unsigned number of 32 bits"):
        program.run(b"A", input_port=1 << 32)
    with pytest.raises(ValueError, match="headroom is 0 to"):
        program.run(b"A", headroom=-1)
    with pytest.raises(ValueError, match="a packet has at most 65536 bytes"):
        program.run(bytes(65537))
    assert program.run(bytearray(65536), headroom=0).packet == bytes(65536)


def test_changed_bytes_never_crash(elf: Elf) -> None:
    """Whatever an object says, it is refused, or runs."""
    generator = random.Random(1)
    original = elf("commands")
    accepted = 0
    for _ in range(1500):
        data = bytearray(original)
        for _ in range(generator.choice((1, 1, 2, 8))):
            data[generator.randrange(len(data))] = generator.randrange(256)
        try:
            program = ubpf.Program(bytes(data), limits=ubpf.Limits(max_map_bytes=1 << 20))
        except ubpf.LoadError as error:
            assert error.message and "\n" not in error.message
            continue
        accepted += 1
        for command in b"hHwcmdft3?":
            program.run(bytes([command, generator.randrange(256)]) + bytes(8))
    assert accepted > 20


def test_threads_take_turns(load: Load) -> None:
    program = load("commands")
    verdicts: list[ubpf.Verdict] = []

    def work() -> None:
        for i in range(300):
            verdicts.append(program.run(b"d0").verdict)
            program.maps["values"].update(bytes(4), struct.pack("<Q", i))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(verdicts) == {ubpf.Verdict.PASS}


def test_missing_library_is_one_clear_error() -> None:
    script = "import ubpf\ntry:\n    ubpf.Program(b'')\nexcept ubpf.Error as e:\n    print(e)"
    environment = {**os.environ, "UBPF_LIBRARY": "/nonexistent/libubpf.so"}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, cwd="/"
    )
    assert result.stdout.startswith("cannot load libubpf (/nonexistent/libubpf.so does not exist)")
