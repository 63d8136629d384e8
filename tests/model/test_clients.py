"""Rows 180 to 193: connections, subscriptions and caches."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import Connection, Event, Row, Update, u8, u32
from qsdb.testing import database

module = qsdb.Module("chat")


class Message(Row, module=module, public=True):
    id: u32 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index()
    text: str


class User(Row, module=module, public=True):
    name: str = qsdb.primary_key()
    room: str = ""
    level: u8 = 0


class Note(Row, module=module):
    text: str


@module.reducer
def send(ctx: qsdb.ReducerContext, room: str, text: str) -> int:
    if not text:
        raise qsdb.ReducerError("empty")
    return ctx.db[Message].insert(Message(room, text)).id


@module.reducer
def join(ctx: qsdb.ReducerContext, name: str, level: u8 = 0) -> None:
    ctx.db[User].upsert(User(name, "lobby", level))


@module.reducer
def move(ctx: qsdb.ReducerContext, name: str, room: str) -> None:
    """Change two tables in one transaction."""
    ctx.db[User].update(User(name, room))
    ctx.db[Message].insert(Message(room, f"{name} is here"))


ALL = "SELECT * FROM message"
LOBBY = "SELECT * FROM message WHERE room = 'lobby'"
USERS = "SELECT * FROM user"


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        yield opened


@pytest.fixture
def client(db: qsdb.Database) -> Iterator[Connection]:
    with db.connect() as connected:
        yield connected


def texts(client: Connection) -> list[str]:
    return sorted(row.text for row in client.db[Message])


def test_row_180_a_connection_has_an_identity_and_a_cache(db: qsdb.Database) -> None:
    with db.connect() as client:
        assert client.identity != db.owner
        client.subscribe(ALL)
        client.reducers.send("lobby", "hi")
        assert texts(client) == ["hi"]
        assert client.sql("SELECT text FROM message").rows == [("hi",)]
        known = client.db
    assert [row.text for row in known[Message]] == ["hi"]  # it can still be read
    with pytest.raises(qsdb.ClosedError):
        client.reducers.send("lobby", "hi")


def test_row_181_callbacks_run_by_themselves_or_a_reader_takes_its_time(
    db: qsdb.Database,
) -> None:
    heard: list[str] = []
    live = db.subscribe(ALL, lambda each: heard.extend(r.text for r in each.inserts))
    assert next(live.changes(timeout=0), None) is None
    with db.subscribe(ALL) as other:
        for text in "abc":
            db.call(send, "lobby", text)
            assert heard[-1] == text  # nobody drives it: the call tells
        behind = next(other.changes(timeout=0))
        assert [row.text for row in behind.inserts] == ["a", "b", "c"]
        assert behind.offsets == range(2, 5)


def test_row_182_several_queries_are_applied_as_one(
    db: qsdb.Database, client: Connection
) -> None:
    db.call(join, "ana")
    db.call(send, "lobby", "hi")
    applied: list[tuple[str, int, int]] = []

    sub = client.subscribe(
        LOBBY,
        USERS,
        on_applied=lambda event: applied.append(
            (event.kind, len(client.db[Message]), len(client.db[User]))
        ),
    )
    assert applied == [("applied", 1, 1)]
    assert len(sub.rows) == 2
    with pytest.raises(qsdb.QueryError):
        client.subscribe(ALL, "SELECT * FROM massage")
    assert not sub.error


def test_row_183_a_subscription_ends_and_its_rows_leave(
    db: qsdb.Database, client: Connection
) -> None:
    db.call(send, "lobby", "hi")
    db.call(send, "attic", "ho")
    gone: list[tuple[str, str]] = []
    client.db[Message].on_delete(lambda event, row: gone.append((event.kind, row.text)))
    with client.subscribe(ALL), client.subscribe(LOBBY) as lobby:
        assert texts(client) == ["hi", "ho"]
    assert texts(client) == []
    assert sorted(gone) == [("ended", "hi"), ("ended", "ho")]
    lobby.close()  # twice is no error
    db.call(send, "lobby", "more")
    assert texts(client) == []


def test_row_184_all_public_tables_are_subscribed_to_at_once(
    db: qsdb.Database, client: Connection
) -> None:
    sub = client.subscribe("SELECT * FROM *")
    db.call(join, "ana")
    db.call(send, "lobby", "hi")
    db.sql("INSERT INTO note VALUES ('secret')")

    assert sub.rows == [Message("lobby", "hi").replace(id=1), User("ana", "lobby")]
    sub.close()
    assert not list(client.db[User])


def test_row_185_each_commit_is_told_once_and_in_order(
    db: qsdb.Database, client: Connection
) -> None:
    updates: list[Update] = []
    db.subscribe(ALL, updates.append)
    client.subscribe(ALL)
    events: list[Event] = []
    client.db[Message].on_insert(lambda event, _: events.append(event))

    with db.write() as tx:
        tx[Message].insert_many([Message("lobby", "a"), Message("lobby", "b")])
    db.call(join, "ana")  # nothing of it is subscribed to
    db.call(send, "lobby", "c")

    assert [each.offset for each in updates] == [2, 4]
    assert [len(each.inserts) for each in updates] == [2, 1]
    assert [event.offset for event in events] == [2, 2, 4]


def test_row_186_a_query_that_fails_later_ends_alone(
    db: qsdb.Database, client: Connection
) -> None:
    errors: list[qsdb.QueryError] = []
    client.subscribe(USERS)
    sums = client.subscribe(
        "SELECT name, level + 1 AS next FROM user", on_error=errors.append
    )
    db.call(join, "ana", 254)
    assert sums.rows == [("ana", 255)]
    db.call(join, "bob", 255)  # the commit stands, 256 has no room

    assert len(errors) == 1
    assert sums.error is errors[0]
    assert not sums.is_active
    assert len(client.db[User]) == 2
    db.call(join, "cy")
    assert len(client.db[User]) == 3


def test_row_187_projections_expressions_and_joins_are_live(db: qsdb.Database) -> None:
    live = db.subscribe(
        "SELECT u.name, m.text, n.name AS other FROM user u "
        "JOIN message m ON m.room = u.room JOIN user n ON n.room = m.room "
        "WHERE u.level + 1 > n.level AND u.name <> n.name"
    )
    db.call(join, "ana", 5)
    db.call(join, "bob", 9)
    assert live.rows == []
    db.call(send, "lobby", "hi")
    assert live.rows == [("bob", "hi", "ana")]
    db.call(move, "bob", "attic")
    assert live.rows == []


def test_row_187_aggregates_and_the_first_rows_are_live(db: qsdb.Database) -> None:
    rooms = db.subscribe(
        "SELECT room, COUNT(*) AS n, MAX(level) AS best FROM user GROUP BY room"
    )
    top = db.subscribe("SELECT name FROM user ORDER BY level DESC LIMIT 2")
    once = db.subscribe("SELECT DISTINCT room FROM user")
    alone = db.subscribe(
        "SELECT u.name FROM user u WHERE NOT EXISTS "
        "(SELECT * FROM message m WHERE m.room = u.room)"
    )
    for name, level in (("ana", 5), ("bob", 9), ("cy", 7)):
        db.call(join, name, level)
    assert rooms.rows == [("lobby", 3, 9)]
    assert top.rows == [("bob",), ("cy",)]
    db.call(move, "bob", "attic")  # now of level 0, and a message is there

    assert sorted(rooms.rows) == [("attic", 1, 0), ("lobby", 2, 7)]
    assert top.rows == [("cy",), ("ana",)]
    assert sorted(once.rows) == [("attic",), ("lobby",)]
    assert sorted(alone.rows) == [("ana",), ("cy",)]
    with pytest.raises(qsdb.QueryError, match="ORDER BY"):
        db.subscribe("SELECT * FROM user LIMIT 2")


def test_row_188_a_row_of_several_subscriptions_is_one_and_an_update_is_one(
    db: qsdb.Database, client: Connection
) -> None:
    heard: list[tuple[str, object]] = []
    table = client.db[User]
    table.on_insert(lambda _, row: heard.append(("insert", row.level)))
    table.on_delete(lambda _, row: heard.append(("delete", row.level)))
    table.on_update(lambda _, a, b: heard.append(("update", (a.level, b.level))))
    both = client.subscribe(USERS)
    client.subscribe("SELECT * FROM user WHERE name = 'ana'")
    db.call(join, "ana", 1)
    db.call(join, "ana", 2)
    both.close()

    assert heard == [("insert", 1), ("update", (1, 2))]
    assert list(table) == [User("ana", "lobby", 2)]


def test_row_189_callbacks_see_the_whole_commit(
    db: qsdb.Database, client: Connection
) -> None:
    db.call(join, "ana")
    client.subscribe(ALL, USERS)
    seen: list[tuple[int, str]] = []

    def look(*_: object) -> None:
        user = client.db[User].get("ana")
        assert user is not None
        seen.append((len(client.db[Message]), user.room))

    client.db[Message].on_insert(look)
    client.db[User].on_update(look)
    db.call(move, "ana", "attic")

    assert seen == [(1, "attic")] * 2


def test_row_190_callbacks_are_told_of_rows_until_they_are_removed(
    db: qsdb.Database, client: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def fail(_: Event, row: Message) -> None:
        raise RuntimeError(row.text)

    client.db[Message].on_insert(fail)  # it is logged, and disturbs nobody
    stop = client.db[Message].on_insert(lambda _, row: heard.append(row.text))
    client.subscribe(ALL)
    db.call(send, "lobby", "a")
    stop()
    db.call(send, "lobby", "b")

    assert heard == ["a"]
    assert "RuntimeError: b" in caplog.text
    assert texts(client) == ["a", "b"]


def test_row_191_the_cache_has_the_look_ups_of_tables(client: Connection) -> None:
    client.subscribe(ALL, USERS)
    for room in ("lobby", "attic", "lobby"):
        client.reducers.send(room, room)
    table = client.db[Message]

    assert table.get(2) == Message("attic", "attic").replace(id=2)
    assert [row.id for row in table.room.filter("lobby")] == [1, 3]
    assert [row.id for row in client.db.message.room.range("b", "z")] == [1, 3]
    assert client.db[User].name.find("ana") is None
    with pytest.raises(qsdb.ReadOnlyError):
        table.insert(Message("lobby", "x"))


def test_row_192_a_calls_result_comes_after_its_effects(client: Connection) -> None:
    client.subscribe(ALL)

    made = client.reducers.send("lobby", "hi")

    found = client.db[Message].get(made)
    assert found is not None
    assert found.text == "hi"
    with pytest.raises(qsdb.ReducerError, match="empty"):
        client.reducers.send("lobby", "")
    assert texts(client) == ["hi"]


def test_row_193_an_event_tells_why_rows_changed(
    db: qsdb.Database, client: Connection
) -> None:
    events: list[Event] = []
    client.db[Message].on_insert(lambda event, _: events.append(event))
    client.db[Message].on_delete(lambda event, _: events.append(event))
    db.call(send, "lobby", "before")
    sub = client.subscribe(ALL)
    client.reducers.send("lobby", "own")
    with db.connect() as other:
        other.reducers.send("lobby", "another's")
    sub.close()

    assert [event.kind for event in events] == [
        "applied",
        "reducer",
        "transaction",
        *["ended"] * 3,
    ]
    own = events[1]
    assert (own.reducer, own.status, own.offset) == ("send", "committed", 3)
    assert (events[2].reducer, events[2].status) == (None, None)
