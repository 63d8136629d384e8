"""`Bag`: the result of one query, as it is known to whoever asked."""

from collections import Counter

from qsdb.runtime.updates import Update
from qsdb.sql.loops import StoredRow

__all__ = ["Bag"]


class Bag:
    """A result: rows, each as often as it is there.

    Attributes:
        rows: As a list, while nothing has changed.
    """

    __slots__ = ("_counts", "_rows")

    def __init__(self, rows: list[StoredRow]) -> None:
        """Begin with rows."""
        self._rows = rows
        self._counts: Counter[StoredRow] | None = None

    @property
    def rows(self) -> list[StoredRow]:
        """The rows, in a list of the caller's own."""
        return [*(self._rows if self._counts is None else self._counts.elements())]

    def apply(self, update: Update) -> None:
        """Take a change in."""
        counts = self._counts
        if counts is None:
            counts = self._counts = Counter(self._rows)
            self._rows = []
        for row in update.difference.inserts:
            counts[row] += 1
        for row in update.difference.deletes:
            left = counts[row] - 1
            if left:
                counts[row] = left
            else:
                del counts[row]
