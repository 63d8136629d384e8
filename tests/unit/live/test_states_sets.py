"""DISTINCT and sets of two sides, as states (S23), and what cancels."""

from typing import Any

import pytest

from qsdb.live.states.changes import cancelled
from qsdb.live.states.distinct import DistinctRows
from qsdb.live.states.set_operations import SetOperation
from qsdb.sql.syntax import SetOperator

Row = tuple[Any, ...]
NOTHING: tuple[list[Row], list[Row]] = ([], [])


def came(*rows: Row) -> tuple[list[Row], list[Row]]:
    return [*rows], []


def went(*rows: Row) -> tuple[list[Row], list[Row]]:
    return [], [*rows]


# What cancels.


def test_what_came_and_went_cancels() -> None:
    a, b, c = ("a",), ("b",), ("c",)

    assert cancelled([a, b, b], [b, c]) == ([a, b], [c])
    assert cancelled([a], [b, b, a]) == ([], [b, b])
    assert cancelled([a], [b]) == ([a], [b])
    assert cancelled([], [b]) == ([], [b])
    assert cancelled([a], []) == ([a], [])


# Sets.


def test_distinct_tells_of_the_first_and_the_last() -> None:
    state = DistinctRows()

    assert state.fill([("a",), ("a",)]) == [("a",)]
    assert state.change([], [("a",)]) == NOTHING
    assert state.change([("b",)], [("a",)]) == ([("b",)], [("a",)])
    assert state.change([("b",)], []) == NOTHING
    assert len(state) == 1


LEFT: list[Row] = [("a",), ("a",), ("b",), (None,)]
RIGHT: list[Row] = [("a",), ("c",), (None,), (None,)]


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (("UNION", False), ["a", "b", None, "c"]),
        (("UNION", True), ["a", "a", "a", "b", None, None, None, "c"]),
        (("INTERSECT", False), ["a", None]),
        (("INTERSECT", True), ["a", None]),
        (("EXCEPT", False), ["b"]),
        (("EXCEPT", True), ["a", "b"]),
    ],
)
def test_set_operations(
    operator: tuple[SetOperator, bool], expected: list[str | None]
) -> None:
    state = SetOperation(operator[0], is_all=operator[1])

    found = state.fill(LEFT, RIGHT)

    assert found == [(each,) for each in expected]
    assert state.rows() == found
    assert len(state) == 4
    inserts, deletes = state.change(went(*LEFT), went(*RIGHT))
    assert inserts == []
    assert sorted(deletes, key=repr) == sorted(found, key=repr)
    assert len(state) == 0


def test_a_row_that_changes_sides() -> None:
    union = SetOperation("UNION", is_all=False)
    rest = SetOperation("EXCEPT", is_all=True)
    for state in (union, rest):
        state.fill([("a",)], [])

    assert union.change(went(("a",)), came(("a",))) == NOTHING
    assert rest.change(went(("a",)), came(("a",))) == went(("a",))
    assert rest.change(came(("a",), ("a",), ("a",)), NOTHING) == came(("a",), ("a",))
