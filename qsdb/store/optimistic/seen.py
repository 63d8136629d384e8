"""`SeenTable`: a table as one transaction sees it while others write.

It reads at the transaction's offset, like a read transaction, and lays its own writes
over that, which wait in a buffer for the commit. What it reads is noted: rows by their
keys in `_seen`, with what stood there, and all else in `Notes`. At the commit it says
what of that is different now; at the level snapshot, what of the rows that it writes.
"""

from collections.abc import Callable, Hashable
from typing import TypeVar

from qsdb.errors import ClosedError, brief
from qsdb.store.changed import keys_of, matches
from qsdb.store.changing import ChangingTable
from qsdb.store.draws import Drawn
from qsdb.store.handles import closed
from qsdb.store.images import AnyIndex, Images, StoredTable, make_index
from qsdb.store.indexes import OrderedIndex
from qsdb.store.optimistic.holds import OptimisticHold
from qsdb.store.optimistic.merging import taken_value
from qsdb.store.optimistic.notes import Notes, Test, net_changes
from qsdb.store.orders import StoredRow
from qsdb.store.reading import ReadTable, read_table_class, table_at
from qsdb.values.ranges import TOP, Range

__all__ = ["SeenTable"]

R = TypeVar("R")

FEW = 16
"""So many buffered rows are looked through one by one; for more there is an index."""


