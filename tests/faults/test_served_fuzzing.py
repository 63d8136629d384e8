"""Clients of a server that send anything, in any order, and vanish.

**Strategy**: the application is driven without a network. Bad clients send frames that
were recorded, mutated ones and mere bytes, in all versions of the protocol, read or do
not, and vanish in the middle. A good client goes on beside them. One test mutates
frames by chance for a time; the other has Hypothesis choose what happens, and shrink
what goes wrong.

**Invariants**:

1. The application raises nothing, writes no failure of its own into the log, and ends
   each connection.
2. Nothing is left of a client that has gone: no link, query, pinned offset, note in
   ``st_client`` or thread.
3. The good client is answered, and knows the very rows that the database has.
"""

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable, Coroutine, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qsdb
from qsdb.errors import QsdbError
from qsdb.protocol import client_messages as c
from qsdb.protocol import server_messages as s
from qsdb.protocol import tables
from qsdb.protocol import v1_client_messages as v1
from qsdb.server import links, sessions, subscribing
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.peers import SessionOptions
from qsdb.server.subscribing import Subscribing
from tests.conftest import _PROFILE
from tests.support.bare_asgi_sockets import AsgiSocket
from tests.support.ledger import arguments, ledger
from tests.support.mutants import Mutant, planted
from tests.support.server_failures import no_server_failures
from tests.support.wire_client import WireClient

pytestmark = pytest.mark.slow

SECONDS = 300 if _PROFILE == "nightly" else 15
"""So long each of the two tests goes on."""

EXAMPLES_MAX = 20_000 if _PROFILE == "nightly" else 1_500
WAITING_SECONDS = 60
BAD_CLIENTS_MAX = 4
FRAMES_MAX = 12

PROTOCOLS = ("v3", "v2", "v1", "v1.json")
QUERIES = (
    "SELECT * FROM entry",
    "SELECT * FROM total WHERE writer = 7",
    "SELECT entry.* FROM entry JOIN total ON entry.writer = total.writer",
    "SELECT * FROM beginnings",
    "SELECT * FROM bell",
    "SELECT * FROM hidden",
    "SELECT * FROM *",
    "SELECT nonsense",
    "",
)
GOOD_QUERIES = QUERIES[:4]
GOOD_WRITER = 0x5AA5A55A
"""So many bits from all that frames have, that no mutated one writes in its place."""

CALLS = (
    ("write", arguments(7, 0, "first")),
    ("write", arguments(7, 1, "second")),
    ("write", arguments(8, 0, "é" * 100)),
    ("erase", arguments(7, 0)),
    ("fail", b""),
    ("nosuch", b"\x00"),
    ("write", b"\x01\x02"),
    ("connected", b""),
)


def frames_of_v2() -> list[bytes]:
    """Give frames of versions 2 and 3."""
    messages: list[c.ClientMessage] = [
        *[c.Subscribe(n, n % 4, (text,)) for n, text in enumerate(QUERIES)],
        c.Subscribe(20, 9, QUERIES[:5]),
        *[c.Unsubscribe(30 + n, n, n % 2) for n in range(5)],
        *[c.OneOffQuery(40 + n, text) for n, text in enumerate(QUERIES)],
        *[c.CallReducer(50 + n, 0, *call) for n, call in enumerate(CALLS)],
        c.CallProcedure(70, 0, "count", arguments(7)),
        c.CallProcedure(71, 0, "nosuch", b""),
    ]
    return [*map(c.encode_client_message, messages)]


def frames_of_v1() -> list[bytes]:
    """Give frames of version 1."""
    messages: list[v1.V1ClientMessage] = [
        *[v1.CallReducer(*call, n, n % 2) for n, call in enumerate(CALLS)],
        v1.Subscribe(QUERIES[:2], 20),
        *[v1.SubscribeSingle(text, 30 + n, n) for n, text in enumerate(QUERIES)],
        v1.SubscribeMulti(QUERIES[:4], 40, 9),
        *[v1.Unsubscribe(50 + n, n) for n in range(4)],
        v1.UnsubscribeMulti(60, 9),
        *[v1.OneOffQuery(b"\x07", text) for text in QUERIES],
        v1.CallProcedure("count", arguments(7), 70, 0),
    ]
    return [*map(v1.encode_v1_client_message, messages)]


def frames_of_json() -> list[bytes]:
    """Give frames of version 1 in JSON, as bytes of text."""
    messages: list[object] = [
        {"CallReducer": {"reducer": "write", "args": '[7, 0, "x"]', "request_id": 1}},
        {"CallReducer": {"reducer": "fail", "args": "[]", "request_id": 2, "flags": 0}},
        *[
            {"SubscribeSingle": {"query": q, "request_id": n, "query_id": {"id": n}}}
            for n, q in enumerate(QUERIES)
        ],
        {"Unsubscribe": {"request_id": 1, "query_id": {"id": 1}}},
        {"OneOffQuery": {"message_id": "07", "query_string": QUERIES[0]}},
        {"CallProcedure": {"procedure": "count", "args": "[7]", "request_id": 3}},
    ]
    return [json.dumps(each).encode() for each in messages]


