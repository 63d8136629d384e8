"""Tables as live queries read them: now, and as they were before the commit.

In the middle of a commit the rows of a table are the new ones already. What they were
before is told by its `Pairs`, the rows that came and those that went: `Before` puts
those back. So a join can look at one table as it is and at another as it was.

Where a join has no index to look up by, a `JoinIndex` is kept for it.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from qsdb.schema.tables import TableSchema
from qsdb.sql.paths import paths_of
from qsdb.sql.readable import Readable, StoredRow
from qsdb.store.orders import entry_function
from qsdb.values.kinds import Stored
from qsdb.values.ranges import Range

__all__ = [
    "Before",
    "FoundRows",
    "JoinIndex",
    "Now",
    "Pair",
    "Pairs",
    "Rows",
    "entry_of_index",
    "parted",
    "value_of_index",
]

Pair = tuple[StoredRow | None, StoredRow | None]
"""What stood under a key and what stands there now; never two equal rows."""


Pairs = list[Pair]
"""What a commit did to one table, net: old and new row of each key."""


def parted(pairs: Sequence[Pair]) -> tuple[list[StoredRow], list[StoredRow]]:
    """Give the rows that came, and those that went."""
    if len(pairs) == 1:  # as with most commits
        [(old, new)] = pairs
        return [] if new is None else [new], [] if old is None else [old]
    return (
        [new for _, new in pairs if new is not None],
        [old for old, _ in pairs if old is not None],
    )


class Rows:
    """A few rows in the place of a table, for a plan that begins with them."""

    __slots__ = ("rows",)

    def __init__(self, rows: list[StoredRow]) -> None:
        """Stand for rows."""
        self.rows = rows

    def _scan(self) -> list[StoredRow]:
        return self.rows

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give all of them: a plan that begins with them tests every condition."""
        return self.rows


class JoinIndex:
    """value of a column → the rows with it."""

    __slots__ = ("column", "rows", "users")

    def __init__(self, column: int, rows: Iterable[StoredRow]) -> None:
        """Enter rows."""
        self.column = column
        self.users = 0
        """How many templates need it."""
        self.rows: dict[Stored, dict[StoredRow, None]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: StoredRow) -> None:
        """Enter a row; twice is once."""
        value = row[self.column]
        if value is not None:  # which equals nothing
            self.rows.setdefault(value, {})[row] = None

    def remove(self, row: StoredRow) -> None:
        """Take a row out, if it is there."""
        value = row[self.column]
        bucket = self.rows.get(value)
        if bucket is not None:
            bucket.pop(row, None)
            if not bucket:
                del self.rows[value]


class Now:
    """A table as it is, with the indexes that joins need besides.

    Attributes:
        schema: Of the table.
        indexes: Column → index.
    """

    def __init__(self, schema: TableSchema, table: Readable) -> None:
        """Read a table that changes under this object."""
        self.schema = schema
        self.indexes: dict[int, JoinIndex] = {}
        self._table = table
        self._scan = table._scan
        self._values_of: Mapping[int | None, Callable[[StoredRow], Stored]] = {
            path.number: itemgetter(*path.columns)
            for path in paths_of(schema)
            if not path.is_ordered
        }
        self._entries_of: dict[int, Callable[[StoredRow], StoredRow]] = {}

    def keep_index(self, column: int) -> None:
        """Have an index of a column. Cost: O(rows), if nobody had one."""
        index = self.indexes.get(column)
        if index is None:
            index = self.indexes[column] = JoinIndex(column, self._table._scan())
        index.users += 1

    def drop_index(self, column: int) -> None:
        """Need an index no more; when nobody does it is gone."""
        index = self.indexes[column]
        index.users -= 1
        if not index.users:
            del self.indexes[column]

    def keep_only(self, columns: Sequence[int]) -> None:
        """Have indexes of these columns, each for as many as it is there."""
        indexes = {
            column: self.indexes.get(column) or JoinIndex(column, self._table._scan())
            for column in columns
        }
        for column, index in indexes.items():
            index.users = columns.count(column)
        self.indexes = indexes

    def apply(self, pairs: Pairs) -> None:
        """Move the entries of the indexes; twice is once."""
        for index in self.indexes.values():
            for old, _ in pairs:
                if old is not None:
                    index.remove(old)
            for _, new in pairs:
                if new is not None:
                    index.add(new)

    def value_of(self, number: int | None) -> Callable[[StoredRow], Stored]:
        """Give what an index without order knows a row by."""
        if number is not None and number < 0:
            return itemgetter(-1 - number)
        return self._values_of[number]

    def entry_of(self, number: int) -> Callable[[StoredRow], StoredRow]:
        """Give what an ordered index sorts a row by."""
        entry_of = self._entries_of.get(number)
        if entry_of is None:
            entry_of = self._entries_of[number] = entry_of_index(self.schema, number)
        return entry_of

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as tables have it
    ) -> list[StoredRow]:
        table: Any = self._table  # one that has an ordered index
        rows: list[StoredRow] = table._first(number, within, count, is_reversed)
        return rows

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        if number is not None and number < 0:
            return len(self.indexes[-1 - number].rows.get(value, ()))
        table: Any = self._table  # of whatever sort, it can count
        count: int = table._count(number, within, value)
        return count

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        if number is not None and number < 0:
            return [*self.indexes[-1 - number].rows.get(value, ())]
        return self._table._select(number, within, value)


