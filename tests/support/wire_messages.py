"""Messages of the wire for tests: tables, strategies, and what the twin makes of them.

A message is drawn together with the dict that the twin is to read, so that both sides
are told from the start and nothing has to be decoded to know what is right.
"""

import re
from typing import Any, NamedTuple

from hypothesis import strategies as st

from qsdb.protocol import client_messages as c
from qsdb.protocol import server_messages as s
from qsdb.protocol.tables import EncodedRows, EncodedUpdate, TableEncoder
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import BYTES, STR, U16, U32, U64, Kind

__all__ = [
    "CLIENT_MESSAGES",
    "SERVER_MESSAGES",
    "TABLES",
    "Table",
    "person_rows",
    "wire",
]


def wire(text: str) -> bytes:
    r"""Read bytes as wire.md writes them: hex digits and quoted text.

    >>> wire('03 "add" 0400')
    b'\x03add\x04\x00'
    """
    parts = re.findall(r'"([^"]*)"|([0-9a-f]+)', text)
    found = [quoted.encode() or bytes.fromhex(hexed) for quoted, hexed in parts]
    return b"".join(found)


class Table(NamedTuple):
    """A table of one column, whose rows' bytes are known without a codec."""

    encoder: TableEncoder
    values: st.SearchStrategy[tuple[tuple[object, ...], bytes]]
    """Rows, each with its bytes."""
    is_event: bool


def _table(
    name: str,
    columns: dict[str, Kind],
    values: st.SearchStrategy[tuple[tuple[object, ...], bytes]],
    *,
    is_event: bool = False,
) -> Table:
    kind = ProductKind(name, tuple([Field(each, columns[each]) for each in columns]))
    return Table(TableEncoder(name, kind, is_event=is_event), values, is_event)


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4, "little") + data


_person = st.tuples(st.integers(0, 2**32 - 1), st.text(max_size=4)).map(
    lambda row: (row, row[0].to_bytes(4, "little") + _sized(row[1].encode()))
)
_spot = st.tuples(st.integers(0, 2**16 - 1), st.integers(0, 2**64 - 1)).map(
    lambda row: (row, row[0].to_bytes(2, "little") + row[1].to_bytes(8, "little"))
)
_blob = st.binary(max_size=4).map(lambda data: ((data,), _sized(data)))

TABLES = (
    _table("person", {"id": U32, "name": STR}, _person),
    _table("spot", {"x": U16, "y": U64}, _spot),
    _table("nothing", {}, st.just(((), b""))),
    _table("shout", {"what": BYTES}, _blob, is_event=True),
)
"""Of varying size, of one size, without bytes, and of events."""


def person_rows(*names: str) -> list[tuple[int, str]]:
    """Give rows of the table person, numbered from 1."""
    return [*enumerate(names, start=1)]


@st.composite
def _rows(draw: st.DrawFn) -> tuple[EncodedRows, dict[str, Any]]:
    table = draw(st.sampled_from(TABLES))
    pairs = draw(st.lists(table.values, max_size=3))
    encoded = table.encoder.rows([row for row, _ in pairs])
    return encoded, {"table": table.encoder.table, "rows": [data for _, data in pairs]}


@st.composite
def _update(draw: st.DrawFn) -> tuple[EncodedUpdate, dict[str, Any]]:
    table = draw(st.sampled_from(TABLES))
    came = draw(st.lists(table.values, max_size=3))
    went = [] if table.is_event else draw(st.lists(table.values, max_size=3))
    encoded = table.encoder.changes([row for row, _ in came], [row for row, _ in went])
    inserts, deletes = [data for _, data in came], [data for _, data in went]
    told = {"inserts": inserts, "deletes": deletes}
    entry = {"events": inserts} if table.is_event else told
    return encoded, {"table_name": table.encoder.table, "rows": [entry]}


@st.composite
def _updates(draw: st.DrawFn) -> tuple[s.TransactionUpdate, list[dict[str, Any]]]:
    sets: list[s.QuerySetUpdate] = []
    told: list[dict[str, Any]] = []
    for number in draw(st.lists(_u32, max_size=2)):
        parts = draw(st.lists(_update(), max_size=2))
        sets.append(s.QuerySetUpdate(number, tuple([part for part, _ in parts])))
        told.append({"query_set_id": number, "tables": [each for _, each in parts]})
    return s.TransactionUpdate(tuple(sets)), told


_u32 = st.integers(0, 2**32 - 1)
_i64 = st.integers(-(2**63), 2**63 - 1)
_text = st.text(max_size=8)
_bytes = st.binary(max_size=8)


