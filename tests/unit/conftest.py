# SPDX-License-Identifier: Apache-2.0
"""For all unit tests: as in p4rt-compile, garbage is looked for less often, since little of it is."""

from __future__ import annotations

import gc

gc.set_threshold(100_000, 20, 20)
