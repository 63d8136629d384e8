"""`WriteTransaction`: what one transaction changes, and how it ends.

It commits or rolls back as a whole (`_finish`, `_undo`), and may be told of to a
`Journal` in between: after the net change is known, and before anybody sees it.
"""

from collections.abc import Callable
from typing import NoReturn, Protocol

from qsdb.errors import ClosedError, UsageError
from qsdb.schema.contexts import Savepoint, Table
from qsdb.schema.rows import Row
from qsdb.store.changes import emit
from qsdb.store.handles import closed
from qsdb.store.images import Images, StoredTable
from qsdb.store.opened import Entry, Opened
from qsdb.store.writing import WriteTable
from qsdb.values.timestamps import Timestamp

__all__ = ["Beside", "Journal", "WriteTransaction"]


class Journal(Protocol):
    """What is told of each commit before anybody can see it."""

    @property
    def told_offset(self) -> int:
        """The last commit that it was told of."""
        ...

    def tell(self, transaction: "WriteTransaction") -> None:
        """Take what a transaction did; when this returns it is a commit.

        Raises:
            StorageError: it was not taken, and is to be rolled back.
        """
        ...


class Beside(Protocol):
    """What a transaction sets besides rows; it is kept or not as rows are."""

    def pop(self, depth: int, *, undo: bool) -> None:
        """Take in that a savepoint ends; twice is once.

        Args:
            depth: How many savepoints were open, with this one.
            undo: Whether it is undone.
        """
        ...

    def commit(self) -> None:
        """Let everybody see it; twice is once."""
        ...