@st.composite
def _client_message(draw: st.DrawFn) -> tuple[c.ClientMessage, dict[str, Any]]:
    request_id, number, text = draw(_u32), draw(_u32), draw(_text)
    args, texts = draw(_bytes), tuple(draw(st.lists(_text, max_size=3)))
    flags = draw(st.integers(0, 1))
    head = {"request_id": request_id}
    call = {**head, "flags": "Default", "name": text, "args": args}
    flag = ("Default", "SendDroppedRows")[flags]
    choices: list[tuple[c.ClientMessage, dict[str, Any]]] = [
        (
            c.Subscribe(request_id, number, texts),
            {**head, "query_set_id": number, "query_strings": [*texts]},
        ),
        (
            c.Unsubscribe(request_id, number, flags),
            {**head, "query_set_id": number, "flags": flag},
        ),
        (c.OneOffQuery(request_id, text), {**head, "query_string": text}),
        (c.CallReducer(request_id, 0, text, args), call),
        (c.CallProcedure(request_id, 0, text, args), call),
    ]
    message, told = draw(st.sampled_from(choices))
    return message, {"message": type(message).__name__, **told}


@st.composite
def _reducer_result(draw: st.DrawFn) -> tuple[s.ServerMessage, dict[str, Any]]:
    request_id, timestamp = draw(_u32), draw(_i64)
    text, data, (update, sets) = draw(_text), draw(_bytes), draw(_updates())
    outcomes: list[tuple[s.ReducerOutcome, dict[str, Any]]] = [
        (
            s.ReducerOk(data, update),
            {"outcome": "Ok", "ret_value": data, "query_sets": sets},
        ),
        (s.ReducerOkEmpty(), {"outcome": "OkEmpty"}),
        (s.ReducerErr(data), {"outcome": "Err", "error": data}),
        (s.InternalFailure(text), {"outcome": "InternalError", "error": text}),
    ]
    outcome, told = draw(st.sampled_from(outcomes))
    head = {"request_id": request_id, "timestamp": timestamp}
    return s.ReducerResult(request_id, timestamp, outcome), {**head, **told}


@st.composite
def _procedure_result(draw: st.DrawFn) -> tuple[s.ServerMessage, dict[str, Any]]:
    timestamp, duration, request_id = draw(_i64), draw(_i64), draw(_u32)
    data, text = draw(_bytes), draw(_text)
    is_returned = draw(st.booleans())
    status = s.Returned(data) if is_returned else s.InternalFailure(text)
    return s.ProcedureResult(status, timestamp, duration, request_id), {
        "status": "Returned" if is_returned else "InternalError",
        "payload": data if is_returned else text,
        "timestamp": timestamp,
        "duration": duration,
        "request_id": request_id,
    }


@st.composite
def _applied(draw: st.DrawFn) -> tuple[s.ServerMessage, dict[str, Any]]:
    request_id, number = draw(_u32), draw(_u32)
    parts = draw(st.lists(_rows(), max_size=2))
    rows, told = tuple([part for part, _ in parts]), [each for _, each in parts]
    head = {"request_id": request_id}
    ids = {**head, "query_set_id": number}
    choices: list[tuple[s.ServerMessage, dict[str, Any]]] = [
        (s.SubscribeApplied(request_id, number, rows), {**ids, "rows": told}),
        (s.UnsubscribeApplied(request_id, number, rows), {**ids, "rows": told}),
        (s.UnsubscribeApplied(request_id, number, None), {**ids, "rows": None}),
        (s.OneOffQueryResult(request_id, rows), {**head, "rows": told}),
    ]
    message, told = draw(st.sampled_from(choices))
    return message, told


@st.composite
def _plain(draw: st.DrawFn) -> tuple[s.ServerMessage, dict[str, Any]]:
    request_id, number, text = draw(_u32), draw(_u32), draw(_text)
    identity = draw(st.binary(min_size=32, max_size=32))
    connection = draw(st.binary(min_size=16, max_size=16))
    perhaps = draw(st.sampled_from([None, request_id]))
    update, sets = draw(_updates())
    choices: list[tuple[s.ServerMessage, dict[str, Any]]] = [
        (
            s.InitialConnection(identity, connection, text),
            {"identity": identity, "connection_id": connection, "token": text},
        ),
        (
            s.SubscriptionError(perhaps, number, text),
            {"request_id": perhaps, "query_set_id": number, "error": text},
        ),
        (update, {"query_sets": sets}),
        (
            s.OneOffQueryResult(request_id, text),
            {"request_id": request_id, "error": text},
        ),
    ]
    message, told = draw(st.sampled_from(choices))
    return message, told


def _named(pair: tuple[s.ServerMessage, dict[str, Any]]) -> Any:
    message, told = pair
    return message, {"message": type(message).__name__, **told}


CLIENT_MESSAGES = _client_message()
"""A message, and what the twin reads."""

SERVER_MESSAGES: st.SearchStrategy[tuple[s.ServerMessage, dict[str, Any]]] = st.one_of(
    _plain(), _applied(), _reducer_result(), _procedure_result()
).map(_named)
"""A message, and what the twin reads."""
