"""`Intervals`: which of many intervals hold a value.

Bounds are order keys, sorted by their lower ends; above each run of intervals the
greatest upper end is known, in a binary tree that is implicit in the list. A look-up
goes down where the tree says that an interval may reach far enough: O(log n + found).

The list is built when it is first looked into after a change. A change between two
look-ups costs O(n log n) then, so a few that are new are kept apart and tried one by
one, and those that are gone are only marked.

Source: implicit interval trees, as in cgranges (H. Li, 2019).
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

__all__ = ["Intervals"]

T = TypeVar("T")

Key = object
"""What an end is compared by."""

APART_MIN = 32
"""So many new intervals are tried one by one before the list is built anew."""


class _Interval(Generic[T]):
    """One interval; an end that is None is open."""

    __slots__ = ("high", "includes_high", "includes_low", "is_gone", "item", "low")

    def __init__(
        self,
        low: tuple[Key, ...] | None,
        high: tuple[Key, ...] | None,
        ends: tuple[bool, bool],
        item: T,
    ) -> None:
        self.low, self.high = low, high
        self.includes_low, self.includes_high = ends
        self.item = item
        self.is_gone = False

    def holds(self, key: tuple[Key, ...]) -> bool:
        low, high = self.low, self.high
        if low is not None and not (low < key or (self.includes_low and low == key)):
            return False
        return high is None or key < high or (self.includes_high and key == high)


class Intervals(Generic[T]):
    """Intervals, each with an item."""

    def __init__(self) -> None:
        """Begin without any."""
        self._sorted: list[_Interval[T]] = []
        self._reach: list[tuple[Key, ...] | None] = []
        """Of a run that begins with 2ᵏ intervals at a multiple of 2ᵏ: see `_build`."""
        self._apart: list[_Interval[T]] = []
        self._gone = 0
        self._by_item: dict[T, _Interval[T]] = {}

    def __len__(self) -> int:
        """Give the number of intervals."""
        return len(self._by_item)

    def __contains__(self, item: T) -> bool:
        """Whether an item is there."""
        return item in self._by_item

    def add(
        self, item: T, low: Key | None, high: Key | None, ends: tuple[bool, bool]
    ) -> None:
        """Enter an interval.

        Args:
            item: What it is for; there is one of each.
            low: The order key of the lower end, or None.
            high: Of the upper end, or None.
            ends: Whether each end belongs to it.
        """
        interval = _Interval(_end(low), _end(high), ends, item)
        self._by_item[item] = interval
        self._apart.append(interval)

    def remove(self, item: T) -> None:
        """Take an interval out."""
        self._by_item.pop(item).is_gone = True
        self._gone += 1
        if self._gone > max(APART_MIN, len(self._by_item)):
            self._build()  # who is gone is not to be kept until the next look-up

    def holding(self, key: Key) -> Iterator[T]:
        """Yield the items of all intervals that hold a key."""
        if len(self._apart) + self._gone > max(APART_MIN, len(self._sorted) // 8):
            self._build()
        wanted = (key,)
        for interval in (*self._apart, *self._reaching(wanted)):
            if not interval.is_gone and interval.holds(wanted):
                yield interval.item

    def _reaching(self, wanted: tuple[Key, ...]) -> Iterator[_Interval[T]]:
        """Yield the sorted intervals that may hold a key."""
        pending = [(0, len(self._sorted))] if self._sorted else []
        while pending:
            start, end = pending.pop()
            middle = (start + end) // 2
            reach = self._reach[middle]
            if reach is not None and reach < wanted:
                continue  # nothing in this run comes so far
            interval = self._sorted[middle]
            yield interval
            if start < middle:
                pending.append((start, middle))
            begins = interval.low is None or not wanted < interval.low
            if begins and middle + 1 < end:
                pending.append((middle + 1, end))

    def _build(self) -> None:
        """Sort anew, and note of each run how far its intervals reach.

        A run from `start` to `end` is known by its middle, which is in no smaller
        run's middle place: so one list holds what all of them reach.
        """
        self._sorted = sorted(self._by_item.values(), key=_begin)
        self._apart, self._gone = [], 0
        self._reach = [None] * len(self._sorted)
        runs, at = [(0, len(self._sorted))], 0
        while at < len(runs):  # runs within runs, the outer ones first
            start, end = runs[at]
            at += 1
            middle = (start + end) // 2
            runs += [
                each
                for each in ((start, middle), (middle + 1, end))
                if each[0] < each[1]
            ]
        for start, end in reversed(runs):
            if start < end:
                self._reach[(start + end) // 2] = self._reach_of(start, end)

    def _reach_of(self, start: int, end: int) -> tuple[Key, ...] | None:
        """Give the greatest upper end in a run; None if one is open."""
        middle = (start + end) // 2
        ends = [self._sorted[middle].high]
        for low, high in ((start, middle), (middle + 1, end)):
            if low < high:
                ends.append(self._reach[(low + high) // 2])
        closed = [each for each in ends if each is not None]
        return max(closed) if len(closed) == len(ends) else None


def _end(key: Key | None) -> tuple[Key, ...] | None:
    """Give an end in a tuple, where None is a key like others."""
    return None if key is None else (key,)


def _begin(interval: _Interval[T]) -> tuple[bool, tuple[Key, ...]]:
    return (interval.low is not None, interval.low or ())
