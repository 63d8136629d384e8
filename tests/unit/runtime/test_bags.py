"""Bags: results that take changes in at once, and the last one once."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from qsdb.live.differences import Difference
from qsdb.live.states.windows import Move, patched
from qsdb.runtime import bags
from qsdb.runtime.bags import Bag, Known, Listing, known
from qsdb.runtime.updates import Shape, Update

SHAPE = Shape(("n",), list, None)
ORDER = Shape(("n",), list, None, is_ordered=True)


def bag_of(rows: list[tuple[object, ...]]) -> Bag:
    bag = known(rows, SHAPE)
    assert isinstance(bag, Bag)
    return bag


def moved(offset: int, *moves: Move) -> Update:
    came = [each.row for each in moves if each.now is not None]
    went = [each.row for each in moves if each.now is None]
    return Update(offset, Difference(came, went, moves=moves), ORDER)


def update(offset: int, inserts: list[int], deletes: list[int]) -> Update:
    rows: list[list[tuple[object, ...]]] = [
        [(number,) for number in each] for each in (inserts, deletes)
    ]
    return Update(offset, Difference(rows[0], rows[1]), SHAPE)


def numbers(bag: Known) -> list[object]:
    return sorted([number for (number,) in bag.rows], key=repr)


def test_rows_come_and_go_each_as_often_as_it_says() -> None:
    bag = bag_of([(1,), (1,), (2,)])

    bag.apply(update(5, [3, 3, 2], [1]))
    assert numbers(bag) == [1, 2, 2, 3, 3]

    bag.apply(update(6, [4], [3, 2, 2, 1]))
    assert numbers(bag) == [3, 4]


def test_the_last_change_twice_is_once() -> None:
    bag, change = bag_of([(1,)]), update(5, [2, 2], [1])

    bag.apply(change)
    bag.apply(change)

    assert numbers(bag) == [2, 2]


def test_a_result_in_order_takes_moves_each_once() -> None:
    rows = known([(1,), (2,)], ORDER)
    moves = [Move((1,), 0, None), Move((3,), None, 1), Move((2,), None, 0)]
    change = moved(5, *moves)

    rows.apply(change)
    rows.apply(change)

    assert rows.rows == [(2,), (2,), (3,)]
    assert (rows.count, rows.offset) == (3, 5)


def test_a_long_result_in_order_is_not_gone_through_for_a_change() -> None:
    class Untouched(list[tuple[object, ...]]):
        def __iter__(self) -> Iterator[tuple[object, ...]]:
            raise AssertionError

    rows = known(Untouched([(1,)]), ORDER)
    for number in range(bags.CHANGED_MIN):
        rows.apply(moved(5 + number, Move((number,), None, 0)))
        assert rows.count == 2 + number
    with pytest.raises(AssertionError):
        _ = rows.rows


def test_who_reads_an_order_after_each_change_goes_through_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths = list[int]()

    def counted(rows: list[Any], moves: list[Move]) -> list[Any]:
        lengths.append(len(moves))
        return patched(rows, moves)

    monkeypatch.setattr(bags, "patched", counted)
    rows, first = known([(0,)], ORDER), [(0,)]
    for number in range(1, 2 * bags.CHANGED_MIN):
        rows.apply(moved(number, Move((number,), None, 0)))
        first.insert(0, (number,))
        assert rows.rows == first
        rows.rows.clear()
        assert rows.rows == first

    assert {*lengths} == {1}


def test_an_order_keeps_no_more_moves_than_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bags, "CHANGED_MIN", 2)
    rows = known([(0,), (1,)], ORDER)
    for number in range(2, 100):
        rows.apply(
            moved(number, Move((number - 2,), 0, None), Move((number,), None, 1))
        )
        assert isinstance(rows, Listing)
        assert len(rows._state[1]) <= 4
    assert rows.rows == [(98,), (99,)]


def test_what_was_read_before_a_reader_is_of_no_use_to_it() -> None:
    rows = known([(0,)], ORDER)
    assert isinstance(rows, Listing)
    rows.apply(moved(5, Move((1,), None, 1)))
    before = rows._state
    rows.apply(moved(6, Move((2,), None, 2)))
    assert rows.rows == [(0,), (1,), (2,)]

    rows._state = before  # as a thread has it that was held up
    assert rows.rows == [(0,), (1,)]


def test_two_changes_of_one_offset_are_two() -> None:
    bag = bag_of([(1,)])

    bag.apply(update(5, [2], []))
    bag.apply(update(5, [], [1]))

    assert numbers(bag) == [2]
    assert bag.offset == 5


def test_lists_of_rows_are_the_callers_own() -> None:
    rows: list[tuple[object, ...]] = [(1,)]
    bag = bag_of(rows)
    bag.rows.clear()
    assert numbers(bag) == [1]

    bag.apply(update(5, [2], []))
    bag.rows.clear()
    assert numbers(bag) == [1, 2]
    assert rows == [(1,)]


def test_nothing_is_kept_of_rows_that_are_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bags, "CHANGED_MIN", 0)
    bag = bag_of([(0,)])
    for number in range(100):
        bag.apply(update(5 + number, [number + 1], [number]))

    rows, came, _, went, *_ = bag._state
    assert bag.rows == [(100,)]
    assert bag.count == 1
    assert len(rows) + len(came) + len(went) < 5


def test_what_a_change_that_was_cut_off_has_left_is_not_there() -> None:
    bag = bag_of([(1,)])
    bag.apply(update(5, [2], []))
    _, came, _, went, *_ = bag._state
    came += [(7,), (8,)]
    went += [(1,)]
    assert (numbers(bag), bag.count) == ([1, 2], 2)

    bag.apply(update(6, [3], [2]))
    assert (numbers(bag), bag.count) == ([1, 3], 2)


def test_a_long_result_is_not_gone_through_for_a_change() -> None:
    class Untouched(list[tuple[object, ...]]):
        def __iter__(self) -> Iterator[tuple[object, ...]]:
            raise AssertionError

    bag = bag_of(Untouched([(1,)]))
    bag.apply(update(4, [1], [1]))
    for number in range(bags.CHANGED_MIN - 2):
        bag.apply(update(5 + number, [number + 2], []))
    with pytest.raises(AssertionError):
        _ = bag.rows


def test_any_changes_add_up_as_in_a_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bags, "CHANGED_MIN", 3)
    rng = random.Random(1)
    for length in (0, 1, 5, 40):
        first = [(rng.randrange(6),) for _ in range(length)]
        bag, judge = bag_of([*first]), Counter(first)
        for offset in range(1, 200):
            came = [rng.randrange(6) for _ in range(rng.randrange(4))]
            there = [number for (number,) in judge.elements() if number not in came]
            went = rng.sample(there, min(len(there), rng.randrange(5)))
            bag.apply(update(offset, came, went))
            judge.update([(number,) for number in came])
            judge.subtract([(number,) for number in went])
            assert Counter(bag.rows) == +judge
