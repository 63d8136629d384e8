"""`Transacting`: the optimistic transactions of a database, one and with retries.

`Database` is derived from it, so these are its methods.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Literal, TypeVar

from qsdb.runtime.calls import Calls
from qsdb.runtime.optimistic import SqlOptimisticTransaction
from qsdb.schema.procedures import ProcedureTransaction

__all__ = ["Transacting"]

T = TypeVar("T")

Isolation = Literal["serializable", "snapshot"]

RETRIES = 10


class Transacting:
    """The part of a `Database` in which transactions write beside each other."""

    __slots__ = ()

    _calls: Calls

    def optimistic(
        self, isolation: Isolation = "serializable"
    ) -> SqlOptimisticTransaction:
        """Begin a transaction that writes beside others, at the last commit.

        It locks nobody out, may wait for anything, and may be used by any thread, one
        at a time, and across ``await``. It reads the database as it is at this call,
        with its own writes, which nobody else sees before it commits. Use it with
        ``with`` or ``async with``, or end it by `commit` or `rollback`. As long as it
        is open, old rows are kept for it.

        Args:
            isolation: ``"serializable"``: it commits if all that it has read is still
                so. ``"snapshot"``: if the rows that it writes are still those that it
                has seen; two that read what the other one writes may both commit.

        Raises:
            ArgumentError: there is no such isolation.
            ReadOnlyError: the database is only read.
            UsageError: this thread is inside a write transaction.
            ClosedError: the database is closed.
        """
        return self._calls.retrying.begin(isolation)

    def transact(
        self,
        function: Callable[[ProcedureTransaction], T],
        /,
        retries: int = RETRIES,
        *,
        isolation: Isolation = "serializable",
    ) -> T:
        """Run a function as one transaction beside others; give what it returns.

        The function is given the transaction. If that cannot commit since others were
        faster, the function runs again, on what is there now: so it should do nothing
        outside of the database that must not be done twice. When its retries are used
        up it runs once more under the writer lock, so it always gets through; unless it
        writes more rows than an optimistic transaction may, which it is told at once,
        or writes by anything else than the transaction it is given (`db.write()`,
        another `transact`): what waits for that lock is a `UsageError` under it.

        Args:
            function: Takes the transaction. What it raises rolls back and passes.
            retries: How often it may be run again before that.
            isolation: As `optimistic` has it.

        Raises:
            ArgumentError: `retries` is no number, or there is no such isolation, or the
                function is a coroutine function, see `transact_async`, or a generator.
            LimitError: it writes more rows than `TransactionLimits.written_rows`.
            ReadOnlyError, UsageError, ClosedError, StorageError: as `optimistic` and
                its commit do.
        """
        return self._calls.retrying.run(function, retries, isolation)

    async def transact_async(
        self,
        function: Callable[[ProcedureTransaction], Coroutine[Any, Any, T]],
        /,
        retries: int = RETRIES,
        *,
        isolation: Isolation = "serializable",
    ) -> T:
        """As `transact`, with a coroutine function, which may await anything.

        Retries wait longer than those of `transact`, up to some seconds. The last run
        is under the writer lock too, if it awaits nothing that suspends it: nobody else
        can write then, so nothing may be waited for. If it does suspend there, it is
        rolled back, and that is a `ConflictError`.

        Cancelled while the function runs, or while a commit waits for the writer lock,
        which reducers and blocks have for as long as they take, it has done nothing.
        Cancelled while a commit waits for the disk, it is committed. The event loop
        goes on meanwhile, unless its turn does not come for some seconds; it waits
        before the last run.

        Raises:
            Whatever `transact` raises.
            ConflictError: others were faster each time, and the last run awaits.
        """
        return await self._calls.retrying.run_async(function, retries, isolation)
