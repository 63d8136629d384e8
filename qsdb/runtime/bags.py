"""`Bag`: the result of one query, as it is known to whoever asked."""

from collections import Counter

from qsdb.live.operators import Difference
from qsdb.runtime.updates import Update
from qsdb.sql.loops import StoredRow

__all__ = ["Bag"]


class Bag:
    """A result: rows, each as often as it is there.

    Attributes:
        rows: As a list, while nothing has changed.
    """

    __slots__ = ("_counts", "_due", "_rows")

    def __init__(self, rows: list[StoredRow]) -> None:
        """Begin with rows."""
        self._rows = rows
        self._counts: Counter[StoredRow] | None = None
        self._due: tuple[int, dict[StoredRow, int]] = (0, {})
        """The last change, and how often each of its rows is there after it."""

    @property
    def rows(self) -> list[StoredRow]:
        """The rows, in a list of the caller's own."""
        return [*(self._rows if self._counts is None else self._counts.elements())]

    def apply(self, update: Update) -> None:
        """Take a change in; the last one twice is once.

        All of it is seen, or nothing, by other threads and after an interrupt.
        """
        if update.is_event:
            return
        if self._counts is None:
            self._counts = Counter(self._rows)
            self._rows = []
        counts = self._counts
        if self._due[0] != update.offset:
            self._due = (update.offset, _counted(counts, update.difference))
        _, changed = self._due
        dict.update(counts, changed)  # in one go
        for row, count in changed.items():
            if not count:
                counts.pop(row, None)


def _counted(
    counts: Counter[StoredRow], difference: Difference
) -> dict[StoredRow, int]:
    """Give how often each row that changes is there after that."""
    changed: dict[StoredRow, int] = {}
    for row in difference.inserts:
        changed[row] = changed.get(row, counts[row]) + 1
    for row in difference.deletes:
        changed[row] = changed.get(row, counts[row]) - 1
    return changed
