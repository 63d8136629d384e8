"""Staying connected: what is lost is made again, with waits, until it is of no use."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import qsdb.client
from qsdb.client import NotConnectedError, UnansweredError
from qsdb.client.addresses import address_of
from qsdb.client.connections import Connection
from qsdb.client.conversation import Conversation
from qsdb.client.links import Link
from qsdb.client.schema_checks import SchemaCheck
from qsdb.client.settings import Settings
from qsdb.client.sockets import Socket, open_socket
from qsdb.errors import ClosedError, QsdbError
from qsdb.protocol.protocol_error import ProtocolError
from tests.support.scripted_server import Peer, ScriptedServer
from tests.unit.client.scripts import ANN, BOB, USERS, greet, serve_users, seven
from tests.unit.client.talk import KNOWN, User, applied, hall, transaction

SECONDS = 20


class Waits:
    """Stands for time: waits end when the test lets them.

    Attributes:
        delays: How long was to be waited, in order.
    """

    def __init__(self, *, free: bool = False) -> None:
        self.delays: list[float] = []
        self.begun = threading.Semaphore(0)
        self._go = threading.Event()
        if free:
            self._go.set()

    async def sleep(self, seconds: float) -> None:
        self.delays.append(seconds)
        self.begun.release()
        await asyncio.to_thread(self._go.wait, SECONDS)

    def go(self) -> None:
        self._go.set()


class Watch:
    """Notes what is told of a connection."""

    def __init__(self, conn: Connection) -> None:
        self.errors: list[str] = []
        self.lost, self.back = threading.Semaphore(0), threading.Semaphore(0)
        conn.on_disconnect(self._lost)
        conn.on_reconnect(self.back.release)

    def _lost(self, error: QsdbError) -> None:
        self.errors.append(f"{type(error).__name__}: {error}")
        self.lost.release()


def arrives(semaphore: threading.Semaphore) -> bool:
    return semaphore.acquire(timeout=SECONDS)


class Lives:
    """A script for each connection of one client; the last goes on for ever."""

    def __init__(self, *scripts: Any) -> None:
        self._scripts = [*scripts]

    async def __call__(self, peer: Peer) -> None:
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        await script(peer)


@contextmanager
def living(*scripts: Any, waits: Waits, **options: Any) -> Iterator[Connection]:
    with (
        ScriptedServer(Lives(*scripts)) as server,
        qsdb.client.connect(
            server.url, "hall", module=hall, sleep=waits.sleep, **options
        ) as conn,
    ):
        yield conn
        waits.go()


async def cut(peer: Peer) -> None:
    await serve_users(peer)
    await peer.receive()
    peer.cut()


async def other_users(peer: Peer) -> None:
    await peer.greet("another")
    asked = await peer.receive()
    await peer.send(applied(asked, [(1, "anne", 0, None), BOB]))
    while True:
        await peer.send(seven(await peer.receive()))


def test_it_is_made_again_and_differences_are_told() -> None:
    waits = Waits()
    told: list[Any] = []
    with living(cut, other_users, waits=waits, draw=lambda: 1.0) as conn:
        watch = Watch(conn)
        conn.subscribe(USERS)
        conn.db[User].on_insert(lambda event, row: told.append((event.kind, row.name)))
        conn.db[User].on_update(
            lambda event, old, new: told.append((event.kind, old.name, new.name))
        )
        with pytest.raises(UnansweredError, match="without a word from the server"):
            conn.reducers.quiet()
        assert arrives(watch.lost)
        assert arrives(waits.begun)
        with pytest.raises(NotConnectedError, match="is being made again"):
            conn.reducers.quiet()
        away = [each.name for each in conn.db[User]], conn.is_connected
        waits.go()
        assert arrives(watch.back)

        assert conn.reducers.rename(1) == 7
        assert away == (["ann"], False)
        assert [each.name for each in conn.db[User]] == ["anne", "bob"]
        assert conn.token == "made"
    assert told == [("applied", "bob"), ("applied", "ann", "anne")]
    assert waits.delays == [0.25]
    assert len(watch.errors) == 1


def test_waits_grow_while_the_server_is_away() -> None:
    waits = Waits(free=True)

    async def refuse(peer: Peer) -> None:
        await peer.close(1013, "later")

    scripts = [cut, refuse, refuse, refuse, other_users]
    with living(*scripts, waits=waits, draw=lambda: 1.0) as conn:
        watch = Watch(conn)
        conn.subscribe(USERS)
        with pytest.raises(UnansweredError):
            conn.reducers.quiet()
        assert arrives(watch.back)

    assert waits.delays == [0.25, 0.5, 1.0, 2.0]
    assert len(watch.errors) == 1


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (b"\0\xff", "ProtocolError: server message, byte 0: tag is 255"),
        (b"", "ProtocolError: frame, byte 0: it is empty"),
        ("text", "ProtocolError: frame, byte 0: it is a text"),
        (b"\0" + transaction((9, USERS, [ANN], [])).encode(), "no query set 9"),
        (b"\0" + bytes(2000), "NotConnectedError"),
    ],
    ids=["tag", "empty", "text", "set", "long"],
)
def test_what_is_no_message_ends_it_and_it_is_made_again(bad: Any, match: str) -> None:
    waits = Waits(free=True)

    async def lie(peer: Peer) -> None:
        await serve_users(peer)
        await peer.send_raw(bad)
        await peer.until_gone()

    with living(lie, other_users, waits=waits, message_bytes_max=1000) as conn:
        watch = Watch(conn)
        conn.subscribe(USERS)
        assert arrives(watch.back)

        assert len(conn.db[User]) == 2
    assert match in watch.errors[0]
    assert len(waits.delays) == 1


def test_a_server_that_lies_each_time_is_not_asked_without_a_wait() -> None:
    waits = Waits(free=True)

    async def lie(peer: Peer) -> None:
        await peer.greet()
        await peer.send_raw(b"\0\xff")
        await peer.until_gone()

    with living(lie, lie, lie, lie, greet, waits=waits, draw=lambda: 1.0):
        for _ in range(4):
            assert arrives(waits.begun)

    assert waits.delays == [0.25, 0.5, 1.0, 2.0]


def test_a_refusal_ends_it_for_good() -> None:
    waits = Waits(free=True)

    async def refuse(peer: Peer) -> None:
        await peer.close(1008, "your token has ended")

    with living(cut, refuse, waits=waits) as conn:
        watch = Watch(conn)
        conn.subscribe(USERS)
        with pytest.raises(UnansweredError):
            conn.reducers.quiet()
        assert arrives(watch.lost)
        assert arrives(watch.lost)
        conn._thread.wait(asyncio.sleep(0), SECONDS)
        with pytest.raises(ClosedError, match="was refused: your token has ended"):
            conn.reducers.quiet()

        assert [each.name for each in conn.db[User]] == ["ann"]
    assert [each.split(":")[0] for each in watch.errors] == [
        "NotConnectedError",
        "AccessError",
    ]


def test_without_reconnect_it_ends_when_it_is_lost() -> None:
    waits = Waits(free=True)
    with living(cut, waits=waits, reconnect=False) as conn:
        watch = Watch(conn)
        conn.subscribe(USERS)
        with pytest.raises(UnansweredError):
            conn.reducers.quiet()
        assert arrives(watch.lost)
        conn._thread.wait(asyncio.sleep(0), SECONDS)
        with pytest.raises(ClosedError, match="without a word"):
            conn.reducers.quiet()

    assert waits.delays == []
    assert len(watch.errors) == 1


def test_it_can_be_closed_while_it_waits_to_be_made_again() -> None:
    waits = Waits()
    with living(cut, greet, waits=waits) as conn:
        conn.subscribe(USERS)
        with pytest.raises(UnansweredError):
            conn.reducers.quiet()
        assert arrives(waits.begun)
        conn.close()

        assert conn.is_closed
        assert len(waits.delays) == 1


def test_callbacks_of_connections_can_be_taken_out() -> None:
    waits = Waits(free=True)
    told: list[object] = []
    with living(cut, other_users, waits=waits) as conn:
        watch = Watch(conn)
        conn.on_disconnect(told.append)()
        conn.on_reconnect(lambda: told.append(1))()
        conn.subscribe(USERS)
        with pytest.raises(UnansweredError):
            conn.reducers.quiet()
        assert arrives(watch.back)

    assert told == []


def test_what_cannot_be_taken_in_ends_the_connection(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    waits = Waits(free=True)

    async def twice(peer: Peer) -> None:
        asked = await serve_users(peer)
        await peer.send(transaction((asked.query_set_id, USERS, [BOB], [])))
        await peer.until_gone()

    def fail(*_: object) -> None:
        raise KeyError("a fault of ours")

    with living(twice, other_users, waits=waits) as conn:
        watch = Watch(conn)
        sets = conn._client.conversation._sets
        monkeypatch.setattr(sets, "update", fail)
        conn.subscribe(USERS)
        assert arrives(watch.back)

    assert "a fault of ours" in caplog.text
    assert "to take it in raised KeyError" in watch.errors[0]


def test_settings_that_raise_end_the_connection(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def draw() -> float:
        raise ZeroDivisionError

    waits = Waits(free=True)
    with living(cut, greet, waits=waits, draw=draw) as conn:
        watch = Watch(conn)
        conn.subscribe(USERS)
        with pytest.raises(UnansweredError):
            conn.reducers.quiet()
        assert arrives(watch.lost)
        assert arrives(watch.lost)

    assert "a connection has failed" in caplog.text


# Sockets.


def in_loop(server: ScriptedServer, work: Any) -> Any:
    async def run() -> Any:
        socket = await open_socket(address_of(server.url, "hall"), None, Settings())
        try:
            return await work(socket)
        finally:
            await socket.close()

    return asyncio.run(run())


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    async def quiet(peer: Peer) -> None:
        await peer.until_gone()

    with (
        ScriptedServer(quiet) as server,
        pytest.raises(NotConnectedError, match=r"said nothing for 0.01 seconds"),
    ):
        in_loop(server, lambda socket: socket.receive_first(0.01))


def test_nothing_can_be_sent_to_who_has_gone() -> None:
    async def gone(peer: Peer) -> None:
        await peer.close(1001, "bye")

    async def send(socket: Any) -> None:
        with pytest.raises(NotConnectedError, match="closed it: 1001 bye"):
            await socket.receive()
        await socket.send(b"x")

    with (
        ScriptedServer(gone) as server,
        pytest.raises(NotConnectedError, match="closed it: 1001 bye"),
    ):
        in_loop(server, send)


def test_a_first_frame_that_lies_is_told_to_who_connects() -> None:
    async def lie(peer: Peer) -> None:
        await peer.send_raw(b"\0\4\0\0\0\0")
        await peer.until_gone()

    with (
        ScriptedServer(lie) as server,
        pytest.raises(ProtocolError, match=r"TransactionUpdate.*before InitialConn"),
    ):
        qsdb.client.connect(server.url, "hall", module=hall)


def test_redirects_are_not_followed() -> None:
    with ScriptedServer(greet) as server:
        server.refusal = (307, "elsewhere")
        with pytest.raises(NotConnectedError, match="does not connect: 307 elsewhere"):
            qsdb.client.connect(server.url, "hall", "token", hall)


def test_a_server_that_is_not_there() -> None:
    address = address_of("ws://127.0.0.1:1", "hall")
    with pytest.raises(NotConnectedError, match=r"no connection to 127.0.0.1:1: "):
        asyncio.run(open_socket(address, None, Settings()))


def test_connecting_may_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = threading.Event()

    async def quiet(peer: Peer) -> None:
        await peer.until_gone()
        gone.set()

    async def connect(url: str) -> None:
        waits = asyncio.Event()

        async def receive_first(*_: object) -> bytes:
            waits.set()
            await asyncio.Event().wait()
            raise AssertionError

        monkeypatch.setattr(Socket, "receive_first", receive_first)
        work = qsdb.client.connect_async(url, "hall", module=hall)
        task = asyncio.create_task(work)
        await asyncio.wait_for(waits.wait(), SECONDS)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with ScriptedServer(quiet) as server:
        asyncio.run(connect(server.url))
        assert gone.wait(SECONDS)


def test_connecting_may_be_cancelled_at_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = threading.Event()

    async def script(peer: Peer) -> None:
        await greet(peer)
        gone.set()

    async def cancelled(_: float) -> None:
        raise asyncio.CancelledError

    async def connect(url: str) -> None:
        monkeypatch.setattr("qsdb.client.links.asyncio.sleep", cancelled)
        with pytest.raises(asyncio.CancelledError):
            await qsdb.client.connect_async(url, "hall", module=hall)
        monkeypatch.undo()

    with ScriptedServer(script) as server:
        asyncio.run(connect(server.url))


def test_a_link_without_a_connection_is_closed_at_once() -> None:
    conversation = Conversation(KNOWN, None, 1)
    check = SchemaCheck("hall", {})
    link = Link(conversation, address_of("ws://h", "hall"), Settings(), check)
    asyncio.run(link.close())
