"""Intervals against a list that is gone through one by one."""

import itertools
import random

import pytest

from qsdb.live.intervals import APART_MIN, Intervals

Ends = tuple[int | None, int | None, tuple[bool, bool]]


class Listed:
    """The slow obvious twin."""

    def __init__(self) -> None:
        self.content: dict[str, Ends] = {}

    def holding(self, key: int) -> set[str]:
        return {
            item
            for item, (low, high, (with_low, with_high)) in self.content.items()
            if (low is None or low < key or (with_low and low == key))
            and (high is None or key < high or (with_high and key == high))
        }


def every_interval(greatest: int) -> list[Ends]:
    ends = [None, *range(greatest + 1)]
    bools = [(one, other) for one in (False, True) for other in (False, True)]
    return [*itertools.product(ends, ends, bools)]


def add(intervals: Intervals[str], listed: Listed, item: str, ends: Ends) -> None:
    intervals.add(item, *ends)
    listed.content[item] = ends


def check(intervals: Intervals[str], listed: Listed, greatest: int) -> None:
    assert len(intervals) == len(listed.content)
    for key in range(-1, greatest + 2):
        found = [*intervals.holding(key)]
        assert len(found) == len(set(found))
        assert set(found) == listed.holding(key)


def test_each_interval_alone() -> None:
    for ends in every_interval(2):
        intervals, listed = Intervals[str](), Listed()
        add(intervals, listed, "it", ends)
        check(intervals, listed, 2)


def test_all_intervals_at_once() -> None:
    intervals, listed = Intervals[str](), Listed()
    for number, ends in enumerate(every_interval(4)):
        add(intervals, listed, f"i{number}", ends)

    assert len(intervals) > APART_MIN
    check(intervals, listed, 4)


@pytest.mark.parametrize("count", [*range(8), 63, 64, 65])
def test_any_number_of_closed_intervals(count: int) -> None:
    intervals, listed = Intervals[str](), Listed()
    for number in range(count):
        add(intervals, listed, f"i{number}", (number, 2 * number % 7, (True, True)))
    intervals._build()

    check(intervals, listed, count)


def test_intervals_come_and_go() -> None:
    rng = random.Random(7)
    every = every_interval(5)
    intervals, listed = Intervals[str](), Listed()
    for step in range(2000):
        if listed.content and rng.random() < 0.45:
            item = rng.choice([*listed.content])
            intervals.remove(item)
            del listed.content[item]
        else:
            add(intervals, listed, f"i{step}", rng.choice(every))
        if step % 10 == 0:
            check(intervals, listed, 5)


def test_an_item_may_come_again() -> None:
    intervals, listed = Intervals[str](), Listed()
    add(intervals, listed, "it", (1, 2, (True, True)))
    intervals.remove("it")
    add(intervals, listed, "it", (4, 5, (True, True)))

    check(intervals, listed, 6)


def test_none_are_empty() -> None:
    intervals = Intervals[str]()

    assert not intervals
    assert [*intervals.holding(1)] == []


def test_few_of_many_are_tried() -> None:
    intervals = Intervals[int]()
    for number in range(10_000):
        intervals.add(number, number, number + 1, (True, False))

    assert [*intervals.holding(5000)] == [5000]
    assert len([*intervals._reaching((5000,))]) < 40


def test_keys_may_be_tuples() -> None:
    """Order keys of optional columns are."""
    intervals = Intervals[str]()
    intervals.add("it", (0, 3), (1,), (True, False))

    assert [*intervals.holding((0, 4))] == ["it"]
    assert [*intervals.holding((1,))] == []


def test_what_is_gone_is_not_kept_until_the_next_look() -> None:
    intervals = Intervals[int]()
    for number in range(10):
        intervals.add(number, number, None, (True, False))
    for number in range(10, 5000):
        intervals.add(number, number, None, (True, False))
        intervals.remove(number)
        assert len(intervals._apart) + len(intervals._sorted) < 4 * APART_MIN
    assert sorted(intervals.holding(3)) == [0, 1, 2, 3]
