# SPDX-License-Identifier: Apache-2.0
"""Keeps what takes long to compute in the user's cache folder, from one compilation to the next.

Nothing in it can be out of date: the name of a file tells all that its contents were made of.  Without a
folder that can be written everything is computed each time.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

_DIGEST_BYTES = 32


def load(kind: str, made_of: object) -> Any:
    """What was kept under `kind` and is made of the same; None where there is nothing, or it is damaged.

    Only what the user who asks wrote is taken, for it may be code.
    """
    file = _file(kind, made_of)
    if file is None:
        return None
    try:
        with open(file, "rb") as stream:
            if os.fstat(stream.fileno()).st_uid != os.geteuid():
                return None
            digest, data = stream.read(_DIGEST_BYTES), stream.read()
    except OSError:
        return None
    return marshal.loads(data) if hashlib.sha256(data).digest() == digest else None


def keep(kind: str, made_of: object, value: Any) -> None:
    """Keep `value`, of types that marshal knows, whole or not at all; a folder that cannot be written is no
    error."""
    file = _file(kind, made_of)
    if file is None:
        return
    data = marshal.dumps(value)
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent)
        try:
            with open(handle, "wb") as stream:
                stream.write(hashlib.sha256(data).digest() + data)
            os.replace(temporary, file)
        except BaseException:
            os.unlink(temporary)
            raise


def _file(kind: str, made_of: object) -> Path | None:
    """Where the value is kept; None where the user has no home."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    except RuntimeError:
        return None
    description = repr((sys.implementation.cache_tag, marshal.version, sys.hexversion, made_of))
    return folder / "p4rt" / f"{kind}-{hashlib.sha256(description.encode()).hexdigest()[:24]}"
