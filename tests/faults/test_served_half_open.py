"""Clients of which nothing more is heard, that are gone mid-call, or too many at once.

**Invariants**:

1. A client whose network swallows everything, so that no end of it is told, is dropped
   after it was silent for long; its module is told that it has gone.
2. A client that vanishes while its calls run leaves nothing: no link, no note, no
   descriptor. Each call has run once or not at all, and none was begun behind one that
   was not.
3. Of clients that come at once only as many are let in as may be there; the others are
   told to come later.
4. Others are answered and told of all meanwhile.
"""

import asyncio
import contextlib
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest

import qsdb
from qsdb.protocol.client_messages import (
    CallProcedure,
    CallReducer,
    ClientMessage,
    Subscribe,
    encode_client_message,
)
from qsdb.protocol.subprotocols import V3
from qsdb.server import websocket_protocol
from qsdb.server.app import service_of
from qsdb.server.doors import DoorOptions
from qsdb.server.options import ServerOptions
from qsdb.server.serving import Running
from tests.conftest import _PROFILE
from tests.support.cutting_proxy import CuttingProxy
from tests.support.ledger import Entry, arguments, ledger
from tests.support.served_app import running, serving
from tests.support.server_failures import no_server_failures
from tests.support.websocket_client import WebSocketClient
from tests.support.wire_client import WireClient, connect

pytestmark = [
    pytest.mark.slow,
    # What is left open is counted in /proc/self/fd, which other systems do not have.
    pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors there"),
]

WAITING_SECONDS = 120
VANISHING_COUNT = 2_000 if _PROFILE == "nightly" else 100
CROWD_COUNT = 5_000 if _PROFILE == "nightly" else 400
ROOM_COUNT = 50
ROOM = ServerOptions(door=DoorOptions(connections_max=ROOM_COUNT))
PATH = "/v1/database/ledger/subscribe"


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(ledger, scheduler="manual") as db:
        yield db


@pytest.fixture
def server(db: qsdb.Database) -> Iterator[Running]:
    with serving({"ledger": db}) as started, no_server_failures():
        yield started


def port_of(server: Running) -> int:
    port = urlsplit(server.address).port
    assert port is not None
    return port


def count_of(server: Running) -> tuple[int, int]:
    """Count the links of a server, and the clients that the database has noted."""
    (served,) = server.service.host
    noted = served.database.sql("SELECT * FROM st_client")
    return len(server.service.subscribing._links), len(noted)


async def until(is_so: Callable[[], bool], client: WireClient) -> None:
    """Ask the server again and again until something is so."""
    async with asyncio.timeout(WAITING_SECONDS):
        while not is_so():
            await client.ask("SELECT * FROM total")


def test_a_half_open_client_is_dropped_and_others_are_told(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_protocol, "SILENT_SECONDS", 1.0)

    async def main(proxy: CuttingProxy) -> None:
        good = await connect(server.address, "ledger")
        await good.subscribe(0, "SELECT * FROM entry")
        lost = [
            await connect(f"http://127.0.0.1:{proxy.port}", "ledger") for _ in range(5)
        ]
        for each in lost:
            await each.subscribe(0, "SELECT * FROM entry")
        assert count_of(server) == (6, 6)

        proxy.requests.is_shut = proxy.answers.is_shut = True
        for number in range(20):
            await good.call("write", arguments(1, number, "x" * 1_000))
        await until(lambda: count_of(server) == (1, 1), good)

        assert +good.known.rows[0] == await good.ask("SELECT * FROM entry")
        assert sum((+good.known.rows[0]).values()) == 20
        proxy.cut()
        await asyncio.gather(*[each.close() for each in (*lost, good)])

    with CuttingProxy(port_of(server)) as proxy:
        asyncio.run(main(proxy))


# Clients that are gone mid-call.


def calls_of(writer: int) -> list[ClientMessage]:
    """Give what a client asks in one frame before it vanishes."""
    return [
        Subscribe(0, 0, ("SELECT * FROM entry",)),
        *[
            CallReducer(n + 1, 0, "write", arguments(writer, n, "text"))
            for n in range(5)
        ],
        CallProcedure(7, 0, "count", arguments(writer)),
        CallReducer(8, 0, "fail", b""),
        CallReducer(9, 0, "write", arguments(writer, 5, "the last")),
    ]


def vanish(port: int, writer: int) -> None:
    """Ask for much, and reset the connection without waiting for any of it."""
    client = WebSocketClient("127.0.0.1", port, PATH, V3.name)
    frame = b"".join(map(encode_client_message, calls_of(writer)))
    with contextlib.suppress(ConnectionError):
        if writer % 3 == 0:  # a part of a frame
            client.socket.sendall(b"\x82\xfe\xff\xff")
        elif writer % 3 == 1:
            client.send(frame)
        else:
            for each in calls_of(writer):
                client.send(encode_client_message(each))
    linger = struct.pack("ii", 1, 0)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.close()


def test_clients_that_vanish_mid_call_leave_nothing(
    server: Running, db: qsdb.Database
) -> None:
    async def main() -> None:
        good = await connect(server.address, "ledger")
        await good.subscribe(0, "SELECT * FROM entry")
        files = len(os.listdir("/proc/self/fd"))
        for writer in range(2, 2 + VANISHING_COUNT):
            await asyncio.to_thread(vanish, port_of(server), writer)
            if not writer % 10:
                await good.call("write", arguments(1, writer // 10 - 1, "good"))
        await until(lambda: count_of(server) == (1, 1), good)
        await until(lambda: len(os.listdir("/proc/self/fd")) <= files, good)
        rows = await good.ask("SELECT * FROM entry")  # it comes behind what it knows
        assert +good.known.rows[0] == rows
        await good.close()

    asyncio.run(main())

    numbers: dict[int, list[int]] = {}
    with db.read() as tx:
        for entry in tx[Entry]:
            numbers.setdefault(entry.writer, []).append(entry.number)
    assert all(sorted(each) == [*range(len(each))] for each in numbers.values())
    assert numbers.pop(1)
    assert {writer % 3 for writer in numbers} <= {1, 2}
    assert any(len(each) == 6 for each in numbers.values()), "nothing was called"


# Too many at once.


async def knock(port: int, release: asyncio.Event) -> int:
    """Ask to be let in, and stay for a while; give the status."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        head = (
            f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: {V3.name}\r\n\r\n"
        )
        writer.write(head.encode())
        status = int((await reader.readuntil(b"\r\n")).split(b" ")[1])
        if status == 101:
            await release.wait()
        return status
    finally:
        writer.transport.abort()


def test_of_a_crowd_as_many_are_let_in_as_may_be_there(db: qsdb.Database) -> None:
    service = service_of({"ledger": db}, options=ROOM)
    server = Running(service, host="127.0.0.1", port=0)

    async def main() -> None:
        good = await connect(server.address, "ledger")
        release = asyncio.Event()
        port = port_of(server)
        crowd = [
            asyncio.ensure_future(knock(port, release)) for _ in range(CROWD_COUNT)
        ]
        await until(
            lambda: sum(each.done() for each in crowd) == CROWD_COUNT - ROOM_COUNT + 1,
            good,
        )
        assert count_of(server)[0] == ROOM_COUNT
        assert {each.result() for each in crowd if each.done()} == {503}
        release.set()
        assert sum(status == 101 for status in await asyncio.gather(*crowd)) == (
            ROOM_COUNT - 1
        )
        await until(lambda: count_of(server) == (1, 1), good)
        again = await connect(server.address, "ledger")
        await asyncio.gather(again.close(), good.close())

    with running(server), no_server_failures():
        asyncio.run(main())
