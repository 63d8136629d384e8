"""Rows with counts: how often each is in the results that a connection has.

A row that several queries give, or a join gives several times, is one row with a count.
It is in the cache as long as that is above 0, and only coming in and going out is told.
Whatever belongs to one commit is counted together, what comes before what goes: so a
row that one query loses and another finds in the same commit was never away.
"""

from collections.abc import Iterable

import attrs

from qsdb.store.orders import StoredRow

__all__ = ["Counts", "Moved"]


@attrs.frozen
class Moved:
    """The rows that come into a cache with a commit, and those that go.

    Attributes:
        came: Those.
        went: And these.
        counts: Row → how often it is there then, of all whose number changes.
    """

    came: list[StoredRow]
    went: list[StoredRow]
    counts: dict[StoredRow, int] = attrs.field(factory=dict, eq=False)


class Counts:
    """Row → how often it is there; never 0."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        """Begin empty."""
        self._counts: dict[StoredRow, int] = {}

    def __getitem__(self, row: StoredRow) -> int:
        """Give how often a row is there."""
        return self._counts.get(row, 0)

    def after(
        self, inserts: Iterable[StoredRow], deletes: Iterable[StoredRow]
    ) -> Moved:
        """Count what comes and what goes, and say what is new and what is gone.

        Nothing is changed by that: `take` does it.

        Raises:
            ValueError: a row goes more often than it is there.
        """
        counts = self._counts
        moved = Moved([], [])
        for row, difference in _net(inserts, deletes).items():
            if not difference:
                continue
            before = counts.get(row, 0)
            moved.counts[row] = after = before + difference
            if after < 0:
                raise ValueError(f"{row!r} goes, and is not there")
            if not before:
                moved.came.append(row)
            elif not after:
                moved.went.append(row)
        return moved

    def take(self, moved: Moved) -> None:
        """Have the rows that there are then; twice is once."""
        counts = self._counts
        for row, count in moved.counts.items():
            if count:
                counts[row] = count
            else:
                counts.pop(row, None)


def _net(
    inserts: Iterable[StoredRow], deletes: Iterable[StoredRow]
) -> dict[StoredRow, int]:
    """Give by how much the count of each row changes.

    In a plain dict: a Counter costs more to make than this costs to fill.
    """
    change: dict[StoredRow, int] = {}
    for row in inserts:
        change[row] = change.get(row, 0) + 1
    for row in deletes:
        change[row] = change.get(row, 0) - 1
    return change
