"""Queries begin and end at one moment, whatever is published or fails around it."""

import json
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb.errors import ClosedError
from qsdb.protocol import server_messages as s
from qsdb.protocol import v1_client_messages as c
from qsdb.server import session_queries, v1_queries
from qsdb.server.hosts import Served
from qsdb.server.moments import Moment, begin, finish
from qsdb.server.peers import SessionOptions
from qsdb.server.weighing import Work
from tests.support.session_client import SessionClient
from tests.support.v1_client import BINARY, FORMS, V1Client
from tests.unit.server import chatting

LINES, ROOMS = "SELECT * FROM line", "SELECT * FROM room"
FRAGILE = "SELECT * FROM room WHERE level * level < 100"
V2 = "v2"
CALLERS = [V2, *FORMS]


class More(qsdb.Row):
    id: qsdb.u8 = qsdb.primary_key()


class Wide:
    class Room(qsdb.Row):
        id: qsdb.u16 = qsdb.primary_key()
        level: qsdb.i32 = qsdb.index()


def house(*, is_wide: bool) -> qsdb.Module:
    """Make a module of lines and rooms; a wide one has more, and higher rooms."""
    module = qsdb.Module("house")
    rooms: Any = Wide.Room if is_wide else chatting.Room
    for table in (chatting.Line, rooms):
        module.add_table(table, public=True)
    if is_wide:
        module.add_table(More, public=True)

        @module.migration(from_=house(is_wide=False).schema_hash(), tables=["room"])
        def rise(ctx: qsdb.MigrationContext) -> None:
            for old in ctx.old("room"):
                ctx.db[rooms].insert(rooms(old.id, old.level + 1))

    @module.reducer
    def say(ctx: qsdb.ReducerContext, room: qsdb.u16, text: str) -> None:
        ctx.db[chatting.Line].insert(chatting.Line(room=room, text=text))

    @module.reducer
    def open_room(ctx: qsdb.ReducerContext, room: qsdb.u16, level: qsdb.i32) -> None:
        ctx.db[rooms].upsert(rooms(room, level))

    return module


@pytest.fixture
def served() -> Iterator[Served]:
    with qsdb.Database(house(is_wide=False), scheduler="manual") as db:
        db.call("say", 1, "a")
        db.call("open_room", 1, 1)
        yield Served("house", db)


@pytest.fixture(params=CALLERS)
def client(request: pytest.FixtureRequest, served: Served) -> SessionClient | V1Client:
    form: str = request.param
    found = SessionClient(served) if form == V2 else V1Client(served, form)
    found.hear()
    return found


def publish(served: Served) -> None:
    """Publish a module with which clients go on, and commit more."""
    served.database.publish(house(is_wide=True))
    served.database.call("open_room", 2, 2)


def levels(client: SessionClient | V1Client) -> list[int]:
    """Give the levels of the rooms that a client knows."""
    rows = client.rows if isinstance(client, V1Client) else client.rows[1]
    rooms = [row for (table, row), count in (+rows).items() if table == "room"]
    return sorted(
        struct.unpack("<Hi", row)[1]
        if isinstance(row, bytes)
        else json.loads(row)["level"]
        for row in rooms
    )


def test_a_session_calls_the_module_that_was_published_last(served: Served) -> None:
    client = SessionClient(served)
    client.hear()
    wider = house(is_wide=True)

    @wider.reducer
    def shout(ctx: qsdb.ReducerContext, text: str) -> None:
        ctx.db[chatting.Line].insert(chatting.Line(room=1, text=text.upper()))

    def answer(reducer: str, args: bytes) -> object:
        client.call(reducer, args)
        [result] = client.hear()
        assert isinstance(result, s.ReducerResult)
        return result.outcome

    text = b"\1\0\0\0b"
    assert isinstance(answer("say", b"\1\0" + text), s.ReducerOkEmpty)
    assert isinstance(answer("shout", text), s.InternalFailure)
    served.database.publish(wider)
    client.hear()
    assert isinstance(answer("shout", text), s.ReducerOkEmpty)


def known(client: SessionClient | V1Client) -> int:
    """Say how many rows a client knows."""
    client.hear()
    if isinstance(client, V1Client):
        return sum(client.rows.values())
    return sum([sum(each.values()) for each in client.rows.values()])