V2_FRAMES, V1_FRAMES, JSON_FRAMES = frames_of_v2(), frames_of_v1(), frames_of_json()
FRAMES = {"v3": V2_FRAMES, "v2": V2_FRAMES, "v1": V1_FRAMES, "v1.json": JSON_FRAMES}


def name_of(protocol: str) -> str:
    return f"{protocol if '.' in protocol else f'{protocol}.bsatn'}.spacetimedb"


class World:
    """A server with a good client, in an event loop."""

    def __init__(self, options: SessionOptions) -> None:
        self.db = qsdb.Database(ledger, scheduler="manual", seed=1)
        host = Host({"ledger": self.db})
        self.app = Subscribing(host, Authority(), options=options)
        self.written = 0

    def socket(self, protocol: str) -> AsgiSocket:
        return AsgiSocket(self.app, "ledger", name_of(protocol))

    async def begin(self) -> None:
        """Have a good client."""
        self.inner = socket = self.socket("v3")
        assert await socket.accepted()

        async def receive() -> bytes:
            frame = await socket.hear()
            assert isinstance(frame, bytes)
            return frame

        async def send(frame: bytes) -> None:
            socket.say(frame)

        async def close() -> None:
            socket.vanish()

        self.good = WireClient(receive, send, close)
        for number, query in enumerate(GOOD_QUERIES):
            await self.good.subscribe(number, query)

    async def check(self) -> None:
        """See that nothing is left of others, and the good client is right."""
        outcome = await self.good.call(
            "write", arguments(GOOD_WRITER, self.written, "good")
        )
        assert isinstance(outcome, s.ReducerOk)
        self.written += 1
        for number, query in enumerate(GOOD_QUERIES):
            assert +self.good.known.rows[number] == await self.good.ask(query)
        stats = self.db.stats()
        assert len(self.app._links) == 1
        assert stats.live_queries == len(GOOD_QUERIES)
        assert stats.pins == 0
        assert len(self.db.sql("SELECT * FROM st_client")) == 1

    async def end(self) -> None:
        """End all, and see that nothing is left."""
        self.inner.vanish()
        await self.inner.ended()
        assert not self.app._links
        assert not self.db.stats().live_queries
        assert not len(self.db.sql("SELECT * FROM st_client"))
        await self.app.close()
        self.db.close()
        self.good._listening.cancel()
        await asyncio.gather(self.good._listening, return_exceptions=True)


def in_a_world(
    work: Callable[[World], Coroutine[object, object, None]],
    options: SessionOptions | None = None,
) -> None:
    """Do something with a server; see that no thread is left behind."""
    before = {*threading.enumerate()}

    async def whole() -> None:
        world = World(options or SessionOptions())
        await world.begin()
        await world.check()
        await work(world)
        await world.check()
        await world.end()

    asyncio.run(whole())
    for thread in {*threading.enumerate()} - before:
        thread.join(WAITING_SECONDS)
        assert not thread.is_alive(), thread


