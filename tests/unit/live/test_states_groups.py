"""Groups: aggregates under what comes and goes (S24 to S27)."""

import math
from typing import Any

import pytest

from qsdb.errors import InternalError, QueryError
from qsdb.live.states.aggregates import (
    Aggregate,
    average,
    count,
    count_rows,
    greatest,
    least,
    total,
)
from qsdb.live.states.folds import FloatTotal, InOrder, Total
from qsdb.live.states.grouping import grouping_of
from qsdb.live.states.groups import Groups
from qsdb.live.states.ordered import PLAIN_MAX, Ordered
from qsdb.sql.arithmetic import fitter
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import F64, I8, I32, I64, NAN, STR

SUM = total(1, I32, fitter(I64))
INFINITY = math.inf


def by_room(*aggregates: Aggregate) -> Groups:
    groups = Groups(grouping_of((0,), aggregates))
    assert groups.fill([]) == []
    return groups


# Groups that come and go.


def test_a_group_of_one_row_goes_with_it() -> None:
    groups = by_room(count_rows(), SUM)

    assert groups.change([("a", 5)], []) == ([("a", 1, 5)], [])
    assert groups.change([], [("a", 5)]) == ([], [("a", 1, 5)])
    assert len(groups) == 0


def test_a_row_that_moves_changes_two_groups() -> None:
    groups = by_room(SUM)
    groups.fill([("a", 1), ("a", 2), ("b", 3)])

    came, went = groups.change([("b", 2)], [("a", 2)])

    assert sorted(came) == [("a", 1), ("b", 5)]
    assert sorted(went) == [("a", 3), ("b", 3)]


def test_a_sum_that_stays_is_not_told() -> None:
    groups = by_room(SUM)
    groups.fill([("a", 1), ("a", 4)])

    assert groups.change([("a", 2), ("a", 3)], [("a", 1), ("a", 4)]) == ([], [])


def test_a_group_that_is_emptied_and_filled_is_one_change() -> None:
    groups = by_room(count_rows(), SUM)
    groups.fill([("a", 1)])

    assert groups.change([("a", 2)], [("a", 1)]) == ([("a", 1, 2)], [("a", 1, 1)])


def test_groups_of_null_and_of_nan() -> None:
    groups = by_room(count_rows())

    assert groups.fill([(None,), (None,), (NAN,), (NAN,)]) == [(None, 2), (NAN, 2)]


def test_groups_by_two_columns() -> None:
    groups = Groups(grouping_of((1, 0), [count_rows()]))

    assert groups.fill([("a", 1), ("a", 2), ("a", 1)]) == [(1, "a", 2), (2, "a", 1)]


# All rows as one group.


def test_of_an_empty_table_there_is_one_row() -> None:
    groups = Groups(grouping_of((), [count_rows(), SUM, average(1, I32, fitter(F64))]))

    assert groups.rows() == [(0, None, None)]
    assert groups.change([("a", 3)], []) == ([(1, 3, 3.0)], [(0, None, None)])
    assert groups.change([], [("a", 3)]) == ([(0, None, None)], [(1, 3, 3.0)])
    assert groups.fill([("a", 1), ("a", 2)]) == [(2, 3, 1.5)]


# NULL.


def test_null_is_neither_counted_nor_added() -> None:
    aggregates = [
        count_rows(),
        count(1),
        SUM,
        average(1, I32, fitter(F64)),
        least(1, I32),
        greatest(1, I32),
    ]
    groups = by_room(*aggregates)

    groups.change([("a", None)], [])

    assert groups.rows() == [("a", 1, 0, None, None, None, None)]
    came, _ = groups.change([("a", 4)], [])
    assert came == [("a", 2, 1, 4, 4.0, 4, 4)]
    came, _ = groups.change([], [("a", None)])
    assert came == [("a", 1, 1, 4, 4.0, 4, 4)]


def test_a_value_that_becomes_null_and_back() -> None:
    groups = by_room(count_rows(), count(1), SUM)
    groups.fill([("a", 4), ("a", 1)])

    assert groups.change([("a", None)], [("a", 4)])[0] == [("a", 2, 1, 1)]
    assert groups.change([("a", 6)], [("a", None)])[0] == [("a", 2, 2, 7)]
    assert groups.change([("a", 6, "x")], [("a", 6, "y")]) == ([], [])


# Sums.


def test_a_float_sum_is_exact_in_any_order() -> None:
    exact = FloatTotal()
    values = [1e308, 1e308, -1e308, -1e308]
    for each in values:
        exact.add(each)

    assert exact.value == 0.0
    for each in values[:2]:
        exact.remove(each)
    assert exact.value == -INFINITY
    exact.remove(-1e308)
    assert exact.value == -1e308


