"""End to end: connections to the real server, which runs in a thread."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import qsdb
import qsdb.client
from qsdb.client import (
    AsyncConnection,
    Connection,
    NotConnectedError,
    RemoteError,
    UnansweredError,
)
from qsdb.errors import (
    AccessError,
    ClosedError,
    NotFoundError,
    QueryError,
    ReducerError,
    SchemaError,
)
from qsdb.files import open_directory
from qsdb.server.app import service_of
from qsdb.server.serving import Running
from tests.support.cutting_proxy import CuttingProxy
from tests.support.served_app import running, serving
from tests.unit.server.chatting import Knock, Line, Room, Visit, chatting

SECONDS = 30


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(chatting) as db:
        yield db


@pytest.fixture
def server(db: qsdb.Database) -> Iterator[Running]:
    with serving({"chat": db}) as server:
        yield server


def url_of(server: Running) -> str:
    return server.address.replace("http", "ws", 1)


def connect(server: Running, **options: Any) -> Connection:
    options = {"module": chatting, **options}
    return qsdb.client.connect(url_of(server), "chat", **options)


class Heard:
    """Waits until something was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, *what: Any) -> None:
        with self._changed:
            self.told.append(what)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, SECONDS)
            return [*self.told]


def test_what_one_says_the_other_hears(server: Running) -> None:
    with connect(server) as ann, connect(server) as bob:
        heard = Heard()
        bob.db[Line].on_insert(lambda event, row: heard(event.kind, row.text))
        bob.subscribe("SELECT * FROM line WHERE room = 1")
        ann.subscribe("SELECT * FROM line")
        first = ann.reducers.say(1, "hi")
        own = [each.text for each in ann.db.line]
        ann.reducers.say(2, "not for bob")
        bob.reducers.say(room=1, text="hello")
        told = heard.wait_for(2)
        ann.reducers.visit()  # an answer comes behind all that was committed before

        assert first == 1
        assert own == ["hi"]
        assert told == [("transaction", "hi"), ("reducer", "hello")]
        assert bob.identity != ann.identity
        assert bob.connection_id != ann.connection_id
        assert [each.id for each in ann.db.line.room.filter(1)] == [1, 3]


def test_errors_are_what_they_are(server: Running) -> None:
    with connect(server) as conn:
        with pytest.raises(ReducerError, match="nothing said"):
            conn.reducers.say(1, "")
        with pytest.raises(RemoteError, match="break_down failed with NotFoundError"):
            conn.reducers.break_down("word")
        with pytest.raises(QueryError, match="secret"):
            conn.subscribe("SELECT * FROM secret", "SELECT * FROM line")
        with pytest.raises(QueryError, match="secret"):
            conn.sql("SELECT * FROM secret")
        with pytest.raises(NotFoundError):
            conn.call("nothing")

        assert conn.reducers.say(1, "still here") == 1


def test_the_same_texts_work_as_in_process(server: Running, db: qsdb.Database) -> None:
    texts: list[tuple[str, dict[str, object]]] = [
        ("SELECT * FROM line", {}),
        ("SELECT text, id FROM line WHERE room = :room", {"room": 1}),
        ("SELECT l.* FROM line l JOIN room r ON l.room = r.id", {}),
        ("SELECT l.text, r.level FROM line l JOIN room r ON l.room = r.id", {}),
        ("SELECT * FROM mine", {}),
        ("SELECT room + 1 AS next FROM line WHERE text LIKE :p", {"p": "%h%"}),
    ]
    with connect(server) as conn:
        local = db.connect(conn.identity)
        pairs = [
            (conn.subscribe(text, params=params), local.subscribe(text, params=params))
            for text, params in texts
        ]
        for n, word in enumerate(["ah", "oh", "eh"]):
            conn.reducers.say(n, word)
            conn.reducers.open_room(n, -n)
        conn.reducers.edit(2, "uh")
        conn.reducers.wipe(0)
        conn.reducers.visit()
        rows = [
            (sorted(ours.rows, key=repr), sorted(theirs.rows, key=repr))
            for ours, theirs in pairs
        ]
        once = [
            (
                sorted(map(repr, conn.sql(text, params))),
                sorted(map(repr, local.sql(text, params))),
            )
            for text, params in texts
        ]
        counts = [each.sql("SELECT COUNT(*) AS n FROM line") for each in (conn, local)]

        assert all(ours == theirs for ours, theirs in rows)
        assert all(ours for ours, _ in rows)
        assert all(ours == theirs for ours, theirs in once)
        assert counts[0][0] == counts[1][0]
        assert [*conn.db.mine] == [Visit(conn.identity)]
        local.close()


