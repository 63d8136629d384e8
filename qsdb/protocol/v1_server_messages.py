r"""What clients of v1 are sent: eleven messages, a tag and then the fields in order.

===  ====================  ====================================================
tag  message               fields
===  ====================  ====================================================
0    InitialSubscription   update, request_id u32, duration i64
1    TransactionUpdate     status, timestamp i64, caller_identity,
                           caller_connection_id, reducer_call, energy u128,
                           duration i64
2    TransactionUpdate-    request_id u32, update
     Light
3    IdentityToken         identity, token str, connection_id
4    OneOffQueryResponse   message_id bytes, error option<str>, rows,
                           duration i64
5    SubscribeApplied      request_id u32, duration u64, query_id u32,
                           table_id u32, table_name str, part of an update
6    UnsubscribeApplied    as 5
7    SubscriptionError     duration u64, and three option<u32>: request_id,
                           query_id, table_id; error str
8    SubscribeMultiApplied request_id u32, duration u64, query_id u32, update
9    UnsubscribeMulti-     as 8
     Applied
10   ProcedureResult       status, timestamp i64, duration i64, request_id u32
===  ====================  ====================================================

Durations and timestamps are microseconds. An update is an array of parts, one for each
query, encoded once for all who ask it (`qsdb.protocol.v1_tables`). Results of queries
are parts too, of inserts alone, and what a client loses when it unsubscribes are
deletes. Rows of `OneOffQueryResponse` are those of v2.

Callers always get a `TransactionUpdate`, also of a call that fails or changes nothing
for them; see `qsdb.protocol.v1_client_messages.NO_SUCCESS_NOTIFY`. There are no event
tables.
"""

from collections.abc import Sequence
from typing import NamedTuple

from qsdb.codec.bsatn import encoder
from qsdb.protocol.fields import product, tagged
from qsdb.protocol.server_messages import Returned
from qsdb.protocol.tables import EncodedRows
from qsdb.protocol.texts import with_bytes
from qsdb.protocol.v1_tables import V1EncodedUpdate, joined
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
    U64,
    U128,
)

__all__ = [
    "Committed",
    "Failed",
    "IdentityToken",
    "InitialSubscription",
    "MultiApplied",
    "OneOffQueryResponse",
    "ProcedureFailed",
    "ProcedureResult",
    "ReducerCall",
    "Returned",
    "SingleApplied",
    "SubscriptionError",
    "TransactionUpdate",
    "TransactionUpdateLight",
    "V1ServerMessage",
]

_encode_count = encoder(U32)
_encode_initial_tail = encoder(
    product("InitialSubscription", request_id=U32, duration=TIME_DURATION)
)
_encode_failed = encoder(product("Failed", tag=U8, status=U8, error=STR))
_encode_call = encoder(
    product(
        "TransactionUpdate",
        timestamp=TIMESTAMP,
        caller_identity=IDENTITY,
        caller_connection_id=CONNECTION_ID,
        reducer_name=STR,
        reducer_id=U32,
        args=BYTES,
        request_id=U32,
        energy=U128,
        duration=TIME_DURATION,
    )
)
_encode_light = encoder(product("TransactionUpdateLight", tag=U8, request_id=U32))
_encode_identity_token = encoder(
    tagged(
        product(
            "IdentityToken", identity=IDENTITY, token=STR, connection_id=CONNECTION_ID
        )
    )
)
_encode_one_off = encoder(
    product("OneOffQueryResponse", tag=U8, message_id=BYTES, error=OptionKind(STR))
)
_encode_duration = encoder(TIME_DURATION)
_APPLIED = {"tag": U8, "request_id": U32, "duration": U64, "query_id": U32}
_encode_multi = encoder(product("SubscribeMultiApplied", **_APPLIED))
_encode_single = encoder(
    product("SubscribeApplied", **_APPLIED, table_id=U32, table_name=STR)
)
_encode_error = encoder(
    tagged(
        product(
            "SubscriptionError",
            duration=U64,
            request_id=OptionKind(U32),
            query_id=OptionKind(U32),
            table_id=OptionKind(U32),
            error=STR,
        )
    )
)
_PROCEDURE_TAIL = {"timestamp": TIMESTAMP, "duration": TIME_DURATION, "request_id": U32}
_encode_returned = encoder(
    product("ProcedureResult", tag=U8, status=U8, payload=BYTES, **_PROCEDURE_TAIL)
)
_encode_procedure_failed = encoder(
    product("ProcedureResult", tag=U8, status=U8, payload=STR, **_PROCEDURE_TAIL)
)


Parts = tuple[V1EncodedUpdate, ...]


class InitialSubscription(NamedTuple):
    """Answers Subscribe."""

    update: Parts
    request_id: int
    duration: int

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        tail = _encode_initial_tail((self.request_id, self.duration))
        return b"\x00" + _update(self.update) + tail


