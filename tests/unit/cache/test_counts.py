"""Counting rows: what comes and goes is told, what only counts differently is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.cache.counts import Counts, Moved

A, B, C = ("a",), ("b",), ("c",)

some_rows = st.lists(st.sampled_from([A, B, C]), max_size=3)


def test_a_row_that_comes_twice_is_new_once() -> None:
    counts = Counts()

    assert counts.move([A, A, B], []) == Moved([A, B], [])
    assert (counts[A], counts[B], counts[C]) == (2, 1, 0)


def test_a_row_is_gone_with_the_last_of_it() -> None:
    counts = Counts()
    counts.move([A, A], [])

    assert counts.move([], [A]) == Moved([], [])
    assert counts.move([], [A]) == Moved([], [A])
    assert counts[A] == 0


def test_what_comes_and_goes_at_once_was_never_away() -> None:
    counts = Counts()
    counts.move([A], [])

    assert counts.move([A], [A]) == Moved([], [])
    assert counts.move([B], [B]) == Moved([], [])
    assert (counts[A], counts[B]) == (1, 0)


def test_several_at_once() -> None:
    counts = Counts()
    counts.move([A, A, B], [])

    assert counts.move([C, B], [A, A]) == Moved([C], [A])
    assert (counts[A], counts[B], counts[C]) == (0, 2, 1)


def test_a_row_that_is_not_there_cannot_go() -> None:
    counts = Counts()
    counts.move([A], [])

    with pytest.raises(ValueError, match="goes, and is not there"):
        counts.move([B], [A, A])

    assert (counts[A], counts[B]) == (1, 0)


@given(st.lists(st.tuples(some_rows, some_rows), max_size=5))
def test_it_can_be_asked_what_would_move(moves: list[Any]) -> None:
    counts = Counts()
    for inserts, deletes in moves:
        expected = counts.would_move(inserts, deletes)
        try:
            found = counts.move(inserts, deletes)
        except ValueError:
            assert expected is None
        else:
            assert expected == found
