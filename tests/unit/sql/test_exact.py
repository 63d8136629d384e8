"""Sums of floats: exact, whatever the order, and whatever was taken out again."""

import itertools
import math

import pytest

from qsdb.sql.exact import ExactSum, exact_mean, exact_total
from qsdb.values.kinds import NAN

INF = math.inf
HUGE = 1.7976931348623157e308


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([], 0.0),
        ([0.1] * 10, 1.0),
        ([1e308, 1e308, -1e308, -1e308], 0.0),
        ([1e16, 1.0, -1e16], 1.0),
        ([5e-324, 5e-324], 1e-323),
        ([1e308, 1e308], INF),
        ([-1e308, -1e308], -INF),
        ([INF, 1.0], INF),
        ([-INF, HUGE], -INF),
        ([-1.0, 1.0], 0.0),
    ],
)
def test_totals(values: list[float], total: float) -> None:
    for order in itertools.islice(itertools.permutations(values), 24):
        for found in (exact_total(order), ExactSum(order).value):
            assert found == total
            assert math.copysign(1, found) == math.copysign(1, total)


@pytest.mark.parametrize("values", [[NAN, 1.0], [INF, -INF], [INF, NAN, -INF]])
def test_what_is_no_number_is_the_one_nan(values: list[float]) -> None:
    assert exact_total(values) is NAN
    assert ExactSum(values).value is NAN


def test_what_is_taken_out_leaves_nothing_behind() -> None:
    total = ExactSum()
    for _ in range(1000):
        total.add(0.1)
        total.add(INF)
        total.add(-INF)
        total.add(NAN)
    for _ in range(1000):
        for each in (NAN, 0.1, -INF, INF):
            total.remove(each)
    assert total.value == 0.0


def test_means_are_rounded_once() -> None:
    assert exact_mean([0.1, 0.2, 0.3]) == 0.2
    assert exact_mean([1e16, 1.0, -1e16, 1e-300]) == 0.25
    assert exact_mean([1e308, 1e308, -1e308]) == 1e308 / 3
    assert exact_mean([NAN, 1.0]) is NAN
    assert exact_mean([INF, -INF]) is NAN
    assert exact_mean([HUGE, HUGE]) == HUGE
    assert exact_mean([INF, 1.0]) == INF
    assert ExactSum([1.0, 2.0]).mean(4) == 0.75
