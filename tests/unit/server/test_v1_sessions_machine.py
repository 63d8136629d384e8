"""Clients of version 1 that come, ask, call and read slowly know what they should.

A query counts once for a client, in however many of its sets it stands. So whoever has
heard everything must know the rows that asking each of its different queries now gives,
counted over these; which those are is kept here, in the plainest way.
"""

import json
import struct
from collections import Counter
from typing import Any

import pytest
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
from qsdb.protocol import v1_client_messages as c
from qsdb.server.hosts import Served
from qsdb.server.peers import SessionOptions
from tests.support.v1_client import FORMS, V1Client
from tests.unit.server import chatting
from tests.unit.server.test_sessions import line
from tests.unit.server.test_sessions_machine import ENCODERS, NUMBERS, QUERIES

CLIENTS = st.integers(0, 1)
TEXTS = st.sampled_from(["", "a", "Zoë"])
ASKED = st.lists(st.sampled_from(range(len(QUERIES))), max_size=4)


class V1Sessions(RuleBasedStateMachine):
    sets: Bundle[tuple[int, int]] = Bundle("sets")

    @initialize(form=st.sampled_from(FORMS), inline_rows=st.sampled_from([0, 1000]))
    def open(self, form: str, inline_rows: int) -> None:
        self.db = qsdb.Database(chatting.chatting, scheduler="manual", seed=1)
        served = Served("chat", self.db)
        options = SessionOptions(inline_rows=inline_rows, rows_max=100_000)
        self.clients = [V1Client(served, form, options=options) for _ in range(2)]
        self.asked: list[dict[int | None, list[int]]] = [{}, {}]
        self.number = 0

    @rule(target=sets, client=CLIENTS, queries=ASKED)
    def subscribe(self, client: int, queries: list[int]) -> tuple[int, int]:
        self.number += 1
        texts = [QUERIES[each][1] for each in queries]
        self.clients[client].subscribe(self.number, *texts)
        self.asked[client][self.number] = queries
        return client, self.number

    @rule(target=sets, client=CLIENTS, query=st.integers(0, len(QUERIES) - 1))
    def subscribe_single(self, client: int, query: int) -> tuple[int, int]:
        self.number += 1
        self.clients[client].say(
            c.SubscribeSingle(QUERIES[query][1], self.number, self.number)
        )
        self.asked[client][self.number] = [query]
        return client, self.number

    @rule(client=CLIENTS, queries=ASKED)
    def subscribe_to_these_alone(self, client: int, queries: list[int]) -> None:
        texts = tuple([QUERIES[each][1] for each in queries])
        self.clients[client].say(c.Subscribe(texts, 7))
        self.asked[client] = {None: queries}

    @rule(which=consumes(sets), is_single=st.booleans())
    def unsubscribe(self, which: tuple[int, int], *, is_single: bool) -> None:
        client, number = which
        queries = self.asked[client].get(number, [])
        if is_single and len({*queries}) == 1:
            self.clients[client].say(c.Unsubscribe(5, number))
        else:
            self.clients[client].unsubscribe(number)
        self.asked[client].pop(number, None)

    @rule(client=CLIENTS, room=NUMBERS, text=TEXTS, flags=st.integers(0, 1))
    def say(self, client: int, room: int, text: str, flags: int) -> None:
        plain = json.dumps([room, text])
        self.clients[client].call("say", line(room, text), plain, flags)

    @rule(client=CLIENTS, room=NUMBERS)
    def wipe(self, client: int, room: int) -> None:
        self.clients[client].call("wipe", struct.pack("<H", room), f"[{room}]")

    @rule(room=NUMBERS, level=st.integers(-1, 1))
    def open_room(self, room: int, level: int) -> None:
        self.db.call(chatting.open_room, room, level)

    @rule(times=st.integers(60, 80))
    def hurry(self, times: int) -> None:
        for number in range(times):
            self.db.call(chatting.open_room, 1, number)

    @rule(client=CLIENTS, behind=st.integers(0, 3))
    def hear(self, client: int, behind: int) -> None:
        self.clients[client].hear(self.db.offset - behind)

    @rule(client=CLIENTS)
    def know(self, client: int) -> None:
        known = self.clients[client]
        known.hear()
        queries = {each for asked in self.asked[client].values() for each in asked}
        rows: Counter[tuple[str, Any]] = Counter()
        for each in queries:
            table, text = QUERIES[each]
            told = [self._told(table, row, known.is_json) for row in self.db.sql(text)]
            rows.update([(table, each) for each in told])
        assert +known.rows == rows

    def _told(self, table: str, row: Any, is_json: bool) -> bytes | str:  # noqa: FBT001  as the client says
        if not is_json:
            return ENCODERS[table](tuple(row))
        names = ("id", "room", "text") if table == "line" else ("id", "level")
        columns = dict(zip(names, row, strict=True))
        return json.dumps(columns, separators=(",", ":"), ensure_ascii=False)

    @invariant()
    def queries_are_kept_current_once(self) -> None:
        if hasattr(self, "asked"):
            asked = [
                len({each for queries in sets.values() for each in queries})
                for sets in self.asked
            ]
            live = sum([each.subscribers for each in self.db.stats().live])
            assert live == sum(asked)
            assert all(each.session.ending is None for each in self.clients)

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            for client, each in enumerate(self.clients):
                self.know(client)
                each.session.end()
            assert self.db.stats().live == []
            self.db.close()


V1Sessions.TestCase.settings = settings(max_examples=30, stateful_step_count=30)
TestV1Sessions = pytest.mark.slow(V1Sessions.TestCase)
