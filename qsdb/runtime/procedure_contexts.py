"""The context of a procedure's call, and the transactions that it opens.

The writer lock belongs to a thread. A coroutine that waits inside of a transaction
would give its thread to others, who are in a transaction then of which they know
nothing, and everybody else would wait for as long as it does. So a block that is
opened in an event loop asks to be called when the loop has control: if it is still open
then, it is rolled back at once, and a `UsageError` when it is left.
"""

import logging
import random
import weakref
from typing import Any, Literal

from qsdb.errors import ClosedError, UsageError
from qsdb.logs import CallLog
from qsdb.runtime.blocks import WriteBlock
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.calls import Calls, StaleFunctionError, checked
from qsdb.runtime.coroutines import Watch, soon
from qsdb.runtime.meters import call_fields
from qsdb.runtime.mounted_procedures import MountedProcedureContext
from qsdb.runtime.optimistic import SqlOptimisticTransaction
from qsdb.schema.contexts import Auth
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import (
    Procedure,
    ProcedureContext,
    ProcedureTransaction,
)
from qsdb.store.reads import ReadTransaction
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["CallOfProcedure"]


class CallOfProcedure(ProcedureContext):
    """The context of one call; what is rarely wanted is made when asked for."""

    __slots__ = (
        "_beside",
        "_block",
        "_calls",
        "_is_over",
        "_procedure",
        "_random",
        "_seed",
        "_sent",
        "_started",
    )

    def __init__(
        self,
        calls: Calls,
        procedure: Procedure,
        sent: Sender,
        started: Timestamp,
        seed: int,
    ) -> None:
        """Begin a call.

        Args:
            calls: Of the database.
            procedure: Which one.
            sent: Who calls.
            started: Now.
            seed: What its random numbers derive from.
        """
        self.sender = sent.identity
        self._calls = calls
        self._procedure = procedure
        self._sent = sent
        self._started = started
        self._seed = seed
        self._random: random.Random | None = None
        self._block: ProcedureBlock | None = None
        self._beside: set[weakref.ref[SqlOptimisticTransaction]] = set()
        self._is_over = False

    @property
    def connection_id(self) -> ConnectionId | None:
        return self._sent.connection

    @property
    def timestamp(self) -> Timestamp:
        return self._started

    @property
    def random(self) -> random.Random:
        if self._random is None:
            self._random = random.Random(self._seed)  # noqa: S311  reproducible
        return self._random

    @property
    def identity(self) -> Identity:
        return self._calls.identity

    @property
    def auth(self) -> Auth:
        return self._sent.auth

    @property
    def log(self) -> CallLog:
        module, name = self._calls.module.name, self._procedure.name
        fields = call_fields(module, self, name)
        ticks = self._calls.meters.ticks
        return CallLog(logging.getLogger(f"qsdb.{module}.{name}"), fields, ticks)

    def within(self, name: str) -> ProcedureContext:
        return MountedProcedureContext(self, self._calls, name)

    def transaction(self) -> "ProcedureBlock":
        self._require_going()
        return ProcedureBlock(self)

    def optimistic(
        self, isolation: Literal["serializable", "snapshot"] = "serializable"
    ) -> SqlOptimisticTransaction:
        self._require_going()
        transaction = self._calls.retrying.begin(isolation)
        transaction._context = self
        # What nobody has any more is rolled back already, and leaves the set.
        self._beside.add(weakref.ref(transaction, self._beside.discard))
        self._require_going()  # again: a thread may outlive the call
        return transaction

    def read(self) -> ReadTransaction:
        self._require_going()
        return self._calls.writer.directory.read()

    def call(self, reducer: object, /, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  what it gives
        self._require_going()
        calls = self._calls
        found = calls.find(calls.owner, reducer)
        if not isinstance(found, Reducer):
            raise UsageError(
                f"{found.name} is a procedure; call it as a function, with the context"
            )
        values = checked(found, args, kwargs)
        try:
            return calls.run_turn(found, self._sent, before=lambda _: values)
        except StaleFunctionError:
            return self.call(reducer, *args, **kwargs)

    def _require_going(self) -> None:
        if self._is_over:
            raise ClosedError(
                f"the call of procedure {self._procedure.name} has ended, and its "
                "context with it"
            )
        if self._calls.writer.directory.store.is_closed:
            raise ClosedError("the database is closed")

    def end(self) -> None:
        """End the call, and roll back what it has left open on this thread.

        Of transactions beside others also what it has left to another thread.
        """
        self._is_over = True
        is_open, block = False, self._block
        if block is not None and self._calls.writer.is_mine():
            block.roll_back()
            is_open = True
        for each in [*self._beside]:
            transaction = each()
            if transaction is not None and transaction._leave():
                is_open = True
        if is_open:
            self.log.error("it left a transaction open, which was rolled back")


class ProcedureBlock(WriteBlock):
    """``with ctx.transaction() as tx:``, once."""

    __slots__ = ("_call", "_was_suspended", "_watch")

    def __init__(self, call: CallOfProcedure) -> None:
        """Prepare; nothing is taken before the block is entered."""
        super().__init__(call._calls.writer)
        self._call = call
        self._watch: Watch | None = None
        self._was_suspended = False

    def __enter__(self) -> ProcedureTransaction:  # type: ignore[override]
        call = self._call
        call._require_going()
        transaction = super().__enter__()
        try:
            transaction._context = call
            call._block = self
            if call._procedure.is_async:
                self._watch = soon(self._suspended)
        except BaseException:  # of a signal handler
            self.roll_back()
            raise
        assert isinstance(transaction, ProcedureTransaction)
        return transaction

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Commit, or roll back if an exception passes.

        Raises:
            UsageError: an ``await`` has suspended the block.
        """
        if self._watch is not None:
            self._watch.cancel()
        if not self._was_suspended:
            self._call._block = None
            super().__exit__(kind, error, trace)
        elif error is None or isinstance(error, Exception):
            raise UsageError(
                f"procedure {self._call._procedure.name} awaited something inside of a "
                "transaction, which was rolled back; await before it, or after it"
            )

    def _suspended(self) -> None:
        """Roll back, since the event loop has control and the block is open."""
        if self._call._block is self:
            self._was_suspended = True
            self.roll_back()
            self._call.log.error("it awaited inside of a transaction, now rolled back")

    def roll_back(self) -> None:
        """Roll back, on the thread of the block."""
        self._call._block = None
        self.__del__()
