"""Clients that come, ask, call and read slowly know what the database has.

Each client keeps what it is told; whoever has heard everything must know for each of
its sets, and each query of it, the very rows that asking the query now gives.
"""

import struct
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

import qsdb
from qsdb.codec.bsatn import encoder
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import I32, STR, U16, U32
from tests.support.session_client import Rows, SessionClient
from tests.unit.server import chatting as c

QUERIES = (
    ("line", "SELECT * FROM line"),
    ("line", "SELECT * FROM line WHERE room = 1"),
    ("line", "SELECT * FROM line WHERE id < 3"),
    ("room", "SELECT * FROM room"),
    ("line", "SELECT line.* FROM line JOIN room ON line.room = room.id"),
    ("room", "SELECT room.* FROM room JOIN line ON line.room = room.id"),
)
ENCODERS = {
    "line": encoder(
        ProductKind("line", (Field("id", U32), Field("room", U16), Field("text", STR)))
    ),
    "room": encoder(ProductKind("room", (Field("id", U16), Field("level", I32)))),
}
CLIENTS = st.integers(0, 2)
NUMBERS = st.integers(1, 4)


def string(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode()


class Sessions(RuleBasedStateMachine):
    sets: Bundle[tuple[int, int]] = Bundle("sets")

    @initialize(inline_rows=st.sampled_from([0, 1000]))
    def open(self, inline_rows: int) -> None:
        self.db = qsdb.Database(c.chatting, scheduler="manual", seed=1)
        self.served = Served("chat", self.db)
        options = SessionOptions(inline_rows=inline_rows, rows_max=100_000)
        self.clients = [SessionClient(self.served, options=options) for _ in range(3)]
        self.asked: dict[tuple[int, int], tuple[int, ...]] = {}
        self.number = 0

    @rule(target=sets, client=CLIENTS, queries=st.lists(st.sampled_from(range(6))))
    def subscribe(self, client: int, queries: list[int]) -> tuple[int, int]:
        self.number += 1
        texts = [QUERIES[each][1] for each in queries]
        self.clients[client].subscribe(self.number, *texts)
        self.asked[client, self.number] = tuple(dict.fromkeys(queries))
        return client, self.number

    @rule(which=consumes(sets), flags=st.sampled_from([0, 1]))
    def unsubscribe(self, which: tuple[int, int], flags: int) -> None:
        client, number = which
        self.clients[client].unsubscribe(number, flags=flags)
        del self.asked[which]

    @rule(client=CLIENTS, room=NUMBERS, text=st.sampled_from(["", "a", "bc"]))
    def say(self, client: int, room: int, text: str) -> None:
        self.clients[client].call("say", struct.pack("<H", room) + string(text))

    @rule(client=CLIENTS, number=NUMBERS, text=st.sampled_from(["a", "bc"]))
    def edit(self, client: int, number: int, text: str) -> None:
        self.clients[client].call("edit", struct.pack("<I", number) + string(text))

    @rule(client=CLIENTS, room=NUMBERS)
    def wipe(self, client: int, room: int) -> None:
        self.clients[client].call("wipe", struct.pack("<H", room))

    @rule(room=NUMBERS, level=st.integers(-1, 1))
    def open_room(self, room: int, level: int) -> None:
        self.db.call(c.open_room, room, level)

    @rule(times=st.integers(60, 80))
    def hurry(self, times: int) -> None:
        for number in range(times):
            self.db.call(c.open_room, 1, number)

    @rule(client=CLIENTS, behind=st.integers(0, 3))
    def hear(self, client: int, behind: int) -> None:
        self.clients[client].hear(self.db.offset - behind)

    @rule(client=CLIENTS)
    def know(self, client: int) -> None:
        known = self.clients[client]
        known.hear()
        numbers = {number for each, number in self.asked if each == client}
        assert set(known.rows) == numbers
        for number in numbers:
            expected = self._rows(self.asked[client, number])
            assert +known.rows[number] == expected

    def _rows(self, queries: tuple[int, ...]) -> Rows:
        rows: Rows = Counter()
        for each in queries:
            table, text = QUERIES[each]
            encode = ENCODERS[table]
            rows.update([(table, encode(tuple(row))) for row in self.db.sql(text)])
        return rows

    @invariant()
    def nothing_piles_up(self) -> None:
        for each in getattr(self, "clients", ()):
            assert each.session.ending is None

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            for client in range(3):
                self.know(client)
                self.clients[client].session.end()
            assert self.db.stats().live == []
            self.db.close()


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=30, stateful_step_count=30)
