"""`V1Session`: a client that speaks version 1 of the protocol, as BSATN or as JSON.

Who calls is always told of the call, with what it changed for the caller. Others are
told of the change alone (`TransactionUpdateLight`), for the arguments of a call are its
caller's business.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from qsdb.errors import QueryError
from qsdb.protocol import v1_client_messages as c
from qsdb.protocol import v1_server_messages as s
from qsdb.protocol.server_messages import (
    InternalFailure,
    ReducerErr,
    ReducerOutcome,
    Returned,
)
from qsdb.protocol.v1_tables import V1EncodedUpdate
from qsdb.runtime.batches import Batch
from qsdb.runtime.call_contexts import CallContext, Sender
from qsdb.server.call_tables import Remote
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.server.query_sets import ServedQuery
from qsdb.server.sessions import INLINE_BYTES, Job, Session
from qsdb.server.v1_forms import V1Form
from qsdb.server.v1_queries import V1Queries
from qsdb.server.v1_sets import Number

__all__ = ["V1Session"]

NO_REDUCER = 0xFFFF_FFFF
"""The number of a reducer that is none, or whose call has failed inside."""


class V1Session(Session[c.V1ClientMessage]):
    """A client that speaks version 1 of the protocol."""

    def __init__(
        self,
        served: Served,
        sender: Sender,
        options: SessionOptions,
        wake: Callable[[], None],
        *,
        form: V1Form,
    ) -> None:
        """Prepare; see `Session`.

        Args:
            served: The database.
            sender: Who connects.
            options: How it is served.
            wake: Is called when there may be something to send.
            form: How messages are written.
        """
        self._form = form
        super().__init__(served, sender, options, wake)
        self._asked = V1Queries(self.peer, self, form)
        self._failed: dict[ServedQuery[Any], list[Number]] = {}

    def _first(self, token: str) -> bytes:
        sender = self.peer.sender
        assert sender.connection is not None
        identity, number = sender.identity.stored, sender.connection.stored
        return self._form.encode(s.IdentityToken(identity, token, number))

    def read(self, frame: bytes | str) -> Iterable[c.V1ClientMessage]:
        return self._form.read(frame)

    def _written(self, found: Remote, result: object) -> bytes | None:
        return self._form.value(found, result)

    def handle(self, message: c.V1ClientMessage) -> Job | None:
        match message:
            case c.CallReducer(args=args) if len(args) > INLINE_BYTES:
                return functools.partial(self._call, message)
            case c.CallReducer():
                self._call(message)
            case c.CallProcedure(args=args) if len(args) > INLINE_BYTES:
                return functools.partial(self._start, message)
            case c.CallProcedure():
                self._start(message)
            case c.OneOffQuery():
                return self._asked.ask_once(message)
            case c.Unsubscribe() | c.UnsubscribeMulti():
                return self._asked.unsubscribe(message)
            case _:
                return self._asked.subscribe(message)
        return None

    def _queries(self) -> list[ServedQuery[Any]]:
        return [*self._asked.sets.end_all()]

    # Calls.

    def _call(self, message: c.CallReducer) -> None:
        """Run a reducer, and have the caller told of it."""
        peer, calls, args = self.peer, self.calls, message.args
        began = peer.now
        outcome, batch = calls.reducer(message.reducer, args, self._form.arguments)
        parts: tuple[V1EncodedUpdate, ...] = ()
        if batch is not None:
            assert isinstance(batch.origin, CallContext)
            began = batch.origin.micros
            parts, errors = self._sorted(batch)
            for error in errors:
                peer.outbox.put(batch.offset, error)
        status = _status(outcome, parts)
        is_quiet = message.flags == c.NO_SUCCESS_NOTIFY and not parts
        if is_quiet and isinstance(status, s.Committed):
            calls.settle(b"")
            return
        number = NO_REDUCER if isinstance(outcome, InternalFailure) else 0
        call = s.ReducerCall(message.reducer, number, args, message.request_id)
        sender, spent = peer.sender, max(0, peer.now - began)
        assert sender.connection is not None
        caller = sender.identity.stored, sender.connection.stored
        update = s.TransactionUpdate(status, began, *caller, call, spent)
        calls.settle(self._form.encode(update))

    def _start(self, message: c.CallProcedure) -> None:
        """Have a procedure run, and its answer sent when it has come to its end."""
        peer, args = self.peer, message.args

        def tell(outcome: Returned | InternalFailure, began: int) -> None:
            status: Returned | s.ProcedureFailed
            if isinstance(outcome, InternalFailure):
                status = s.ProcedureFailed(outcome.message)
            else:
                status = outcome
            spent, number = peer.now - began, message.request_id
            result = s.ProcedureResult(status, began, spent, number)
            peer.send(self._form.encode(result))

        self.calls.procedure(message.procedure, args, self._form.arguments, tell)

    # What is told of commits, and sent of it.

    def _take_ends(self, batch: Batch) -> None:
        """A query that has failed ends all sets in which it is."""
        for query, what in batch.parts:
            if isinstance(what, QueryError):
                assert isinstance(query, ServedQuery)
                self._failed[query] = self._asked.fail(query)
        super()._take_ends(batch)

    def _encoded(self, batch: Batch) -> Sequence[bytes]:
        parts, messages = self._sorted(batch)
        if parts:
            update = s.TransactionUpdateLight(0, parts)
            messages.append(self._form.encode(update))
        return messages

    def _sorted(self, batch: Batch) -> tuple[tuple[V1EncodedUpdate, ...], list[bytes]]:
        """Give what a commit did to queries, and what is said of those that failed."""
        parts: list[V1EncodedUpdate] = []
        errors: list[bytes] = []
        for query, what in batch.parts:
            assert isinstance(query, ServedQuery)
            if query.owner.is_dead:
                continue
            if isinstance(what, QueryError):
                said = self.peer.said(what)
                for number in self._failed.pop(query, ()):
                    error = s.SubscriptionError(0, None, number, None, said)
                    errors.append(self._form.encode(error))
            else:
                parts.append(query.encoder.update(what.difference))
        return tuple(parts), errors


def _status(
    outcome: ReducerOutcome, parts: tuple[V1EncodedUpdate, ...]
) -> s.Committed | s.Failed:
    match outcome:
        case ReducerErr():
            return s.Failed(outcome.text())
        case InternalFailure(message=text):
            return s.Failed(text)
        case _:
            return s.Committed(parts)