def flipped(rng: random.Random, frame: bytes) -> bytes:
    changed = bytearray(frame)
    for _ in range(rng.randrange(1, 5)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def mutated(rng: random.Random, frame: bytes, others: Sequence[bytes]) -> bytes:
    """Damage a frame in one of many ways."""
    place = rng.randrange(len(frame) + 1)
    begin, rest, other = frame[:place], frame[place:], rng.choice(others)
    number = rng.choice((0, 1, 255, 1 << 31, (1 << 32) - 1)).to_bytes(4, "little")
    return rng.choice(
        (
            begin,
            begin + rng.randbytes(rng.randrange(9)) + rest,
            begin + other[rng.randrange(len(other) + 1) :],
            frame + other,
            frame * rng.randrange(2, 50),
            begin + number + rest[4:],
            flipped(rng, frame),
            rng.randbytes(rng.randrange(64)),
        )
    )


def as_sent(protocol: str, frame: bytes, *, is_other: bool) -> bytes | str:
    """Give a frame as text or as bytes; now and then as what it is not to be."""
    if (protocol == "v1.json") != is_other:
        return frame.decode("utf-8", "replace")
    return frame


async def leave(socket: AsgiSocket, rng: random.Random) -> None:
    """Have a client end, at once or after a while."""
    for _ in range(rng.choice((0, 0, 1, 5))):
        await asyncio.sleep(0)
    socket.vanish()
    await socket.ended()


async def be_bad(world: World, rng: random.Random) -> None:
    """Be one bad client, from the beginning to the end."""
    protocol = rng.choice(PROTOCOLS)
    socket = world.socket(protocol)
    if rng.random() < 0.1:
        await leave(socket, rng)
        return
    assert await socket.accepted()
    if rng.random() < 0.2:
        socket.stop_reading()
    frames = FRAMES[protocol]
    for _ in range(rng.randrange(FRAMES_MAX)):
        frame = rng.choice(frames)
        if rng.random() < 0.4:
            frame = mutated(rng, frame, frames)
        socket.say(as_sent(protocol, frame, is_other=rng.random() < 0.02))
        if rng.random() < 0.5:
            await asyncio.sleep(0)
    await leave(socket, rng)


def fuzz(seed: int, seconds: float) -> None:
    """Have bad clients come and go for a time."""
    rng, ends = random.Random(seed), time.monotonic() + seconds

    async def work(world: World) -> None:
        for _ in range(20):
            several = rng.randrange(1, BAD_CLIENTS_MAX + 1)
            await asyncio.gather(*[be_bad(world, rng) for _ in range(several)])
            await world.check()

    while time.monotonic() < ends:
        rows_max = rng.choice((10, 200_000))
        inline_rows = rng.choice((0, 2_000))
        options = SessionOptions(rows_max=rows_max, inline_rows=inline_rows)
        in_a_world(work, options)


def test_frames_that_were_mutated_harm_nobody() -> None:
    seed = random.getrandbits(32) if _PROFILE == "nightly" else 1
    print(f"seed {seed}")
    with no_server_failures():
        fuzz(seed, SECONDS)


MUTANTS = {
    "a link stays": Mutant(
        subscribing, "ended = self._links.pop(link)", "ended = self._links[link]"
    ),
    "queries stay": Mutant(
        sessions, "peer.access.subscriptions.leave(self._queries())", "self._queries()"
    ),
    "notes stay": Mutant(
        sessions, "peer.access.clients.disconnect(peer.sender)", "peer.sender"
    ),
    "a fault is raised": Mutant(
        links, "(fault := reading.exception()) is not None", "reading.result()"
    ),
    "rows go to and fro": Mutant(
        tables, "changes(difference.inserts, ", "changes((), "
    ),
}


@pytest.mark.parametrize("title", MUTANTS)
def test_planted_faults_are_found(title: str, caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level("CRITICAL"),
        planted(MUTANTS[title]),
        pytest.raises((AssertionError, QsdbError, AttributeError, ValueError)),
    ):
        fuzz(1, SECONDS)


STEPS = st.lists(
    st.tuples(
        st.integers(0, BAD_CLIENTS_MAX - 1),
        st.sampled_from(("valid", "valid", "cut", "spliced", "vanish", "stop", "turn")),
        st.integers(0, 1 << 16),
        st.integers(0, 1 << 16),
    ),
    max_size=30,
)


class Crowd:
    """Bad clients that come when they are first needed, and again when they went."""

    def __init__(self, world: World, protocols: Sequence[str]) -> None:
        self._world = world
        self._protocols = protocols
        self._sockets: dict[int, AsgiSocket] = {}

    async def step(self, client: int, what: str, first: int, second: int) -> None:
        """Have one of them do something."""
        protocol = self._protocols[client]
        socket = self._sockets.get(client)
        if socket is None:
            socket = self._sockets[client] = self._world.socket(protocol)
            assert await socket.accepted()
        frames = FRAMES[protocol]
        frame, other = frames[first % len(frames)], frames[second % len(frames)]
        match what:
            case "valid":
                socket.say(as_sent(protocol, frame, is_other=False))
            case "cut":
                cut = frame[: second % len(frame)]
                socket.say(as_sent(protocol, cut, is_other=False))
            case "spliced":
                spliced = frame[: second % len(frame)] + other
                socket.say(as_sent(protocol, spliced, is_other=False))
            case "stop":
                socket.stop_reading()
            case "turn":
                await asyncio.sleep(0)
            case _:
                del self._sockets[client]
                socket.vanish()
                await socket.ended()

    async def end(self) -> None:
        """Have all go."""
        for socket in self._sockets.values():
            socket.vanish()
        for socket in self._sockets.values():
            await socket.ended()


def test_whatever_clients_do_others_are_unharmed() -> None:
    ends, has_failed = time.monotonic() + SECONDS, False

    @settings(
        max_examples=EXAMPLES_MAX,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        steps=STEPS,
        protocols=st.lists(
            st.sampled_from(PROTOCOLS),
            min_size=BAD_CLIENTS_MAX,
            max_size=BAD_CLIENTS_MAX,
        ),
        inline_rows=st.sampled_from((0, 2_000)),
    )
    def histories(
        steps: list[tuple[int, str, int, int]], protocols: list[str], inline_rows: int
    ) -> None:
        nonlocal has_failed
        if time.monotonic() > ends and not has_failed:
            return

        async def work(world: World) -> None:
            crowd = Crowd(world, protocols)
            for step in steps:
                await crowd.step(*step)
            await crowd.end()

        try:
            with no_server_failures():
                in_a_world(work, SessionOptions(inline_rows=inline_rows))
        except BaseException:
            has_failed = True
            raise

    histories()
