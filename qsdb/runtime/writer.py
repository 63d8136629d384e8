"""The writer: one lock, one transaction at a time, and what is counted of it.

All that writes begins with `Writer.begin` and ends with `Writer.commit` or
`Writer.rollback`. A thread that asks for the lock while it holds it would wait
for itself for ever; it gets a `UsageError` instead.
"""

import threading
from threading import get_ident
from typing import NoReturn

from qsdb.errors import ClosedError, UsageError
from qsdb.runtime.clock import Clock, nanosecond_reader
from qsdb.store.transactions import Directory, WriteTransaction

__all__ = ["Writer"]


class Writer:
    """Runs write transactions one after the other.

    Attributes:
        commits: Transactions that changed something, the creation included.
        rollbacks: Transactions that an exception ended.
    """

    __slots__ = (
        "_acquire",
        "_is_closed",
        "_now",
        "_owner",
        "_release",
        "_transaction_class",
        "clock",
        "commits",
        "directory",
        "rollbacks",
    )

    def __init__(self, directory: Directory, clock: Clock) -> None:
        """Write to the store of `directory`."""
        self.directory = directory
        self.clock = clock
        self.commits = self.rollbacks = 0
        lock = threading.Lock()
        self._acquire, self._release = lock.acquire, lock.release
        self._owner = 0
        self._transaction_class = directory.write_class
        self._now = nanosecond_reader(clock)
        self._is_closed = False

    def enter(self) -> None:
        """Take the writer lock, for whatever no transaction may run beside.

        Raises:
            UsageError: this thread has it.
            ClosedError: the database is closed.
        """
        if self._owner == get_ident():
            self._refuse_nested()
        self._acquire()
        self._owner = get_ident()
        if self._is_closed:
            self.leave()
            self._refuse_closed()

    def _refuse_nested(self) -> NoReturn:
        raise UsageError(
            "this thread is inside a write transaction or a reducer already; what "
            "writes, checks or closes the database must wait for its end"
        )

    def _refuse_closed(self) -> NoReturn:
        raise ClosedError("the database is closed")

    def leave(self) -> None:
        """Give the writer lock back."""
        self._owner = 0
        self._release()

    def begin(self) -> WriteTransaction:
        """Take the lock and begin a transaction.

        Raises:
            UsageError, ClosedError: as `enter` does.
        """
        thread = get_ident()
        if self._owner == thread:
            self._refuse_nested()
        self._acquire()
        self._owner = thread
        try:
            if self._is_closed:
                self._refuse_closed()
            return self._transaction_class(self._now())
        except BaseException:
            self.leave()
            raise

    def commit(self, transaction: WriteTransaction) -> None:
        """Commit a transaction and give the lock back."""
        try:
            if transaction._finish():  # noqa: SLF001  its names are the user's tables
                self.commits += 1
        finally:
            self._owner = 0
            self._release()

    def rollback(self, transaction: WriteTransaction) -> None:
        """Undo a transaction and give the lock back."""
        try:
            transaction._undo()  # noqa: SLF001  its names are the user's tables
            self.rollbacks += 1
        finally:
            self.leave()

    def create(self, transaction: WriteTransaction) -> None:
        """Commit the creation, which is offset 1 whatever `init` changed."""
        if not transaction._finish():  # noqa: SLF001  its names are the user's tables
            self.directory.store.publish((), 1)
        self.commits += 1
        self.leave()

    def close(self) -> None:
        """Let nothing begin any more; waits for the transaction that runs."""
        try:
            self.enter()
        except ClosedError:  # while this thread waited for the lock
            return
        self._is_closed = self.directory.store.is_closed = True
        self.leave()
