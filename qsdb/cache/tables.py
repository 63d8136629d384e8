"""`CachedTable`: one table as a connection knows it, with look-ups and callbacks.

It is read as a table in a transaction is (`get`, indexes, iteration), and changes only
when a commit or a subscription is delivered: then as a whole, and before any callback.
Indexes are those that the table was declared with; each is made when it is first used.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, NoReturn, TypeVar

from qsdb.cache.counts import Counts, Moved
from qsdb.cache.events import Event
from qsdb.cache.listeners import Listeners, Telling
from qsdb.cache.steps import Step
from qsdb.errors import ReadOnlyError, SchemaError
from qsdb.schema.modules import BoundTable, derived
from qsdb.schema.row_shapes import columns_text, have_same_rows
from qsdb.store.handles import handle_class
from qsdb.store.images import AnyIndex, make_index
from qsdb.store.indexes import OrderedIndex
from qsdb.store.operations import read_operations
from qsdb.store.orders import StoredRow
from qsdb.store.paths import count_in
from qsdb.store.refusing import ReadOnlyTable
from qsdb.values.ranges import Range

__all__ = ["CachedTable", "Change", "cached_table_class"]

R = TypeVar("R")


class Change:
    """What one delivery does to one table, ready to be taken in and told.

    Attributes:
        moved: The rows, as they are counted.
        is_begun: Whether it was begun to take it in.
        inserts: Rows that came.
        deletes: Rows that went.
        updates: Old and new row, where both have the same primary key.
    """

    __slots__ = ("deletes", "inserts", "is_begun", "moved", "updates")

    def __init__(
        self,
        moved: Moved,
        inserts: list[StoredRow],
        deletes: list[StoredRow],
        updates: list[tuple[StoredRow, StoredRow]],
    ) -> None:
        """Keep them."""
        self.moved = moved
        self.is_begun = False
        self.inserts = inserts
        self.deletes = deletes
        self.updates = updates


class CachedTable(ReadOnlyTable[R]):
    """One table of one connection; subclasses are generated."""

    __slots__ = (
        "_counts",
        "_fault",
        "_find",
        "_indexes",
        "_listeners",
        "_lock",
        "_rows",
    )

    def __init__(self, lock: "threading.RLock") -> None:
        """Begin empty.

        Args:
            lock: Of the connection; held while anything changes, or is looked at as a
                whole.
        """
        self._lock = lock
        self._rows: dict[object, StoredRow] = {}
        self._find = self._rows.get
        self._counts = Counts()
        self._indexes: dict[int, AnyIndex] = {}
        self._listeners = Listeners()
        self._fault = ""

    # Listening.

    def on_insert(self, callback: Callable[[Event, R], object]) -> Callable[[], None]:
        """Have a function told of each row that comes: ``callback(event, row)``.

        Returns:
            A function that ends it; a second time nothing happens.

        Raises:
            ArgumentError: it is no function.
        """
        return self._listeners.add("on_insert", callback)

    def on_delete(self, callback: Callable[[Event, R], object]) -> Callable[[], None]:
        """Have a function told of each row that goes; else as `on_insert`."""
        return self._listeners.add("on_delete", callback)

    def on_update(
        self, callback: Callable[[Event, R, R], object]
    ) -> Callable[[], None]:
        """Have a function told of each row that is replaced by one with its key.

        It is called with the event, the old row and the new one; a table without a
        primary key has only rows that go and rows that come. Else as `on_insert`.
        """
        return self._listeners.add("on_update", callback)

    # Changing, by whoever delivers.

    def _planned(
        self, inserts: Iterable[StoredRow], deletes: Iterable[StoredRow]
    ) -> Change:
        """Say what comes and what goes; nothing is changed; the lock is held.

        Raises:
            ValueError: a row goes that is not there.
        """
        if self._bound.schema.is_event:  # of which nothing is kept
            return Change(Moved([], []), [*dict.fromkeys(inserts)], [], [])
        return self._change(self._counts.after(inserts, deletes))

    def _take_in(self, change: Change) -> None:
        """Take in what comes and what goes; twice is once; the lock is held."""
        moved = change.moved
        if change.is_begun:  # and cut off: an index may have some of it
            self._indexes = {}
        change.is_begun = True
        self._counts.take(moved)
        for index in self._indexes.values():
            for row in moved.went:
                index.remove(row)
            for row in moved.came:
                index.add(row)
        # `get` takes no lock: a row that is replaced must not be away in between.
        rows, key_of = self._rows, self._row_key
        for row in moved.came:
            rows[key_of(row)] = row
        for row in moved.went:
            key = key_of(row)
            if rows.get(key) == row:
                del rows[key]

    def _refusal(
        self, inserts: Iterable[StoredRow], deletes: Iterable[StoredRow]
    ) -> str | None:
        """Say why rows cannot come and go like this, if they cannot; the lock is held.

        Where the database is elsewhere nobody else makes sure of it.
        """
        if self._bound.schema.is_event:
            return None
        try:
            moved = self._counts.after(inserts, deletes)
        except ValueError:
            return "a row goes that is not there"
        key_of, went = self._row_key, {*moved.went}
        came: dict[object, StoredRow] = {}
        for row in moved.came:
            key = key_of(row)
            other = came.setdefault(key, row)
            if other is row:
                other = self._rows.get(key, row)
            if other is not row and other not in went:
                return "two rows have the same primary key"
        return None

    def _change(self, moved: Moved) -> Change:
        if not self._bound.schema.primary_key or not (moved.came and moved.went):
            return Change(moved, moved.came, moved.went, [])
        key_of = self._row_key
        came = {key_of(row): row for row in moved.came}
        went = {key_of(row): row for row in moved.went}
        updates = [(went[key], row) for key, row in came.items() if key in went]
        inserts = [row for key, row in came.items() if key not in went]
        deletes = [row for key, row in went.items() if key not in came]
        return Change(moved, inserts, deletes, updates)

    def _tellings(self, event: Event, change: Change) -> list[Step]:
        """Give the steps that tell of a change; then the lock is not held."""
        listeners, user = self._listeners, self._users_rows
        if not listeners:
            return []

        def telling(kind: str, *sides: Sequence[StoredRow]) -> Step:
            make = lambda: zip(repeat(event), *map(user, sides))  # noqa: E731  once there is somebody to tell
            return Telling(listeners, kind, make).run

        steps: list[Step] = []
        if change.inserts:
            steps.append(telling("on_insert", change.inserts))
        if change.deletes:
            steps.append(telling("on_delete", change.deletes))
        if change.updates:
            steps.append(telling("on_update", *zip(*change.updates, strict=True)))
        return steps

    def _become(self, bound: BoundTable) -> bool:
        """Be the table of another declaration, if its rows are the same; twice is once.

        The lock is held. Those who have it, and those who listen, have it still.

        Returns:
            Whether they are.
        """
        if not have_same_rows(self._bound.schema, bound.schema):
            return False
        self._indexes = {}
        self.__class__ = cached_table_class(bound)
        key_of = self._row_key
        rows = {key_of(row): row for row in self._rows.values()}
        self._rows, self._find = rows, rows.get
        return True

    def _retire(self, bound: BoundTable | None) -> None:
        """Be of no use any more: the table has other rows now, or is not there."""
        was = columns_text(self._bound.schema)
        name, now = self._bound.schema.name, "is not there any more"
        if bound is not None:
            now = f"has {columns_text(bound.schema)} now"
        self._fault = f"table {name} {now}; this handle is of one with {was}"
        self._find = self._refuse_retired
        self._rows, self._indexes = {}, {}

    def _refuse_retired(self, _: object = None) -> NoReturn:
        raise SchemaError(self._fault)

    # Reading.

    def _require_open(self) -> None:
        """Let pass: what a connection knew at its end can still be read.

        Raises:
            SchemaError: another module was published, which has other columns.
        """
        if self._fault:
            self._refuse_retired()

    def __len__(self) -> int:
        self._require_open()
        with self._lock:
            return len(self._rows)

    def _scan(self) -> list[StoredRow]:
        self._require_open()
        with self._lock:
            return list(self._rows.values())

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        self._require_open()
        with self._lock:
            rows = self._rows
            if number is None:
                row = rows.get(value)
                return [] if row is None else [row]
            index = self._index(number)
            if isinstance(index, OrderedIndex):
                assert within is not None
                keys = index.keys_between(within.low, within.high)
            else:
                keys = index.keys_equal(value)
            return [rows[key] for key in keys]

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as the base class has it
    ) -> list[StoredRow]:
        self._require_open()
        low, high = within.low, within.high
        with self._lock:
            rows, index = self._rows, self._index(number)
            assert isinstance(index, OrderedIndex)
            keys = index.keys_first(low, high, count, is_reversed=is_reversed)
            return [rows[key] for key in keys]

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        self._require_open()
        with self._lock:
            if number is None:
                return int(value in self._rows)
            return count_in(self._index(number), within, value)

    def _index(self, number: int) -> AnyIndex:
        index = self._indexes.get(number)
        if index is None:
            index = self._indexes[number] = make_index(self._bound, number)
            index.add_many(self._rows.values())
        return index

    # What a cache refuses.

    def _refuse(self) -> NoReturn:
        raise ReadOnlyError(
            f"table {self._bound.schema.name}: a connection's cache only shows what is "
            "in the database; call a reducer to change it"
        )


@derived
def cached_table_class(bound: BoundTable) -> type[CachedTable[Any]]:
    """Make the cache class of one table. Cost: about a millisecond."""
    return handle_class(CachedTable, bound, read_operations(bound, is_live=True))
