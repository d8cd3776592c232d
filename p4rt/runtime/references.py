# SPDX-License-Identifier: Apache-2.0
"""Names of elements as users type them: `pipe.seen[3]`, `pipe.hits[hdr.ip.dst=10.0.0.1]`, `pipe.seen`."""

from __future__ import annotations

import re

from p4rt.runtime.errors import InputError

_REFERENCE = re.compile(r"(?P<name>[^\[\]]+)(\[(?P<inside>.*)\])?\Z", re.DOTALL)


def split_reference(text: str) -> tuple[str, str | None]:
    """The name, and what is in brackets behind it, if there are any."""
    match = _REFERENCE.match(text.strip())
    if not match:
        raise InputError(f"'{text}' is not NAME[INDEX]")
    return match["name"], match["inside"]


def parse_index(text: str, size: int, what: str) -> int:
    """Reads the index of an element of `what`, which has `size` of them."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 12:
        raise InputError(f"'{digits}' is not an index of {what}")
    if int(digits) >= size:
        raise InputError(f"{what} has {size} elements, from 0 on; no {digits}")
    return int(digits)
