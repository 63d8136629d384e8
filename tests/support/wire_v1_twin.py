"""The slow and obvious twin of the messages of v1: see `tests.support.wire_twin`."""

from collections.abc import Callable
from typing import Any

from tests.support.wire_twin import Source, TwinError

__all__ = ["client_message", "server_message"]


def client_message(data: bytes) -> list[Any]:
    """Give the name and the fields of the one message of a client's frame."""
    source = Source(data)
    name = source.tag(
        "CallReducer",
        "Subscribe",
        "OneOffQuery",
        "SubscribeSingle",
        "SubscribeMulti",
        "Unsubscribe",
        "UnsubscribeMulti",
        "CallProcedure",
    )
    fields: list[Any] = []
    match name:
        case "CallReducer" | "CallProcedure":
            fields = [source.text(), source.blob(), source.u32()]
            flags = ("FullUpdate", "NoSuccessNotify")[: 1 + (name == "CallReducer")]
            fields.append(flags.index(source.tag(*flags)))
        case "OneOffQuery":
            fields = [source.blob(), source.text()]
        case "Subscribe":
            fields = [tuple(source.array(source.text)), source.u32()]
        case "SubscribeSingle":
            fields = [source.text(), source.u32(), source.u32()]
        case "SubscribeMulti":
            texts = tuple(source.array(source.text))
            fields = [texts, source.u32(), source.u32()]
        case _:
            fields = [source.u32(), source.u32()]
    _end(source)
    return [name, *fields]


def server_message(data: bytes) -> list[Any]:
    """Give the name and the fields of the one message of a server's frame."""
    source = Source(data)
    name = source.tag(*_FIELDS)
    fields = [_field(source, each) for each in _FIELDS[name].split()]
    _end(source)
    return [name, *fields]


_APPLIED = "u32 u64 u32"
_FIELDS = {
    "InitialSubscription": "update u32 i64",
    "TransactionUpdate": "status i64 identity id text u32 blob u32 u128 i64",
    "TransactionUpdateLight": "u32 update",
    "IdentityToken": "identity text id",
    "OneOffQueryResponse": "blob text? tables i64",
    "SubscribeApplied": f"{_APPLIED} u32 text part",
    "UnsubscribeApplied": f"{_APPLIED} u32 text part",
    "SubscriptionError": "u64 u32? u32? u32? text",
    "SubscribeMultiApplied": f"{_APPLIED} update",
    "UnsubscribeMultiApplied": f"{_APPLIED} update",
    "ProcedureResult": "outcome i64 i64 u32",
}
"""In the order of the tags."""


def _field(source: Source, form: str) -> Any:
    if form.endswith("?"):
        is_some = source.tag("some", "none") == "some"
        return _field(source, form[:-1]) if is_some else None
    takers: dict[str, Callable[[], Any]] = {
        "u32": source.u32,
        "u64": lambda: source.number(8),
        "u128": lambda: source.number(16),
        "i64": source.i64,
        "text": source.text,
        "blob": source.blob,
        "identity": lambda: source.take(32)[::-1],
        "id": lambda: source.take(16)[::-1],
        "part": lambda: _part(source),
        "update": lambda: source.array(lambda: _part(source)),
        "tables": lambda: source.array(source.table_rows),
        "status": lambda: _status(source),
        "outcome": lambda: _outcome(source),
    }
    return takers[form]()


def _part(source: Source) -> list[Any]:
    return [
        source.u32(),
        source.text(),
        source.number(8),
        source.array(lambda: _query_update(source)),
    ]


def _query_update(source: Source) -> dict[str, Any]:
    assert source.tag("Uncompressed", "Brotli", "Gzip") == "Uncompressed"
    return {"deletes": source.rows(), "inserts": source.rows()}


def _status(source: Source) -> list[Any]:
    status = source.tag("Committed", "Failed", "OutOfEnergy")
    is_committed = status == "Committed"
    return [status, _field(source, "update" if is_committed else "text")]


def _outcome(source: Source) -> list[Any]:
    outcome = source.tag("Returned", "OutOfEnergy", "InternalError")
    return [outcome, source.blob() if outcome == "Returned" else source.text()]


def _end(source: Source) -> None:
    if source.position != len(source.data):
        raise TwinError("bytes after the message")
