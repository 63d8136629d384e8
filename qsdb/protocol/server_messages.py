r"""What the server sends: eight messages, a tag and then the fields in order.

===  ==================  =====================================================
tag  message             fields
===  ==================  =====================================================
0    InitialConnection   identity, connection_id, token str
1    SubscribeApplied    request_id u32, query_set_id u32, rows
2    UnsubscribeApplied  request_id u32, query_set_id u32, option<rows>
3    SubscriptionError   request_id option<u32>, query_set_id u32, error str
4    TransactionUpdate   array of: query_set_id u32, array of table updates
5    OneOffQueryResult   request_id u32, 0 and rows, or 1 and error str
6    ReducerResult       request_id u32, timestamp i64 µs, outcome
7    ProcedureResult     outcome, timestamp i64 µs, duration i64 µs, request_id
===  ==================  =====================================================

An outcome is a tag and a payload: of a reducer 0 with `ReducerOk`, 1 with nothing, 2
with `ReducerErr`, 3 with `InternalFailure`; of a procedure 0 with `Returned`, 1 with
`InternalFailure`. `rows` is an array of parts, and so are table updates; both were
encoded before, for all who ask the same (`qsdb.protocol.tables`).

Which message is for whom:

* `InitialConnection` comes first, always.
* A caller gets the changes of its own call inside `ReducerResult`, and no
  `TransactionUpdate` of the same commit. With a procedure it is the other way: an
  update for each of its commits, then the result.
* Query sets that a commit does not concern are left out, and so are updates that say
  nothing.
* A `SubscriptionError` without request ends a set that was running.

>>> TransactionUpdate((QuerySetUpdate(7, ()),)).encode().hex(" ")
'04 01 00 00 00 07 00 00 00 00 00 00 00'
"""

import functools
import struct
from typing import NamedTuple

from qsdb.codec.bsatn import DecodeError, decoder, encoder
from qsdb.protocol.fields import product, tagged
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.tables import EncodedRows, EncodedUpdate
from qsdb.protocol.texts import with_bytes
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import (
    BYTES,
    CONNECTION_ID,
    IDENTITY,
    STR,
    TIME_DURATION,
    TIMESTAMP,
    U8,
    U32,
)

__all__ = [
    "INITIAL_CONNECTION",
    "SUBSCRIPTION_ERROR",
    "InitialConnection",
    "InternalFailure",
    "OneOffQueryResult",
    "ProcedureResult",
    "QuerySetUpdate",
    "ReducerErr",
    "ReducerOk",
    "ReducerOkEmpty",
    "ReducerOutcome",
    "ReducerResult",
    "Returned",
    "ServerMessage",
    "SubscribeApplied",
    "SubscriptionError",
    "TransactionUpdate",
    "UnsubscribeApplied",
    "encode_one_part",
    "encode_reducer_ok",
    "encode_reducer_ok_empty",
    "head_of_one_part",
]

INITIAL_CONNECTION = product(
    "InitialConnection", identity=IDENTITY, connection_id=CONNECTION_ID, token=STR
)
SUBSCRIPTION_ERROR = product(
    "SubscriptionError", request_id=OptionKind(U32), query_set_id=U32, error=STR
)

_encode_initial_connection = encoder(tagged(INITIAL_CONNECTION))
_encode_subscription_error = encoder(tagged(SUBSCRIPTION_ERROR))
_encode_count = encoder(U32)
_encode_set = encoder(product("QuerySetUpdate", query_set_id=U32, count=U32))
_encode_applied = encoder(
    product("SubscribeApplied", tag=U8, request_id=U32, query_set_id=U32)
)
_encode_one_off = encoder(
    product("OneOffQueryResult", tag=U8, request_id=U32, is_err=U8)
)
_encode_one_off_err = encoder(
    product("OneOffQueryResult", tag=U8, request_id=U32, is_err=U8, error=STR)
)
_REDUCER_HEAD = {"tag": U8, "request_id": U32, "timestamp": TIMESTAMP, "outcome": U8}
_encode_reducer_bytes = encoder(
    product("ReducerResult", **_REDUCER_HEAD, payload=BYTES)
)
_encode_reducer_text = encoder(product("ReducerResult", **_REDUCER_HEAD, payload=STR))
_PROCEDURE_TAIL = {"timestamp": TIMESTAMP, "duration": TIME_DURATION, "request_id": U32}
_encode_returned = encoder(
    product("ProcedureResult", tag=U8, outcome=U8, payload=BYTES, **_PROCEDURE_TAIL)
)
_encode_failed = encoder(
    product("ProcedureResult", tag=U8, outcome=U8, payload=STR, **_PROCEDURE_TAIL)
)
# What most messages begin with, without the bounds that their fields have anyway.
_pack_one_set = struct.Struct("<III").pack
_pack_reducer_ok = struct.Struct("<BIqBI").pack
_pack_reducer_ok_empty = struct.Struct("<BIqB").pack
_encode_text = encoder(STR)
_decode_text = decoder(STR)


