"""A client of version 1, without a network: what it was told, and what it knows by it.

It speaks either form, and reads what it is told by means of its own: a twin of the
BSATN messages, or the parser of the standard library. Rows are counted over all of its
sets, as clients of version 1 do; it fails where it is told of a row to go that it does
not have.
"""

import itertools
import json
import uuid
from collections import Counter
from typing import Any

import attrs

from qsdb.protocol import v1_client_messages as c
from qsdb.server.dialects import DIALECTS, Dialect
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.values.identity import Identity
from tests.support.wire_v1_twin import server_message

__all__ = ["BINARY", "FORMS", "JSON", "Told", "V1Client", "json_frame"]

BINARY, JSON = "v1.bsatn.spacetimedb", "v1.json.spacetimedb"
FORMS = (BINARY, JSON)

_APPLIED = "request_id duration query_id"
_FIELDS = {
    "InitialSubscription": "update request_id duration",
    "TransactionUpdate": (
        "status timestamp caller_identity caller_connection_id reducer_name "
        "reducer_id args request_id energy duration"
    ),
    "TransactionUpdateLight": "request_id update",
    "IdentityToken": "identity token connection_id",
    "OneOffQueryResponse": "message_id error tables duration",
    "SubscribeApplied": f"{_APPLIED} table_id table_name part",
    "UnsubscribeApplied": f"{_APPLIED} table_id table_name part",
    "SubscriptionError": "duration request_id query_id table_id error",
    "SubscribeMultiApplied": f"{_APPLIED} update",
    "UnsubscribeMultiApplied": f"{_APPLIED} update",
    "ProcedureResult": "status timestamp duration request_id",
}


@attrs.frozen
class Told:
    """A message; its fields have one form, whichever the client speaks."""

    name: str
    fields: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


