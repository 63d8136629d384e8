"""The three structures behind a table's keys: unique, hash and ordered.

Each maps values to *row keys*, never to rows, so that an update which leaves
its columns alone leaves it alone:

* `UniqueIndex`: a dict, value → row key. None is not entered where a column
  is optional: many rows may have it.
* `HashIndex`: a dict, value → row key, or → a dict of row keys where several
  rows share the value. A lone key needs no bucket: an index over nearly unique
  values costs one dict entry a row, and the garbage collector sees no
  containers. Buckets are dicts since a dict keeps its order and a set has none.
* `OrderedIndex`: a sorted list of entries (`qsdb.store.orders`).

**Readers on other threads.** They copy or measure a bucket by one C call, which is
atomic under the interpreter lock as long as keys are built-ins. A sorted list has no
such call: its moves take Python code, so an `OrderedIndex` has a lock, held for
one mutation and for one copied range, never longer.

Removing what is not there is no error: a rollback repairs a table without
knowing how far the write came that it undoes.

Lone keys and values are compared by identity first, as tuples and dicts compare
theirs: that is what makes the one stored NaN equal to itself.
"""

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from operator import itemgetter

from sortedcontainers import SortedList

from qsdb.store.orders import StoredRow
from qsdb.values.ranges import Bound

__all__ = ["HashIndex", "OrderedIndex", "UniqueIndex"]

ABSENT = object()
"""Stands for "no key", since None may be a row key."""


class UniqueIndex:
    """value → row key."""

    __slots__ = ("_columns_count", "entries", "key_of", "value_of")

    def __init__(
        self,
        key_of: Callable[[StoredRow], object],
        value_of: Callable[[StoredRow], object],
        columns_count: int,
    ) -> None:
        """Begin empty."""
        self.entries: dict[object, object] = {}
        self.key_of = key_of
        self.value_of = value_of
        self._columns_count = columns_count

    def is_free(self, value: object) -> bool:
        """Whether many rows may have this value: it has a None."""
        return is_free(value, self._columns_count)

    def add(self, row: StoredRow) -> None:
        """Enter a row; whoever calls has seen that its value is free."""
        value = self.value_of(row)
        if not self.is_free(value):
            self.entries[value] = self.key_of(row)

    def add_many(self, rows: Iterable[StoredRow]) -> None:
        """Enter rows."""
        for row in rows:
            self.add(row)

    def remove(self, row: StoredRow) -> None:
        """Take a row out, if its value is there and is this row's."""
        value, key = self.value_of(row), self.key_of(row)
        holder = self.entries.get(value, ABSENT)
        if holder is key or holder == key:
            del self.entries[value]

    def is_taken(self, row: StoredRow) -> bool:
        """Whether another row has this row's value."""
        value = self.value_of(row)
        if self.is_free(value):
            return False
        holder = self.entries.get(value, ABSENT)
        if holder is ABSENT:
            return False
        key = self.key_of(row)
        return holder is not key and holder != key

    def keys_equal(self, value: object) -> list[object]:
        """Give the row key for a value, in a list, or an empty list."""
        key = self.entries.get(value, ABSENT)
        return [] if key is ABSENT else [key]

    def count_equal(self, value: object) -> int:
        """Give the number of rows with a value: 0 or 1."""
        return int(value in self.entries)

    def clear(self) -> None:
        """Take all out. Readers keep what they copied."""
        self.entries.clear()

    def problems(self, rows: Iterable[StoredRow]) -> Iterator[str]:
        """Yield what differs from an index made anew of `rows`."""
        entered = [row for row in rows if not self.is_free(self.value_of(row))]
        expected = {self.value_of(row): self.key_of(row) for row in entered}
        if len(expected) < len(entered):
            yield "two rows have one value in a unique index"
        if expected != self.entries:
            yield f"a unique index holds {len(self.entries)} entries that differ"


def is_free(value: object, columns_count: int) -> bool:
    """Whether many rows may have this value of a unique key: a column is None.

    Of one column the value itself counts: a product in which a field is None is
    a value like any other.
    """
    if columns_count == 1:
        return value is None
    assert type(value) is tuple
    return None in value


