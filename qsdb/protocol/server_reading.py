"""What the server sends, read back: for clients, and to check the server by.

Parts that carry rows are gone through, so that it is known where they end and that they
are sound, but they stay encoded; see `qsdb.protocol.tables`.
"""

from collections.abc import Callable, Iterator
from typing import Any

from qsdb.codec.bsatn import DecodeError, reader
from qsdb.protocol.fields import product
from qsdb.protocol.frames import open_frame
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    INITIAL_CONNECTION,
    SUBSCRIPTION_ERROR,
    InitialConnection,
    InternalFailure,
    OneOffQueryResult,
    ProcedureResult,
    QuerySetUpdate,
    ReducerErr,
    ReducerOk,
    ReducerOkEmpty,
    ReducerOutcome,
    ReducerResult,
    Returned,
    ServerMessage,
    SubscribeApplied,
    SubscriptionError,
    TransactionUpdate,
    UnsubscribeApplied,
)
from qsdb.protocol.subprotocols import Subprotocol
from qsdb.protocol.tables import TABLE_ROWS, TABLE_UPDATE, EncodedRows, EncodedUpdate
from qsdb.values.compounds import EnumKind
from qsdb.values.kinds import BYTES, STR, TIME_DURATION, TIMESTAMP, U32

__all__ = ["read_server_frame"]

_Read = Callable[[bytes, int], tuple[Any, int]]

_read_count: _Read = reader(U32)
_read_text: _Read = reader(STR)
_read_bytes: _Read = reader(BYTES)
_read_two: _Read = reader(product("head", request_id=U32, query_set_id=U32))
_read_option: _Read = reader(EnumKind("tag of option", ("some", "none")))
_read_either: _Read = reader(EnumKind("tag of result", ("ok", "err")))
_read_reducer_head: _Read = reader(
    product(
        "head",
        request_id=U32,
        timestamp=TIMESTAMP,
        outcome=EnumKind("tag of outcome", ("Ok", "OkEmpty", "Err", "InternalError")),
    )
)
_read_status: _Read = reader(EnumKind("tag of status", ("Returned", "InternalError")))
_read_procedure_tail: _Read = reader(
    product("tail", timestamp=TIMESTAMP, duration=TIME_DURATION, request_id=U32)
)
_read_initial_connection: _Read = reader(INITIAL_CONNECTION)
_read_subscription_error: _Read = reader(SUBSCRIPTION_ERROR)
_read_table_rows: _Read = reader(TABLE_ROWS)
_read_table_update: _Read = reader(TABLE_UPDATE)


def read_server_frame(
    frame: bytes, subprotocol: Subprotocol, bytes_max: int
) -> Iterator[ServerMessage]:
    """Give the messages of a server's frame, one after another.

    Args:
        frame: All of it, with the tag that says how it is compressed.
        subprotocol: That was agreed upon.
        bytes_max: Most bytes that the messages may have when they are unpacked.

    Raises:
        ProtocolError: at once: the frame cannot be unpacked; while it is gone through:
            a message cannot be read.
    """
    return subprotocol.messages(open_frame(frame, bytes_max), _read_message)


def _read_message(data: bytes, position: int) -> tuple[ServerMessage, int]:
    tag = data[position]
    if tag >= len(_READERS):
        found = f"tag is {tag}, at most {len(_READERS) - 1} is allowed"
        raise ProtocolError("server message", position, found)
    try:
        return _READERS[tag](data, position + 1)
    except DecodeError as error:
        name = _NAMES[tag]
        raise ProtocolError(name, error.position, error.reason) from None


def _initial_connection(data: bytes, position: int) -> tuple[InitialConnection, int]:
    fields, position = _read_initial_connection(data, position)
    return InitialConnection._make(fields), position


def _subscribe_applied(data: bytes, position: int) -> tuple[SubscribeApplied, int]:
    (request_id, query_set_id), position = _read_two(data, position)
    rows, position = _query_rows(data, position)
    return SubscribeApplied(request_id, query_set_id, rows), position