class InitialConnection(NamedTuple):
    """Tells a client who it is.

    Attributes:
        identity: As it is stored: 32 bytes, big-endian.
        connection_id: As it is stored: 16 bytes, big-endian.
        token: With which it will be the same identity again.
    """

    identity: bytes
    connection_id: bytes
    token: str

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        return _encode_initial_connection((0, *self))


class SubscribeApplied(NamedTuple):
    """Answers Subscribe with the results of all queries of the set."""

    request_id: int
    query_set_id: int
    rows: tuple[EncodedRows, ...]

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        head = _encode_applied((1, self.request_id, self.query_set_id))
        return _with_array(head, self.rows)


class UnsubscribeApplied(NamedTuple):
    """Answers Unsubscribe, with the rows that the client loses if it asked for them."""

    request_id: int
    query_set_id: int
    rows: tuple[EncodedRows, ...] | None

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        head = _encode_applied((2, self.request_id, self.query_set_id))
        if self.rows is None:
            return head + b"\x01"
        return _with_array(head + b"\x00", self.rows)


class SubscriptionError(NamedTuple):
    """Says that a set of queries was not begun, or has ended.

    Attributes:
        request_id: The request that failed; None for a set that was running.
        query_set_id: The set.
        error: What is wrong, for people.
    """

    request_id: int | None
    query_set_id: int
    error: str

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        *numbers, error = self
        return _encode_subscription_error((3, *numbers, with_bytes(error)))


class QuerySetUpdate(NamedTuple):
    """How the results of a set changed: a part for each query that did."""

    query_set_id: int
    tables: tuple[EncodedUpdate, ...]


class TransactionUpdate(NamedTuple):
    """How the results of a client's sets changed with a commit."""

    query_sets: tuple[QuerySetUpdate, ...]

    def encode(self) -> bytes:
        """Give the bytes of the message. Cost: about 1 µs, and 0.5 µs a set."""
        return b"\x04" + self.body()

    def body(self) -> bytes:
        """Give the bytes without the tag, as they stand in `ReducerResult`."""
        query_sets = self.query_sets
        if len(query_sets) == 1:  # as with most clients: one packing less
            query_set_id, tables = query_sets[0]
            return _pack_one_set(1, query_set_id, len(tables)) + b"".join(tables)
        parts = [_encode_count(len(query_sets))]
        for query_set_id, tables in query_sets:
            parts.append(_encode_set((query_set_id, len(tables))))
            parts += tables
        return b"".join(parts)


class OneOffQueryResult(NamedTuple):
    """Answers OneOffQuery with rows, or with what is wrong, for people."""

    request_id: int
    result: tuple[EncodedRows, ...] | str

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        request_id, result = self
        if isinstance(result, str):
            return _encode_one_off_err((5, request_id, 1, with_bytes(result)))
        return _with_array(_encode_one_off((5, request_id, 0)), result)


class ReducerOk(NamedTuple):
    """A reducer has committed.

    Attributes:
        ret_value: What it returned, in BSATN; official servers return nothing.
        transaction_update: What that changed for the caller itself.
    """

    ret_value: bytes
    transaction_update: TransactionUpdate


class ReducerOkEmpty(NamedTuple):
    """A reducer has committed, which changed nothing for the caller."""


