"""Bags: results that take changes in at once, and the last one once."""

from qsdb.live.operators import Difference
from qsdb.runtime.bags import Bag
from qsdb.runtime.updates import Shape, Update

SHAPE = Shape(("n",), list, None)


def update(offset: int, inserts: list[int], deletes: list[int]) -> Update:
    rows = [[(number,) for number in each] for each in (inserts, deletes)]
    return Update(offset, Difference(rows[0], rows[1]), SHAPE)


def numbers(bag: Bag) -> list[object]:
    return sorted([number for (number,) in bag.rows], key=repr)


def test_rows_come_and_go_each_as_often_as_it_says() -> None:
    bag = Bag([(1,), (1,), (2,)])

    bag.apply(update(5, [3, 3, 2], [1]))
    assert numbers(bag) == [1, 2, 2, 3, 3]

    bag.apply(update(6, [4], [3, 2, 2, 1]))
    assert numbers(bag) == [3, 4]


def test_the_last_change_twice_is_once() -> None:
    bag, change = Bag([(1,)]), update(5, [2, 2], [1])

    bag.apply(change)
    bag.apply(change)

    assert numbers(bag) == [2, 2]


def test_lists_of_rows_are_the_callers_own() -> None:
    rows: list[tuple[object, ...]] = [(1,)]
    bag = Bag(rows)
    bag.rows.clear()
    assert numbers(bag) == [1]

    bag.apply(update(5, [2], []))
    bag.rows.clear()
    assert numbers(bag) == [1, 2]
    assert rows == [(1,)]


def test_nothing_is_kept_of_rows_that_are_gone() -> None:
    bag = Bag([(1,)])
    bag.apply(update(5, [2], [1]))
    bag.apply(update(6, [], [2]))

    assert bag.rows == []
    assert bag._counts == {}
