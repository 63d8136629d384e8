"""`OptimisticTransaction`: reads at one offset, writes that wait, validated at the end.

Nobody is locked out while it is open. It reads the database as it was when it began,
sees its own writes over that, and keeps them to itself. At its end, under the writer
lock, one question is asked: *would it have read the same now?* If so, it is as good as
run now, from beginning to end, and its writes are stored as a serial transaction's are.
If not, it is a `ConflictError`, and nothing has happened::

    begins here                                   commits here
        │  reads ──► what stood there, noted          │
    ────┼──────────── commits of others ──────────────┼────► offsets
        │  writes ─► buffer                           │ still the same? store them
        pinned: old rows are kept, for it to read,
        and to know at the end what has changed

So what commits is *serializable*: equal to one transaction after the other, in the
order of their commits. The level "snapshot" asks less: whether the rows that it
*writes* are still those that it began with. It lets two transactions commit of which
each has read what the other wrote (write skew), and is for those who know that this
does no harm.

Where is it known what has changed? In the pre-images that are kept for whoever reads at
an old offset (`qsdb.store.images`): no list of commits is kept besides, and as long as
no such transaction is open, a commit does nothing more than it did. Each of them is
compared with what is there now, so a row that was changed and changed back is no
conflict. Whether a table has changed at all, one number says.

A transaction that has written nothing has nothing to ask: what it read was true at one
offset, so it always commits.

Sources: optimistic concurrency control (Kung and Robinson, 1981); precision locking as
in HyPer (SIGMOD 2015), for what is not read by key.
"""

from typing import Any

from qsdb.errors import ClosedError, ConflictError, UsageError
from qsdb.schema.contexts import Savepoint, Table
from qsdb.schema.procedures import ProcedureTransaction
from qsdb.schema.rows import Row
from qsdb.store.opened import Entry, Opened
from qsdb.store.optimistic.holds import OptimisticHold
from qsdb.store.optimistic.merging import merge_numbers, merge_rows
from qsdb.store.optimistic.tables import OptimisticTable, optimistic_table_class
from qsdb.store.transactions import Beside, WriteTransaction
from qsdb.values.timestamps import Timestamp

__all__ = ["OptimisticTransaction"]


class OptimisticTransaction(Opened, ProcedureTransaction):
    """A transaction that writes beside others; how it ends is the runtime's."""

    __slots__ = ("_beside", "_hold", "_nanoseconds", "_offset")

    _opened: dict[Entry, OptimisticTable[Any]]
    _beside: Beside | None
    """What it sets besides rows, if it does."""

    def __init__(self, nanoseconds: int, rows_max: int, notes_reads: bool) -> None:  # noqa: FBT001  hot
        """Pin the last commit.

        Args:
            nanoseconds: The time, since the epoch.
            rows_max: How many rows it may write.
            notes_reads: Whether it is serializable.
        """
        tables = self._tables
        self._store = tables.store
        self._by_class = tables.by_class
        self._opened = {}
        self._nanoseconds = nanoseconds
        self._beside = None
        self._hold = hold = OptimisticHold(rows_max, notes_reads)
        self._offset = tables.store.pin(hold).offset

    @property
    def offset(self) -> int:
        """The number of the commit that it began after, and whose state it reads."""
        return self._offset

    @property
    def timestamp(self) -> Timestamp:
        """The time at which the transaction began; the same throughout."""
        return Timestamp.from_stored(self._nanoseconds // 1000)

    def savepoint(self) -> Savepoint:
        """Give a context manager whose block is undone alone if it raises."""
        return _BufferedSavepoint(self)

    def _require_open(self) -> None:
        if self._hold.pin is None:
            raise ClosedError("this optimistic transaction has ended")

    def _open(self, entry: Entry) -> Table[Row]:
        if self._hold.pin is None:
            self._require_open()
        handle_class = entry.optimistic_class
        if handle_class is None:
            made: Any = optimistic_table_class(entry.bound)
            handle_class = entry.optimistic_class = made
        handle = handle_class()
        handle._begin(entry.table, self._hold, self._offset)
        self._opened[entry] = handle
        return handle

    def _merge(self, transaction: WriteTransaction) -> None:  # noqa: C901  hot
        """Validate, and write what was buffered in a transaction that has just begun.

        Raises:
            ConflictError: others have changed what this builds on.
            LimitError: nobody knows, since its offset was given up.
        """
        pin = self._hold.pin
        assert pin is not None
        if pin.lost is not None:
            pin.require_kept()
        if transaction._tables is not self._tables:
            reason = "published another module"
            raise ConflictError(None, reason, self._offset)
        if self._store.offset != self._offset:
            for entry, table in self._opened.items():
                found = table._what_changed()
                if found is not None:
                    name = entry.bound.schema.name
                    raise ConflictError(name, found, self._offset)
        for entry, table in self._opened.items():
            if table._buffer:
                handle: Any = transaction._open(entry)
                merge_rows(handle, table._buffer)
                if table._stored.sequences:
                    merge_numbers(handle, table._least, table._drawn)
            table._drawn = None  # it is told of others alone
        transaction._beside = self._beside

    def _hand_over(self) -> None:
        """Have the pin given up with the commit that is about to be published.

        Its notes are then moved to nobody.
        """
        self._hold.__del__()

    def _end(self) -> None:
        """End it, whatever became of it; twice is once."""
        for handle in self._opened.values():
            handle._close()
        if self._hold.pin is not None:
            self._hold.release()


class _BufferedSavepoint(Savepoint):
    """A savepoint as a place in the list of what takes writes back."""

    __slots__ = ("_depth", "_mark", "_transaction")

    def __init__(self, transaction: OptimisticTransaction) -> None:
        self._transaction = transaction
        self._depth = -1
        self._mark = 0

    def __enter__(self) -> None:
        self._transaction._require_open()
        if self._depth >= 0:
            raise UsageError("a savepoint can be entered once; make another")
        hold = self._transaction._hold
        self._mark = len(hold.undo)
        hold.depth += 1
        self._depth = hold.depth

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        transaction = self._transaction
        hold = transaction._hold
        if hold.pin is None:
            raise ClosedError("the transaction ended inside its savepoint")
        if hold.depth != self._depth:
            raise UsageError("savepoints end in the reverse order of their beginning")
        is_undone = kind is not None
        if is_undone:
            hold.take_back(self._mark)
        if transaction._beside is not None:
            transaction._beside.pop(self._depth, undo=is_undone)
        hold.leave()
