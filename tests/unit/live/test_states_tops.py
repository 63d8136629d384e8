"""The first rows of each group, kept current."""

from operator import itemgetter
from typing import Any

import pytest

from qsdb.errors import InternalError
from qsdb.live.states.ordered import PLAIN_MAX
from qsdb.live.states.sorting import SortTerm, entry_function
from qsdb.live.states.tops import Tops
from qsdb.values.kinds import I32

Row = tuple[Any, ...]

BEST = entry_function([SortTerm(1, I32, is_descending=True), SortTerm(2, I32)])
"""Rows are (group, score, id): the best first, of equals the one with the lower id."""


def tops(*rows: Row, limit: int = 2) -> Tops:
    found = Tops(itemgetter(0), BEST, limit)
    found.fill([*rows])
    return found


def test_each_group_has_its_first_rows() -> None:
    found = tops(("a", 1, 1), ("b", 5, 2), ("a", 3, 3), ("a", 2, 4), (None, 0, 5))

    assert found.rows() == [("a", 3, 3), ("a", 2, 4), ("b", 5, 2), (None, 0, 5)]
    assert len(found) == 3


def test_the_next_comes_in_when_one_goes() -> None:
    found = tops(("a", 3, 1), ("a", 2, 2), ("a", 1, 3))

    assert found.change([], [("a", 3, 1)]) == ([("a", 1, 3)], [("a", 3, 1)])
    assert found.change([], [("a", 1, 3)]) == ([], [("a", 1, 3)])


def test_one_that_is_better_puts_the_last_out() -> None:
    found = tops(("a", 3, 1), ("a", 2, 2))

    assert found.change([("a", 9, 3)], []) == ([("a", 9, 3)], [("a", 2, 2)])
    assert found.change([("a", 9, 4)], []) == ([("a", 9, 4)], [("a", 3, 1)])


def test_what_is_behind_the_first_is_not_told() -> None:
    found = tops(("a", 3, 1), ("a", 2, 2), ("a", 1, 3))

    assert found.change([("a", 0, 3)], [("a", 1, 3)]) == ([], [])
    assert found.change([("a", 1, 4)], []) == ([], [])
    assert found.change([], [("a", 2, 2)]) == ([("a", 1, 4)], [("a", 2, 2)])


def test_a_row_goes_from_one_group_to_another() -> None:
    found = tops(("a", 3, 1), ("b", 2, 2), limit=1)

    came, went = found.change([("b", 3, 1)], [("a", 3, 1)])

    assert came == [("b", 3, 1)]
    assert sorted(went) == [("a", 3, 1), ("b", 2, 2)]
    assert len(found) == 1


def test_several_rows_of_one_group_change_at_once() -> None:
    found = tops(("a", 3, 1), ("a", 2, 2), ("a", 1, 3))

    came, went = found.change(
        [("a", 5, 4), ("a", 0, 5), ("a", 3, 6)], [("a", 3, 1), ("a", 2, 2)]
    )

    assert came == [("a", 5, 4), ("a", 3, 6)]
    assert went == [("a", 3, 1), ("a", 2, 2)]


def test_a_group_empties_and_returns() -> None:
    found = tops(("a", 3, 1))

    assert found.change([], [("a", 3, 1)]) == ([], [("a", 3, 1)])
    assert len(found) == 0
    assert found.change([("a", 4, 2)], []) == ([("a", 4, 2)], [])


def test_a_row_that_only_changes_within_its_place_is_told() -> None:
    found = Tops(itemgetter(0), BEST, 1)
    found.fill([("a", 3, 1, "x")])

    assert found.change([("a", 3, 1, "y")], [("a", 3, 1, "x")]) == (
        [("a", 3, 1, "y")],
        [("a", 3, 1, "x")],
    )


def test_equal_rows_count_each() -> None:
    found = tops(("a", 3, 1), ("a", 3, 1), ("a", 3, 1))

    assert found.rows() == [("a", 3, 1)] * 2
    assert found.change([], [("a", 3, 1)]) == ([], [])
    assert found.change([], [("a", 3, 1)]) == ([], [("a", 3, 1)])


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (2**64 - 1, 3)])
def test_any_number_of_rows(limit: int, count: int) -> None:
    found = tops(("a", 3, 1), ("a", 2, 2), ("a", 1, 3), limit=limit)

    assert len(found.rows()) == count
    assert len(found.change([("a", 9, 9)], [])[0]) == min(limit, 1)


def test_a_large_group_is_as_a_small_one() -> None:
    found = tops(*[("a", n, n) for n in range(PLAIN_MAX + 10)])

    last = PLAIN_MAX + 9
    assert found.rows() == [("a", last, last), ("a", last - 1, last - 1)]
    assert found.change([], [("a", last, last)]) == (
        [("a", last - 2, last - 2)],
        [("a", last, last)],
    )


def test_what_goes_must_have_been_there() -> None:
    with pytest.raises(InternalError, match="goes and is not there"):
        tops(("a", 3, 1)).change([], [("a", 4, 1)])
