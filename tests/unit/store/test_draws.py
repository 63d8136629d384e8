"""Generated numbers that are drawn by transactions which may never commit."""

import threading
import weakref
from typing import SupportsIndex

import pytest

from qsdb.store.draws import Drawn, Draws

LOCK = threading.RLock()


def test_each_number_is_given_once() -> None:
    draws = Draws([2, 5])
    first, second = draws.begin(), draws.begin()

    assert [draws.draw(first, 0, 1, [1, 1], LOCK) for _ in range(2)] == [1, 2]
    assert draws.draw(second, 0, 1, [1, 1], LOCK) == 3
    assert draws.draw(second, 1, 1, [1, 1], LOCK) == 1
    assert draws.draw(first, 0, 1, [9, 1], LOCK) == 9
    assert first.numbers == {2: {1, 2, 9}, 5: set()}
    assert second.numbers == {2: {3}, 5: {1}}


def test_who_has_stored_a_great_number_counts_from_there_alone() -> None:
    draws = Draws([0])
    first, second = draws.begin(), draws.begin()

    assert draws.draw(first, 0, 40, [1], LOCK) == 40
    assert draws.draw(second, 0, 1, [1], LOCK) == 1


def test_whoever_has_drawn_it_is_told_of_a_commit() -> None:
    draws = Draws([1])
    first, second = draws.begin(), draws.begin()
    for each in (first, second):
        draws.draw(each, 0, 1, [1], LOCK)

    draws.note_commit(1, {7, 2}, range(0))
    assert (first.taken, second.taken) == (None, 1)
    draws.note_commit(1, {1}, range(0))
    assert first.taken == 1


@pytest.mark.parametrize("length", [1, 2, 1 << 200])
def test_a_range_of_numbers_may_have_been_handed_out(length: int) -> None:
    draws = Draws([1])
    drawn = draws.begin()
    for _ in range(2):
        draws.draw(drawn, 0, 7, [7], LOCK)
    assert drawn.numbers == {1: {7, 8}}

    draws.note_commit(1, set(), range(9, 9 + length))
    draws.note_commit(1, set(), range(7 - length, 7))
    assert drawn.taken is None
    draws.note_commit(1, set(), range(8, 8 + length))
    assert drawn.taken == 1


class Moved(list[int]):
    """A sequence that a serial transaction moves on when it was looked at once."""

    def __getitem__(self, place: SupportsIndex) -> int:  # type: ignore[override]
        found = super().__getitem__(place)
        self[0] = 3
        return found


def test_a_number_that_is_taken_while_it_is_drawn() -> None:
    draws = Draws([0])
    drawn = draws.begin()

    assert draws.draw(drawn, 0, 1, Moved([1]), LOCK) == 3
    assert drawn.numbers == {0: {3}}


def test_who_is_gone_is_not_told() -> None:
    draws = Draws([0])
    drawn = draws.begin()
    dying = Drawn([0])
    reference = weakref.ref(dying)
    draws.drawers.add(reference)
    del drawn, dying

    draws.note_commit(0, {1}, range(0))
    assert draws.drawers == {reference}
