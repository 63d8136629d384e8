"""`ReadTransaction`: the database at one offset, while others write."""

from typing import Self

from qsdb.errors import ClosedError
from qsdb.schema.contexts import Table
from qsdb.schema.rows import Row
from qsdb.store.opened import Entry, Opened
from qsdb.store.pins import Hold, Pin
from qsdb.store.reading import ReadTable

__all__ = ["ReadTransaction"]


class ReadTransaction(Opened):
    """The database as it was at one offset, for as long as it is open.

    Use it with ``with``, or call `close`; one that is collected, and its tables
    with it, closes itself.
    """

    __slots__ = ("_hold", "_offset")

    def __init__(self) -> None:
        """Pin the last commit."""
        tables = self._tables
        self._store = tables.store
        self._by_class = tables.by_class
        self._opened: dict[Entry, ReadTable[Row]] = {}
        self._hold = Hold(self._store)
        assert self._hold.pin is not None
        self._offset = self._hold.pin.offset

    @property
    def offset(self) -> int:
        """The number of the commit whose state is read."""
        return self._offset

    def __enter__(self) -> Self:
        """Give the transaction itself."""
        self._require_open()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give the offset up; closing twice is no error."""
        for handle in [*self._opened.values()]:  # another thread may open one
            handle._close()
        self._hold.release()

    def _require_open(self) -> Pin:
        pin = self._hold.pin
        if pin is None:
            raise ClosedError("this read transaction has ended")
        return pin

    def _open(self, entry: Entry) -> Table[Row]:
        pin = self._require_open()
        handle = entry.read_class(self._store, entry.table, self._hold, pin)
        return self._opened.setdefault(entry, handle)
