"""`Numbered`: a bag as a set, in which equal rows have different numbers at their ends.

State: how often each row is there. So a window on what is no set has a total order too;
equal rows are alike, so it does not matter which of them stands first.
"""

from qsdb.live.states.changes import Change
from qsdb.sql.readable import StoredRow

__all__ = ["Numbered"]


class Numbered:
    """Rows with a number behind: 0, and 1, 2, … if they are there more than once."""

    def __init__(self) -> None:
        """Begin without rows."""
        self._counts: dict[StoredRow, int] = {}

    def fill(self, rows: list[StoredRow]) -> list[StoredRow]:
        """Have these rows and no others, and give the result. Cost: O(rows)."""
        self._counts = {}
        return self.change(rows, [])[0]

    def change(self, inserts: list[StoredRow], deletes: list[StoredRow]) -> Change:
        """Take in what came and what went, and give how the result changes.

        Cost: O(changes).
        """
        counts = self._counts
        came: list[StoredRow] = []
        went: list[StoredRow] = []
        for row in inserts:
            count = counts.get(row, 0)
            counts[row] = count + 1
            came.append((*row, count))
        for row in deletes:
            count = counts[row] - 1
            if count:
                counts[row] = count
            else:
                del counts[row]
            went.append((*row, count))
        return came, went

    def rows(self) -> list[StoredRow]:
        """Give the result. Cost: O(rows)."""
        return [
            (*row, number)
            for row, count in self._counts.items()
            for number in range(count)
        ]
