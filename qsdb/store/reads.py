"""`ReadTransaction`: the database at one offset, while others write."""

from typing import Self, TypeVar

from qsdb.errors import ClosedError
from qsdb.schema.contexts import Table
from qsdb.schema.rows import Row
from qsdb.store.opened import Entry, Opened
from qsdb.store.pins import Hold
from qsdb.store.reading import ReadTable, table_at
from qsdb.store.undo import Pin

__all__ = ["ReadTransaction", "begin_reading"]

_T = TypeVar("_T", bound="ReadTransaction")


class ReadTransaction(Opened):
    """The database as it was at one offset, for as long as it is open.

    Use it with ``with``, or call `close`; one that is collected, and its tables
    with it, closes itself.
    """

    __slots__ = ("_hold", "_offset")

    _hold: Hold
    _offset: int
    _opened: dict[Entry, ReadTable[Row]]

    @property
    def offset(self) -> int:
        """The number of the commit whose state is read."""
        return self._offset

    def __enter__(self) -> Self:
        """Give the transaction itself."""
        if self._hold.pin is None:
            self._require_open()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        opened = self._opened
        # By a list, as another thread may open one.
        for handle in [*opened.values()] if opened else ():
            handle._close()
        self._hold.release()

    def close(self) -> None:
        """Give the offset up; closing twice is no error."""
        self.__exit__(None, None, None)

    def _require_open(self) -> Pin:
        pin = self._hold.pin
        if pin is None:
            raise ClosedError("this read transaction has ended")
        return pin

    def _open(self, entry: Entry) -> Table[Row]:
        hold = self._hold
        pin = hold.pin or self._require_open()
        handle = table_at(entry.read_class, self._store, entry.table, hold, pin)
        return self._opened.setdefault(entry, handle)


def begin_reading(read_class: type[_T]) -> _T:
    """Begin a read transaction at the last commit.

    Args:
        read_class: Of one database.

    Raises:
        UsageError: this thread is in the middle of a publication.
    """
    # Without a constructor, as for transactions that write.
    reading, hold = read_class(), Hold()
    tables = read_class._tables
    reading._store = store = tables.store
    reading._by_class = tables.by_class
    reading._opened = {}
    reading._hold = hold
    reading._offset = store.pin(hold).offset
    return reading
