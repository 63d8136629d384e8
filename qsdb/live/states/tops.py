"""`Tops`: the first rows of each group, in an order.

State: all rows of each group in order, as entries (`qsdb.live.states.sorting`). When
one of the first rows goes the next one is at hand. A commit is told of each group that
it touches by what the first rows were and what they are, so a row that is taken out and
put in again as it was is not told.
"""

import sys
from collections.abc import Callable

from qsdb.live.states.changes import Change, cancelled
from qsdb.live.states.ordered import Ordered
from qsdb.live.states.sorting import Entry
from qsdb.sql.readable import StoredRow
from qsdb.values.kinds import Stored

__all__ = ["Tops"]


class Tops:
    """QUALIFY ROW_NUMBER() OVER (PARTITION BY … ORDER BY …) <= limit.

    Entries are equal only where rows are so in all; of these it does not matter which
    comes first.
    """

    def __init__(
        self,
        group_of: Callable[[StoredRow], Stored],
        entry_of: Callable[[StoredRow], Entry],
        limit: int,
    ) -> None:
        """Begin without rows.

        Args:
            group_of: Gives what rows of one group have in common.
            entry_of: Gives the entry of a row.
            limit: How many rows of each group to have at most.
        """
        self._group_of, self._entry_of = group_of, entry_of
        self._limit = min(limit, sys.maxsize)  # as many as can be counted
        self._groups: dict[Stored, Ordered[Entry]] = {}

    def fill(self, rows: list[StoredRow]) -> list[StoredRow]:
        """Have these rows and no others, and give the result. Cost: O(n log n)."""
        group_of, entry_of = self._group_of, self._entry_of
        groups: dict[Stored, list[Entry]] = {}
        for row in rows:
            groups.setdefault(group_of(row), []).append(entry_of(row))
        self._groups = {key: Ordered(entries) for key, entries in groups.items()}
        return self.rows()

    def change(self, inserts: list[StoredRow], deletes: list[StoredRow]) -> Change:
        """Take in what came and what went, and give how the result changes.

        Cost: O(log n) for a row of a group of n, and O(limit) for a group.
        """
        group_of, entry_of = self._group_of, self._entry_of
        before: dict[Stored, list[StoredRow]] = {}
        for row in deletes:
            key = group_of(row)
            if key not in before:
                before[key] = self._first(key)
            self._groups[key].remove(entry_of(row))
        for row in inserts:
            key = group_of(row)
            if key not in before:
                before[key] = self._first(key)
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = Ordered()
            group.add(entry_of(row))
        came: list[StoredRow] = []
        went: list[StoredRow] = []
        for key, was in before.items():
            inserted, deleted = cancelled(self._first(key), was)
            came += inserted
            went += deleted
            if not self._groups[key]:
                del self._groups[key]
        return came, went

    def rows(self) -> list[StoredRow]:
        """Give the result. Cost: O(rows of it)."""
        return [row for key in self._groups for row in self._first(key)]

    def __len__(self) -> int:
        """Give the number of groups."""
        return len(self._groups)

    def _first(self, key: Stored) -> list[StoredRow]:
        group = self._groups.get(key)
        if group is None:
            return []
        return [entry[-1] for entry in group.first(self._limit)]
