"""Aggregates: COUNT, SUM, AVG, MIN and MAX of a column, and how each is read off.

NULL is no value: it is neither counted nor added, and where there are only such, SUM,
AVG, MIN and MAX are NULL. NaN is a value. DISTINCT takes each value once.

What a result has to fit is told with the aggregate: a sum of whole numbers is exact as
long as nobody looks, and looking raises `QueryError` where it has no room in its kind.
So it may be too much for a while, in the middle of a commit.
"""

from collections.abc import Callable
from typing import Any

import attrs

from qsdb.live.states.folds import (
    Count,
    DistinctOf,
    FloatTotal,
    Fold,
    InOrder,
    Total,
)
from qsdb.values.kinds import FloatKind, Kind, Stored

__all__ = ["Aggregate", "average", "count", "count_rows", "greatest", "least", "total"]

AnyFold = Any
"""A fold of the class that an aggregate makes."""

Fit = Callable[[Any], Stored]
"""Takes a number into the kind of the result, or raises `QueryError`."""


@attrs.frozen
class Aggregate:
    """One aggregate of the rows of a group.

    Attributes:
        place: The column; None where rows are counted, whatever is in them.
        make: Makes what is kept of the column; equal for what can be shared.
        read: Gives the result from what is kept.
        room: The least and the greatest sum that is the result as it is, where it is a
            sum of whole numbers.
    """

    place: int | None
    make: Callable[[], Fold]
    read: Callable[[Any], Stored]
    room: tuple[int, int] | None = None


def count_rows() -> Aggregate:
    """Give ``COUNT(*)``."""
    return Aggregate(None, Count, count_of)


def count(place: int, *, distinct: bool = False) -> Aggregate:
    """Give ``COUNT(x)`` or ``COUNT(DISTINCT x)``."""
    return _aggregate(place, Count, count_of, distinct=distinct)


def total(
    place: int,
    kind: Kind,
    fit: Fit,
    *,
    distinct: bool = False,
    room: tuple[int, int] | None = None,
) -> Aggregate:
    """Give ``SUM(x)`` of numbers.

    Args:
        place: The column.
        kind: Of its values.
        fit: Takes the sum into the kind of the result.
        distinct: Whether each value is taken once.
        room: Of whole numbers, the least and the greatest that `fit` leaves as it is.
    """

    def read(fold: AnyFold) -> Stored:
        return fit(fold.value) if fold.count else None

    found = _aggregate(place, _sum_fold(kind), read, distinct=distinct)
    return found if distinct else attrs.evolve(found, room=room)


def average(place: int, kind: Kind, fit: Fit, *, distinct: bool = False) -> Aggregate:
    """Give ``AVG(x)`` of numbers; `fit` takes a float."""

    def read(fold: AnyFold) -> Stored:
        return fit(fold.mean(fold.count)) if fold.count else None

    return _aggregate(place, _sum_fold(kind), read, distinct=distinct)


def least(place: int, kind: Kind) -> Aggregate:
    """Give ``MIN(x)``."""
    return Aggregate(place, InOrder(kind), _first)


def greatest(place: int, kind: Kind) -> Aggregate:
    """Give ``MAX(x)``; NaN is above all numbers."""
    return Aggregate(place, InOrder(kind), _last)


def _aggregate(
    place: int,
    make: Callable[[], Fold],
    read: Callable[[Any], Stored],
    *,
    distinct: bool,
) -> Aggregate:
    if not distinct:
        return Aggregate(place, make, read)
    return Aggregate(place, DistinctOf(make), lambda fold: read(fold.inner))


def _sum_fold(kind: Kind) -> Callable[[], Fold]:
    return FloatTotal if isinstance(kind, FloatKind) else Total


def count_of(fold: AnyFold) -> Stored:
    count: int = fold.count
    return count


def _first(fold: AnyFold) -> Stored:
    return fold[0] if len(fold) else None


def _last(fold: AnyFold) -> Stored:
    return fold[-1] if len(fold) else None
