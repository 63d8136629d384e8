"""`V2Session`: a client that speaks version 2 or 3 of the protocol.

The two have the same messages; in version 3 several of them may share a frame.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qsdb.errors import QueryError
from qsdb.protocol.client_messages import (
    CALL_REDUCER,
    CallProcedure,
    CallReducer,
    ClientMessage,
    Subscribe,
    Unsubscribe,
    read_client_frame,
)
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    InitialConnection,
    InternalFailure,
    ProcedureResult,
    QuerySetUpdate,
    ReducerOk,
    ReducerResult,
    Returned,
    SubscriptionError,
    TransactionUpdate,
    encode_one_part,
    encode_reducer_ok,
    head_of_one_part,
)
from qsdb.protocol.subprotocols import Subprotocol
from qsdb.protocol.tables import EncodedUpdate
from qsdb.runtime.batches import Batch
from qsdb.runtime.call_contexts import CallContext, Sender
from qsdb.runtime.updates import Update
from qsdb.server.hosts import Served
from qsdb.server.peers import Peer, SessionOptions
from qsdb.server.query_sets import QuerySet, ServedQuery
from qsdb.server.session_queries import SessionQueries
from qsdb.server.sessions import INLINE_BYTES, Job, Session

__all__ = ["V2Session"]

TRANSACTION_UPDATE = b"\4"
"""The tag of the message."""

QUICK_BYTES = 512
"""Longer frames are not looked at as to whether they are one call."""

NO_SETS = TransactionUpdate(()).body()


class V2Session(Session[ClientMessage]):
    """A client that speaks version 2 or 3 of the protocol."""

    def __init__(
        self,
        served: Served,
        sender: Sender,
        options: SessionOptions,
        wake: Callable[[], None],
        *,
        subprotocol: Subprotocol,
    ) -> None:
        """Prepare; see `Session`.

        Args:
            served: The database.
            sender: Who connects.
            options: How it is served.
            wake: Is called when there may be something to send.
            subprotocol: Says how many messages a frame has.
        """
        super().__init__(served, sender, options, wake)
        self._subprotocol = subprotocol
        self._sets = SessionQueries(self.peer, self)

    def _first(self, token: str) -> bytes:
        sender = self.peer.sender
        assert sender.connection is not None
        identity, number = sender.identity.stored, sender.connection.stored
        return InitialConnection(identity, number, token).encode()

    def read(self, frame: bytes | str) -> Iterable[ClientMessage]:
        if isinstance(frame, str):
            raise ProtocolError("frame", 0, "it is text, and messages are bytes")
        return read_client_frame(frame, self._subprotocol)

    def quick(self, frame: bytes) -> ClientMessage | None:
        """Read a frame that is one call of a reducer."""
        if len(frame) > QUICK_BYTES or frame[:1] != CALL_REDUCER:
            return None
        try:
            messages = [*self.read(frame)]
        except ProtocolError:  # which is told in its turn
            return None
        return messages[0] if len(messages) == 1 else None

    def handle(self, message: ClientMessage) -> Job | None:
        if isinstance(message, CallReducer) and len(message.args) <= INLINE_BYTES:
            self._call(message)  # first of all, as it is hot
            return None
        return self._handle(message)

    def _handle(self, message: ClientMessage) -> Job | None:
        match message:
            case CallReducer():
                return functools.partial(self._call, message)
            case Subscribe():
                return self._sets.subscribe(message)
            case Unsubscribe():
                return self._sets.unsubscribe(message)
            case CallProcedure(args=args) if len(args) > INLINE_BYTES:
                return functools.partial(self._start, message)
            case CallProcedure():
                self._start(message)
            case _:  # OneOffQuery is all that is left
                return self._sets.ask_once(message)
        return None

    def _queries(self) -> list[ServedQuery[Any]]:
        return [each for query_set in self._sets.end_all() for each in query_set]

    # Calls.

    def _call(self, message: CallReducer) -> None:
        """Run a reducer, and have its answer sent with what it changed here."""
        number, calls = message.request_id, self.calls
        outcome, batch = calls.reducer(message.reducer, message.args)
        if batch is None:
            data = ReducerResult(number, self.peer.now, outcome).encode()
        else:
            assert isinstance(batch.origin, CallContext)
            timestamp = batch.origin.micros
            value = outcome.ret_value if isinstance(outcome, ReducerOk) else b""
            body, errors = self._body(batch)
            for error in errors:
                self.peer.outbox.put(batch.offset, error)
            data = encode_reducer_ok(number, timestamp, value, body or NO_SETS)
        calls.settle(data)

    def _start(self, message: CallProcedure) -> None:
        """Have a procedure run, and its answer sent when it has come to its end."""
        peer, number, args = self.peer, message.request_id, message.args

        def tell(outcome: Returned | InternalFailure, began: int) -> None:
            result = ProcedureResult(outcome, began, peer.now - began, number)
            peer.send(result.encode())

        self.calls.procedure(message.procedure, args, None, tell)

    # What is sent of commits.

    def _encoded(self, batch: Batch) -> Sequence[bytes]:
        if (one := _part_of_one(batch)) is not None:
            number, part = one
            return (head_of_one_part(number) + part,)
        body, messages = self._body(batch)
        if body:
            messages.append(TRANSACTION_UPDATE + body)
        return messages

    def _body(self, batch: Batch) -> tuple[bytes, list[bytes]]:
        """Give what a commit did to the sets, and messages of those that have failed.

        The former is the body of a `TransactionUpdate`, and empty if there is nothing.
        """
        if (one := _part_of_one(batch)) is not None:
            return encode_one_part(*one), []
        by_set, failed = self._sorted(batch)
        sets = [QuerySetUpdate(each.number, tuple(d)) for each, d in by_set.items()]
        body = TransactionUpdate(tuple(sets)).body() if sets else b""
        return body, _errors(self.peer, failed)

    def _sorted(
        self, batch: Batch
    ) -> tuple[
        dict[QuerySet[Any], list[EncodedUpdate]], dict[QuerySet[Any], QueryError]
    ]:
        """Sort what a commit did by sets; those that have failed are told no more."""
        by_set: dict[QuerySet[Any], list[EncodedUpdate]] = {}
        failed: dict[QuerySet[Any], QueryError] = {}
        for query, what in batch.parts:
            assert isinstance(query, ServedQuery)
            query_set = query.owner
            if query_set.is_dead:
                continue
            if isinstance(what, QueryError):
                failed[query_set] = what
            else:
                encoded = query.encoder.update(what.difference)
                by_set.setdefault(query_set, []).append(encoded)
        for each in failed:
            each.is_dead = True
            self._sets.sets.pop(each.number, None)
            by_set.pop(each, None)
        return by_set, failed


def _part_of_one(batch: Batch) -> tuple[int, EncodedUpdate] | None:
    """Give the set and the change of the one query, if there is one, as mostly."""
    only = batch.only
    if only is None:
        return None
    query, what = only
    assert isinstance(query, ServedQuery)
    if type(what) is not Update or query.owner.is_dead:
        return None
    return query.owner.number, query.encoder.update(what.difference)


def _errors(peer: Peer, failed: Mapping[QuerySet[Any], QueryError]) -> list[bytes]:
    return [
        SubscriptionError(None, each.number, peer.said(error)).encode()
        for each, error in failed.items()
    ]
