# SPDX-License-Identifier: Apache-2.0
"""What can go wrong at run time, each as one line that a user can act on."""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """`enum p4rt_error_code` of p4rt-ext.h: why the switch said no."""

    BAD_MESSAGE = 1
    PERM = 2
    NO_PROG = 3
    NO_MAP = 4
    NO_UPLOAD = 5
    EXISTS = 6
    OBJECT = 7
    VERIFIER = 8
    LIMIT = 9
    NOMEM = 10
    IN_USE = 11
    CHANGED = 12
    KEY = 13
    KEY_EXISTS = 14
    FULL = 15
    READ_ONLY = 16
    INVALID = 17
    DATAPATH = 18


class P4rtError(Exception):
    """Base of every error that the runtime raises; `str()` is one line for the user."""


class InputError(P4rtError):
    """Something the user gave (an entry, a name, a file) is wrong."""


class LinkError(P4rtError):
    """The bridge cannot be reached, or was lost on the way."""


class NoExtensionError(LinkError):
    """The switch is an Open vSwitch without this extension."""


class WireError(LinkError):
    """The peer sent something that is not a valid message."""


class RefusedError(P4rtError):
    """The engine or the switch refused a request.

    `code` says why; `index` is the position, in the request, of the entry that failed (0 where
    that has no meaning): those before it were done.
    """

    def __init__(self, code: ErrorCode | int, text: str, index: int = 0) -> None:
        super().__init__(text or describe(code))
        self.code = code
        self.index = index


_DESCRIPTIONS = {
    ErrorCode.BAD_MESSAGE: "the switch did not understand the message",
    ErrorCode.PERM: "this connection may not change programs (see other_config:prog-remote)",
    ErrorCode.NO_PROG: "no such program",
    ErrorCode.NO_MAP: "no such map",
    ErrorCode.NO_UPLOAD: "no such upload on this connection",
    ErrorCode.EXISTS: "a program of this name is loaded",
    ErrorCode.OBJECT: "not a loadable object",
    ErrorCode.VERIFIER: "refused by the verifier",
    ErrorCode.LIMIT: "too large or too many",
    ErrorCode.NOMEM: "out of memory",
    ErrorCode.IN_USE: "flows use the program",
    ErrorCode.CHANGED: "the program was replaced meanwhile",
    ErrorCode.KEY: "no such entry",
    ErrorCode.KEY_EXISTS: "the entry exists",
    ErrorCode.FULL: "the table is full",
    ErrorCode.READ_ONLY: "the entries are part of the program and cannot be changed",
    ErrorCode.INVALID: "invalid key, flags or operation",
    ErrorCode.DATAPATH: "programs need the userspace datapath (datapath_type=netdev)",
}


def describe(code: ErrorCode | int) -> str:
    """Says what `code` means, for an error without a text of its own."""
    try:
        return _DESCRIPTIONS[ErrorCode(code)]
    except ValueError:
        return f"error {int(code)} of a newer switch"