def test_results_that_are_no_tables_and_events_are_told(server: Running) -> None:
    with connect(server) as conn, connect(server) as other:
        heard = Heard()
        sub = conn.subscribe("SELECT text FROM line", "SELECT * FROM knock")
        sub.on_update(lambda event, update: heard(event.kind, update.inserts[0].text))
        conn.db[Knock].on_insert(lambda event, row: heard(event.kind, row))
        other.reducers.say(1, "hi")
        other.reducers.knock(7)
        told = heard.wait_for(2)

        assert told == [("transaction", "hi"), ("transaction", Knock(7))]
        assert [row.text for row in sub.rows] == ["hi"]
        assert [*conn.db[Knock]] == []


def test_everything_is_all_public_tables(server: Running) -> None:
    with connect(server) as conn:
        conn.subscribe("SELECT * FROM *")
        conn.reducers.say(1, "hi")
        conn.reducers.open_room(1, 2)

        assert [each.text for each in conn.db[Line]] == ["hi"]
        assert [*conn.db[Room]] == [Room(1, 2)]


def test_a_subscription_ends(server: Running) -> None:
    with connect(server) as conn:
        sub = conn.subscribe("SELECT * FROM line")
        conn.reducers.say(1, "hi")
        sub.close()
        gone = [*conn.db.line]
        conn.reducers.say(1, "again")

        assert gone == [*conn.db.line] == []


def test_a_token_gives_the_same_identity_again(server: Running) -> None:
    with connect(server) as first:
        token, identity = first.token, first.identity
    with connect(server, token=token) as second:
        assert (second.identity, second.token) == (identity, token)
    with pytest.raises(AccessError, match="refused: 401"):
        connect(server, token="no.token.this")


def test_a_database_that_is_not_there(server: Running) -> None:
    with pytest.raises(NotFoundError, match="no such database"):
        qsdb.client.connect(url_of(server), "nothing", module=chatting)


def test_a_module_may_refuse() -> None:
    module = qsdb.Module("shy")

    @module.client_connected
    def connected(ctx: qsdb.ReducerContext) -> None:
        raise qsdb.ReducerError(f"not you, {ctx.sender.to_hex()[:4]}")

    with (
        qsdb.Database(module) as db,
        serving({"shy": db}) as server,
        pytest.raises(AccessError, match="not you, c200"),
    ):
        qsdb.client.connect(url_of(server), "shy", module=module)


def test_another_module_is_refused(server: Running) -> None:
    module = qsdb.Module("chatting")

    class Room(qsdb.Row, module=module, public=True):
        id: qsdb.u16 = qsdb.primary_key()
        level: str

    with pytest.raises(SchemaError, match=r"table room is .*level: i32.*level: str"):
        connect(server, module=module)


def test_without_a_module(server: Running) -> None:
    with connect(server, module=None) as conn:
        sub = conn.subscribe("SELECT * FROM room", "SELECT text FROM line")
        conn.reducers.open_room(3, -5)
        given = conn.reducers.say(room=3, text="hi")

        assert given == 1
        assert [row._asdict() for row in conn.db.room] == [{"id": 3, "level": -5}]
        assert sub.rows == [(3, -5), ("hi",)]


def test_in_an_event_loop(server: Running) -> None:
    async def talk() -> list[Any]:
        conn: AsyncConnection
        async with await qsdb.client.connect_async(
            url_of(server), "chat", module=chatting, confirmed=False
        ) as conn:
            sub = await conn.subscribe("SELECT * FROM line")
            calls = [conn.reducers.say(1, f"{n}") for n in range(20)]
            ids = await asyncio.gather(*calls)
            assert [each.id for each in sub.rows] == ids
            rows = await conn.sql("SELECT * FROM line WHERE id > 18")
            await sub.close()
            return [row.text for row in rows]

    assert asyncio.run(talk()) == ["18", "19"]


@pytest.mark.slow
def test_a_connection_of_which_nothing_is_heard_is_lost(server: Running) -> None:
    port = urlsplit(server.address).port
    assert port is not None
    with CuttingProxy(port) as proxy:
        url = f"ws://127.0.0.1:{proxy.port}"
        quick: Any = {"silence_timeout": 0.5, "close_timeout": 0.1, "delay_min": 0.01}
        with qsdb.client.connect(url, "chat", module=chatting, **quick) as conn:
            lost, there = Heard(), Heard()
            conn.on_disconnect(lost)
            conn.on_reconnect(there)
            conn.subscribe("SELECT * FROM line")
            proxy.requests.is_shut = proxy.answers.is_shut = True
            [[error]] = lost.wait_for(1)
            proxy.cut()
            there.wait_for(1)
            assert conn.reducers.say(1, "again") == 1

    assert isinstance(error, NotConnectedError)


