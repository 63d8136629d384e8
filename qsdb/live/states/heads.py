"""`IndexedWindow`: a window on rows that somebody else has in order.

State: only the beginning of the order, a few rows longer than the window reaches. Where
a table has an ordered index that fits, thousands of windows on it need no more. What is
behind that beginning costs a comparison; what leaves it is made up from the index, some
rows at a time, so most commits do not come to read any.
"""

import heapq
from collections.abc import Callable, Sequence

from qsdb.live.states.ordered import Ordered
from qsdb.live.states.sorting import Entry
from qsdb.live.states.windows import Move, Window
from qsdb.sql.readable import StoredRow
from qsdb.values.ranges import TOP

__all__ = ["IndexedWindow", "ReadAfter"]

SPARE = 16
"""So many rows more than needed are read; twice as many are kept at most."""

_BEGIN: Entry = ()
_END: Entry = (TOP,)

ReadAfter = Callable[[Entry, int, int], list[StoredRow]]
"""Gives the first rows that stand behind an entry without its row, as the tables are
now. It is told how many rows stand before that, and how many rows are wanted; it gives
so many, or all there are, in the order of the entries."""


class IndexedWindow(Window):
    """ORDER BY with LIMIT and OFFSET, beside an index."""

    def __init__(
        self,
        entry_of: Callable[[StoredRow], Entry],
        read_after: ReadAfter,
        offset: int,
        limit: int,
    ) -> None:
        """Begin without rows."""
        self._read_after = read_after
        self._reach = _END
        """All rows up to this are in the beginning, and no others."""
        super().__init__(entry_of, offset, limit)

    def fill(self, rows: list[StoredRow]) -> list[StoredRow]:
        """Have the first of these rows, and give the window. Cost: O(n)."""
        entries = heapq.nsmallest(self._wanted + SPARE, map(self._entry_of, rows))
        self._entries = Ordered(entries)
        self._reach = _END if len(entries) == len(rows) else entries[-1][:-1]
        self._set_ends()
        return self.rows()

    def moves(
        self, inserts: list[StoredRow], deletes: list[StoredRow]
    ) -> Sequence[Move]:
        found = super().moves(inserts, deletes)
        self._trim()  # only now, when the rows that have left are told
        return found

    def resize(self, offset: int, limit: int | None) -> Sequence[Move]:
        found = super().resize(offset, limit)
        self._trim()
        return found

    def _take(
        self, gone: list[Entry], come: list[Entry]
    ) -> tuple[list[Entry], list[Entry]]:
        reach = self._reach
        return super()._take(
            [each for each in gone if not reach < each[:-1]],
            [each for each in come if not reach < each[:-1]],
        )

    def _set_ends(self) -> None:
        """Read on, where the beginning has become too short for the window."""
        entries = self._entries
        missing = self._wanted - len(entries)
        if missing > 0 and self._reach is not _END:
            count = missing + SPARE
            found = self._read_after(self._reach, len(entries), count)
            for row in found:
                entries.add(self._entry_of(row))
            self._reach = entries[-1][:-1] if len(found) == count else _END
        super()._set_ends()

    def _trim(self) -> None:
        """Forget what is far behind the window."""
        if len(self._entries) > self._wanted + 2 * SPARE:
            end = self._entries[self._wanted + SPARE][:-1]
            self._entries = Ordered(self._entries.between(_BEGIN, end))
            self._reach = self._entries[-1][:-1]

    @property
    def _wanted(self) -> int:
        """How many rows are needed: those up to the one at which the window ends."""
        assert self.limit is not None
        return self.offset + self.limit + 1