def around(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    *,
    before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> None:
    """Have something happen once, just before or just after a moment is found."""
    real: Any = begin if name == "begin" else finish
    actions = {"before": before, "after": after}

    def found(peer: Any, queries: Any) -> Moment:
        if action := actions.pop("before", None):
            action()
        moment: Moment = real(peer, queries)
        if action := actions.pop("after", None):
            action()
        return moment

    for module in (session_queries, v1_queries):
        monkeypatch.setattr(module, name, found)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_module_that_is_published_while_queries_begin(
    served: Served,
    client: SessionClient | V1Client,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    action: Any = {when: lambda: publish(served)}
    around(monkeypatch, "begin", **action)

    client.subscribe(1, LINES, ROOMS)

    assert known(client) == 3
    assert levels(client) == [2, 2]
    served.database.call("say", 1, "b")
    assert known(client) == 4
    assert client.session.ending is None
    client.unsubscribe(1)
    assert known(client) == 0
    assert served.database.stats().live == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_module_that_is_published_while_queries_end(
    served: Served,
    client: SessionClient | V1Client,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
) -> None:
    client.subscribe(1, LINES, ROOMS)
    client.hear()
    action: Any = {when: lambda: publish(served)}
    around(monkeypatch, "finish", **action)

    client.unsubscribe(1)

    assert known(client) == 0
    assert served.database.stats().live == []


def test_a_commit_while_queries_begin_is_told_behind_the_first_result(
    served: Served,
    client: SessionClient | V1Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def say() -> None:
        served.database.call("say", 1, "x")

    around(monkeypatch, "begin", before=say, after=say)
    around(monkeypatch, "finish", before=say, after=say)

    client.subscribe(1, LINES)
    assert len(client.session.peer.outbox) == 2
    assert known(client) == 3
    client.unsubscribe(1)
    assert known(client) == 0


def test_a_database_that_is_closed_while_queries_begin(
    served: Served,
    client: SessionClient | V1Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    around(monkeypatch, "begin", before=served.database.close)

    client.subscribe(1, LINES)

    [error] = client.hear()
    told = error.error if isinstance(error, s.SubscriptionError) else error
    assert "closed" in str(told)
    with pytest.raises(ClosedError):
        begin(client.session.peer, ())
    client.session.end()


def test_a_query_that_fails_before_its_first_result_is_told(
    served: Served,
    client: SessionClient | V1Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def break_it() -> None:
        served.database.call("open_room", 1, 100_000)

    around(monkeypatch, "begin", after=break_it)

    client.subscribe(1, FRAGILE, LINES)

    *_, error = told = client.hear()
    assert len(told) == (2 if isinstance(client, SessionClient) else 1)
    if isinstance(client, SessionClient):
        assert isinstance(error, s.SubscriptionError)
        assert (error.request_id, error.query_set_id) == (None, 1)
    else:
        assert (error.request_id, error.query_id) == (None, 1)  # type: ignore[union-attr]
    assert served.database.stats().live == []
    client.subscribe(1, LINES)  # its number is free


def test_a_first_result_that_fails_silences_all_of_its_set(
    served: Served,
    client: SessionClient | V1Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served.database.call("open_room", 1, 100_000)
    around(
        monkeypatch, "begin", after=lambda: served.database.call("say", 1, "meanwhile")
    )

    client.subscribe(1, LINES, FRAGILE)

    [error] = client.hear()
    assert error.request_id is not None  # type: ignore[union-attr]
    assert served.database.stats().live == []


@pytest.mark.parametrize("form", CALLERS)
def test_queries_that_take_long_are_asked_again_too(
    served: Served, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    options = SessionOptions(inline_rows=0)
    client = (
        SessionClient(served, options=options)
        if form == V2
        else V1Client(served, form, options=options)
    )
    client.hear()
    around(monkeypatch, "begin", before=lambda: publish(served))

    client.subscribe(1, LINES, ROOMS)

    assert known(client) == 3
    client.unsubscribe(1)
    assert known(client) == 0


def test_a_set_that_failed_as_it_was_to_end_is_not_there(
    served: Served,
    client: SessionClient | V1Client,
) -> None:
    client.subscribe(1, FRAGILE, LINES)
    client.hear()
    served.database.call("open_room", 1, 100_000)

    client.unsubscribe(1)

    failure, refusal = client.hear()
    if isinstance(client, SessionClient):
        assert isinstance(refusal, s.SubscriptionError)
        assert refusal.error == "there is no query set 1"
    else:
        assert refusal.error == "there is no query 1"  # type: ignore[union-attr]
    assert failure.request_id is None  # type: ignore[union-attr]


@pytest.fixture
def sharing(served: Served) -> V1Client:
    """Give a client that has asked a query which can fail."""
    client = V1Client(served, BINARY)
    client.subscribe(1, FRAGILE)
    client.hear()
    return client


def fail_now(served: Served) -> None:
    served.database.call("open_room", 1, 100_000)


def test_a_shared_query_that_fails_before_a_set_is_noted_is_asked_again(
    served: Served, sharing: V1Client
) -> None:
    sharing.session.peer.options  # noqa: B018  read for its kind alone
    message = c.SubscribeMulti((FRAGILE, LINES), 5, 2)
    queries = sharing.session._asked  # type: ignore[attr-defined]
    begun, work = queries._asked(message, 2, 0)
    fail_now(served)

    queries._begin(begun, work)

    ended, refused = sharing.hear()
    assert (ended.request_id, ended.query_id) == (None, 1)
    assert (refused.request_id, refused.query_id) == (5, 2)
    assert served.database.stats().live == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_shared_query_that_fails_while_a_set_begins_ends_all_of_it(
    served: Served, sharing: V1Client, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    action: Any = {when: lambda: fail_now(served)}
    around(monkeypatch, "begin", **action)

    sharing.subscribe(2, FRAGILE, LINES)

    told = sharing.hear()
    assert [(each.name, each.query_id) for each in told] == [
        ("SubscriptionError", 1),
        ("SubscriptionError", 2),
    ]
    assert served.database.stats().live == []
    served.database.call("say", 1, "b")
    assert sharing.hear() == []


def test_a_set_that_fails_before_its_end_is_begun_is_not_ended_again(
    served: Served, sharing: V1Client
) -> None:
    message = c.UnsubscribeMulti(5, 1)
    queries = sharing.session._asked  # type: ignore[attr-defined]
    fail_now(served)

    queries._finish(message, [], 0, Work())

    [ended] = sharing.hear()
    assert (ended.request_id, ended.query_id) == (None, 1)


def test_two_queries_of_a_set_that_fail_together_are_told_once(
    served: Served, sharing: V1Client
) -> None:
    other = "SELECT * FROM room WHERE level * level < 200"
    sharing.subscribe(2, FRAGILE, other)
    sharing.hear()

    sharing.call("open_room", struct.pack("<Hi", 1, 100_000), "")

    told = sharing.hear()
    assert [each.query_id for each in told if each.name == "SubscriptionError"] == [
        1,
        2,
    ]
    assert served.database.stats().live == []
