# SPDX-License-Identifier: Apache-2.0
"""Tables against a model: any operations, on the real engine."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from p4rt.runtime.entries import Entry, parse_entry
from p4rt.runtime.errors import P4rtError
from p4rt.runtime.local import LocalProgram

SIZE = 4  # Of table pipe.route.

_ROUTES = st.tuples(st.integers(0, 6), st.sampled_from([0, 16, 24]), st.integers(0, 3))
_OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(_ROUTES, min_size=1, max_size=3, unique_by=lambda r: r[:2])),
        st.tuples(st.just("modify"), st.lists(_ROUTES, min_size=1, max_size=1)),
        st.tuples(st.just("delete"), st.lists(_ROUTES, min_size=1, max_size=1)),
        st.tuples(st.just("replace"), st.lists(_ROUTES, max_size=5, unique_by=lambda r: r[:2])),
    ),
    max_size=12,
)

Model = dict[str, str]


def text(route: tuple[int, int, int]) -> tuple[str, str]:
    """The key and the action of an entry."""
    net, bits, port = route
    prefix = f"10.{net}.0.0/{bits}" if bits else "0.0.0.0/0"
    return f"meta.vrf={net},hdr.ipv4.dst={prefix}", f"forward(dmac=00:00:00:00:00:01,port={port})"


def expect(model: Model, operation: str, wanted: Model) -> Model | None:
    """What the table holds after the operation, or None when it must be refused."""
    if operation == "replace":
        result = wanted
    elif operation == "add":
        result = model | wanted if not model.keys() & wanted.keys() else None
    elif not wanted.keys() <= model.keys():
        result = None
    elif operation == "modify":
        result = model | wanted
    else:
        result = {k: v for k, v in model.items() if k not in wanted}
    return result if result is not None and len(result) <= SIZE else None


def perform(program: LocalProgram, operation: str, entries: list[Entry]) -> None:
    if operation == "add":
        program.tables.add(entries)
    elif operation == "modify":
        program.tables.modify(entries[0])
    elif operation == "delete":
        program.tables.delete([e.key for e in entries if e.key is not None])
    else:
        program.tables.replace(entries)


@settings(deadline=None)
@given(operations=_OPERATIONS)
def test_table_holds_what_the_model_holds(
    object_file: Path, operations: list[tuple[str, list[tuple[int, int, int]]]]
) -> None:
    program = LocalProgram(object_file.read_bytes())
    route = program.info.tables[0]
    model: Model = {}
    for operation, routes in operations:
        wanted = dict(text(r) for r in routes)
        entries = [parse_entry(program.info, f"table=route,{k},actions={a}") for k, a in wanted.items()]
        result = expect(model, operation, wanted)
        refused = False
        try:
            perform(program, operation, entries)
        except P4rtError:
            refused = True
        assert refused == (result is None)
        model = model if result is None else result
        found = {e.key.format(): e.call.format() for e in program.tables.entries(route) if e.key}
        assert found == model
