# SPDX-License-Identifier: Apache-2.0
"""Records behave as the frozen dataclasses that they stand for."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

import pytest

from p4rt.compiler.records import field, field_names, record, replace


@record
class Place:
    file: str
    values: tuple[int, ...] = ()
    unit: ClassVar[str] = "line"
    note: str = field(default="", compare=False)
    origin: str = field(default="here", kw_only=True)

    @cached_property
    def total(self) -> int:
        return sum(self.values)


@record
class Named(Place):
    name: str = "none"


@record(eq=False)
class Node:
    name: str


@record(frozen=False)
class Collected:
    items: list[int] = field(default_factory=list)


def test_fields_are_given_in_order_by_name_or_by_default() -> None:
    assert repr(Place("a", (1,), note="n")) == "Place(file='a', values=(1,), note='n', origin='here')"
    assert repr(Named("a", (), "n", "x", origin="o")) == (
        "Named(file='a', values=(), note='n', origin='o', name='x')"
    )


@pytest.mark.parametrize("values, named", [((), {}), (("a", (), "", "here"), {}), (("a",), {"size": 1})])
def test_wrong_fields_are_refused(values: tuple[object, ...], named: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Place(*values, **named)  # type: ignore[arg-type]


def test_names_of_fields_are_those_of_the_bases_first() -> None:
    assert field_names(Named) == ("file", "values", "note", "origin", "name")
    assert Place.__match_args__ == ("file", "values", "note")  # type: ignore[attr-defined]


def test_fields_do_not_change() -> None:
    place = Place("a")
    with pytest.raises(AttributeError, match=r"^Place does not change: file$"):
        place.file = "b"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del place.file


def test_records_compare_by_class_and_by_what_is_compared() -> None:
    assert Place("a", note="x") == Place("a", note="y")
    assert hash(Place("a", note="x")) == hash(Place("a", note="y"))
    assert Place("a") != Place("b")
    assert Place("a") != Named("a")
    assert Node("a") != Node("a")


def test_a_replaced_field_makes_a_new_record() -> None:
    place = Place("a", (1, 2), note="n")
    assert place.total == 3
    other = replace(place, values=(5,))
    assert (other.file, other.values, other.note, other.total) == ("a", (5,), "n", 5)
    assert place.values == (1, 2)
    with pytest.raises(TypeError, match=r"^Place has the fields file, values, note, origin$"):
        replace(place, size=1)


def test_each_object_has_a_collection_of_its_own() -> None:
    one, other = Collected(), Collected()
    one.items.append(1)
    assert other.items == []
    assert Collected([7]).items == [7]
    one.items = [2]
    assert one == Collected([2])
