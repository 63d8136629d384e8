"""Counting rows: what comes and goes is told, what only counts differently is not."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.cache.counts import Counts, Moved

A, B, C = ("a",), ("b",), ("c",)

Rows = list[tuple[str]]


def move(counts: Counts, inserts: Rows, deletes: Rows) -> Moved:
    """Count, and take that twice, as after an interrupt."""
    moved = counts.after(inserts, deletes)
    counts.take(moved)
    counts.take(moved)
    return moved


some_rows = st.lists(st.sampled_from([A, B, C]), max_size=3)


def test_a_row_that_comes_twice_is_new_once() -> None:
    counts = Counts()

    assert move(counts, [A, A, B], []) == Moved([A, B], [])
    assert (counts[A], counts[B], counts[C]) == (2, 1, 0)


def test_a_row_is_gone_with_the_last_of_it() -> None:
    counts = Counts()
    move(counts, [A, A], [])

    assert move(counts, [], [A]) == Moved([], [])
    assert move(counts, [], [A]) == Moved([], [A])
    assert counts[A] == 0


def test_what_comes_and_goes_at_once_was_never_away() -> None:
    counts = Counts()
    move(counts, [A], [])

    assert move(counts, [A], [A]) == Moved([], [])
    assert move(counts, [B], [B]) == Moved([], [])
    assert (counts[A], counts[B]) == (1, 0)


def test_several_at_once() -> None:
    counts = Counts()
    move(counts, [A, A, B], [])

    assert move(counts, [C, B], [A, A]) == Moved([C], [A])
    assert (counts[A], counts[B], counts[C]) == (0, 2, 1)


def test_a_row_that_is_not_there_cannot_go() -> None:
    counts = Counts()
    move(counts, [A], [])

    with pytest.raises(ValueError, match="goes, and is not there"):
        move(counts, [B], [A, A])

    assert (counts[A], counts[B]) == (1, 0)


@given(st.lists(st.tuples(some_rows, some_rows), max_size=5))
def test_any_moves_count_as_in_a_counter(moves: list[tuple[Rows, Rows]]) -> None:
    counts, judge = Counts(), Counter[tuple[str]]()
    for inserts, deletes in moves:
        before = judge.copy()
        judge.update(inserts)
        judge.subtract(deletes)
        if min(judge.values(), default=0) < 0:
            judge = before
            with pytest.raises(ValueError, match="goes, and is not there"):
                counts.after(inserts, deletes)
            continue
        moved = move(counts, inserts, deletes)
        assert {*moved.came} == {*+judge} - {*+before}
        assert {*moved.went} == {*+before} - {*+judge}
        assert [counts[each] for each in (A, B, C)] == [judge[x] for x in (A, B, C)]


def test_nothing_is_counted_before_it_is_taken() -> None:
    counts = Counts()

    counts.after([A], [])

    assert counts[A] == 0
