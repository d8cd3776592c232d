# SPDX-License-Identifier: Apache-2.0
"""P4 for Open vSwitch: the compiler (`p4rt.compiler`), the runtime (`p4rt.runtime`) and their commands."""

__version__ = "0.1.0"
