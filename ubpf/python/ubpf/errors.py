# SPDX-License-Identifier: Apache-2.0
"""Errors of the engine."""

from __future__ import annotations


class Error(Exception):
    """Something that the engine could not do.

    ``errno`` is a value of the module ``errno`` (0 where there is none), ``message`` one line of text.
    """

    def __init__(self, errno: int, message: str) -> None:
        super().__init__(message)
        self.errno = errno
        self.message = message


class BatchError(Error):
    """An entry of a batch that was refused: number ``index``, after as many that were not."""

    def __init__(self, errno: int, message: str, index: int) -> None:
        super().__init__(errno, message)
        self.index = index


class LoadError(Error):
    """An object that was refused.

    ``errno`` is EINVAL (not a valid object), EPERM (refused by the verifier), E2BIG (over a limit) or
    ENOMEM.
    """