def test_a_tenth_ten_thousand_times() -> None:
    exact = FloatTotal()
    for _ in range(10_000):
        exact.add(0.1)
    assert exact.value == math.fsum([0.1] * 10_000)
    for _ in range(10_000):
        exact.remove(0.1)

    assert repr(exact.value) == "0.0"
    assert exact.count == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([NAN, 1.0], NAN),
        ([INFINITY, 1.0], INFINITY),
        ([-INFINITY, -INFINITY], -INFINITY),
        ([INFINITY, -INFINITY], NAN),
        ([5e-324, 5e-324], 1e-323),
        ([1e308, 1e308], INFINITY),
        ([], 0.0),
    ],
)
def test_what_is_no_plain_number(values: list[float], expected: float) -> None:
    exact = FloatTotal()
    for each in [7.0, INFINITY, NAN, -INFINITY, *values]:
        exact.add(each)
    assert exact.value is NAN
    for each in [NAN, -INFINITY, INFINITY, 7.0]:
        exact.remove(each)

    assert repr(exact.value) == repr(expected)


def test_a_mean_is_rounded_once() -> None:
    exact = FloatTotal()
    for each in [1e308, 1e308]:
        exact.add(each)

    assert exact.mean(2) == 1e308


def test_a_sum_may_be_too_much_for_a_while() -> None:
    groups = by_room(total(1, I8, fitter(I8)))
    groups.fill([("a", 100)])

    came, _ = groups.change([("a", 20), ("a", 7)], [("a", 100)])
    assert came == [("a", 27)]

    with pytest.raises(QueryError, match="the result 147 is not i8"):
        groups.change([("a", 120)], [])


def test_a_sum_without_room_is_refused_as_a_row_takes_the_place_of_another() -> None:
    groups = by_room(total(1, I8, fitter(I8), room=(I8.least, I8.greatest)))
    groups.fill([("a", 100), ("a", 20)])

    assert groups.change([("a", 27)], [("a", 20)]) == ([("a", 127)], [("a", 120)])
    with pytest.raises(QueryError, match="the result 128 is not i8"):
        groups.change([("a", 28)], [("a", 27)])


def test_sums_and_counts_of_distinct_values() -> None:
    distinct = [
        count(1, distinct=True),
        total(1, I32, fitter(I64), distinct=True),
        average(1, F64, fitter(F64), distinct=True),
    ]
    groups = by_room(*distinct[:2])

    assert groups.fill([("a", 2), ("a", 2), ("a", 3)]) == [("a", 2, 5)]
    assert groups.change([], [("a", 2)]) == ([], [])
    assert groups.change([], [("a", 2)]) == ([("a", 1, 3)], [("a", 2, 5)])
    assert by_room(distinct[2]).fill([("a", 1.0), ("a", 1.0), ("a", 2.0)]) == [
        ("a", 1.5)
    ]


# The least and the greatest.


def test_the_least_goes_while_another_is_there() -> None:
    groups = by_room(least(1, I32))
    groups.fill([("a", 1), ("a", 1), ("a", 2)])

    assert groups.change([], [("a", 1)]) == ([], [])
    assert groups.change([], [("a", 1)]) == ([("a", 2)], [("a", 1)])


def test_nan_is_the_greatest() -> None:
    groups = by_room(least(1, F64), greatest(1, F64))

    assert groups.fill([("a", NAN), ("a", INFINITY)]) == [("a", INFINITY, NAN)]
    assert groups.change([], [("a", INFINITY)])[0] == [("a", NAN, NAN)]
    groups.change([("a", 1.0)], [])
    assert groups.change([], [("a", NAN)])[0] == [("a", 1.0, 1.0)]


def test_values_that_do_not_sort_by_themselves() -> None:
    kind = OptionKind(F64)
    fold: Any = InOrder(kind)()
    for each in (2.0, None, NAN, 1.0):
        fold.add(each)
    fold.remove(1.0)

    assert [fold[n] for n in range(3)] == [2.0, NAN, None]


def test_aggregates_of_one_column_share_what_is_kept() -> None:
    groups = Groups(
        grouping_of((), [least(1, STR), greatest(1, STR), SUM, count_rows()])
    )

    [group] = groups._groups.values()

    assert len(group.folds) == 2


# Order.


def test_many_are_kept_in_order_as_few_are() -> None:
    few: Ordered[int] = Ordered([3, 1, 2])
    many = Ordered(range(PLAIN_MAX))
    many.add(PLAIN_MAX)
    many.add(5)
    few.add(2)
    for each in (few, many):
        with pytest.raises(InternalError, match="-1 goes and is not there"):
            each.remove(-1)
        with pytest.raises(InternalError, match="9999 goes and is not there"):
            each.remove(9999)
    many.remove(5)
    few.remove(2)

    assert [few[n] for n in range(3)] == few.between(0, 9) == [1, 2, 3]
    assert many.between(3, 7) == [3, 4, 5, 6]
    assert (many[0], many[-1], len(many)) == (0, PLAIN_MAX, PLAIN_MAX + 1)
    assert (few.rank(2), many.rank(2)) == (1, 2)
    assert len(Ordered(range(PLAIN_MAX + 1))) == PLAIN_MAX + 1


def test_whole_numbers_have_no_bounds_in_a_fold() -> None:
    fold = Total()
    for each in (2**255, 2**255):
        fold.add(each)

    assert (fold.value, fold.mean(2)) == (2**256, float(2**255))
