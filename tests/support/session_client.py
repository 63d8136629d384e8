"""A client of a session, without a network: what it was told, and what it knows by it.

It keeps rows as clients do, counted for each of its query sets, and fails where it is
told of a row to go that it does not have.
"""

import itertools
import uuid
from collections import Counter
from collections.abc import Sequence

import attrs

import qsdb
from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import (
    SEND_DROPPED_ROWS,
    CallProcedure,
    CallReducer,
    ClientMessage,
    OneOffQuery,
    Subscribe,
    Unsubscribe,
)
from qsdb.protocol.frames import FrameWriter
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V3
from qsdb.protocol.tables import (
    EncodedRows,
    EncodedUpdate,
    PersistentTable,
    read_table_rows,
    read_table_update,
)
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.server.v2_sessions import V2Session
from qsdb.values.identity import Identity

BYTES_MAX = 1 << 24
Rows = Counter[tuple[str, bytes]]


class SessionClient:
    """A client of one database.

    Attributes:
        session: Its session.
        messages: All that it was sent.
        rows: For each of its sets what it knows: table and bytes of a row, counted.
        events: Rows of event tables that it was told of.
    """

    def __init__(
        self,
        served: Served,
        identity: Identity | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        who = identity or Identity.from_claims("tests", str(uuid.uuid4()))
        sender = attrs.evolve(served.access.sender(who, {"sub": "x"}), waits=False)
        self.woken = 0
        self.session = V2Session(
            served, sender, options or SessionOptions(), self._woke, subprotocol=V3
        )
        self.messages: list[s.ServerMessage] = []
        self.rows: dict[int, Rows] = {}
        self.events: list[tuple[int, str, bytes]] = []
        self._numbers = itertools.count()
        self.session.begin("token")

    def _woke(self) -> None:
        self.woken += 1

    # What it says.

    def say(self, message: ClientMessage) -> int:
        """Send a message; what takes long is done at once."""
        job = self.session.handle(message)
        if job is not None:
            job()
        return message.request_id

    def subscribe(self, number: int, *queries: str) -> int:
        return self.say(Subscribe(next(self._numbers), number, queries))

    def unsubscribe(self, number: int, *, flags: int = SEND_DROPPED_ROWS) -> int:
        return self.say(Unsubscribe(next(self._numbers), number, flags))

    def call(self, reducer: str, args: bytes = b"") -> int:
        return self.say(CallReducer(next(self._numbers), 0, reducer, args))

    def start(self, procedure: str, args: bytes = b"") -> int:
        return self.say(CallProcedure(next(self._numbers), 0, procedure, args))

    def ask(self, query: str) -> int:
        return self.say(OneOffQuery(next(self._numbers), query))

    # What it is told.

    def hear(self, durable: int | None = None) -> list[s.ServerMessage]:
        """Take in what there is, and give it."""
        told: list[s.ServerMessage] = []
        while taken := self.session.peer.outbox.take(durable):
            for frame in FrameWriter(V3).frames(taken):
                told += read_server_frame(frame, V3, BYTES_MAX)
        for message in told:
            self._take(message)
        self.messages += told
        return told

    def _take(self, message: s.ServerMessage) -> None:
        match message:
            case s.SubscribeApplied(query_set_id=number, rows=rows):
                assert number not in self.rows
                self.rows[number] = counted(rows)
            case s.UnsubscribeApplied(query_set_id=number, rows=rows):
                gone = self.rows.pop(number)
                assert rows is None or counted(rows) == +gone
            case s.SubscriptionError(request_id=None, query_set_id=number):
                del self.rows[number]
            case s.TransactionUpdate():
                assert message.query_sets
                self._update(message)
            case s.ReducerResult(outcome=s.ReducerOk(transaction_update=update)):
                self._update(update)
            case _:
                pass

    def _update(self, update: s.TransactionUpdate) -> None:
        for query_set in update.query_sets:
            assert query_set.tables
            for part in query_set.tables:
                self._update_table(query_set.query_set_id, part)

    def _update_table(self, number: int, part: EncodedUpdate) -> None:
        rows, update = self.rows[number], read_table_update(part)
        for entry in update.rows:
            if not isinstance(entry, PersistentTable):
                told = [(number, update.table_name, e) for e in entry.events.split()]
                self.events += told
                continue
            rows.update([(update.table_name, each) for each in entry.inserts.split()])
            rows.subtract([(update.table_name, each) for each in entry.deletes.split()])
        assert min(rows.values(), default=0) >= 0, "a row went that was not there"


def counted(parts: Sequence[EncodedRows]) -> Rows:
    """Count the rows of a result."""
    rows: Rows = Counter()
    for part in parts:
        table = read_table_rows(part)
        rows.update([(table.table, each) for each in table.rows.split()])
    return rows


def host_of(**databases: qsdb.Database) -> "dict[str, Served]":
    """Give databases as they are served."""
    return {name: Served(name, each) for name, each in databases.items()}
