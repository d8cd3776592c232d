# SPDX-License-Identifier: Apache-2.0
"""Scripts of the Simple Test Framework, on the real engine."""

from __future__ import annotations

import pytest

from p4rt.runtime import stf
from p4rt.runtime.errors import InputError
from p4rt.runtime.local import LocalProgram


def run(program: LocalProgram, script: str) -> tuple[str, ...]:
    return stf.run(program, script.splitlines(), "t.stf").failures


@pytest.mark.parametrize(
    "script",
    [
        "packet 1 02 05 aabb\nexpect 5 0205AABB",
        "packet 1 0205 aabb\nexpect 5 0205",
        "packet 1 0205 aabb\nexpect 5 0205 aabb$",
        "packet 1 0205 aabb\nexpect 5 0205 aabb $",
        "packet 1 0205 aabb\nexpect 5 02** a*bb  # wildcards",
        "expect 5 0205\npacket 1 0205",
        "packet 7 00ff\nexpect 7 00ff",  # PASS leaves where it came from.
        "packet 7 03ff\nexpect 7 03ff",  # So does IN_PORT.
        "packet 1 0100",
        "packet 1 0100\nno_packet\nwait",
        "packet 1 02\n",  # Too short: abort.
        "packet 1 0409\nexpect 1 0409\nexpect 9 0409",
        "packet 1 0503 aabbcc\nexpect 1 0503aa$",
        "packet 1 0205 01\npacket 1 0205 02\nexpect 5 020501\nexpect 5 020502",
        "packet 1 0205\nexpect 5",
        "add pipe.route meta.vrf:7 hdr.ipv4.dst:0x0a000200/24 pipe.forward(dmac:1, port:3)\n"
        "packet 1 0702\nexpect 3 0702",
        "add pipe_route 100 meta.vrf:0x7 hdr.ipv4.dst:0x0a0002** pipe_forward(dmac:1,port:3) = A\n"
        "packet 1 0702\nexpect 3 0702",
        "ADD route vrf:7 dst:10.0.2.0/24 forward (dmac:1, port:3)\nremove all\npacket 1 0702",
        "setdefault pipe_mark set_mark(value:3)",
        "",
    ],
)
def test_script_holds(program: LocalProgram, script: str) -> None:
    assert run(program, script) == ()


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ("packet 1 0205 aabb\nexpect 5 0205 aabc",
         "t.stf:2: port 5, packet 1 (of line 1): byte 3 is bb, not bc\n"
         "  expected 0205aabc\n  got      0205aabb"),
        ("packet 1 0205\nexpect 5 020500",
         "t.stf:2: port 5, packet 1 (of line 1): it ends after 2 bytes, 3 are expected\n"
         "  expected 020500\n  got      0205"),
        ("packet 1 020500\nexpect 5 0205$",
         "t.stf:2: port 5, packet 1 (of line 1): it has 3 bytes, 2 are expected\n"
         "  expected 0205$\n  got      020500"),
        ("packet 1 0205\nexpect 6 0205\nexpect 5 02",
         "t.stf:2: port 6, packet 1: missing; the program sent 0 there"),
        ("\npacket 1 0205", "t.stf:2: port 5: a packet that nothing expects\n  got      0205"),
        ("packet 1 0100\nexpect 1 0100", "t.stf:2: port 1, packet 1: missing; the program sent 0 there"),
    ],
)  # fmt: skip
def test_failure_says_what_and_where(program: LocalProgram, script: str, failure: str) -> None:
    assert run(program, script) == (failure,)


def test_result_counts(program: LocalProgram) -> None:
    result = stf.run(program, ["packet 1 0205", "packet 1 0100", "expect 5 02"], "t.stf")
    assert (result.packets, result.expectations, result.failures) == (2, 1, ())


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("frobnicate 1", "t.stf:1: unknown statement 'frobnicate'"),
        ("packet x 00", "'x' is not a port number"),
        ("packet 1", "the packet has no data"),
        ("packet 1 0", "not an even number of hexadecimal digits"),
        ("packet 1 zz", "not an even number of hexadecimal digits"),
        ("expect 1 0g", "is not hexadecimal digits"),
        ("check_counter c(1) = 2", "not: check_counter NAME"),
        ("check_counter c(1) == 2", "program example has no counter c"),
        ("mirroring_get 1", "'mirroring_get' is not supported"),
        ("add nope x:1 a()", "no table nope"),
        ("add route vrf:7 dst:10.0.0.1 forward(port:1)", "no value for parameter dmac"),
        ("add route vrf:0x*7 dst:1 drop()", "wildcards are for lpm and ternary fields"),
        ("add route vrf 7", "'vrf' is not KEY:VALUE|is not ACTION"),
        ("add pipe.label label:1 NoAction()", "entries of table pipe.label are const"),
        ("setdefault mark", "not: setdefault TABLE ACTION"),
        ("remove route", "not: remove all"),
    ],
)
def test_wrong_statement_is_named(program: LocalProgram, statement: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(program, statement)
