# SPDX-License-Identifier: Apache-2.0
"""The Simple Test Framework: a text of packets, expected packets and table entries.

    add pipe.route hdr.ipv4.dst:0x0a000200/24 pipe.forward(port:2)
    add pipe.acl 10 hdr.ipv4.src:0x0a0000** hdr.tcp.dst:80..90 pipe.deny()
    add prs.tunnels value:4789
    setdefault pipe.route pipe.drop()
    set_meter pipe.users[3] cir=1M,cbs=10k
    packet 1 00000000 0000 ...
    expect 2 00000000 **** ...$

The number after a table is the priority of an entry of one that has them; the largest wins, and without
it is 0.  Statements take effect in their order.  A packet that the program passes leaves by the port that
it came in by.  The packets of each port are compared, in order, with those expected there: `*`
stands for any digit, and only after a `$` must the packet end.  `expect PORT` alone lets anything
leave by that port.
"""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from p4rt.runtime.entries import (
    MAX_PRIORITY,
    Entry,
    find_table,
    make_call,
    member,
    parse_key,
    split_tokens,
)
from p4rt.runtime.errors import InputError, P4rtError
from p4rt.runtime.info import Table
from p4rt.runtime.local import LocalProgram
from p4rt.runtime.meters import parse_rates
from p4rt.runtime.names import Named, canonical, resolve

_PORT = re.compile(r"[0-9]{1,10}\Z")
_MAX_PORT = 0xFFFFFFFF
_CHECK = re.compile(
    r"(?P<name>[^\s(]+)\s*(\(\s*(?P<index>\d+)\s*\))?\s*(?P<word>packets|bytes)?"
    r"\s*(?P<relation>==|!=|<=|>=|<|>)\s*(?P<number>\d{1,20})\Z"
)
_COMPARE = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip
_UNSUPPORTED = ("mirroring_add", "mirroring_add_mc", "mirroring_get", "register_read")


@dataclass(frozen=True)
class Sent:
    """A packet that left, and the line of the statement that sent it."""

    line: int
    data: bytes


@dataclass(frozen=True)
class Expected:
    """What a packet must look like: hexadecimal digits and `*`; `exact` when it must end there."""

    line: int
    digits: str
    exact: bool


@dataclass
class Port:
    """What left by one port, and what was to leave."""

    sent: list[Sent] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    anything: bool = False


@dataclass(frozen=True)
class Result:
    """`failures` has one text for each packet that differs, is missing or is too much."""

    packets: int
    expectations: int
    failures: tuple[str, ...]


def run(program: LocalProgram, lines: Sequence[str], origin: str) -> Result:
    """Runs the statements in `lines`; `origin` is the name of their file, for messages.

    Raises InputError for a statement that is wrong."""
    script = _Script(program)
    for number, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            script.statement(number, text)
        except P4rtError as e:
            raise InputError(f"{origin}:{number}: {e}") from None
    failures = [f for number, port in sorted(script.ports.items()) for f in _compare(origin, number, port)]
    failures += [f"{origin}:{line}: {text}" for line, text in script.failed]
    expectations = sum(len(p.expected) for p in script.ports.values()) + script.checks
    return Result(script.packets, expectations, tuple(failures))


