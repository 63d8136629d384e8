"""`DistinctRows`: each row once, however often it is there.

State: how often each row is there. It is told of when it comes for the first time, and
when it goes for the last one. NULLs are alike here, and NaNs.
"""

from qsdb.live.states.changes import Change
from qsdb.sql.readable import StoredRow

__all__ = ["DistinctRows"]


class DistinctRows:
    """DISTINCT."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._counts: dict[StoredRow, int] = {}

    def fill(self, rows: list[StoredRow]) -> list[StoredRow]:
        """Have these rows and no others, and give the result. Cost: O(rows)."""
        self._counts = {}
        self.change(rows, [])
        return self.rows()

    def change(self, inserts: list[StoredRow], deletes: list[StoredRow]) -> Change:
        """Take in what came and what went, and give how the result changes.

        Cost: O(changes).
        """
        counts = self._counts
        before: dict[StoredRow, int] = {}
        for row in inserts:
            count = counts.get(row, 0)
            before.setdefault(row, count)
            counts[row] = count + 1
        for row in deletes:
            count = counts[row]
            before.setdefault(row, count)
            counts[row] = count - 1
        came: list[StoredRow] = []
        went: list[StoredRow] = []
        for row, was in before.items():
            if not counts[row]:
                del counts[row]
                went.append(row)
            elif not was:
                came.append(row)
        return came, went

    def rows(self) -> list[StoredRow]:
        """Give the result. Cost: O(rows)."""
        return [*self._counts]

    def __len__(self) -> int:
        """Give the number of different rows."""
        return len(self._counts)