class ReducerErr(NamedTuple):
    """A reducer has refused.

    Attributes:
        error: The reason in BSATN; official clients expect a text.
    """

    error: bytes

    @classmethod
    def of_text(cls, text: str) -> "ReducerErr":
        """Encode the reason."""
        return cls(_encode_text(with_bytes(text)))

    def text(self) -> str:
        """Give the reason.

        Raises:
            ProtocolError: it is not a text.
        """
        try:
            return str(_decode_text(self.error))
        except DecodeError as error:
            raise ProtocolError("ReducerErr", error.position, error.reason) from None


class InternalFailure(NamedTuple):
    """A call has failed: ``InternalError`` in SpacetimeDB's words.

    There is no such function, the arguments are wrong, or it raised what it should not.
    """

    message: str


ReducerOutcome = ReducerOk | ReducerOkEmpty | ReducerErr | InternalFailure


class ReducerResult(NamedTuple):
    """Answers CallReducer.

    Attributes:
        request_id: Of the call.
        timestamp: When the reducer began, in microseconds since 1970.
        outcome: What came of it.
    """

    request_id: int
    timestamp: int
    outcome: ReducerOutcome

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        request_id, timestamp, outcome = self
        if isinstance(outcome, ReducerOk):
            ret_value, update = outcome
            return encode_reducer_ok(request_id, timestamp, ret_value, update.body())
        if isinstance(outcome, ReducerOkEmpty):
            return encode_reducer_ok_empty(request_id, timestamp)
        if isinstance(outcome, ReducerErr):
            return _encode_reducer_bytes((6, request_id, timestamp, 2, outcome.error))
        text = with_bytes(outcome.message)
        return _encode_reducer_text((6, request_id, timestamp, 3, text))


class Returned(NamedTuple):
    """What a procedure has returned, in BSATN."""

    value: bytes


class ProcedureResult(NamedTuple):
    """Answers CallProcedure.

    Attributes:
        status: What came of it.
        timestamp: When the procedure began, in microseconds since 1970.
        total_host_execution_duration: How long it took, in microseconds.
        request_id: Of the call.
    """

    status: Returned | InternalFailure
    timestamp: int
    total_host_execution_duration: int
    request_id: int

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        status, *tail = self
        if isinstance(status, Returned):
            return _encode_returned((7, 0, status.value, *tail))
        return _encode_failed((7, 1, with_bytes(status.message), *tail))


ServerMessage = (
    InitialConnection
    | SubscribeApplied
    | UnsubscribeApplied
    | SubscriptionError
    | TransactionUpdate
    | OneOffQueryResult
    | ReducerResult
    | ProcedureResult
)


def encode_one_part(query_set_id: int, part: EncodedUpdate) -> bytes:
    """Give the body of a `TransactionUpdate` of one query, without making one.

    Most updates are such.
    """
    return _pack_one_set(1, query_set_id, 1) + part


@functools.lru_cache(maxsize=1024)
def head_of_one_part(query_set_id: int) -> bytes:
    """Give what stands before the part in a `TransactionUpdate` of one query.

    It and the part are the message. Clients number few sets, and many the same ones.
    """
    return b"\4" + _pack_one_set(1, query_set_id, 1)


def encode_reducer_ok(
    request_id: int, timestamp: int, ret_value: bytes, body: bytes
) -> bytes:
    """Give the bytes of a `ReducerResult` with `ReducerOk`, without making them.

    Args:
        request_id: Of the call.
        timestamp: When the reducer began.
        ret_value: What it returned.
        body: That of the `TransactionUpdate`.
    """
    head = _pack_reducer_ok(6, request_id, timestamp, 0, len(ret_value))
    return head + ret_value + body


def encode_reducer_ok_empty(request_id: int, timestamp: int) -> bytes:
    """Give the bytes of a `ReducerResult` with `ReducerOkEmpty`, without making them.

    Args:
        request_id: Of the call.
        timestamp: When the reducer began.
    """
    return _pack_reducer_ok_empty(6, request_id, timestamp, 1)


def _with_array(head: bytes, parts: tuple[bytes, ...]) -> bytes:
    """Give a message that ends with an array of parts."""
    return b"".join((head, _encode_count(len(parts)), *parts))