class _Script:
    """The state of a run."""

    def __init__(self, program: LocalProgram) -> None:
        self._program = program
        self.ports: dict[int, Port] = defaultdict(Port)
        self.packets = 0
        self.checks = 0
        self.failed: list[tuple[int, str]] = []
        """Lines of checks that do not hold, and why."""

    def statement(self, line: int, text: str) -> None:
        """Carries out one statement."""
        word, _, rest = text.partition(" ")
        word = word.lower()
        rest = rest.strip()
        if word == "packet":
            self._packet(line, rest)
        elif word == "expect":
            self._expect(line, rest)
        elif word == "add":
            self._add(rest)
        elif word == "setdefault":
            self._setdefault(rest)
        elif word == "remove":
            self._remove(rest)
        elif word == "set_meter":
            self._set_meter(rest)
        elif word == "check_counter":
            self._check_counter(line, rest)
        elif word in _UNSUPPORTED:
            raise InputError(f"'{word}' is not supported")
        elif word not in ("wait", "no_packet"):
            raise InputError(f"unknown statement '{word}'")

    def _packet(self, line: int, text: str) -> None:
        port, digits = _port_and_digits(text)
        if not digits:
            raise InputError("the packet has no data")
        if not re.fullmatch(r"([0-9a-fA-F]{2})+", digits):
            raise InputError("the packet is not an even number of hexadecimal digits")
        if port > _MAX_PORT:
            raise InputError(f"{port} is not a port number")
        self.packets += 1
        for output in self._program.process(bytes.fromhex(digits), port).outputs:
            if output.table is not None:
                continue  # What its table does with it, no script says.
            self.ports[port if output.port is None else output.port].sent.append(Sent(line, output.data))

    def _expect(self, line: int, text: str) -> None:
        port, digits = _port_and_digits(text)
        if not digits:
            self.ports[port].anything = True
            return
        exact = digits.endswith("$")
        digits = digits.removesuffix("$").lower()
        if not re.fullmatch(r"[0-9a-f*]*", digits):
            raise InputError("the expected packet is not hexadecimal digits and *, and $ at its end")
        self.ports[port].expected.append(Expected(line, digits, exact))

    def _add(self, text: str) -> None:
        tokens = _words(text.partition("=")[0])
        if len(tokens) < 2:
            raise InputError("not: add TABLE KEY:VALUE... ACTION(PARAM:VALUE,...)")
        table = self._table(tokens[0])
        if table.const_entries:
            raise InputError(f"the entries of table {table.name} are const and cannot be changed")
        matches = tokens[1:] if table.is_value_set else tokens[1:-1]
        priority = 0
        if matches and matches[0].isdigit():
            priority = int(matches[0])
            matches = matches[1:]  # A priority, which exact and LPM keys have no use for.
            if priority > MAX_PRIORITY:
                raise InputError(f"{priority} is not a priority (0 to {MAX_PRIORITY})")
        pairs = []
        for token in matches:
            name, colon, value = token.partition(":")
            if not colon:
                raise InputError(f"'{token}' is not KEY:VALUE")
            field = resolve(_known(name, table.key), table.key, "key field", f"{table.kind} {table.name}")
            pairs.append((field.name, _wildcards(value, field.match)))
        if table.is_value_set:
            self._program.tables.add([member(table, pairs)])
            return
        if table.has_priorities:  # 0 is none for P4Runtime, but often the one and only of such a file.
            key = replace(parse_key(table, [("priority", "1"), *pairs]), priority=priority)
        else:
            key = parse_key(table, pairs)
        call = make_call(table, *_call(tokens[-1], table), default=False)
        self._program.tables.add([Entry(table, key, call)])

    def _setdefault(self, text: str) -> None:
        tokens = _words(text)
        if len(tokens) != 2:
            raise InputError("not: setdefault TABLE ACTION(PARAM:VALUE,...)")
        table = self._table(tokens[0])
        call = make_call(table, *_call(tokens[1], table), default=True)
        self._program.tables.set_default(Entry(table, None, call))

    def _remove(self, text: str) -> None:
        if text.lower() != "all":
            raise InputError("not: remove all")
        for table in reversed(self._program.info.all_tables):
            if not table.const_entries:
                self._program.tables.clear(table)

    def _set_meter(self, text: str) -> None:
        name, _, rates = text.rpartition(" ")
        if not name:
            raise InputError("not: set_meter NAME[INDEX or KEY] cir=RATE,cbs=BURST,pir=RATE,pbs=BURST")
        self._program.meters.set(name.rstrip(), parse_rates(rates))

    def _check_counter(self, line: int, text: str) -> None:
        match = _CHECK.match(text)
        if not match:
            raise InputError("not: check_counter NAME[(INDEX)] [packets|bytes] == NUMBER")
        externs = self._program.info.externs
        name = _known(match["name"], (*externs.counters, *externs.direct_counters))
        index = match["index"]
        found = self._program.counters.read(f"{name}[{index}]" if index is not None else name)
        word = match["word"] or next(iter(found[0].words), "") if found else ""
        have = sum(count.words.get(word, 0) for count in found)
        self.checks += 1
        if not _COMPARE[match["relation"]](have, int(match["number"])):
            place = f"{name}[{index}]" if index is not None else name
            self.failed.append((line, f"counter {place} has counted {have} {word}".rstrip()))

    def _table(self, name: str) -> Table:
        info = self._program.info
        return find_table(info, _known(name, info.all_tables))


