# SPDX-License-Identifier: Apache-2.0
"""Can the deparser leave the packet where it is?

It can when, on every path through the parser, the headers that are extracted are those that are emitted, in
the same order, and nothing changes their validity or the size of their varbits in between.  Then the head of
the packet does not move, and only the fields that the program assigned to are written back.
"""

from __future__ import annotations

from p4rt.compiler.backend import ir
from p4rt.compiler.midend.storage import Record, Varbit
from p4rt.compiler.records import record


@record(eq=False)
class Extraction:
    """A header extracted in a parser's state, named by its label."""

    state: str
    header: Record


def keeps_layout(
    extractions: list[Extraction],
    edges: dict[str, list[str]],
    emitted: list[Record],
    modified: set[str],
) -> bool:
    """Is what is emitted always what was extracted, in the same places?

    `edges` lead from state to state, `emitted` are the headers that the deparser emits whatever the packet,
    `modified` the names of variables that are assigned to other than by extracting.
    """
    order = {id(header): index for index, header in enumerate(emitted)}
    if len(order) != len(emitted):
        return False
    for header in emitted:
        if not isinstance(header.valid, ir.Var) or header.valid.name in modified:
            return False
        sizes = [item.size for item in header.fields.values() if isinstance(item, Varbit)]
        if any(not isinstance(size, ir.Var) or size.name in modified for size in sizes):
            return False
    if any(id(extraction.header) not in order for extraction in extractions):
        return False
    reach = {state: _reachable(state, edges) for state in {extraction.state for extraction in extractions}}
    for index, first in enumerate(extractions):
        for later, second in enumerate(extractions):
            same_state = first.state == second.state and later > index
            follows = same_state or second.state in reach[first.state]
            if follows and order[id(first.header)] >= order[id(second.header)]:
                return False
    return True


def _reachable(state: str, edges: dict[str, list[str]]) -> set[str]:
    """States that a path of at least one step leads to."""
    found: set[str] = set()
    pending = list(edges.get(state, ()))
    while pending:
        here = pending.pop()
        if here not in found:
            found.add(here)
            pending += edges.get(here, ())
    return found
