"""The writer: one lock, one transaction at a time, and what is counted of it.

All that writes goes through `Writer.begin` and `Writer.end`. A thread that asks
for the lock while it holds it would wait for itself for ever; it gets a
`UsageError` instead.
"""

import threading

from qsdb.errors import ClosedError, UsageError
from qsdb.runtime.clock import Clock
from qsdb.store.transactions import Directory, WriteTransaction

__all__ = ["Writer"]


class Writer:
    """Runs write transactions one after the other.

    Attributes:
        commits: Transactions that changed something, the creation included.
        rollbacks: Transactions that an exception ended.
        calls: Reducer calls that began, `init` included.
    """

    __slots__ = ("_lock", "_owner", "calls", "clock", "commits", "directory", "rollbacks")

    def __init__(self, directory: Directory, clock: Clock) -> None:
        """Write to the store of `directory`."""
        self.directory = directory
        self.clock = clock
        self.commits = self.rollbacks = self.calls = 0
        self._lock = threading.Lock()
        self._owner = 0

    def enter(self) -> None:
        """Take the writer lock, for whatever no transaction may run beside.

        Raises:
            UsageError: this thread has it.
            ClosedError: the database is closed.
        """
        thread = threading.get_ident()
        if self._owner == thread:
            raise UsageError(
                "this thread is inside a write transaction or a reducer already; "
                "what writes, checks or closes the database must wait for its end"
            )
        self._lock.acquire()
        self._owner = thread
        if self.directory.store.is_closed:
            self.leave()
            raise ClosedError("the database is closed")

    def leave(self) -> None:
        """Give the writer lock back."""
        self._owner = 0
        self._lock.release()

    def begin(self) -> WriteTransaction:
        """Take the lock and begin a transaction.

        Raises:
            UsageError, ClosedError: as `enter` does.
        """
        self.enter()
        try:
            return self.directory.write_class(self.directory, self.clock.now())
        except BaseException:
            self.leave()
            raise

    def commit(self, transaction: WriteTransaction) -> None:
        """Commit a transaction and give the lock back."""
        try:
            if transaction._finish():  # noqa: SLF001  its names are the user's tables
                self.commits += 1
        finally:
            self.leave()

    def rollback(self, transaction: WriteTransaction) -> None:
        """Undo a transaction and give the lock back."""
        try:
            transaction._undo()  # noqa: SLF001  its names are the user's tables
            self.rollbacks += 1
        finally:
            self.leave()

    def create(self) -> None:
        """Count the creation as the first commit, whatever `init` changed."""
        store = self.directory.store
        if store.offset == 0:
            store.publish((), 1)
            self.commits += 1

    def close(self) -> None:
        """Let nothing begin any more; waits for the transaction that runs."""
        self.enter()
        self.directory.store.is_closed = True
        self.leave()
