"""`SessionCalls`: the calls of one client.

Reducers run where the message is read, on the thread of the event loop: they are short,
and one at a time anyway. What a call changed for the caller stands inside its answer,
and nowhere else; so whoever is told of commits hands the caller's own batch over
(`SessionCalls.take`), and the place that it had among what other commits did is kept
for the answer.

Procedures may wait, so they run in the database's pool, and what their transactions
change is told like that of anybody.
"""

import functools
from collections.abc import Callable
from concurrent.futures import Future

from qsdb.errors import ArgumentError, NotFoundError, ReducerError
from qsdb.protocol.client_messages import CallProcedure, CallReducer
from qsdb.protocol.server_messages import (
    InternalFailure,
    ProcedureResult,
    ReducerErr,
    ReducerOk,
    ReducerOkEmpty,
    ReducerOutcome,
    ReducerResult,
    Returned,
    TransactionUpdate,
)
from qsdb.runtime.batches import Batch
from qsdb.runtime.call_contexts import CallContext
from qsdb.server.call_tables import Remote
from qsdb.server.outboxes import Place
from qsdb.server.peers import Peer
from qsdb.server.texts import failure_text

__all__ = ["SessionCalls"]

_NOTHING = TransactionUpdate(())


class SessionCalls:
    """The calls of one client.

    Attributes:
        running: How many procedures run for it.
    """

    __slots__ = ("_is_calling", "_is_owner", "_own", "_peer", "_served", "running")

    def __init__(self, peer: Peer) -> None:
        """Call nothing yet."""
        self._peer = peer
        self._served = peer.served
        self._is_owner = peer.is_owner
        self._is_calling = False
        self._own: tuple[Place, Batch] | None = None
        self.running = 0

    def take(self, batch: Batch) -> bool:
        """Take what a commit did, if it is that of the call which runs now.

        It is asked by whichever thread tells of the commit, while the call waits for
        that.
        """
        if not self._is_calling or self._own is not None:
            return False
        origin, peer = batch.origin, self._peer
        if not isinstance(origin, CallContext) or origin._known is not peer.sender:  # noqa: SLF001  the very object, not one that is equal
            return False
        self._own = peer.outbox.reserve(batch.offset), batch
        return True

    def reducer(self, message: CallReducer) -> tuple[ReducerOutcome, Batch | None]:
        """Run a reducer; say what came of it, and what that changed for the caller."""
        peer = self._peer
        try:
            found = self._served.functions.reducer(
                message.reducer, is_owner=self._is_owner
            )
            args = found.read(message.args)
        except (NotFoundError, ArgumentError) as error:
            return InternalFailure(str(error)), None
        sender, name = peer.sender, message.reducer
        self._is_calling = True
        try:
            result = peer.access.calls.call(sender.identity, name, args, {}, sender)
        except ReducerError as error:
            return ReducerErr.of_text(str(error)), None
        except Exception as error:  # noqa: BLE001  whatever users raise
            return InternalFailure(self._failure(name, error)), None
        finally:
            self._is_calling = False
        batch = self._own[1] if self._own is not None else None
        value = self._written(found, result)
        return ReducerOk(value, _NOTHING) if value else ReducerOkEmpty(), batch

    def answer(
        self, message: CallReducer, encode: Callable[[Batch], TransactionUpdate]
    ) -> None:
        """Run a reducer, and have its answer sent.

        Args:
            message: The call.
            encode: Makes an update of a batch.
        """
        peer = self._peer
        outcome, batch = self.reducer(message)
        own, self._own = self._own, None
        timestamp = 0
        if batch is not None:
            assert isinstance(batch.origin, CallContext)
            timestamp = batch.origin.timestamp.micros
            value = outcome.ret_value if isinstance(outcome, ReducerOk) else b""
            outcome = ReducerOk(value, encode(batch))
        result = ReducerResult(message.request_id, timestamp or peer.now, outcome)
        if own is None:
            peer.outbox.put(peer.offset, result.encode())
        else:
            own[0].data = result.encode()

    def procedure(self, message: CallProcedure) -> None:
        """Have a procedure run, and its answer sent when it has come to its end."""
        peer, name = self._peer, message.procedure
        began = peer.now
        try:
            found = self._served.functions.procedure(name, is_owner=self._is_owner)
            args = found.read(message.args)
        except (NotFoundError, ArgumentError) as error:
            self._tell(message, began, InternalFailure(str(error)))
            return
        procedures = peer.access.procedures
        future = procedures.pool.submit(procedures.call, peer.sender, name, args, {})
        self.running += 1
        future.add_done_callback(functools.partial(self._ended, message, found, began))

    def _ended(
        self,
        message: CallProcedure,
        found: Remote,
        began: int,
        future: "Future[object]",
    ) -> None:
        self.running -= 1
        outcome: Returned | InternalFailure
        try:
            outcome = Returned(self._written(found, future.result()))
        except ReducerError as error:
            outcome = InternalFailure(str(error))
        except Exception as error:  # noqa: BLE001  whatever users raise
            outcome = InternalFailure(self._failure(message.procedure, error))
        self._tell(message, began, outcome)

    def _tell(
        self, message: CallProcedure, began: int, outcome: Returned | InternalFailure
    ) -> None:
        peer, number = self._peer, message.request_id
        result = ProcedureResult(outcome, began, peer.now - began, number)
        peer.send(result.encode())

    def _written(self, found: Remote, result: object) -> bytes:
        """Encode what a function gave; nothing if it is not what was declared."""
        data = found.write(result)
        if data is not None:
            return data
        function = found.function
        error = TypeError(f"it gave {result!r}, which is not what it is declared to")
        self._failure(function.name, error)
        return b""

    def _failure(self, name: str, error: Exception) -> str:
        module = self._served.access.module.name
        return failure_text(module, name, error, is_owner=self._is_owner)
