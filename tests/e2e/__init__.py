# SPDX-License-Identifier: Apache-2.0
"""End-to-end tests: real frames through a real switch.

`hosts` makes the hosts, `switch` runs Open vSwitch between them and says what arrives where,
`packets` spells frames, `built` compiles the programs of `programs/` and of the examples.  One
switch serves the whole run; each test has bridges of its own.  They need root.

    P4RT_TEST_FLAVOUR=release pytest tests/e2e      # or asan
"""