class HashIndex:
    """value → row key, or → {row key: None, …} for several."""

    __slots__ = ("buckets", "key_of", "value_of")

    def __init__(
        self,
        key_of: Callable[[StoredRow], object],
        value_of: Callable[[StoredRow], object],
    ) -> None:
        """Begin empty."""
        self.buckets: dict[object, object] = {}
        self.key_of = key_of
        self.value_of = value_of

    def add(self, row: StoredRow) -> None:
        """Enter a row; entering it twice is entering it once."""
        value, key = self.value_of(row), self.key_of(row)
        bucket = self.buckets.get(value, ABSENT)
        if bucket is ABSENT:
            self.buckets[value] = key
        elif type(bucket) is dict:
            bucket[key] = None
        elif bucket is not key and bucket != key:
            self.buckets[value] = {bucket: None, key: None}

    def add_many(self, rows: Iterable[StoredRow]) -> None:
        """Enter rows."""
        for row in rows:
            self.add(row)

    def remove(self, row: StoredRow) -> None:
        """Take a row out, if it is there."""
        value, key = self.value_of(row), self.key_of(row)
        bucket = self.buckets.get(value, ABSENT)
        if type(bucket) is dict:
            bucket.pop(key, None)
            if not bucket:
                del self.buckets[value]
        elif bucket is key or bucket == key:
            del self.buckets[value]

    def keys_equal(self, value: object) -> list[object]:
        """Give the keys of the rows with a value, as a copy."""
        bucket = self.buckets.get(value, ABSENT)
        if type(bucket) is dict:
            return list(bucket)
        return [] if bucket is ABSENT else [bucket]

    def count_equal(self, value: object) -> int:
        """Give the number of rows with a value. Cost: O(1)."""
        bucket = self.buckets.get(value, ABSENT)
        if type(bucket) is dict:
            return len(bucket)
        return int(bucket is not ABSENT)

    def clear(self) -> None:
        """Take all out."""
        self.buckets.clear()

    def problems(self, rows: Iterable[StoredRow]) -> Iterator[str]:
        """Yield what differs from an index made anew of `rows`."""
        expected: dict[object, set[object]] = {}
        for row in rows:
            expected.setdefault(self.value_of(row), set()).add(self.key_of(row))
        found = {value: set(self.keys_equal(value)) for value in self.buckets}
        if found != expected:
            yield f"a hash index holds {len(found)} values, {len(expected)} are right"


def _sort(entries: list[StoredRow]) -> None:
    """Sort many entries, column by column from the last one to the first.

    The same as one sort of the tuples, since each sort keeps the order of equals;
    but values of one built-in type compare several times as fast as tuples do. Where
    row keys do not compare, the entries have other columns to tell them apart.
    """
    width = len(entries[0]) if entries else 0
    with contextlib.suppress(TypeError):
        entries.sort(key=itemgetter(-1))
    for place in reversed(range(width - 1)):
        entries.sort(key=itemgetter(place))


class OrderedIndex:
    """Entries in order; the last part of an entry is the row key."""

    __slots__ = ("_entries", "_lock", "entry_of")

    def __init__(self, entry_of: Callable[[StoredRow], StoredRow]) -> None:
        """Begin empty."""
        self._entries: SortedList[StoredRow] = SortedList()
        self._lock = threading.Lock()
        self.entry_of = entry_of

    def add(self, row: StoredRow) -> None:
        """Enter a row that is not there. Cost: O(log n)."""
        entry = self.entry_of(row)
        with self._lock:
            self._entries.add(entry)

    def add_many(self, rows: Iterable[StoredRow]) -> None:
        """Enter rows that are not there; sorts once where they are many."""
        entries = list(map(self.entry_of, rows))
        _sort(entries)
        with self._lock:
            self._entries.update(entries)

    def remove(self, row: StoredRow) -> None:
        """Take a row out, if it is there. Cost: O(log n)."""
        entry = self.entry_of(row)
        with self._lock:
            self._entries.discard(entry)

    def keys_between(self, low: Bound | None, high: Bound | None) -> list[object]:
        """Give the row keys from `low` up to, not including, `high`, in order."""
        with self._lock:
            entries = list(self._entries.irange(low, high, (True, False)))
        return [entry[-1] for entry in entries]

    def keys_first(
        self, low: Bound | None, high: Bound | None, count: int, *, is_reversed: bool
    ) -> list[object]:
        """Give the first row keys from `low` up to, not including, `high`.

        Args:
            low: The begin of the range.
            high: Its end.
            count: How many.
            is_reversed: Whether the last ones come first.
        """
        with self._lock:
            ends = (True, False)
            found = self._entries.irange(low, high, ends, reverse=is_reversed)
            entries = list(itertools.islice(found, count))
        return [entry[-1] for entry in entries]

    def count_between(self, low: Bound | None, high: Bound | None) -> int:
        """Give the number of entries from `low` up to, not including, `high`."""
        with self._lock:
            entries = self._entries
            end = len(entries) if high is None else entries.bisect_left(high)
            start = 0 if low is None else entries.bisect_left(low)
        return max(0, end - start)

    def clear(self) -> None:
        """Take all out."""
        with self._lock:
            self._entries.clear()

    def problems(self, rows: Iterable[StoredRow]) -> Iterator[str]:
        """Yield what differs from an index made anew of `rows`."""
        with self._lock:
            found = list(self._entries)
        expected = sorted(self.entry_of(row) for row in rows)
        if found != expected:
            yield f"an ordered index holds {len(found)} entries, not {len(expected)}"
