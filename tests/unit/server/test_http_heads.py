"""Connections that do not say what they want are cut off; others are not."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

import qsdb
from qsdb.server import http_heads
from tests.support.served_app import serving
from tests.unit.server import chatting as c

SECONDS = 30
PING = b"GET /v1/ping HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    monkeypatch.setattr(http_heads, "HEAD_SECONDS", 0.05)
    with (
        qsdb.Database(c.chatting, scheduler="manual") as db,
        serving({"chat": db}) as server,
    ):
        place = urlsplit(server.address)
        assert place.hostname is not None
        address = place.hostname, place.port or 0
        with socket.create_connection(address, timeout=SECONDS) as connected:
            yield connected


def answer(connection: socket.socket) -> bytes:
    """Read the answer to a ping, which has no body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(4096)
    return data


def is_cut_off(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_who_says_nothing_is_cut_off(connection: socket.socket) -> None:
    assert is_cut_off(connection)


def test_who_says_half_a_head_is_cut_off(connection: socket.socket) -> None:
    connection.sendall(PING[:10])
    connection.sendall(PING[10:-2])

    assert is_cut_off(connection)


def test_who_says_half_of_the_next_head_is_cut_off(connection: socket.socket) -> None:
    connection.sendall(PING)
    assert answer(connection).startswith(b"HTTP/1.1 200")
    connection.sendall(PING[:-1])

    assert is_cut_off(connection)


def test_between_two_requests_there_is_more_time(connection: socket.socket) -> None:
    connection.sendall(PING)
    assert answer(connection).startswith(b"HTTP/1.1 200")
    connection.settimeout(4 * http_heads.HEAD_SECONDS)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(SECONDS)
    connection.sendall(PING)

    assert answer(connection).startswith(b"HTTP/1.1 200")