class Committed(NamedTuple):
    """A reducer has committed, which changed this for whoever is told."""

    update: Parts


class Failed(NamedTuple):
    """A reducer has refused or failed; there is one form for both."""

    error: str


class ReducerCall(NamedTuple):
    """The call that a commit is of.

    Attributes:
        reducer_name: The reducer.
        reducer_id: A number for it; clients only pass it on.
        args: Its arguments.
        request_id: The caller's number; 0 for others.
    """

    reducer_name: str
    reducer_id: int
    args: bytes
    request_id: int


class TransactionUpdate(NamedTuple):
    """Tells of a call, with what it changed.

    Attributes:
        status: What came of it.
        timestamp: When it began.
        caller_identity: As it is stored: 32 bytes, big-endian.
        caller_connection_id: As it is stored: 16 bytes, big-endian.
        reducer_call: The call.
        duration: How long it took.
    """

    status: Committed | Failed
    timestamp: int
    caller_identity: bytes
    caller_connection_id: bytes
    reducer_call: ReducerCall
    duration: int

    def encode(self) -> bytes:
        """Give the bytes of the message; it has used no energy."""
        status, *caller, call, duration = self
        tail = _encode_call((*caller, *call, 0, duration))
        if isinstance(status, Committed):
            return b"\x01\x00" + _update(status.update) + tail
        return _encode_failed((1, 1, with_bytes(status.error))) + tail


class TransactionUpdateLight(NamedTuple):
    """Tells of what changed, and not of the call."""

    request_id: int
    update: Parts

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        return _encode_light((2, self.request_id)) + _update(self.update)


class IdentityToken(NamedTuple):
    """Tells a client who it is; it comes first. See InitialConnection of v2."""

    identity: bytes
    token: str
    connection_id: bytes

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        return _encode_identity_token((3, *self))


class OneOffQueryResponse(NamedTuple):
    """Answers OneOffQuery with rows, or with what is wrong and none."""

    message_id: bytes
    error: str | None
    rows: tuple[EncodedRows, ...]
    duration: int

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        error = None if self.error is None else with_bytes(self.error)
        head = _encode_one_off((4, self.message_id, error))
        return head + _array(self.rows) + _encode_duration(self.duration)


class SingleApplied(NamedTuple):
    """Answers SubscribeSingle and Unsubscribe.

    Attributes:
        is_end: Whether it is Unsubscribe that is answered.
        request_id: Of the request.
        duration: How long it took.
        query_id: Of the query.
        table_id: Of the table of the result.
        table_name: Of the table.
        update: The result: as inserts, or at the end as deletes.
    """

    is_end: bool
    request_id: int
    duration: int
    query_id: int
    table_id: int
    table_name: str
    update: V1EncodedUpdate

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        is_end, *fields, update = self
        return _encode_single((6 if is_end else 5, *fields)) + update


class SubscriptionError(NamedTuple):
    """Says that queries were not begun, or have ended."""

    duration: int
    request_id: int | None
    query_id: int | None
    table_id: int | None
    error: str

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        *fields, error = self
        return _encode_error((7, *fields, with_bytes(error)))


class MultiApplied(NamedTuple):
    """Answers SubscribeMulti and UnsubscribeMulti.

    Attributes:
        is_end: Whether it is UnsubscribeMulti that is answered.
        request_id: Of the request.
        duration: How long it took.
        query_id: Of the set.
        update: The results: as inserts, or at the end as deletes.
    """

    is_end: bool
    request_id: int
    duration: int
    query_id: int
    update: Parts

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        is_end, *fields, update = self
        return _encode_multi((9 if is_end else 8, *fields)) + _update(update)


class ProcedureFailed(NamedTuple):
    """A procedure has failed: ``InternalError`` in SpacetimeDB's words."""

    message: str


class ProcedureResult(NamedTuple):
    """Answers CallProcedure."""

    status: Returned | ProcedureFailed
    timestamp: int
    duration: int
    request_id: int

    def encode(self) -> bytes:
        """Give the bytes of the message."""
        status, *tail = self
        if isinstance(status, Returned):
            return _encode_returned((10, 0, status.value, *tail))
        return _encode_procedure_failed((10, 2, with_bytes(status.message), *tail))


V1ServerMessage = (
    InitialSubscription
    | TransactionUpdate
    | TransactionUpdateLight
    | IdentityToken
    | OneOffQueryResponse
    | SingleApplied
    | SubscriptionError
    | MultiApplied
    | ProcedureResult
)


def _array(parts: Sequence[bytes]) -> bytes:
    return b"".join((_encode_count(len(parts)), *parts))


def _update(parts: Parts) -> bytes:
    return _array(joined(parts))
