"""The writer: one lock, one transaction at a time.

All that writes stands between `Writer.begin` and `Writer.commit`, or ends with
`Writer.abort`, and has one form, which holds for exceptions that a signal handler
raises anywhere, even inside these calls::

    writer.require_outside()
    try:
        transaction = writer.begin()
        …
        writer.commit(transaction)
    except BaseException:
        try:
            writer.abort()
        finally:
            writer.abort()
        raise

`abort` looks at what there is: a transaction that has not come to its commit is
undone, one that was cut in the middle of it is committed after all, and the lock
is given back if this thread has it. The second one has nothing to do unless the
first was cut off in its turn. The lock belongs to a thread (it is
reentrant), so that this can be told, and so that a thread which asks for it twice
gets a `UsageError` and does not wait for itself for ever.
"""

import gc
import threading
from collections.abc import Iterable, Sized
from collections.abc import Set as AbstractSet
from typing import NoReturn, Protocol

from qsdb.errors import ClosedError, UsageError
from qsdb.forks import on_fork
from qsdb.log.writing import LogWriter
from qsdb.runtime.clock import Clock, nanosecond_reader, never_back
from qsdb.store.changes import Noted
from qsdb.store.directory import Directory
from qsdb.store.opened import Entry
from qsdb.store.transactions import Journal, WriteTransaction

__all__ = ["Writer"]

COMMITS_FOR_A_YOUNG_COLLECTION = 256
"""Stored rows are tuples of atoms, which a young collection takes off the list of
what later ones look at. Such collections come when more is made than dropped, and
small transactions drop an old row for each new one: without help, a million updates
leave a million rows to be looked at in one pause."""


class Audience(Protocol):
    """Who is told of commits."""

    @property
    def watched(self) -> AbstractSet[Entry]:
        """The tables that somebody looks at."""
        ...

    @property
    def unread(self) -> Sized:
        """Who is to be forgotten by the next commit."""
        ...

    @property
    def outbox(self) -> Sized:
        """What is not told yet."""
        ...

    def committed(self, opened: Iterable[Noted], offset: int, origin: object) -> None:
        """Take a commit in, under the writer lock; twice is once."""
        ...

    def tell(self) -> None:
        """Tell of it, when the lock is free."""
        ...


class TimerKeeper(Protocol):
    """Keeps the timers of scheduled tables."""

    watched: frozenset[Entry]
    """Those tables: of what opens none of them nothing is to be noted."""

    def note(self, transaction: WriteTransaction) -> bool:
        """Arm and disarm in a transaction that is about to end; twice is once.

        Returns:
            Whether anything is due at another time now.
        """
        ...

    def wake(self) -> None:
        """See when something is due; when that is committed."""
        ...


class ViewKeeper(Protocol):
    """Keeps the results of views current."""

    @property
    def kept(self) -> Sized:
        """What there is to keep; often nothing."""
        ...

    def refresh(self, opened: Iterable[Noted], offset: int) -> None:
        """Run again what a transaction concerns, before it is a commit.

        Raises:
            ReducerError: a view fails whose errors undo the transaction.
        """
        ...

    def rolled_back(self, offset: int) -> None:
        """Take in that the transaction was undone; twice is once."""
        ...