def _unsubscribe_applied(data: bytes, position: int) -> tuple[UnsubscribeApplied, int]:
    (request_id, query_set_id), position = _read_two(data, position)
    is_none, position = _read_option(data, position)
    if is_none:
        return UnsubscribeApplied(request_id, query_set_id, None), position
    rows, position = _query_rows(data, position)
    return UnsubscribeApplied(request_id, query_set_id, rows), position


def _subscription_error(data: bytes, position: int) -> tuple[SubscriptionError, int]:
    fields, position = _read_subscription_error(data, position)
    return SubscriptionError._make(fields), position


def _transaction_update(data: bytes, position: int) -> tuple[TransactionUpdate, int]:
    count, position = _read_count(data, position)
    query_sets = []
    for _ in range(count):  # each needs bytes, or raises
        query_set_id, position = _read_count(data, position)
        parts, position = _parts(_read_table_update, data, position)
        tables = tuple([EncodedUpdate(part) for part in parts])
        query_sets.append(QuerySetUpdate(query_set_id, tables))
    return TransactionUpdate(tuple(query_sets)), position


def _one_off_query_result(data: bytes, position: int) -> tuple[OneOffQueryResult, int]:
    request_id, position = _read_count(data, position)
    is_err, position = _read_either(data, position)
    read: _Read = _read_text if is_err else _query_rows
    result, position = read(data, position)
    return OneOffQueryResult(request_id, result), position


def _reducer_result(data: bytes, position: int) -> tuple[ReducerResult, int]:
    (request_id, timestamp, tag), position = _read_reducer_head(data, position)
    outcome, position = _OUTCOMES[tag](data, position)
    return ReducerResult(request_id, timestamp, outcome), position


def _ok(data: bytes, position: int) -> tuple[ReducerOk, int]:
    ret_value, position = _read_bytes(data, position)
    update, position = _transaction_update(data, position)
    return ReducerOk(ret_value, update), position


def _ok_empty(_data: bytes, position: int) -> tuple[ReducerOkEmpty, int]:
    return ReducerOkEmpty(), position


def _err(data: bytes, position: int) -> tuple[ReducerErr, int]:
    error, position = _read_bytes(data, position)
    return ReducerErr(error), position


def _failure(data: bytes, position: int) -> tuple[InternalFailure, int]:
    message, position = _read_text(data, position)
    return InternalFailure(message), position


def _procedure_result(data: bytes, position: int) -> tuple[ProcedureResult, int]:
    is_failure, position = _read_status(data, position)
    status: Returned | InternalFailure
    if is_failure:
        status, position = _failure(data, position)
    else:
        value, position = _read_bytes(data, position)
        status = Returned(value)
    tail, position = _read_procedure_tail(data, position)
    return ProcedureResult(status, *tail), position


def _query_rows(data: bytes, position: int) -> tuple[tuple[EncodedRows, ...], int]:
    parts, position = _parts(_read_table_rows, data, position)
    return tuple([EncodedRows(part) for part in parts]), position


def _parts(read: _Read, data: bytes, position: int) -> tuple[list[bytes], int]:
    """Cut out an array of parts; each needs bytes, so a great count soon ends."""
    count, position = _read_count(data, position)
    parts: list[bytes] = []
    for _ in range(count):
        _, end = read(data, position)
        parts.append(data[position:end])
        position = end
    return parts, position


_OUTCOMES: tuple[Callable[[bytes, int], tuple[ReducerOutcome, int]], ...] = (
    _ok,
    _ok_empty,
    _err,
    _failure,
)
_READERS: tuple[Callable[[bytes, int], tuple[ServerMessage, int]], ...] = (
    _initial_connection,
    _subscribe_applied,
    _unsubscribe_applied,
    _subscription_error,
    _transaction_update,
    _one_off_query_result,
    _reducer_result,
    _procedure_result,
)
_NAMES = (
    "InitialConnection",
    "SubscribeApplied",
    "UnsubscribeApplied",
    "SubscriptionError",
    "TransactionUpdate",
    "OneOffQueryResult",
    "ReducerResult",
    "ProcedureResult",
)
