"""`CurrentTable`: a table as it stands, for whoever holds the writer lock.

No notes are looked through: what the open transaction has written is seen. So it shows
the state between two transactions, and after one, before the next may begin.
"""

from qsdb.store.images import StoredTable
from qsdb.store.indexes import OrderedIndex
from qsdb.store.orders import StoredRow
from qsdb.store.paths import count_in
from qsdb.values.ranges import Range

__all__ = ["CurrentTable"]


class CurrentTable:
    """One table."""

    __slots__ = ("_stored",)

    def __init__(self, stored: StoredTable) -> None:
        """Read `stored`."""
        self._stored = stored

    def _scan(self) -> list[StoredRow]:
        """Give all rows."""
        return list(self._stored.rows.values())

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self._stored.rows)

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        """Give the number of rows that `_select` would give."""
        if number is None:
            return int(value in self._stored.rows)
        return count_in(self._stored.indexes[number], within, value)

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give rows by an index, as the handles of transactions do."""
        rows = self._stored.rows
        if number is None:
            row = rows.get(value)
            return [] if row is None else [row]
        index = self._stored.indexes[number]
        if isinstance(index, OrderedIndex):
            assert within is not None
            return [rows[key] for key in index.keys_between(within.low, within.high)]
        return [rows[key] for key in index.keys_equal(value)]

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as the handles of transactions have it
    ) -> list[StoredRow]:
        """Give the first rows that `_select` would give, or the last ones."""
        rows, index = self._stored.rows, self._stored.indexes[number]
        assert isinstance(index, OrderedIndex)
        low, high = within.low, within.high
        keys = index.keys_first(low, high, count, is_reversed=is_reversed)
        return [rows[key] for key in keys]
