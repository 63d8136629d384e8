"""How an optimistic transaction ends, and the SQL in it.

Its commit is a serial transaction: it takes the writer lock, validates, writes what was
buffered, and goes the way of every other one to the log and to whoever listens.
"""

from collections.abc import Mapping
from typing import NoReturn, Self

from qsdb.errors import ConflictError, UsageError
from qsdb.log.options import ALWAYS
from qsdb.runtime.coroutines import in_a_thread, pause
from qsdb.runtime.queries import Queries
from qsdb.runtime.writer import Writer
from qsdb.schema.contexts import AnyContext
from qsdb.schema.results import Result
from qsdb.store.optimistic.transactions import OptimisticTransaction

__all__ = ["SqlOptimisticTransaction"]

TURN_LOOKS, TURN_SECONDS_MAX = 200, 0.01
"""In an event loop a commit looks so often whether it is its turn, at last so seldom;
after some two seconds of others' turns it waits in line, as those of threads do."""


class SqlOptimisticTransaction(OptimisticTransaction):
    """A transaction that writes beside others: ``db.optimistic()``.

    Use it with ``with``, or with ``async with``: leaving the block commits, and an
    exception rolls back. Or call `commit` and `rollback`.
    """

    _queries: Queries
    """Of the derived class: those of one database."""
    _writer: Writer
    """Likewise."""
    _is_led = False
    """Whether `transact` ends it, and not whoever uses it."""
    _context: AnyContext | None = None
    """Of the procedure's call that has begun it; None for the database itself."""
    _was_left = False
    """Whether its call has ended before it."""

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a statement inside of the transaction, with the rights of the owner.

        What the transaction has changed is seen. ``:sender`` is who called the
        procedure. A statement that fails changes nothing, and the transaction may go
        on.

        Raises:
            QueryError: it is wrong, or a result has no room in its kind.
            ArgumentError: parameters do not fit.
            ConstraintError: what it would insert or change cannot be.
            ClosedError: the transaction has ended.
        """
        return self._sql_within("", text, params)

    def _sql_within(
        self, namespace: str, text: str, params: Mapping[str, object] | None
    ) -> Result:
        self._require_open()
        queries, context = self._queries, self._context
        sender = queries.owner if context is None else context.sender
        return queries.run_in(self, text, params, sender, namespace)

    def _leave(self) -> bool:
        """End it with the call that it belongs to; say whether that had to be done."""
        if self._hold.pin is None:
            return False
        self._was_left = True
        self._end()
        return True

    # How it ends.

    def commit(self) -> int:
        """Commit, and end; give the offset of the commit.

        One without net change makes no commit: then that is the last one's offset. One
        that has written nothing looks at nothing, and gives the offset at which it has
        read.

        Raises:
            ConflictError: others have changed what it has read or written; nothing has
                happened, and it has ended.
            ClosedError: it has ended before, or the database is closed.
            UsageError: this thread is inside a write transaction; nothing has happened,
                and it goes on. Or `transact` is to end it.
            StorageError: it cannot be written to the disk.
        """
        if self._is_led:
            _refuse_to_end()
        return self._commit(waits=True)

    async def commit_async(self) -> int:
        """As `commit`; the event loop goes on while its turn or the disk is waited for.

        Cancelled while it waits for its turn, nothing has happened, and it has ended;
        while it waits for the disk, it is committed.

        Raises:
            Whatever `commit` raises.
        """
        if self._is_led:
            _refuse_to_end()
        return await self._commit_async()

    def rollback(self) -> None:
        """End without a commit; twice is no error.

        Raises:
            UsageError: `transact` is to end it; raise an exception out of its function.
        """
        if self._is_led:
            _refuse_to_end()
        self._end()

    def _commit(self, *, waits: bool) -> int:
        hold = self._hold
        if hold.pin is None:
            self._require_open()
        if not self._has_written:
            self._end()
            return self._offset
        writer = self._writer
        writer.require_outside()
        try:
            transaction = writer.begin()
            try:
                self._merge(transaction)
            except ConflictError:
                writer.conflicts += 1
                raise
            self._hand_over()
            writer.commit(transaction, waits=waits)
        except BaseException:
            try:
                writer.abort()
            finally:
                writer.abort()
            raise
        finally:
            self._end()
        return transaction._offset

    async def _commit_async(self) -> int:
        try:
            await self._turn()
        except BaseException:
            self._end()
            raise
        offset = self._commit(waits=False)
        log = self._writer.log
        if log is not None and log.options.durability == ALWAYS:
            await in_a_thread(log.wait_durable, offset)
        return offset

    @property
    def _has_written(self) -> bool:
        return bool(self._hold.rows or self._beside is not None)

    async def _turn(self) -> None:
        """Wait until nobody writes, or until that takes too long."""
        writer = self._writer
        for number in range(TURN_LOOKS):
            if self._hold.pin is None or not self._has_written or writer.is_free():
                break
            await pause(min(number * 0.0005, TURN_SECONDS_MAX))

    def __enter__(self) -> Self:
        """Give the transaction itself.

        Raises:
            ClosedError: it has ended.
        """
        if self._hold.pin is None:
            self._require_open()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Commit, or roll back if an exception passes; unless it has ended.

        Raises:
            Whatever `commit` raises.
        """
        if kind is not None:
            self._end()
        elif self._hold.pin is not None or self._was_left:
            self.commit()

    async def __aenter__(self) -> Self:
        """Give the transaction itself.

        Raises:
            ClosedError: it has ended.
        """
        self._require_open()
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        """Commit, or roll back if an exception passes; unless it has ended.

        Raises:
            Whatever `commit_async` raises.
        """
        if kind is not None:
            self._end()
        elif self._hold.pin is not None or self._was_left:
            await self.commit_async()


def _refuse_to_end() -> NoReturn:
    raise UsageError(
        "transact commits when its function returns, and rolls back when it raises"
    )
