"""`Ordered`: things in order, among which each is found by its place.

A few are a plain list, in which moving what lies behind costs less than anything that
is cleverer; many are a `SortedList`, which is a list of such lists. So thousands of
groups with some values each need little more than the values.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable
from itertools import islice
from typing import Any, Generic, NoReturn, TypeVar

from sortedcontainers import SortedList

from qsdb.errors import InternalError, brief

__all__ = ["PLAIN_MAX", "Ordered"]

T = TypeVar("T")

Comparable = Any
"""What compares with all that is there."""

PLAIN_MAX = 2000
"""So many are kept in a plain list."""


class Ordered(Generic[T]):
    """Things that compare with each other; equal ones are there several times."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[T] = ()) -> None:
        """Begin with some. Cost: that of sorting them."""
        self._items: Any = sorted(items)
        self._settle()

    def __len__(self) -> int:
        """Give how many there are."""
        return len(self._items)

    def __getitem__(self, place: int) -> T:
        """Give what stands at a place, from 0 or, below 0, from the end."""
        found: T = self._items[place]
        return found

    def add(self, item: T) -> None:
        """Enter one. Cost: O(log n)."""
        items = self._items
        if type(items) is list:
            insort(items, item)
            if len(items) > PLAIN_MAX:
                self._settle()
        else:
            items.add(item)

    def remove(self, item: T) -> None:
        """Take one out. Cost: O(log n).

        Raises:
            InternalError: it is not there.
        """
        items = self._items
        if type(items) is list:
            place = bisect_left(items, item)
            if place == len(items) or items[place] != item:
                _refuse(item)
            del items[place]
            return
        try:
            items.remove(item)
        except ValueError:
            _refuse(item)

    def first(self, count: int) -> list[T]:
        """Give the first, so many or all there are. Cost: O(count)."""
        items = self._items
        return items[:count] if type(items) is list else [*islice(items, count)]

    def rank(self, bound: Comparable) -> int:
        """Give how many are less than a bound. Cost: O(log n)."""
        items = self._items
        if type(items) is list:
            return bisect_left(items, bound)
        rank: int = items.bisect_left(bound)
        return rank

    def between(self, low: Comparable, high: Comparable) -> list[T]:
        """Give those from a bound up to, not including, another, in order.

        Cost: O(log n + found).
        """
        items = self._items
        if type(items) is list:
            return items[bisect_left(items, low) : bisect_left(items, high)]
        return [*items.irange(low, high, (True, False))]

    def _settle(self) -> None:
        if len(self._items) > PLAIN_MAX:
            self._items = SortedList(self._items)


def _refuse(item: object) -> NoReturn:
    raise InternalError(f"{brief(item)} goes and is not there") from None
