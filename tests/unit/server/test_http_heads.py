"""Connections that do not say what they want are cut off; others are not."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import uvicorn
from uvicorn.server import ServerState

import qsdb
from qsdb.server import http_heads
from qsdb.server.http_heads import HttpProtocol
from tests.support.served_app import serving
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
