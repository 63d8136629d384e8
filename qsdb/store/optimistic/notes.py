"""`Notes`: what a transaction has read of a table, but for rows by their key.

Beside each note stands the question whether other transactions have changed what was
read. It is asked of the *net change* of the table since the transaction began: the row
that was there under each key, and the one that is there now. A key where both are equal
has not changed, whatever happened in between: what was read is true again at the
commit, and that is all that an order of transactions asks for.

==========  ==================================  ==================================
note        what was read                       changed if
==========  ==================================  ==================================
point       the rows under a value of an index  an old or new row has the value
range       those in a range of an ordered one  an old or new row lies in it
predicate   those for which a test is true      it is true of an old or new row
whole       all rows                            anything has changed
size        how many there are                  there are more or fewer
==========  ==================================  ==================================

A test that raises of a row counts as true: in its place the query would have raised.
"""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence

from qsdb.errors import QueryError
from qsdb.store.images import StoredTable
from qsdb.store.indexes import OrderedIndex
from qsdb.store.orders import StoredRow
from qsdb.values.ranges import Range

__all__ = ["Notes", "Pair", "Test", "net_changes"]

Pair = tuple[StoredRow | None, StoredRow | None]
"""The row that was there under a key, and the one that is there now."""

Test = Callable[[StoredRow], object]
"""Whether a row was asked for."""


class Notes:
    """Notes of one table in one transaction.

    Attributes:
        is_whole: Whether all rows were read.
        has_size: Whether their number was.
        predicates: Condition → its test; the rows that meet any were read.
    """

    __slots__ = (
        "_points",
        "_ranges",
        "has_size",
        "is_whole",
        "predicates",
    )

    def __init__(self) -> None:
        """Begin without any."""
        self._points: dict[int, set[object]] = {}
        self._ranges: dict[int, list[Range]] = {}
        self.predicates: dict[Hashable, Test] = {}
        self.is_whole = self.has_size = False

    def add(self, number: int, within: Range | None, value: object) -> None:
        """Note a look-up in an index: a range of an ordered one, else a value."""
        if within is None:
            self._points.setdefault(number, set()).add(value)
        else:
            self._ranges.setdefault(number, []).append(within)

    def what_changed(self, table: StoredTable, changes: Sequence[Pair]) -> str | None:
        """Say what others have done to what was read; None if nothing.

        Args:
            table: The table.
            changes: Its net change since the transaction began.
        """
        if not changes:
            return None
        if self.is_whole:
            return "changed a row, and all were read"
        rows = [row for pair in changes for row in pair if row is not None]
        for number, values in self._points.items():
            index = table.indexes[number]
            assert not isinstance(index, OrderedIndex)
            if any(index.value_of(row) in values for row in rows):
                return _by(table, number)
        for number, ranges in self._ranges.items():
            if _is_in_one(table, number, ranges, rows):
                return _by(table, number)
        if any(_is_met(test, row) for test in self.predicates.values() for row in rows):
            return "changed a row that a query asks for"
        return None


def _by(table: StoredTable, number: int) -> str:
    name = table.bound.schema.indexes[number].accessor
    return f"changed a row that was looked for by index {name}"


def _is_in_one(
    table: StoredTable, number: int, ranges: Sequence[Range], rows: Sequence[StoredRow]
) -> bool:
    """Whether a row lies in one of some ranges. Cost: (rows + ranges) · log rows."""
    index = table.indexes[number]
    assert isinstance(index, OrderedIndex)
    entries = sorted(map(index.entry_of, rows))
    return any(_holds_one(each, entries) for each in ranges)


def _holds_one(within: Range, entries: Sequence[StoredRow]) -> bool:
    """Whether a range holds one of some entries, which are in order."""
    low, high = within.low, within.high
    first = 0 if low is None else bisect_left(entries, low)
    return first < len(entries) and (high is None or entries[first] < high)


def _is_met(test: Test, row: StoredRow) -> bool:
    try:
        return bool(test(row))
    except QueryError:
        return True


def net_changes(
    before: dict[object, StoredRow | None], now: Callable[[object], StoredRow | None]
) -> Iterator[Pair]:
    """Yield what has changed.

    Args:
        before: Row key → the row that was there, of all keys that were touched.
        now: Gives the row that is there.
    """
    for key, old in before.items():
        new = now(key)
        if new is not old and new != old:
            yield old, new
