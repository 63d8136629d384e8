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
    """The rows that came into a cache with a commit, and those that went."""

    came: list[StoredRow]
    went: list[StoredRow]


class Counts:
    """Row → how often it is there; never 0."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        """Begin empty."""
        self._counts: dict[StoredRow, int] = {}

    def __getitem__(self, row: StoredRow) -> int:
        """Give how often a row is there."""
        return self._counts.get(row, 0)

    def move(self, inserts: Iterable[StoredRow], deletes: Iterable[StoredRow]) -> Moved:
        """Count what comes and what goes, and say what is new and what is gone.

        Raises:
            ValueError: a row goes more often than it was there; the counts are as they
                were.
        """
        change = _net(inserts, deletes)
        counts = self._counts
        for row, difference in change.items():
            if counts.get(row, 0) + difference < 0:
                raise ValueError(f"{row!r} goes, and is not there")
        moved = Moved([], [])
        for row, difference in change.items():
            if not difference:
                continue
            before = counts.get(row, 0)
            after = before + difference
            if after:
                counts[row] = after
            else:
                del counts[row]
            if not before:
                moved.came.append(row)
            elif not after:
                moved.went.append(row)
        return moved

    def would_move(
        self, inserts: Iterable[StoredRow], deletes: Iterable[StoredRow]
    ) -> Moved | None:
        """Say what `move` would; None if a row goes more often than it is there."""
        counts = self._counts
        moved = Moved([], [])
        for row, difference in _net(inserts, deletes).items():
            before = counts.get(row, 0)
            after = before + difference
            if after < 0:
                return None
            if after and not before:
                moved.came.append(row)
            elif before and not after:
                moved.went.append(row)
        return moved


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