def value_of_index(
    schema: TableSchema, number: int | None
) -> Callable[[StoredRow], object]:
    """Give what an index without order knows a row by.

    None is what the table keeps its rows by.
    """
    for path in paths_of(schema):
        if path.number == number:
            return itemgetter(*path.columns)
    return lambda row: row  # its own key


def entry_of_index(
    schema: TableSchema, number: int
) -> Callable[[StoredRow], StoredRow]:
    """Give what an ordered index sorts a row by."""
    return entry_function(schema, schema.indexes[number].columns)


class FoundRows(Rows):
    """A few rows in the place of a table, for a plan that looks them up.

    By an index they give what the index would: where a plan looks for one of several
    values after the other, no row may come twice.
    """

    __slots__ = ("_by_value", "_in_order", "_now")

    def __init__(self, rows: list[StoredRow], now: Now) -> None:
        """Stand for rows of a table."""
        super().__init__(rows)
        self._now = now
        self._by_value: dict[int | None, dict[Stored, list[StoredRow]]] = {}
        self._in_order: dict[int, tuple[list[StoredRow], list[StoredRow]]] = {}

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        if within is not None:
            assert number is not None
            return self._between(number, within)
        return self._equal(number).get(value, [])

    def _equal(self, number: int | None) -> Mapping[Stored, list[StoredRow]]:
        by_value = self._by_value.get(number)
        if by_value is None:
            by_value = self._by_value[number] = {}
            value_of = self._now.value_of(number)
            for row in self.rows:
                by_value.setdefault(value_of(row), []).append(row)
        return by_value

    def _between(self, number: int, within: Range) -> list[StoredRow]:
        in_order = self._in_order.get(number)
        if in_order is None:
            entry_of = self._now.entry_of(number)
            rows = sorted(self.rows, key=entry_of)
            in_order = self._in_order[number] = ([*map(entry_of, rows)], rows)
        entries, rows = in_order
        start = 0 if within.low is None else bisect_left(entries, within.low)
        end = len(rows) if within.high is None else bisect_left(entries, within.high)
        return rows[start:end]


class Before:
    """A table as it was before a commit; by an index it gives what the index gave."""

    def __init__(self, now: Now, pairs: Pairs) -> None:
        """Put back what a commit took away."""
        self._now = now
        inserts, deletes = parted(pairs)
        self._deletes = FoundRows(deletes, now)
        self._inserted = frozenset(inserts)
        self._inserts: FoundRows | None = None
        """The same, once somebody counts."""

    def _scan(self) -> list[StoredRow]:
        return self._old(self._now._scan()) + self._deletes.rows

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        if number is None:  # then it is one row at most
            return len(self._select(number, within, value))
        count = self._now._count(number, within, value)
        if self._inserted:
            if self._inserts is None:
                self._inserts = FoundRows([*self._inserted], self._now)
            count -= len(self._inserts._select(number, within, value))
        if self._deletes.rows:
            count += len(self._deletes._select(number, within, value))
        return count

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        found = self._old(self._now._select(number, within, value))
        if self._deletes.rows:
            found = found + self._deletes._select(number, within, value)
        return found

    def _old(self, rows: list[StoredRow]) -> list[StoredRow]:
        inserted = self._inserted
        return [row for row in rows if row not in inserted] if inserted else rows
