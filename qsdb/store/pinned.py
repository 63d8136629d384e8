"""`PinnedState`: all tables at one offset, slice by slice, while others write.

Whoever copies a database cannot ask for all rows of a large table at once: that
would be one long step in which nobody else runs. So the keys are copied, which is
the quickest step that there is (some 10 ms for a million), and then rows are looked
up in slices, as a read transaction would, and given in the order of the keys. Rows
that were deleted since the offset, and so have no key any more, come last.
"""

from collections.abc import Iterator, Sequence
from typing import Self

from qsdb.schema.modules import BoundTable
from qsdb.store.images import StoredTable
from qsdb.store.orders import StoredRow
from qsdb.store.pins import Store
from qsdb.store.reading import ReadTable, read_table_class, table_at
from qsdb.store.undo import Pin

__all__ = ["PinnedState", "PinnedTable"]

SLICE_ROWS = 10_000


class PinnedTable:
    """One table at the offset.

    Attributes:
        table_id: Its number in the catalogue.
        bound: Its schema.
        sequences: The next value of each generated column.
    """

    __slots__ = ("_pin", "_read", "_stored", "bound", "sequences", "table_id")

    def __init__(
        self,
        stored: StoredTable,
        read: ReadTable[object],
        pin: Pin,
        sequences: Sequence[int],
    ) -> None:
        """Read `stored` through a handle at the pin's offset."""
        self._stored = stored
        self._read = read
        self._pin = pin
        self.bound: BoundTable = stored.bound
        self.table_id = stored.table_id
        self.sequences = sequences

    def slices(self) -> Iterator[list[StoredRow]]:
        """Yield all rows, each once, in an order that commits change little."""
        stored, read, pin = self._stored, self._read, self._pin
        keys = list(stored.rows)
        # What was changed up to now; if it was deleted, it is not among the keys.
        changed = read._changed(pin)
        gone = {key: row for key, row in changed.items() if row is not None}
        find = stored.rows.get
        for start in range(0, len(keys), SLICE_ROWS):
            part = keys[start : start + SLICE_ROWS]
            rows = [find(key) for key in part]
            if stored.layers or stored.changed_at > pin.offset:  # rule 6
                rows = [read._find(key) for key in part]
                for key in part:
                    gone.pop(key, None)
            yield [row for row in rows if row is not None]
        if gone:
            yield list(gone.values())


class PinnedState:
    """A database at one offset; use it with ``with``, or call `release`.

    Attributes:
        offset: Of the last commit in it.
        tables: All of them, by ascending id.
    """

    def __init__(self, store: Store) -> None:
        """Pin the last commit.

        Raises:
            UsageError: this thread is in the middle of a publication.
        """
        self._hold, found = store.hold_with_sequences()
        pin = self._hold.pin
        assert pin is not None
        self.offset = pin.offset
        tables = [
            PinnedTable(
                table,
                table_at(read_table_class(table.bound), store, table, self._hold, pin),
                pin,
                following,
            )
            for table, following in found
        ]
        self.tables = sorted(tables, key=lambda each: each.table_id)

    def __enter__(self) -> Self:
        """Give the state itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Release it."""
        self.release()

    def release(self) -> None:
        """Give the offset up; twice is no error."""
        self._hold.release()
