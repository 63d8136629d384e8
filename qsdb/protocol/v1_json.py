"""v1 as JSON: the same messages in text frames, for clients that are written by hand.

A message is an object of one name, ``{"CallReducer": {…}}``; its fields have the names
that they have in `qsdb.protocol.v1_client_messages` and in
`qsdb.protocol.v1_server_messages`, in values of SATS-JSON. What differs from BSATN:

* arguments, what a procedure gave, and each row are *texts* that hold JSON;
* ``updates`` of a table are not compressable, so they have no tag; there is one for
  each query, and those of one table stand together, as in BSATN (`v1_tables.joined`);
* a ``message_id`` is in hexadecimal.

Rows of tables are objects by the names of the columns.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsdb.codec.json_faults import JsonFaultError, shown_json
from qsdb.codec.json_text import JsonTextError, read_json, write_json
from qsdb.codec.sats_json import json_reader, json_writer
from qsdb.protocol import v1_client_messages as c
from qsdb.protocol import v1_server_messages as s
from qsdb.protocol.client_messages import CLIENT_FRAME_BYTES_MAX
from qsdb.protocol.fields import product
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.tables import UpdateEncoder
from qsdb.protocol.texts import with_bytes
from qsdb.protocol.v1_tables import V1EncodedUpdate
from qsdb.values.compounds import ArrayKind, EnumKind, ProductKind
from qsdb.values.kinds import BYTES, CONNECTION_ID, IDENTITY, STR, U32, Kind, Stored

__all__ = [
    "V1JsonTableEncoder",
    "encode_v1_json",
    "read_v1_json",
]


_QUERY_ID = product("QueryId", id=U32)
_TEXTS = ArrayKind(STR)
_CALL_FLAGS = EnumKind("flags", ("FullUpdate", "NoSuccessNotify"))

_identity = json_writer(IDENTITY)
_connection_id = json_writer(CONNECTION_ID)


class V1JsonTableEncoder(UpdateEncoder[V1EncodedUpdate]):
    """Encodes the rows of one query as JSON, each update once."""

    __slots__ = ("_head", "_write", "table", "table_id")

    def __init__(self, table_id: int, table: str, kind: ProductKind) -> None:
        """Compile.

        Args:
            table_id: A number for the table; clients only pass it on.
            table: The name of the table.
            kind: Of its rows.
        """
        self.table_id, self.table = table_id, table
        self._write = json_writer(kind)

    def changes(
        self, inserts: Sequence[Stored], deletes: Sequence[Stored]
    ) -> V1EncodedUpdate:
        """Encode rows that came and went."""
        write = self._write
        update = {
            "deletes": [write_json(write(row)) for row in deletes],
            "inserts": [write_json(write(row)) for row in inserts],
        }
        table = {
            "table_id": self.table_id,
            "table_name": self.table,
            "num_rows": len(inserts) + len(deletes),
            "updates": [update],
        }
        return V1EncodedUpdate(write_json(table).encode())

    def rows(self, rows: Sequence[Stored]) -> bytes:
        """Encode the result of a query that is asked once."""
        texts = [write_json(self._write(row)) for row in rows]
        return write_json({"table_name": self.table, "rows": texts}).encode()


# What clients send.


def _numbers(fields: Mapping[str, Any]) -> tuple[int, int]:
    return fields["request_id"], fields["query_id"][0]


_NUMBERS: dict[str, Kind] = {"request_id": U32, "query_id": _QUERY_ID}

_CLIENT: dict[
    str, tuple[ProductKind, Callable[[Mapping[str, Any]], c.V1ClientMessage]]
] = {
    "CallReducer": (
        product("CallReducer", reducer=STR, args=STR, request_id=U32, flags=U32),
        lambda f: c.CallReducer(
            f["reducer"], f["args"].encode(), f["request_id"], _flags(f["flags"], 1)
        ),
    ),
    "Subscribe": (
        product("Subscribe", query_strings=_TEXTS, request_id=U32),
        lambda f: c.Subscribe(f["query_strings"], f["request_id"]),
    ),
    "OneOffQuery": (
        product("OneOffQuery", message_id=BYTES, query_string=STR),
        lambda f: c.OneOffQuery(f["message_id"], f["query_string"]),
    ),
    "SubscribeSingle": (
        product("SubscribeSingle", query=STR, **_NUMBERS),
        lambda f: c.SubscribeSingle(f["query"], *_numbers(f)),
    ),
    "SubscribeMulti": (
        product("SubscribeMulti", query_strings=_TEXTS, **_NUMBERS),
        lambda f: c.SubscribeMulti(f["query_strings"], *_numbers(f)),
    ),
    "Unsubscribe": (
        product("Unsubscribe", **_NUMBERS),
        lambda f: c.Unsubscribe(*_numbers(f)),
    ),
    "UnsubscribeMulti": (
        product("UnsubscribeMulti", **_NUMBERS),
        lambda f: c.UnsubscribeMulti(*_numbers(f)),
    ),
    "CallProcedure": (
        product("CallProcedure", procedure=STR, args=STR, request_id=U32, flags=U32),
        lambda f: c.CallProcedure(
            f["procedure"], f["args"].encode(), f["request_id"], _flags(f["flags"], 0)
        ),
    ),
}


def _flags(flags: int, most: int) -> int:
    if flags > most:
        raise ProtocolError("frame", 0, f"flags are {flags}, at most {most} is allowed")
    return flags


def read_v1_json(text: str) -> c.V1ClientMessage:
    """Read the message of a text frame.

    Raises:
        ProtocolError: it is none.
    """
    try:
        data = read_json(text, bytes_max=CLIENT_FRAME_BYTES_MAX)
    except JsonTextError as error:
        raise ProtocolError("frame", 0, str(error)) from None
    if not isinstance(data, dict) or len(data) != 1:
        fault = f"{shown_json(data)} is no object of one name"
        raise ProtocolError("frame", 0, fault)
    [(name, given)] = data.items()
    found = _CLIENT.get(name)
    if found is None:
        raise ProtocolError("frame", 0, f"{shown_json(name)} is no message")
    kind, make = found
    try:
        values = json_reader(kind)(given)
    except JsonFaultError as fault:
        at = f", at {fault.path}" if fault.steps else ""
        wrong = f"{shown_json(fault.value)} is not {fault.admitted}"
        raise ProtocolError(name, 0, f"{wrong}{at}") from None
    assert isinstance(values, tuple)
    fields = {each.name: value for each, value in zip(kind.fields, values, strict=True)}
    return make(fields)


# What the server sends.


def encode_v1_json(message: s.V1ServerMessage) -> bytes:
    """Give the text of a message, as bytes; its parts are texts that were encoded."""
    name, fields = _named(message)
    return _object({name: _object(fields)})


Fields = dict[str, bytes]

_MICROS = "total_host_execution_duration_micros"


def _object(fields: Fields) -> bytes:
    pairs = [f'"{name}":'.encode() + value for name, value in fields.items()]
    return b"{" + b",".join(pairs) + b"}"


def _named(message: s.V1ServerMessage) -> tuple[str, Fields]:
    match message:
        case s.TransactionUpdate():
            return "TransactionUpdate", _transaction(message)
        case s.TransactionUpdateLight():
            return "TransactionUpdateLight", {
                "request_id": _json(message.request_id),
                "update": _update(message.update),
            }
        case s.IdentityToken():
            return "IdentityToken", {
                "identity": _json(_identity(message.identity)),
                "token": _json(message.token),
                "connection_id": _json(_connection_id(message.connection_id)),
            }
        case s.ProcedureResult():
            return "ProcedureResult", {
                "status": _procedure_status(message.status),
                "timestamp": _timestamp(message.timestamp),
                "total_host_execution_duration": _duration(message.duration),
                "request_id": _json(message.request_id),
            }
        case _:
            return _answer(message)


Answer = (
    s.InitialSubscription
    | s.OneOffQueryResponse
    | s.SubscriptionError
    | s.SingleApplied
    | s.MultiApplied
)


def _answer(message: Answer) -> tuple[str, Fields]:
    """Give the name and the fields of an answer to who has asked queries."""
    match message:
        case s.InitialSubscription():
            return "InitialSubscription", {
                "database_update": _update(message.update),
                "request_id": _json(message.request_id),
                "total_host_execution_duration": _duration(message.duration),
            }
        case s.OneOffQueryResponse():
            return "OneOffQueryResponse", {
                "message_id": _json(message.message_id.hex()),
                "error": _json(_option(message.error and with_bytes(message.error))),
                "tables": b"[" + b",".join(message.rows) + b"]",
                "total_host_execution_duration": _duration(message.duration),
            }
        case s.SubscriptionError():
            return "SubscriptionError", {
                _MICROS: _json(message.duration),
                "request_id": _json(_option(message.request_id)),
                "query_id": _json(_option(message.query_id)),
                "table_id": _json(_option(message.table_id)),
                "error": _text(message.error),
            }
        case s.SingleApplied():
            rows = _object(
                {
                    "table_id": _json(message.table_id),
                    "table_name": _json(message.table_name),
                    "table_rows": message.update,
                }
            )
            return _applied(message), {**_numbers_of(message), "rows": rows}
        case _:  # MultiApplied is all that is left
            update = _update(message.update)
            return _applied(message), {**_numbers_of(message), "update": update}


def _applied(message: s.SingleApplied | s.MultiApplied) -> str:
    sort = "Multi" if isinstance(message, s.MultiApplied) else ""
    return f"{'Unsubscribe' if message.is_end else 'Subscribe'}{sort}Applied"


def _numbers_of(message: s.SingleApplied | s.MultiApplied) -> Fields:
    return {
        "request_id": _json(message.request_id),
        _MICROS: _json(message.duration),
        "query_id": _json({"id": message.query_id}),
    }


def _transaction(message: s.TransactionUpdate) -> Fields:
    status, call = message.status, message.reducer_call
    if isinstance(status, s.Committed):
        told = b'{"Committed":' + _update(status.update) + b"}"
    else:
        told = _json({"Failed": with_bytes(status.error)})
    return {
        "status": told,
        "timestamp": _timestamp(message.timestamp),
        "caller_identity": _json(_identity(message.caller_identity)),
        "caller_connection_id": _json(_connection_id(message.caller_connection_id)),
        "reducer_call": _json(
            {
                "reducer_name": call.reducer_name,
                "reducer_id": call.reducer_id,
                "args": call.args.decode(errors="backslashreplace"),
                "request_id": call.request_id,
            }
        ),
        "energy_quanta_used": b'{"quanta":0}',
        "total_host_execution_duration": _duration(message.duration),
    }


def _procedure_status(status: s.Returned | s.ProcedureFailed) -> bytes:
    if isinstance(status, s.ProcedureFailed):
        return _json({"InternalError": with_bytes(status.message)})
    return _json({"Returned": status.value.decode()})


_ROWS, _UPDATES, _END = b',"num_rows":', b',"updates":[', b"]}"
"""What stands in the text of a part behind the name of its table, and at its end. A
name has none of that in it: quotes in it are escaped."""


def _update(parts: Sequence[bytes]) -> bytes:
    return b'{"tables":[' + b",".join(_joined(parts)) + b"]}"


def _joined(parts: Sequence[bytes]) -> Sequence[bytes]:
    """Give parts with those of one table as one, where the first of them was.

    Cost: nothing for a single part.
    """
    if len(parts) < 2:
        return parts
    by_table: dict[bytes, tuple[int, list[bytes]]] = {}
    for part in parts:
        table, _, rest = part.partition(_ROWS)
        rows, _, updates = rest.partition(_UPDATES)
        count, several = by_table.get(table, (0, []))
        several.append(updates.removesuffix(_END))
        by_table[table] = count + int(rows), several
    return [
        b"%b%b%d%b%b%b" % (table, _ROWS, rows, _UPDATES, b",".join(several), _END)
        for table, (rows, several) in by_table.items()
    ]


def _option(value: object) -> object:
    return {"none": []} if value is None else {"some": value}


def _timestamp(micros: int) -> bytes:
    return _json({"__timestamp_micros_since_unix_epoch__": micros})


def _duration(micros: int) -> bytes:
    return _json({"__time_duration_micros__": micros})


def _json(data: object) -> bytes:
    return write_json(data).encode()


def _text(text: str) -> bytes:
    return _json(with_bytes(text))