class V1Client:
    """A client of one database.

    Attributes:
        session: Its session.
        messages: All that it was told.
        rows: What it knows: table and row, counted.
    """

    def __init__(
        self,
        served: Served,
        form: str,
        identity: Identity | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        who = identity or Identity.from_claims("tests", str(uuid.uuid4()))
        sender = attrs.evolve(served.access.sender(who, {"sub": "x"}), waits=False)
        self.dialect = _dialect(form)
        self.is_json = form == JSON
        self.session = self.dialect.session(
            served, sender, options or SessionOptions(), lambda: None
        )
        self.messages: list[Told] = []
        self.rows: Counter[tuple[str, Any]] = Counter()
        self.numbers = itertools.count(1)
        self.session.begin("token")

    # What it says.

    def say(self, message: c.V1ClientMessage) -> None:
        """Send a message; what takes long is done at once."""
        frame: bytes | str = c.encode_v1_client_message(message)
        if self.is_json:
            frame = json_frame(message)
        for each in self.session.read(frame):
            job = self.session.handle(each)
            if job is not None:
                job()

    def call(self, reducer: str, binary: bytes, text: str, flags: int = 0) -> int:
        number = next(self.numbers)
        args = text.encode() if self.is_json else binary
        self.say(c.CallReducer(reducer, args, number, flags))
        return number

    def start(self, procedure: str, binary: bytes, text: str) -> int:
        number = next(self.numbers)
        args = text.encode() if self.is_json else binary
        self.say(c.CallProcedure(procedure, args, number, 0))
        return number

    def subscribe(self, number: int, *queries: str) -> None:
        self.say(c.SubscribeMulti(queries, next(self.numbers), number))

    def unsubscribe(self, number: int) -> None:
        self.say(c.UnsubscribeMulti(next(self.numbers), number))

    # What it is told.

    def hear(self, durable: int | None = None) -> list[Told]:
        """Take in what there is, and give it."""
        told: list[Told] = []
        while taken := self.session.peer.outbox.take(durable):
            told += map(self._read, self.dialect.frames(taken))
        for message in told:
            self._take(message)
        self.messages += told
        return told

    def _read(self, frame: bytes) -> Told:
        if self.is_json:
            return _plain(json.loads(frame.decode()))
        assert frame[0] == 0
        name, *fields = server_message(frame[1:])
        return Told(name, dict(zip(_FIELDS[name].split(), fields, strict=True)))

    def _take(self, message: Told) -> None:
        match message.name:
            case "InitialSubscription":
                self.rows.clear()
                self._update(message.update)
            case "SubscribeApplied" | "UnsubscribeApplied":
                self._update([message.part])
            case "TransactionUpdate":
                status, what = message.status
                if status == "Committed":
                    self._update(what)
            case (
                "TransactionUpdateLight"
                | "SubscribeMultiApplied"
                | "UnsubscribeMultiApplied"
            ):
                self._update(message.update)
            case _:
                pass

    def _update(self, parts: list[Any]) -> None:
        for _, table, count, updates in parts:
            told = 0
            for update in updates:
                self.rows.update([(table, row) for row in update["inserts"]])
                self.rows.subtract([(table, row) for row in update["deletes"]])
                told += len(update["inserts"]) + len(update["deletes"])
            assert told == count
        assert min(self.rows.values(), default=0) >= 0, "a row went that was not there"


def _dialect(form: str) -> Dialect:
    return next(each for each in DIALECTS if each.subprotocol.name == form)


def json_frame(message: c.V1ClientMessage) -> str:
    """Write a message as hand-written clients do."""
    fields: dict[str, Any] = dict(message._asdict())
    if "args" in fields:
        fields["args"] = fields["args"].decode()
    if "query_id" in fields:
        fields["query_id"] = {"id": fields["query_id"]}
    if "message_id" in fields:
        fields["message_id"] = fields["message_id"].hex()
    return json.dumps({type(message).__name__: fields})


def _plain(data: dict[str, Any]) -> Told:
    """Give a message of JSON in the form that those of BSATN are read in."""
    [(name, fields)] = data.items()
    plain = {
        key: _value(each)
        for key, each in fields.items()
        if key not in ("update", "database_update", "rows", "status", "tables")
    }
    if "database_update" in fields or "update" in fields:
        update = fields.get("database_update") or fields["update"]
        plain["update"] = _parts(update)
    if "rows" in fields:
        rows = fields["rows"]
        plain["table_id"], plain["table_name"] = rows["table_id"], rows["table_name"]
        [plain["part"]] = _parts({"tables": [rows["table_rows"]]})
    if "tables" in fields:
        plain["tables"] = [
            {"table": each["table_name"], "rows": each["rows"]}
            for each in fields["tables"]
        ]
    if "status" in fields:
        [(status, what)] = fields["status"].items()
        plain["status"] = [status, _parts(what) if status == "Committed" else what]
    call = plain.pop("reducer_call", None)
    for old, new in _RENAMED.items():
        if old in plain:
            plain[new] = plain.pop(old)
    if "message_id" in plain:
        plain["message_id"] = bytes.fromhex(plain["message_id"])
    plain |= call or {}
    assert sorted(plain) == sorted(_FIELDS[name].split())
    return Told(name, plain)


_RENAMED = {
    "total_host_execution_duration": "duration",
    "total_host_execution_duration_micros": "duration",
    "energy_quanta_used": "energy",
}


def _value(value: Any) -> Any:
    match value:
        case {"__identity__": text}:
            return int(text, 16).to_bytes(32, "big")
        case {"__connection_id__": number}:
            return number.to_bytes(16, "big")
        case (
            {"__timestamp_micros_since_unix_epoch__": number}
            | {"__time_duration_micros__": number}
            | {"id": number}
            | {"quanta": number}
            | {"some": number}
        ):
            return number
        case {"none": []}:
            return None
        case _:
            return value


def _parts(update: dict[str, Any]) -> list[Any]:
    return [
        [each["table_id"], each["table_name"], each["num_rows"], each["updates"]]
        for each in update["tables"]
    ]