class WriteTransaction(Opened):
    """The one transaction that writes; it commits or rolls back as a whole.

    Whoever runs it (``with db.write()``, or a call) ends it: its own `commit` and
    `rollback` raise `UsageError`.
    """

    __slots__ = (
        "_beside",
        "_context",
        "_depth",
        "_is_mine",
        "_is_open",
        "_is_told",
        "_nanoseconds",
        "_offset",
    )

    _beside: Beside | None
    """What it sets besides rows, if it does."""
    _context: object
    """Of the call that it belongs to; None for a block."""
    _is_mine: Callable[[], bool]
    """Whether this thread holds the writer lock, and so is in the transaction."""
    _is_told: bool
    """Whether the journal was about to be told of it."""
    _depth: int
    """How many savepoints are open."""
    _is_open: bool
    _nanoseconds: int
    """When it began, since the epoch."""
    _offset: int
    """Where the store is after the end, once that is decided; -1 before."""
    _opened: dict[Entry, WriteTable[Row]]

    @property
    def offset(self) -> int:
        """The number of the last commit, which it began after.

        Raises:
            ClosedError: the transaction has ended.
        """
        if not self._is_open:
            raise ClosedError("this write transaction has ended")
        return self._store.offset

    @property
    def timestamp(self) -> Timestamp:
        """The time at which the transaction began; the same throughout."""
        return Timestamp.from_stored(self._nanoseconds // 1000)

    def _open(self, entry: Entry) -> Table[Row]:
        if not self._is_open:
            raise ClosedError("this write transaction has ended")
        is_mine = self._is_mine
        if not is_mine():
            raise UsageError(
                "a write transaction belongs to the thread that began it; another one "
                "may read with db.read(), or write when it is over"
            )
        # In the way of every call, so there is no constructor: a frame less.
        write_class = entry.write_class
        handle = write_class()
        handle._stored = stored = entry.table
        handle._rows = entry.rows
        handle._find = entry.find
        pre: Images = {}
        handle._pre = pre
        layers: tuple[Images, ...] = (pre,)
        if self._depth or stored.sequences:
            handle._note_sequences(self._depth)
            layers = (*[{} for _ in range(self._depth)], pre)
        # No call stands between these two, so no signal handler does.
        self._opened[entry] = handle
        stored.layers = layers
        return handle

    def savepoint(self) -> Savepoint:
        """Give a context manager whose block is undone alone if it raises."""
        return _LayeredSavepoint(self)

    def commit(self) -> NoReturn:
        """Refuse: leaving the ``with`` block, or the call, commits.

        Raises:
            UsageError: always.
        """
        raise UsageError("a transaction is committed by leaving its block or its call")

    def rollback(self) -> NoReturn:
        """Refuse: an exception that leaves the block or the call rolls back.

        Raises:
            UsageError: always.
        """
        raise UsageError("to roll back, raise an exception out of the block or call")

    def _finish(self, journal: "Journal | None" = None) -> int:  # noqa: C901, PLR0912, PLR0915  hot
        """Commit.

        Args:
            journal: What is told of it before it can be seen.

        Returns:
            The offset of the commit; 0 if there was no net change and so is none.

        Raises:
            UsageError: an exception cut a write in two and was swallowed; the
                transaction is to be rolled back.
        """
        if self._depth:  # a savepoint that nobody left
            self._collapse(undo=False)
        handles = self._opened
        opened = handles.values()
        has_changed = has_events = False
        for handle in opened:
            find, handle._find = handle._find, closed
            if handle._pre:
                stored = handle._stored
                if stored.is_event:
                    has_events = True
                if stored.is_interrupted:
                    _refuse_interrupted(stored)
                if not has_changed:
                    for key, old in handle._pre.items():
                        if find(key) != old:
                            has_changed = True
                            break
        store = self._store
        offset = store.offset
        if has_changed:
            offset += 1
            if journal is not None:
                self._is_told = True
                journal.tell(self)
        else:
            for handle in opened:
                if handle._stored.sequences:
                    handle._restore(has_rows=False)
        self._offset = offset
        if has_events:
            emit(opened)
        if not has_changed:
            self._forget_notes()
        elif len(handles) == 1 and not (stored := handle._stored).sequences:
            touched, count = len(handle._pre), len(stored.rows)
            # Where nobody reads: all that `Store.publish` would do, and in one step.
            if not (store.pins or store.is_looked_at):
                stored.written += touched
                stored.layers = ()
                stored.count = count
                store.offset = offset
            else:
                store.publish(opened, offset)
        else:
            store.publish(opened, offset)
        if self._beside is not None:
            self._beside.commit()
        # The context has the transaction: no work for the collector.
        self._is_open, self._context = False, None
        return offset if has_changed else 0

    def _forget_notes(self) -> None:
        """End without net change."""
        opened = self._opened.values()
        for handle in opened:
            if handle._pre:
                self._store.publish(opened, self._offset)
                return
        for handle in opened:  # to readers it is the same whether there are empty notes
            handle._stored.layers = ()

    def _undo(self, journal: "Journal | None" = None) -> bool:
        """Roll back; or end the commit, where an exception cut that in two.

        Returns:
            Whether it was rolled back.
        """
        store = self._store
        if self._offset < 0 and self._is_told and journal is not None:
            told = journal.told_offset
            if told > store.offset:  # it is in the journal, so it is a commit
                self._offset = told
        is_undone = self._offset < 0
        if is_undone:
            self._collapse(undo=True)
            for handle in self._opened.values():
                handle._restore()
            self._offset = store.offset
        else:
            emit(self._opened.values())
        store.publish(self._opened.values(), self._offset)
        if self._beside is not None and not is_undone:
            self._beside.commit()
        self._is_open = False
        self._context = None  # which has the transaction: no work for the collector
        for handle in self._opened.values():
            handle._find = closed
        return is_undone

    def _push(self) -> None:
        self._depth += 1
        for handle in self._opened.values():
            handle._push()

    def _pop(self, *, undo: bool) -> None:
        if self._beside is not None:
            self._beside.pop(self._depth, undo=undo)
        for handle in self._opened.values():
            handle._pop(undo=undo)
        self._depth -= 1

    def _collapse(self, *, undo: bool) -> None:
        """End all savepoints, also one that an exception cut in two."""
        for handle in self._opened.values():
            while len(handle._stored.layers) > 1:
                handle._pop(undo=undo)
        self._depth = 0


def _refuse_interrupted(table: StoredTable) -> NoReturn:
    raise UsageError(
        f"an exception cut a write to table {table.bound.schema.name} in two and "
        "was caught; the transaction is rolled back"
    )


class _LayeredSavepoint(Savepoint):
    """A savepoint as a layer of pre-images in every open table."""

    __slots__ = ("_depth", "_transaction")

    def __init__(self, transaction: WriteTransaction) -> None:
        self._transaction = transaction
        self._depth = -1

    def __enter__(self) -> None:
        transaction = self._transaction
        if not transaction._is_open:
            raise ClosedError("this write transaction has ended")
        if self._depth >= 0:
            raise UsageError("a savepoint can be entered once; make another")
        transaction._push()
        self._depth = transaction._depth

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        transaction = self._transaction
        if not transaction._is_open:
            raise ClosedError("the transaction ended inside its savepoint")
        if transaction._depth != self._depth:
            raise UsageError("savepoints end in the reverse order of their beginning")
        transaction._pop(undo=kind is not None)