def _port_and_digits(text: str) -> tuple[int, str]:
    port, _, data = text.partition(" ")
    if not _PORT.match(port):
        raise InputError(f"'{port}' is not a port number")
    return int(port), re.sub(r"\s", "", data)


def _words(text: str) -> list[str]:
    """The blank-separated words of a statement; `ACTION (ARGS)` is one."""
    words: list[str] = []
    for token in split_tokens(text):
        if token.startswith("(") and words:
            words[-1] += token
        else:
            words.append(token)
    return words


def _known(name: str, items: Sequence[Named]) -> str:
    """`name`, or the dotted name that it spells with underscores (pipe_route for pipe.route)."""
    wanted = canonical(name)
    spelled = [i.name for i in items if i.name.replace(".", "_") == wanted.replace(".", "_")]
    return spelled[0] if len(spelled) == 1 else name


def _call(text: str, table: Table) -> tuple[str, list[tuple[str, str]]]:
    """Cuts `ACTION(PARAM:VALUE,...)` into what make_call() takes."""
    name, paren, rest = text.partition("(")
    if not paren or not rest.endswith(")"):
        raise InputError(f"'{text}' is not ACTION(PARAM:VALUE,...)")
    arguments = []
    for token in split_tokens(rest[:-1]):
        param, colon, value = token.partition(":")
        arguments.append((param, value) if colon else ("", param))
    return _known(name, table.actions), arguments


def _wildcards(value: str, kind: str) -> str:
    """A number with wildcards, 0x0a00**** or 0b01**, as value and mask, or as value and prefix length."""
    match = re.fullmatch(r"0(?:[xX]([0-9a-fA-F*]+)|[bB]([01*]+))", value)
    if not match or "*" not in value:
        if "*" in value and value != "*":
            raise InputError(f"{value}: wildcards stand for digits of hexadecimal and binary numbers")
        return value
    if kind not in ("lpm", "ternary"):
        raise InputError(f"{value}: wildcards are for lpm and ternary fields")
    digits, size = (match[1], 4) if match[1] else (match[2], 1)
    if not digits.strip("*"):
        return "*"
    known = digits.rstrip("*")
    base = 1 << size
    number = int(digits.replace("*", "0"), base)
    if kind == "lpm":
        if "*" in known:
            raise InputError(f"{value}: wildcards of a prefix are at its end")
        return f"{number}/{size * len(known)}"
    mask = int("".join("0" if digit == "*" else "f" if size == 4 else "1" for digit in digits), base)
    return f"{number}&&&{mask:#x}"


def _compare(origin: str, number: int, port: Port) -> list[str]:
    """Texts of what is wrong with the packets of one port."""
    if port.anything and not port.expected:
        return []
    failures = []
    for i, expected in enumerate(port.expected):
        where = f"{origin}:{expected.line}: port {number}, packet {i + 1}"
        if i >= len(port.sent):
            failures.append(f"{where}: missing; the program sent {len(port.sent)} there")
            continue
        problem = _difference(expected, port.sent[i].data.hex())
        if problem:
            failures.append(
                f"{where} (of line {port.sent[i].line}): {problem}\n  expected {expected.digits}"
                f"{'$' if expected.exact else ''}\n  got      {port.sent[i].data.hex()}"
            )
    if not port.anything:
        for sent in port.sent[len(port.expected) :]:
            where = f"{origin}:{sent.line}: port {number}"
            failures.append(f"{where}: a packet that nothing expects\n  got      {sent.data.hex()}")
    return failures


def _difference(expected: Expected, got: str) -> str:
    """Where the packet `got`, in hexadecimal, is not as expected; empty when it is."""
    for i, digit in enumerate(expected.digits):
        if i >= len(got):
            return f"it ends after {len(got) // 2} bytes, {(len(expected.digits) + 1) // 2} are expected"
        if digit not in ("*", got[i]):
            byte = i // 2 * 2
            return f"byte {i // 2} is {got[byte : byte + 2]}, not {expected.digits[byte : byte + 2]}"
    if expected.exact and len(got) > len(expected.digits):
        return f"it has {len(got) // 2} bytes, {len(expected.digits) // 2} are expected"
    return ""
