"""Ranges of what is in order, and the end of a prefix."""

import pytest

from qsdb.values.ranges import TOP, Bound, Range


@pytest.mark.parametrize(
    ("low", "high", "entry", "is_held"),
    [
        (None, None, (1, "a"), True),
        ((1,), None, (1, "a"), True),
        ((1, TOP), None, (1, "a"), False),
        ((1, TOP), None, (2, "a"), True),
        (None, (1,), (1, "a"), False),
        (None, (1, TOP), (1, "a"), True),
        (None, (1, TOP), (2, "a"), False),
        ((1, "b"), (1, "c"), (1, "b"), True),
        ((1, "b"), (1, "c"), (1, "c"), False),
        ((2,), (1, TOP), (1, "a"), False),
    ],
)
def test_a_range_holds_what_lies_between_its_bounds(
    low: Bound | None,
    high: Bound | None,
    entry: Bound,
    is_held: bool,  # noqa: FBT001  of a case
) -> None:
    assert Range(low, high).holds(entry) is is_held


def test_top_is_greater_than_everything() -> None:
    top = TOP
    for other in (0, "z", (1,), None):
        assert top > other
        assert not top < other
    assert not top > TOP
    assert not top < TOP
