"""Clients whose WebSockets are broken: frames that are none, on a real socket.

**Strategy**: bad clients upgrade, and then send frames of all kinds: of wrong lengths,
without masks, in pieces, mutated and cut off; some read, some do not, and all vanish. A
good client goes on beside them.

**Invariants**: as of `test_served_fuzzing`; and the server writes no failure into its
log.
"""

import asyncio
import random
import time
from collections.abc import Iterator

import pytest

import qsdb
from qsdb.server.serving import Running
from tests.conftest import _PROFILE
from tests.faults.test_served_crowds import (
    UPGRADE,
    descriptors,
    links,
    notes,
    until,
    write_many,
)
from tests.faults.test_served_fuzzing import V2_FRAMES, mutated
from tests.support.ledger import ledger
from tests.support.served_app import serving
from tests.support.server_failures import no_server_failures
from tests.support.wire_client import connect

pytestmark = pytest.mark.slow

SECONDS = 60 if _PROFILE == "nightly" else 5
TOGETHER = 20
FRAMES_MAX = 12
ANSWER_SECONDS = 30

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


@pytest.fixture
def server() -> Iterator[Running]:
    with (
        qsdb.Database(ledger, scheduler="manual") as db,
        serving({"ledger": db}) as started,
    ):
        yield started


def frame_of(rng: random.Random, opcode: int, data: bytes, *, is_last: bool) -> bytes:
    """Give a frame as RFC 6455 wants it, or nearly so."""
    mask = rng.randbytes(4)
    body = bytes([byte ^ mask[place % 4] for place, byte in enumerate(data)])
    first = (0x80 if is_last else 0) | opcode
    size = len(data) if rng.random() < 0.95 else rng.choice((0, 125, 1 << 40))
    if size < 126:
        head = bytes([first, 0x80 | size])
    elif size < 1 << 16:
        head = bytes([first, 0xFE]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, 0xFF]) + size.to_bytes(8, "big")
    if rng.random() < 0.03:
        return bytes([head[0], head[1] & 0x7F]) + head[2:] + data
    return head + mask + body


def said(rng: random.Random) -> bytes:
    """Give what a client says at once."""
    opcodes = (BINARY,) * 8 + (CONTINUATION, TEXT, CLOSE, PING, PONG, 3, 15)
    opcode, data = rng.choice(opcodes), rng.choice(V2_FRAMES)
    if opcode >= CLOSE:
        data = rng.randbytes(rng.choice((0, 1, 2, 20, 125, 200)))
    elif rng.random() < 0.3:
        data = mutated(rng, data, V2_FRAMES)
    if rng.random() < 0.2:
        cut = rng.randrange(len(data) + 1)
        first = frame_of(rng, opcode, data[:cut], is_last=False)
        return first + frame_of(rng, CONTINUATION, data[cut:], is_last=True)
    frame = frame_of(rng, opcode, data, is_last=True)
    return mutated(rng, frame, [frame]) if rng.random() < 0.1 else frame


async def be_bad(rng: random.Random, host: str, port: int) -> None:
    """Be one bad client, from the beginning to the end."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(UPGRADE)
        if rng.random() < 0.8:
            async with asyncio.timeout(ANSWER_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 101"), head
        for _ in range(rng.randrange(FRAMES_MAX)):
            data = said(rng)
            if rng.random() < 0.2:
                cut = rng.randrange(len(data) + 1)
                writer.write(data[:cut])
                await asyncio.sleep(0)
                data = data[cut:]
            writer.write(data)
    except OSError:
        pass  # it was closed for what it has said
    finally:
        if rng.random() < 0.5:
            writer.transport.abort()
        writer.close()


def test_broken_websockets_harm_nobody(server: Running) -> None:
    seed = random.getrandbits(32) if _PROFILE == "nightly" else 1
    print(f"seed {seed}")
    rng, ends = random.Random(seed), time.monotonic() + SECONDS
    host, _, port = server.address.removeprefix("http://").partition(":")

    async def bad_ones() -> None:
        good = await connect(server.address, "ledger")
        await good.subscribe(0, "SELECT * FROM entry")
        files, number = descriptors(), 0
        while time.monotonic() < ends:
            bad = [be_bad(rng, host, int(port)) for _ in range(TOGETHER)]
            await asyncio.gather(write_many(good, 100 + number, 3), *bad)
            await until(lambda: links(server) == notes(server) == 1, good)
            number += 1
        await until(lambda: descriptors() <= files, good)
        assert +good.known.rows[0] == await good.ask("SELECT * FROM entry")
        (served,) = server.service.host
        stats = served.database.stats()
        assert (stats.live_queries, stats.pins) == (1, 0)
        await good.close()

    with no_server_failures():
        asyncio.run(bad_ones())
