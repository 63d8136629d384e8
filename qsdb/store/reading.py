"""Tables in a read transaction: rows as they were at the pin's offset.

`ReadTable` keeps rule 2 of `qsdb.store.images`: it looks at the live rows first,
then at the notes of the open write transaction, then at the undo of each pin
from the newest to its own, and the last hit wins. It takes no lock but the one
that an ordered index has for copying a range. Where a table has not changed since
the pin's offset (rule 6), the live rows are all it looks at.

Whatever is found by an index is found in the live index first; then every row
that has been changed since, and so stands in the notes, is put in or taken out
by its old value.
"""

from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

from qsdb.errors import ClosedError, ReadOnlyError
from qsdb.schema.modules import BoundTable, derived
from qsdb.store.changed import ChangedRows, keys_of
from qsdb.store.handles import closed, handle_class
from qsdb.store.images import Images, StoredTable
from qsdb.store.indexes import OrderedIndex
from qsdb.store.operations import read_operations
from qsdb.store.orders import StoredRow
from qsdb.store.paths import count_in
from qsdb.store.pins import Hold, Store
from qsdb.store.refusing import ReadOnlyTable
from qsdb.store.undo import Pin
from qsdb.values.ranges import Range

__all__ = ["ReadTable", "read_table_class", "table_at"]

R = TypeVar("R")


class ReadTable(ReadOnlyTable[R]):
    """One table at one offset; subclasses are generated."""

    __slots__ = (
        "_gathered",
        "_hold",
        "_live",
        "_offset",
        "_pin",
        "_store",
        "_stored",
    )

    # Set by `table_at`, since a constructor would cost more than all of them.
    _store: Store
    _stored: StoredTable
    _hold: Hold | None
    _pin: Pin | None
    """The offset; None after the end."""
    _offset: int
    _gathered: ChangedRows | None
    """What had changed when it was last looked through."""
    _live: Callable[[object], StoredRow | None]
    """Looks up among the live rows; `closed` after the end."""

    def _close(self) -> None:
        """End the handle: every later use raises `ClosedError`."""
        self._live = closed
        self._pin = self._hold = self._gathered = None

    def _require_open(self) -> Pin:
        pin = self._pin
        if pin is None:
            closed()
        if self._store.is_closed:
            raise ClosedError("the database is closed")
        return pin

    # The read protocol.

    def _undo(self, pin: Pin) -> Iterator[Images]:
        """Yield the notes to look through, from the newest to the pin's own."""
        stored = self._stored
        yield from reversed(stored.layers)
        for each in reversed(self._store.pins):
            if each.offset < pin.offset:
                break
            images = each.undo.get(stored)
            if images is not None:
                yield images

    def _find(self, key: object) -> StoredRow | None:
        """Give the row under a row key at the pin's offset.

        The loop of `_undo`, written out: point reads are most of all reads.
        """
        pin = self._pin
        if pin is None or self._store.is_closed:
            pin = self._require_open()
        stored = self._stored
        row = stored.rows.get(key)
        for images in reversed(stored.layers):
            if key in images:
                row = images[key]
        offset = pin.offset
        for each in reversed(self._store.pins):
            if each.offset < offset:
                break
            undo = each.undo.get(stored)
            if undo is not None and key in undo:
                row = undo[key]
        if pin.lost is not None:
            pin.require_kept()
        return row

    def _changed(self, pin: Pin) -> Images:
        """Give the old rows of all keys changed since the pin, as one dict."""
        return self._changes(pin).rows

    def _changes(self, pin: Pin) -> ChangedRows:
        """Gather the old rows of all keys changed since the pin, or have them still."""
        places = [*self._undo(pin)]
        gathered = self._gathered
        if gathered is None or not gathered.are_of(places):
            gathered = ChangedRows(self._bound, places)
        pin.require_kept()
        self._gathered = gathered
        return gathered

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        if number is None:
            row = self._find(value)
            return [] if row is None else [row]
        pin = self._require_open()
        rows, index = self._stored.rows, self._stored.indexes[number]
        keys = keys_of(index, within, value)
        found: Images = {key: rows.get(key) for key in keys}
        if _is_settled(self._stored, self._offset):
            return list(found.values())  # type: ignore[arg-type]  # none is None
        changes = self._changes(pin)
        changed = changes.rows
        for key in keys:
            if key in changed:
                found.pop(key, None)  # in an index it may stand twice for a moment
        found.update(changes.found(number, index, within, value))
        selected = [row for row in found.values() if row is not None]
        if changed and isinstance(index, OrderedIndex):
            selected.sort(key=index.entry_of)
        return selected

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as the base class has it
    ) -> list[StoredRow]:
        """Give the first rows, as `_select` does.

        What has changed since the pin is laid over them. So many keys more are read as
        have changed: then enough are left, whichever of them do not count.
        """
        pin = self._require_open()
        stored, index = self._stored, self._stored.indexes[number]
        assert isinstance(index, OrderedIndex)
        more = 0
        while True:
            keys = index.keys_first(
                within.low, within.high, count + more, is_reversed=is_reversed
            )
            found: Images = {key: stored.rows.get(key) for key in keys}
            if _is_settled(stored, self._offset):
                return list(found.values())[:count]  # type: ignore[return-value]  # none is None
            changed = self._changed(pin)
            if len(changed) <= more:
                break
            more = len(changed)
        for key, row in changed.items():
            found.pop(key, None)
            if row is not None and within.holds(index.entry_of(row)):
                found[key] = row
        selected = [row for row in found.values() if row is not None]
        selected.sort(key=index.entry_of, reverse=is_reversed)
        return selected[:count]

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        if number is None:
            return int(self._find(value) is not None)
        self._require_open()
        count = count_in(self._stored.indexes[number], within, value)
        # Rule 6 again: the answer first, then whether it was right.
        if _is_settled(self._stored, self._offset):
            return count
        return len(self._select(number, within, value))

    # Reading.

    def __len__(self) -> int:
        pin = self._require_open()
        count = self._stored.count
        for each in reversed(self._store.pins):
            if each.offset < pin.offset:
                break
            count = each.counts.get(self._stored, count)
        pin.require_kept()
        return count

    def _scan(self) -> list[StoredRow]:
        pin = self._require_open()
        rows = self._stored.rows
        live = list(rows.values())
        if _is_settled(self._stored, self._offset):
            return live
        # Something has changed: copy again, with keys, and lay the notes over.
        found: Images = {}
        found.update(rows)
        found.update(self._changed(pin))
        return [row for row in found.values() if row is not None]

    # What a read transaction refuses.

    def _refuse(self) -> NoReturn:
        self._require_open()
        raise ReadOnlyError(
            f"table {self._bound.schema.name}: a read transaction cannot write; use "
            "db.write() or a reducer"
        )


def _is_settled(stored: StoredTable, offset: int) -> bool:
    """Whether live rows that were taken before this call are right (rule 6)."""
    return not stored.layers and stored.changed_at <= offset


def table_at(
    read_class: type[ReadTable[R]],
    store: Store,
    stored: StoredTable,
    hold: Hold | None,
    pin: Pin,
) -> ReadTable[R]:
    """Read `stored` as it was at the pin, which `hold` keeps, or whoever reads."""
    handle = read_class()
    handle._store = store
    handle._stored = stored
    handle._hold = hold
    handle._pin = pin
    handle._offset = pin.offset
    handle._gathered = None
    handle._live = stored.rows.get
    return handle


@derived
def read_table_class(bound: BoundTable) -> type[ReadTable[object]]:
    """Make the handle class of one table. Cost: about a millisecond."""
    return handle_class(ReadTable, bound, read_operations(bound))
