"""A client of a session, without a network: what it was told, and what it knows by it.

It keeps rows as clients do, counted for each of its query sets, and fails where it is
told of a row to go that it does not have.
"""

import itertools
import uuid

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
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.server.v2_sessions import V2Session
from qsdb.values.identity import Identity
from tests.support.known_rows import KnownRows, Rows, counted

__all__ = ["Rows", "SessionClient", "counted", "host_of"]

BYTES_MAX = 1 << 24


class SessionClient(KnownRows):
    """A client of one database.

    Attributes:
        session: Its session.
        messages: All that it was sent.
    """

    def __init__(
        self,
        served: Served,
        identity: Identity | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        super().__init__()
        who = identity or Identity.from_claims("tests", str(uuid.uuid4()))
        sender = attrs.evolve(served.access.sender(who, {"sub": "x"}), waits=False)
        self.woken = 0
        self.session = V2Session(
            served, sender, options or SessionOptions(), self._woke, subprotocol=V3
        )
        self.messages: list[s.ServerMessage] = []
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
            self.take(message)
        self.messages += told
        return told


def host_of(**databases: qsdb.Database) -> "dict[str, Served]":
    """Give databases as they are served."""
    return {name: Served(name, each) for name, each in databases.items()}