class Writer:
    """Runs write transactions one after the other.

    Attributes:
        current: The transaction that runs, of whatever thread.
        log: What has commits on the disk; None for a database in memory.
        journal: What writes them to the log.
        audience: Who is told of commits; None until somebody listens.
        is_mine: Whether the calling thread has the lock.
        first_offset: The last commit before those that this process makes or follows.
        latest: When the last transaction began, in nanoseconds since 1970; on disk
            no commit is later.
        rollbacks: Transactions that an exception ended.
        conflicts: Optimistic ones among them that were refused.
        timers: What keeps the timers of scheduled tables; None without any.
        views: What keeps the results of views; None without any.
    """

    __slots__ = (
        "__weakref__",
        "_acquire",
        "_by_class",
        "_now",
        "_release",
        "_store",
        "_write_class",
        "audience",
        "clock",
        "conflicts",
        "current",
        "directory",
        "first_offset",
        "is_mine",
        "journal",
        "latest",
        "log",
        "rollbacks",
        "timers",
        "views",
    )

    def __init__(
        self, directory: Directory, clock: Clock, microseconds: int | None = None
    ) -> None:
        """Write to the store of `directory`.

        Args:
            directory: Of the database.
            clock: Where the time of transactions comes from.
            microseconds: On disk: the time of the last commit, since 1970. None is
                before it, nor before one after that, if the clock goes back.
        """
        self.directory, self._store = directory, directory.store
        self.first_offset = directory.store.offset
        self.clock = clock
        self.current: WriteTransaction | None = None
        self.rollbacks = self.conflicts = self.latest = 0
        self.log: LogWriter | None = None
        self.journal: Journal | None = None
        self.audience: Audience | None = None
        self.timers: TimerKeeper | None = None
        self.views: ViewKeeper | None = None
        self._renew_lock()
        on_fork(self._forked)
        self._now = nanosecond_reader(clock)
        if microseconds is not None:
            self.latest = microseconds * 1000
            self._now = never_back(self._now, self.latest)

    def _renew_lock(self) -> None:
        lock = threading.RLock()
        self._acquire, self._release = lock.acquire, lock.release
        self.is_mine = lock._is_owned  # type: ignore[attr-defined]  # as threading.Condition
        self.renew()

    def renew(self) -> None:
        """Begin transactions on the tables that the directory has now."""
        directory = self.directory
        self._write_class, self._by_class = directory.write_class, directory.by_class

    def _forked(self) -> None:
        """In a forked child, undo what a thread of the parent was in the middle of."""
        if self.is_mine():  # by the thread that forked, and lives on
            return
        transaction = self.current
        self._renew_lock()
        self._store.renew_lock()
        if transaction is not None:
            self.current = None
            transaction._undo()

    def require_outside(self) -> None:
        """Refuse what no transaction of this thread may run beside.

        Raises:
            UsageError: this thread is inside a write transaction, or in the
                middle of a commit.
        """
        is_mine = self.is_mine
        if is_mine() or self._store.is_busy_here():
            raise UsageError(
                "this thread is inside a write transaction or a reducer already; "
                "what writes, checks or closes the database must wait for its end"
            )

    def require_writable(self) -> None:
        """Refuse what is to be written later.

        Raises:
            UsageError: this thread is inside a write transaction.
            ClosedError: the database is closed.
        """
        is_mine = self.is_mine
        if self.current is not None or is_mine():
            self.require_outside()
        if self._store.is_closed:
            self._refuse_closed()

    def enter(self) -> None:
        """Take the writer lock, for whatever no transaction may run beside.

        Raises:
            ClosedError: the database is closed.
        """
        self._acquire()
        if self._store.is_closed:
            self._refuse_closed()

    def _refuse_closed(self) -> NoReturn:
        raise ClosedError("the database is closed")

    def take(self) -> None:
        """Take the writer lock, also of a database that is closed."""
        self._acquire()

    def leave(self) -> None:
        """Give the writer lock back, if this thread has it."""
        if self.is_mine():
            self._release()

    def is_free(self) -> bool:
        """Whether nobody writes now, but perhaps this thread."""
        if self.is_mine():
            return True
        try:
            return self._acquire(blocking=False)
        finally:
            try:
                self.leave()
            finally:  # an interrupt may have cut that off
                self.leave()

    def begin(self) -> WriteTransaction:
        """Take the lock and begin a transaction.

        Raises:
            ClosedError: the database is closed.
        """
        # On CPython 3.11 what a slot holds costs twice if it is called at once.
        acquire = self._acquire
        acquire()
        # Only now: who had the lock may have published a module, or put the clock off.
        write_class, now, store = self._write_class, self._now, self._store
        if store.is_closed:
            self._refuse_closed()
        if self.log is not None and self.log.failure is not None:
            raise self.log.failure.with_traceback(None)
        # No constructor: it would cost as much as all of these.
        transaction = write_class()
        transaction._store, transaction._by_class = store, self._by_class
        transaction._opened = {}
        self.latest = transaction._nanoseconds = now()
        transaction._depth, transaction._offset = 0, -1
        transaction._is_open, transaction._is_told = True, False
        transaction._is_mine = self.is_mine
        transaction._context = transaction._beside = None
        self.current = transaction
        return transaction

    def enter_to_publish(self) -> int:
        """Take the lock, and give the time of a commit that is no transaction's.

        Raises:
            ClosedError: the database is closed.
            FailedError: the log has failed.
        """
        self.enter()
        if self.log is not None and self.log.failure is not None:
            raise self.log.failure.with_traceback(None)
        self.latest = nanoseconds = self._now()
        return nanoseconds

    def commit(self, transaction: WriteTransaction, waits: bool = True) -> None:  # noqa: FBT001, FBT002  hot; by place, as a keyword costs
        """Commit a transaction, give the lock back, and wait as the log says.

        Args:
            transaction: It.
            waits: Whether to wait for the disk where the log says so.

        Raises:
            UsageError, DiskFull, ReducerError: it cannot be committed; `abort` is to
                undo it.
            FailedError: that too, or it is committed and may not last.
        """
        context = transaction._context
        timers = self.timers
        opened = transaction._opened
        is_armed = (
            timers is not None
            and not timers.watched.isdisjoint(opened)
            and timers.note(transaction)
        )
        views = self.views
        if views is not None and views.kept:
            self._refresh(views, transaction)
        offset = transaction._finish(self.journal)
        audience = self.audience
        if (
            audience is not None
            and offset
            and (audience.unread or not audience.watched.isdisjoint(opened))
        ):
            audience.committed(opened.values(), offset, context)
        self.current, release = None, self._release
        release()
        if not offset:
            return
        try:
            if self.log is not None:
                self.log.settle(offset, waits)
        finally:
            if is_armed and timers is not None:
                timers.wake()
            if audience is not None and audience.outbox:
                audience.tell()
        if not offset % COMMITS_FOR_A_YOUNG_COLLECTION and gc.isenabled():
            gc.collect(0)

    def _refresh(self, views: ViewKeeper, transaction: WriteTransaction) -> None:
        if transaction._depth:  # a savepoint that nobody left
            transaction._collapse(undo=False)
        views.refresh(transaction._opened.values(), self._store.offset + 1)

    def postpone(self, transaction: WriteTransaction, micros: int) -> None:
        """Have a transaction be no earlier than a time, and none after it earlier.

        Args:
            transaction: The one that runs.
            micros: The time, in microseconds since 1970.
        """
        nanoseconds = micros * 1000
        if transaction._nanoseconds < nanoseconds:
            self.latest = transaction._nanoseconds = nanoseconds
            self._now = never_back(nanosecond_reader(self.clock), nanoseconds)

    def abort(self) -> None:
        """End what an exception has cut off, if this thread is inside anything."""
        if not self.is_mine():
            return
        transaction = self.current
        if transaction is not None:
            if transaction._undo(self.journal):
                self.rollbacks += 1
                if self.views is not None:
                    self.views.rolled_back(self._store.offset)
            elif self.audience is not None:
                offset = transaction._offset
                self.audience.committed(transaction._opened.values(), offset, None)
            self.current = None
        self._release()

    def close(self) -> None:
        """Let nothing begin any more; waits for the transaction that runs."""
        try:
            self.enter()
            self._store.close()
        except ClosedError:  # while this thread waited for the lock
            return
        finally:
            try:
                self.leave()
            finally:  # an interrupt may have cut that off
                self.leave()