class SeenTable(ChangingTable[R]):
    """One table, as far as it is read."""

    __slots__ = (
        "_base",
        "_buffer",
        "_drawn",
        "_extra",
        "_hold",
        "_least",
        "_live",
        "_notes",
        "_offset",
        "_overlay",
        "_seen",
        "_stored",
    )

    _base: ReadTable[object] | None
    """The table at the offset; made when it is first needed."""
    _buffer: Images
    """Row key → the row that is to be there, None for none."""
    _drawn: Drawn | None
    """The numbers that were given to its rows, if any were."""
    _extra: int
    """So many rows more than at the offset."""
    _hold: OptimisticHold | None
    """None after the end."""
    _least: list[int]
    """Of each generated column: more than every number that was stored, also by others
    before; those of a savepoint that was undone do not count."""
    _live: Callable[[object], StoredRow | None]
    """Looks up among the live rows; `closed` after the end."""
    _notes: Notes | None
    _offset: int
    _overlay: dict[int, AnyIndex]
    """Which index → one like it of the buffered rows, where it was needed."""
    _seen: Images
    """Row key → the row that was there, of all keys looked for."""
    _stored: StoredTable

    def _begin(self, stored: StoredTable, hold: OptimisticHold, offset: int) -> None:
        """Set the slots: a constructor would be one call more."""
        self._stored = stored
        self._live = stored.rows.get
        self._hold = hold
        self._offset = offset
        self._buffer = {}
        self._seen = {}
        self._base = self._notes = self._drawn = None
        self._extra = 0
        self._overlay = {}
        if stored.sequences:
            self._least = [*stored.settled_sequences]

    def _close(self) -> None:
        """End the handle: every later use raises `ClosedError`."""
        self._live = closed
        self._buffer, self._seen = {}, {}
        self._hold = self._base = self._notes = self._drawn = None

    def _require_open(self) -> OptimisticHold:
        hold = self._hold
        if hold is None:
            closed()
        if hold._store.is_closed:
            raise ClosedError("the database is closed")
        return hold

    # Reading.

    def _find(self, key: object) -> StoredRow | None:
        buffer = self._buffer
        if key in buffer:
            return buffer[key]
        seen = self._seen
        if key in seen:
            return seen[key]
        live, stored = self._live, self._stored
        row = live(key)
        # Rule 6 of qsdb.store.images: the row first, then whether it is right.
        if stored.layers or stored.changed_at > self._offset:
            row = self._pinned()._find(key)
        seen[key] = row
        return row

    def _pinned(self) -> ReadTable[object]:
        """Give the table at the offset, without what the transaction has written."""
        hold = self._require_open()
        if self._base is None:
            pin = hold.pin
            assert pin is not None
            read_class = read_table_class(self._bound)
            self._base = table_at(read_class, hold._store, self._stored, hold, pin)
        return self._base

    def _noting(self) -> Notes | None:
        """Give the notes, if what is read is to be noted."""
        if not self._require_open().notes_reads:
            return None
        if self._notes is None:
            self._notes = Notes()
        return self._notes

    def _scan(self) -> list[StoredRow]:
        notes = self._noting()
        if notes is not None:
            notes.is_whole = True
        return self._all_rows()

    def _scan_for(self, condition: Hashable, test: Test) -> list[StoredRow]:
        """Give all rows, for whoever wants those that meet a condition, by its test."""
        notes = self._noting()
        if notes is not None:
            notes.predicates[condition] = test
        return self._all_rows()

    def _all_rows(self) -> list[StoredRow]:
        """Give all rows and note nothing."""
        rows = self._pinned()._scan()
        buffer = self._buffer
        if buffer:
            key_of = self._row_key
            rows = [row for row in rows if key_of(row) not in buffer]
            rows += [row for row in buffer.values() if row is not None]
        return rows

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        if number is None:
            row = self._find(value)
            return [] if row is None else [row]
        notes = self._noting()
        if notes is not None:
            notes.add(number, within, value)
        rows = self._pinned()._select(number, within, value)
        buffer = self._buffer
        if not buffer:
            return rows
        key_of = self._row_key
        rows = [row for row in rows if key_of(row) not in buffer]
        mine = self._buffered(number, within, value)
        if mine:
            rows += mine
            index = self._stored.indexes[number]
            if isinstance(index, OrderedIndex):
                rows.sort(key=index.entry_of)
        return rows

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as the handles of other transactions
    ) -> list[StoredRow]:
        """Give the first rows of an ordered index; what is noted ends with the last."""
        index, buffer = self._stored.indexes[number], self._buffer
        assert isinstance(index, OrderedIndex)
        wanted = count + len(buffer)  # as many as that may be hidden
        rows = self._pinned()._first(number, within, wanted, is_reversed)
        if buffer:
            key_of = self._row_key
            rows = [row for row in rows if key_of(row) not in buffer]
            rows += self._buffered(number, within, None)
            rows.sort(key=index.entry_of, reverse=is_reversed)
        rows = rows[:count]
        notes = self._noting()
        if notes is not None:
            notes.add(number, _looked_at(index, within, rows, count, is_reversed), None)
        return rows

    def _buffered(
        self, number: int, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give what an index would find among buffered rows."""
        buffer = self._buffer
        if len(buffer) <= FEW:
            index = self._stored.indexes[number]
            rows = [row for row in buffer.values() if row is not None]
            return [row for row in rows if matches(index, row, within, value)]
        own = self._overlay.get(number)
        if own is None:
            own = make_index(self._bound, number)
            own.add_many([row for row in buffer.values() if row is not None])
            self._overlay[number] = own
        keys = keys_of(own, within, value)
        return [row for key in keys if (row := buffer[key]) is not None]

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        if number is None or self._buffer:
            return len(self._select(number, within, value))
        notes = self._noting()
        if notes is not None:
            notes.add(number, within, value)
        return self._pinned()._count(number, within, value)

    def __len__(self) -> int:
        notes = self._noting()
        if notes is not None:
            notes.has_size = True
        return self._size()

    def _size(self) -> int:
        """Give the number of rows and note nothing."""
        return len(self._pinned()) + self._extra

    # At the commit, under the writer lock.

    def _what_changed(self) -> str | None:
        """Say what others have done to what the commit builds on; None if nothing.

        It builds on each key that it writes, also where that was not read.
        """
        stored = self._stored
        if stored.changed_at <= self._offset:
            return None
        find, seen = stored.rows.get, self._seen
        # What is written was looked for before.
        for key in seen if self._require_open().notes_reads else self._buffer:
            row, now = seen[key], find(key)
            if now is not row and now != row:
                return f"changed {self._row_text(key)}"
        if self._drawn is not None and self._drawn.taken is not None:
            name = stored.bound.schema.columns[self._drawn.taken].name
            return f"taken a number that was drawn for column {name}"
        taken_by_others = taken_value(stored, self._buffer)
        notes = self._notes
        if taken_by_others or notes is None:
            return taken_by_others
        base = self._pinned()
        changed = base._changed(base._require_open())
        found = notes.what_changed(stored, [*net_changes(changed, find)])
        if found is None and notes.has_size and len(base) != len(stored.rows):
            return "changed the number of rows, which was asked for"
        return found

    def _row_text(self, key: object) -> str:
        bound = self._bound
        places = bound.schema.primary_key
        if not places:
            return f"the row {brief(key)}"
        names = ", ".join(bound.schema.column_names(places))
        return f"the row with {names} {brief(bound.users_key(places, key))}"


def _looked_at(
    index: OrderedIndex,
    within: Range,
    rows: list[StoredRow],
    count: int,
    is_reversed: bool,  # noqa: FBT001  as above
) -> Range:
    """Give the part of a range of which nobody may change anything."""
    if not rows or len(rows) < count:
        return within
    last = index.entry_of(rows[-1])
    if is_reversed:
        return Range(last, within.high)
    return Range(within.low, (*last, TOP))
