"""Counting rows: what comes and goes is told, what only counts differently is not."""

import pytest

from qsdb.cache.counts import Counts, Moved

A, B, C = ("a",), ("b",), ("c",)


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
