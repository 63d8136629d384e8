"""Very many clients: idle ones beside a busy one, and bursts of those that fail.

**Invariants**:

1. A thousand idle clients are told of what a busy one does, each once, and cost it
   nothing but time.
2. Whoever connects and vanishes, at whatever point, leaves nothing: no link, no note,
   no descriptor, no thread; others are answered meanwhile and afterwards.
"""

import asyncio
import os
import random
import socket
import struct
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest

import qsdb
from qsdb.protocol import server_messages as s
from qsdb.server.serving import Running
from tests.conftest import _PROFILE
from tests.support.ledger import arguments, ledger
from tests.support.served_app import serving
from tests.support.server_failures import no_server_failures
from tests.support.wire_client import WireClient, connect

pytestmark = [
    pytest.mark.slow,
    # What is left open is counted in /proc/self/fd, which other systems do not have.
    pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors there"),
]

IDLE_COUNT = 1_000
ATTEMPTS_COUNT = 10_000 if _PROFILE == "nightly" else 500
TOGETHER = 250
CALLS_COUNT = 50
WAITING_SECONDS = 120
POOL_THREADS_MAX = 64

UPGRADE = (
    b"GET /v1/database/ledger/subscribe HTTP/1.1\r\nHost: x\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: v3.bsatn.spacetimedb\r\n\r\n"
)


@pytest.fixture
def server() -> Iterator[Running]:
    with (
        qsdb.Database(ledger, scheduler="manual") as db,
        serving({"ledger": db}) as started,
    ):
        yield started


def links(server: Running) -> int:
    return len(server.service.subscribing._links)


def notes(server: Running) -> int:
    (served,) = server.service.host
    return len(served.database.sql("SELECT * FROM st_client"))


async def until(condition: Callable[[], bool], client: WireClient) -> None:
    """Ask the server again and again until something is so."""
    async with asyncio.timeout(WAITING_SECONDS):
        while not condition():
            await client.ask("SELECT * FROM total")


async def write_many(client: WireClient, writer: int, count: int) -> None:
    for number in range(count):
        outcome = await client.call("write", arguments(writer, number, "text"))
        assert isinstance(outcome, s.ReducerOk | s.ReducerOkEmpty)


def test_idle_clients_are_told_of_a_busy_one(server: Running) -> None:
    async def crowd() -> None:
        busy = await connect(server.address, "ledger")
        idle: list[WireClient] = []
        while len(idle) < IDLE_COUNT:
            few = [connect(server.address, "ledger") for _ in range(50)]
            idle += await asyncio.gather(*few)
        query = "SELECT * FROM total"
        await asyncio.gather(*[each.subscribe(0, query) for each in idle])
        assert links(server) == IDLE_COUNT + 1

        await write_many(busy, 1, CALLS_COUNT)

        last = await busy.ask(query)
        for client in idle:
            # The answer comes after all that was committed before.
            assert await client.ask(query) == last
            assert +client.known.rows[0] == last
        await asyncio.gather(*[each.close() for each in idle])
        await until(lambda: links(server) == 1, busy)
        await busy.close()

    asyncio.run(crowd())


# Those that fail.


async def say(address: tuple[str, int], data: bytes, *, listens: bool) -> None:
    """Connect, say something, perhaps listen, and reset the connection."""
    try:
        reader, writer = await asyncio.open_connection(*address)
    except OSError:
        return  # too many at once
    try:
        writer.write(data)
        if listens:
            await reader.read(512)
        raw: socket.socket = writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    except OSError:
        pass
    finally:
        writer.transport.abort()


def attempt(rng: random.Random, address: tuple[str, int]) -> Awaitable[None]:
    """Give one attempt that leads to nothing."""
    listens = rng.random() < 0.5
    match rng.randrange(6):
        case 0:
            data = b""
        case 1:
            data = UPGRADE[: rng.randrange(len(UPGRADE))]
        case 2:
            data = UPGRADE
        case 3:
            data = UPGRADE + rng.randbytes(rng.randrange(200))
        case 4:
            data = rng.randbytes(rng.randrange(1, 2_000))
        case _:
            data = UPGRADE.replace(b"ledger", rng.choice((b"..%2f", b"other", b"")))
    return say(address, data, listens=listens and UPGRADE[-4:] in data)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_bursts_of_attempts_leave_nothing(server: Running) -> None:
    seed = random.getrandbits(32) if _PROFILE == "nightly" else 1
    print(f"seed {seed}")
    rng = random.Random(seed)
    host, _, port = server.address.removeprefix("http://").partition(":")

    async def bursts() -> None:
        good = await connect(server.address, "ledger")
        await good.subscribe(0, "SELECT * FROM entry")
        threads, files = threading.active_count(), descriptors()
        for number in range(ATTEMPTS_COUNT // TOGETHER):
            attempts = [attempt(rng, (host, int(port))) for _ in range(TOGETHER)]
            writing = write_many(good, number, 3)
            await asyncio.gather(writing, *attempts)
        await until(lambda: links(server) == notes(server) == 1, good)
        await until(lambda: descriptors() <= files, good)
        assert +good.known.rows[0] == await good.ask("SELECT * FROM entry")
        assert threading.active_count() <= threads + POOL_THREADS_MAX
        await good.close()

    with no_server_failures():
        asyncio.run(bursts())
