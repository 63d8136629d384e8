"""Which live queries a changed row concerns, without asking each of them.

A *reader* is one table of one live query: a self-join has two. It is entered in one
place of its table's `Routes`, the first that its conditions allow:

1. *by value*: a column equals one of some values. A row is looked up by its value in
   each column by which somebody is entered;
2. *by interval*: a column lies between two ends;
3. *always*: everything concerns it;
4. *never*: nothing concerns it, and yet it is to be known that the table changes: the
   others of a query that tells of events, which look into it.

So a commit costs a look-up for each such column and changed row, and work for those
who are concerned. Besides, a change of columns that a reader does not look at does not
concern it.
"""

import functools
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import attrs

from qsdb.live.intervals import Intervals
from qsdb.live.tables import Pair
from qsdb.sql.readable import StoredRow
from qsdb.values.kinds import Kind, Stored

__all__ = ["Always", "ByInterval", "ByValue", "Never", "Reader", "Route", "Routes"]


class Reader:
    """One table of one live query.

    Attributes:
        owner: The live query.
        source: Which of its tables.
        columns: Places of the columns that it looks at; None for all of them.
        look: Gives what it looks at of a row; None for all of it.
    """

    __slots__ = ("columns", "look", "owner", "route", "source")

    def __init__(
        self,
        owner: object,
        source: int,
        columns: frozenset[int] | None,
        route: "Route",
    ) -> None:
        """Prepare; `Routes.add` enters it."""
        self.owner: Any = owner
        self.source = source
        self.columns = columns
        self.look = None if columns is None else _look_at(columns)
        self.route = route


@attrs.frozen
class ByValue:
    """Rows whose column has one of some values."""

    column: int
    values: tuple[Stored, ...]


@attrs.frozen
class ByInterval:
    """Rows whose column lies between two ends; one that is None is open."""

    column: int
    kind: Kind
    low: Stored
    high: Stored
    ends: tuple[bool, bool]


@attrs.frozen
class Always:
    """All rows."""


@attrs.frozen
class Never:
    """No row."""


Route = ByValue | ByInterval | Always | Never

FEW = 8
"""A dict of one reader has five times the size of a tuple of one."""

Readers = tuple[Reader, ...] | dict[Reader, None]
"""Several readers, each once; a dict where they are not few."""

Concerned = dict[Reader, list[Pair]]
"""Reader → what concerns it; where a row is no more concerned, it is None there."""


class Routes:
    """The readers of one table."""

    def __init__(self) -> None:
        """Begin without any."""
        self._by_value: dict[int, dict[Stored, Readers]] = {}
        self._by_interval: dict[int, tuple[Kind, Intervals[Reader]]] = {}
        self._always: dict[Reader, None] = {}
        self._never: dict[Reader, None] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        concerned = self._by_value or self._by_interval or self._always
        return bool(concerned or self._never)

    def add(self, reader: Reader) -> None:
        """Enter a reader."""
        match reader.route:
            case ByValue(column=column, values=values):
                by_value = self._by_value.setdefault(column, {})
                for value in values:
                    by_value[value] = _with(by_value.get(value, ()), reader)
            case ByInterval(column=column, kind=kind, low=low, high=high, ends=ends):
                _, intervals = self._by_interval.setdefault(column, (kind, Intervals()))
                bounds = [
                    None if end is None else kind.order(end) for end in (low, high)
                ]
                intervals.add(reader, bounds[0], bounds[1], ends)
            case Never():
                self._never[reader] = None
            case _:
                self._always[reader] = None

    def remove(self, reader: Reader) -> None:
        """Take a reader out."""
        match reader.route:
            case ByValue(column=column, values=values):
                by_value = self._by_value[column]
                for value in values:
                    readers = _without(by_value[value], reader)
                    if readers:
                        by_value[value] = readers
                    else:
                        del by_value[value]
                if not by_value:
                    del self._by_value[column]
            case ByInterval(column=column):
                _, intervals = self._by_interval[column]
                intervals.remove(reader)
                if not intervals:
                    del self._by_interval[column]
            case Never():
                del self._never[reader]
            case _:
                del self._always[reader]

    def concerned(self, pairs: list[Pair]) -> Concerned:
        """Say whom a change of the table concerns, and with which rows."""
        found: Concerned = {}
        if self._by_value:
            self._find_by_value(pairs, found)
        if self._by_interval:
            self._find_by_interval(pairs, found)
        is_one = len(pairs) == 1  # as with most commits
        for reader in self._always:
            look = reader.look
            if look is None:
                found[reader] = pairs
            elif is_one:
                [(old, new)] = pairs
                if old is None or new is None or look(old) != look(new):
                    found[reader] = pairs
            elif seen := [each for each in pairs if _looks_at(reader, each)]:
                found[reader] = seen
        return found

    def _find_by_value(self, pairs: list[Pair], found: Concerned) -> None:
        for pair in pairs:
            old, new = pair
            for column, by_value in self._by_value.items():
                was = None if old is None else by_value.get(old[column])
                now = None if new is None else by_value.get(new[column])
                if was is not None or now is not None:
                    _note(found, pair, was or _NOBODY, now or _NOBODY)

    def _find_by_interval(self, pairs: list[Pair], found: Concerned) -> None:
        for pair in pairs:
            for column, (kind, intervals) in self._by_interval.items():
                was, now = [
                    _NOBODY
                    if row is None or row[column] is None
                    else dict.fromkeys(intervals.holding(kind.order(row[column])))
                    for row in pair
                ]
                _note(found, pair, was, now)


_NOBODY: Readers = ()


def _with(readers: Readers, reader: Reader) -> Readers:
    if isinstance(readers, dict):
        readers[reader] = None
        return readers
    several = (*readers, reader)
    return several if len(several) <= FEW else dict.fromkeys(several)


def _without(readers: Readers, reader: Reader) -> Readers:
    if isinstance(readers, dict):
        del readers[reader]
        return readers
    return tuple([each for each in readers if each is not reader])


def _note(found: Concerned, pair: Pair, was: Readers, now: Readers) -> None:
    """Note a change for those whom the old row concerned, and the new one does."""
    old, new = pair
    for reader in was:
        if reader not in now:
            found.setdefault(reader, []).append((old, None))
        elif _looks_at(reader, pair):
            found.setdefault(reader, []).append(pair)
    for reader in now if was is not now else ():
        if reader not in was:
            found.setdefault(reader, []).append((None, new))


def _looks_at(reader: Reader, pair: Pair) -> bool:
    """Whether two rows differ in what a reader looks at."""
    old, new = pair
    look = reader.look
    return look is None or old is None or new is None or look(old) != look(new)


@functools.lru_cache(1024)  # as many as there are templates, with many readers each
def _look_at(columns: frozenset[int]) -> Callable[[StoredRow], StoredRow]:
    """Give what takes some columns of a row, as a tuple: then one NaN equals itself."""
    if not columns:
        return lambda _: ()
    first, *others = sorted(columns)
    return itemgetter(first, *(others or [first]))
