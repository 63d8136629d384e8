"""Connections that do not say what they want are cut off; others are not."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

import qsdb
from qsdb.protocol.subprotocols import V3
from qsdb.server import http_heads
from qsdb.server.doors import DoorOptions
from qsdb.server.http_heads import HttpProtocol
from qsdb.server.options import ServerOptions
from tests.support.served_app import serving
from tests.support.websocket_client import WebSocketClient
from tests.unit.server import chatting as c

SECONDS = 30
PING = b"GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"


SHORT_SECONDS = 0.02


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    with (
        qsdb.Database(c.chatting, scheduler="manual") as db,
        serving({"chat": db}) as server,
    ):
        place = urlsplit(server.address)
        assert place.hostname is not None
        yield place.hostname, place.port or 0


@pytest.fixture
def is_short(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have heads that are begun from now on be cut off soon."""
    return lambda: monkeypatch.setattr(http_heads, "HEAD_SECONDS", SHORT_SECONDS)


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=SECONDS)


def ping(connection: socket.socket) -> None:
    """Ask, and read the answer, which has no body."""
    connection.sendall(PING)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096)
    assert data.startswith(b"HTTP/1.1 200"), data


def is_cut_off(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_who_says_nothing_is_cut_off(
    address: tuple[str, int], is_short: Callable[[], None]
) -> None:
    is_short()
    with connect(address) as connection:
        assert is_cut_off(connection)


def test_who_says_half_a_head_is_cut_off(
    address: tuple[str, int], is_short: Callable[[], None]
) -> None:
    is_short()
    with connect(address) as connection:
        connection.sendall(PING[:-2])

        assert is_cut_off(connection)


def test_who_says_half_of_the_next_head_is_cut_off(
    address: tuple[str, int], is_short: Callable[[], None]
) -> None:
    with connect(address) as connection:
        ping(connection)
        is_short()
        connection.sendall(PING[:-1])

        assert is_cut_off(connection)


def test_between_two_requests_there_is_more_time(
    address: tuple[str, int], is_short: Callable[[], None]
) -> None:
    with connect(address) as connection:
        ping(connection)
        is_short()
        connection.settimeout(3 * SHORT_SECONDS)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(SECONDS)
        ping(connection)


class Unread(asyncio.Transport):
    """Stands for a socket whose other side reads when it is told to."""

    def __init__(self) -> None:
        super().__init__({"sslcontext": None})
        self.left = 0
        self.cut = asyncio.Event()

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        assert high == 0

    def get_write_buffer_size(self) -> int:
        return self.left

    def abort(self) -> None:
        self.cut.set()

    def close(self) -> None: ...


def test_who_reads_nothing_of_an_answer_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run() -> None:
        config = uvicorn.Config(cast(Any, None))
        config.load()
        protocol, slow = HttpProtocol(config, ServerState(), {}), Unread()
        protocol.connection_made(slow)
        protocol.pause_writing()
        protocol.resume_writing()
        slow.left = 100
        protocol.pause_writing()
        for left in (99, 98):
            slow.left = left
            before = protocol._unread_timer
            while protocol._unread_timer is before:
                await asyncio.sleep(0.001)
            assert not slow.cut.is_set()
        await asyncio.wait_for(slow.cut.wait(), SECONDS)
        protocol.connection_lost(None)

    monkeypatch.setattr(http_heads, "UNREAD_SECONDS", 0.01)
    asyncio.run(run())


@pytest.mark.slow
def test_an_answer_that_is_not_read_is_given_up(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_heads, "UNREAD_SECONDS", 0.1)
    with connect(address) as connection:
        ask = b"GET /v1/database/chat/schema?version=10 HTTP/1.1\r\nHost: x\r\n\r\n"
        with pytest.raises(OSError):  # noqa: PT011  of the system, in its words
            for _ in range(10_000):
                connection.sendall(ask * 100)


# How many.


def crowded_door() -> ServerOptions:
    return ServerOptions(door=DoorOptions(connections_each_max=2, unbounded=()))


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(4096):
        data += more
    return data


def test_an_address_that_has_all_its_connections_is_told_so() -> None:
    with (
        qsdb.Database(c.chatting, scheduler="manual") as db,
        serving({"chat": db}, options=crowded_door()) as server,
    ):
        place = urlsplit(server.address)
        assert place.hostname is not None
        address = place.hostname, place.port or 0
        first, second = connect(address), connect(address)
        for each in (first, second):
            ping(each)
        with connect(address) as third:
            head, _, body = read_all(third).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        assert b"retry-after: 5" in head.split(b"\r\n")
        assert body == (
            b"this address has 2 connections of HTTP, and no more are allowed at once"
        )
        ping(first)  # the others are as they were
        with connect_from("127.0.0.2", address) as other:
            ping(other)
        first.close()
        _wait_for_room(address)
        second.close()


def connect_from(own: str, address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=SECONDS, source_address=(own, 0))


def _wait_for_room(address: tuple[str, int]) -> None:
    """Try until the server has seen that a connection has gone."""
    for _ in range(1000):
        with connect(address) as again, contextlib.suppress(ConnectionError):
            again.sendall(PING)
            if again.recv(12) == b"HTTP/1.1 200":
                return
    raise AssertionError("there is no room again")


def test_websockets_are_counted_apart_and_a_header_is_not_believed() -> None:
    with (
        qsdb.Database(c.chatting, scheduler="manual") as db,
        serving({"chat": db}, options=crowded_door()) as server,
    ):
        place = urlsplit(server.address)
        assert place.hostname is not None
        address = place.hostname, place.port or 0
        path = "/v1/database/chat/subscribe"
        pretended = [{"X-Forwarded-For": f"192.0.2.{n}"} for n in range(3)]
        clients = [
            WebSocketClient(*address, path, V3.name, each) for each in pretended[:2]
        ]
        with pytest.raises(ConnectionError, match="429 this address has 2 WebSockets"):
            WebSocketClient(*address, path, V3.name, pretended[2])
        with connect(address) as one, connect(address) as other:
            ping(one)
            ping(other)
        for each in clients:
            each.close()
    door = server.service.door
    assert (len(door.connections), len(door.sockets), len(door.requests)) == (0, 0, 0)