class Restarted:
    """A server that goes and comes back at the same port, with the same key."""

    def __init__(self, db: qsdb.Database, path: Path) -> None:
        self._db = db
        self._directory = open_directory(str(path))
        self._stack = contextlib.ExitStack()
        self._port = 0

    def start(self) -> Running:
        service = service_of({"chat": self._db}, directory=self._directory)
        server = Running(service, host="127.0.0.1", port=self._port)
        self._stack.enter_context(running(server))
        self._port = int(server.address.rpartition(":")[2])
        return server

    def stop(self) -> None:
        self._stack.close()


@pytest.mark.slow
def test_a_server_that_comes_back_finds_its_clients_again(
    db: qsdb.Database, tmp_path: Path
) -> None:
    restarted = Restarted(db, tmp_path)
    server = restarted.start()
    heard, back, lost = Heard(), threading.Event(), threading.Event()
    with connect(server, delay_min=0.01, delay_max=0.05) as conn:
        conn.on_reconnect(back.set)
        conn.on_disconnect(lambda _: lost.set())
        conn.subscribe("SELECT * FROM room", "SELECT text FROM line")
        conn.reducers.open_room(1, 1)
        conn.reducers.open_room(2, 2)
        restarted.stop()
        assert lost.wait(SECONDS)
        with pytest.raises((NotConnectedError, UnansweredError)):
            conn.reducers.visit()
        db.call("open_room", 1, 5)
        db.call("say", 1, "meanwhile")
        conn.db[Room].on_update(lambda event, old, new: heard(event.kind, old, new))
        conn.db[Room].on_insert(lambda event, row: heard(event.kind, row))
        restarted.start()
        try:
            assert back.wait(SECONDS)
            conn.reducers.open_room(3, 3)

            assert heard.wait_for(2) == [
                ("applied", Room(1, 1), Room(1, 5)),
                ("reducer", Room(3, 3)),
            ]
            assert {*conn.db[Room]} == {Room(1, 5), Room(2, 2), Room(3, 3)}
        finally:
            restarted.stop()


def test_a_database_that_is_closed_ends_connections(db: qsdb.Database) -> None:
    with serving({"chat": db}) as server:
        lost = threading.Event()
        with connect(server, reconnect=False) as conn:
            conn.on_disconnect(lambda _: lost.set())
            conn.subscribe("SELECT * FROM room")
            db.close()
            assert lost.wait(SECONDS)
            with pytest.raises(ClosedError, match="closed"):
                conn.reducers.visit()


def test_connections_are_cut_under_load(db: qsdb.Database, server: Running) -> None:
    """Whatever is cut when, caches are what the database is, and no call hangs."""
    _cut_under_load(db, server, cuts=2)


@pytest.mark.slow
def test_connections_are_cut_often_under_load(
    db: qsdb.Database, server: Running
) -> None:
    _cut_under_load(db, server, cuts=40)


def _cut_under_load(db: qsdb.Database, server: Running, cuts: int) -> None:
    address = urlsplit(server.address)
    assert address.port is not None
    with (
        CuttingProxy(address.port) as proxy,
        qsdb.client.connect(
            f"ws://127.0.0.1:{proxy.port}",
            "chat",
            module=chatting,
            delay_min=0.001,
            delay_max=0.01,
        ) as conn,
    ):
        back = threading.Semaphore(0)
        conn.on_reconnect(back.release)
        known: dict[int, Line] = {}
        _follow(conn, known)
        sub = conn.subscribe("SELECT * FROM line", "SELECT text FROM line")
        confirmed = Heard()
        for number in range(cuts):
            stop = threading.Event()
            threads = [
                threading.Thread(target=_say, args=(conn, stop, confirmed))
                for _ in range(2)
            ]
            for each in threads:
                each.start()
            confirmed.wait_for(5 * (number + 1))
            proxy.cut()
            assert back.acquire(timeout=SECONDS)
            stop.set()
            for each in threads:
                each.join(SECONDS)
                assert not each.is_alive()
            conn.reducers.visit()
            expected = {*db.sql("SELECT * FROM line")}
            assert {*conn.db[Line]} == expected == {*known.values()}
            assert len(sub.rows) == 2 * len(expected)
            assert {*confirmed.told} <= {(each.id,) for each in expected}


def _follow(conn: Connection, known: dict[int, Line]) -> None:
    """Keep what callbacks tell."""

    def came(_: object, row: Line) -> None:
        assert row.id not in known
        known[row.id] = row

    conn.db[Line].on_insert(came)
    conn.db[Line].on_delete(lambda _, row: known.pop(row.id))


def _say(conn: Connection, stop: threading.Event, confirmed: Heard) -> None:
    """Call until told to stop; calls without an answer may have run."""
    while not stop.is_set():
        try:
            confirmed(conn.reducers.say(1, "x"))
        except (NotConnectedError, UnansweredError):
            stop.wait(0.001)
