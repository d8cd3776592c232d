# SPDX-License-Identifier: Apache-2.0
"""Numbers that commands know before they need anything of the runtime."""

from __future__ import annotations

OBJECT_MAX = 64 << 20
"""Bytes of the largest object that a switch takes."""
DEFAULT_TIMEOUT = 10.0
"""Seconds of silence after which a switch is given up."""
