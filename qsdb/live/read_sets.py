"""Which results a changed row concerns, where each is known by what was read for it.

A reader is whatever has a *read set* (`qsdb.store.watched`): points, ranges and whole
tables. A changed row concerns it if the old row or the new one is in the set. That is
found by a look-up for each index that somebody has read by, so a commit costs the same
however many readers it does not concern.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from qsdb.live.intervals import Intervals
from qsdb.live.tables import Pair, entry_of_index, value_of_index
from qsdb.schema.tables import TableSchema
from qsdb.sql.readable import StoredRow
from qsdb.store.watched import PointRead, RangeRead, Read
from qsdb.values.ranges import Range

__all__ = ["ReadSets"]

R = TypeVar("R", bound=Hashable)


class _Points(Generic[R]):
    """Who has read by one index: value → readers."""

    def __init__(self, value_of: Callable[[StoredRow], object]) -> None:
        self.value_of = value_of
        self.readers: dict[object, dict[R, None]] = {}


class _Ranges(Generic[R]):
    """Who has read ranges of one ordered index."""

    def __init__(self, entry_of: Callable[[StoredRow], object]) -> None:
        self.entry_of = entry_of
        self.intervals: Intervals[tuple[R, Range]] = Intervals()


class _Table(Generic[R]):
    """Who has read of one table."""

    def __init__(self, schema: TableSchema) -> None:
        self.schema = schema
        self.points: dict[int | None, _Points[R]] = {}
        self.ranges: dict[int, _Ranges[R]] = {}
        self.whole: dict[R, None] = {}

    def __bool__(self) -> bool:
        return bool(self.points or self.ranges or self.whole)

    def add(self, reader: R, read: Read) -> None:
        match read:
            case PointRead(number=number, value=value):
                points = self.points.get(number)
                if points is None:
                    points = _Points(value_of_index(self.schema, number))
                    self.points[number] = points
                points.readers.setdefault(value, {})[reader] = None
            case RangeRead(number=number, within=within):
                ranges = self.ranges.get(number)
                if ranges is None:
                    ranges = _Ranges(entry_of_index(self.schema, number))
                    self.ranges[number] = ranges
                low, high = within.low, within.high
                if (reader, within) not in ranges.intervals:
                    ranges.intervals.add((reader, within), low, high, (True, False))
            case _:
                self.whole[reader] = None

    def remove(self, reader: R, read: Read) -> None:
        match read:
            case PointRead(number=number, value=value):
                points = self.points.get(number)
                if points is not None and value in points.readers:
                    points.readers[value].pop(reader, None)
                    if not points.readers[value]:
                        del points.readers[value]
                    if not points.readers:
                        del self.points[number]
            case RangeRead(number=number, within=within):
                ranges = self.ranges.get(number)
                if ranges is not None and (reader, within) in ranges.intervals:
                    ranges.intervals.remove((reader, within))
                    if not ranges.intervals:
                        del self.ranges[number]
            case _:
                self.whole.pop(reader, None)

    def concerned(self, pairs: Sequence[Pair], found: dict[R, None]) -> None:
        found.update(self.whole)
        for pair in pairs:
            for row in pair:
                if row is None:
                    continue
                for points in self.points.values():
                    found.update(points.readers.get(points.value_of(row), {}))
                for ranges in self.ranges.values():
                    for reader, _ in ranges.intervals.holding(ranges.entry_of(row)):
                        found[reader] = None


class ReadSets(Generic[R]):
    """Readers, and what each has read.

    Entering and leaving what is so already is no error, so that either may be done
    again after an interrupt.
    """

    def __init__(self, schema_of: Callable[[str], TableSchema]) -> None:
        """Begin without any.

        Args:
            schema_of: Gives the schema of a table by its name.
        """
        self._schema_of = schema_of
        self._tables: dict[str, _Table[R]] = {}

    def __contains__(self, table: str) -> bool:
        """Whether anybody has read of a table."""
        return table in self._tables

    def __len__(self) -> int:
        """Give the number of tables of which somebody has read."""
        return len(self._tables)

    def enter(self, reader: R, reads: Iterable[Read]) -> None:
        """Note what a reader has read."""
        for read in reads:
            table = self._tables.get(read.table)
            if table is None:
                table = self._tables[read.table] = _Table(self._schema_of(read.table))
            table.add(reader, read)

    def leave(self, reader: R, reads: Iterable[Read]) -> None:
        """Forget that a reader has read something."""
        for read in reads:
            table = self._tables.get(read.table)
            if table is not None:
                table.remove(reader, read)
                if not table:
                    del self._tables[read.table]

    def concerned(self, table: str, pairs: Sequence[Pair]) -> dict[R, None]:
        """Give the readers that a change of a table concerns.

        Args:
            table: Its name.
            pairs: Old and new row of each key that changed.
        """
        found: dict[R, None] = {}
        readers = self._tables.get(table)
        if readers is not None:
            readers.concerned(pairs, found)
        return found
