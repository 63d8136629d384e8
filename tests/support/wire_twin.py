"""The slow and obvious twin of qsdb.server: messages read off the tables of wire.md.

Bytes are taken one after another; messages become plain dicts. It shares no code with
what it judges, nor with qsdb.codec.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["Source", "TwinError", "client_messages", "server_messages"]


class TwinError(Exception):
    """Bytes are no message."""


def client_messages(data: bytes) -> list[dict[str, Any]]:
    """Give all messages of a client's v3 frame."""
    source = Source(data)
    messages = [_client_message(source)]
    while source.position < len(data):
        messages.append(_client_message(source))
    return messages


def server_messages(data: bytes) -> list[dict[str, Any]]:
    """Give all messages of the body of a server's v3 frame."""
    source = Source(data)
    messages = [_server_message(source)]
    while source.position < len(data):
        messages.append(_server_message(source))
    return messages


class Source:
    """Bytes, and how far they have been taken."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, count: int) -> bytes:
        taken = self.data[self.position : self.position + count]
        if len(taken) < count:
            raise TwinError(f"{count} bytes wanted, {len(taken)} left")
        self.position += count
        return taken

    def number(self, size: int) -> int:
        return sum(byte << (8 * place) for place, byte in enumerate(self.take(size)))

    def u32(self) -> int:
        return self.number(4)

    def i64(self) -> int:
        number = self.number(8)
        return number - (1 << 64) if number >> 63 else number

    def tag(self, *names: str) -> str:
        tag = self.number(1)
        if tag >= len(names):
            raise TwinError(f"tag {tag} of {names}")
        return names[tag]

    def blob(self) -> bytes:
        return self.take(self.u32())

    def text(self) -> str:
        try:
            return self.blob().decode()
        except UnicodeDecodeError as error:
            raise TwinError("no text") from error

    def array(self, item: Callable[[], Any]) -> list[Any]:
        return [item() for _ in range(self.u32())]

    def rows(self) -> list[bytes]:
        """Take a row list and cut it up, as SDKs do that go by the hint."""
        hint = self.tag("FixedSize", "RowOffsets")
        size = self.number(2) if hint == "FixedSize" else 0
        starts = self.array(lambda: self.number(8)) if hint == "RowOffsets" else []
        data = self.blob()
        if hint == "FixedSize":
            starts = [*range(0, len(data), size or 1)]
        ends = [*starts[1:], len(data)]
        return [data[start:end] for start, end in zip(starts, ends, strict=False)]

    def table_rows(self) -> dict[str, Any]:
        return {"table": self.text(), "rows": self.rows()}

    def table_update(self) -> dict[str, Any]:
        return {"table_name": self.text(), "rows": self.array(self.update_rows)}

    def update_rows(self) -> dict[str, Any]:
        if self.tag("PersistentTable", "EventTable") == "EventTable":
            return {"events": self.rows()}
        return {"inserts": self.rows(), "deletes": self.rows()}

    def query_set_update(self) -> dict[str, Any]:
        return {
            "query_set_id": self.u32(),
            "tables": self.array(self.table_update),
        }


def _client_message(source: Source) -> dict[str, Any]:
    name = source.tag(
        "Subscribe", "Unsubscribe", "OneOffQuery", "CallReducer", "CallProcedure"
    )
    message: dict[str, Any] = {"message": name, "request_id": source.u32()}
    match name:
        case "Subscribe":
            message["query_set_id"] = source.u32()
            message["query_strings"] = source.array(source.text)
        case "Unsubscribe":
            message["query_set_id"] = source.u32()
            message["flags"] = source.tag("Default", "SendDroppedRows")
        case "OneOffQuery":
            message["query_string"] = source.text()
        case _:
            message["flags"] = source.tag("Default")
            message["name"] = source.text()
            message["args"] = source.blob()
    return message


def _server_message(source: Source) -> dict[str, Any]:
    name = source.tag(
        "InitialConnection",
        "SubscribeApplied",
        "UnsubscribeApplied",
        "SubscriptionError",
        "TransactionUpdate",
        "OneOffQueryResult",
        "ReducerResult",
        "ProcedureResult",
    )
    message: dict[str, Any] = {"message": name}
    match name:
        case "InitialConnection":
            message["identity"] = source.take(32)[::-1]
            message["connection_id"] = source.take(16)[::-1]
            message["token"] = source.text()
        case "SubscribeApplied" | "UnsubscribeApplied":
            message["request_id"], message["query_set_id"] = source.u32(), source.u32()
            has_rows = (
                name == "SubscribeApplied" or source.tag("some", "none") == "some"
            )
            message["rows"] = source.array(source.table_rows) if has_rows else None
        case "SubscriptionError":
            is_some = source.tag("some", "none") == "some"
            message["request_id"] = source.u32() if is_some else None
            message["query_set_id"] = source.u32()
            message["error"] = source.text()
        case "TransactionUpdate":
            message["query_sets"] = source.array(source.query_set_update)
        case _:
            message.update(_answer(source, name))
    return message


def _answer(source: Source, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    match name:
        case "OneOffQueryResult":
            answer["request_id"] = source.u32()
            is_ok = source.tag("ok", "err") == "ok"
            answer["rows" if is_ok else "error"] = (
                source.array(source.table_rows) if is_ok else source.text()
            )
        case "ReducerResult":
            answer["request_id"], answer["timestamp"] = source.u32(), source.i64()
            answer["outcome"] = source.tag("Ok", "OkEmpty", "Err", "InternalError")
            if answer["outcome"] == "Ok":
                answer["ret_value"] = source.blob()
                answer["query_sets"] = source.array(source.query_set_update)
            elif answer["outcome"] != "OkEmpty":
                is_err = answer["outcome"] == "Err"
                answer["error"] = source.blob() if is_err else source.text()
        case _:
            answer["status"] = source.tag("Returned", "InternalError")
            is_returned = answer["status"] == "Returned"
            answer["payload"] = source.blob() if is_returned else source.text()
            answer["timestamp"], answer["duration"] = source.i64(), source.i64()
            answer["request_id"] = source.u32()
    return answer
